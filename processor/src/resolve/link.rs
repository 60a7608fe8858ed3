//! Who is who: links of one foreign id, in whatever order they were told.
//!
//! For each rank the newest link holds (of two at one time the greater account id), unless it was taken away at its time or later by its own rank or a higher one; the highest rank that
//! has a link decides.
use super::route::names;
use super::{Resolve, link_key, to_account};
use crate::keys::{self, Tag};
use crate::poison::{Reason, poison};
use crate::redirect::redirect;
use crate::rows::Row;
use c360_engine::{Actions, ApplyError, State, StateError};
use c360_schemas::{Event, ForeignId, Key, Link, Payload, Rank};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::convert::Infallible;
use std::ops::ControlFlow;

const DOMAIN: &str = "email_domain";

/// What is known of one foreign id. Indexes are ranks, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LinkRow {
    /// Time and account of the newest link of each rank.
    links: [Option<(i64, String)>; 3],
    /// When links of each rank and below were last taken away.
    taken_away_at: [Option<i64>; 3],
    /// Events went on from here while it was not linked: there may be a provisional customer of its own.
    pub(super) provisional_seen: bool,
}

impl Row for LinkRow {
    const VERSION: u8 = 1;
}

impl LinkRow {
    fn tell(&mut self, rank: Rank, at: i64, account_id: Option<&str>) {
        let rank = rank as usize;
        match account_id {
            Some(account_id) => {
                let known = self.links[rank].as_ref().map(|(at, account)| (*at, account.as_str()));
                if known < Some((at, account_id)) {
                    self.links[rank] = Some((at, account_id.to_owned()));
                }
            }
            None => self.taken_away_at[rank] = self.taken_away_at[rank].max(Some(at)),
        }
    }

    fn effective(&self, lowest: Rank) -> Option<(Rank, &str)> {
        [Rank::Told, Rank::Group, Rank::Domain].into_iter().filter(|rank| *rank >= lowest).find_map(|rank| {
            let (at, account_id) = self.links[rank as usize].as_ref()?;
            let gone = self.taken_away_at[rank as usize..].iter().flatten().any(|gone| gone >= at);
            (!gone).then_some((rank, account_id.as_str()))
        })
    }

    /// The account that holds now.
    pub(super) fn account(&self, guess_domains: bool, key: Key<'_>) -> Option<&str> {
        self.effective(lowest(guess_domains, key)).map(|(_, account_id)| account_id)
    }
}

/// Links of e-mail domains count only when told, unless the config says that they may be guessed.
fn lowest(guess_domains: bool, key: Key<'_>) -> Rank {
    let domain = key.id.strip_prefix(DOMAIN).is_some_and(|rest| rest.starts_with(':'));
    if domain && !guess_domains { Rank::Told } else { Rank::Domain }
}

impl Resolve {
    pub(super) fn link(
        &mut self,
        key: Key<'_>,
        key_bytes: &[u8],
        event: &Event<'_>,
        link: &Link<'_>,
        state: &mut State,
        actions: &mut Actions<Infallible>,
    ) -> Result<(), ApplyError> {
        if !names(key, &ForeignId { kind: link.kind, id: link.id }) {
            return Err(poison(Reason::BadKey, "the key is not the linked foreign id"));
        }
        if link.account_id.is_some_and(|account| account.is_empty() || account.starts_with('~')) {
            return Err(poison(Reason::Incomplete, "a link must name an account, and not a provisional one"));
        }
        let lowest = lowest(self.config.guess_domains, key);
        let row = self.links.change(&link_key(key_bytes), state)?;
        let before = row.effective(lowest).map(|(rank, account)| (rank, account.to_owned()));
        row.tell(link.rank, link.at, link.account_id);
        let after = row.effective(lowest).map(|(rank, account)| (rank, account.to_owned()));
        let provisional_seen = row.provisional_seen;
        if before == after {
            return Ok(());
        }
        let source = (key, event, link);
        let old = before.map(|(_, account)| account).filter(|old| after.as_ref().is_none_or(|(_, new)| new != old));
        if let Some(old) = &old {
            say(source, old, "unlink", None, actions);
        }
        if let Some((rank, new)) = &after {
            say(source, new, "link", Some((*rank, new)), actions);
        }
        let told = after.as_ref().map(|(rank, account)| (*rank, account.as_str()));
        if provisional_seen {
            say(source, &c360_schemas::provisional_account_id(link.kind, link.id), "claim", told, actions);
        }
        for waiter in self.waiters(key_bytes, state)? {
            say(source, &waiter, "claim", told, actions);
        }
        Ok(())
    }

    /// Provisional customers whose events passed here.
    fn waiters(&self, key_bytes: &[u8], state: &State) -> Result<Vec<String>, StateError> {
        let prefix = keys::prefix(Tag::Waiter, key_bytes);
        let mut found = Vec::new();
        state.scan(&prefix, &mut |key, _| {
            found.extend(key.get(prefix.len()..).and_then(|id| std::str::from_utf8(id).ok()).map(str::to_owned));
            if found.len() < self.config.waiters_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }
}

/// Tells an account of a link that follows from one that was told. Its id follows from that one's, so a replay says the same.
fn say(source: (Key<'_>, &Event<'_>, &Link<'_>), to: &str, what: &str, account: Option<(Rank, &str)>, actions: &mut Actions<Infallible>) {
    let (key, event, link) = source;
    let message_id = format!("{}:{what}", event.message_id);
    let link = Link { account_id: account.map(|(_, id)| id), rank: account.map_or(link.rank, |(rank, _)| rank), ..*link };
    let derived =
        Event { message_id: &message_id, foreign_ids: SmallVec::new(), name: "link", payload: Payload::Link(link), ..redirect(event, to) };
    to_account(key, to, &derived, actions);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(words: &[(Rank, i64, Option<&str>)]) -> Option<String> {
        let mut row = LinkRow::default();
        for (rank, at, account) in words {
            row.tell(*rank, *at, *account);
        }
        row.effective(Rank::Domain).map(|(_, account)| account.to_owned())
    }

    #[test]
    fn the_highest_rank_decides_then_the_newest_word_in_any_order() {
        use Rank::{Domain, Group, Told};
        for (words, expected) in [
            (vec![(Group, 1, Some("a")), (Group, 2, Some("b"))], Some("b")),
            (vec![(Told, 1, Some("a")), (Group, 2, Some("b"))], Some("a")),
            (vec![(Domain, 9, Some("a")), (Group, 2, Some("b"))], Some("b")),
            (vec![(Group, 2, Some("a")), (Group, 2, Some("b"))], Some("b")),
            (vec![(Group, 1, Some("a")), (Told, 2, None)], None),
            (vec![(Told, 1, Some("a")), (Group, 2, None)], Some("a")),
            (vec![(Group, 1, Some("a")), (Told, 2, None), (Group, 3, Some("b"))], Some("b")),
            (vec![(Group, 1, Some("a")), (Told, 2, Some("b")), (Told, 3, None)], None),
            (vec![(Group, 4, Some("a")), (Told, 2, Some("b")), (Told, 3, None)], Some("a")),
        ] {
            assert_eq!(holds(&words).as_deref(), expected, "{words:?}");
            let reversed: Vec<_> = words.iter().rev().copied().collect();
            assert_eq!(holds(&reversed).as_deref(), expected, "{reversed:?}");
        }
    }
}
