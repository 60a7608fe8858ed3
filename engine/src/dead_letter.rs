//! What a machine could not take, on its way to the dead letters: the bytes, the reason, and Kafka Connect's headers.
use crate::machine::{Actions, Machine};
use crate::timers::Timer;
use c360_log::{CONNECT_PREFIX, ConnectErrors, Headers, RecordRef};
use c360_schemas::{DeadLetter, Topic, Wire};

/// Header of a letter that is no record but a timer, which nobody can take again.
const TIMER: &str = "c360.timer.due";

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
    push::<M>(record, reason, message, now, record.value, None, actions);
}

/// Sends a timer that a machine broke down on to the dead letters.
pub(crate) fn timer<M: Machine>(timer: &Timer, before: &RecordRef<'_>, now: i64, actions: &mut Actions<M::Effect>) {
    tracing::error!(machine = M::NAME, partition = before.partition, due = timer.due, "dead letter: the machine broke down on a timer");
    push::<M>(before, "panic", "the machine broke down on a timer", now, &timer.key, Some(timer.due), actions);
}

fn push<M: Machine>(
    at: &RecordRef<'_>,
    reason: &'static str,
    message: &str,
    now: i64,
    original: &[u8],
    timer_due: Option<i64>,
    actions: &mut Actions<M::Effect>,
) {
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
    let errors = ConnectErrors {
        record: Some((at.topic.suffix(), at.partition, at.offset)),
        connector: "c360",
        task: at.partition,
        stage: M::NAME,
        class: std::any::type_name::<M>(),
        reason,
        message,
    };
    actions.outputs.push_with(
        Topic::DeadLetters,
        None,
        |key| key.extend_from_slice(at.key),
        |headers| {
            // What stood in the record's own headers, but for why it fell out before.
            for (name, value) in at.headers.iter().filter(|(name, _)| !name.starts_with(CONNECT_PREFIX)) {
                Headers::write(headers, name, value);
            }
            if let Some(due) = timer_due {
                Headers::write(headers, TIMER, due.to_string().as_bytes());
            }
            errors.write(headers);
        },
        |value| letter.encode(value),
    );
}
