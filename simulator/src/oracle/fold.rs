//! The plain recomputation: one machine over the records of one partition, one after the other, without batches, crashes or caches that overflow.
use crate::world::Record;
use c360_engine::{Actions, ApplyError, At, Machine, State};
use c360_log::{Headers, RecordRef};
use c360_schemas::Topic;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Something that a machine says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Said {
    pub(crate) topic: u8,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Said {
    pub(crate) fn new(topic: Topic, key: &[u8], value: &[u8]) -> Self {
        Self { topic: topic as u8, key: key.to_vec(), value: value.to_vec() }
    }
}

/// What a machine makes of a partition.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) said: Vec<Said>,
    /// Records that it could not take.
    pub(crate) refused: usize,
}

impl Folded {
    /// What it said in a topic, in order.
    pub(crate) fn said_in(&self, topic: Topic) -> Vec<Said> {
        self.said.iter().filter(|said| said.topic == topic as u8).cloned().collect()
    }
}

pub(crate) fn fold<M: Machine>(mut machine: M, partition: u32, records: &[Record]) -> Result<Folded, String> {
    let (mut state, mut actions, mut now, mut offset) = (State::in_memory(), Actions::default(), 0, 0);
    let mut refused = 0;
    for record in records {
        let until = record.at.max(now);
        while let Some(timer) = state.pop_due(until).map_err(|error| error.to_string())? {
            now = now.max(timer.due);
            let at = At { now, partition, offset: record.offset };
            machine.on_timer(at, &timer, &mut state, &mut actions).map_err(|error| error.to_string())?;
        }
        (now, offset) = (until, record.offset);
        let (key, value) = (record.key.as_slice(), record.value.as_slice());
        let r = RecordRef { topic: record.topic, partition, offset, recorded_at: record.at, key, value, headers: Headers::default() };
        match machine.apply(At { now, partition, offset }, &r, &mut state, &mut actions) {
            Ok(()) => {}
            Err(ApplyError::Poison { .. }) => refused += 1,
            Err(ApplyError::State(error)) => return Err(error.to_string()),
        }
    }
    let at = At { now, partition, offset };
    machine.flush(at, &mut state, &mut actions).map_err(|error| error.to_string())?;
    machine.write_back(&mut state).map_err(|error| error.to_string())?;
    state.settle_writes();
    let batch = &actions.outputs;
    let said = batch.entries().iter().map(|entry| Said::new(entry.topic, batch.key(entry), batch.value(entry))).collect();
    Ok(Folded { rows: rows(&state)?, said, refused })
}

fn rows(state: &State) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, String> {
    let mut rows = BTreeMap::new();
    for tag in 0..=u8::MAX {
        let mut take = |key: &[u8], value: &[u8]| {
            rows.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        };
        state.scan(&[tag], &mut take).map_err(|error| error.to_string())?;
    }
    Ok(rows)
}
