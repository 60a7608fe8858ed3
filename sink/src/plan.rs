//! Who wants an alert: decided once, when it is planned. A later change of the configuration does not change what was planned.
use crate::Target;
use crate::config::{Kind, Match, OneOrMany, SeverityMatch};
use c360_schemas::{Alert, Delivery, DeliveryOutcome};
use parking_lot::RwLock;
use std::sync::Arc;

/// The destinations and what each wants, shared by the machines of all partitions; a reload replaces it as a whole.
#[derive(Clone, Debug, Default)]
pub struct Routes(Arc<RwLock<Arc<[Route]>>>);

#[derive(Clone, Debug)]
struct Route {
    name: Arc<str>,
    kind: Kind,
    only: Match,
}

impl Routes {
    /// Routes to `targets`.
    pub fn new(targets: &[Target]) -> Self {
        let routes = Self::default();
        routes.replace(targets);
        routes
    }

    /// Puts `targets` in the place of what was there.
    pub(crate) fn replace(&self, targets: &[Target]) {
        *self.0.write() = targets.iter().map(|t| Route { name: t.name.clone(), kind: t.kind, only: t.only.clone() }).collect();
    }

    /// A plan for each destination that wants `alert`, whose record is `bytes`, at `now` (UTC ms).
    pub(crate) fn plan(&self, alert: &Alert, bytes: &[u8], now: i64) -> Vec<Delivery> {
        let routes = self.0.read().clone();
        routes.iter().filter(|route| route.only.wants(alert)).map(|route| planned(route, alert, bytes, now)).collect()
    }
}

fn planned(route: &Route, alert: &Alert, bytes: &[u8], now: i64) -> Delivery {
    Delivery {
        tenant: alert.tenant.clone(),
        account_id: alert.account_id.clone(),
        alert_id: alert.alert_id.clone(),
        revision: alert.revision,
        destination: route.name.to_string(),
        kind: route.kind.as_str().to_owned(),
        outcome: DeliveryOutcome::Planned,
        at: now,
        attempt: 0,
        status_code: None,
        error: None,
        next_attempt_at: None,
        alert: Some(bytes.to_vec()),
    }
}

impl Match {
    /// Whether the alert is wanted.
    pub(crate) fn wants(&self, alert: &Alert) -> bool {
        let severity = self.severity.as_ref().is_none_or(|wanted| match wanted {
            SeverityMatch::AtLeast(least) => alert.severity >= *least,
            SeverityMatch::AnyOf(any) => any.contains(&alert.severity),
        });
        severity
            && one_is(self.owner.as_ref(), |owner| is_owner(owner, alert))
            && one_is(self.types.as_ref(), |pattern| is_type(pattern, &alert.alert_type))
            && one_is(self.tenant.as_ref(), |tenant| tenant == alert.tenant)
    }
}

fn one_is(wanted: Option<&OneOrMany>, is: impl Fn(&str) -> bool) -> bool {
    wanted.is_none_or(|wanted| wanted.iter().any(is))
}

fn is_owner(wanted: &str, alert: &Alert) -> bool {
    let wanted = wanted.to_lowercase();
    [&alert.owner_email, &alert.owner_name].into_iter().flatten().any(|owner| owner.to_lowercase() == wanted)
}

fn is_type(pattern: &str, alert_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => alert_type.starts_with(start),
        None => pattern == alert_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::alert;

    #[test]
    fn a_destination_gets_what_its_match_says() {
        // The alert: warning, health.changed, owner Kim Ørsted <kim@example.com>, tenant default.
        let table = [
            ("", true),
            ("severity = 'info'", true),
            ("severity = 'warning'", true),
            ("severity = 'critical'", false),
            ("severity = ['critical', 'warning']", true),
            ("severity = ['critical', 'info']", false),
            ("severity = []", false),
            ("owner = 'KIM@example.com'", true),
            ("owner = 'kim ørsted'", true),
            ("owner = ['a@b.c', 'kim@example.com']", true),
            ("owner = 'a@b.c'", false),
            ("types = 'health.changed'", true),
            ("types = ['billing.*', 'health.*']", true),
            ("types = ['*']", true),
            ("types = 'health'", false),
            ("tenant = 'default'", true),
            ("tenant = 'other'", false),
            ("severity = 'warning'\nowner = 'a@b.c'", false),
        ];
        for (text, wanted) in table {
            let only: Match = toml::from_str(text).unwrap();
            assert_eq!(only.wants(&alert("al_1", 1)), wanted, "{text}");
        }
    }

    #[test]
    fn an_account_without_an_owner_matches_no_owner() {
        let only: Match = toml::from_str("owner = ''").unwrap();
        assert!(!only.wants(&Alert { owner_email: None, owner_name: None, ..alert("al_1", 1) }));
    }
}
