//! Who may send webhooks: sources by provider and name, with their secrets.
use crate::config::SetupError;
use crate::hooks;
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
    if hooks::provider(&source.provider).is_none() {
        let known = hooks::providers().collect::<Vec<_>>().join(", ");
        return Err(SetupError::Provider { name: source.name.clone(), provider: source.provider.clone(), known });
    }
    if source.secrets.is_empty() || source.secrets.iter().any(|secret| secret.0.is_empty()) {
        return Err(SetupError::NoSecret(source.name.clone()));
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
        Source { name: name.into(), provider: provider.into(), tenant: "t1".into(), secrets: vec![Secret::new(secret)] }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_reason() {
        assert!(matches!(Sources::new([source("a b", "stripe", "x")]), Err(SetupError::SourceName(_))));
        assert!(matches!(Sources::new([source("a", "strip", "x")]), Err(SetupError::Provider { .. })));
        assert!(matches!(Sources::new([source("a", "stripe", "")]), Err(SetupError::NoSecret(_))));
        assert!(matches!(Sources::new([source("a", "stripe", "x"), source("a", "stripe", "y")]), Err(SetupError::Twice { .. })));
        let both = Sources::new([source("a", "stripe", "x"), source("a", "zendesk", "y")]).unwrap();
        assert_eq!(both.find("zendesk", "a").unwrap().secrets[0].expose(), "y");
        assert!(both.find("zendesk", "b").is_none());
    }

    #[test]
    fn a_secret_does_not_show() {
        assert!(!format!("{:?}", source("a", "stripe", "whsec_hush")).contains("hush"));
    }
}
