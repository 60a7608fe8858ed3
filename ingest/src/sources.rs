//! Who may send webhooks: sources by provider and name, with their secrets.
use crate::config::SetupError;
use crate::hooks::{self, JsonHook};
use crate::ids::is_name;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;

/// A secret; it never shows in logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself: for signatures, not for messages.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// One place that webhooks come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The last part of its path, and `source` of its events.
    pub name: String,
    /// `stripe`, `zendesk`, ...: see [`crate::providers`].
    pub provider: String,
    pub tenant: String,
    /// Any of them is good, so that a secret can be rotated.
    pub secrets: Vec<Secret>,
    /// Where the world reaches the public port (`https://c360.example.com`): HubSpot signs the URI. `None`: at what the request's host says.
    pub public_url: Option<String>,
    /// Of the provider `json`: what its events are and where their fields stand.
    pub json: Option<JsonHook>,
}

impl Source {
    /// A source that is told nothing but its secrets.
    pub fn new(name: &str, provider: &str, tenant: &str, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let secrets = secrets.into_iter().collect();
        Self { name: name.into(), provider: provider.into(), tenant: tenant.into(), secrets, public_url: None, json: None }
    }
}

/// All sources of an installation.
#[derive(Clone, Debug, Default)]
pub struct Sources(HashMap<String, Source>);

impl Sources {
    /// Takes the sources in.
    ///
    /// # Errors
    /// The first source that cannot work, and why.
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Result<Self, SetupError> {
        let mut by_path = HashMap::new();
        for source in sources {
            check(&source)?;
            let path = path(&source.provider, &source.name);
            if let Some(old) = by_path.insert(path, source) {
                return Err(SetupError::Twice { provider: old.provider, name: old.name });
            }
        }
        Ok(Self(by_path))
    }

    pub(crate) fn find(&self, provider: &str, name: &str) -> Option<&Source> {
        self.0.get(&path(provider, name))
    }
}

fn check(source: &Source) -> Result<(), SetupError> {
    if !is_name(&source.name) {
        return Err(SetupError::SourceName(source.name.clone()));
    }
    if !is_name(&source.tenant) {
        return Err(SetupError::Tenant(source.tenant.clone()));
    }
    let Some(provider) = hooks::provider(&source.provider) else {
        let known = hooks::all_providers().collect::<Vec<_>>().join(", ");
        return Err(SetupError::Provider { name: source.name.clone(), provider: source.provider.clone(), known });
    };
    if source.secrets.is_empty() || source.secrets.iter().any(|secret| secret.0.is_empty()) {
        return Err(SetupError::NoSecret(source.name.clone()));
    }
    for secret in &source.secrets {
        provider.check_secret(&secret.0).map_err(|what| SetupError::Secret { name: source.name.clone(), what })?;
    }
    if source.json.is_some() != (source.provider == hooks::JSON) {
        return Err(SetupError::MapAndProvider(source.name.clone()));
    }
    if source.public_url.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        return Err(SetupError::PublicUrl(source.name.clone()));
    }
    Ok(())
}

fn path(provider: &str, name: &str) -> String {
    format!("{provider}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, provider: &str, secret: &str) -> Source {
        Source::new(name, provider, "t1", [Secret::new(secret)])
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_reason() {
        assert!(matches!(Sources::new([source("a b", "stripe", "x")]), Err(SetupError::SourceName(_))));
        assert!(matches!(Sources::new([source("a", "strip", "x")]), Err(SetupError::Provider { .. })));
        assert!(matches!(Sources::new([source("a", "stripe", "")]), Err(SetupError::NoSecret(_))));
        assert!(matches!(Sources::new([source("a", "stripe", "x"), source("a", "stripe", "y")]), Err(SetupError::Twice { .. })));
        assert!(matches!(Sources::new([source("a", "json", "x")]), Err(SetupError::MapAndProvider(_))));
        assert!(matches!(Sources::new([source("a", "chargebee", "password")]), Err(SetupError::Secret { .. })));
        let at_nowhere = Source { public_url: Some("c360.example.com".into()), ..source("a", "hubspot", "x") };
        assert!(matches!(Sources::new([at_nowhere]), Err(SetupError::PublicUrl(_))));
        let both = Sources::new([source("a", "stripe", "x"), source("a", "zendesk", "y")]).unwrap();
        assert_eq!(both.find("zendesk", "a").unwrap().secrets[0].expose(), "y");
        assert!(both.find("zendesk", "b").is_none());
    }

    #[test]
    fn a_secret_does_not_show() {
        assert!(!format!("{:?}", source("a", "stripe", "whsec_hush")).contains("hush"));
    }
}
