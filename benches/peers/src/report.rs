//! The figures: each run as a line of JSON in a file, and all of them as a table with the ratios.
use crate::measure::Measured;
use crate::suite::Part;
use comfy_table::{Table, presets};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// What was measured so far.
pub struct Report {
    lines: File,
    /// Says under which circumstances; in each line of the file.
    times: &'static str,
    runs: BTreeMap<Part, Vec<Measured>>,
}

impl Report {
    /// Lines are appended to the file `lines`.
    pub fn new(lines: &Path, times: &'static str) -> anyhow::Result<Self> {
        let lines = File::options().create(true).append(true).open(lines)?;
        Ok(Self { lines, times, runs: BTreeMap::new() })
    }

    /// Takes a run in, and prints it.
    #[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
    pub fn add(&mut self, part: Part, run: Measured) -> anyhow::Result<()> {
        let line = serde_json::json!({"part": part.label(), "times": self.times, "run": run});
        writeln!(self.lines, "{line}")?;
        println!(
            "{}: {} a CPU-second, {} a second; CPU {:.1} s, broker {:.1} s, others {:.1} s; peak {:.0} MB{}",
            part.label(),
            thousands(run.events as f64 / run.cpu_s),
            thousands(run.events as f64 / run.wall_s),
            run.cpu_s,
            run.broker_cpu_s,
            run.other_cpu_s,
            run.peak_mb,
            run.alerts.map_or_else(String::new, |n| format!(", {n} alerts"))
        );
        self.runs.entry(part).or_default().push(run);
        Ok(())
    }

    /// The numbers of alerts that a part found.
    pub fn alerts(&self, part: Part) -> BTreeSet<u64> {
        self.runs.get(&part).into_iter().flatten().filter_map(|run| run.alerts).collect()
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "part",
            "runs",
            "events",
            "events per CPU-second",
            "2nd half",
            "events per second",
            "CPU s",
            "broker's",
            "others'",
            "peak MB",
            "state MB",
            "alerts",
        ]);
        for (part, runs) in &self.runs {
            let range = |figure: &dyn Fn(&Measured) -> f64| spread(runs.iter().map(figure).collect());
            table.add_row([
                part.label().to_owned(),
                runs.len().to_string(),
                thousands(runs.first().map_or(0, |run| run.events) as f64),
                range(&|run| run.events as f64 / run.cpu_s),
                range(&|run| run.second_half_events as f64 / run.second_half_cpu_s),
                range(&|run| run.events as f64 / run.wall_s),
                range(&|run| run.cpu_s),
                range(&|run| run.broker_cpu_s),
                range(&|run| run.other_cpu_s),
                range(&|run| run.peak_mb),
                range(&|run| run.state_mb),
                self.alerts(*part).iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            ]);
        }
        table.to_string()
    }

    /// How many times as many events per CPU-second the one handles as the other, by their medians.
    pub fn ratios(&self) -> Vec<String> {
        [(Part::Product, Part::StreamsA), (Part::Product, Part::StreamsB), (Part::Engine, Part::StreamsA), (Part::Product, Part::Decode)]
            .into_iter()
            .filter_map(|(ours, theirs)| {
                let times = self.rate(ours)? / self.rate(theirs)?;
                Some(format!("{} / {}: {times:.2}", ours.label(), theirs.label()))
            })
            .collect()
    }

    fn rate(&self, part: Part) -> Option<f64> {
        median(self.runs.get(&part)?.iter().map(|run| run.events as f64 / run.cpu_s).collect())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get((values.len().max(1) - 1) / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

/// Least, median and most.
fn spread(values: Vec<f64>) -> String {
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    match median(values) {
        Some(middle) if middle.is_finite() && high > 0.0 => format!("{} / {} / {}", thousands(low), thousands(middle), thousands(high)),
        _ => String::new(),
    }
}

fn thousands(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_as_least_median_and_most() {
        assert_eq!(spread(vec![3_000.0, 1_000.0, 2_500.0]), "1,000 / 2,500 / 3,000");
        assert_eq!(spread(vec![1.0, 2.0]), "1.0 / 1.5 / 2.0");
        assert_eq!(spread(vec![f64::NAN]), "");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }
}
