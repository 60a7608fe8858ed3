//! A partition's state as a machine sees it: rows by key, and timers; changes are held back until the batch is committed.
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

/// A timer that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// UTC ms.
    pub due: i64,
    /// As it was set.
    pub key: Vec<u8>,
}

/// A partition's rows and timers. Reads see the batch's own writes.
pub struct State {
    store: Box<dyn Store>,
    pending: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Due time of the first timer, `None` where there is none.
    next_due: Option<i64>,
}

impl State {
    /// Opens the state over committed rows.
    ///
    /// # Errors
    /// Where the timers cannot be read.
    pub fn open(store: Box<dyn Store>) -> Result<Self, StateError> {
        let mut state = Self { store, pending: BTreeMap::new(), next_due: None };
        state.next_due = state.first_timer(0)?.map(|t| t.due);
        Ok(state)
    }

    /// A state in memory, for tests.
    pub fn in_memory() -> Self {
        Self { store: Box::<MemoryStore>::default(), pending: BTreeMap::new(), next_due: None }
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

    fn scan_from(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
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
        self.pending.insert(timer_key(due, key), Some(Vec::new()));
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }

    /// Takes a timer back.
    pub fn cancel_timer(&mut self, due: i64, key: &[u8]) {
        self.pending.insert(timer_key(due, key), None);
    }

    /// When the first timer may be due: none is due before that.
    pub fn next_due(&self) -> Option<i64> {
        self.next_due
    }

    /// Takes the first timer that is due at `now` out.
    ///
    /// # Errors
    /// Where the timers cannot be read.
    pub fn pop_due(&mut self, now: i64) -> Result<Option<Timer>, StateError> {
        let Some(due) = self.next_due.filter(|due| *due <= now) else { return Ok(None) };
        let first = self.first_timer(due)?;
        self.next_due = first.as_ref().map(|timer| timer.due);
        let Some(timer) = first.filter(|timer| timer.due <= now) else { return Ok(None) };
        self.pending.insert(timer_key(timer.due, &timer.key), None);
        Ok(Some(timer))
    }

    fn first_timer(&self, from: i64) -> Result<Option<Timer>, StateError> {
        let mut first = None;
        self.scan_from(&[TAG_TIMER], &timer_key(from, &[]), &mut |key, _| {
            first = parse_timer_key(key);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// The batch's changes, for the commit.
    pub(crate) fn pending(&self) -> &BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        &self.pending
    }

    /// The changes stand in the store now.
    pub(crate) fn committed(&mut self) {
        self.pending.clear();
    }
}

fn timer_key(due: i64, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + key.len());
    out.push(TAG_TIMER);
    out.extend_from_slice(&due.max(0).to_be_bytes());
    out.extend_from_slice(key);
    out
}

fn parse_timer_key(bytes: &[u8]) -> Option<Timer> {
    let (due, key) = bytes.strip_prefix(&[TAG_TIMER])?.split_first_chunk::<8>()?;
    Some(Timer { due: i64::from_be_bytes(*due), key: key.to_vec() })
}
