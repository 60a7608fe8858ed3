//! The bytes of a value: Confluent's prefix, then Avro binary.
use crate::primitive::{Field, Reader};
use crate::registry::{self, SchemaId};
use crate::{AlertCommand, Event, Feed, Move, Rules, Tick, Wire};

/// A zero byte and the schema's id.
pub(crate) const PREFIX_BYTES: usize = 5;
/// Room made at once for an event's bytes, beside its texts: more than its numbers, lengths and branches commonly take.
const EVENT_BYTES_GUESS: usize = 128;

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
    Rules(Rules),
    Feed(Feed),
}

/// Decodes a value of `c360.events` or `c360.unresolved` by its schema id.
///
/// # Errors
/// [`DecodeError`] where the bytes are none of the records that stand there.
pub fn decode_events_value(bytes: &[u8]) -> Result<EventsValue<'_>, DecodeError> {
    match schema_id_of(bytes)? {
        registry::EVENT => read_rest(bytes).map(EventsValue::Event),
        registry::TICK => read_rest(bytes).map(EventsValue::Tick),
        id => match registry::entry(id).map(|entry| entry.name) {
            Some("Move") => Move::decode(bytes).map(EventsValue::Move),
            Some("AlertCommand") => AlertCommand::decode(bytes).map(EventsValue::Command),
            Some("Rules") => Rules::decode(bytes).map(EventsValue::Rules),
            Some("Feed") => Feed::decode(bytes).map(EventsValue::Feed),
            _ => Err(DecodeError::UnknownSchema(id.0)),
        },
    }
}

impl<'a> Event<'a> {
    /// Appends the event's bytes, prefix and all.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(EVENT_BYTES_GUESS + self.message_id.len() + self.name.len() + self.properties.len());
        put_prefix(registry::EVENT, out);
        self.put(out);
    }

    /// Reads an event, borrowing from `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are not an event.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match schema_id_of(bytes)? {
            registry::EVENT => read_rest(bytes),
            id => Err(DecodeError::UnknownSchema(id.0)),
        }
    }
}

impl Tick {
    /// Appends the tick's bytes, prefix and all.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_prefix(registry::TICK, out);
        self.put(out);
    }
}

/// Appends Confluent's prefix.
#[inline]
pub(crate) fn put_prefix(id: SchemaId, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&id.0.to_be_bytes());
}

/// The id in Confluent's prefix.
#[inline]
pub(crate) fn schema_id_of(bytes: &[u8]) -> Result<SchemaId, DecodeError> {
    match bytes {
        [0, a, b, c, d, ..] => Ok(SchemaId(u32::from_be_bytes([*a, *b, *c, *d]))),
        _ => Err(DecodeError::Prefix),
    }
}

/// Reads the record behind the prefix; bytes left over are as broken as bytes that lack.
#[inline]
pub(crate) fn read_rest<'a, T: Field<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes, PREFIX_BYTES);
    match T::get(&mut reader) {
        Some(record) if reader.left() == 0 => Ok(record),
        _ => Err(DecodeError::Malformed(reader.at())),
    }
}
