//! The figures as tables.
use crate::run::{Cost, Outcome, Past};
use comfy_table::{Table, presets};

/// One run in one line, as it comes.
pub fn line(outcome: &Outcome) -> String {
    let Outcome { busy, skewed, even, .. } = outcome;
    format!(
        "{} customers ({}): busy {}, skewed {}, even {} µs an event; {:.0} bytes a quiet customer, {:.0} more a busy one; peak {:.0} MiB; others' CPU {:.0} s",
        grouped(outcome.customers),
        past(outcome),
        micros(busy),
        micros(skewed),
        micros(even),
        outcome.quiet_bytes(),
        outcome.busy_bytes,
        outcome.peak_mib,
        [&outcome.beginning, &outcome.silence, busy, skewed, even].iter().map(|cost| cost.other_cpu_s).sum::<f64>()
    )
}

/// What an event costs at each size, and how many times what it costs at the first.
pub fn growth(outcomes: &[Outcome]) -> String {
    let imported = || outcomes.iter().filter(|outcome| outcome.past == Past::Imported);
    let mut table = table(&["customers", "busy: µs an event", "", "skewed: µs an event", "", "even: µs an event", "", "peak MiB"]);
    for outcome in imported() {
        let mut row = vec![grouped(outcome.customers)];
        for load in [|o: &Outcome| o.busy, |o: &Outcome| o.skewed, |o: &Outcome| o.even] {
            let times = imported().next().map_or(f64::NAN, |first| each_us(&load(outcome)) / each_us(&load(first)));
            row.extend([micros(&load(outcome)), format!("{times:.2}x")]);
        }
        row.push(format!("{:.0}", outcome.peak_mib));
        table.add_row(row);
    }
    table.to_string()
}

/// What quiet customers take: to write, to become quiet, on disk.
pub fn quiet(outcomes: &[Outcome]) -> String {
    let mut table = table(&[
        "quiet customers",
        "past",
        "to write one, µs",
        "timers until quiet, each",
        "µs a timer",
        "profiles, bytes a timer",
        "alerts, each",
        "rows, each",
        "bytes on disk, each",
        "of it links",
        "before compaction",
    ]);
    for outcome in outcomes {
        let (customers, silence) = (outcome.customers as f64, &outcome.silence);
        let Outcome { aggregate, resolve, .. } = outcome;
        table.add_row([
            grouped(outcome.customers),
            past(outcome).to_owned(),
            format!("{:.1}", outcome.beginning.cpu_s * 1e6 / customers),
            format!("{:.1}", silence.timers as f64 / customers),
            format!("{:.2}", silence.cpu_s * 1e6 / silence.timers.max(1) as f64),
            format!("{:.0}", silence.profile_bytes as f64 / silence.timers.max(1) as f64),
            format!("{:.2}", silence.alerts as f64 / customers),
            format!("{:.1}", (aggregate.rows + resolve.rows) as f64 / customers),
            format!("{:.0}", outcome.quiet_bytes()),
            format!("{:.0}", resolve.compacted_bytes as f64 / customers),
            format!("{:.0}", (aggregate.bytes + resolve.bytes) as f64 / customers),
        ]);
    }
    table.to_string()
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header.iter().copied());
    table
}

fn past(outcome: &Outcome) -> &'static str {
    match outcome.past {
        Past::Imported => "imported",
        Past::Lived => "lived through",
    }
}

fn each_us(cost: &Cost) -> f64 {
    cost.cpu_s * 1e6 / cost.records as f64
}

fn micros(cost: &Cost) -> String {
    format!("{:.2}", each_us(cost))
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
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
    fn ratios_are_to_the_first_size() {
        let outcome = |customers, cpu_s| Outcome {
            customers,
            past: Past::Imported,
            beginning: Cost::default(),
            silence: Cost::default(),
            aggregate: crate::disk::Taken::default(),
            resolve: crate::disk::Taken::default(),
            busy_bytes: 0.0,
            busy: Cost { records: 1_000_000, cpu_s, ..Cost::default() },
            skewed: Cost { records: 1_000_000, cpu_s, ..Cost::default() },
            even: Cost { records: 1_000_000, cpu_s: 2.0 * cpu_s, ..Cost::default() },
            peak_mib: 300.0,
        };
        let table = growth(&[outcome(10_000, 4.0), outcome(1_000_000, 5.0)]);
        let last: Vec<&str> = table.lines().last().unwrap_or_default().split('|').map(str::trim).collect();
        assert_eq!(last, ["", "1,000,000", "5.00", "1.25x", "5.00", "1.25x", "10.00", "1.25x", "300", ""]);
    }
}
