//! Facts about a customer that hold or do not; caps and alerts stand on them.
use crate::aggregate::mrr;
use crate::rows::{Hot, RING_DAYS, Role};

/// Failed payment tries from which the money is not expected any more.
const TRIES_GIVEN_UP: u32 = 3;
/// Days of silence that say something, at least.
const SILENT_DAYS: i32 = 14;

/// The last subscription has ended; one that never began to be paid or tried does not count.
pub(crate) fn churned(hot: &Hot) -> bool {
    let mut ended = hot.billing.subscriptions.iter().filter(|s| s.status != crate::rows::SubscriptionStatus::IncompleteExpired).peekable();
    ended.peek().is_some() && ended.all(|s| !s.live())
}

/// Some live subscription is going to end.
pub(crate) fn cancellation_scheduled(hot: &Hot) -> bool {
    hot.billing.subscriptions.iter().any(|s| s.live() && s.cancels_at.is_some())
}

/// What stays after the scheduled cancellations is less than half of the revenue, or no subscription at all.
pub(crate) fn most_is_cancelled(hot: &Hot) -> bool {
    if !cancellation_scheduled(hot) {
        return false;
    }
    let live = || hot.billing.subscriptions.iter().filter(|s| s.live());
    let main = mrr::account(&hot.billing).map(|(_, currency)| currency);
    let in_main = |staying: bool| -> i128 {
        live().filter(|s| Some(s.currency.as_str()) == main && (!staying || s.cancels_at.is_none())).map(|s| i128::from(s.mrr)).sum()
    };
    live().all(|s| s.cancels_at.is_some()) || 2 * in_main(true) < in_main(false)
}

/// A try to be paid failed, and the money is still out.
pub(crate) fn payment_failed(hot: &Hot) -> bool {
    hot.billing.unpaid.iter().any(|invoice| invoice.failed_tries > 0)
}

/// The last try failed, or so many did that it comes to the same.
pub(crate) fn payment_given_up(hot: &Hot) -> bool {
    hot.billing.unpaid.iter().any(|invoice| invoice.failed_last) || failed_tries(hot) >= TRIES_GIVEN_UP
}

/// Failed tries on all unpaid invoices.
pub(crate) fn failed_tries(hot: &Hot) -> u32 {
    hot.billing.unpaid.iter().fold(0, |sum, invoice| sum.saturating_add(invoice.failed_tries))
}

/// UTC days since the oldest unpaid invoice was due; 0 where none is.
pub(crate) fn past_due_days(hot: &Hot, now: i64) -> i32 {
    let due = hot.billing.unpaid.iter().filter_map(|invoice| invoice.due_at).min();
    due.map_or(0, |due| hot.calendar.day_of(now).saturating_sub(hot.calendar.day_of(due)).max(0))
}

/// Silent for at least two weeks, and for twice the longest pause that it made before: whoever comes once a month is not silent after two weeks.
pub(crate) fn silent(hot: &Hot) -> bool {
    let Some(silent) = hot.usage.silent_days(hot.calendar) else { return false };
    // Past the ring its rhythm is forgotten, and silence is long by any rhythm.
    silent >= SILENT_DAYS && (silent >= 2 * hot.usage.longest_pause_days() || silent >= RING_DAYS)
}

/// People who spoke for the product and are not there any more.
pub(crate) fn champions_gone(hot: &Hot) -> usize {
    // Few have left: what a role means is asked of them alone.
    hot.contacts.iter().filter(|c| c.gone_at().is_some() && c.role() == Some(Role::Champion)).count()
}

/// People there who speak for the product.
pub(crate) fn champions(hot: &Hot) -> usize {
    hot.contacts.iter().filter(|c| c.role() == Some(Role::Champion) && c.gone_at().is_none()).count()
}

/// Somebody there speaks for the product.
pub(crate) fn has_champion(hot: &Hot) -> bool {
    champions(hot) > 0
}
