//! What each provider has to say: how it signs, and what its payloads mean.
use crate::bad::{Bad, Reason};
use crate::clamp::clamp;
use crate::config::IngestConfig;
use crate::ids::{ForeignIds, check_account_id, check_id};
use crate::outlet::Outlet;
use crate::sources::Source;
use c360_schemas::{Event, Kind, Link, Payload};
use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;

/// A webhook as it came.
pub(crate) struct Received<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// With the query, as it was asked for.
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
}

impl<'a> Received<'a> {
    /// The value of a header; `absent` where there is none, or it is not text.
    pub(crate) fn header(&self, name: &str, absent: &'static str) -> Result<&'a str, &'static str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).ok_or(absent)
    }
}

/// What a normaliser knows besides the payload.
pub(crate) struct HookScene<'a> {
    pub(crate) source: &'a Source,
    /// UTC ms.
    pub(crate) received_at: i64,
    pub(crate) config: &'a IngestConfig,
}

/// What became of a payload.
#[derive(Debug)]
pub(crate) enum Use {
    Used,
    /// Of a type that we do not use.
    Unused,
    /// There were several events in it.
    Each(Each),
}

/// What became of each of several events: a bad one does not take the others down.
#[derive(Debug, Default)]
pub(crate) struct Each {
    pub(crate) used: u64,
    pub(crate) unused: u64,
    /// As payloads that could be posted again.
    pub(crate) bad: Vec<(String, Bad)>,
}

impl Each {
    /// Runs `step` for each event; `alone` makes a payload of one event.
    pub(crate) fn of<'a>(
        events: &[&'a RawValue],
        outlet: &mut Outlet,
        alone: impl Fn(&str) -> String,
        mut step: impl FnMut(&'a RawValue, &mut Outlet) -> Result<Use, Trouble>,
    ) -> Self {
        let mut each = Self::default();
        for event in events {
            match outlet.all_or_nothing(|outlet| step(event, outlet)) {
                Ok(Use::Used) => each.used += 1,
                Ok(Use::Unused) => each.unused += 1,
                Ok(Use::Each(inner)) => each.join(inner),
                Err(trouble) => each.bad.push((alone(event.get()), trouble.into_bad())),
            }
        }
        each
    }

    fn join(&mut self, other: Self) {
        self.used += other.used;
        self.unused += other.unused;
        self.bad.extend(other.bad);
    }
}

/// Why a payload is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Not JSON.
    #[error("{0}")]
    Json(serde_json::Error),
    #[error("more than {0} events")]
    TooMany(usize),
    #[error(transparent)]
    Bad(#[from] Bad),
}

impl From<serde_json::Error> for Trouble {
    /// Text that is not JSON is the sender's mistake; JSON of another shape is one to look at and take again.
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => {
                Trouble::Bad(Bad::new(Reason::BadPayload, format!("the payload has another shape: {error}")))
            }
            _ => Trouble::Json(error),
        }
    }
}

impl Trouble {
    /// The trouble with one event of a payload that is JSON as a whole.
    fn into_bad(self) -> Bad {
        match self {
            Trouble::Bad(bad) => bad,
            other => Bad::new(Reason::BadPayload, format!("the event cannot be read: {other}")),
        }
    }
}

/// A word that cannot be translated into ours; `what` as in "a status".
pub(crate) fn unknown(what: &str, told: &str) -> Bad {
    let shown: String = told.chars().take(40).collect();
    Bad::new(Reason::BadPayload, format!("{shown:?} is not {what} that we know"))
}

/// A tool that sends webhooks. Both steps are plain functions: data in, data out.
pub(crate) trait Provider: Send + Sync + 'static {
    /// As in the path and in the settings.
    fn name(&self) -> &'static str;

    /// Says what is wrong with a secret, as far as its shape tells.
    fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        let _ = secret;
        Ok(())
    }

    /// Whether one of the source's secrets has signed the request; `now` in UTC ms. The error says what is wrong, and nothing of the secret.
    fn verify(&self, received: &Received<'_>, source: &Source, now: i64) -> Result<(), &'static str>;

    /// Puts the events of a payload out.
    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble>;
}

/// What is worth telling besides the payload, as the text of an object.
pub(crate) fn properties(details: &impl Serialize) -> Result<String, Trouble> {
    let text = serde_json::to_string(details)?;
    Ok(if text == "{}" { String::new() } else { text })
}

/// What all webhooks' events have.
pub(crate) struct HookEvent<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) occurred_at: i64,
    /// Where the payload names an account of ours.
    pub(crate) account_id: Option<&'a str>,
    /// Where it does not: what they are called elsewhere, in the order in which it is tried.
    pub(crate) foreign_ids: ForeignIds<'a>,
    /// The person that it is about.
    pub(crate) user_id: Option<&'a str>,
    pub(crate) payload: Payload<'a>,
    /// Text of a JSON object; empty where there is none.
    pub(crate) properties: &'a str,
}

impl HookScene<'_> {
    /// Checks an event's ids and its time, and puts it out.
    pub(crate) fn put<'a>(&'a self, mut hook: HookEvent<'a>, outlet: &mut Outlet) -> Result<(), Bad> {
        let limits = &self.config.limits;
        if hook.message_id.is_empty() {
            return Err(Bad::new(Reason::BadMessageId, format!("{} has no id", hook.name)));
        }
        check_id("the event's id", hook.message_id, limits.message_id_chars_max)?;
        if let Some(user) = hook.user_id {
            check_id("the user's id", user, limits.id_chars_max)?;
        }
        if let Some(account) = hook.account_id {
            check_account_id(account, limits.id_chars_max)?;
            hook.foreign_ids.clear();
        } else if hook.foreign_ids.is_empty() {
            return Err(Bad::new(Reason::NoCustomer, format!("{} names no customer", hook.name)));
        }
        if let Payload::Link(Link { account_id: Some(account), .. }) = &hook.payload {
            check_account_id(account, limits.id_chars_max)?;
        }
        for foreign in &hook.foreign_ids {
            check_id("the customer's id", foreign.id, limits.id_chars_max)?;
        }
        // A provider's clock may be wrong too, and a version of the far future would outlive all that comes after it.
        let time = clamp(hook.occurred_at, self.received_at, &self.config.time)?;
        outlet.clamped += u64::from(time.clamped_from.is_some());
        outlet.put(&Event {
            message_id: hook.message_id,
            tenant: &self.source.tenant,
            account_id: hook.account_id,
            foreign_ids: hook.foreign_ids,
            user_id: hook.user_id,
            anonymous_id: None,
            kind: hook.kind,
            name: hook.name,
            occurred_at: time.at,
            received_at: self.received_at,
            source: &self.source.name,
            payload: hook.payload,
            properties: hook.properties,
        })
    }
}

/// For the tests of signatures: whether a request to `/hooks/<provider>/<source>` passes.
#[cfg(test)]
pub(crate) fn passes(provider: &dyn Provider, source: &Source, headers: &[(&'static str, &str)], body: &[u8], now: i64) -> bool {
    let pairs = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
    let headers = HeaderMap::from_iter(pairs);
    let path = format!("/hooks/{}/{}", source.provider, source.name);
    provider.verify(&Received { headers: &headers, path: &path, body }, source, now).is_ok()
}
