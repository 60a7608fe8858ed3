//! What happens at the made-up company, before it takes any tool's shape.
use super::billing::{Invoice, Subscription};
use super::tickets::{Ticket, TicketStep};

/// One thing that happens to one customer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happening {
    /// UTC ms.
    pub(crate) at: i64,
    /// Index of the account in the company.
    pub(crate) account: usize,
    /// Counts up within the account; with the seed it makes the message id.
    pub(crate) number: u64,
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// The account is there from now on: its traits, and who it is in the other tools.
    Arrived { seats: i64 },
    /// The account's traits changed.
    Changed { seats: i64 },
    /// A person of the account is there from now on.
    Joined { person: u32 },
    /// A person looked at a page.
    Viewed { person: u32, page: &'static str },
    /// A person, or an integration, did something.
    Did { person: Actor, feature: &'static str },
    /// A person answered the survey.
    Answered { person: u32, score: u8, comment: Option<&'static str> },
    /// The billing tool tells of a subscription.
    Billed { news: SubscriptionNews, subscription: Subscription },
    /// The billing tool tells of an invoice.
    Invoiced { news: InvoiceNews, invoice: Invoice },
    /// The help desk tells of a ticket.
    Asked { step: TicketStep, ticket: Ticket },
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    Person(u32),
    Integration,
}

/// What the billing tool says of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscriptionNews {
    Created,
    Updated,
    Deleted,
}

/// What the billing tool says of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvoiceNews {
    Finalized,
    Paid,
    PaymentFailed,
}

#[cfg(test)]
impl What {
    /// Whether it counts as usage.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, What::Viewed { .. } | What::Did { .. })
    }
}
