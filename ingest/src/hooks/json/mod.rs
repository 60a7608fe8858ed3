//! `json`: webhooks of whatever has no normaliser of its own. Where their fields stand, the settings say (`[sources.map]`).
mod auth;
mod event;
mod map;
mod pointer;

pub use auth::{AuthName, HmacConfig};
pub use map::MapConfig;

use super::provider::{Each, HookScene, Provider, Received, Trouble, Use};
use crate::bad::{Bad, Reason};
use crate::config::SetupError;
use crate::outlet::Outlet;
use crate::sources::Source;
use auth::Auth;
use map::Mapping;
use serde_json::value::RawValue;

/// As in the path and in the settings.
pub(crate) const NAME: &str = "json";

pub(crate) struct Json;

/// What a source of the provider `json` is told besides its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonHook {
    auth: Auth,
    mapping: Mapping,
}

impl JsonHook {
    /// Checks the settings of the source `name`.
    ///
    /// # Errors
    /// The first thing that cannot work, and what would.
    pub fn new(name: &str, auth: AuthName, hmac: Option<HmacConfig>, map: &MapConfig) -> Result<Self, SetupError> {
        let wrong = |what: String| SetupError::Json { name: name.into(), what };
        Ok(Self { auth: Auth::new(auth, hmac).map_err(wrong)?, mapping: Mapping::new(map).map_err(wrong)? })
    }
}

impl Provider for Json {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verify(&self, received: &Received<'_>, source: &Source, now: i64) -> Result<(), &'static str> {
        source.json.as_ref().ok_or("the source has no map")?.auth.verify(received, &source.secrets, now)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let whole: &RawValue = serde_json::from_str(body)?;
        let hook = scene.source.json.as_ref().ok_or_else(|| Bad::new(Reason::BadPayload, "the source has no map"))?;
        let mapping = &hook.mapping;
        let Some(each) = &mapping.each else { return event::put(mapping, whole, scene, outlet) };
        let max = scene.config.limits.batch_events_max;
        let events = each.list(whole, max).map_err(|_| Trouble::TooMany(max))?;
        let events = events.ok_or_else(|| Bad::new(Reason::BadPayload, format!("there is no list at {each}")))?;
        let step = |event, outlet: &mut Outlet| event::put(mapping, event, scene, outlet);
        Ok(Use::Each(Each::of(&events, outlet, |event| each.wrap(event), step)))
    }
}
