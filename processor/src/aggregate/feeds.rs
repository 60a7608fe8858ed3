//! Sources: each event is a sign of life, and what is noticed of them goes into the log, from where it is heeded.
use super::Aggregate;
use crate::feeds::words;
use crate::metrics::Effect;
use c360_engine::{Actions, At, State, StateError};
use c360_health::Family;
use c360_schemas::{DOUBT_ACCOUNT, Event, FEEDS_ACCOUNT, Feed, Key, Topic, Wire};

impl Aggregate {
    /// Notes that a source was heard.
    pub(super) fn hear(
        &mut self,
        at: At,
        (key, key_bytes): (Key<'_>, &[u8]),
        (event, family): (&Event<'_>, Option<Family>),
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), StateError> {
        let Some(family) = family else { return Ok(()) };
        if let Some(word) = self.listener.hear((key.tenant, key_bytes), event.source, family, at.now, state)? {
            say(at, word, out);
        }
        Ok(())
    }

    /// Looks whether a tenant's sources are heard as usual.
    pub(super) fn look_at_feeds(&mut self, at: At, tenant: &[u8], state: &mut State, out: &mut Actions<Effect>) -> Result<(), StateError> {
        let Ok(tenant) = std::str::from_utf8(tenant) else { return Ok(()) };
        for word in self.listener.look(tenant, at.now, state)? {
            say(at, word, out);
        }
        Ok(())
    }

    /// A word about a source: to this partition, whose scores heed it from now on; or of any partition, where they come together.
    pub(super) fn take_feed(
        &mut self,
        at: At,
        key: Key<'_>,
        feed: &Feed,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), StateError> {
        match key.id {
            DOUBT_ACCOUNT => self.doubts.put(feed, state),
            FEEDS_ACCOUNT => {
                let in_force = self.book.of(key.tenant, &self.config.alerts, state)?;
                words::take(feed, &in_force, at.now, state, out)
            }
            _ => Ok(()),
        }
    }
}

/// To where all partitions' words come together.
fn say(at: At, word: Feed, out: &mut Actions<Effect>) {
    let word = Feed { partition: i32::try_from(at.partition).unwrap_or(i32::MAX), ..word };
    let key = Key { tenant: &word.tenant, id: FEEDS_ACCOUNT };
    out.outputs.push(Topic::Events, |b| key.write(b), |b| word.encode(b));
}
