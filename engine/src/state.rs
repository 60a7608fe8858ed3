//! A partition's state as a machine sees it: rows by key, and timers; changes are held back until the batch is committed.
use crate::timers::{self, Front, Timer};
use crate::writes::{Bulk, Writes};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

/// First byte of the engine's own rows: positions and time.
pub(crate) const TAG_META: u8 = 0x00;
/// First byte of timers: then the due time as 8 bytes big-endian, then the timer's key.
pub(crate) const TAG_TIMER: u8 = 0x01;
/// Machines' own keys start with this byte or a higher one.
const TAG_FIRST_OF_MACHINES: u8 = 0x10;

/// Takes a row's key and value; breaks to see no more of them.
pub type RowFn<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Rows that change: their new values, `None` for those that go.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The state could not be read or is not what it should be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("state: {0}")]
pub struct StateError(pub String);

/// Committed rows, behind the changes of the batch in hand.
pub trait Store: Send {
    /// The value of `key`.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// Calls `row` for the rows from `from` on that start with `prefix`, in order of their keys, until it breaks.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError>;
}

/// Rows in memory, for tests of machines.
#[derive(Debug, Default, Clone)]
pub struct MemoryStore(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        let from = from.max(prefix);
        for (key, value) in self.0.range::<[u8], _>((Bound::Included(from), Bound::Unbounded)) {
            if !key.starts_with(prefix) || row(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A partition's rows and timers. Reads see the batch's own writes.
pub struct State {
    store: Box<dyn Store>,
    pending: Changes,
    bulk: Bulk,
    timers: Front,
}

impl State {
    /// Opens the state over committed rows.
    ///
    /// # Errors
    /// Where the timers cannot be read.
    pub fn open(store: Box<dyn Store>) -> Result<Self, StateError> {
        let mut state = Self { store, pending: BTreeMap::new(), bulk: Bulk::default(), timers: Front::unknown() };
        state.fetch_timers(i64::MAX)?;
        Ok(state)
    }

    /// A state in memory, for tests.
    pub fn in_memory() -> Self {
        Self { store: Box::<MemoryStore>::default(), pending: BTreeMap::new(), bulk: Bulk::default(), timers: Front::empty() }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.pending.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(key),
        }
    }

    /// Sets a row. Keys of machines start with a byte from 0x10 on.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        debug_assert!(key.first().is_some_and(|tag| *tag >= TAG_FIRST_OF_MACHINES), "the engine's own key");
        self.pending.insert(key, Some(value));
    }

    /// Removes a row.
    pub fn delete(&mut self, key: Vec<u8>) {
        debug_assert!(key.first().is_some_and(|tag| *tag >= TAG_FIRST_OF_MACHINES), "the engine's own key");
        self.pending.insert(key, None);
    }

    /// Calls `row` for each row that starts with `prefix`, in order of their keys, until it breaks.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn scan(&self, prefix: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        self.scan_from(prefix, prefix, row)
    }

    /// As [`State::scan`], from the key `from` on: for who goes through many rows in parts.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn scan_from(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        let from = from.max(prefix);
        let mut pending = self
            .pending
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .peekable();
        let mut stopped = false;
        self.store.scan(prefix, from, &mut |key, value| {
            while let Some((k, v)) = pending.next_if(|(k, _)| k.as_slice() < key) {
                if let Some(v) = v
                    && row(k, v).is_break()
                {
                    stopped = true;
                    return ControlFlow::Break(());
                }
            }
            let value = match pending.next_if(|(k, _)| k.as_slice() == key) {
                Some((_, Some(changed))) => changed.as_slice(),
                Some((_, None)) => return ControlFlow::Continue(()),
                None => value,
            };
            let flow = row(key, value);
            stopped |= flow.is_break();
            flow
        })?;
        if !stopped {
            for (k, v) in pending {
                if let Some(v) = v
                    && row(k, v).is_break()
                {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sets a timer for `due` (UTC ms); the same time and key is the same timer. One in the past fires with the next record.
    pub fn set_timer(&mut self, due: i64, key: &[u8]) {
        let row = timers::row(due, key);
        self.timers.set(row.clone());
        self.pending.insert(row, Some(Vec::new()));
    }

    /// Takes a timer back.
    pub fn cancel_timer(&mut self, due: i64, key: &[u8]) {
        let row = timers::row(due, key);
        self.timers.cancel(&row);
        self.pending.insert(row, None);
    }

    /// When the first timer may be due: none is due before that.
    pub fn next_due(&self) -> Option<i64> {
        self.timers.next_due()
    }

    /// Takes the first timer that is due at `now` out.
    ///
    /// # Errors
    /// Where the timers cannot be read.
    pub fn pop_due(&mut self, now: i64) -> Result<Option<Timer>, StateError> {
        self.fetch_timers(now)?;
        let Some(row) = self.timers.pop(now) else { return Ok(None) };
        let timer = timers::parse(&row);
        self.pending.insert(row, None);
        Ok(timer)
    }

    fn fetch_timers(&mut self, now: i64) -> Result<(), StateError> {
        while let Some(from) = self.timers.fetch_from(now) {
            let mut rows = Vec::new();
            self.scan_from(&[TAG_TIMER], &from, &mut |row, _| {
                rows.push(row.to_vec());
                if rows.len() < timers::FETCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            self.timers.fetched(rows);
        }
        Ok(())
    }

    /// Sets a row that is not read again before the rows are written: only for [`crate::Machine::write_back`]. `value` appends to what it is given.
    ///
    /// # Errors
    /// Those of `value`.
    pub fn write(&mut self, key: &[u8], value: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, StateError>) -> Result<(), StateError> {
        debug_assert!(key.first().is_some_and(|tag| *tag >= TAG_FIRST_OF_MACHINES), "the engine's own key");
        self.bulk.push(key, value)
    }

    /// How many rows are to be written.
    pub(crate) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// What is to be written.
    pub(crate) fn writes(&self) -> Writes<'_> {
        Writes { changes: &self.pending, bulk: &self.bulk }
    }

    /// It stands in the store now.
    pub(crate) fn written(&mut self) {
        self.pending.clear();
        self.bulk.clear();
    }

    /// Makes what is only written readable, for tests of machines that have no store behind them.
    pub fn settle_writes(&mut self) {
        let mut changes = Changes::new();
        Writes { changes: &Changes::new(), bulk: &self.bulk }
            .each(|key, value| drop(changes.insert(key.to_vec(), value.map(<[u8]>::to_vec))));
        self.bulk.clear();
        self.pending.extend(changes);
    }

    /// Moves what is to be written into rows of tests' own.
    pub fn write_to(&mut self, rows: &mut MemoryStore) {
        self.writes().each(|key, value| match value {
            Some(value) => drop(rows.0.insert(key.to_vec(), value.to_vec())),
            None => drop(rows.0.remove(key)),
        });
        self.written();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(i64, u8),
        Cancel(i64, u8),
        Pop(i64),
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..50_i64, any::<u8>()).prop_map(|(due, key)| Step::Set(due, key)),
            1 => (0..50_i64, any::<u8>()).prop_map(|(due, key)| Step::Cancel(due, key)),
            3 => (0..60_i64).prop_map(Step::Pop),
            1 => Just(Step::Reopen),
        ]
    }

    proptest! {
        #[test]
        fn timers_come_out_as_from_a_sorted_set(before in 0..6_000_i64, steps in prop::collection::vec(step(), 0..300)) {
            let mut rows = MemoryStore::default();
            let mut expected: std::collections::BTreeSet<(i64, Vec<u8>)> = (0..before).map(|n| (n / 100, n.to_be_bytes().to_vec())).collect();
            for (due, key) in &expected {
                rows.0.insert(timers::row(*due, key), Vec::new());
            }
            let mut state = State::open(Box::new(rows.clone())).unwrap();
            for step in steps {
                match step {
                    Step::Set(due, key) => {
                        state.set_timer(due, &[key]);
                        expected.insert((due, vec![key]));
                    }
                    Step::Cancel(due, key) => {
                        state.cancel_timer(due, &[key]);
                        expected.remove(&(due, vec![key]));
                    }
                    Step::Pop(now) => loop {
                        let first = expected.first().filter(|(due, _)| *due <= now).cloned();
                        let popped = state.pop_due(now).unwrap();
                        prop_assert_eq!(popped.map(|t| (t.due, t.key)), first.clone());
                        let Some(first) = first else { break };
                        prop_assert!(expected.remove(&first));
                    },
                    Step::Reopen => {
                        state.write_to(&mut rows);
                        state = State::open(Box::new(rows.clone())).unwrap();
                    }
                }
            }
        }
    }
}
