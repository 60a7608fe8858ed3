//! A destination that was checked: files read, URL parsed, keys decoded.
use crate::config::{Destination, Kind, Limits, Match, Secret, SinkConfig};
use crate::{SigningKey, SinkError};
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// Longest name of a destination, in bytes.
const NAME_LEN_MAX: usize = 100;

/// A destination, ready to be sent to.
#[derive(Clone, PartialEq)]
pub struct Target {
    pub name: Arc<str>,
    pub kind: Kind,
    pub url: Url,
    /// All of them sign.
    pub keys: Vec<SigningKey>,
    pub only: Match,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl SinkConfig {
    /// Checks all of it; what `config check` and a start ask.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it.
    pub fn check(&self) -> Result<Vec<Target>, SinkError> {
        self.limits.check()?;
        let console = Url::parse(&self.console_url).map_err(|e| SinkError::Config(format!("console_url is not a url: {e}")))?;
        if !matches!(console.scheme(), "http" | "https") || self.console_url.contains(['|', '<', '>', ' ']) {
            return Err(SinkError::Config("console_url must be http or https, without spaces, <, > or |".into()));
        }
        targets(&self.destinations)
    }
}

/// Checks destinations.
pub(crate) fn targets(destinations: &[Destination]) -> Result<Vec<Target>, SinkError> {
    let mut names = HashSet::new();
    let wrong = |name: &str, problem: String| SinkError::Destination { name: name.to_owned(), problem };
    for d in destinations {
        if d.name.is_empty() || d.name.len() > NAME_LEN_MAX {
            return Err(wrong(&d.name, format!("give it a name of 1 to {NAME_LEN_MAX} bytes")));
        }
        if !names.insert(d.name.as_str()) {
            return Err(wrong(&d.name, "two destinations have this name; rename one".into()));
        }
    }
    destinations.iter().map(|d| target(d).map_err(|problem| wrong(&d.name, problem))).collect()
}

fn target(d: &Destination) -> Result<Target, String> {
    let text = one_of("url", d.url.as_ref(), d.url_file.as_deref())?.ok_or("give it a url or a url_file")?;
    // The parser's error is not shown with the text: a Slack URL is a secret.
    let url = Url::parse(text.reveal()).map_err(|e| format!("its url cannot be read: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("its url must start with http:// or https:// and name a host".into());
    }
    let mut keys = Vec::new();
    for secret in one_of("secret", d.secret.as_ref(), d.secret_file.as_deref())?.iter().chain(&d.secrets) {
        keys.push(SigningKey::parse(secret.reveal())?);
    }
    if d.kind == Kind::Webhook && keys.is_empty() {
        return Err("webhooks are signed: give it a secret or a secret_file (make one with: echo whsec_$(openssl rand -base64 32))".into());
    }
    Ok(Target { name: d.name.as_str().into(), kind: d.kind, url, keys, only: d.only.clone() })
}

/// The value or the content of its file; an error where both are given.
fn one_of(what: &str, value: Option<&Secret>, file: Option<&Path>) -> Result<Option<Secret>, String> {
    match (value, file) {
        (Some(_), Some(_)) => Err(format!("both {what} and {what}_file are given; keep one")),
        (value, None) => Ok(value.cloned()),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("{what}_file {} cannot be read: {e}", path.display()))?;
            Ok(Some(Secret::new(text.trim())))
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), SinkError> {
        let least_one = [
            ("concurrency", self.concurrency as u64),
            ("window", self.window as u64),
            ("slack_per_second", self.slack_per_second.into()),
            ("webhook_per_second", self.webhook_per_second.into()),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms),
            ("retry_first_ms", self.retry_first_ms),
        ];
        match least_one.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(SinkError::Config(format!("limits.{name} must be at least 1"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn parse(text: &str) -> Result<Vec<Target>, String> {
        let config: SinkConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        config.check().map_err(|e| e.to_string())
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("url");
        std::fs::write(&file, "https://hooks.slack.com/services/T/B/x\n").unwrap();
        let targets = parse(&format!(
            r#"
            console_url = "https://c360.example.com"
            [[destinations]]
            name = "ops"
            kind = "webhook"
            url = "https://example.com/hook"
            secret = "{SECRET}"
            secrets = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
            match = {{ severity = "warning", owner = "kim@example.com", types = ["billing.*"] }}
            [[destinations]]
            name = "cs"
            kind = "slack"
            url_file = {file:?}
            match = {{ severity = ["critical"] }}
            [limits]
            concurrency = 2
        "#
        ))
        .unwrap();
        assert_eq!((targets[0].keys.len(), targets[0].kind), (2, Kind::Webhook));
        assert_eq!(targets[1].url.as_str(), "https://hooks.slack.com/services/T/B/x");
    }

    #[test]
    fn what_is_wrong_is_named_with_what_to_do() {
        let webhook = |rest: &str| format!("[[destinations]]\nname = \"a\"\nkind = \"webhook\"\n{rest}\n");
        let cases = [
            (webhook("url = \"https://e.com\""), "webhooks are signed"),
            (webhook(&format!("secret = \"{SECRET}\"")), "give it a url"),
            (webhook(&format!("url = \"ftp://e.com\"\nsecret = \"{SECRET}\"")), "must start with http"),
            (webhook("url = \"https://e.com\"\nsecret = \"not base64!\""), "base64"),
            (webhook("url = \"https://e.com\"\nurl_file = \"/x\""), "keep one"),
            (webhook("url_file = \"/nowhere\""), "cannot be read"),
            (webhook("uri = \"https://e.com\""), "unknown field"),
            (webhook("url = \"https://e.com\"\n[destinations.match]\nseverity = \"loud\""), "severity"),
            ("[[destinations]]\nname = \"a\"\nkind = \"pager\"".into(), "expected `webhook` or `slack`"),
            ("[limits]\nconcurrency = 0".into(), "limits.concurrency must be at least 1"),
            ("console_url = \"nowhere\"".into(), "console_url"),
        ];
        for (text, part) in cases {
            let error = parse(&text).expect_err(&text);
            assert!(error.contains(part), "{text} gives {error}");
        }
        let slack = "[[destinations]]\nname = \"a\"\nkind = \"slack\"\nurl = \"https://e.com\"\n";
        assert!(parse(&format!("{slack}{slack}")).unwrap_err().contains("rename one"));
    }

    #[test]
    fn secrets_are_never_shown() {
        let text = format!("[[destinations]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://hook.example/T0P\"\nsecret = \"{SECRET}\"");
        let config: SinkConfig = toml::from_str(&text).unwrap();
        let shown = format!("{config:?} {:?}", config.check().unwrap());
        assert!(!shown.contains("T0P") && !shown.contains("MfKQ9r8"), "{shown}");
    }
}
