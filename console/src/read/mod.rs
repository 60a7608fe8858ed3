//! Questions to the read model, for the API and the pages alike. Every one names its tenant.
pub(crate) mod alerts;
pub(crate) mod backtests;
pub(crate) mod customers;
pub(crate) mod portfolio;
pub(crate) mod renewal;
pub(crate) mod rules;
pub(crate) mod scores;
pub(crate) mod timeline;
pub(crate) mod today;

/// Items, and where the next ones start.
#[derive(Debug)]
pub(crate) struct Page<T, A> {
    pub(crate) items: Vec<T>,
    /// `None` at the end.
    pub(crate) after: Option<A>,
}

impl<T, A> Page<T, A> {
    /// Cuts a read of one item more than `limit` down to it; `mark` is the place of the last item.
    pub(crate) fn cut(mut items: Vec<T>, limit: usize, mark: impl FnOnce(&T) -> A) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let after = if more { items.last().map(mark) } else { None };
        Self { items, after }
    }
}
