//! Keys of the rows, and the small values of the meta column family.
use crate::Consumed;
use c360_schemas::Topic;

pub(super) const FORMAT: &[u8] = b"format";
pub(super) const PARTITIONS: &[u8] = b"partitions";
/// Number of the newest group that was written: tells after a failed write whether it took effect.
pub(super) const GROUP: &[u8] = b"group";
/// Written to find out whether the disk takes writes again.
pub(super) const PROBE: &[u8] = b"probe";
/// Before a partition's end.
pub(super) const END: u8 = b'e';
/// Before a group's committed offset.
pub(super) const OFFSET: u8 = b'o';

/// Key of a chunk: partition and last offset, so that a seek to a wanted offset lands on the chunk that holds it.
pub(super) fn chunk(partition: u32, last: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&partition.to_be_bytes());
    key[4..].copy_from_slice(&last.to_be_bytes());
    key
}

/// Partition and last offset of a chunk's key.
pub(super) fn parse_chunk(key: &[u8]) -> Option<(u32, u64)> {
    let (partition, last) = key.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*partition), u64::from_be_bytes(last.try_into().ok()?)))
}

/// Key of a compacted topic's index.
pub(super) fn index(partition: u32, key: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&partition.to_be_bytes());
    out.extend_from_slice(key);
}

pub(super) fn end(topic: Topic, partition: u32) -> [u8; 6] {
    let p = partition.to_be_bytes();
    [END, topic as u8, p[0], p[1], p[2], p[3]]
}

/// Topic's number and partition of an end's key.
pub(super) fn parse_end(key: &[u8]) -> Option<(usize, u32)> {
    let [END, topic, a, b, c, d] = *key else { return None };
    Some((usize::from(topic), u32::from_be_bytes([a, b, c, d])))
}

/// Key of a group's committed offset.
pub(super) fn committed(group: &str, topic: Topic, partition: u32) -> Vec<u8> {
    let mut key = vec![OFFSET];
    key.extend_from_slice(&(group.len() as u32).to_be_bytes());
    key.extend_from_slice(group.as_bytes());
    key.push(topic as u8);
    key.extend_from_slice(&partition.to_be_bytes());
    key
}

/// Group and topic of a committed offset's key.
pub(super) fn parse_committed(key: &[u8]) -> Option<(String, Topic)> {
    let (len, rest) = key.strip_prefix(&[OFFSET])?.split_first_chunk::<4>()?;
    let (group, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    Some((String::from_utf8(group.to_vec()).ok()?, *Topic::ALL.get(usize::from(*rest.first()?))?))
}

/// Where a partition of a topic ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// Offset of the next record.
    pub(super) next: u64,
    /// Stamp of the last record.
    pub(super) stamp: i64,
}

impl End {
    pub(super) fn encode(self) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.next.to_le_bytes());
        out[8..].copy_from_slice(&self.stamp.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (next, stamp) = bytes.split_first_chunk::<8>()?;
        Some(Self { next: u64::from_le_bytes(*next), stamp: i64::from_le_bytes(stamp.try_into().ok()?) })
    }
}

/// A group's next offset, the note beside it, and whether something is owed. An offset alone is from before there were notes.
pub(super) fn consumed(consumed: &Consumed) -> [u8; 17] {
    let mut out = [0; 17];
    out[..8].copy_from_slice(&consumed.next.to_le_bytes());
    out[8..16].copy_from_slice(&consumed.note.to_le_bytes());
    out[16] = u8::from(consumed.owes);
    out
}

/// What [`consumed`] wrote.
pub(super) fn parse_consumed(topic: Topic, partition: u32, bytes: &[u8]) -> Option<Consumed> {
    let (next, rest) = bytes.split_first_chunk::<8>()?;
    let (note, owes) = match rest.split_first_chunk::<8>() {
        Some((note, owes)) => (u64::from_le_bytes(*note), owes == [1]),
        None => (0, false),
    };
    Some(Consumed { topic, partition, next: u64::from_le_bytes(*next), note, owes })
}

/// A number as meta rows hold it.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
