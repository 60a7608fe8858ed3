//! Where all partitions' words about a source come together. One partition may have few customers of it, and rarely hears it by itself; it is stale when those that do not hear it have most of its customers. That
//! is one alert, and a word to each partition that counts on the source.
use crate::alert::{AlertType, Asked, actions, severity_of_feed};
use crate::hash;
use crate::keys::{self, Tag};
use crate::metrics::Effect;
use crate::rows::{self, FeedAlert, FeedWord, FeedWordsRow, SourceWords};
use crate::score::InForce;
use crate::time::rfc3339;
use c360_engine::{Actions, State, StateError};
use c360_schemas::{Alert, AlertStatus, DOUBT_ACCOUNT, FEED_PREFIX, Feed, Key, Topic, Wire};

const HOUR_MS: i64 = 3_600_000;
/// Customers, about, before a source's silence is more than theirs.
const CUSTOMERS_MIN: i32 = 5;

/// Takes a partition's word.
pub(crate) fn take(feed: &Feed, in_force: &InForce, now: i64, state: &mut State, out: &mut Actions<Effect>) -> Result<(), StateError> {
    let row_key = keys::own(Tag::FeedWords, feed.tenant.as_bytes());
    let mut row = rows::load::<FeedWordsRow>(state, &row_key)?.unwrap_or_default();
    let index = row.sources.iter().position(|known| known.source == feed.source).unwrap_or_else(|| {
        row.sources.push(SourceWords { source: feed.source.clone(), ..SourceWords::default() });
        row.sources.len() - 1
    });
    let source = &mut row.sources[index];
    source.words.retain(|word| word.partition != feed.partition);
    // One without customers does not count on the source any more, and is told all the same when its doubt is over.
    source.words.push(FeedWord {
        partition: feed.partition,
        customers: feed.customers,
        families: feed.families.clone(),
        silent: feed.silent,
        last_at: feed.last_at,
        usual_ms: feed.usual_ms,
    });
    let (silent, all) = (source.customers(true), source.customers(true) + source.customers(false));
    match source.alert.take() {
        None if silent >= CUSTOMERS_MIN && 3 * silent >= 2 * all => {
            let word = source.word(feed, now, true);
            let alert = open(&word, in_force);
            say(&word, &alert, AlertStatus::Open, in_force, out);
            source.words.iter().for_each(|to| tell(&word, to.partition, out));
            source.alert = Some(alert);
        }
        Some(alert) if all == 0 || 3 * silent < all => {
            let word = source.word(feed, now, false);
            say(&word, &alert, AlertStatus::Resolved, in_force, out);
            source.words.iter().for_each(|to| tell(&word, to.partition, out));
        }
        alert => source.alert = alert,
    }
    if source.alert.is_none() {
        source.words.retain(|word| word.customers > 0);
    }
    row.sources.retain(|source| !source.words.is_empty());
    rows::store(state, row_key, &row)
}

impl SourceWords {
    fn customers(&self, silent: bool) -> i32 {
        self.words.iter().filter(|word| word.silent == silent).map(|word| word.customers).sum()
    }

    /// What all of them say together: last heard by any, otherwise as where it has most customers.
    fn word(&self, newest: &Feed, now: i64, silent: bool) -> Feed {
        let most = self.words.iter().max_by_key(|word| (word.silent, word.customers));
        Feed {
            customers: self.customers(true) + self.customers(false),
            families: most.map(|word| word.families.clone()).unwrap_or_default(),
            silent,
            at: now,
            last_at: self.words.iter().filter(|word| word.silent).map(|word| word.last_at).max().unwrap_or(newest.last_at),
            usual_ms: most.map_or(0, |word| word.usual_ms),
            ..newest.clone()
        }
    }
}

fn open(word: &Feed, in_force: &InForce) -> FeedAlert {
    let asked = Asked { alerts: &[AlertType::FeedStale], reasons: &[], lifecycle: "", mrr: None, at_rest: &[] };
    FeedAlert {
        alert_id: hash::id_of(&[word.tenant.as_bytes(), b"feed", word.source.as_bytes(), &word.at.to_le_bytes()]),
        why: why(word),
        actions: actions(&in_force.rules, &asked).into_iter().map(|(playbook, _)| playbook.name.clone()).collect(),
    }
}

fn why(word: &Feed) -> String {
    let hours = |ms: i64| ms / HOUR_MS;
    let since = rfc3339(word.last_at).unwrap_or_default();
    let suspended = match word.families.as_slice() {
        [] => String::new(),
        families => format!(" No score and no alert rests on {} until it is back.", families.join(", ")),
    };
    format!(
        "Nothing has come from {} since {since}, {} hours ago; in the four weeks before it was never silent for longer than {}.{suspended}",
        word.source,
        hours(word.at - word.last_at),
        hours(word.usual_ms)
    )
}

/// Tells a partition what its scores must not rest on, or may again.
fn tell(word: &Feed, partition: i32, out: &mut Actions<Effect>) {
    let key = Key { tenant: &word.tenant, id: DOUBT_ACCOUNT };
    let told = Feed { partition, ..word.clone() };
    out.outputs.push_with(Topic::Events, u32::try_from(partition).ok(), |b| key.write(b), |_| (), |b| told.encode(b));
}

fn say(word: &Feed, told: &FeedAlert, status: AlertStatus, in_force: &InForce, out: &mut Actions<Effect>) {
    if in_force.rules.alerts.off[AlertType::FeedStale as usize] {
        return;
    }
    let severity = severity_of_feed(&in_force.rules);
    let alert = Alert {
        alert_id: told.alert_id.clone(),
        revision: if status == AlertStatus::Open { 1 } else { 2 },
        alert_type: AlertType::FeedStale.as_str().into(),
        status,
        severity,
        at: word.at,
        notify: true,
        tenant: word.tenant.clone(),
        account_id: format!("{FEED_PREFIX}{}", word.source),
        account_name: Some(format!("Source {}", word.source)),
        owner_name: None,
        owner_email: None,
        band_before: None,
        band_after: None,
        score_before: None,
        score_after: None,
        receipt: Vec::new(),
        playbook: told.actions.first().cloned(),
        actions: told.actions.clone(),
        why: Some(told.why.clone()),
        acknowledged_by: None,
        snoozed_until: None,
        verdict: None,
    };
    let key = Key { tenant: &word.tenant, id: &alert.account_id };
    out.outputs.push(Topic::Alerts, |b| key.write(b), |b| alert.encode(b));
    out.effects.push(Effect::AlertRaised { alert_type: AlertType::FeedStale.as_str(), severity });
}
