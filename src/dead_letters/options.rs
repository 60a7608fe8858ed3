//! What `c360 dead-letters` is told.
use super::filter::{Filter, LIMIT};
use crate::remote::Server;
use clap::{Args, Subcommand};

const LIST_EXAMPLES: &str = "\
Examples:
  c360 dead-letters list --since 24h
  c360 dead-letters list --reason bad_timestamp --source web --json
  c360 dead-letters list --show 3:17";

const REPLAY_EXAMPLES: &str = "\
Examples:
  See what would become of them:
    c360 dead-letters replay --reason no_customer --dry-run
  Take them again:
    c360 dead-letters replay --reason no_customer

Letters of ingest go through the same normalisers, as of the time at which they came. Records that a machine refused \
go back to their topic with their key. However often a letter is taken, and if it is killed in between: it counts once, \
since message ids are those of the original, or follow from the letter's position. (Message ids are known for 7 days: \
--again on letters that were taken before that counts them a second time.)";

/// What was refused, and taking it again.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum DeadLettersCommand {
    /// Shows what was refused: when, why, from where
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Takes what was refused again, after a fix; it counts once however often it is done
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayOptions),
}

/// Which letters are meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct Which {
    /// Only those with this reason: bad_timestamp, no_customer, undecodable, ...
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only those of this source: the name of a write key, of a webhook's source; or the topic, for what a machine refused
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only those of this stage: ingest, resolve, aggregate, deliver
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Not older than this: a time (2026-11-22, 2026-11-22T10:00:00Z), or how long ago (30m, 24h, 7d)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<jiff::Timestamp>,
    /// Older than this
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<jiff::Timestamp>,
    /// So many at most [default: the newest 100 of a list; 100000 of a replay]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Which {
    pub(crate) fn filter(&self, position: Option<&String>, limit: usize) -> Filter {
        Filter {
            reason: self.reason.clone(),
            source: self.source.clone(),
            stage: self.stage.clone(),
            since: self.since,
            until: self.until,
            position: position.cloned(),
            limit: Some(self.limit.unwrap_or(limit)),
        }
    }
}

/// `c360 dead-letters list`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Shows one letter whole, with its headers and the original
    #[arg(long, value_name = "POSITION")]
    pub(crate) show: Option<String>,
    /// JSON, as the API answers
    #[arg(long)]
    pub(crate) json: bool,
}

/// `c360 dead-letters replay`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only the letter at this position, as `list` shows it
    #[arg(long, value_name = "POSITION")]
    pub(crate) position: Option<String>,
    /// Says what would become of them, and takes none
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Takes those too that were taken again before
    #[arg(long)]
    pub(crate) again: bool,
    /// JSON, as the API answers
    #[arg(long)]
    pub(crate) json: bool,
}

/// The default of a list.
pub(crate) const LIST_LIMIT: usize = LIMIT;

/// A time, or how long ago it was.
pub(crate) fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return date.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp()).map_err(|error| error.to_string());
    }
    let ago = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok())
        .map(|days| jiff::SignedDuration::from_hours(days.saturating_mul(24)));
    let ago = ago.or_else(|| text.parse().ok()).ok_or("neither a time (2026-11-22T10:00:00Z) nor how long ago (30m, 24h, 7d)")?;
    jiff::Timestamp::now().checked_sub(ago).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_how_long_ago() {
        let now = jiff::Timestamp::now();
        for (text, seconds_ago) in [("30m", 1_800), ("24h", 86_400), ("7d", 604_800)] {
            let off = now.as_second() - seconds_ago - moment(text).unwrap().as_second();
            assert!(off.abs() <= 2, "{text}: {off}");
        }
        assert_eq!(moment("2026-11-22").unwrap().as_millisecond(), 1_795_305_600_000);
        assert_eq!(moment("2026-11-22T10:00:00Z").unwrap().as_millisecond(), 1_795_341_600_000);
        assert!(moment("yesterday").is_err());
    }
}
