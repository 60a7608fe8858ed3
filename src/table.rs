//! Tables for the terminal: no lines, and nothing left over at the ends of rows.
use comfy_table::{ContentArrangement, Table, presets};

/// An empty table.
pub(crate) fn of<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}

/// Its text.
pub(crate) fn text(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
