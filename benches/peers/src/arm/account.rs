//! An account's rolling state, as `Account.java` has it: for each of 90 days the sum of each kind and the users whose last active day it is; running sums of 1, 7, 28 and 90 days by kind, and
//! the exact distinct users of the same windows. Stored as the same bytes: sparse, in varints.
use super::cache::Row;

/// Days kept, the newest one included.
pub const DAYS: i32 = 90;
pub const KINDS: usize = 4;
pub const WINDOWS: [i32; 4] = [1, 7, 28, 90];
/// Bit of a day's mask that says that it has users; the lower ones are the kinds.
const USERS: u8 = 1 << KINDS;

/// One day that something happened on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Day {
    day: i32,
    /// Users whose last active day this is.
    users: i64,
    sums: [i64; KINDS],
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    pub last_seen: i64,
    pub events: i64,
    /// Newest day; `None` before the first event.
    pub last_day: Option<i32>,
    pub first_day: i32,
    /// An alert is open.
    pub dropped: bool,
    sums: [[i64; KINDS]; WINDOWS.len()],
    pub active: [i64; WINDOWS.len()],
    /// By day, rising; none older than the ring.
    ring: Vec<Day>,
}

impl Account {
    /// Moves the newest day to `day`, taking out what leaves each window.
    pub fn roll(&mut self, day: i32) {
        let Some(last) = self.last_day else {
            (self.last_day, self.first_day) = (Some(day), day);
            return;
        };
        for past in &self.ring {
            for (w, window) in WINDOWS.iter().enumerate() {
                if last - past.day < *window && day - past.day >= *window {
                    (0..KINDS).for_each(|kind| self.sums[w][kind] -= past.sums[kind]);
                    self.active[w] -= past.users;
                }
            }
        }
        self.ring.retain(|past| day - past.day < DAYS);
        self.last_day = Some(day);
    }

    /// The newest day of those that count, and how long before it `day` was; `None` where that is too long ago.
    fn age(&self, day: i32) -> Option<i32> {
        Some(self.last_day? - day).filter(|age| *age < DAYS)
    }

    fn day(&mut self, day: i32) -> &mut Day {
        let at = self.ring.iter().rposition(|d| d.day <= day).map_or(0, |i| i + usize::from(self.ring[i].day != day));
        if self.ring.get(at).is_none_or(|d| d.day != day) {
            self.ring.insert(at, Day { day, ..Day::default() });
        }
        &mut self.ring[at]
    }

    pub fn add(&mut self, day: i32, kind: usize, amount: i64) {
        let Some(age) = self.age(day) else { return };
        self.day(day).sums[kind] += amount;
        for (w, window) in WINDOWS.iter().enumerate() {
            if age < *window {
                self.sums[w][kind] += amount;
            }
        }
    }

    pub fn add_user(&mut self, day: i32, n: i64) {
        let Some(age) = self.age(day) else { return };
        self.day(day).users += n;
        for (w, window) in WINDOWS.iter().enumerate() {
            if age < *window {
                self.active[w] += n;
            }
        }
    }

    /// Usage of the last 7 days.
    pub fn week(&self) -> i64 {
        self.sums[1][0]
    }

    /// Usage of the 28 days before the last 7.
    pub fn preceding28(&self) -> i64 {
        let last = self.last_day.unwrap_or(0);
        let days = self.ring.iter().rev().skip_while(|d| last - d.day < 7).take_while(|d| last - d.day < 35);
        days.map(|d| d.sums[0]).sum()
    }
}

impl Row for Account {
    fn encode(&self, out: &mut Vec<u8>) {
        let last = self.last_day.unwrap_or(0);
        for number in [self.last_seen, self.events, i64::from(last), i64::from(self.first_day), i64::from(self.dropped)] {
            put(out, number);
        }
        self.sums.iter().flatten().chain(&self.active).for_each(|n| put(out, *n));
        let mut previous = last;
        for day in self.ring.iter().rev() {
            let bit = |kind: usize| u8::from(day.sums[kind] != 0) << kind;
            let mask = (0..KINDS).map(bit).sum::<u8>() | if day.users != 0 { USERS } else { 0 };
            if mask == 0 {
                continue;
            }
            put(out, i64::from(previous - day.day));
            previous = day.day;
            out.push(mask);
            day.sums.iter().filter(|sum| **sum != 0).for_each(|sum| put(out, *sum));
            if day.users != 0 {
                put(out, day.users);
            }
        }
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let mut account = Self { last_seen: get(bytes)?, events: get(bytes)?, ..Self::default() };
        let mut day = get(bytes)? as i32;
        account.last_day = Some(day);
        account.first_day = get(bytes)? as i32;
        account.dropped = get(bytes)? == 1;
        for number in account.sums.iter_mut().flatten().chain(&mut account.active) {
            *number = get(bytes)?;
        }
        while !bytes.is_empty() {
            day -= get(bytes)? as i32;
            let (mask, rest) = bytes.split_first()?;
            *bytes = rest;
            let mut entry = Day { day, ..Day::default() };
            for kind in (0..KINDS).filter(|kind| mask & 1 << kind != 0) {
                entry.sums[kind] = get(bytes)?;
            }
            if mask & USERS != 0 {
                entry.users = get(bytes)?;
            }
            account.ring.push(entry);
        }
        account.ring.reverse();
        Some(account)
    }
}

pub fn put(out: &mut Vec<u8>, number: i64) {
    let mut rest = number as u64;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

pub fn get(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number as i64);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zipf::Rng;

    /// The sums of a window, reckoned from all that happened.
    fn plain(happened: &[(i32, usize, i64)], last: i32, window: i32) -> [i64; KINDS] {
        let mut sums = [0; KINDS];
        happened.iter().filter(|(day, ..)| last - day < window).for_each(|(_, kind, amount)| sums[*kind] += amount);
        sums
    }

    #[test]
    fn running_sums_are_what_a_plain_sum_finds_and_rows_come_back_whole() {
        let (mut rng, mut account, mut happened, mut newest) = (Rng(7), Account::default(), Vec::new(), 20_000);
        for _ in 0..2_000 {
            newest += if rng.below(50) == 0 { rng.below(120) } else { rng.below(2) } as i32;
            let (day, kind, amount) = (newest - rng.below(3) as i32, rng.below(4) as usize, 1 + rng.below(50) as i64);
            if account.last_day.is_none_or(|last| day > last) {
                account.roll(day);
            }
            account.add(day, kind, amount);
            account.add_user(day, 1);
            happened.push((day, kind, amount));
            let last = account.last_day.unwrap();
            for (w, window) in WINDOWS.iter().enumerate() {
                assert_eq!(account.sums[w], plain(&happened, last, *window), "window of {window} days");
                assert_eq!(account.active[w], happened.iter().filter(|(day, ..)| last - day < *window).count() as i64);
            }
            let before = plain(&happened, last, 35)[0] - plain(&happened, last, 7)[0];
            assert_eq!((account.week(), account.preceding28()), (plain(&happened, last, 7)[0], before));
            let mut bytes = Vec::new();
            account.encode(&mut bytes);
            assert_eq!(Account::decode(&bytes), Some(account.clone()));
        }
    }
}
