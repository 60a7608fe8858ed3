//! Our bytes are the bytes that `apache-avro` writes by the schemas, and each reads what the other wrote.
use std::fmt::Debug;

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter};
use c360_schemas::{Event, EventsValue, Payload, Tick, Wire, decode_events_value, schema_id, schema_text};
use proptest::{collection::vec, prelude::*};
use serde::{Serialize, de::DeserializeOwned};

use crate::tape::Tape;

fn schema(name: &str) -> Schema {
    let text = schema_text(schema_id(name).expect("a schema of ours")).expect("its text");
    Schema::parse_str(text).expect("a schema that parses")
}

/// The bytes behind the prefix, which has to be that of `name`.
fn body<'b>(name: &str, bytes: &'b [u8]) -> &'b [u8] {
    let (prefix, body) = bytes.split_at(5);
    assert_eq!(prefix[0], 0);
    assert_eq!(prefix[1..], schema_id(name).expect("a schema of ours").0.to_be_bytes());
    body
}

fn check<T: Wire + Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, record: &T) {
    let schema = schema(name);
    let mut ours = Vec::new();
    record.encode(&mut ours);
    let theirs = GenericDatumWriter::builder(&schema).build().and_then(|writer| writer.write_ser_to_vec(record)).expect("avro writes it");
    assert_eq!(body(name, &ours), theirs);
    let read: T =
        GenericDatumReader::builder(&schema).build().and_then(|reader| reader.read_deser(&mut &theirs[..])).expect("avro reads it");
    assert_eq!(&read, record);
    assert_eq!(&T::decode(&ours).expect("we read it"), record);
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    // Short tapes end in the simplest values, long ones fill every list.
    prop_oneof![vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..600)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn an_event_is_written_and_read_as_apache_avro_does(tape in tape()) {
        let event = Tape::new(&tape).event();
        let schema = schema("Event");
        let value = event_value(&event);
        let theirs = GenericDatumWriter::builder(&schema).build().unwrap().write_value_ref_to_vec(&value);
        let mut ours = Vec::new();
        event.encode(&mut ours);
        let ours = ours.leak();
        prop_assert_eq!(body("Event", ours), &theirs[..]);
        let read = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut &theirs[..]).unwrap();
        prop_assert_eq!(read, value);
        prop_assert_eq!(decode_events_value(ours), Ok(EventsValue::Event(event.clone())));
        prop_assert_eq!(Event::decode(ours), Ok(event));
    }

    #[test]
    fn every_other_record_is_written_and_read_as_apache_avro_does(tape in tape()) {
        let mut tape = Tape::new(&tape);
        check("Move", &tape.moved());
        check("AlertCommand", &tape.command());
        check("Rules", &tape.rules());
        check("Feed", &tape.feed());
        check("Delivery", &tape.delivery());
        check("Profile", &tape.profile());
        check("Progress", &tape.progress());
        check("DeadLetter", &tape.dead_letter());
        check("History", &tape.history());
        check("Alert", &tape.alert());
    }

    #[test]
    fn a_tick_is_written_and_read_as_apache_avro_does(at in any::<i64>()) {
        let mut ours = Vec::new();
        Tick { at }.encode(&mut ours);
        let schema = schema("Tick");
        let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut body("Tick", &ours)).unwrap();
        prop_assert_eq!(value, record([("at", Value::TimestampMillis(at))]));
        prop_assert_eq!(decode_events_value(&ours), Ok(EventsValue::Tick(Tick { at })));
    }
}

#[test]
fn moves_and_commands_stand_in_the_events_topics_and_alerts_do_not() {
    let (mut moved, mut command, mut alert) = (Vec::new(), Vec::new(), Vec::new());
    Tape::new(&[2; 99]).moved().encode(&mut moved);
    Tape::new(&[2; 99]).command().encode(&mut command);
    Tape::new(&[2; 99]).alert().encode(&mut alert);
    assert_eq!(decode_events_value(&moved), Ok(EventsValue::Move(Tape::new(&[2; 99]).moved())));
    assert_eq!(decode_events_value(&command), Ok(EventsValue::Command(Tape::new(&[2; 99]).command())));
    assert_eq!(decode_events_value(&alert), Err(c360_schemas::DecodeError::UnknownSchema(12)));
}

trait WriteVec {
    fn write_value_ref_to_vec(&self, value: &Value) -> Vec<u8>;
}

impl WriteVec for GenericDatumWriter<'_> {
    fn write_value_ref_to_vec(&self, value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_value_ref(&mut bytes, value).expect("avro writes it");
        bytes
    }
}

// An event as avro's own value, said a second time and by name.

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

fn opt<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Value {
    match value {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(value) => Value::Union(1, Box::new(make(value))),
    }
}

fn symbol(index: u8, name: &str) -> Value {
    Value::Enum(u32::from(index), name.to_owned())
}

fn event_value(event: &Event<'_>) -> Value {
    let ids = event.foreign_ids.iter().map(|id| record([("kind", text(id.kind)), ("id", text(id.id))])).collect();
    record([
        ("message_id", text(event.message_id)),
        ("tenant", text(event.tenant)),
        ("account_id", opt(event.account_id, text)),
        ("foreign_ids", Value::Array(ids)),
        ("user_id", opt(event.user_id, text)),
        ("anonymous_id", opt(event.anonymous_id, text)),
        ("kind", symbol(event.kind as u8, event.kind.as_str())),
        ("name", text(event.name)),
        ("occurred_at", Value::TimestampMillis(event.occurred_at)),
        ("received_at", Value::TimestampMillis(event.received_at)),
        ("source", text(event.source)),
        ("payload", payload_value(&event.payload)),
        ("properties", text(event.properties)),
    ])
}

fn payload_value(payload: &Payload<'_>) -> Value {
    let (branch, value) = match payload {
        Payload::None => (0, Value::Null),
        Payload::Subscription(subscription) => (1, subscription_value(subscription)),
        Payload::Invoice(it) => (
            2,
            record([
                ("id", text(it.id)),
                ("status", text(it.status)),
                ("version", Value::Long(it.version)),
                ("currency", text(it.currency)),
                ("amount_due", Value::Long(it.amount_due)),
                ("amount_remaining", Value::Long(it.amount_remaining)),
                ("due_at", opt(it.due_at, Value::Long)),
                ("attempt_count", Value::Long(it.attempt_count)),
                ("attempt_failed", Value::Boolean(it.attempt_failed)),
                ("next_attempt_at", opt(it.next_attempt_at, Value::Long)),
                ("subscription_id", opt(it.subscription_id, text)),
            ]),
        ),
        Payload::Ticket(it) => (
            3,
            record([
                ("id", text(it.id)),
                ("status", text(it.status)),
                ("priority", opt(it.priority, text)),
                ("version", Value::Long(it.version)),
                ("created_at", opt(it.created_at, Value::Long)),
                ("replied_at", opt(it.replied_at, Value::Long)),
                ("subject", opt(it.subject, text)),
                ("requester", opt(it.requester, text)),
            ]),
        ),
        Payload::Answer(it) => (
            4,
            record([
                ("id", text(it.id)),
                ("survey", symbol(it.survey as u8, ["nps", "csat"][it.survey as usize])),
                ("score", Value::Int(it.score)),
                ("respondent", text(it.respondent)),
                ("comment", opt(it.comment, text)),
                ("version", Value::Long(it.version)),
            ]),
        ),
        Payload::Account(it) => (
            5,
            record([
                ("name", opt(it.name, text)),
                ("owner_name", opt(it.owner_name, text)),
                ("owner_email", opt(it.owner_email, text)),
                ("created_at", opt(it.created_at, Value::Long)),
                ("delivered_at", opt(it.delivered_at, Value::Long)),
                ("plan", opt(it.plan, text)),
                ("seats", opt(it.seats, Value::Long)),
            ]),
        ),
        Payload::User(it) => (6, record([("name", opt(it.name, text)), ("email", opt(it.email, text)), ("role", opt(it.role, text))])),
        Payload::Link(it) => (
            7,
            record([
                ("kind", text(it.kind)),
                ("id", text(it.id)),
                ("account_id", opt(it.account_id, text)),
                ("rank", symbol(it.rank as u8, it.rank.as_str())),
                ("at", Value::Long(it.at)),
            ]),
        ),
    };
    Value::Union(branch, Box::new(value))
}

fn subscription_value(it: &c360_schemas::Subscription<'_>) -> Value {
    let items = it.items.iter().map(|item| {
        record([
            ("amount_micros", Value::Long(item.amount_micros)),
            ("quantity", Value::Long(item.quantity)),
            ("interval", symbol(item.interval as u8, ["day", "week", "month", "year"][item.interval as usize])),
            ("interval_count", Value::Long(item.interval_count)),
            ("metered", Value::Boolean(item.metered)),
            ("product", opt(item.product, text)),
        ])
    });
    let discounts = it.discounts.iter().map(|discount| {
        record([
            ("percent_micros", opt(discount.percent_micros, Value::Long)),
            ("amount_micros", opt(discount.amount_micros, Value::Long)),
            ("recurring", Value::Boolean(discount.recurring)),
            ("ends_at", opt(discount.ends_at, Value::Long)),
        ])
    });
    record([
        ("id", text(it.id)),
        ("status", text(it.status)),
        ("version", Value::Long(it.version)),
        ("currency", text(it.currency)),
        ("items", Value::Array(items.collect())),
        ("discounts", Value::Array(discounts.collect())),
        ("started_at", opt(it.started_at, Value::Long)),
        ("term_start", opt(it.term_start, Value::Long)),
        ("term_end", opt(it.term_end, Value::Long)),
        ("trial_end", opt(it.trial_end, Value::Long)),
        ("cancels_at", opt(it.cancels_at, Value::Long)),
        ("ended_at", opt(it.ended_at, Value::Long)),
        ("cancel_reason", opt(it.cancel_reason, text)),
    ])
}
