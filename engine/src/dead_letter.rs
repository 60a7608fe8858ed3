//! What a machine could not take, on its way to the dead letters: the bytes, the reason, and Kafka Connect's headers.
use crate::machine::{Actions, Machine};
use crate::state::Timer;
use c360_log::{Headers, RecordRef};
use c360_schemas::{DeadLetter, Topic, Wire};

/// Sends a record to the dead letters.
pub(crate) fn record<M: Machine>(record: &RecordRef<'_>, reason: &'static str, message: &str, now: i64, actions: &mut Actions<M::Effect>) {
    tracing::warn!(
        machine = M::NAME,
        topic = record.topic.suffix(),
        partition = record.partition,
        offset = record.offset,
        reason,
        message,
        "dead letter"
    );
    push::<M>(record, reason, message, now, record.value, actions);
}

/// Sends a timer that a machine broke down on to the dead letters.
pub(crate) fn timer<M: Machine>(timer: &Timer, before: &RecordRef<'_>, now: i64, actions: &mut Actions<M::Effect>) {
    tracing::error!(machine = M::NAME, partition = before.partition, due = timer.due, "dead letter: the machine broke down on a timer");
    push::<M>(before, "panic", "the machine broke down on a timer", now, &timer.key, actions);
}

fn push<M: Machine>(at: &RecordRef<'_>, reason: &'static str, message: &str, now: i64, original: &[u8], actions: &mut Actions<M::Effect>) {
    let letter = DeadLetter {
        tenant: c360_schemas::Key::parse(at.key).map(|key| key.tenant.to_owned()),
        source: at.topic.suffix().into(),
        stage: M::NAME.into(),
        reason: reason.into(),
        message: message.into(),
        at: now,
        original: original.to_vec(),
        content_type: None,
        path: None,
    };
    c360_log::count_dead_letter(reason);
    actions.outputs.push_with(
        Topic::DeadLetters,
        None,
        |key| key.extend_from_slice(at.key),
        |headers| {
            for (name, value) in [
                ("topic", at.topic.suffix().to_owned()),
                ("partition", at.partition.to_string()),
                ("offset", at.offset.to_string()),
                ("connector.name", "c360".to_owned()),
                ("stage", M::NAME.to_owned()),
                ("exception.class.name", reason.to_owned()),
                ("exception.message", message.to_owned()),
            ] {
                Headers::write(headers, &format!("__connect.errors.{name}"), value.as_bytes());
            }
        },
        |value| letter.encode(value),
    );
}
