//! Tells alerts as they come.
use super::courier::Courier;
use super::told::{self, Ink};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often it looks for new ones.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Alerts that one look takes.
const LOOK_MAX: usize = 200;
/// Alerts that are remembered as told.
const TOLD_MAX: usize = 4_096;

/// Which alerts were told: those that a page shows again are not told again.
#[derive(Debug)]
struct Told {
    /// Nothing before this is told, UTC ms.
    since: i64,
    /// Time, id and revision.
    revisions: BTreeSet<(i64, String, i64)>,
}

impl Told {
    /// Those of `page`, newest first, that were not told yet; oldest first. Remembers them.
    fn take_new<'a>(&mut self, page: &'a [Value]) -> Vec<&'a Value> {
        let mut new: Vec<&Value> = page.iter().filter(|alert| self.is_new(alert)).collect();
        new.reverse();
        while self.revisions.len() > TOLD_MAX {
            if let Some((at, ..)) = self.revisions.pop_first() {
                self.since = self.since.max(at + 1);
            }
        }
        new
    }

    fn is_new(&mut self, alert: &Value) -> bool {
        let Some(at) = alert["timestamp"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()) else { return false };
        let (at, id) = (at.as_millisecond(), alert["alert_id"].as_str().unwrap_or_default());
        at >= self.since && self.revisions.insert((at, id.to_owned(), alert["revision"].as_i64().unwrap_or(0)))
    }
}

/// Tells alerts from `since` (UTC ms) on, and when they are over; does not end.
pub(crate) async fn alerts(courier: &Courier, since: i64) -> anyhow::Result<()> {
    let mut told = Told { since, revisions: BTreeSet::new() };
    let ink = Ink::for_stdout();
    let mut pace = tokio::time::interval(LOOK_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let page = courier.get(&format!("/api/v1/alerts?status=all&limit={LOOK_MAX}")).await?;
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        for alert in told.take_new(items) {
            println!("{}", told::alert(alert, ink));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert(second: i64, id: &str, revision: i64) -> Value {
        json!({"timestamp": jiff::Timestamp::from_second(second).unwrap().to_string(), "alert_id": id, "revision": revision})
    }

    #[test]
    fn each_revision_is_told_once_oldest_first_and_none_from_before() {
        let mut told = Told { since: 1_000_000, revisions: BTreeSet::new() };
        let ids = |told: &mut Told, page: &[Value]| {
            told.take_new(page).iter().map(|a| format!("{}/{}", a["alert_id"].as_str().unwrap(), a["revision"])).collect::<Vec<_>>()
        };
        assert_eq!(ids(&mut told, &[alert(1_002, "b", 1), alert(1_001, "a", 1), alert(999, "old", 1)]), ["a/1", "b/1"]);
        assert_eq!(ids(&mut told, &[alert(1_003, "a", 2), alert(1_002, "b", 1)]), ["a/2"]);
        assert!(ids(&mut told, &[json!({"timestamp": "soon"})]).is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_is_not_told_again() {
        let mut told = Told { since: 0, revisions: BTreeSet::new() };
        let page: Vec<Value> = (0..TOLD_MAX as i64 + 10).rev().map(|n| alert(n, "a", n)).collect();
        assert_eq!(told.take_new(&page).len(), TOLD_MAX + 10);
        assert_eq!(told.revisions.len(), TOLD_MAX);
        assert!(told.take_new(&page).is_empty());
    }
}
