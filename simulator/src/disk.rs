//! Disks: what is written is in memory until it is flushed; a crash leaves a prefix of the writes, rows and position together, and now and then nothing that can be read.
use crate::mischief::Mischief;
use c360_engine::{Disk, Meta, OpenError, RowFn, Rows, StateError, Writes};
use c360_schemas::Topic;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::Arc;

type RowMap = BTreeMap<Vec<u8>, Vec<u8>>;
type Change = (Vec<u8>, Option<Vec<u8>>);

/// One process's disk.
pub(crate) struct SimulatedDisk {
    mischief: Arc<Mischief>,
    process: usize,
    files: Mutex<HashMap<(&'static str, u32), Arc<File>>>,
}

/// One partition's rows.
struct File {
    mischief: Arc<Mischief>,
    process: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// What a reader sees.
    rows: RowMap,
    meta: Meta,
    /// What is safe.
    flushed: (RowMap, Meta),
    /// Writes since then.
    unflushed: Vec<(Vec<Change>, Meta)>,
    corrupt: bool,
}

impl SimulatedDisk {
    pub(crate) fn new(process: usize, mischief: Arc<Mischief>) -> Self {
        Self { mischief, process, files: Mutex::new(HashMap::new()) }
    }

    /// The process died: of what was not flushed a prefix is left.
    pub(crate) fn crash(&self) {
        let mut files: Vec<_> = self.files.lock().iter().map(|(name, file)| (*name, Arc::clone(file))).collect();
        files.sort_by_key(|(name, _)| *name);
        for (_, file) in files {
            let mut inner = file.inner.lock();
            let kept = self.mischief.below(inner.unflushed.len() + 1);
            let (mut rows, mut meta) = inner.flushed.clone();
            for (changes, position) in inner.unflushed.drain(..).take(kept) {
                apply(&mut rows, changes);
                meta = position;
            }
            inner.corrupt |= self.mischief.disk_goes_bad();
            inner.rows = rows.clone();
            inner.meta = meta.clone();
            inner.flushed = (rows, meta);
        }
    }

    /// The rows of a partition and how far they are, where this disk has it.
    pub(crate) fn rows(&self, machine: &'static str, partition: u32) -> Option<(RowMap, Meta)> {
        let file = self.files.lock().get(&(machine, partition)).cloned()?;
        let inner = file.inner.lock();
        Some((inner.rows.clone(), inner.meta.clone()))
    }

    fn fresh(&self) -> Arc<File> {
        Arc::new(File { mischief: Arc::clone(&self.mischief), process: self.process, inner: Mutex::default() })
    }
}

fn apply(rows: &mut RowMap, changes: Vec<Change>) {
    for (key, value) in changes {
        match value {
            Some(value) => drop(rows.insert(key, value)),
            None => drop(rows.remove(&key)),
        }
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, machine: &'static str, partition: u32, committed: &[(Topic, u64)]) -> Result<Arc<dyn Rows>, OpenError> {
        let mut files = self.files.lock();
        let file = files.entry((machine, partition)).or_insert_with(|| self.fresh());
        let unusable = {
            let inner = file.inner.lock();
            // As the real one does: what is ahead of the log belongs to another.
            inner.corrupt || committed.iter().any(|(topic, next)| inner.meta.next(*topic) > *next)
        };
        if unusable {
            *file = self.fresh();
        }
        let rows: Arc<dyn Rows> = Arc::<File>::clone(file);
        Ok(rows)
    }
}

impl Rows for File {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.inner.lock().rows.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        let inner = self.inner.lock();
        for (key, value) in inner.rows.range::<[u8], _>((Bound::Included(from.max(prefix)), Bound::Unbounded)) {
            if !key.starts_with(prefix) || row(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn meta(&self) -> Result<Meta, StateError> {
        Ok(self.inner.lock().meta.clone())
    }

    fn commit(&self, writes: Writes<'_>, meta: &Meta) -> Result<(), StateError> {
        self.mischief.write(self.process).map_err(StateError)?;
        let mut changes: Vec<Change> = Vec::new();
        writes.each(|key, value| changes.push((key.to_vec(), value.map(<[u8]>::to_vec))));
        let mut inner = self.inner.lock();
        apply(&mut inner.rows, changes.clone());
        inner.meta = meta.clone();
        inner.unflushed.push((changes, meta.clone()));
        Ok(())
    }

    fn flush(&self, wait: bool) -> Result<(), StateError> {
        let mut inner = self.inner.lock();
        // What is asked for and not waited for may take until after the crash.
        if wait || self.mischief.below(2) == 0 {
            inner.flushed = (inner.rows.clone(), inner.meta.clone());
            inner.unflushed.clear();
        }
        Ok(())
    }

    fn checkpoint(&self, _dir: &Path) -> Result<(), StateError> {
        Err(StateError("simulated disks have no files".into()))
    }
}
