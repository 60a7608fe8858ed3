//! One worker's seat. It hears of changes when it polls, and until then it may believe what no longer holds: its commits tell.
use super::faults::CommitFate;
use super::seats::{Group, Incarnation};
use super::{Inner, Shared};
use crate::planted::{self, Bug};
use crate::{Batch, Change, Consumed, LogError, Member, MemberSpec, RecordRef};
use c360_schemas::Topic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct SimulatedMember {
    shared: Arc<Shared>,
    group: String,
    instance: String,
    topics: Vec<Topic>,
    incarnation: Incarnation,
    /// The newest generation that it has heard of.
    generation: u64,
    owned: BTreeSet<u32>,
    /// Where it reads on, for partitions that were started.
    next: BTreeMap<(u32, Topic), u64>,
}

impl SimulatedMember {
    pub(super) fn join(shared: Arc<Shared>, spec: &MemberSpec) -> Result<Self, LogError> {
        if spec.topics.is_empty() {
            return Err(LogError::Setup(format!("{}: a member without topics", spec.group)));
        }
        let incarnation = shared.inner.lock().groups.entry(spec.group.clone()).or_default().join(&spec.instance);
        let (group, instance, topics) = (spec.group.clone(), spec.instance.clone(), spec.topics.clone());
        Ok(Self { shared, group, instance, topics, incarnation, generation: 0, owned: BTreeSet::new(), next: BTreeMap::new() })
    }

    /// What the group decided since the last poll.
    fn changes(&mut self, inner: &mut Inner) -> Result<Vec<Change>, LogError> {
        let cooperative = inner.faults.cooperative();
        let group = inner.groups.entry(self.group.clone()).or_default();
        match group.holder(&self.instance) {
            Some(holder) if holder != self.incarnation => return Err(LogError::Fatal("a newer member has the seat".into())),
            Some(_) => {}
            None if self.owned.is_empty() => self.incarnation = group.join(&self.instance),
            None => return Ok(self.revoke(self.owned.clone())),
        }
        if self.generation == group.generation {
            return Ok(Vec::new());
        }
        Ok(self.follow(group, cooperative))
    }

    /// Takes one step towards what the group says: gives up first, takes later.
    fn follow(&mut self, group: &Group, cooperative: bool) -> Vec<Change> {
        let mine = group.partitions(&self.instance, self.shared.partitions);
        // Who missed a generation cannot know who had its partitions in the meantime: the brokers have put it out, and it starts from nothing.
        let kept = cooperative && self.generation + 1 == group.generation;
        let gone: BTreeSet<u32> = if kept { self.owned.difference(&mine).copied().collect() } else { self.owned.clone() };
        if !gone.is_empty() {
            return self.revoke(gone);
        }
        self.generation = group.generation;
        let new: Vec<u32> = mine.difference(&self.owned).copied().collect();
        self.owned = mine;
        if new.is_empty() { Vec::new() } else { vec![Change::Assigned(new)] }
    }

    fn revoke(&mut self, gone: BTreeSet<u32>) -> Vec<Change> {
        self.owned.retain(|partition| !gone.contains(partition));
        self.next.retain(|(partition, _), _| !gone.contains(partition));
        vec![Change::Revoked(gone.into_iter().collect())]
    }

    fn deliver(&mut self, inner: &mut Inner, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        let Some(max) = inner.faults.poll(max) else { return Err(LogError::Unavailable("the brokers do not answer".into())) };
        let mut slots: Vec<(u32, Topic)> = self.next.keys().copied().collect();
        let mut order: Vec<usize> = (0..slots.len()).collect();
        inner.faults.reorder(&mut order);
        slots = order.into_iter().filter_map(|index| slots.get(index).copied()).collect();
        let mut left = max;
        for (partition, topic) in slots {
            let Some(next) = self.next.get_mut(&(partition, topic)) else { continue };
            let after = inner.book(topic, partition).read((topic, partition), *next, left, on_record)?;
            left -= (after - *next) as usize;
            *next = after;
        }
        Ok(max - left)
    }

    /// Whether the brokers would take a commit of `consumed`.
    fn may_commit(&self, inner: &Inner, consumed: &[Consumed]) -> Result<(), LogError> {
        if !inner.is_current(&self.group, &self.instance, self.incarnation, self.generation) {
            return Err(LogError::Fenced("the group has gone on without this member".into()));
        }
        match consumed.iter().find(|c| !self.owned.contains(&c.partition)) {
            Some(c) => Err(LogError::Fenced(format!("partition {} is not this member's", c.partition))),
            None => Ok(()),
        }
    }

    fn late(&self, outputs: &Batch, consumed: &[Consumed]) -> Late {
        Late {
            group: self.group.clone(),
            instance: self.instance.clone(),
            incarnation: self.incarnation,
            generation: self.generation,
            outputs: outputs.clone(),
            consumed: consumed.to_vec(),
        }
    }
}

/// A commit on its way.
pub(super) struct Late {
    pub(super) group: String,
    pub(super) instance: String,
    pub(super) incarnation: Incarnation,
    pub(super) generation: u64,
    pub(super) outputs: Batch,
    pub(super) consumed: Vec<Consumed>,
}

impl Member for SimulatedMember {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<Vec<Change>, LogError> {
        let (deadline, shared) = (Instant::now() + timeout, Arc::clone(&self.shared));
        let mut inner = shared.inner.lock();
        loop {
            let changes = self.changes(&mut inner)?;
            if !changes.is_empty() || self.deliver(&mut inner, max, on_record)? > 0 {
                return Ok(changes);
            }
            if timeout.is_zero() || shared.news.wait_until(&mut inner, deadline).timed_out() {
                return Ok(Vec::new());
            }
        }
    }

    fn start(&mut self, partition: u32, from: &[(Topic, u64)]) -> Result<(), LogError> {
        if !self.owned.contains(&partition) {
            return Err(LogError::Fenced(format!("partition {partition} is not assigned")));
        }
        let inner = self.shared.inner.lock();
        for &topic in &self.topics {
            let start = inner.bounds(topic, partition).start;
            let wanted = from.iter().find(|(t, _)| *t == topic).map_or(start, |(_, offset)| *offset);
            if wanted < start {
                return Err(LogError::OffsetGone { topic: topic.suffix(), partition, wanted, start });
            }
            self.next.insert((partition, topic), wanted);
        }
        Ok(())
    }

    fn committed(&mut self, partition: u32) -> Result<Vec<Consumed>, LogError> {
        let inner = self.shared.inner.lock();
        let of = |&topic: &Topic| match inner.committed.get(&(self.group.clone(), topic, partition)) {
            Some(committed) => *committed,
            None => Consumed::new(topic, partition, inner.bounds(topic, partition).start),
        };
        Ok(self.topics.iter().map(of).collect())
    }

    fn commit(&mut self, outputs: &Batch, consumed: &[Consumed]) -> Result<(), LogError> {
        self.shared.check(outputs)?;
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.inner.lock();
        if !inner.available {
            return Err(LogError::Unavailable("it is switched off".into()));
        }
        let fate = inner.faults.commit();
        if fate == CommitFate::Expelled
            && let Some(group) = inner.groups.get_mut(&self.group)
        {
            group.expel(&self.instance);
        }
        if !planted::is_on(Bug::NoFencing) {
            self.may_commit(&inner, consumed)?;
        }
        match fate {
            CommitFate::Late => {
                inner.late.push(self.late(outputs, consumed));
                return Err(LogError::Unknown("no answer came in time".into()));
            }
            CommitFate::Aborted => return Err(LogError::Aborted("as the faults will have it".into())),
            CommitFate::Unavailable => return Err(LogError::Unavailable("the brokers do not answer".into())),
            CommitFate::Fatal => return Err(LogError::Fatal("as the faults will have it".into())),
            CommitFate::Unanswered { took_effect: false } => {}
            CommitFate::Goes | CommitFate::Expelled | CommitFate::Unanswered { took_effect: true } => {
                inner.commit(&self.group, outputs, consumed, &shared);
            }
        }
        drop(inner);
        shared.news.notify_all();
        match fate {
            CommitFate::Unanswered { .. } => Err(LogError::Unknown("the answer was lost".into())),
            _ => Ok(()),
        }
    }

    fn end(&mut self, topic: Topic, partition: u32) -> Option<u64> {
        Some(self.shared.inner.lock().bounds(topic, partition).end)
    }
}
