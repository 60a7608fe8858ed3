//! What things are called in the tools. Deterministic, so that a demo that is started again doubles nothing.
use super::account::Account;
use super::happening::{Actor, Happening};

/// Idempotency key of what happened: the same in each run with the same seed.
pub(crate) fn message(seed: u64, happening: &Happening) -> String {
    format!("demo-{seed:x}-{}-{}", happening.account + 1, happening.number)
}

/// A person, as the product knows them.
pub(crate) fn user(account: &Account, person: u32) -> String {
    format!("u_{:04}_{person:02}", account.index + 1)
}

/// A person, or the integration's own user.
pub(crate) fn actor(account: &Account, actor: Actor) -> String {
    match actor {
        Actor::Person(person) => user(account, person),
        Actor::Integration => format!("u_{:04}_api", account.index + 1),
    }
}

/// The billing tool's customer.
pub(crate) fn stripe_customer(account: &Account) -> String {
    format!("cus_demo{:04}", account.index + 1)
}

/// The help desk's organisation.
pub(crate) fn zendesk_organization(account: &Account) -> String {
    (360_000_001 + account.index).to_string()
}
