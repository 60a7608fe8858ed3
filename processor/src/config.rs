//! Settings of the two machines. Whatever changes an answer must be the same on a replay: changing one of these changes what later records fold to, never what was said.
use crate::time::Calendar;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where nobody says how much.
fn cache_bytes() -> usize {
    16 << 20
}

/// Settings of [`crate::Resolve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResolveConfig {
    /// Whether links of e-mail domains that nobody told count.
    pub guess_domains: bool,
    /// About as many bytes of decoded rows are kept in memory for each partition. It is a part of the engine's one number.
    #[serde(skip, default = "cache_bytes")]
    pub cache_bytes: usize,
    /// Provisional customers that one link brings home at most.
    pub waiters_max: usize,
}

impl Default for ResolveConfig {
    fn default() -> Self {
        Self { guess_domains: false, cache_bytes: cache_bytes(), waiters_max: 10_000 }
    }
}

/// Settings of [`crate::Aggregate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AggregateConfig {
    /// About as many bytes of decoded rows are kept in memory for each partition. It is a part of the engine's one number.
    #[serde(skip, default = "cache_bytes")]
    pub cache_bytes: usize,
    /// Profiles said in one transaction for each partition, unless very many are owed.
    pub profiles_max: usize,
    /// Features tracked for each customer.
    pub features_max: usize,
    /// Foreign ids shown for each customer.
    pub identities_max: usize,
    /// Rows in one record of a provisional customer's move.
    pub move_rows_max: usize,
    /// Usage asks for a new score at most this often, ms.
    pub evaluate_every_ms: i64,
    /// People shown for each customer.
    pub contacts_max: usize,
    /// Time zones by tenant, as IANA names them; windows of a tenant without one are UTC days.
    pub time_zones: BTreeMap<String, Zone>,
    pub usage: UsageConfig,
    pub billing: BillingConfig,
    pub alerts: AlertConfig,
}

/// A time zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    calendar: Calendar,
}

impl TryFrom<String> for Zone {
    type Error = jiff::Error;

    fn try_from(name: String) -> Result<Self, jiff::Error> {
        let calendar = Calendar::named(&name)?;
        Ok(Self { name, calendar })
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name
    }
}

impl AggregateConfig {
    /// Whose days a tenant's windows are of.
    pub(crate) fn calendar(&self, tenant: &str) -> Calendar {
        self.time_zones.get(tenant).map(|zone| zone.calendar).unwrap_or_default()
    }
}

impl Default for AggregateConfig {
    fn default() -> Self {
        Self {
            cache_bytes: cache_bytes(),
            profiles_max: 2_000,
            features_max: 64,
            identities_max: 50,
            move_rows_max: 2_000,
            evaluate_every_ms: 3_600_000,
            contacts_max: 50,
            time_zones: BTreeMap::new(),
            usage: UsageConfig::default(),
            billing: BillingConfig::default(),
            alerts: AlertConfig::default(),
        }
    }
}

/// What usage means for the product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageConfig {
    /// Names of the events in which the product's worth shows.
    pub key_actions: Vec<String>,
    /// Names of the features that customers are entitled to. Empty: breadth has no share.
    pub features: Vec<String>,
    /// User ids that are no people; one that ends in `*` stands for all that begin so. What they do is counted as automation, and they are no active users.
    pub automation_users: Vec<String>,
}

impl UsageConfig {
    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.key_actions.iter().any(|key| key == name)
    }

    pub(crate) fn is_automation(&self, user: &str) -> bool {
        self.automation_users.iter().any(|known| match known.strip_suffix('*') {
            Some(begins) => user.starts_with(begins),
            None => user == known,
        })
    }
}

/// What counts as recurring revenue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BillingConfig {
    /// Whether metered items count into MRR.
    pub count_metered: bool,
}

/// When alerts are raised, and how loud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertConfig {
    /// Events that happened longer ago than this raise no alert, ms.
    pub late_after_ms: i64,
    /// MRR in minor units from which a customer in the red is critical.
    pub critical_mrr_minor: i64,
    /// Open tickets that make a backlog.
    pub backlog_tickets: u32,
    /// An incident that comes back within this time is opened again, ms.
    pub reopen_within_ms: i64,
    /// An incident is over after this time of recovery, ms.
    pub resolve_after_ms: i64,
}

impl Default for AlertConfig {
    fn default() -> Self {
        let day_ms = 86_400_000;
        Self {
            late_after_ms: 3 * day_ms,
            critical_mrr_minor: 100_000,
            backlog_tickets: 5,
            reopen_within_ms: 14 * day_ms,
            resolve_after_ms: 7 * day_ms,
        }
    }
}
