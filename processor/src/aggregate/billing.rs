//! Subscriptions and invoices: the source's version decides, in whatever order they arrive; the hot row keeps what the view and the score need.
use super::{Work, mrr, revenue};
use crate::keys::{self, Tag};
use crate::rows::{
    self, Hot, InvoiceRow, Item, Price, PriceCut, RING_DAYS, RevenueBook, SubscriptionLine, SubscriptionRow, SubscriptionStatus,
    UnpaidInvoice,
};
use c360_engine::StateError;
use c360_schemas::{Invoice, Subscription};
use std::cmp::Ordering;

/// Ended subscriptions shown beside the live ones; the rows of older ones stay.
const ENDED_LINES_MAX: usize = 20;
/// Unpaid invoices kept in the hot row; past it the one due last is left out.
const UNPAID_MAX: usize = 200;

/// The row that an event describes.
pub(crate) fn row_of(s: &Subscription<'_>) -> SubscriptionRow {
    let items = s.items.iter().map(|item| Item {
        amount_micros: item.amount_micros,
        quantity: item.quantity,
        interval: item.interval as u8,
        interval_count: item.interval_count,
        metered: item.metered,
        product: item.product.map(Into::into),
    });
    let cuts = s.discounts.iter().filter(|d| d.recurring).map(|d| PriceCut {
        percent_micros: d.percent_micros,
        amount_micros: d.amount_micros,
        ends_at: d.ends_at,
    });
    SubscriptionRow {
        version: s.version,
        status: SubscriptionStatus::parse(s.status),
        currency: s.currency.into(),
        price: Price { items: items.collect(), cuts: cuts.collect() },
        started_at: s.started_at,
        term_start: s.term_start,
        term_end: s.term_end,
        trial_end: s.trial_end,
        cancels_at: s.cancels_at,
        ended_at: s.ended_at,
        cancel_reason: s.cancel_reason.map(Into::into),
    }
}

/// Whether `new` holds over `old`: as of their revenue; where that is the same the greater bytes, so that arrival never decides.
fn beats(work: &Work<'_>, new: &SubscriptionRow, old: &SubscriptionRow) -> Result<bool, StateError> {
    let step = |row| revenue::step_of(row, work.config.billing.count_metered, 0);
    let (new_step, old_step) = (step(new), step(old));
    Ok(match revenue::rank(&new_step).cmp(&revenue::rank(&old_step)) {
        Ordering::Equal => rows::encode(new)? > rows::encode(old)?,
        order => order.is_gt(),
    })
}

/// A subscription's state, told at `at`.
pub(crate) fn subscription(work: &mut Work<'_>, hot: &mut Hot, at: i64, s: &Subscription<'_>) -> Result<(), StateError> {
    let row = row_of(s);
    let step = revenue::step_of(&row, work.config.billing.count_metered, at);
    take_subscription(work, hot, s.id, row)?;
    let key = keys::own(Tag::Revenue, work.key_bytes);
    let mut book: RevenueBook = rows::load(work.state, &key)?.unwrap_or_default();
    revenue::add(&mut book, s.id, step);
    note_revenue(work, hot, &book);
    rows::store(work.state, key, &book)
}

/// The revenue of another customer that turned out to be this one.
pub(crate) fn take_revenue(work: &mut Work<'_>, hot: &mut Hot, other: RevenueBook) -> Result<(), StateError> {
    let key = keys::own(Tag::Revenue, work.key_bytes);
    let mut book: RevenueBook = rows::load(work.state, &key)?.unwrap_or_default();
    revenue::merge(&mut book, other);
    note_revenue(work, hot, &book);
    rows::store(work.state, key, &book)
}

/// Reads the movements anew.
fn note_revenue(work: &Work<'_>, hot: &mut Hot, book: &RevenueBook) {
    hot.billing.movements = revenue::movements(book, work.at.now);
    note_points(hot, work.today);
}

/// The main currency's MRR by day, as the score's trend has it.
fn note_points(hot: &mut Hot, today: i32) {
    let main = mrr::account(&hot.billing).map(|(_, currency)| currency.to_owned());
    hot.billing.mrr_points =
        main.map(|main| revenue::points(&hot.billing.movements, &main, hot.calendar, today - RING_DAYS + 1)).unwrap_or_default();
}

/// Takes a subscription's row in, from an event or a move.
pub(crate) fn take_subscription(work: &mut Work<'_>, hot: &mut Hot, id: &str, new: SubscriptionRow) -> Result<(), StateError> {
    // Even an old version shows that it was paid for.
    if new.status.pays()
        && mrr::price(&new.price, work.config.billing.count_metered, work.at.now).unwrap_or(0) > 0
        && let Some(start) = new.started_at.or(new.term_start)
    {
        let first = &mut hot.billing.first_paid_start;
        *first = Some(first.map_or(start, |known| known.min(start)));
    }
    let key = keys::part(Tag::Subscription, work.key_bytes, id.as_bytes());
    if let Some(old) = rows::load::<SubscriptionRow>(work.state, &key)?
        && !beats(work, &new, &old)?
    {
        return Ok(());
    }
    set_line(work, hot, id, &new);
    rows::store(work.state, key, &new)
}

fn set_line(work: &Work<'_>, hot: &mut Hot, id: &str, row: &SubscriptionRow) {
    let now = work.at.now;
    let line = SubscriptionLine {
        id: id.into(),
        status: row.status,
        currency: row.currency.clone(),
        mrr: mrr::subscription(row, work.config.billing.count_metered, now),
        term_start: row.term_start,
        term_end: row.term_end,
        trial_end: row.trial_end,
        cancels_at: row.cancels_at,
        ended_at: row.ended_at,
        reprice_at: row.price.cuts.iter().filter_map(|cut| cut.ends_at).chain(row.ended_at).filter(|at| *at > now).min(),
    };
    let lines = &mut hot.billing.subscriptions;
    match lines.binary_search_by(|l| l.id.as_str().cmp(id)) {
        Ok(index) => lines[index] = line,
        Err(index) => lines.insert(index, line),
    }
    drop_oldest_ended(lines);
}

fn drop_oldest_ended(lines: &mut Vec<SubscriptionLine>) {
    if lines.iter().filter(|l| !l.live()).count() > ENDED_LINES_MAX {
        let oldest = lines.iter().enumerate().filter(|(_, l)| !l.live()).min_by_key(|(_, l)| l.ended_at).map(|(index, _)| index);
        lines.remove(oldest.unwrap_or(0));
    }
}

/// Of the points before the window only the last is needed: it holds at the window's beginning.
pub(crate) fn age(hot: &mut Hot, today: i32) {
    let points = &mut hot.billing.mrr_points;
    let in_window = points.partition_point(|p| p.day <= today - RING_DAYS + 1);
    points.drain(..in_window.saturating_sub(1));
}

/// Prices that change by time alone: discounts that ran out.
pub(crate) fn reprice(work: &mut Work<'_>, hot: &mut Hot) -> Result<(), StateError> {
    let due = |line: &&SubscriptionLine| line.reprice_at.is_some_and(|at| at <= work.at.now);
    let ids: Vec<String> = hot.billing.subscriptions.iter().filter(due).map(|line| line.id.clone()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for id in ids {
        if let Some(row) = rows::load(work.state, &keys::part(Tag::Subscription, work.key_bytes, id.as_bytes()))? {
            set_line(work, hot, &id, &row);
        }
    }
    if let Some(book) = rows::load::<RevenueBook>(work.state, &keys::own(Tag::Revenue, work.key_bytes))? {
        note_revenue(work, hot, &book);
    }
    Ok(())
}

/// When the next price changes by time alone.
pub(crate) fn next_reprice(hot: &Hot) -> Option<i64> {
    hot.billing.subscriptions.iter().filter_map(|line| line.reprice_at).min()
}

const PAID: u8 = 4;

/// An invoice's states, in the order in which they win at one version.
fn settled(status: &str) -> u8 {
    match status {
        "paid" => PAID,
        "void" => 3,
        "uncollectible" => 2,
        "open" => 1,
        _ => 0,
    }
}

/// An invoice's state, told at `at`.
pub(crate) fn invoice(work: &mut Work<'_>, hot: &mut Hot, at: i64, invoice: &Invoice<'_>) -> Result<(), StateError> {
    let new = InvoiceRow {
        version: invoice.version,
        settled: settled(invoice.status),
        remaining: invoice.amount_remaining,
        due_at: invoice.due_at,
        currency: invoice.currency.into(),
        failures_told: u32::from(invoice.attempt_failed),
        tries: if invoice.attempt_failed { u32::try_from(invoice.attempt_count.max(0)).unwrap_or(u32::MAX) } else { 0 },
        failed_version: invoice.attempt_failed.then_some(invoice.version),
        failed_last: invoice.attempt_failed && invoice.next_attempt_at.is_none(),
        paid_at: (settled(invoice.status) == PAID).then_some(at),
    };
    take_invoice(work, hot, invoice.id, new)
}

/// Takes an invoice's row in, from an event or a move.
pub(crate) fn take_invoice(work: &mut Work<'_>, hot: &mut Hot, id: &str, new: InvoiceRow) -> Result<(), StateError> {
    let key = keys::part(Tag::Invoice, work.key_bytes, id.as_bytes());
    let row = match rows::load::<InvoiceRow>(work.state, &key)? {
        Some(old) => merge_invoices(old, new),
        None => new,
    };
    hot.billing.invoices_known = true;
    if row.failures_told > 0 || row.tries > 0 {
        hot.billing.recovered_at = hot.billing.recovered_at.max(row.paid_at);
    }
    let unpaid = &mut hot.billing.unpaid;
    let place = unpaid.binary_search_by(|l| l.id.as_str().cmp(id));
    if row.settled == 1 && row.remaining > 0 {
        let line = UnpaidInvoice {
            id: id.into(),
            due_at: row.due_at,
            currency: row.currency.clone(),
            remaining: row.remaining,
            failed_tries: row.failures_told.max(row.tries),
            failed_last: row.failed_last,
        };
        match place {
            Ok(index) => unpaid[index] = line,
            Err(index) => unpaid.insert(index, line),
        }
        if unpaid.len() > UNPAID_MAX {
            let last = unpaid.iter().enumerate().max_by_key(|(_, l)| l.due_at).map(|(index, _)| index);
            unpaid.remove(last.unwrap_or(0));
        }
    } else if let Ok(index) = place {
        unpaid.remove(index);
    }
    rows::store(work.state, key, &row)
}

/// State by version, failures from both: a try that failed stays one, however late it is told.
fn merge_invoices(a: InvoiceRow, b: InvoiceRow) -> InvoiceRow {
    let order = |row: &InvoiceRow| (row.version, row.settled, row.remaining, row.due_at);
    let failed = |row: &InvoiceRow| (row.failed_version, row.failed_last);
    let (failed_version, failed_last) = failed(&a).max(failed(&b));
    let paid_at = a.paid_at.max(b.paid_at);
    let (failures_told, tries) = (a.failures_told.saturating_add(b.failures_told), a.tries.max(b.tries));
    let newest = if (order(&b), &b.currency) > (order(&a), &a.currency) { b } else { a };
    InvoiceRow { failures_told, tries, failed_version, failed_last, paid_at, ..newest }
}
