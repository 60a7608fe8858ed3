//! What `c360 health` is told.
use crate::cli::Options;
use crate::dead_letters::moment;
use crate::remote::Server;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Start from the rules in force, change them, and put them in force:
  c360 health show > health.toml
  c360 health check health.toml
  c360 health apply health.toml --note 'seats count for more'

Keep the file in git; what was applied, when and by whom stands in the log, and on the console's page Rules.";

/// Scorecards, alert rules and playbooks: `health.toml`
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum HealthCommand {
    /// Checks a file of rules: every mistake with its line and column, and what to write instead
    #[command(after_help = EXAMPLES)]
    Check(CheckOptions),
    /// Prints the rules in force as a file, to start from
    Show(ShowOptions),
    /// Lists the facts that rules can speak of
    Facts,
    /// Puts a file of rules in force: every customer is scored anew, and each change names the rules in its receipt
    #[command(after_help = EXAMPLES)]
    Apply(ApplyOptions),
    /// Tries a file of rules on history, beside the rules in force: who changes band, how many alerts, how early, how many of them false
    ///
    /// Reads the log and nothing else: c360 may run meanwhile, and nothing of it changes. What was loaded from files is lived through when it happened.
    #[command(after_help = BACKTEST_EXAMPLES)]
    Backtest(BacktestOptions),
}

const BACKTEST_EXAMPLES: &str = "\
Examples:
  c360 health backtest health.toml --data ./data
  c360 health backtest health.toml --kafka localhost:9092 --report backtest.md --json backtest.json
  C360_API_TOKEN=... c360 health backtest health.toml --data ./data --publish";

#[derive(Args, Clone, Debug)]
pub(crate) struct BacktestOptions {
    /// The file of rules to try; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Whose customers
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,
    /// Leaves out what was before; a time or a date
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<jiff::Timestamp>,
    /// Ends there [default: with the last record]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<jiff::Timestamp>,
    /// Goes by when records came, also where they tell of what was long ago
    #[arg(long)]
    pub(crate) as_recorded: bool,
    /// Writes a report in Markdown, with charts beside it
    #[arg(long, value_name = "FILE.md")]
    pub(crate) report: Option<PathBuf>,
    /// Writes all figures as JSON
    #[arg(long, value_name = "FILE.json")]
    pub(crate) json: Option<PathBuf>,
    /// Puts the report on the console's page Rules
    #[arg(long)]
    pub(crate) publish: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CheckOptions {
    /// The file of rules; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ShowOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    /// The rules that c360 comes with, whatever is in force; asks nobody
    #[arg(long)]
    pub(crate) built_in: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ApplyOptions {
    /// The file of rules; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) server: Server,
    /// Who applies it [default: the name of the token]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// What changed and why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}
