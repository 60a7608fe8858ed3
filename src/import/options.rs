//! What `c360 import` is told.
use c360_ingest::rows::RowKind;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  See what would be taken, and send nothing:
    c360 import accounts.csv --source crm --dry-run

  Customers from a CRM export, then their subscriptions, then a year of usage:
    export C360_WRITE_KEY=wk_...
    c360 import accounts.csv --source crm
    c360 import subscriptions.csv --source billing --set currency=USD
    c360 import usage-*.jsonl.gz --source warehouse

  Columns by other names, and dates as a spreadsheet writes them:
    c360 import tickets.csv --source helpdesk --map 'Case No=ticket_id' --date-format %m/%d/%Y

The kind of a file is guessed from its columns, and said; --kind says it. Which fields a kind has: \
docs/import.md, or c360 import --fields accounts.

A file can be imported again at any time: what was taken is not taken twice. When it stops, run the same \
command again: it goes on at the row where it stopped (FILE.import-progress remembers). Refused rows go to \
FILE.refused.csv (or .jsonl) with line and reason; correct them there, and import that file.

It ends with status 0 when every row was taken, else with 1.";

/// How an import is done.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES, after_help = "More, with examples: c360 import --help")]
pub(crate) struct ImportOptions {
    /// Files to import, one after the other
    #[arg(value_name = "FILE", required_unless_present = "fields")]
    pub(crate) files: Vec<PathBuf>,
    /// Name of where the data comes from (crm, warehouse, ...): events have the source `import:NAME`
    #[arg(long, value_name = "NAME", required_unless_present = "fields")]
    pub(crate) source: Option<String>,
    /// What the rows are: usage, accounts, users, subscriptions, tickets or answers [default: guessed from the columns]
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<RowKind>,
    /// This column is that field; a field of no name (`COLUMN=`) leaves the column out
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair)]
    pub(crate) map: Vec<(String, String)>,
    /// A field that is the same in all rows and in no column, such as currency=USD
    #[arg(long, value_name = "FIELD=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// How dates are written, as in strftime: %m/%d/%Y, %d.%m.%Y %H:%M [default: ISO 8601, or a number since 1970]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) date_format: Option<String>,
    /// Amounts are written 1.234,50
    #[arg(long)]
    pub(crate) decimal_comma: bool,
    /// What parts the columns of a CSV file [default: seen from its first line]
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// When the rows were so, where they do not say it [default: when the file was last written]
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
    /// Shows the first rows as they would be taken and each refused row with line and reason; sends nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where c360's public port is
    #[arg(long, env = "C360_TO", value_name = "URL", default_value = "http://127.0.0.1:8360")]
    pub(crate) to: String,
    /// Write key; the tenant follows from it
    #[arg(long, env = "C360_WRITE_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) write_key: Option<String>,
    /// Begins at the first row, though it stopped at a later one the last time
    #[arg(long)]
    pub(crate) from_start: bool,
    /// Gives up after so many seconds in which c360 took nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) patience: u64,
    /// Shows the fields of a kind, with what they are called elsewhere, and ends
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) fields: Option<RowKind>,
}

fn kind(text: &str) -> Result<RowKind, String> {
    RowKind::parse(text).ok_or_else(|| format!("there are {}", RowKind::ALL.map(RowKind::as_str).join(", ")))
}

fn pair(text: &str) -> Result<(String, String), String> {
    // A column may have an equals sign in its name, a field has none.
    let (left, right) = text.rsplit_once('=').ok_or("write it with an equals sign in between")?;
    if left.is_empty() { Err("there is nothing before the equals sign".into()) } else { Ok((left.into(), right.into())) }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [one] if one.is_ascii_punctuation() => Ok(*one),
            _ => Err("one character: , ; | or tab".into()),
        },
    }
}
