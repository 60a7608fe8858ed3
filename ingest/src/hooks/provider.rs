//! What each provider has to say: how it signs, and what its payloads mean.
use crate::bad::{Bad, Reason};
use crate::config::LimitsConfig;
use crate::ids::{check_account_id, check_id};
use crate::outlet::Outlet;
use crate::sources::Secret;
use c360_schemas::{Event, ForeignId, Kind, Payload};
use http::HeaderMap;
use smallvec::SmallVec;

/// A webhook as it came.
pub(crate) struct Received<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// What a normaliser knows besides the payload.
pub(crate) struct HookScene<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) source: &'a str,
    /// UTC ms.
    pub(crate) received_at: i64,
    pub(crate) limits: &'a LimitsConfig,
}

/// What became of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Used,
    /// Of a type that we do not use.
    Unused,
}

/// Why a payload is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Not JSON.
    #[error("{0}")]
    Json(serde_json::Error),
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

/// A tool that sends webhooks. Both steps are plain functions: data in, data out.
pub(crate) trait Provider: Send + Sync + 'static {
    /// As in the path and in the settings.
    fn name(&self) -> &'static str;

    /// Whether one of `secrets` has signed the request; `now` in UTC ms. The error says what is wrong, and nothing of the secret.
    fn verify(&self, received: &Received<'_>, secrets: &[Secret], now: i64) -> Result<(), &'static str>;

    /// Puts the events of a payload out.
    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble>;
}

/// What all webhooks' events have.
pub(crate) struct HookEvent<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) occurred_at: i64,
    /// Where the payload names an account of ours.
    pub(crate) account_id: Option<&'a str>,
    pub(crate) foreign: Option<ForeignId<'a>>,
    pub(crate) payload: Payload<'a>,
    /// Text of a JSON object; empty where there is none.
    pub(crate) properties: &'a str,
}

impl HookScene<'_> {
    /// Checks an event's ids and puts it out.
    pub(crate) fn put<'a>(&'a self, hook: HookEvent<'a>, outlet: &mut Outlet) -> Result<(), Bad> {
        check_id("the event's id", hook.message_id, self.limits.message_id_chars_max)?;
        match (hook.account_id, hook.foreign) {
            (Some(account), _) => check_account_id(account, self.limits.id_chars_max)?,
            (None, Some(foreign)) => check_id("the customer's id", foreign.id, self.limits.id_chars_max)?,
            (None, None) => return Err(Bad::new(Reason::NoCustomer, format!("{} names no customer", hook.name))),
        }
        if hook.occurred_at < 0 {
            return Err(Bad::new(Reason::BadTimestamp, "the event is dated before 1970"));
        }
        let foreign_ids: SmallVec<[ForeignId<'a>; 2]> = hook.foreign.filter(|_| hook.account_id.is_none()).into_iter().collect();
        outlet.put(&Event {
            message_id: hook.message_id,
            tenant: self.tenant,
            account_id: hook.account_id,
            foreign_ids,
            user_id: None,
            anonymous_id: None,
            kind: hook.kind,
            name: hook.name,
            occurred_at: hook.occurred_at,
            received_at: self.received_at,
            source: self.source,
            payload: hook.payload,
            properties: hook.properties,
        })
    }
}
