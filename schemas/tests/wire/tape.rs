//! Records of every shape, made from a tape of random bytes: each decision eats a byte, an empty tape decides for the simplest. So a failing tape shrinks to a short one.
use c360_schemas::{
    AccountTraits, Alert, AlertAction, AlertCommand, AlertStatus, Answer, Contribution, DeadLetter, Delivery, DeliveryOutcome, Discount,
    Event, Feed, ForeignId, History, HistoryKind, Interval, Invoice, Kind, Link, Move, Payload, Position, Profile, Progress, Rank, Rules,
    Severity, Subscription, SubscriptionItem, Survey, Ticket, UserTraits,
};

/// Pieces that texts are put together from: of 0 to 4 bytes a character, with what JSON, Avro and terminals find special.
const PIECES: [&str; 12] = ["", "a", "acme", "ü", "\0", "\"\\", "日本", "🦀", "\u{10ffff}", "\r\n", "\u{7f}\u{80}", "{\"x\":1}"];

pub(crate) struct Tape<'t> {
    left: &'t [u8],
}

impl<'t> Tape<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Self { left: bytes }
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.left.split_first() else { return 0 };
        self.left = rest;
        *first
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.byte() as usize % all.len()]
    }

    fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    fn long(&mut self) -> i64 {
        let edge = self.one_of(&[0, 1, -1, 63, 64, -64, -65, 1_700_000_000_000, i64::MAX, i64::MIN, i64::from(i32::MAX) + 1]);
        edge.wrapping_add(i64::from(self.byte() as i8))
    }

    fn int(&mut self) -> i32 {
        let edge = self.one_of(&[0, 1, -1, 100, i32::MAX, i32::MIN]);
        edge.wrapping_add(i32::from(self.byte() as i8))
    }

    fn string(&mut self) -> String {
        let pieces = [0, 1, 1, 2, 3, 20];
        (0..self.one_of(&pieces)).map(|_| self.one_of(&PIECES)).collect()
    }

    /// Events borrow their texts: these live as long as the test.
    fn text(&mut self) -> &'static str {
        self.string().leak()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.byte() % 40).map(|_| self.byte()).collect()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    fn list<T, L: FromIterator<T>>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> L {
        let items = self.one_of(&[0, 1, 2, 3, 70]);
        (0..items).map(|_| make(self)).collect()
    }

    pub(crate) fn event(&mut self) -> Event<'static> {
        Event {
            payload: self.payload(),
            message_id: self.text(),
            tenant: self.text(),
            account_id: self.maybe(Self::text),
            foreign_ids: self.list(|tape| ForeignId { kind: tape.text(), id: tape.text() }),
            user_id: self.maybe(Self::text),
            anonymous_id: self.maybe(Self::text),
            kind: self.one_of(&[Kind::Usage, Kind::Support, Kind::Billing, Kind::Survey, Kind::Identity]),
            name: self.text(),
            occurred_at: self.long(),
            received_at: self.long(),
            source: self.text(),
            properties: self.text(),
        }
    }

    fn payload(&mut self) -> Payload<'static> {
        match self.byte() % 8 {
            0 => Payload::None,
            1 => Payload::Subscription(self.subscription()),
            2 => Payload::Invoice(self.invoice()),
            3 => Payload::Ticket(self.ticket()),
            4 => Payload::Answer(self.answer()),
            5 => Payload::Account(self.account()),
            6 => Payload::User(UserTraits { name: self.maybe(Self::text), email: self.maybe(Self::text), role: self.maybe(Self::text) }),
            _ => Payload::Link(self.link()),
        }
    }

    fn subscription(&mut self) -> Subscription<'static> {
        Subscription {
            id: self.text(),
            status: self.text(),
            version: self.long(),
            currency: self.text(),
            items: self.list(|tape| SubscriptionItem {
                amount_micros: tape.long(),
                quantity: tape.long(),
                interval: tape.one_of(&[Interval::Day, Interval::Week, Interval::Month, Interval::Year]),
                interval_count: tape.long(),
                metered: tape.flag(),
                product: tape.maybe(Self::text),
            }),
            discounts: self.list(|tape| Discount {
                percent_micros: tape.maybe(Self::long),
                amount_micros: tape.maybe(Self::long),
                recurring: tape.flag(),
                ends_at: tape.maybe(Self::long),
            }),
            started_at: self.maybe(Self::long),
            term_start: self.maybe(Self::long),
            term_end: self.maybe(Self::long),
            trial_end: self.maybe(Self::long),
            cancels_at: self.maybe(Self::long),
            ended_at: self.maybe(Self::long),
            cancel_reason: self.maybe(Self::text),
        }
    }

    fn invoice(&mut self) -> Invoice<'static> {
        Invoice {
            id: self.text(),
            status: self.text(),
            version: self.long(),
            currency: self.text(),
            amount_due: self.long(),
            amount_remaining: self.long(),
            due_at: self.maybe(Self::long),
            attempt_count: self.long(),
            attempt_failed: self.flag(),
            next_attempt_at: self.maybe(Self::long),
            subscription_id: self.maybe(Self::text),
        }
    }

    fn ticket(&mut self) -> Ticket<'static> {
        Ticket {
            id: self.text(),
            status: self.text(),
            priority: self.maybe(Self::text),
            version: self.long(),
            created_at: self.maybe(Self::long),
            replied_at: self.maybe(Self::long),
            subject: self.maybe(Self::text),
            requester: self.maybe(Self::text),
        }
    }

    fn answer(&mut self) -> Answer<'static> {
        Answer {
            id: self.text(),
            survey: self.one_of(&[Survey::Nps, Survey::Csat]),
            score: self.int(),
            respondent: self.text(),
            comment: self.maybe(Self::text),
            version: self.long(),
        }
    }

    fn account(&mut self) -> AccountTraits<'static> {
        AccountTraits {
            name: self.maybe(Self::text),
            owner_name: self.maybe(Self::text),
            owner_email: self.maybe(Self::text),
            created_at: self.maybe(Self::long),
            delivered_at: self.maybe(Self::long),
            plan: self.maybe(Self::text),
            seats: self.maybe(Self::long),
        }
    }

    fn link(&mut self) -> Link<'static> {
        Link {
            kind: self.text(),
            id: self.text(),
            account_id: self.maybe(Self::text),
            rank: self.one_of(&[Rank::Domain, Rank::Group, Rank::Told]),
            at: self.long(),
        }
    }

    pub(crate) fn moved(&mut self) -> Move {
        Move { tenant: self.string(), from_account: self.string(), to_account: self.string(), rows: self.bytes() }
    }

    pub(crate) fn command(&mut self) -> AlertCommand {
        AlertCommand {
            tenant: self.string(),
            account_id: self.string(),
            alert_id: self.string(),
            action: self.one_of(&[AlertAction::Acknowledge, AlertAction::Snooze, AlertAction::Verdict]),
            at: self.long(),
            by: self.maybe(Self::string),
            reason: self.maybe(Self::string),
            until: self.maybe(Self::long),
            verdict: self.maybe(Self::string),
        }
    }

    pub(crate) fn alert(&mut self) -> Alert {
        Alert {
            alert_id: self.string(),
            revision: self.int(),
            alert_type: self.string(),
            status: self.one_of(&[AlertStatus::Open, AlertStatus::Updated, AlertStatus::Resolved, AlertStatus::Retracted]),
            severity: self.one_of(&[Severity::Info, Severity::Warning, Severity::Critical]),
            at: self.long(),
            notify: self.flag(),
            tenant: self.string(),
            account_id: self.string(),
            account_name: self.maybe(Self::string),
            owner_name: self.maybe(Self::string),
            owner_email: self.maybe(Self::string),
            band_before: self.maybe(Self::string),
            band_after: self.maybe(Self::string),
            score_before: self.maybe(Self::int),
            score_after: self.maybe(Self::int),
            receipt: self.list(|tape| Contribution {
                measure: tape.string(),
                group: tape.string(),
                before: tape.maybe(Self::int),
                after: tape.maybe(Self::int),
                contribution: tape.int(),
                events: tape.list(Self::string),
            }),
            playbook: self.maybe(Self::string),
            why: self.maybe(Self::string),
            acknowledged_by: self.maybe(Self::string),
            snoozed_until: self.maybe(Self::long),
            verdict: self.maybe(Self::string),
            actions: self.list(Self::string),
        }
    }

    pub(crate) fn feed(&mut self) -> Feed {
        Feed {
            tenant: self.string(),
            source: self.string(),
            partition: self.int(),
            customers: self.int(),
            families: self.list(Self::string),
            silent: self.flag(),
            at: self.long(),
            last_at: self.long(),
            usual_ms: self.long(),
        }
    }

    pub(crate) fn rules(&mut self) -> Rules {
        Rules {
            tenant: self.string(),
            version: self.int(),
            at: self.long(),
            by: self.string(),
            note: self.maybe(Self::string),
            text: self.string(),
        }
    }

    pub(crate) fn delivery(&mut self) -> Delivery {
        Delivery {
            tenant: self.string(),
            account_id: self.string(),
            alert_id: self.string(),
            revision: self.int(),
            destination: self.string(),
            kind: self.string(),
            outcome: self.one_of(&[DeliveryOutcome::Planned, DeliveryOutcome::Delivered, DeliveryOutcome::Retry, DeliveryOutcome::Dead]),
            at: self.long(),
            attempt: self.int(),
            status_code: self.maybe(Self::int),
            error: self.maybe(Self::string),
            next_attempt_at: self.maybe(Self::long),
            alert: self.maybe(Self::bytes),
        }
    }

    pub(crate) fn profile(&mut self) -> Profile {
        Profile {
            tenant: self.string(),
            account_id: self.string(),
            name: self.maybe(Self::string),
            provisional: self.flag(),
            owner_name: self.maybe(Self::string),
            owner_email: self.maybe(Self::string),
            lifecycle: self.string(),
            score: self.maybe(Self::int),
            band: self.string(),
            mrr: self.maybe(Self::long),
            currency: self.maybe(Self::string),
            last_seen_at: self.maybe(Self::long),
            renews_at: self.maybe(Self::long),
            as_of: self.long(),
            view: self.string(),
        }
    }

    pub(crate) fn progress(&mut self) -> Progress {
        Progress {
            machine: self.string(),
            partition: self.int(),
            positions: self.list(|tape| Position { topic: tape.string(), next_offset: tape.long() }),
            now: self.long(),
        }
    }

    pub(crate) fn dead_letter(&mut self) -> DeadLetter {
        DeadLetter {
            tenant: self.maybe(Self::string),
            source: self.string(),
            stage: self.string(),
            reason: self.string(),
            message: self.string(),
            at: self.long(),
            original: self.bytes(),
            content_type: self.maybe(Self::string),
            path: self.maybe(Self::string),
        }
    }

    pub(crate) fn history(&mut self) -> History {
        History {
            id: self.string(),
            tenant: self.string(),
            account_id: self.string(),
            at: self.long(),
            kind: self.one_of(&[HistoryKind::Event, HistoryKind::Score, HistoryKind::Link, HistoryKind::Note]),
            title: self.string(),
            detail: self.string(),
        }
    }
}
