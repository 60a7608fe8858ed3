//! What scores must not rest on: families of events whose source is silent, and usage until a week after it is back, since its last seven days have a hole until then.
use super::{FAMILIES, number};
use crate::keys::{self, Tag};
use crate::rows::{self, Doubt, DoubtRow};
use crate::time::DAY_MS;
use c360_engine::{State, StateError};
use c360_health::{Condition, Family};
use c360_schemas::Feed;
use hashbrown::HashMap;

/// Whole days that a week of usage takes to be whole again, and the one on which it came back.
const HOLE_MS: i64 = 8 * DAY_MS;

/// Families in doubt, by tenant.
#[derive(Default)]
pub(crate) struct Doubts(HashMap<Box<str>, DoubtRow>);

/// A family's bit; 0 of one that no source brings.
pub(crate) const fn bit(family: Family) -> u8 {
    match number(family) {
        Some(number) => 1 << number,
        None => 0,
    }
}

/// Whether one of the conditions rests on a family in doubt.
pub(crate) fn touches(when: &[Condition], doubt: u8) -> bool {
    doubt != 0 && when.iter().any(|condition| bit(condition.fact.family()) & doubt != 0)
}

impl Doubts {
    /// The families of which a tenant's scores know nothing new, a bit for each.
    pub(crate) fn of(&mut self, tenant: &str, now: i64, state: &State) -> Result<u8, StateError> {
        let at = |row: &DoubtRow| row.doubts.iter().fold(0, |all, doubt| all | doubt.at(now));
        match self.0.get(tenant) {
            Some(known) => Ok(at(known)),
            None => self.row(tenant, state).map(|row| at(row)),
        }
    }

    /// Takes what this partition is told.
    pub(crate) fn put(&mut self, feed: &Feed, state: &mut State) -> Result<(), StateError> {
        let row = self.row(&feed.tenant, state)?;
        if feed.silent {
            let of = |(number, name): (usize, &&str)| if feed.families.iter().any(|family| family == name) { 1 << number } else { 0 };
            let families = FAMILIES.iter().enumerate().map(of).fold(0, |all: u8, one| all | one);
            row.doubts.retain(|doubt| doubt.source != feed.source && doubt.at(feed.at) != 0);
            row.doubts.push(Doubt { source: feed.source.clone(), families, back_at: None });
        } else if let Some(doubt) = row.doubts.iter_mut().find(|doubt| doubt.source == feed.source) {
            doubt.back_at = Some(feed.at);
        }
        let row = row.clone();
        rows::store(state, keys::own(Tag::Doubt, feed.tenant.as_bytes()), &row)
    }

    fn row(&mut self, tenant: &str, state: &State) -> Result<&mut DoubtRow, StateError> {
        if !self.0.contains_key(tenant) {
            let row = rows::load::<DoubtRow>(state, &keys::own(Tag::Doubt, tenant.as_bytes()))?.unwrap_or_default();
            self.0.insert(tenant.into(), row);
        }
        Ok(self.0.entry_ref(tenant).or_default())
    }
}

impl Doubt {
    fn at(&self, now: i64) -> u8 {
        match self.back_at {
            None => self.families,
            Some(back_at) if now < back_at + HOLE_MS => self.families & bit(Family::Usage),
            Some(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_stays_in_doubt_until_its_week_is_whole_and_the_rest_does_not() {
        let (mut doubts, mut state) = (Doubts::default(), State::in_memory());
        let word = |silent, at| Feed {
            tenant: "t".into(),
            source: "api".into(),
            partition: 0,
            families: vec!["usage".into(), "support".into()],
            customers: 9,
            silent,
            at,
            last_at: 0,
            usual_ms: 0,
        };
        assert_eq!(doubts.of("t", 0, &state).unwrap(), 0);
        doubts.put(&word(true, DAY_MS), &mut state).unwrap();
        assert_eq!(doubts.of("t", 90 * DAY_MS, &state).unwrap(), bit(Family::Usage) | bit(Family::Support));
        doubts.put(&word(false, 10 * DAY_MS), &mut state).unwrap();
        let mut again = Doubts::default();
        for (day, expected) in [(10, bit(Family::Usage)), (17, bit(Family::Usage)), (18, 0)] {
            assert_eq!(doubts.of("t", day * DAY_MS, &state).unwrap(), expected, "day {day}");
            assert_eq!(again.of("t", day * DAY_MS, &state).unwrap(), expected, "from the row, day {day}");
        }
        assert_eq!((doubts.of("other", DAY_MS, &state).unwrap(), bit(Family::Lifecycle)), (0, 0));
    }
}
