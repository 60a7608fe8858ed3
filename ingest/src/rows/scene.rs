//! What holds for all rows of a request, and how one of them becomes an event.
use super::kind::RowKind;
use super::row::{MESSAGE_ID, Row};
use super::{account, activity, plan, subscription, ticket, user};
use crate::bad::{Bad, Reason};
use crate::config::IngestConfig;
use crate::ids::check_id;
use crate::outlet::Outlet;
use c360_schemas::{Event, ForeignId, Kind, Link, Payload, Rank};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

/// Hexadecimal digits of a message id that was made of a row's content.
const MADE_ID_CHARS: usize = 32;
pub(super) const USER: &str = "user";
pub(super) const EMAIL_DOMAIN: &str = "email_domain";

/// What a row is taken with.
pub(super) struct Scene<'a> {
    pub(super) tenant: &'a str,
    /// `import:` and the name of the import's source.
    pub(super) source: &'a str,
    /// UTC ms.
    pub(super) received_at: i64,
    /// When the file was so, UTC ms; not after `received_at`.
    pub(super) as_of: i64,
    pub(super) config: &'a IngestConfig,
}

/// A message id that follows from what the row says: the same row has the same id, however its columns are ordered. `repeat` tells apart rows of one file that say the same.
pub fn message_id(source: &str, kind: RowKind, row: &Map<String, Value>, repeat: u32) -> String {
    let mut names: Vec<&String> = row.keys().filter(|name| *name != MESSAGE_ID).collect();
    names.sort_unstable();
    let mut hash = Sha256::new();
    let mut put = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    put(source);
    put(kind.as_str());
    for name in names {
        put(name);
        put(&row[name].to_string());
    }
    if repeat > 0 {
        put(&repeat.to_string());
    }
    let mut hex = hex::encode(hash.finalize());
    hex.truncate(MADE_ID_CHARS);
    hex
}

/// Puts the events of one row out: all of them or none.
pub(super) fn take(kind: RowKind, fields: &Map<String, Value>, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let limits = &scene.config.limits;
    let row = Row { kind, fields, limits };
    let id = match row.text(MESSAGE_ID)? {
        Some(id) => id.into_owned(),
        None => message_id(scene.source, kind, fields, 0),
    };
    check_id(MESSAGE_ID, &id, limits.message_id_chars_max).map_err(|bad| Bad::new(Reason::BadMessageId, bad.message))?;
    outlet.all_or_nothing(|outlet| match kind {
        RowKind::Usage => activity::usage(&row, &id, scene, outlet),
        RowKind::Answers => activity::answer(&row, &id, scene, outlet),
        RowKind::Accounts => account::put(&row, &id, scene, outlet),
        RowKind::Users => user::put(&row, &id, scene, outlet),
        RowKind::Subscriptions => subscription::put(&row, &id, scene, outlet),
        RowKind::Tickets => ticket::put(&row, &id, scene, outlet),
        RowKind::Plans => plan::put(&row, &id, scene, outlet),
    })
}

/// What the events of rows have in common.
pub(super) struct RowEvent<'a> {
    pub(super) message_id: &'a str,
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) at: i64,
    pub(super) account_id: Option<&'a str>,
    /// Tried where there is no account.
    pub(super) foreign_ids: SmallVec<[ForeignId<'a>; 2]>,
    pub(super) user_id: Option<&'a str>,
    pub(super) anonymous_id: Option<&'a str>,
    pub(super) payload: Payload<'a>,
    pub(super) properties: &'a str,
}

impl Scene<'_> {
    pub(super) fn put<'a>(&'a self, event: RowEvent<'a>, outlet: &mut Outlet) -> Result<(), Bad> {
        outlet.put(&Event {
            message_id: event.message_id,
            tenant: self.tenant,
            account_id: event.account_id,
            foreign_ids: if event.account_id.is_some() { SmallVec::new() } else { event.foreign_ids },
            user_id: event.user_id,
            anonymous_id: event.anonymous_id,
            kind: event.kind,
            name: event.name,
            occurred_at: event.at.min(self.received_at),
            received_at: self.received_at,
            source: self.source,
            payload: event.payload,
            properties: event.properties,
        })
    }

    /// Tells that a foreign id belongs to an account: of what is told the newest holds.
    pub(super) fn link(&self, message_id: &str, kind: &str, id: &str, account_id: &str, at: i64, outlet: &mut Outlet) -> Result<(), Bad> {
        let message_id = format!("{message_id}#{kind}:{id}");
        let message_id = &*short(&message_id, self.config.limits.message_id_chars_max);
        let at = at.min(self.received_at);
        let event = RowEvent {
            message_id,
            kind: Kind::Identity,
            name: "link",
            at,
            account_id: None,
            foreign_ids: SmallVec::from_slice(&[ForeignId { kind, id }]),
            user_id: None,
            anonymous_id: None,
            payload: Payload::Link(Link { kind, id, account_id: Some(account_id), rank: Rank::Told, at }),
            properties: "",
        };
        // Shortened lifetimes: nothing of it outlives this call.
        Scene::put(self, event, outlet)
    }

    /// When something that happens once happened; a time further ahead than senders' clocks explain is a mistake in the file.
    pub(super) fn past(&self, name: &str, at: i64) -> Result<i64, Bad> {
        let ahead_ms = at.saturating_sub(self.received_at);
        if ahead_ms > i64::try_from(self.config.time.future_s_max.saturating_mul(1000)).unwrap_or(i64::MAX) {
            return Err(Bad::new(Reason::BadTimestamp, format!("{name} lies in the future")));
        }
        Ok(at)
    }

    /// Version of a state, and when it came about: as the row says, else by the newest of its `dates` that has passed, else as of the file.
    pub(super) fn state_of(&self, row: &Row<'_>, dates: &[Option<i64>]) -> Result<State, Bad> {
        let updated = row.time("updated_at")?;
        let version = updated.unwrap_or(self.as_of);
        let passed = dates.iter().flatten().copied().filter(|at| *at <= self.as_of).max();
        Ok(State { version, at: updated.or(passed).unwrap_or(self.as_of) })
    }
}

/// The state of a thing that a row tells.
#[derive(Clone, Copy)]
pub(super) struct State {
    /// The order of states of one thing.
    pub(super) version: i64,
    /// When it came about.
    pub(super) at: i64,
}

/// An id that is too long becomes a hash of it.
fn short(id: &str, chars_max: usize) -> std::borrow::Cow<'_, str> {
    if id.chars().nth(chars_max).is_none() {
        return id.into();
    }
    let mut hex = hex::encode(Sha256::digest(id.as_bytes()));
    hex.truncate(MADE_ID_CHARS);
    hex.into()
}
