//! The rule of Kafka Streams' arm A (`streams/src/c360/peers/ArmA.java`) as a machine on c360's engine: the same events, the same state, the same alerts.
//!
//! An event counts once (its message id is remembered for 8 days), moves its account's row on, and its user's; an account whose usage of a week has fallen below an eighth of the 28 days before
//! gives one alert, until it is back at three sixteenths.
mod account;
mod cache;
mod run;

pub use run::run;

use crate::draw::DAY_MS;
use crate::wording::amount_of;
use account::Account;
use c360_engine::{Actions, ApplyError, At, Machine, State, StateError, Timer};
use c360_log::RecordRef;
use c360_schemas::{Event, EventsValue, Topic, decode_events_value};
use cache::{Cache, Row};
use rustc_hash::FxHashSet;
use std::convert::Infallible;
use std::io::Write;
use std::ops::ControlFlow;

/// First bytes of the rows' keys.
const ACCOUNT: u8 = 0x10;
const USER: u8 = 0x11;
/// Then the day, big-endian, and the message id.
const SEEN: u8 = 0x12;
/// Days that a message id is remembered for.
const SEEN_DAYS: i32 = 8;
/// Usage of 28 days from which a drop is worth an alert.
const USAGE_MIN: i64 = 600;
/// Days that an account must be known for.
const KNOWN_DAYS: i32 = 35;
/// Rows kept decoded, for each partition.
const ACCOUNTS_MAX: usize = 20_000;
const USERS_MAX: usize = 100_000;
/// Message ids that wait for the next write at most, for each partition.
const SEEN_MAX: usize = 200_000;

/// A user's last active day.
#[derive(Default)]
struct LastDay(Option<i32>);

impl Row for LastDay {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.unwrap_or(0).to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(Some(i32::from_be_bytes(bytes.try_into().ok()?))))
    }
}

/// Arm A's rule.
pub struct ArmA {
    accounts: Cache<Account>,
    users: Cache<LastDay>,
    /// Message ids since the rows were last written.
    seen: FxHashSet<Box<[u8]>>,
    /// The same, in order, while they are written.
    ids: Vec<Box<[u8]>>,
    /// Newest day of any event.
    newest: i32,
    key: Vec<u8>,
}

impl Default for ArmA {
    fn default() -> Self {
        Self {
            accounts: Cache::new(ACCOUNTS_MAX),
            users: Cache::new(USERS_MAX),
            seen: FxHashSet::default(),
            ids: Vec::new(),
            newest: 0,
            key: Vec::new(),
        }
    }
}

impl ArmA {
    fn set_key(&mut self, parts: &[&[u8]]) {
        self.key.clear();
        parts.iter().for_each(|part| self.key.extend_from_slice(part));
    }

    /// Whether the message is new; it is remembered.
    fn first_time(&mut self, day: i32, message_id: &str, state: &mut State) -> Result<bool, StateError> {
        self.set_key(&[&[SEEN], &day.to_be_bytes()]);
        push_id(&mut self.key, message_id);
        if self.seen.contains(self.key.as_slice()) || state.get(&self.key)?.is_some() {
            return Ok(false);
        }
        self.seen.insert(self.key.as_slice().into());
        Ok(true)
    }

    /// Forgets the message ids of days that are past. Days that were forgotten before are not looked at again: what is left of deleted rows would have to be passed over.
    fn forget(&mut self, day: i32, state: &mut State) -> Result<(), StateError> {
        if day <= self.newest {
            return Ok(());
        }
        let (oldest, before) = ((day - SEEN_DAYS).max(0), (self.newest - SEEN_DAYS).max(0));
        // After a start it is not known what was forgotten.
        let from = if self.newest == 0 { 0 } else { before };
        self.newest = day;
        self.seen.retain(|key| key.get(1..5).is_some_and(|day| day >= oldest.to_be_bytes().as_slice()));
        let mut gone = Vec::new();
        let mut collect = |key: &[u8], _: &[u8]| {
            gone.push(key.to_vec());
            ControlFlow::Continue(())
        };
        if from == 0 {
            state.scan(&[SEEN], &mut |key, value| {
                if key.get(1..5).is_some_and(|day| day < oldest.to_be_bytes().as_slice()) {
                    collect(key, value)
                } else {
                    ControlFlow::Break(())
                }
            })?;
        } else {
            for day in from..oldest {
                let [a, b, c, d] = day.to_be_bytes();
                state.scan(&[SEEN, a, b, c, d], &mut collect)?;
            }
        }
        gone.into_iter().for_each(|key| state.delete(key));
        Ok(())
    }

    fn event(&mut self, key: &[u8], event: &Event<'_>, state: &mut State, out: &mut Actions<Infallible>) -> Result<(), StateError> {
        let day = (event.occurred_at / DAY_MS) as i32;
        self.forget(day, state)?;
        if !self.first_time(day, event.message_id, state)? {
            return Ok(());
        }
        self.set_key(&[&[USER], key, &[0], event.user_id.unwrap_or_default().as_bytes()]);
        let user = self.users.row(&self.key, state)?;
        let user_before = user.0;
        if user_before.is_none_or(|last| day > last) {
            user.0 = Some(day);
            self.users.changed(&self.key);
        }
        self.set_key(&[&[ACCOUNT], key]);
        let account = self.accounts.row(&self.key, state)?;
        count(account, day, user_before, event);
        if let Some(before) = judge(account) {
            say(out, key, event, account, before);
        }
        self.accounts.changed(&self.key);
        Ok(())
    }
}

fn count(account: &mut Account, day: i32, user_before: Option<i32>, event: &Event<'_>) {
    account.events += 1;
    account.last_seen = account.last_seen.max(event.occurred_at);
    if account.last_day.is_none_or(|last| day > last) {
        account.roll(day);
    }
    account.add(day, event.kind as usize, amount_of(event).unwrap_or(0));
    if user_before.is_none_or(|last| day > last) {
        if let Some(last) = user_before {
            account.add_user(last, -1);
        }
        account.add_user(day, 1);
    }
}

/// The usage of the 28 days before, where the week's has just dropped.
fn judge(account: &mut Account) -> Option<i64> {
    let (before, week) = (account.preceding28(), account.week());
    if account.dropped {
        account.dropped = week * 16 < before * 3;
        return None;
    }
    let known = account.last_day.unwrap_or(0) - account.first_day;
    account.dropped = before >= USAGE_MIN && week * 8 < before && known >= KNOWN_DAYS;
    account.dropped.then_some(before)
}

fn say(out: &mut Actions<Infallible>, key: &[u8], event: &Event<'_>, account: &Account, before: i64) {
    let (message, at, week, active) = (event.message_id, event.occurred_at, account.week(), account.active[1]);
    let name = String::from_utf8_lossy(key);
    out.outputs.push(
        Topic::Alerts,
        |k| k.extend_from_slice(key),
        |v| {
            // Writing to a Vec does not fail.
            let _ = write!(
                v,
                r#"{{"rule":"usage-drop","account":"{name}","message":"{message}","at":{at},"week":{week},"before":{before},"active7":{active}}}"#
            );
        },
    );
}

/// 16 bytes of a UUID; anything else as it is.
fn push_id(out: &mut Vec<u8>, id: &str) {
    let digits = || id.bytes().filter(|byte| *byte != b'-').map(|byte| (byte as char).to_digit(16));
    if id.len() == 36 && digits().count() == 32 && digits().all(|digit| digit.is_some()) {
        let mut digits = digits().flatten();
        while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
            out.push((high << 4 | low) as u8);
        }
    } else {
        out.extend_from_slice(id.as_bytes());
    }
}

impl Machine for ArmA {
    type Effect = Infallible;
    const NAME: &'static str = "arm-a";
    const INPUTS: &'static [Topic] = &[Topic::Events];

    fn apply(&mut self, _at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Actions<Infallible>) -> Result<(), ApplyError> {
        match decode_events_value(record.value) {
            Ok(EventsValue::Event(event)) => Ok(self.event(record.key, &event, state, actions)?),
            Ok(_) => Ok(()),
            Err(error) => Err(ApplyError::Poison { reason: "undecodable", message: error.to_string() }),
        }
    }

    fn on_timer(&mut self, _: At, _: &Timer, _: &mut State, _: &mut Actions<Infallible>) -> Result<(), StateError> {
        Ok(())
    }

    fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        self.ids.extend(self.seen.drain());
        self.ids.sort_unstable();
        for key in self.ids.drain(..) {
            state.write(&key, |mut out| {
                out.push(1);
                Ok(out)
            })?;
        }
        self.users.write_back(state)?;
        self.accounts.write_back(state)
    }

    fn is_full(&self) -> bool {
        self.seen.len() > SEEN_MAX || self.users.is_full() || self.accounts.is_full()
    }
}

#[cfg(test)]
mod tests;
