//! The back-test for people: a table in the terminal, and a Markdown report with charts beside it.
use super::charts;
use super::compare::{HORIZON_DAYS, Moved, Outcome};
use crate::table;
use anyhow::Context;
use c360_console::{Backtest, BacktestMoved, MOVED_MAX};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Customers named in the terminal and in the report.
const NAMED_MAX: usize = 15;
const REPORTED_MAX: usize = 200;

/// All that a back-test found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) tenant: String,
    /// RFC 3339: until when was lived through.
    pub(super) until: String,
    pub(super) records: u64,
    /// Records that no machine takes.
    pub(super) refused: u64,
    pub(super) in_force: Outcome,
    pub(super) tried: Outcome,
    pub(super) moved: Vec<Moved>,
}

impl Found {
    /// What is said of each set of rules.
    fn rows(&self) -> Vec<[String; 3]> {
        let two = |name: &str, of: &dyn Fn(&Outcome) -> String| [name.to_owned(), of(&self.in_force), of(&self.tried)];
        let mut rows: Vec<[String; 3]> =
            ["green", "yellow", "red", "unknown"].map(|band| two(band, &|o| o.bands.get(band).copied().unwrap_or(0).to_string())).to_vec();
        rows.extend([
            two("coverage", &|o| format!("{:.0}%", o.coverage * 100.0)),
            two("alerts", &|o| o.alerts.values().sum::<usize>().to_string()),
            two("alerts a customer-month", &|o| format!("{:.2}", o.alerts_per_customer_month)),
            two("alerts an owner and day", &|o| format!("{:.2}", o.alerts_per_owner_day)),
            two("customers lost", &|o| o.lost.to_string()),
            two("  warned of", &|o| share(o.lost_warned, o.lost)),
            two("  median lead time, days", &|o| o.lead_days_median.map_or_else(|| "-".into(), |days| days.to_string())),
            two("false alarms", &|o| share(o.false_alarms, o.warnings_judged)),
        ]);
        rows
    }

    /// For the terminal.
    pub(super) fn text(&self) -> String {
        let mut rows = table::of(["", &self.in_force.rules, &self.tried.rules]);
        for row in self.rows() {
            rows.add_row(row);
        }
        let mut text = table::text(&rows);
        let _ = write!(text, "\n\n{} of {} customers end in another band", self.moved.len(), self.in_force.customers);
        if !self.moved.is_empty() {
            let mut rows = table::of(["customer", "in force", "tried", "MRR", "owner"]);
            for moved in self.moved.iter().take(NAMED_MAX) {
                rows.add_row(row(moved));
            }
            let _ = write!(text, ", the most valuable first:\n{}", table::text(&rows));
            if self.moved.len() > NAMED_MAX {
                let _ = write!(text, "\nand {} more: --report and --json have them", self.moved.len() - NAMED_MAX);
            }
        }
        text
    }

    /// For the console.
    pub(super) fn shown(&self) -> Backtest {
        let moved = |moved: &Moved| {
            let [name, in_force, tried, mrr, owner] = row(moved);
            BacktestMoved { account_id: moved.account_id.clone(), name, in_force, tried, mrr, owner }
        };
        Backtest {
            in_force: self.in_force.rules.clone(),
            tried: self.tried.rules.clone(),
            until: self.until.clone(),
            records: self.records,
            customers: self.in_force.customers as u64,
            figures: self.rows().into_iter().map(|row| row.map(|cell| cell.trim().to_owned())).collect(),
            moved_total: self.moved.len() as u64,
            moved: self.moved.iter().take(MOVED_MAX).map(moved).collect(),
        }
    }

    /// Writes the report, and its charts beside it.
    pub(super) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let stem = file.file_stem().map_or_else(|| "backtest".into(), |stem| stem.to_string_lossy().into_owned());
        let outcomes = [&self.in_force, &self.tried];
        let charts = [("bands", charts::bands(outcomes)), ("alerts", charts::by_month(outcomes))];
        for (name, svg) in &charts {
            let path = file.with_file_name(format!("{stem}-{name}.svg"));
            std::fs::write(&path, svg).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        std::fs::write(file, self.markdown(&stem)).with_context(|| format!("{} cannot be written", file.display()))
    }

    fn markdown(&self, stem: &str) -> String {
        let mut out = format!("# Back-test: {} beside {}\n\n", cell(&self.tried.rules), cell(&self.in_force.rules));
        let _ = writeln!(
            out,
            "{} records of tenant {}, lived through until {}, by {} customers.\n",
            self.records,
            cell(&self.tenant),
            self.until,
            self.in_force.customers
        );
        let _ = writeln!(out, "| | {} | {} |\n|---|--:|--:|", cell(&self.in_force.rules), cell(&self.tried.rules));
        for [name, was, is] in self.rows() {
            let _ = writeln!(out, "| {} | {was} | {is} |", name.trim());
        }
        let _ =
            writeln!(out, "\n![Customers by band at the end]({stem}-bands.svg)\n\n![Alerts that opened, by month]({stem}-alerts.svg)\n");
        let _ =
            writeln!(out, "## Alerts by type\n\n| type | {} | {} |\n|---|--:|--:|", cell(&self.in_force.rules), cell(&self.tried.rules));
        let types: std::collections::BTreeSet<&String> = self.in_force.alerts.keys().chain(self.tried.alerts.keys()).collect();
        for alert_type in types {
            let of = |o: &Outcome| o.alerts.get(alert_type).copied().unwrap_or(0);
            let _ = writeln!(out, "| `{alert_type}` | {} | {} |", of(&self.in_force), of(&self.tried));
        }
        let _ = writeln!(out, "\n## Customers in another band\n");
        if self.moved.is_empty() {
            let _ = writeln!(out, "None.");
        } else {
            let _ = writeln!(out, "| customer | in force | tried | MRR | owner |\n|---|---|---|--:|---|");
            for moved in self.moved.iter().take(REPORTED_MAX) {
                let [name, was, is, mrr, owner] = row(moved);
                let _ = writeln!(out, "| {} | {was} | {is} | {mrr} | {} |", cell(&name), cell(&owner));
            }
        }
        let _ = writeln!(
            out,
            "\n## What is counted\n\nAn alert is one that opens or opens again and is sent. A customer is lost when its last subscription ends; it was warned of if an alert that \
             says that something goes badly opened between {HORIZON_DAYS} days and one day before. A false alarm is such an alert after which the customer stayed for {HORIZON_DAYS} days; \
             newer ones are not judged yet. Customers without an owner count as one owner's."
        );
        out
    }
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "-".into() } else { format!("{part} of {whole} ({:.0}%)", part as f64 * 100.0 / whole as f64) }
}

fn row(moved: &Moved) -> [String; 5] {
    let scored = |band: &str, score: Option<i32>| format!("{band} {}", score.map_or_else(|| "-".into(), |score| score.to_string()));
    let mut name = moved.name.clone().unwrap_or_else(|| moved.account_id.clone());
    if moved.lost {
        name.push_str(" (lost)");
    }
    [
        name,
        scored(moved.band_in_force, moved.score_in_force),
        scored(moved.band_tried, moved.score_tried),
        moved.mrr.map_or_else(|| "-".into(), |mrr| format!("{:.2}", mrr as f64 / 100.0)),
        moved.owner.clone().unwrap_or_else(|| "-".into()),
    ]
}

/// A text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}
