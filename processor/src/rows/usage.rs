//! Usage by UTC day: a sparse ring of 90 days with running sums. An event costs O(1); a new day costs one walk over the ring.
use crate::time::day_of;
use serde::{Deserialize, Serialize};

/// Days kept, today included.
pub(crate) const RING_DAYS: i32 = 90;
/// The windows of the running sums, in days.
const WINDOWS: [i32; 4] = [1, 7, 28, 90];

/// One day that something happened on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Day {
    pub(crate) day: i32,
    /// Track, page and screen calls.
    pub(crate) events: u32,
    /// Distinct users on this day.
    pub(crate) users: u32,
    /// Users whose last active day this is: sums of it are the distinct users of a window.
    pub(crate) last: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Ascending, at most one for each of the last 90 days.
    pub(crate) days: Vec<Day>,
    /// The day that `sums` are of.
    today: i32,
    /// Events of 1, 7, 28 and 90 days.
    pub(crate) sums: [u64; 4],
    pub(crate) first_at: Option<i64>,
    /// The newest usage event.
    pub(crate) last_at: Option<i64>,
}

impl Usage {
    /// Moves the windows on to `today`; whether that is a new day.
    pub(crate) fn advance(&mut self, today: i32) -> bool {
        if today <= self.today {
            return false;
        }
        self.today = today;
        let keep_from = self.days.partition_point(|d| d.day <= today - RING_DAYS);
        self.days.drain(..keep_from);
        self.sums = WINDOWS.map(|window| self.events_between(today - window + 1, today));
        true
    }

    /// Counts `events` of `day`; days before the ring count nowhere.
    pub(crate) fn add_events(&mut self, day: i32, events: u32) {
        let today = self.today;
        let Some(entry) = self.at_mut(day) else { return };
        entry.events = entry.events.saturating_add(events);
        for (sum, window) in self.sums.iter_mut().zip(WINDOWS) {
            if day > today - window {
                *sum += u64::from(events);
            }
        }
    }

    /// Remembers when usage began and was last seen.
    pub(crate) fn see(&mut self, at: i64) {
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    /// One more (or less) distinct user on `day`.
    pub(crate) fn add_user(&mut self, day: i32, delta: i32) {
        if let Some(entry) = self.at_mut(day) {
            entry.users = entry.users.saturating_add_signed(delta);
        }
    }

    /// One more (or less) user whose last active day is `day`.
    pub(crate) fn add_last(&mut self, day: i32, delta: i32) {
        if let Some(entry) = self.at_mut(day) {
            entry.last = entry.last.saturating_add_signed(delta);
        }
    }

    fn at_mut(&mut self, day: i32) -> Option<&mut Day> {
        if day <= self.today - RING_DAYS || day > self.today {
            return None;
        }
        let index = match self.days.last() {
            Some(last) if last.day == day => self.days.len() - 1,
            Some(last) if last.day > day => match self.days.binary_search_by_key(&day, |d| d.day) {
                Ok(index) => index,
                Err(index) => {
                    self.days.insert(index, Day { day, ..Day::default() });
                    index
                }
            },
            _ => {
                self.days.push(Day { day, ..Day::default() });
                self.days.len() - 1
            }
        };
        self.days.get_mut(index)
    }

    fn between(&self, from: i32, to: i32) -> &[Day] {
        let start = self.days.partition_point(|d| d.day < from);
        let end = self.days.partition_point(|d| d.day <= to);
        self.days.get(start..end).unwrap_or_default()
    }

    /// Events from day `from` to day `to`, both included.
    pub(crate) fn events_between(&self, from: i32, to: i32) -> u64 {
        self.between(from, to).iter().map(|d| u64::from(d.events)).sum()
    }

    /// Sum of the distinct users of each day from `from` to `to`.
    pub(crate) fn user_days_between(&self, from: i32, to: i32) -> u64 {
        self.between(from, to).iter().map(|d| u64::from(d.users)).sum()
    }

    /// Distinct users of the last `window` days.
    pub(crate) fn active_users(&self, window: i32) -> u64 {
        self.between(self.today - window + 1, self.today).iter().map(|d| u64::from(d.last)).sum()
    }

    /// Mean DAU over 28 days / MAU, in thousandths; `None` where MAU is 0.
    pub(crate) fn stickiness_milli(&self) -> Option<i64> {
        let mau = self.active_users(28);
        let user_days = self.user_days_between(self.today - 27, self.today);
        (mau > 0).then(|| (user_days * 1000 / (28 * mau)) as i64)
    }

    /// Days since the last use; 0 is today.
    pub(crate) fn silent_days(&self) -> Option<i32> {
        self.last_at.map(|at| (self.today - day_of(at)).max(0))
    }

    /// The longest pause between two days of use in the ring, in days; 0 where there are fewer than two.
    pub(crate) fn longest_pause_days(&self) -> i32 {
        let used = self.days.iter().filter(|d| d.events > 0).map(|d| d.day);
        used.clone().zip(used.skip(1)).map(|(a, b)| b - a).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(today: i32) -> Usage {
        let mut usage = Usage::default();
        usage.advance(today);
        usage
    }

    #[test]
    fn windows_are_calendar_days_with_today_included() {
        let mut u = usage(1000);
        for (day, events) in [(1000, 1), (999, 10), (994, 100), (993, 1_000), (973, 10_000), (972, 100_000), (911, 1_000_000), (910, 7)] {
            u.add_events(day, events);
        }
        assert_eq!(u.sums, [1, 111, 11_111, 1_111_111]);
        u.advance(1001);
        assert_eq!(u.sums, [0, 11, 1_111, 111_111]);
    }

    #[test]
    fn late_days_land_in_their_place_and_windows_run_empty() {
        let mut u = usage(1000);
        u.add_events(1000, 1);
        u.add_events(990, 1);
        u.add_events(995, 1);
        assert_eq!(u.days.iter().map(|d| d.day).collect::<Vec<_>>(), [990, 995, 1000]);
        assert_eq!(u.longest_pause_days(), 5);
        u.advance(1000 + RING_DAYS);
        assert_eq!((u.sums, u.days.len()), ([0; 4], 0));
    }

    #[test]
    fn days_outside_the_ring_count_nowhere() {
        let mut u = usage(1000);
        u.add_events(910, 1);
        u.add_events(1001, 1);
        assert_eq!(u.sums, [0; 4]);
    }
}
