//! The topics and what holds for each of them.

/// A topic of the log, by what it carries. Its name in the log is the installation's prefix (default `c360.`) and [`Topic::suffix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Topic {
    /// Events that carry only foreign ids, and links; keyed by tenant and foreign id.
    Unresolved = 0,
    /// Events that know their account, links, moves, commands and ticks; keyed by tenant and account.
    Events = 1,
    /// Alerts, each revision once; keyed by tenant and account.
    Alerts = 2,
    /// Plans and outcomes of deliveries; keyed as their alert.
    Deliveries = 3,
    /// The 360 views; compacted, keyed by tenant and account.
    Profiles = 4,
    /// How far each partition of each machine is committed; compacted.
    Progress = 5,
    /// What could not be taken, with the reason.
    DeadLetters = 6,
    /// What is worth telling of a customer's past; keyed by tenant and account.
    History = 7,
}

impl Topic {
    /// All topics, in the order of their discriminants.
    pub const ALL: [Topic; 8] = [
        Topic::Unresolved,
        Topic::Events,
        Topic::Alerts,
        Topic::Deliveries,
        Topic::Profiles,
        Topic::Progress,
        Topic::DeadLetters,
        Topic::History,
    ];

    /// The name without the installation's prefix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Topic::Unresolved => "unresolved",
            Topic::Events => "events",
            Topic::Alerts => "alerts",
            Topic::Deliveries => "deliveries",
            Topic::Profiles => "profiles",
            Topic::Progress => "progress",
            Topic::DeadLetters => "dead-letters",
            Topic::History => "history",
        }
    }

    /// Whether only the newest record of a key need be kept.
    pub const fn compacted(self) -> bool {
        matches!(self, Topic::Profiles | Topic::Progress)
    }

    /// The full name under `prefix`.
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}{}", self.suffix())
    }
}
