//! One event on its way to an account.
use super::{Resolve, link_key, to_account};
use crate::keys::{self, Tag};
use crate::poison::{Reason, poison};
use c360_engine::{Actions, ApplyError, State};
use c360_schemas::{Event, ForeignId, Key, Topic, provisional_account_id};
use std::convert::Infallible;

impl Resolve {
    pub(super) fn route(
        &mut self,
        key: Key<'_>,
        key_bytes: &[u8],
        event: &Event<'_>,
        state: &mut State,
        actions: &mut Actions<Infallible>,
    ) -> Result<(), ApplyError> {
        if let Some(account_id) = event.account_id {
            to_account(key, account_id, event, actions);
            return Ok(());
        }
        let Some(here) = event.foreign_ids.iter().position(|id| names(key, id)) else {
            return Err(poison(Reason::BadKey, "the key is none of the event's foreign ids"));
        };
        let first = event.foreign_ids[0];
        let provisional = provisional_account_id(first.kind, first.id);
        let row_key = link_key(key_bytes);
        if let Some(account_id) = self.links.get(&row_key, state)?.and_then(|row| row.account(self.config.guess_domains, key)) {
            to_account(key, account_id, event, actions);
            return Ok(());
        }
        if here == 0 {
            if !self.links.get(&row_key, state)?.is_some_and(|row| row.provisional_seen) {
                self.links.change(&row_key, state)?.provisional_seen = true;
            }
        } else {
            let waiter = keys::part(Tag::Waiter, key_bytes, provisional.as_bytes());
            if state.get(&waiter)?.is_none() {
                state.put(waiter, Vec::new());
            }
        }
        // An id that stands in the list twice is tried once.
        let tried = &event.foreign_ids[..=here];
        match event.foreign_ids[here + 1..].iter().find(|id| !tried.contains(id)) {
            Some(next) => {
                let id = format!("{}:{}", next.kind, next.id);
                let to = Key { tenant: key.tenant, id: &id };
                actions.outputs.push(Topic::Unresolved, |b| to.write(b), |b| event.encode(b));
            }
            None => to_account(key, &provisional, event, actions),
        }
        Ok(())
    }
}

/// Whether a record's key is that of a foreign id.
pub(super) fn names(key: Key<'_>, id: &ForeignId<'_>) -> bool {
    key.id.strip_prefix(id.kind).and_then(|rest| rest.strip_prefix(':')) == Some(id.id)
}
