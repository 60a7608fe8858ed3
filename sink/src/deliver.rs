//! The machine: alerts become plans, plans become outbox rows, outcomes update or remove them.
//!
//! Its state is a fold over the deliveries topic alone. Alerts only give outputs (plans, by the configuration of the moment), so a replay depends neither on the configuration
//! nor on how the two topics interleave. Killed at any point, whatever has a row is said again to the sender when the partition goes live.
use crate::outbox::{self, Row, RowKey};
use crate::plan::Routes;
use crate::window::Windows;
use c360_engine::{Actions, ApplyError, At, Machine, State, StateError, Timer};
use c360_log::RecordRef;
use c360_schemas::{Alert, Delivery, DeliveryOutcome, Key, Topic, Wire, schema_id};
use std::ops::ControlFlow;

/// What the sender is told, after the commit.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliverEffect {
    /// The partition went live: the rows that follow are from before, and may have been delivered by what the log says next.
    Live,
    /// A delivery to make; said once while the partition is ours.
    Send(Outgoing),
    /// A row is gone, by whosever outcome.
    Done(RowKey),
    /// A mark in the deliveries topic, at this offset, was read: all outcomes before it are folded in.
    Passed(u64),
    /// How many rows the partition has.
    Pending(u64),
}

/// A delivery to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub key: RowKey,
    pub tenant: String,
    pub account_id: String,
    pub alert_id: String,
    pub revision: i32,
    pub destination: String,
    /// As it was planned.
    pub kind: String,
    /// The log's time, UTC ms.
    pub planned_at: i64,
    /// Attempts that failed.
    pub attempts: u32,
    /// Real time, UTC ms.
    pub next_attempt_at: Option<i64>,
    /// Real time that the first retry was set for, UTC ms.
    pub first_retry_at: Option<i64>,
    /// The alert's record.
    pub alert: Vec<u8>,
}

/// The machine of one partition.
#[derive(Debug)]
pub struct Deliver {
    routes: Routes,
    windows: Windows,
    /// Rows of the partition; `None` until they were counted on going live.
    pending: Option<u64>,
    told: Option<u64>,
}

type Out = Actions<DeliverEffect>;

impl Deliver {
    /// A machine that plans by `routes` and has at most `window` rows of a destination in the sender's hands.
    pub fn new(routes: Routes, window: usize) -> Self {
        Self { routes, windows: Windows::new(window), pending: None, told: None }
    }

    fn on_alert(&mut self, at: At, record: &RecordRef<'_>, actions: &mut Out) -> Result<(), ApplyError> {
        let alert = Alert::decode(record.value).map_err(|e| poison("malformed", e.to_string()))?;
        check_key(record.key, &alert.tenant, &alert.account_id)?;
        if !alert.notify {
            return Ok(());
        }
        for plan in self.routes.plan(&alert, record.value, at.now) {
            actions.outputs.push(Topic::Deliveries, |out| out.extend_from_slice(record.key), |out| plan.encode(out));
        }
        Ok(())
    }

    fn on_delivery(&mut self, record: &RecordRef<'_>, state: &mut State, actions: &mut Out) -> Result<(), ApplyError> {
        let delivery = Delivery::decode(record.value).map_err(|e| poison("malformed", e.to_string()))?;
        check_key(record.key, &delivery.tenant, &delivery.account_id)?;
        let key = RowKey::of(&delivery);
        let row = outbox::get(state, &key)?;
        match (delivery.outcome, row) {
            (DeliveryOutcome::Planned, None) => self.on_planned(key, delivery, record.offset, state, actions)?,
            (DeliveryOutcome::Retry, Some(row)) => on_retry(&key, row, &delivery, state)?,
            (DeliveryOutcome::Delivered | DeliveryOutcome::Dead, Some(row)) => self.on_done(key, &row, state, actions)?,
            // Planned twice, or the outcome of what is settled: nothing to do.
            (DeliveryOutcome::Planned, Some(_)) | (_, None) => {}
        }
        Ok(())
    }

    fn on_planned(&mut self, key: RowKey, plan: Delivery, seq: u64, state: &mut State, actions: &mut Out) -> Result<(), ApplyError> {
        let alert = plan.alert.ok_or_else(|| poison("malformed", "a plan without its alert".into()))?;
        let row = Row {
            tenant: plan.tenant,
            account_id: plan.account_id,
            alert_id: plan.alert_id,
            revision: plan.revision,
            destination: plan.destination,
            kind: plan.kind,
            seq,
            planned_at: plan.at,
            attempts: 0,
            next_attempt_at: None,
            first_retry_at: None,
            alert,
        };
        outbox::insert(state, &key, &row)?;
        self.pending = self.pending.map(|n| n + 1);
        if self.windows.take(&row.destination, &key) {
            actions.effects.push(DeliverEffect::Send(outgoing(key, row)));
        }
        Ok(())
    }

    fn on_done(&mut self, key: RowKey, row: &Row, state: &mut State, actions: &mut Out) -> Result<(), StateError> {
        outbox::remove(state, &key, row);
        self.pending = self.pending.map(|n| n.saturating_sub(1));
        let read_on = self.windows.gone(&row.destination, &key);
        actions.effects.push(DeliverEffect::Done(key));
        if read_on { self.refill(&row.destination, state, actions) } else { Ok(()) }
    }

    /// Hands over the next rows of a destination's queue.
    fn refill(&mut self, destination: &str, state: &State, actions: &mut Out) -> Result<(), StateError> {
        let (mut next, mut full) = (Vec::new(), false);
        outbox::scan_queue(state, destination, &mut |key| match self.windows.read_on(destination, &key) {
            Some(hand_over) => {
                next.extend(hand_over.then_some(key));
                ControlFlow::Continue(())
            }
            None => {
                full = true;
                ControlFlow::Break(())
            }
        })?;
        if !full {
            self.windows.all_read(destination);
        }
        send_all(next, state, actions)
    }
}

impl Machine for Deliver {
    type Effect = DeliverEffect;

    const NAME: &'static str = "deliver";
    const INPUTS: &'static [Topic] = &[Topic::Alerts, Topic::Deliveries];

    fn apply(&mut self, at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Out) -> Result<(), ApplyError> {
        match record.topic {
            Topic::Deliveries if is_tick(record.value) => actions.effects.push(DeliverEffect::Passed(record.offset)),
            Topic::Deliveries => self.on_delivery(record, state, actions)?,
            Topic::Alerts if is_tick(record.value) => {}
            Topic::Alerts => self.on_alert(at, record, actions)?,
            other => return Err(poison("unexpected", format!("a record of {} does not belong here", other.suffix()))),
        }
        Ok(())
    }

    fn on_timer(&mut self, _: At, _: &Timer, _: &mut State, _: &mut Out) -> Result<(), StateError> {
        Ok(())
    }

    fn flush(&mut self, _: At, _: &mut State, actions: &mut Out) -> Result<(), StateError> {
        if self.told != self.pending {
            self.told = self.pending;
            actions.effects.extend(self.pending.map(DeliverEffect::Pending));
        }
        Ok(())
    }

    fn on_live(&mut self, _: At, state: &mut State, actions: &mut Out) -> Result<(), StateError> {
        self.windows.clear();
        let (mut count, mut next) = (0, Vec::new());
        outbox::scan_all(state, &mut |destination, key| {
            count += 1;
            if self.windows.take(destination, &key) {
                next.push(key);
            }
            ControlFlow::Continue(())
        })?;
        (self.pending, self.told) = (Some(count), Some(count));
        actions.effects.push(DeliverEffect::Live);
        send_all(next, state, actions)?;
        actions.effects.push(DeliverEffect::Pending(count));
        Ok(())
    }
}

fn on_retry(key: &RowKey, mut row: Row, delivery: &Delivery, state: &mut State) -> Result<(), StateError> {
    row.attempts = row.attempts.max(u32::try_from(delivery.attempt).unwrap_or(0));
    row.next_attempt_at = delivery.next_attempt_at;
    row.first_retry_at = row.first_retry_at.or(delivery.next_attempt_at);
    outbox::put(state, key, &row)
}

fn send_all(keys: Vec<RowKey>, state: &State, actions: &mut Out) -> Result<(), StateError> {
    for key in keys {
        let row = outbox::get(state, &key)?.ok_or_else(|| StateError("a queue of the outbox names a row that is not there".into()))?;
        actions.effects.push(DeliverEffect::Send(outgoing(key, row)));
    }
    Ok(())
}

fn outgoing(key: RowKey, row: Row) -> Outgoing {
    Outgoing {
        key,
        tenant: row.tenant,
        account_id: row.account_id,
        alert_id: row.alert_id,
        revision: row.revision,
        destination: row.destination,
        kind: row.kind,
        planned_at: row.planned_at,
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        first_retry_at: row.first_retry_at,
        alert: row.alert,
    }
}

/// The tenant comes from the key only: a value that says something else is not taken.
fn check_key(key: &[u8], tenant: &str, account_id: &str) -> Result<(), ApplyError> {
    if Key::parse(key) == Some(Key { tenant, id: account_id }) {
        return Ok(());
    }
    Err(poison("key_mismatch", format!("the key {:?} is not the value's {tenant}/{account_id}", String::from_utf8_lossy(key))))
}

fn is_tick(value: &[u8]) -> bool {
    match value {
        [0, a, b, c, d, ..] => schema_id("Tick").is_some_and(|id| id.0 == u32::from_be_bytes([*a, *b, *c, *d])),
        _ => false,
    }
}

fn poison(reason: &'static str, message: String) -> ApplyError {
    ApplyError::Poison { reason, message }
}

#[cfg(test)]
mod tests;
