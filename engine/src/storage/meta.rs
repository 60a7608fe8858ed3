//! The row that says how far a state is.
use c360_schemas::Topic;

/// Version of the row. Version 1 did not count timers.
const VERSION: u8 = 2;

/// How far a state is: the next offset of each topic, the partition's time, and the timers that have fired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub positions: Vec<(Topic, u64)>,
    /// UTC ms.
    pub now: i64,
    /// How many timers have ever fired in this partition: where more are due at once than one transaction takes, this says how far they were told.
    pub timers: u64,
}

impl Meta {
    /// Version byte, `now`, `timers`, then a byte and a u64 for each topic; numbers little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.now.to_le_bytes());
        out.extend_from_slice(&self.timers.to_le_bytes());
        for (topic, next) in &self.positions {
            out.push(*topic as u8);
            out.extend_from_slice(&next.to_le_bytes());
        }
        out
    }

    /// `None` where the bytes are not a row of a version that is known.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (now, mut rest) = rest.split_first_chunk::<8>()?;
        let mut timers = 0;
        match *version {
            1 => {}
            VERSION => {
                let (count, tail) = rest.split_first_chunk::<8>()?;
                timers = u64::from_le_bytes(*count);
                rest = tail;
            }
            _ => return None,
        }
        let mut positions = Vec::new();
        while let Some((entry, tail)) = rest.split_first_chunk::<9>() {
            let (topic, next) = entry.split_first()?;
            let topic = *Topic::ALL.get(*topic as usize)?;
            positions.push((topic, u64::from_le_bytes(next.try_into().ok()?)));
            rest = tail;
        }
        rest.is_empty().then_some(Self { positions, now: i64::from_le_bytes(*now), timers })
    }

    /// The next offset of `topic`; 0 where it was never read.
    pub fn next(&self, topic: Topic) -> u64 {
        self.positions.iter().find(|(t, _)| *t == topic).map_or(0, |(_, next)| *next)
    }

    /// Sets the next offset of `topic`.
    pub fn set(&mut self, topic: Topic, next: u64) {
        match self.positions.iter_mut().find(|(t, _)| *t == topic) {
            Some(entry) => entry.1 = next,
            None => self.positions.push((topic, next)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut meta = Meta { now: -7, timers: 9, ..Meta::default() };
        meta.set(Topic::Events, 42);
        meta.set(Topic::Alerts, u64::MAX);
        assert_eq!(Meta::decode(&meta.encode()), Some(meta));
    }

    #[test]
    fn a_row_of_version_1_has_counted_no_timers() {
        let mut old = vec![1];
        old.extend_from_slice(&5_i64.to_le_bytes());
        old.push(Topic::Events as u8);
        old.extend_from_slice(&42_u64.to_le_bytes());
        assert_eq!(Meta::decode(&old), Some(Meta { positions: vec![(Topic::Events, 42)], now: 5, timers: 0 }));
    }

    #[test]
    fn a_row_of_another_version_or_length_is_refused() {
        for bytes in [&[9; 17][..], &[], &[2; 16], &[1; 12], &[2; 18]] {
            assert_eq!(Meta::decode(bytes), None, "{bytes:?}");
        }
    }
}
