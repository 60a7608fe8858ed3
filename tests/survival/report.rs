//! What the oracle found.
use std::fmt;

/// Differences that are told in full; the others are counted.
const TOLD: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Report {
    pub rounds: usize,
    pub acknowledged: u64,
    pub retried: u64,
    /// Alert revisions that were sent out.
    pub alerts: usize,
    /// Records of the log that were recomputed.
    pub recomputed: usize,
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    pub unequal: Vec<String>,
    /// What was not through when patience ended.
    pub unfinished: Vec<String>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.unequal.is_empty() && self.unfinished.is_empty()
    }

    /// Whether it tells of a mistake, and not only of something that takes long. What came twice is not undone by waiting.
    pub fn is_wrong(&self) -> bool {
        !self.doubled.is_empty() || (self.unfinished.is_empty() && !self.is_clean())
    }

    /// Something should be there `expected` times, and is there `found` times.
    pub fn count(&mut self, what: impl Fn() -> String, expected: u64, found: u64) {
        let say = || format!("{}: {found} of {expected}", what());
        if found < expected {
            self.lost.push(say());
        } else if found > expected {
            self.doubled.push(say());
        }
    }

    pub fn add(&mut self, other: Report) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.retried += other.retried;
        self.alerts += other.alerts;
        self.recomputed += other.recomputed;
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.unequal.extend(other.unequal);
        self.unfinished.extend(other.unfinished);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, acknowledged, retried, alerts, recomputed, lost, doubled, unequal, unfinished } = self;
        write!(
            f,
            "{rounds} rounds, {acknowledged} events acknowledged, {retried} requests again, {recomputed} records recomputed, {alerts} alerts: {} lost, {} doubled, {} unequal",
            lost.len(),
            doubled.len(),
            unequal.len()
        )?;
        for (name, found) in [("lost", lost), ("doubled", doubled), ("unequal", unequal), ("unfinished", unfinished)] {
            for what in found.iter().take(TOLD) {
                write!(f, "\n  {name}: {what}")?;
            }
        }
        Ok(())
    }
}
