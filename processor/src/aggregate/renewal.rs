//! The renewal plan is opened by time, three months before a term ends, and closed when a new one is known.
use super::{Work, history, lifecycle};
use crate::rows::{Hot, Renewal};
use crate::time::rfc3339;

/// The term that is to be renewed next.
pub(crate) struct NextTerm<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// Of the live terms long enough to be planned for, the one that ends first.
pub(crate) fn next_term(hot: &Hot) -> Option<NextTerm<'_>> {
    let live = hot.billing.subscriptions.iter().filter(|s| s.live());
    let terms = live.filter_map(|s| Some(NextTerm { subscription: &s.id, start: s.term_start?, end: s.term_end? }));
    terms
        .filter(|term| lifecycle::is_planned(hot.calendar, term.start, term.end))
        .min_by(|a, b| (a.end, a.subscription).cmp(&(b.end, b.subscription)))
}

/// Opens or closes the plan as of now.
pub(crate) fn advance(work: &mut Work<'_>, hot: &mut Hot) {
    let due = next_term(hot).map(|term| term.end).filter(|end| hot.calendar.day_of(*end) - lifecycle::RENEWAL_DAYS <= work.today);
    if due == hot.renewal.map(|renewal| renewal.term_end) {
        return;
    }
    hot.renewal = due.map(|term_end| Renewal { opened_at: work.at.now, term_end });
    if let Some(renewal) = hot.renewal {
        let end = rfc3339(renewal.term_end);
        let days = hot.calendar.day_of(renewal.term_end) - work.today;
        let title = format!("Renewal plan opened: the term ends in {days} days");
        history::note(work, hot, title, &serde_json::json!({"renewal": {"term_end": end, "days_left": days}}));
    }
}
