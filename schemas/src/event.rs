//! The canonical event (`avro/event.avsc`), borrowing its strings: from the request that it is made of, or from the bytes that it is read from.
use smallvec::SmallVec;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Usage = 0,
    Support = 1,
    Billing = 2,
    Survey = 3,
    Identity = 4,
}

impl Kind {
    /// The symbol in the schema, and the metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Support => "support",
            Kind::Billing => "billing",
            Kind::Survey => "survey",
            Kind::Identity => "identity",
        }
    }
}

/// An id of a customer, or of one of its people, in another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ForeignId<'a> {
    pub kind: &'a str,
    pub id: &'a str,
}

impl ForeignId<'_> {
    /// The kinds of link that there are.
    pub const KINDS: [&'static str; 8] = [
        "stripe_customer",
        "zendesk_organization",
        "intercom_company",
        "hubspot_company",
        "chargebee_customer",
        "freshdesk_company",
        "user",
        "email_domain",
    ];
}

/// One event, in the one shape that all tools' events take.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Idempotency key.
    pub message_id: &'a str,
    pub tenant: &'a str,
    /// `None` until it is resolved.
    pub account_id: Option<&'a str>,
    /// In the order in which they are tried.
    pub foreign_ids: SmallVec<[ForeignId<'a>; 2]>,
    pub user_id: Option<&'a str>,
    pub anonymous_id: Option<&'a str>,
    pub kind: Kind,
    /// Name of the track call, page or provider's event type.
    pub name: &'a str,
    /// When it happened, UTC ms.
    pub occurred_at: i64,
    /// When we got it, UTC ms.
    pub received_at: i64,
    pub source: &'a str,
    pub payload: Payload<'a>,
    /// Text of a JSON object; empty where there is none.
    pub properties: &'a str,
}

/// What the processor understands of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Payload<'a> {
    #[default]
    None,
    Subscription(Subscription<'a>),
    Invoice(Invoice<'a>),
    Ticket(Ticket<'a>),
    Answer(Answer<'a>),
    Account(AccountTraits<'a>),
    User(UserTraits<'a>),
    Link(Link<'a>),
}

/// The newest state of a subscription.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription<'a> {
    pub id: &'a str,
    /// trialing, active, past_due, unpaid, paused, canceled, incomplete, incomplete_expired.
    pub status: &'a str,
    /// The source's order: a lower one never overwrites a higher one.
    pub version: i64,
    /// ISO 4217, upper case.
    pub currency: &'a str,
    pub items: SmallVec<[SubscriptionItem<'a>; 2]>,
    pub discounts: SmallVec<[Discount; 1]>,
    pub started_at: Option<i64>,
    pub term_start: Option<i64>,
    pub term_end: Option<i64>,
    pub trial_end: Option<i64>,
    pub cancels_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub cancel_reason: Option<&'a str>,
}

/// How often a price is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Interval {
    Day = 0,
    Week = 1,
    #[default]
    Month = 2,
    Year = 3,
}

/// One line of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionItem<'a> {
    /// Price of one unit for one interval, in millionths of the minor unit.
    pub amount_micros: i64,
    pub quantity: i64,
    pub interval: Interval,
    pub interval_count: i64,
    pub metered: bool,
    pub product: Option<&'a str>,
}

/// A discount: a share, or an amount for each interval of the first item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discount {
    /// Millionths of a per cent: 10% is 10,000,000.
    pub percent_micros: Option<i64>,
    /// Millionths of the minor unit.
    pub amount_micros: Option<i64>,
    /// False for one that applies once; it does not touch MRR.
    pub recurring: bool,
    pub ends_at: Option<i64>,
}

/// The newest state of an invoice. Amounts in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invoice<'a> {
    pub id: &'a str,
    /// draft, open, paid, void, uncollectible.
    pub status: &'a str,
    pub version: i64,
    pub currency: &'a str,
    pub amount_due: i64,
    pub amount_remaining: i64,
    /// `due_date`, else when finalised, else when created.
    pub due_at: Option<i64>,
    pub attempt_count: i64,
    /// This event says that a payment try failed.
    pub attempt_failed: bool,
    /// `None` after a failed try: it was the last one.
    pub next_attempt_at: Option<i64>,
    pub subscription_id: Option<&'a str>,
}

/// The newest state of a support ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket<'a> {
    pub id: &'a str,
    /// new, open, pending, hold, solved, closed, deleted.
    pub status: &'a str,
    /// low, normal, high, urgent.
    pub priority: Option<&'a str>,
    pub version: i64,
    pub created_at: Option<i64>,
    /// Set where this event is a public reply of an agent.
    pub replied_at: Option<i64>,
    pub subject: Option<&'a str>,
    pub requester: Option<&'a str>,
}

/// Which question was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Survey {
    /// 0 to 10.
    #[default]
    Nps = 0,
    /// 1 to 5.
    Csat = 1,
}

/// One person's answer to a survey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer<'a> {
    pub id: &'a str,
    pub survey: Survey,
    pub score: i32,
    /// User id or e-mail.
    pub respondent: &'a str,
    pub comment: Option<&'a str>,
    pub version: i64,
}

/// What a group call or an import says of an account; `None` says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountTraits<'a> {
    pub name: Option<&'a str>,
    pub owner_name: Option<&'a str>,
    pub owner_email: Option<&'a str>,
    pub created_at: Option<i64>,
    pub delivered_at: Option<i64>,
    pub plan: Option<&'a str>,
    pub seats: Option<i64>,
}

/// What an identify call says of a user; `None` says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserTraits<'a> {
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
    pub role: Option<&'a str>,
}

/// How much a link is worth: told beats group beats domain; of two of one rank the newer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rank {
    #[default]
    Domain = 0,
    Group = 1,
    Told = 2,
}

impl Rank {
    /// The symbol in the schema, and `source` of an identity in the 360 view.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rank::Domain => "domain",
            Rank::Group => "group",
            Rank::Told => "told",
        }
    }
}

/// Says that a foreign id belongs to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    /// `None` takes the link away.
    pub account_id: Option<&'a str>,
    pub rank: Rank,
    /// UTC ms.
    pub at: i64,
}
