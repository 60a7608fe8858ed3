//! Rows of users, of provisional customers that moved, and of the sweep over old marks.
use super::{Newest, Row, Usage};
use serde::{Deserialize, Serialize};

/// Days of a user's activity that are known one by one.
const MASK_DAYS: i32 = 32;

/// One user of one account, or one anonymous id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) last_day: Option<i32>,
    /// Bit i: active on `last_day` - i.
    mask: u32,
    pub(crate) seen_at: Option<i64>,
    pub(crate) name: Newest<String>,
    pub(crate) email: Newest<String>,
    pub(crate) role: Newest<String>,
    /// Of an anonymous id: whose it turned out to be.
    pub(crate) known_as: Option<String>,
    /// Of a user: hash of the anonymous id that was tied last, so that it is not looked up again for each event.
    pub(crate) tied: Option<u64>,
}

impl Row for UserRow {
    const VERSION: u8 = 1;
}

impl UserRow {
    /// The user was active on `day`: corrects the account's counts.
    pub(crate) fn active(&mut self, day: i32, usage: &mut Usage) {
        match self.last_day {
            Some(last) if day == last => return,
            Some(last) if day < last => {
                let back = last - day;
                // Further back than is known one by one: past every window of users.
                if back >= MASK_DAYS || self.mask & (1 << back) != 0 {
                    return;
                }
                self.mask |= 1 << back;
            }
            before => {
                self.mask = before.map_or(0, |last| self.mask.checked_shl((day - last) as u32).unwrap_or(0)) | 1;
                self.last_day = Some(day);
                if let Some(last) = before {
                    usage.add_last(last, -1);
                }
                usage.add_last(day, 1);
            }
        }
        usage.add_user(day, 1);
    }

    /// The days known one by one, oldest first.
    pub(crate) fn days(&self) -> impl Iterator<Item = i32> + use<> {
        let (last, mask) = (self.last_day, self.mask);
        last.into_iter().flat_map(move |last| (0..MASK_DAYS).rev().filter(move |back| mask & (1 << back) != 0).map(move |back| last - back))
    }

    /// Takes this user's days out of the account's counts.
    pub(crate) fn withdraw(&self, usage: &mut Usage) {
        for day in self.days() {
            usage.add_user(day, -1);
        }
        if let Some(last) = self.last_day {
            usage.add_last(last, -1);
        }
    }

    /// Takes another row in whose days the account's counts do not have.
    pub(crate) fn merge(&mut self, other: &UserRow, usage: &mut Usage) {
        for day in other.days() {
            self.active(day, usage);
        }
        self.seen_at = self.seen_at.max(other.seen_at);
        self.name.merge(&other.name);
        self.email.merge(&other.email);
        self.role.merge(&other.role);
        if self.known_as.is_none() {
            self.known_as.clone_from(&other.known_as);
        }
    }
}

/// Where the events of a provisional customer go on to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForwardRow {
    pub(crate) account_id: String,
    /// Whether the link is of the provisional customer's own foreign id, and not of another one of its events.
    pub(crate) own: bool,
}

impl Row for ForwardRow {
    const VERSION: u8 = 1;
}

/// The sweep over old marks goes through them slice by slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SweepRow {
    /// When the next slice is due.
    pub(crate) due: i64,
    pub(crate) slice: u8,
    /// Whether marks were left in this round.
    pub(crate) left: bool,
}

impl Row for SweepRow {
    const VERSION: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_counted_once_a_day_and_once_a_window_in_any_order() {
        for order in [[10, 12, 12, 11, 10], [12, 11, 10, 10, 12], [11, 12, 10, 12, 11]] {
            let (mut usage, mut user) = (Usage::default(), UserRow::default());
            usage.advance(13);
            for day in order {
                user.active(day, &mut usage);
            }
            let counts: Vec<_> = usage.days.iter().map(|d| (d.day, d.users, d.last)).collect();
            assert_eq!(counts, [(10, 1, 0), (11, 1, 0), (12, 1, 1)], "{order:?}");
            user.withdraw(&mut usage);
            assert!(usage.days.iter().all(|d| d.users == 0 && d.last == 0));
        }
    }

    #[test]
    fn a_user_who_comes_back_after_months_is_one_user() {
        let (mut usage, mut user) = (Usage::default(), UserRow::default());
        usage.advance(100);
        user.active(100, &mut usage);
        usage.advance(300);
        user.active(300, &mut usage);
        assert_eq!((usage.active_users(1), usage.active_users(28)), (1, 1));
    }
}
