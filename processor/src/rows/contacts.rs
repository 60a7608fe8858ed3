//! The people of a customer of whom something was told, as the hot row has them.
use super::Newest;
use serde::{Deserialize, Serialize};

/// What a role means to us, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Speaks for the product.
    Champion,
    /// Decides about the purchase.
    DecisionMaker,
    /// Is not with the customer any more.
    Left,
    Other,
}

impl Role {
    /// As people write it: any case, with spaces or hyphens.
    pub(crate) fn parse(role: &str) -> Self {
        let is = |word: &str| role.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).eq(word.chars());
        if is("champion") {
            Role::Champion
        } else if ["decisionmaker", "economicbuyer", "buyer", "sponsor", "executivesponsor"].into_iter().any(is) {
            Role::DecisionMaker
        } else if ["left", "former", "departed"].into_iter().any(is) {
            Role::Left
        } else {
            Role::Other
        }
    }

    /// Whether the customer's loyalty hangs on who has it.
    pub(crate) const fn key(self) -> bool {
        matches!(self, Role::Champion | Role::DecisionMaker)
    }
}

/// One person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contact {
    /// The user id.
    pub(crate) id: String,
    pub(crate) name: Newest<String>,
    pub(crate) email: Newest<String>,
    /// The last role told, but for that of having left.
    pub(crate) role: Newest<String>,
    /// When it was told that the person left; 0 where the newest word is of a role.
    pub(crate) left_at: Newest<i64>,
    /// The first time that a role was told on which the customer's loyalty hangs.
    pub(crate) key_since: Option<i64>,
    pub(crate) seen_at: Option<i64>,
}

impl Contact {
    pub(crate) fn role(&self) -> Option<Role> {
        self.role.get().map(|role| Role::parse(role))
    }

    /// When the person left; `None` while they are there.
    pub(crate) fn gone_at(&self) -> Option<i64> {
        self.left_at.get().copied().filter(|at| *at != 0)
    }

    pub(crate) fn key(&self) -> bool {
        self.gone_at().is_none() && self.role().is_some_and(Role::key)
    }

    /// A role was told at `at`.
    pub(crate) fn tell_role(&mut self, at: i64, role: &str) {
        if Role::parse(role) == Role::Left {
            self.left_at.tell(at, Some(at));
            return;
        }
        if Role::parse(role).key() {
            self.key_since = Some(self.key_since.map_or(at, |since| since.min(at)));
        }
        self.role.tell(at, Some(role));
        self.left_at.tell(at, Some(0));
    }

    pub(crate) fn merge(&mut self, other: &Contact) {
        self.name.merge(&other.name);
        self.email.merge(&other.email);
        self.role.merge(&other.role);
        self.left_at.merge(&other.left_at);
        self.key_since = [self.key_since, other.key_since].into_iter().flatten().min();
        self.seen_at = self.seen_at.max(other.seen_at);
    }
}
