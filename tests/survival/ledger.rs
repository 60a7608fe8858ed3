//! What was sent, what of it was acknowledged, and what the views must show of that. Knows nothing of c360's code.
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where an event goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It names its account.
    Direct,
    /// Its account is found by its user.
    Resolved,
    /// A group call: to the account, and a link for its user.
    Both,
}

/// What the views show of an event.
#[derive(Clone, Debug)]
pub enum Counts {
    /// One event and one user of a UTC day.
    Usage {
        day: String,
        user: String,
    },
    /// An NPS answer of somebody who answers once.
    Answer(i64),
    Nothing,
}

/// One call of an SDK.
#[derive(Clone, Debug)]
pub struct Call {
    /// The message id.
    pub id: String,
    pub way: Way,
    pub account: String,
    pub counts: Counts,
    pub body: Value,
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub way: Way,
    /// How often it was sent: so often it may stand in the log.
    pub attempts: u32,
    pub acknowledged: bool,
}

/// What an account's view must show.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// By UTC day: events, and who was active.
    pub days: BTreeMap<String, (u64, BTreeSet<String>)>,
    pub promoters: u64,
    pub passives: u64,
    pub detractors: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub sent: HashMap<String, Sent>,
    pub accounts: BTreeMap<String, Expected>,
    pub acknowledged: u64,
    /// Requests whose outcome was not known or that were refused, and which were sent again.
    pub retried: u64,
}

impl Ledger {
    /// The calls are about to be sent.
    pub fn sending(&mut self, calls: &[Call]) {
        for call in calls {
            let sent = self.sent.entry(call.id.clone()).or_insert(Sent { way: call.way, attempts: 0, acknowledged: false });
            sent.attempts += 1;
        }
    }

    /// The calls were acknowledged: from now on each of them counts, once.
    pub fn acknowledged(&mut self, calls: &[Call]) {
        for call in calls {
            let sent = self.sent.get_mut(&call.id).expect("it was sent");
            if !std::mem::replace(&mut sent.acknowledged, true) {
                self.acknowledged += 1;
                self.accounts.entry(call.account.clone()).or_default().count(&call.counts);
            }
        }
    }
}

impl Expected {
    fn count(&mut self, counts: &Counts) {
        match counts {
            Counts::Usage { day, user } => {
                let (events, users) = self.days.entry(day.clone()).or_default();
                *events += 1;
                users.insert(user.clone());
            }
            Counts::Answer(9..) => self.promoters += 1,
            Counts::Answer(7..=8) => self.passives += 1,
            Counts::Answer(_) => self.detractors += 1,
            Counts::Nothing => {}
        }
    }
}
