//! What a machine must have said: a plain fold over the records that it has consumed, in memory, without the engine, its batches, its transactions and its crashes.
use super::tape::{Record, Tape};
use c360_engine::{Actions, ApplyError, At, Machine, State, StateError};
use c360_log::Batch;
use c360_schemas::Topic;
use std::collections::BTreeMap;

/// A record that a machine says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Said {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

#[derive(Default)]
pub struct Recomputed {
    pub records: usize,
    /// In the order of each partition.
    pub outputs: BTreeMap<Topic, Vec<Said>>,
    /// The newest profile of each key; empty where it is no more.
    pub profiles: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Why a record could not be folded.
    pub broken: Vec<String>,
}

/// Folds what the machine has consumed of its one topic.
pub fn fold<M: Machine>(tape: &Tape, make: impl Fn() -> M) -> Recomputed {
    let mut out = Recomputed::default();
    for partition in 0..tape.partitions {
        let until = tape.committed[&(M::NAME, M::INPUTS[0], partition)];
        let mut plain = Plain { machine: make(), state: State::in_memory(), now: 0, actions: Actions::default() };
        for record in tape.of(M::INPUTS[0], partition).iter().take_while(|record| record.offset < until) {
            out.records += 1;
            if let Err(error) = plain.take(record) {
                out.broken.push(format!("{}/{partition} at {}: {error}", M::NAME, record.offset));
            }
            out.hear(&plain.actions.outputs);
            plain.actions = Actions::default();
        }
    }
    out
}

struct Plain<M: Machine> {
    machine: M,
    state: State,
    now: i64,
    actions: Actions<M::Effect>,
}

impl<M: Machine> Plain<M> {
    fn take(&mut self, record: &Record) -> Result<(), ApplyError> {
        let until = self.now.max(record.recorded_at);
        while let Some(timer) = self.state.pop_due(until)? {
            self.now = self.now.max(timer.due);
            let at = self.at(record);
            self.machine.on_timer(at, &timer, &mut self.state, &mut self.actions)?;
        }
        self.now = until;
        let at = self.at(record);
        self.machine.apply(at, &record.as_ref(M::INPUTS[0]), &mut self.state, &mut self.actions)?;
        self.flush(at)?;
        Ok(())
    }

    fn at(&self, record: &Record) -> At {
        At { now: self.now, partition: record.partition, offset: record.offset }
    }

    /// After each record: where batches end must decide nothing.
    fn flush(&mut self, at: At) -> Result<(), StateError> {
        self.machine.flush(at, &mut self.state, &mut self.actions)
    }
}

impl Recomputed {
    fn hear(&mut self, outputs: &Batch) {
        for entry in outputs.entries() {
            let said = Said { key: outputs.key(entry).to_vec(), value: outputs.value(entry).to_vec() };
            if entry.topic == Topic::Profiles {
                self.profiles.insert(said.key, said.value);
            } else {
                self.outputs.entry(entry.topic).or_default().push(said);
            }
        }
    }

    pub fn said(&self, topic: Topic) -> &[Said] {
        self.outputs.get(&topic).map_or(&[], Vec::as_slice)
    }
}
