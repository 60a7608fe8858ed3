//! *resolve*: finds the account of events that carry only foreign ids. Keyed by foreign id; one row each says what it is linked to.
//!
//! An event walks along its foreign ids, from partition to partition: the first one that is linked sends it to its account; past the last one it goes to the provisional customer of
//! the first. Each id that it passes unlinked remembers who waits for it, *before* the event goes on: so whichever of them is linked, and whenever, its link also reaches the provisional
//! customer, and no event is left behind with it.
mod link;
mod route;

use crate::cache::RowCache;
use crate::config::ResolveConfig;
use crate::keys::{self, Tag};
use crate::poison::{Reason, poison};
use crate::redirect::redirect;
use c360_engine::{Actions, ApplyError, At, Machine, State, StateError, Timer};
use c360_log::RecordRef;
use c360_schemas::{Event, EventsValue, Key, Payload, Topic, decode_events_value};
use std::convert::Infallible;

use link::LinkRow;

/// The machine that finds accounts.
pub struct Resolve {
    config: ResolveConfig,
    links: RowCache<LinkRow>,
}

impl Resolve {
    pub fn new(config: ResolveConfig) -> Self {
        Self { links: RowCache::new(config.cache_bytes), config }
    }
}

impl Machine for Resolve {
    /// It does nothing in the world.
    type Effect = Infallible;
    const NAME: &'static str = "resolve";
    const INPUTS: &'static [Topic] = &[Topic::Unresolved];

    fn apply(&mut self, _at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Actions<Infallible>) -> Result<(), ApplyError> {
        let event = match decode_events_value(record.value).map_err(|error| poison(Reason::Undecodable, error.to_string()))? {
            EventsValue::Event(event) => event,
            EventsValue::Tick(_) => return Ok(()),
            EventsValue::Move(_) | EventsValue::Command(_) | EventsValue::Rules(_) | EventsValue::Feed(_) => {
                return Err(poison(Reason::Undecodable, "only events and links stand here"));
            }
        };
        let key = keys::parse(record.key).ok_or_else(|| poison(Reason::BadKey, "the key is not tenant/kind:id"))?;
        if event.message_id.is_empty() {
            return Err(poison(Reason::Incomplete, "the event has no message id"));
        }
        match &event.payload {
            Payload::Link(link) => self.link(key, record.key, &event, link, state, actions),
            _ => self.route(key, record.key, &event, state, actions),
        }
    }

    fn on_timer(&mut self, _at: At, _timer: &Timer, _state: &mut State, _actions: &mut Actions<Infallible>) -> Result<(), StateError> {
        Ok(())
    }

    fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        self.links.write_back(state)
    }

    fn is_full(&self) -> bool {
        self.links.is_full()
    }
}

/// Puts an event into the events topic under an account.
fn to_account(key: Key<'_>, account_id: &str, event: &Event<'_>, actions: &mut Actions<Infallible>) {
    let event = redirect(event, account_id);
    let to = Key { tenant: key.tenant, id: account_id };
    actions.outputs.push(Topic::Events, |b| to.write(b), |b| event.encode(b));
}

/// Key of the row of a foreign id.
fn link_key(key_bytes: &[u8]) -> Vec<u8> {
    keys::own(Tag::Link, key_bytes)
}
