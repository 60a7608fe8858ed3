//! Health as code: a file of rules checked, put in force, and tried on history.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what the terminal is for")]
mod apply;
mod backtest;
mod check;
mod options;

pub(crate) use options::HealthCommand;

use crate::table;
use c360_health::{Fact, Rules};
use tokio::runtime::Runtime;

/// Runs one of the commands.
///
/// # Errors
/// What is wrong, for the terminal.
pub(crate) fn run(command: &HealthCommand, runtime: &Runtime) -> anyhow::Result<()> {
    match command {
        HealthCommand::Check(options) => check::run(&options.file),
        HealthCommand::Show(options) => runtime.block_on(apply::show(options)),
        HealthCommand::Facts => {
            facts();
            Ok(())
        }
        HealthCommand::Apply(options) => runtime.block_on(apply::run(options)),
        HealthCommand::Backtest(options) => backtest::run(options, runtime),
    }
}

/// All facts that rules can speak of.
fn facts() {
    let mut rows = table::of(["fact", "in", "what it is"]);
    for fact in Fact::ALL {
        rows.add_row([fact.name(), fact.unit().as_str(), fact.about()]);
    }
    rows.add_row(["feature:NAME", "count", "Uses of one feature, an event's name, in the last 28 days."]);
    println!("{}", table::text(&rows));
}

/// What a file says, in a line.
fn summary(rules: &Rules) -> String {
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let parts = [
        count(rules.groups.len(), "group"),
        count(rules.measures.len(), "measure"),
        count(rules.caps.len(), "cap"),
        count(rules.cards.len(), "card"),
        count(rules.overrides.len(), "override"),
        count(rules.alerts.rules.len(), "alert rule"),
        count(rules.playbooks.len(), "playbook"),
    ];
    parts.join(", ")
}
