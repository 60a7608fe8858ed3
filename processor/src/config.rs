//! Settings of the two machines. Whatever changes an answer must be the same on a replay: changing one of these changes what later records fold to, never what was said.
use serde::{Deserialize, Serialize};

/// Settings of [`crate::Resolve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResolveConfig {
    /// Whether links of e-mail domains that nobody told count.
    pub guess_domains: bool,
    /// Rows kept decoded in memory for each partition.
    pub cache_rows_max: usize,
    /// Provisional customers that one link brings home at most.
    pub waiters_max: usize,
}

impl Default for ResolveConfig {
    fn default() -> Self {
        Self { guess_domains: false, cache_rows_max: 100_000, waiters_max: 10_000 }
    }
}

/// Settings of [`crate::Aggregate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AggregateConfig {
    /// Customers kept decoded in memory for each partition.
    pub cache_accounts_max: usize,
    /// Users kept decoded in memory for each partition.
    pub cache_users_max: usize,
    /// Features tracked for each customer.
    pub features_max: usize,
    /// Foreign ids shown for each customer.
    pub identities_max: usize,
    /// Rows in one record of a provisional customer's move.
    pub move_rows_max: usize,
    /// Usage asks for a new score at most this often, ms.
    pub evaluate_every_ms: i64,
    pub billing: BillingConfig,
    pub alerts: AlertConfig,
}

impl Default for AggregateConfig {
    fn default() -> Self {
        Self {
            cache_accounts_max: 50_000,
            cache_users_max: 200_000,
            features_max: 64,
            identities_max: 50,
            move_rows_max: 2_000,
            evaluate_every_ms: 3_600_000,
            billing: BillingConfig::default(),
            alerts: AlertConfig::default(),
        }
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
