//! Snapshots as rows of a table.
use c360_engine::SnapshotInfo;
use comfy_table::{CellAlignment, Table};
use jiff::Timestamp;

pub(super) const HEADER: [&str; 7] = ["machine", "partition", "sequence", "taken at", "position", "bytes", "new bytes"];
/// Columns of numbers.
const NUMBERS: [usize; 4] = [1, 2, 5, 6];

/// A table without lines, with one more column.
pub(super) fn new(last: &str) -> Table {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(HEADER.iter().copied().chain([last]));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if NUMBERS.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(super) fn row(snapshot: &SnapshotInfo, last: &str) -> Vec<String> {
    let positions: Vec<String> = snapshot.positions.iter().map(|p| format!("{}:{}", p.topic, p.next_offset)).collect();
    vec![
        snapshot.machine.clone(),
        snapshot.partition.to_string(),
        snapshot.sequence.to_string(),
        time(snapshot.taken_at_ms),
        positions.join(" "),
        snapshot.bytes.to_string(),
        snapshot.new_bytes.to_string(),
        last.to_owned(),
    ]
}

/// UTC, to the second.
fn time(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1_000)).map_or_else(|_| "?".into(), |at| at.to_string())
}

/// The lines without the blanks at their ends.
pub(super) fn text(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use c360_engine::SnapshotPosition;

    #[test]
    fn a_list_is_a_table() {
        let position = |topic: &str, next_offset| SnapshotPosition { topic: topic.into(), next_offset };
        let snapshot = SnapshotInfo {
            machine: "deliver".into(),
            partition: 3,
            sequence: 12,
            taken_at_ms: 1_772_409_600_999,
            positions: vec![position("alerts", 1_234), position("deliveries", 56)],
            bytes: 52_428_800,
            new_bytes: 1_048_576,
            whole: true,
        };
        let mut table = new("verified");
        table.add_row(row(&snapshot, "yes"));
        table.add_row(row(
            &SnapshotInfo { machine: "aggregate".into(), sequence: 7, positions: vec![position("events", 9)], whole: false, ..snapshot },
            "no",
        ));
        insta::assert_snapshot!(text(&table), @r"
        machine    partition  sequence  taken at              position                      bytes  new bytes  verified
        deliver            3        12  2026-03-02T00:00:00Z  alerts:1234 deliveries:56  52428800    1048576  yes
        aggregate          3         7  2026-03-02T00:00:00Z  events:9                   52428800    1048576  no
        ");
    }
}
