//! A back-test as it is shown: what `c360 health backtest --publish` sends, what the log keeps, and what the page has.
use serde::{Deserialize, Serialize};

const ROWS_MAX: usize = 100;
/// Customers in another band that are kept, the most valuable ones.
pub const MOVED_MAX: usize = 200;
const CHARS_MAX: usize = 200;

/// Two sets of rules over the same history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backtest {
    /// Names of the rules in force and of those tried.
    pub in_force: String,
    pub tried: String,
    /// RFC 3339: until when was lived through.
    pub until: String,
    pub records: u64,
    pub customers: u64,
    /// What is said of each: name, in force, tried.
    pub figures: Vec<[String; 3]>,
    /// How many customers end in another band.
    pub moved_total: u64,
    pub moved: Vec<BacktestMoved>,
}

/// A customer in another band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BacktestMoved {
    pub account_id: String,
    pub name: String,
    /// Band and score.
    pub in_force: String,
    pub tried: String,
    pub mrr: String,
    pub owner: String,
}

impl Backtest {
    /// Whether it is of a size that is kept.
    pub(crate) fn is_small(&self) -> bool {
        let mut texts = [&self.in_force, &self.tried, &self.until]
            .into_iter()
            .chain(self.figures.iter().flatten())
            .chain(self.moved.iter().flat_map(|m| [&m.account_id, &m.name, &m.in_force, &m.tried, &m.mrr, &m.owner]));
        self.figures.len() <= ROWS_MAX && self.moved.len() <= MOVED_MAX && texts.all(|text| text.chars().count() <= CHARS_MAX)
    }
}
