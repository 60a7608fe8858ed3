//! The one row of a customer that every event touches.
use super::{Billing, Contact, Health, Newest, Plan, Renewal, Row, Support, Surveys, Usage, v1, v2};
use crate::time::Calendar;
use serde::{Deserialize, Serialize};

/// What is told of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Traits {
    pub(crate) name: Newest<String>,
    pub(crate) owner_name: Newest<String>,
    pub(crate) owner_email: Newest<String>,
    pub(crate) plan: Newest<String>,
    pub(crate) seats: Newest<i64>,
    pub(crate) created_at: Newest<i64>,
    pub(crate) delivered_at: Newest<i64>,
}

impl Traits {
    pub(crate) fn merge(&mut self, other: &Traits) {
        self.name.merge(&other.name);
        self.owner_name.merge(&other.owner_name);
        self.owner_email.merge(&other.owner_email);
        self.plan.merge(&other.plan);
        self.seats.merge(&other.seats);
        self.created_at.merge(&other.created_at);
        self.delivered_at.merge(&other.delivered_at);
    }
}

/// A thing that the customer does with the product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Feature {
    pub(crate) name: String,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    /// Uses by day, ascending, of the last 28 days.
    pub(crate) days: Vec<(i32, u32)>,
}

/// A foreign id that was linked to the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) kind: String,
    pub(crate) id: String,
    /// As in the view: told, group, domain.
    pub(crate) source: String,
    pub(crate) at: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hot {
    pub(crate) traits: Traits,
    /// When the first event of any kind happened.
    pub(crate) first_event_at: Option<i64>,
    pub(crate) usage: Usage,
    pub(crate) features: Vec<Feature>,
    pub(crate) billing: Billing,
    pub(crate) support: Support,
    pub(crate) surveys: Surveys,
    pub(crate) health: Health,
    pub(crate) identities: Vec<Identity>,
    /// Its people, ascending by id: those of whom something was told.
    pub(crate) contacts: Vec<Contact>,
    /// What it bought the product for, what it was promised, what came of it.
    pub(crate) plan: Plan,
    /// The renewal plan that is open.
    pub(crate) renewal: Option<Renewal>,
    /// Whose days its windows are of; set whenever it is taken in hand, from the settings.
    #[serde(skip)]
    pub(crate) calendar: Calendar,
    /// The account's timer, as it is set in the state.
    pub(crate) timer: Option<i64>,
}

impl Row for Hot {
    const VERSION: u8 = 3;

    fn from_older(version: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        match version {
            1 => Some(postcard::from_bytes::<v1::Hot>(bytes).map(Into::into)),
            2 => Some(postcard::from_bytes::<v2::Hot>(bytes).map(Into::into)),
            _ => None,
        }
    }
}
