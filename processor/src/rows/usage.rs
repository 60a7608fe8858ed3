//! Usage by UTC day: a sparse ring of 90 days with running sums. An event costs O(1); a new day costs one walk over the ring.
use crate::time::{Calendar, day_start};
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
    /// Of the events, those that no person made.
    pub(crate) automated: u32,
    /// Of the events, those that are key actions of a person.
    pub(crate) key: u32,
}

/// Months whose events are known.
const MONTHS_MAX: usize = 15;

/// What an event counts into besides the events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marked {
    pub(crate) automated: bool,
    pub(crate) key: bool,
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
    /// Events by calendar month (counted from the year 0), ascending: the newest ones.
    pub(crate) months: Vec<(i32, u64)>,
}

impl Usage {
    /// As a row of version 1 had it.
    pub(super) fn of_version_1(days: Vec<Day>, today: i32, sums: [u64; 4], first_at: Option<i64>, last_at: Option<i64>) -> Self {
        let mut usage = Self { days, today, sums, first_at, last_at, months: Vec::new() };
        for index in 0..usage.days.len() {
            usage.add_to_month(usage.days[index].day, u64::from(usage.days[index].events));
        }
        usage
    }

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

    /// Counts events into their calendar month.
    pub(crate) fn add_to_month(&mut self, day: i32, events: u64) {
        self.add_month(month_of(day), events);
    }

    /// Takes another customer's months in.
    pub(crate) fn merge_months(&mut self, other: &Usage) {
        for (month, events) in &other.months {
            self.add_month(*month, *events);
        }
    }

    fn add_month(&mut self, month: i32, events: u64) {
        match self.months.last_mut() {
            Some((last, count)) if *last == month => *count += events,
            _ => {
                match self.months.binary_search_by_key(&month, |(month, _)| *month) {
                    Ok(index) => self.months[index].1 += events,
                    Err(index) => self.months.insert(index, (month, events)),
                }
                if self.months.len() > MONTHS_MAX {
                    self.months.remove(0);
                }
            }
        }
    }

    /// Counts an event of `day` as what else it is; days before the ring count nowhere.
    pub(crate) fn mark(&mut self, day: i32, marked: Marked) {
        if !(marked.automated || marked.key) {
            return;
        }
        if let Some(entry) = self.at_mut(day) {
            entry.automated = entry.automated.saturating_add(u32::from(marked.automated));
            entry.key = entry.key.saturating_add(u32::from(marked.key));
        }
    }

    /// Takes a day of another customer in, but for its users.
    pub(crate) fn merge_day(&mut self, other: &Day) {
        self.add_events(other.day, other.events);
        if let Some(entry) = self.at_mut(other.day) {
            entry.automated = entry.automated.saturating_add(other.automated);
            entry.key = entry.key.saturating_add(other.key);
        }
    }

    /// Events that no person made, of the last `window` days.
    pub(crate) fn automated(&self, window: i32) -> u64 {
        self.between(self.today - window + 1, self.today).iter().map(|d| u64::from(d.automated)).sum()
    }

    /// Key actions for each day of a user, in thousandths, between two days of the window, counted back from today; `None` where nobody was there.
    pub(crate) fn depth_milli(&self, from_back: i32, to_back: i32) -> Option<i64> {
        let days = self.between(self.today - from_back, self.today - to_back);
        let (actions, users) = days.iter().fold((0_u64, 0_u64), |(a, u), d| (a + u64::from(d.key), u + u64::from(d.users)));
        (users > 0).then(|| (actions * 1000 / users) as i64)
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

    /// The days from `from` to `to`, both included, on which something happened.
    pub(crate) fn between(&self, from: i32, to: i32) -> &[Day] {
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
    pub(crate) fn silent_days(&self, calendar: Calendar) -> Option<i32> {
        self.last_at.map(|at| (self.today - calendar.day_of(at)).max(0))
    }

    /// The longest pause between two days of use in the ring, in days; 0 where there are fewer than two.
    pub(crate) fn longest_pause_days(&self) -> i32 {
        let used = self.days.iter().filter(|d| d.events > 0).map(|d| d.day);
        used.clone().zip(used.skip(1)).map(|(a, b)| b - a).max().unwrap_or(0)
    }
}

/// Calendar month of a UTC day, counted from the year 0.
pub(crate) fn month_of(day: i32) -> i32 {
    let start = jiff::Timestamp::from_millisecond(day_start(day)).unwrap_or_default();
    let date = jiff::tz::Offset::UTC.to_datetime(start).date();
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        for (date, year, month) in
            [("1970-01-01", 1970, 1), ("1999-12-31", 1999, 12), ("2000-02-29", 2000, 2), ("2024-03-01", 2024, 3), ("2026-11-30", 2026, 11)]
        {
            let date: jiff::civil::Date = date.parse().unwrap();
            let day = jiff::tz::Offset::UTC.to_timestamp(date.into()).unwrap().as_second() / 86_400;
            assert_eq!(month_of(day as i32), year * 12 + month - 1, "{date}");
        }
    }

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
