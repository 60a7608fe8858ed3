//! The bytes of a value: Confluent's prefix, then Avro binary.
use crate::{AlertCommand, Event, Move, Tick};

/// Why bytes could not be read as a record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than the prefix, or the prefix is not ours.
    #[error("not in confluent's wire format (a zero byte, 4 bytes of schema id, avro)")]
    Prefix,
    #[error("schema id {0} is not known, or not one that stands in this topic")]
    UnknownSchema(u32),
    #[error("the avro bytes are cut short or broken at byte {0}")]
    Malformed(usize),
    #[error("avro: {0}")]
    Avro(String),
}

/// Whatever stands in the events topics (`c360.events`, `c360.unresolved`).
#[derive(Debug, Clone, PartialEq)]
pub enum EventsValue<'a> {
    Event(Event<'a>),
    Tick(Tick),
    Move(Move),
    Command(AlertCommand),
}

/// Decodes a value of `c360.events` or `c360.unresolved` by its schema id.
pub fn decode_events_value(bytes: &[u8]) -> Result<EventsValue<'_>, DecodeError> {
    let _ = bytes;
    unimplemented!()
}

impl<'a> Event<'a> {
    /// Appends the event's bytes, prefix and all.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }

    /// Reads an event, borrowing from `bytes`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let _ = bytes;
        unimplemented!()
    }
}

impl Tick {
    /// Appends the tick's bytes, prefix and all.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }
}
