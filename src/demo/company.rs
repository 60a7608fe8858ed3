//! The made-up company: its customers, and everything that happens to them, a day at a time. Pure: the same settings tell the same days.
use super::account::Account;
use super::calendar::{DAY_MS, MINUTE_MS};
use super::chance::Dice;
use super::happening::Happening;
use super::rhythm::work_moment;

/// The share of the customers that is there from the first day on; the others sign up in the year.
const THERE_FROM_THE_START: f64 = 0.62;
/// Days of the year that is told first.
pub(crate) const YEAR_DAYS: i64 = 365;
/// The company grows to this many times the customers of its first year, and no further.
const GROWTH_MAX: usize = 2;

/// What the company is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    /// Customers after the first year, those that left included.
    pub(crate) accounts: usize,
    /// Usage events of a customer on a mean day.
    pub(crate) events_a_day: f64,
    /// The first day, since 1970-01-01.
    pub(crate) first_day: i64,
}

/// The company on a day.
#[derive(Debug)]
pub(crate) struct Company {
    settings: Settings,
    accounts: Vec<Account>,
    /// Brings the customers' mean use to the setting.
    busy_factor: f64,
    next_day: i64,
}

impl Company {
    /// The company on the morning of its first day.
    pub(crate) fn new(settings: Settings) -> Self {
        let sum: f64 = (0..settings.accounts).map(|index| arrival(&settings, index).busy).sum();
        let busy_factor = settings.events_a_day * settings.accounts as f64 / sum.max(f64::MIN_POSITIVE);
        Self { settings, accounts: Vec::new(), busy_factor, next_day: settings.first_day }
    }

    /// The customer with this index, which a happening carries.
    pub(crate) fn account(&self, index: usize) -> &Account {
        &self.accounts[index]
    }

    /// All customers so far, those that left included.
    #[cfg(test)]
    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The day that [`Company::day`] tells next.
    pub(crate) fn next_day(&self) -> i64 {
        self.next_day
    }

    /// All that happens on the next day, in order.
    pub(crate) fn day(&mut self) -> Vec<Happening> {
        let day = self.next_day;
        self.next_day += 1;
        self.welcome(day);
        let mut happenings = Vec::new();
        for account in &mut self.accounts {
            account.day(day, &mut happenings);
        }
        happenings.sort_by_key(|h| (h.at, h.account, h.number));
        happenings
    }

    fn welcome(&mut self, day: i64) {
        while self.accounts.len() < self.settings.accounts * GROWTH_MAX && arrival_day(&self.settings, self.accounts.len()) <= day {
            let mut account = arrival(&self.settings, self.accounts.len());
            account.busy *= self.busy_factor;
            self.accounts.push(account);
        }
    }
}

fn there_from_the_start(settings: &Settings) -> usize {
    (settings.accounts as f64 * THERE_FROM_THE_START).round() as usize
}

/// The day on which the customer is first heard of: more and more a week in the first year, then as many as at its end.
fn arrival_day(settings: &Settings, index: usize) -> i64 {
    let before = there_from_the_start(settings);
    if index < before {
        return settings.first_day;
    }
    let new = (settings.accounts - before) as f64;
    let part = ((index - before) as f64 + 0.5) / new;
    let day = if part < 1.0 { part.powf(0.8) } else { 1.0 + 0.8 * (part - 1.0) };
    settings.first_day + ((day * YEAR_DAYS as f64) as i64).max(1)
}

fn arrival(settings: &Settings, index: usize) -> Account {
    let mut dice = Dice::new(settings.seed, &[3, index as u64]);
    let day = arrival_day(settings, index);
    if index < there_from_the_start(settings) {
        let age_days = 10 + (900.0 * dice.unit().powf(1.4)) as i64;
        let created_at = work_moment(day - age_days, 0, &mut dice);
        Account::new(settings.seed, index, created_at, day * DAY_MS + dice.whole(5, 120) * MINUTE_MS)
    } else {
        let at = work_moment(day, 0, &mut dice);
        Account::new(settings.seed, index, at, at)
    }
}
