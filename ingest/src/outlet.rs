//! Where events go: the topic and key of each, and its bytes in the batch.
use crate::bad::{Bad, Reason};
use c360_log::Batch;
use c360_schemas::{Event, Key, Topic};

/// Encodes events into a batch.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    pub(crate) batch: Batch,
    event_bytes_max: usize,
    /// Events whose time was too far ahead, since the start of this request.
    pub(crate) clamped: u64,
}

impl Outlet {
    pub(crate) fn new(event_bytes_max: usize) -> Self {
        Self { event_bytes_max, ..Self::default() }
    }

    /// Adds an event: to its account where it knows one, else to its first foreign id.
    pub(crate) fn put(&mut self, event: &Event<'_>) -> Result<(), Bad> {
        let (mark, before) = (self.batch.len(), self.batch.bytes_len());
        match (event.account_id, event.foreign_ids.first()) {
            (Some(account), _) => {
                let key = Key { tenant: event.tenant, id: account };
                self.batch.push(Topic::Events, |out| key.write(out), |out| event.encode(out));
            }
            (None, Some(foreign)) => {
                let key = |out: &mut Vec<u8>| {
                    Key { tenant: event.tenant, id: foreign.kind }.write(out);
                    out.push(b':');
                    out.extend_from_slice(foreign.id.as_bytes());
                };
                self.batch.push(Topic::Unresolved, key, |out| event.encode(out));
            }
            (None, None) => return Err(Bad::new(Reason::MissingId, "the event names neither a user nor an account")),
        }
        let bytes = self.batch.bytes_len() - before;
        if bytes > self.event_bytes_max {
            self.batch.truncate(mark);
            let message = format!("the event has {bytes} bytes; at most {} are taken", self.event_bytes_max);
            return Err(Bad::new(Reason::TooLarge, message));
        }
        Ok(())
    }

    /// Runs `step`; where it fails, nothing that it put stays.
    pub(crate) fn all_or_nothing<T, E>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let (mark, clamped) = (self.batch.len(), self.clamped);
        step(self).inspect_err(|_| {
            self.batch.truncate(mark);
            self.clamped = clamped;
        })
    }
}
