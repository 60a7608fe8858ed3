//! A customer's subscription and invoices: terms that renew, payments that fail and are tried again, cancellations.
//! The billing tool's side of the made-up company; money in minor units.
use super::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, day_at, months_after};
use super::happening::{InvoiceNews, SubscriptionNews, What};

/// Days from each failed try of a payment to the next; after the last of them no more is tried.
const RETRY_DAYS: [i64; 3] = [3, 5, 7];
/// A payment by hand comes this long after the last try.
const BY_HAND_DAYS: i64 = 6;
/// A subscription that was not paid ends this long after the last try.
const GIVE_UP_DAYS: i64 = 4;

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    PastDue,
    Canceled,
}

impl Status {
    /// As the billing tool calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::PastDue => "past_due",
            Status::Canceled => "canceled",
        }
    }
}

/// Why a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// `cancellation_requested` or `payment_failed`.
    pub(crate) reason: &'static str,
    pub(crate) feedback: Option<&'static str>,
    /// When it was asked for, UTC ms.
    pub(crate) asked_at: i64,
}

/// A subscription; one a customer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subscription {
    pub(crate) plan: &'static str,
    pub(crate) status: Status,
    /// Months of a term: 1 or 12.
    pub(crate) term_months: i64,
    /// Price of a seat for a term.
    pub(crate) seat_price: i64,
    pub(crate) seats: i64,
    pub(crate) started_at: i64,
    pub(crate) term_start: i64,
    pub(crate) term_end: i64,
    pub(crate) ending: Option<Ending>,
    pub(crate) ended_at: Option<i64>,
}

/// An invoice over one term.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invoice {
    /// From 1, within the customer.
    pub(crate) number: u32,
    pub(crate) amount: i64,
    pub(crate) finalized_at: i64,
    pub(crate) paid_at: Option<i64>,
    pub(crate) attempts: u8,
    /// `None` after a failed try: it was the last.
    pub(crate) next_attempt_at: Option<i64>,
    pub(crate) term_start: i64,
    pub(crate) term_end: i64,
}

/// What is to be done about an unpaid invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dunning {
    Try,
    GiveUp,
}

/// A customer's account with the billing tool.
#[derive(Clone, Debug)]
pub(crate) struct Billing {
    pub(crate) subscription: Subscription,
    unpaid: Option<Invoice>,
    due: Option<(i64, Dunning)>,
    /// Payments fail until this try; `Some(None)`: for good.
    failing: Option<Option<u8>>,
    invoices: u32,
}

/// News with their moment, UTC ms.
pub(crate) type News = Vec<(i64, What)>;

impl Billing {
    /// A subscription that started at `started_at`; its terms are counted from then, and the present one is that of `now`.
    pub(crate) fn new(plan: &'static str, term_months: i64, seat_price: i64, seats: i64, started_at: i64, now: i64) -> Self {
        let term = (0..).find(|k| months_after(started_at, (k + 1) * term_months) > now).unwrap_or(0);
        let subscription = Subscription {
            plan,
            status: Status::Active,
            term_months,
            seat_price,
            seats,
            started_at,
            term_start: months_after(started_at, term * term_months),
            term_end: months_after(started_at, (term + 1) * term_months),
            ending: None,
            ended_at: None,
        };
        Self { subscription, unpaid: None, due: None, failing: None, invoices: 0 }
    }

    /// The first that the billing tool says: a subscription that is new is paid at once; one from before is only told of.
    pub(crate) fn open(&mut self, at: i64, is_new: bool, news: &mut News) {
        let what = if is_new { SubscriptionNews::Created } else { SubscriptionNews::Updated };
        self.tell(at, what, news);
        if is_new {
            self.bill(at + MINUTE_MS, news);
        }
    }

    /// What the billing tool does on a day: tries of unpaid invoices, and the end of a term.
    pub(crate) fn day(&mut self, day: i64, news: &mut News) {
        if self.subscription.ended_at.is_some() {
            return;
        }
        if let Some((at, dunning)) = self.due.filter(|(at, _)| day_at(*at) == day) {
            self.due = None;
            match dunning {
                Dunning::Try => self.try_payment(at, news),
                Dunning::GiveUp => self.end(at, Ending { reason: "payment_failed", feedback: None, asked_at: at }, news),
            }
        }
        if self.subscription.ended_at.is_none() && day_at(self.subscription.term_end) == day {
            self.turn_term(news);
        }
    }

    /// More seats, or with a negative `share` fewer, but at least one.
    pub(crate) fn change_seats(&mut self, share: f64, at: i64, news: &mut News) {
        let change = (self.subscription.seats as f64 * share).round() as i64;
        let change = if change == 0 { share.signum() as i64 } else { change };
        self.subscription.seats = (self.subscription.seats + change).max(1);
        self.tell(at, SubscriptionNews::Updated, news);
    }

    /// It shall end with its term.
    pub(crate) fn schedule_cancellation(&mut self, feedback: &'static str, at: i64, news: &mut News) {
        self.subscription.ending = Some(Ending { reason: "cancellation_requested", feedback: Some(feedback), asked_at: at });
        self.tell(at, SubscriptionNews::Updated, news);
    }

    /// It ends at once.
    pub(crate) fn cancel_now(&mut self, feedback: &'static str, at: i64, news: &mut News) {
        self.end(at, Ending { reason: "cancellation_requested", feedback: Some(feedback), asked_at: at }, news);
    }

    /// From the next invoice on, payments fail.
    pub(crate) fn payments_fail(&mut self, recovers_at: Option<u8>) {
        self.failing = Some(recovers_at);
    }

    fn tell(&self, at: i64, what: SubscriptionNews, news: &mut News) {
        news.push((at, What::Billed { news: what, subscription: self.subscription.clone() }));
    }

    fn turn_term(&mut self, news: &mut News) {
        let at = self.subscription.term_end;
        if let Some(ending) = self.subscription.ending {
            return self.end(at, ending, news);
        }
        self.subscription.term_start = at;
        let terms = months_between(self.subscription.started_at, at) / self.subscription.term_months + 1;
        self.subscription.term_end = months_after(self.subscription.started_at, terms * self.subscription.term_months);
        self.tell(at, SubscriptionNews::Updated, news);
        self.bill(at + HOUR_MS, news);
    }

    fn bill(&mut self, at: i64, news: &mut News) {
        self.invoices += 1;
        let Subscription { seat_price, seats, term_start, term_end, .. } = self.subscription;
        let invoice = Invoice {
            number: self.invoices,
            amount: seat_price * seats,
            finalized_at: at,
            paid_at: None,
            attempts: 0,
            next_attempt_at: Some(at + MINUTE_MS),
            term_start,
            term_end,
        };
        news.push((at, What::Invoiced { news: InvoiceNews::Finalized, invoice: invoice.clone() }));
        self.unpaid = Some(invoice);
        self.try_payment(at + MINUTE_MS, news);
    }

    fn try_payment(&mut self, at: i64, news: &mut News) {
        let Some(mut invoice) = self.unpaid.take() else { return };
        invoice.attempts += 1;
        match self.failing {
            Some(recovers_at) if recovers_at != Some(invoice.attempts) => self.payment_failed(at, invoice, recovers_at, news),
            _ => self.paid(at, invoice, news),
        }
    }

    fn paid(&mut self, at: i64, mut invoice: Invoice, news: &mut News) {
        self.failing = None;
        invoice.next_attempt_at = None;
        invoice.paid_at = Some(at);
        news.push((at, What::Invoiced { news: InvoiceNews::Paid, invoice }));
        if self.subscription.status == Status::PastDue {
            self.subscription.status = Status::Active;
            self.tell(at + MINUTE_MS, SubscriptionNews::Updated, news);
        }
    }

    fn payment_failed(&mut self, at: i64, mut invoice: Invoice, recovers_at: Option<u8>, news: &mut News) {
        let retry = RETRY_DAYS.get(usize::from(invoice.attempts) - 1).map(|days| at + days * DAY_MS);
        invoice.next_attempt_at = retry;
        news.push((at, What::Invoiced { news: InvoiceNews::PaymentFailed, invoice: invoice.clone() }));
        if self.subscription.status == Status::Active {
            self.subscription.status = Status::PastDue;
            self.tell(at + MINUTE_MS, SubscriptionNews::Updated, news);
        }
        self.due = Some(match (retry, recovers_at) {
            (Some(next), _) => (next, Dunning::Try),
            (None, Some(_)) => (at + BY_HAND_DAYS * DAY_MS, Dunning::Try),
            (None, None) => (at + GIVE_UP_DAYS * DAY_MS, Dunning::GiveUp),
        });
        self.unpaid = Some(invoice);
    }

    fn end(&mut self, at: i64, ending: Ending, news: &mut News) {
        (self.unpaid, self.due) = (None, None);
        self.subscription.status = Status::Canceled;
        self.subscription.ending = Some(ending);
        self.subscription.ended_at = Some(at);
        self.tell(at, SubscriptionNews::Deleted, news);
    }
}

/// Whole months from one end of a term to another, to the nearest.
fn months_between(from: i64, to: i64) -> i64 {
    ((to - from) as f64 / (30.436_875 * DAY_MS as f64)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::calendar::day_of;
    use jiff::civil::date;

    fn monthly() -> (Billing, i64) {
        let start = day_of(date(2026, 1, 31)) * DAY_MS + 9 * HOUR_MS;
        (Billing::new("Team", 1, 2_400, 10, start, start), day_at(start))
    }

    /// Runs `days` days; the news as short words with the day that they came on.
    fn run(billing: &mut Billing, from: i64, days: i64) -> Vec<(i64, String)> {
        let mut news = News::new();
        for day in from + 1..=from + days {
            billing.day(day, &mut news);
        }
        let word = |what: &What| match what {
            What::Billed { news: SubscriptionNews::Updated, subscription } => format!("subscription {}", subscription.status.as_str()),
            What::Billed { news, .. } => format!("subscription {news:?}"),
            What::Invoiced { news, invoice } => format!("{news:?} {} next {}", invoice.attempts, invoice.next_attempt_at.is_some()),
            other => format!("{other:?}"),
        };
        news.iter().map(|(at, what)| (day_at(*at) - from, word(what))).collect()
    }

    #[test]
    fn terms_keep_to_the_day_that_they_started_on_through_short_months() {
        let (mut billing, start) = monthly();
        let mut ends = vec![];
        let mut news = News::new();
        for day in start + 1..start + 100 {
            billing.day(day, &mut news);
            ends.push(day_at(billing.subscription.term_end));
        }
        ends.dedup();
        assert_eq!(ends, [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)].map(day_of));
        let paid =
            news.iter().filter(|(_, what)| matches!(what, What::Invoiced { news: InvoiceNews::Paid, invoice } if invoice.amount == 24_000));
        assert_eq!(paid.count(), 3);
    }

    #[test]
    fn a_payment_that_never_succeeds_is_tried_four_times_and_ends_the_subscription() {
        let (mut billing, start) = monthly();
        billing.payments_fail(None);
        let said = run(&mut billing, start, 90);
        let said: Vec<_> = said.iter().map(|(day, word)| (*day, word.as_str())).collect();
        assert_eq!(
            said,
            [
                (28, "subscription active"),
                (28, "Finalized 0 next true"),
                (28, "PaymentFailed 1 next true"),
                (28, "subscription past_due"),
                (31, "PaymentFailed 2 next true"),
                (36, "PaymentFailed 3 next true"),
                (43, "PaymentFailed 4 next false"),
                (47, "subscription Deleted"),
            ]
        );
        assert_eq!(billing.subscription.ending.map(|e| e.reason), Some("payment_failed"));
    }

    #[test]
    fn a_payment_recovers_at_the_try_that_it_is_told_to_even_by_hand_after_the_last() {
        for (recovers_at, day) in [(2, 31), (3, 36), (4, 43), (5, 49)] {
            let (mut billing, start) = monthly();
            billing.payments_fail(Some(recovers_at));
            let said = run(&mut billing, start, 55);
            assert!(said.contains(&(day, format!("Paid {recovers_at} next false"))), "{said:?}");
            assert_eq!(said.last(), Some(&(day, "subscription active".to_owned())));
        }
    }

    #[test]
    fn a_scheduled_cancellation_ends_with_its_term_and_nothing_comes_after() {
        let (mut billing, start) = monthly();
        let mut news = News::new();
        billing.schedule_cancellation("unused", start * DAY_MS, &mut news);
        assert!(
            matches!(&news[0].1, What::Billed { subscription, .. } if subscription.ending.is_some() && subscription.ended_at.is_none())
        );
        assert_eq!(run(&mut billing, start, 200), [(28, "subscription Deleted".to_owned())]);
    }

    #[test]
    fn a_subscription_from_before_is_in_the_term_of_now() {
        let start = day_of(date(2024, 3, 10)) * DAY_MS + 10 * HOUR_MS;
        let now = day_of(date(2026, 1, 1)) * DAY_MS;
        let billing = Billing::new("Enterprise", 12, 60_000, 50, start, now);
        assert_eq!(day_at(billing.subscription.term_end), day_of(date(2026, 3, 10)));
        assert_eq!(day_at(billing.subscription.term_start), day_of(date(2025, 3, 10)));
    }
}
