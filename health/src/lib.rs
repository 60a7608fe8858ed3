//! Health as code: `health.toml` holds scorecards, caps, overrides, alert rules and playbooks. [`check`] reads a file and finds every mistake in it with its place; what it gives,
//! [`Rules`], is what the processor scores by. The rules that hold where nobody applied any are [`Rules::built_in`], a file like any other (`health/src/default.toml`).
//!
//! No I/O and no state: the same text is the same rules everywhere.
mod fact;
mod mistake;
mod read;
mod rules;

pub use fact::{Fact, FactRef, Family, Unit};
pub use mistake::Mistake;
pub use read::check;
pub use rules::{
    ALERT_TYPES, AlertRule, Alerts, Bands, Bound, Cap, Card, CardMeasure, Compare, Condition, Group, LIFECYCLES, Loudness, Measure,
    Missing, Override, OverrideBand, PPM, Playbook, Rules, Side,
};
