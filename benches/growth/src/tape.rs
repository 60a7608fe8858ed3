//! What stands in the log: sections one after the other, each record a function of its offset, so that ten million customers' records need no disk.
use crate::customers::{DAY_MS, EVENTS_EACH, LINKS_EACH, Record, START_MS, Writer};
use crate::draw::{below, mix, ranked};
use c360_schemas::Topic;

/// Who sends a load's events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// As many customers as there are in the smallest run, however many quiet ones lie between them; by a power law.
    Busy(u64),
    /// All customers, by a power law.
    Skewed,
    /// All customers alike.
    Even,
}

/// A stretch of records, in each partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Section {
    /// Customers begin, one after the other: a history of months ago that is imported at [`START_MS`].
    Imported,
    /// Customers begin side by side, as it happens: all of them make their first step, then all their second one.
    Lived,
    /// Time passes: so many ticks, so far apart.
    Silence { from: i64, every_ms: i64, ticks: u64 },
    /// Usage: so many events, a millisecond apart.
    Load { from: i64, events: u64, spread: Spread },
}

/// How long ago an imported history began. It ended before any window of today.
const IMPORTED_AGO_MS: i64 = 120 * DAY_MS;
/// Exponent of the power law.
const SKEW: f64 = 0.8;
/// Days over which the steps of a beginning are lived through.
pub const LIVED_DAYS: i64 = 9;

/// The log's contents; partitions are alike, each with its own customers.
#[derive(Clone, Debug)]
pub struct Tape {
    pub partitions: u64,
    /// Of all partitions together.
    pub customers: u64,
    /// The first offset of each section.
    sections: Vec<(u64, Section)>,
    events_end: u64,
    links_end: u64,
}

impl Tape {
    /// `customers` is rounded up to a multiple of `partitions`.
    pub fn new(partitions: u64, customers: u64) -> Self {
        let customers = customers.div_ceil(partitions).max(1) * partitions;
        Self { partitions, customers, sections: Vec::new(), events_end: 0, links_end: 0 }
    }

    fn customers_each(&self) -> u64 {
        self.customers / self.partitions
    }

    /// Appends a section; a load's events are those of all partitions.
    pub fn push(&mut self, section: Section) {
        let each = match section {
            Section::Imported | Section::Lived => {
                self.links_end = self.customers_each() * LINKS_EACH;
                self.customers_each() * EVENTS_EACH
            }
            Section::Silence { ticks, .. } => ticks,
            Section::Load { events, .. } => events / self.partitions,
        };
        self.sections.push((self.events_end, section));
        self.events_end += each;
    }

    /// The offset after the last record of each partition.
    pub fn end(&self, topic: Topic) -> u64 {
        match topic {
            Topic::Events => self.events_end,
            Topic::Unresolved => self.links_end,
            _ => 0,
        }
    }

    /// Makes the record at `offset`.
    pub fn record(&self, topic: Topic, partition: u64, offset: u64, writer: &mut Writer, out: &mut Record) {
        if topic == Topic::Unresolved {
            let customer = self.customer(partition, offset / LINKS_EACH);
            writer.belonging(customer, offset % LINKS_EACH, START_MS - IMPORTED_AGO_MS, out);
            out.recorded_at = START_MS;
            return;
        }
        let place = self.sections.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        let Some((start, section)) = self.sections.get(place) else { return };
        let n = offset - start;
        match *section {
            Section::Imported => {
                let at = START_MS - IMPORTED_AGO_MS;
                writer.beginning(self.customer(partition, n / EVENTS_EACH), n % EVENTS_EACH, at, out);
                out.recorded_at = START_MS;
            }
            Section::Lived => {
                let (step, index) = (n / self.customers_each(), n % self.customers_each());
                writer.beginning(self.customer(partition, index), step, START_MS, out);
            }
            Section::Silence { from, every_ms, .. } => Writer::tick(from + n as i64 * every_ms, out),
            Section::Load { from, spread, .. } => {
                let hash = mix(offset ^ partition << 48);
                writer.usage(self.customer(partition, self.drawn(spread, hash)), from + n as i64, hash, out);
            }
        }
    }

    fn customer(&self, partition: u64, index: u64) -> u64 {
        index * self.partitions + partition
    }

    /// Which of a partition's customers.
    fn drawn(&self, spread: Spread, hash: u64) -> u64 {
        let (each, hash) = (self.customers_each(), mix(hash ^ 3));
        match spread {
            Spread::Busy(of_all) => {
                let busy = (of_all / self.partitions).clamp(1, each);
                ranked(hash, busy, SKEW) * (each / busy)
            }
            Spread::Skewed => ranked(hash, each, SKEW),
            Spread::Even => below(hash, each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_same_whenever_it_is_made() {
        let mut tape = Tape::new(4, 1_000);
        tape.push(Section::Imported);
        tape.push(Section::Silence { from: START_MS, every_ms: 5, ticks: 3 });
        tape.push(Section::Load { from: START_MS + DAY_MS, events: 400, spread: Spread::Busy(100) });
        assert_eq!((tape.end(Topic::Events), tape.end(Topic::Unresolved)), (250 * 8 + 3 + 100, 500));
        let make = |offset| {
            let mut out = Record::default();
            tape.record(Topic::Events, 1, offset, &mut Writer::default(), &mut out);
            (out.recorded_at, out.key, out.value)
        };
        let forth: Vec<_> = (0..tape.end(Topic::Events)).map(make).collect();
        let back: Vec<_> = (0..tape.end(Topic::Events)).rev().map(make).collect();
        assert!(forth.iter().eq(back.iter().rev()));
        assert!(forth.windows(2).all(|pair| pair[0].0 <= pair[1].0), "time goes back");
    }

    #[test]
    fn a_lived_beginning_is_in_the_order_of_time_but_for_hours() {
        let mut tape = Tape::new(2, 100);
        tape.push(Section::Lived);
        let mut out = Record::default();
        let mut latest = 0;
        for offset in 0..tape.end(Topic::Events) {
            tape.record(Topic::Events, 0, offset, &mut Writer::default(), &mut out);
            assert!(out.recorded_at > latest - DAY_MS / 2);
            latest = latest.max(out.recorded_at);
        }
        assert!(latest < START_MS + LIVED_DAYS * DAY_MS);
    }
}
