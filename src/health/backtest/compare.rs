//! What a set of rules did over history, in numbers.
use super::fold::Lived;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

const DAY_MS: i64 = 86_400_000;
/// A mean month, days.
const MONTH_DAYS: f64 = 365.25 / 12.0;
/// A warning counts for a loss that comes within so many days.
pub(super) const HORIZON_DAYS: i64 = 180;
/// A warning less than so long before the loss is no warning.
const EARLIEST_MS: i64 = DAY_MS;

/// One set of rules.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) rules: String,
    pub(super) customers: usize,
    /// By band, at the end.
    pub(super) bands: BTreeMap<&'static str, usize>,
    /// Mean part of the card that is known, of 1.
    pub(super) coverage: f64,
    /// Alerts that opened, by type.
    pub(super) alerts: BTreeMap<String, usize>,
    /// Messages: alerts that opened, were updated or ended.
    pub(super) messages: usize,
    pub(super) alerts_per_customer_month: f64,
    /// Alerts for each owner and day of the history; customers without an owner are one owner's.
    pub(super) alerts_per_owner_day: f64,
    /// Alerts that opened, by month.
    pub(super) by_month: BTreeMap<String, usize>,
    /// Customers whose last subscription ended.
    pub(super) lost: usize,
    /// Of these, those of whom a warning had been opened.
    pub(super) lost_warned: usize,
    /// Days from the first warning to the loss, the median.
    pub(super) lead_days_median: Option<i64>,
    /// Warnings that are old enough to be judged.
    pub(super) warnings_judged: usize,
    /// Of these, those after which the customer stayed.
    pub(super) false_alarms: usize,
}

/// The outcome of lives until `until`.
pub(super) fn outcome(rules: &str, lives: &[Lived], until: i64) -> Outcome {
    let mut out = Outcome { rules: rules.to_owned(), customers: lives.len(), ..Outcome::default() };
    let (mut days, mut leads, mut owners) = (0.0, Vec::new(), BTreeSet::new());
    let mut first = until;
    for band in ["green", "yellow", "red", "unknown"] {
        out.bands.insert(band, 0);
    }
    for life in lives {
        let standing = &life.standing;
        *out.bands.entry(standing.band).or_default() += 1;
        out.coverage += standing.coverage / lives.len() as f64;
        let begun = standing.first_event_at.unwrap_or(until);
        first = first.min(begun);
        days += (until - begun).max(0) as f64 / DAY_MS as f64;
        owners.insert(standing.owner.as_deref().unwrap_or_default());
        out.messages += life.sent.len();
        for sent in life.sent.iter().filter(|sent| sent.opened) {
            *out.alerts.entry(sent.alert_type.clone()).or_default() += 1;
            *out.by_month.entry(month(sent.at)).or_default() += 1;
        }
        let warnings = || life.sent.iter().filter(|sent| sent.opened && sent.warns).map(|sent| sent.at);
        let before = |lost: i64| warnings().find(|at| lost - at >= EARLIEST_MS && lost - at <= HORIZON_DAYS * DAY_MS);
        if let Some(lost) = standing.churned_at {
            out.lost += 1;
            if let Some(at) = before(lost) {
                out.lost_warned += 1;
                leads.push((lost - at) / DAY_MS);
            }
        }
        for at in warnings() {
            let came_true = standing.churned_at.is_some_and(|lost| lost >= at && lost - at <= HORIZON_DAYS * DAY_MS);
            if came_true || at + HORIZON_DAYS * DAY_MS <= until {
                out.warnings_judged += 1;
                out.false_alarms += usize::from(!came_true);
            }
        }
    }
    leads.sort_unstable();
    out.lead_days_median = leads.get(leads.len() / 2).copied();
    let alerts: usize = out.alerts.values().sum();
    let per = |count: f64| if count > 0.0 { alerts as f64 / count } else { 0.0 };
    out.alerts_per_customer_month = per(days / MONTH_DAYS);
    out.alerts_per_owner_day = per(owners.len() as f64 * (until - first).max(0) as f64 / DAY_MS as f64);
    out
}

fn month(at: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    format!("{:04}-{:02}", time.year(), time.month())
}

/// A customer that the two sets of rules see differently.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moved {
    pub(super) account_id: String,
    pub(super) name: Option<String>,
    pub(super) owner: Option<String>,
    /// Minor units.
    pub(super) mrr: Option<i64>,
    pub(super) band_in_force: &'static str,
    pub(super) band_tried: &'static str,
    pub(super) score_in_force: Option<i32>,
    pub(super) score_tried: Option<i32>,
    pub(super) lost: bool,
}

/// Customers in another band at the end, the most valuable first.
pub(super) fn moved(in_force: &[Lived], tried: &[Lived]) -> Vec<Moved> {
    let by_account: BTreeMap<&str, &Lived> = tried.iter().map(|life| (life.account.as_str(), life)).collect();
    let mut moved: Vec<Moved> = in_force
        .iter()
        .filter_map(|life| Some((life, *by_account.get(life.account.as_str())?)))
        .filter(|(was, is)| was.standing.band != is.standing.band)
        .map(|(was, is)| Moved {
            account_id: was.account.clone(),
            name: was.standing.name.clone(),
            owner: was.standing.owner.clone(),
            mrr: was.standing.mrr,
            band_in_force: was.standing.band,
            band_tried: is.standing.band,
            score_in_force: was.standing.score,
            score_tried: is.standing.score,
            lost: was.standing.churned_at.is_some(),
        })
        .collect();
    moved.sort_by(|a, b| b.mrr.cmp(&a.mrr).then_with(|| a.account_id.cmp(&b.account_id)));
    moved
}
