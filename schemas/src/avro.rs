//! The records that own their strings: [`Wire`], and the way in for bytes that an older version of us wrote.
//!
//! The newest version of a schema is read and written by hand, which cannot fail to write and is some ten times as fast. Older versions are resolved by `apache-avro`, by the
//! schema that wrote them, defaults and all.
use std::{collections::HashMap, sync::LazyLock};

use apache_avro::{Schema, from_value, reader::datum::GenericDatumReader};
use serde::de::DeserializeOwned;

use crate::primitive::Field;
use crate::registry::{self, ENTRIES, SchemaId};
use crate::wire::{PREFIX_BYTES, put_prefix, read_rest, schema_id_of};
use crate::{Alert, AlertCommand, DeadLetter, DecodeError, Delivery, Feed, History, Move, Profile, Progress, Rules};

/// A record that owns what it holds.
pub trait Wire: Sized {
    /// Appends the record's bytes, prefix and all.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads a record, of this version of its schema or of an older one.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are not this record.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

macro_rules! wire {
    ($($record:ty = $id:ident),* $(,)?) => {
        $(impl Wire for $record {
            fn encode(&self, out: &mut Vec<u8>) {
                put_prefix(registry::$id, out);
                self.put(out);
            }
            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                match schema_id_of(bytes)? {
                    registry::$id => read_rest(bytes),
                    id => read_older(id, registry::$id, bytes),
                }
            }
        })*
    };
}
wire!(
    Move = MOVE,
    AlertCommand = ALERT_COMMAND,
    Alert = ALERT,
    Delivery = DELIVERY,
    Profile = PROFILE,
    Progress = PROGRESS,
    DeadLetter = DEAD_LETTER,
    History = HISTORY,
    Rules = RULES,
    Feed = FEED,
);

/// The registry's schemas, parsed once. A test holds that all of them parse.
static SCHEMAS: LazyLock<HashMap<u32, Schema>> =
    LazyLock::new(|| ENTRIES.iter().filter_map(|entry| Some((entry.id.0, Schema::parse_str(entry.text).ok()?))).collect());

/// Reads what was written with `id`, an older version of `newest`.
fn read_older<T: DeserializeOwned>(id: SchemaId, newest: SchemaId, bytes: &[u8]) -> Result<T, DecodeError> {
    let name = |id| registry::entry(id).map(|entry| entry.name);
    let unknown = DecodeError::UnknownSchema(id.0);
    if name(id).is_none() || name(id) != name(newest) {
        return Err(unknown);
    }
    match (SCHEMAS.get(&id.0), SCHEMAS.get(&newest.0)) {
        (Some(writer), Some(reader)) => resolve(writer, reader, bytes.get(PREFIX_BYTES..).unwrap_or_default()),
        _ => Err(unknown),
    }
}

/// Avro's schema resolution. (`read_deser` cannot do it: it knows one schema only.)
fn resolve<T: DeserializeOwned>(writer: &Schema, reader: &Schema, mut body: &[u8]) -> Result<T, DecodeError> {
    let value = GenericDatumReader::builder(writer).reader_schema(reader).build().and_then(|datum| datum.read_value(&mut body));
    value.and_then(|value| from_value(&value)).map_err(|error| DecodeError::Avro(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_an_older_version_are_read_with_the_defaults_of_the_newest() {
        // A delivery before it had `alert` and `error`, and with its numbers narrower.
        let older = r#"{"type": "record", "name": "Delivery", "namespace": "c360", "fields": [
            {"name": "tenant", "type": "string"}, {"name": "account_id", "type": "string"}, {"name": "alert_id", "type": "string"},
            {"name": "revision", "type": "int"}, {"name": "destination", "type": "string"}, {"name": "kind", "type": "string"},
            {"name": "outcome", "type": {"type": "enum", "name": "DeliveryOutcome", "symbols": ["planned", "retry", "delivered", "dead"]}},
            {"name": "at", "type": "long"}, {"name": "attempt", "type": "int"}, {"name": "status_code", "type": "int"}]}"#;
        let mut body = Vec::new();
        for text in ["t", "a1", "al"] {
            text.put(&mut body);
        }
        1_i32.put(&mut body);
        "hook".put(&mut body);
        "webhook".put(&mut body);
        for number in [1_i64, 1_700_000_000_000, 2, 503] {
            number.put(&mut body);
        }
        let writer = Schema::parse_str(older).unwrap();
        let delivery: Delivery = resolve(&writer, &SCHEMAS[&registry::DELIVERY.0], &body).unwrap();
        assert_eq!(
            delivery,
            Delivery {
                tenant: "t".into(),
                account_id: "a1".into(),
                alert_id: "al".into(),
                revision: 1,
                destination: "hook".into(),
                kind: "webhook".into(),
                outcome: crate::DeliveryOutcome::Retry,
                at: 1_700_000_000_000,
                attempt: 2,
                status_code: Some(503),
                error: None,
                next_attempt_at: None,
                alert: None,
            }
        );
        assert!(matches!(resolve::<Delivery>(&writer, &SCHEMAS[&registry::DELIVERY.0], &body[..9]), Err(DecodeError::Avro(_))));
    }

    #[test]
    fn bytes_serialised_by_apache_avro_and_resolved_keep_bytes_as_bytes() {
        let schema = &SCHEMAS[&registry::MOVE.0];
        let sent = Move { tenant: "t".into(), from_account: "~user:u".into(), to_account: "a".into(), rows: vec![0, 255, 7] };
        let mut bytes = Vec::new();
        sent.encode(&mut bytes);
        assert_eq!(resolve::<Move>(schema, schema, &bytes[PREFIX_BYTES..]), Ok(sent));
    }

    #[test]
    fn every_schema_of_the_registry_parses() {
        assert_eq!(SCHEMAS.len(), ENTRIES.len());
    }
}
