//! Encoding and decoding of the records off the hot path, by serde through `apache-avro`.
use crate::DecodeError;

/// A record that goes through `apache-avro`.
pub trait Wire: Sized {
    /// Appends the record's bytes, prefix and all.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads a record, of this version of its schema or of an older one.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are not this record.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}
macro_rules! todo_wire { ($($t:ty),*) => { $(impl Wire for $t {
    fn encode(&self, _out: &mut Vec<u8>) { unimplemented!() }
    fn decode(_bytes: &[u8]) -> Result<Self, DecodeError> { unimplemented!() }
})* } }
todo_wire!(crate::Alert, crate::AlertCommand, crate::Move, crate::Delivery, crate::Profile, crate::Progress, crate::DeadLetter, crate::History);
