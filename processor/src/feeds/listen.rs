//! Hears sources, and notices when one is not heard any more.
use super::{FAMILIES, number};
use crate::hash;
use crate::keys::{self, Tag};
use crate::rows::{self, FeedsRow, Heard};
use crate::time::{DAY_MS, day_of};
use c360_engine::{State, StateError};
use c360_health::Family;
use c360_schemas::Feed;
use hashbrown::HashMap;
use std::ops::ControlFlow;

/// Sources of a tenant that are listened for; the one that was silent for longest makes room.
const FEEDS_MAX: usize = 64;
const HOUR_MS: i64 = 3_600_000;
/// Silence that says something, at least; and for how long it goes on after time was seen to be lived through.
const SILENT_MS: i64 = 12 * HOUR_MS;
const ANSWER_MS: i64 = 12 * HOUR_MS;
/// Days of 28 on which it was heard before its silence says something.
const DAYS_MIN: u32 = 7;
const PERIOD_DAYS: i32 = 28;
/// A source that was not heard for so long is not waited for any more: somebody has turned it off.
const GIVEN_UP_MS: i64 = 28 * DAY_MS;
/// Files that are loaded are no sources to wait for.
const LOADED: &str = "import:";

/// The sources of all tenants, as one partition hears them.
#[derive(Default)]
pub(crate) struct Listener {
    tenants: HashMap<Box<str>, (FeedsRow, bool)>,
    /// Whether some source waits for a record to answer; not known until it was looked for.
    asking: Option<bool>,
    is_deaf: bool,
}

impl Listener {
    /// One that hears nothing: in the life of a single customer no source can be told from the customer.
    pub(crate) fn deaf() -> Self {
        Self { asking: Some(false), is_deaf: true, ..Self::default() }
    }

    /// An event came at `now`. Something to say where its source was silent, or is to be counted on from now on.
    pub(crate) fn hear(
        &mut self,
        (tenant, key_bytes): (&str, &[u8]),
        source: &str,
        family: Family,
        now: i64,
        state: &mut State,
    ) -> Result<Option<Feed>, StateError> {
        if self.is_deaf || source.starts_with(LOADED) {
            return Ok(None);
        }
        let row = self.row(tenant, state)?;
        let index = match row.feeds.iter().position(|feed| feed.source == source) {
            Some(index) => index,
            None => add(row, source, now),
        };
        let feed = &mut row.feeds[index];
        let (last_at, new_day) = (feed.last_at, day_of(feed.last_at) != day_of(now));
        let new_period = feed.hear(key_bytes, family, now);
        if !(new_day && feed.says_something()) && feed.said != Some(true) {
            return Ok(None);
        }
        let word = (new_period || feed.said != Some(false)).then(|| {
            row.feeds[index].said = Some(false);
            word(row, index, tenant, now, last_at)
        });
        // While it was silent nothing was to be looked at for long.
        if row.due.is_none_or(|due| due > now + SILENT_MS) {
            plan(row, now + SILENT_MS, tenant, state);
        }
        Ok(word)
    }

    /// Time for a look at a tenant's sources. Something to say of those that are silent for too long.
    pub(crate) fn look(&mut self, tenant: &str, now: i64, state: &mut State) -> Result<Vec<Feed>, StateError> {
        let row = self.row(tenant, state)?;
        row.due = None;
        let mut next: Option<i64> = None;
        let (mut silent, mut gone) = (Vec::new(), Vec::new());
        let mut asked = false;
        for index in 0..row.feeds.len() {
            let feed = &row.feeds[index];
            let given_up_at = feed.last_at + GIVEN_UP_MS;
            let quiet_until = feed.last_at + feed.patience_ms();
            let later = match feed.answered_at {
                _ if feed.said.is_none() => continue,
                _ if feed.said == Some(true) && now >= given_up_at => {
                    gone.push(index);
                    continue;
                }
                _ if feed.said == Some(true) => given_up_at,
                _ if now < quiet_until => quiet_until,
                Some(answered_at) if now >= answered_at + ANSWER_MS => {
                    silent.push(index);
                    given_up_at
                }
                Some(answered_at) => answered_at + ANSWER_MS,
                None => {
                    row.feeds[index].asked = true;
                    asked = true;
                    now + ANSWER_MS
                }
            };
            next = Some(next.map_or(later, |next| next.min(later)));
        }
        let mut said = Vec::with_capacity(silent.len());
        for index in silent {
            row.feeds[index].said = Some(true);
            said.push(word(row, index, tenant, now, row.feeds[index].last_at));
        }
        // From the last on, so that the numbers of the others stay.
        for index in gone.into_iter().rev() {
            let last = word(row, index, tenant, now, row.feeds[index].last_at);
            said.push(Feed { customers: 0, silent: false, ..last });
            row.feeds.remove(index);
        }
        if let Some(next) = next {
            plan(row, next, tenant, state);
        }
        if asked {
            self.asking = Some(true);
        }
        Ok(said)
    }

    /// A record came at `now`, whatever it is: time was lived through until here.
    pub(crate) fn answer(&mut self, now: i64, state: &mut State) -> Result<(), StateError> {
        if self.asking == Some(false) {
            return Ok(());
        }
        if self.asking.is_none() {
            // After a start: those that were written may wait.
            let mut tenants: Vec<String> = Vec::new();
            state.scan(&[Tag::Feeds as u8], &mut |key, _| {
                tenants.extend(key.get(1..).and_then(|tenant| String::from_utf8(tenant.to_vec()).ok()));
                ControlFlow::Continue(())
            })?;
            for tenant in tenants {
                self.tenant(&tenant, state)?;
            }
        }
        for (row, dirty) in self.tenants.values_mut() {
            for feed in row.feeds.iter_mut().filter(|feed| feed.asked) {
                (feed.asked, feed.answered_at) = (false, Some(now));
                *dirty = true;
            }
        }
        self.asking = Some(false);
        Ok(())
    }

    pub(crate) fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        for (tenant, (row, dirty)) in &mut self.tenants {
            if std::mem::take(dirty) {
                rows::store(state, keys::own(Tag::Feeds, tenant.as_bytes()), row)?;
            }
        }
        Ok(())
    }

    /// A tenant's row, to be changed.
    fn row(&mut self, tenant: &str, state: &State) -> Result<&mut FeedsRow, StateError> {
        let (row, dirty) = self.tenant(tenant, state)?;
        *dirty = true;
        Ok(row)
    }

    fn tenant(&mut self, tenant: &str, state: &State) -> Result<&mut (FeedsRow, bool), StateError> {
        if !self.tenants.contains_key(tenant) {
            let row = rows::load::<FeedsRow>(state, &keys::own(Tag::Feeds, tenant.as_bytes()))?.unwrap_or_default();
            self.tenants.insert(tenant.into(), (row, false));
        }
        Ok(self.tenants.entry_ref(tenant).or_default())
    }
}

/// First byte of the keys of timers by which a tenant's sources are looked at; the tenant follows.
pub(crate) const TIMER: u8 = b'f';

fn plan(row: &mut FeedsRow, due: i64, tenant: &str, state: &mut State) {
    let mut key = vec![TIMER];
    key.extend_from_slice(tenant.as_bytes());
    if let Some(old) = row.due.replace(due) {
        state.cancel_timer(old, &key);
    }
    state.set_timer(due, &key);
}

fn add(row: &mut FeedsRow, source: &str, now: i64) -> usize {
    if row.feeds.len() >= FEEDS_MAX
        && let Some(index) = (0..row.feeds.len()).min_by_key(|index| row.feeds[*index].last_at)
    {
        row.feeds.remove(index);
    }
    row.feeds.push(Heard { source: source.into(), last_at: now, days: 1, period: day_of(now), ..Heard::default() });
    row.feeds.len() - 1
}

/// How a source is heard, and what rests on it: families of which it brings at least half.
fn word(row: &FeedsRow, index: usize, tenant: &str, now: i64, last_at: i64) -> Feed {
    let events = |feed: &Heard, family: usize| u64::from(feed.counts[0][family]) + u64::from(feed.counts[1][family]);
    let feed = &row.feeds[index];
    let brings_half = |family: &usize| {
        let all: u64 = row.feeds.iter().map(|feed| events(feed, *family)).sum();
        all > 0 && 2 * events(feed, *family) >= all
    };
    Feed {
        tenant: tenant.into(),
        source: feed.source.clone(),
        partition: 0,
        customers: (feed.spread[0] | feed.spread[1]).count_ones() as i32,
        families: (0..FAMILIES.len()).filter(brings_half).map(|family| FAMILIES[family].into()).collect(),
        silent: feed.said == Some(true),
        at: now,
        last_at,
        usual_ms: feed.usual_ms(),
    }
}

impl Heard {
    /// Whether it is counted anew from now on.
    fn hear(&mut self, key_bytes: &[u8], family: Family, now: i64) -> bool {
        let now = now.max(self.last_at);
        let (day, before) = (day_of(now), day_of(self.last_at));
        let gap = now - self.last_at;
        let mut new_period = false;
        // An outage is no rhythm of its own, and neither is one of c360: then it was answered long after it was asked.
        let away = self.answered_at.is_some_and(|at| at > self.last_at + self.patience_ms() + ANSWER_MS);
        if gap >= HOUR_MS && self.said != Some(true) && !away {
            self.gaps.retain(|(_, shorter)| *shorter > gap);
            self.gaps.push((day, gap));
        }
        if day != before {
            self.days = self.days.checked_shl((day - before) as u32).unwrap_or(0) & ((1 << PERIOD_DAYS) - 1);
            self.gaps.retain(|(end, _)| *end > day - PERIOD_DAYS);
            new_period = day >= self.period + PERIOD_DAYS;
            if new_period {
                let just_over = day < self.period + 2 * PERIOD_DAYS;
                self.spread = [0, if just_over { self.spread[0] } else { 0 }];
                self.counts = [[0; 4], if just_over { self.counts[0] } else { [0; 4] }];
                self.period = day;
            }
        }
        self.days |= 1;
        self.spread[0] |= 1 << (hash::short(key_bytes) % 64);
        if let Some(family) = number(family) {
            self.counts[0][family] = self.counts[0][family].saturating_add(1);
        }
        (self.last_at, self.asked, self.answered_at) = (now, false, None);
        new_period
    }

    /// Whether silence would say something.
    fn says_something(&self) -> bool {
        self.days.count_ones() >= DAYS_MIN
    }

    /// The longest silence of the last four weeks.
    fn usual_ms(&self) -> i64 {
        self.gaps.iter().map(|(_, gap)| *gap).max().unwrap_or(0)
    }

    fn patience_ms(&self) -> i64 {
        (self.usual_ms() * 3 / 2).clamp(SILENT_MS, GIVEN_UP_MS / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heard of `customers`, each hour of working days, for `days`.
    fn heard(customers: u8, days: i64) -> (Listener, State, i64) {
        let (mut listener, mut state, mut now) = (Listener::default(), State::in_memory(), 0);
        for day in (0..days).filter(|day| day % 7 < 5) {
            for hour in 8..18 {
                now = day * DAY_MS + hour * HOUR_MS;
                for customer in 0..customers {
                    let said = listener.hear(("t", &[customer]), "api", Family::Usage, now, &mut state).unwrap();
                    assert!(
                        said.is_none_or(|feed| !feed.silent && hour == 8),
                        "it is counted on from the seventh day, and anew each four weeks"
                    );
                }
            }
        }
        (listener, state, now)
    }

    /// Lives on for so many hours, with a record every `step`; what was said, with its hour.
    fn live(listener: &mut Listener, state: &mut State, from: i64, hours: i64, step: i64) -> Vec<(i64, Feed)> {
        let mut said = Vec::new();
        for hour in (step..=hours).step_by(step as usize) {
            let until = from + hour * HOUR_MS;
            while let Some(timer) = state.pop_due(until).unwrap() {
                said.extend(listener.look("t", timer.due, state).unwrap().into_iter().map(|feed| ((timer.due - from) / HOUR_MS, feed)));
            }
            listener.answer(until, state).unwrap();
        }
        said
    }

    #[test]
    fn half_as_long_again_as_the_longest_silence_and_half_a_day_more() {
        let (mut listener, mut state, last) = heard(20, 26);
        // Of a Friday; from Friday at 17 to Monday at 8 it is silent by itself for 63 hours.
        let said = live(&mut listener, &mut state, last, 300, 1);
        let (hour, feed) = &said[0];
        assert_eq!((said.len(), feed.families.as_slice(), feed.usual_ms), (1, &["usage".to_owned()][..], 63 * HOUR_MS));
        assert!((94 + 12..=94 + 14).contains(hour), "{hour}");
        let back = listener.hear(("t", b"x"), "api", Family::Usage, last + 400 * HOUR_MS, &mut state).unwrap();
        assert_eq!(back.map(|feed| (feed.silent, feed.last_at)), Some((false, last)));
        assert_eq!(listener.hear(("t", b"x"), "api", Family::Usage, last + 401 * HOUR_MS, &mut state).unwrap(), None, "once");
    }

    #[test]
    fn who_is_silent_for_four_weeks_is_not_waited_for_any_more() {
        let (mut listener, mut state, last) = heard(20, 26);
        let said = live(&mut listener, &mut state, last, 90 * 24, 1);
        let words: Vec<(i64, bool, bool)> = said.iter().map(|(hour, feed)| (*hour / 24, feed.silent, feed.customers > 0)).collect();
        assert_eq!(words, [(4, true, true), (28, false, false)]);
        assert!(state.pop_due(i64::MAX).unwrap().is_none(), "nothing is left to wait for");
    }

    #[test]
    fn few_days_and_files_say_nothing_by_their_silence() {
        let (mut listener, mut state, last) = heard(20, 8);
        assert_eq!(live(&mut listener, &mut state, last, 2_000, 1), []);
        let (mut listener, mut state) = (Listener::default(), State::in_memory());
        assert_eq!(listener.hear(("t", b"x"), "import:crm", Family::Usage, 0, &mut state).unwrap(), None);
        assert!(listener.tenants.is_empty());
    }

    #[test]
    fn its_word_has_about_how_many_customers_rest_on_it() {
        for (customers, about) in [(1, 1..=1), (3, 3..=3), (20, 14..=20)] {
            let (mut listener, mut state, last) = heard(customers, 26);
            let said = live(&mut listener, &mut state, last, 200, 1);
            assert!(about.contains(&said[0].1.customers), "{customers}: {said:?}");
        }
    }

    #[test]
    fn while_c360_itself_was_away_nobody_is_blamed() {
        let (mut listener, mut state, last) = heard(20, 26);
        // Nothing at all was recorded for two weeks; then c360 is back, and the senders try again within the hour.
        let back_at = last + 14 * DAY_MS;
        while let Some(timer) = state.pop_due(back_at).unwrap() {
            assert_eq!(listener.look("t", timer.due, &mut state).unwrap(), []);
        }
        listener.answer(back_at, &mut state).unwrap();
        let word = listener.hear(("t", b"x"), "api", Family::Usage, back_at + HOUR_MS, &mut state).unwrap();
        assert_eq!(
            word.map(|word| (word.silent, word.usual_ms)),
            Some((false, 63 * HOUR_MS)),
            "four weeks are over; that c360 was away is no rhythm"
        );
        // Had they not, half a day later it would have been said.
        let (mut listener, mut state, last) = heard(20, 26);
        let said = live(&mut listener, &mut state, last, 28 * 24, 14 * 24);
        assert_eq!(said.iter().map(|(hour, _)| *hour).collect::<Vec<_>>(), [14 * 24 + 12, 28 * 24], "and in the end it is given up");
    }

    #[test]
    fn it_goes_on_from_its_rows() {
        let (mut listener, mut state, last) = heard(20, 26);
        let until = last + 98 * HOUR_MS;
        while let Some(timer) = state.pop_due(until).unwrap() {
            assert_eq!(listener.look("t", timer.due, &mut state).unwrap(), []);
        }
        listener.write_back(&mut state).unwrap();
        let mut listener = Listener::default();
        listener.answer(until, &mut state).unwrap();
        let said = live(&mut listener, &mut state, until, 100, 1);
        assert_eq!(said.iter().map(|(hour, _)| *hour).collect::<Vec<_>>(), [12]);
    }
}
