//! Where a customer is in its life, by whole UTC days.
use crate::rows::Hot;
use crate::score::conditions;
use crate::time::Calendar;

const ADOPTION_LAST_DAY: i32 = 30;
const STABILISATION_LAST_DAY: i32 = 90;
pub(crate) const RENEWAL_DAYS: i32 = 90;
/// Shorter terms renew all the time, and stay steady.
const RENEWAL_TERM_DAYS_MIN: i32 = 180;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Adoption,
    Stabilisation,
    Steady,
    Renewal,
    Churned,
}

impl Lifecycle {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Adoption => "adoption",
            Lifecycle::Stabilisation => "stabilisation",
            Lifecycle::Steady => "steady",
            Lifecycle::Renewal => "renewal",
            Lifecycle::Churned => "churned",
        }
    }
}

/// When the customer got the product: told, else its first paid subscription's start, else the account's creation, else its first event.
pub(crate) fn delivered_at(hot: &Hot) -> Option<i64> {
    let traits = &hot.traits;
    traits.delivered_at.get().copied().or(hot.billing.first_paid_start).or(traits.created_at.get().copied()).or(hot.first_event_at)
}

/// Whether a term is long enough that its renewal is planned.
pub(crate) fn is_planned(calendar: Calendar, start: i64, end: i64) -> bool {
    calendar.day_of(end) - calendar.day_of(start) >= RENEWAL_TERM_DAYS_MIN
}

/// Days from which a renewal is near, one for each live subscription with a term long enough.
fn renewal_days(hot: &Hot) -> impl Iterator<Item = i32> {
    hot.billing.subscriptions.iter().filter(|s| s.live()).filter_map(|s| {
        let (start, end) = (s.term_start?, s.term_end?);
        is_planned(hot.calendar, start, end).then(|| hot.calendar.day_of(end) - RENEWAL_DAYS)
    })
}

pub(crate) fn lifecycle(hot: &Hot, today: i32) -> Lifecycle {
    if conditions::churned(hot) {
        return Lifecycle::Churned;
    }
    if renewal_days(hot).any(|from| from <= today) {
        return Lifecycle::Renewal;
    }
    match delivered_at(hot).map(|at| today - hot.calendar.day_of(at)) {
        Some(days) if days > STABILISATION_LAST_DAY => Lifecycle::Steady,
        Some(days) if days > ADOPTION_LAST_DAY => Lifecycle::Stabilisation,
        _ => Lifecycle::Adoption,
    }
}

/// Days until the next end of a term long enough that its renewal is planned.
pub(crate) fn days_to_renewal(hot: &Hot, today: i32) -> Option<i32> {
    renewal_days(hot).map(|from| from + RENEWAL_DAYS - today).filter(|days| *days >= 0).min()
}

/// In adoption or stabilisation, by the days since delivery.
pub(crate) fn is_young(hot: &Hot, today: i32) -> bool {
    delivered_at(hot).is_some_and(|at| today - hot.calendar.day_of(at) <= STABILISATION_LAST_DAY)
}

/// The day on which the stage of life began.
pub(crate) fn since(hot: &Hot, today: i32) -> Option<i32> {
    let delivered = delivered_at(hot).map(|at| hot.calendar.day_of(at));
    match lifecycle(hot, today) {
        Lifecycle::Adoption => delivered,
        Lifecycle::Stabilisation => delivered.map(|day| day + ADOPTION_LAST_DAY + 1),
        Lifecycle::Steady => delivered.map(|day| day + STABILISATION_LAST_DAY + 1),
        Lifecycle::Renewal => renewal_days(hot).filter(|from| *from <= today).min(),
        Lifecycle::Churned => hot.billing.subscriptions.iter().filter_map(|s| s.ended_at).max().map(|at| hot.calendar.day_of(at)),
    }
}

/// When the lifecycle moves on by time alone.
pub(crate) fn next_change(hot: &Hot, today: i32) -> Option<i64> {
    let delivered = delivered_at(hot).map(|at| hot.calendar.day_of(at));
    let stages = delivered.into_iter().flat_map(|day| [day + ADOPTION_LAST_DAY + 1, day + STABILISATION_LAST_DAY + 1]);
    stages.chain(renewal_days(hot)).filter(|day| *day > today).min().map(|day| hot.calendar.day_start(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{SubscriptionLine, SubscriptionStatus};
    use crate::time::day_start;

    fn subscription(start: i32, end: i32, status: SubscriptionStatus) -> SubscriptionLine {
        SubscriptionLine { status, term_start: Some(day_start(start)), term_end: Some(day_start(end)), ..SubscriptionLine::default() }
    }

    #[test]
    fn stages_follow_whole_days_since_delivery() {
        let hot = Hot { first_event_at: Some(day_start(100) + 5), ..Hot::default() };
        for (today, stage) in [(100, "adoption"), (130, "adoption"), (131, "stabilisation"), (190, "stabilisation"), (191, "steady")] {
            assert_eq!(lifecycle(&hot, today).as_str(), stage, "day {today}");
        }
        assert_eq!(next_change(&hot, 100), Some(day_start(131)));
        assert_eq!(next_change(&hot, 131), Some(day_start(191)));
        assert_eq!(next_change(&hot, 191), None);
    }

    #[test]
    fn renewal_wins_within_ninety_days_of_the_end_of_a_long_term() {
        for (start, end, today, stage) in
            [(0, 365, 275, "renewal"), (0, 365, 274, "steady"), (0, 365, 400, "renewal"), (0, 180, 90, "renewal"), (0, 179, 100, "steady")]
        {
            let mut hot = Hot { first_event_at: Some(0), ..Hot::default() };
            hot.billing.subscriptions.push(subscription(start, end, SubscriptionStatus::Active));
            let expected = if stage == "steady" && today < 91 { "stabilisation" } else { stage };
            assert_eq!(lifecycle(&hot, today).as_str(), expected, "{start}..{end} on {today}");
        }
    }

    #[test]
    fn churned_is_whoever_has_no_subscription_left() {
        let mut hot = Hot::default();
        hot.billing.subscriptions.push(subscription(0, 30, SubscriptionStatus::Canceled));
        assert_eq!(lifecycle(&hot, 10), Lifecycle::Churned);
        hot.billing.subscriptions.push(subscription(0, 30, SubscriptionStatus::Trialing));
        assert_eq!(lifecycle(&hot, 10), Lifecycle::Adoption);
        hot.billing.subscriptions = vec![subscription(0, 30, SubscriptionStatus::IncompleteExpired)];
        assert_eq!(lifecycle(&hot, 10), Lifecycle::Adoption, "what never began cannot end");
    }

    #[test]
    fn delivery_is_told_or_the_first_paid_start_or_creation_or_the_first_event() {
        let mut hot = Hot { first_event_at: Some(4), ..Hot::default() };
        assert_eq!(delivered_at(&hot), Some(4));
        hot.traits.created_at.tell(0, Some(3));
        assert_eq!(delivered_at(&hot), Some(3));
        hot.billing.first_paid_start = Some(2);
        assert_eq!(delivered_at(&hot), Some(2));
        hot.traits.delivered_at.tell(0, Some(1));
        assert_eq!(delivered_at(&hot), Some(1));
    }
}
