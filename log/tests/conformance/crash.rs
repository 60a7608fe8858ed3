//! Kill -9: a child process appends and commits, tells what was acknowledged, and is killed wherever it is.
use super::kit::{Owned, add_in, alone, batch, join_at, read_all, try_append, upto};
use super::{Fixture, PARTITIONS};
use c360_log::{Batch, Log, LogError, Member};
use c360_schemas::Topic;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Where the child's numbers start.
const FIRST: &str = "C360_CRASH_FIRST";
const GROUP: &str = "crash";
const ROUNDS: u64 = 5;
const KEYS: u64 = 16;
const BATCH: u64 = 20;

/// What the child process does with the log until it is killed: [`Fixture::child`] makes it run this.
pub fn child(log: Arc<dyn Log>) {
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    // Joined before the first word, so that both are at work when it is killed. Its offsets count transactions and lie beyond the topic's end: it reads nothing.
    let (member, _) = join_at(&*log, &alone(GROUP, &[Topic::Unresolved]), |_, _| vec![(Topic::Unresolved, 0)]);
    std::thread::scope(|scope| {
        scope.spawn(|| append_on(&*log, first));
        commit_on(member, first);
    });
}

/// Whole lines, so that a line that was read was acknowledged.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent may be done with listening.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

fn append_on(log: &dyn Log, first: u64) {
    for from in (first..).step_by(BATCH as usize) {
        let records = (from..from + BATCH).map(|n| (format!("t/{}", n % KEYS), format!("{n:012}")));
        if try_append(log, batch(Topic::Events, records)).is_ok() {
            tell(&format!("\nappended {from}"));
        }
    }
}

fn commit_on(mut member: Box<dyn Member>, first: u64) {
    for n in first.. {
        let mut outputs = Batch::default();
        for p in 0..PARTITIONS {
            add_in(&mut outputs, Topic::Alerts, p, &n.to_string());
            add_in(&mut outputs, Topic::Deliveries, p, &n.to_string());
        }
        match member.commit(&outputs, &[upto(Topic::Unresolved, 0, n + 1)]) {
            Ok(()) => tell(&format!("\ncommitted {n}")),
            Err(LogError::Aborted(_) | LogError::Unavailable(_)) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

/// What the children said.
#[derive(Default)]
struct Said {
    appended: Vec<u64>,
    committed: Vec<u64>,
}

pub fn after_kill_9_all_that_was_acknowledged_is_there_once_and_transactions_are_whole(fixture: &mut dyn Fixture) {
    let mut random = StdRng::seed_from_u64(360);
    let mut said = Said::default();
    for round in 0..ROUNDS {
        fixture.close();
        let lines = random.random_range(5..120);
        live_and_die(fixture.child().env(FIRST, (round * 1_000_000).to_string()), lines, &mut said);
        fixture.open();
        check(&*fixture.log(), &said);
    }
    assert!(said.appended.len() > 20 && said.committed.len() > 20, "the children did something");
}

/// Runs a child until it has said `lines` things, kills it, and hears the rest of what it had said.
fn live_and_die(command: &mut Command, lines: usize, said: &mut Said) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let (mut heard, mut killed) = (0, false);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("appended", n)) => said.appended.push(n.parse().unwrap()),
            Some(("committed", n)) => said.committed.push(n.parse().unwrap()),
            _ => continue,
        }
        heard += 1;
        if heard >= lines && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(killed, "the child ended by itself: {status}");
}

fn check(log: &dyn Log, said: &Said) {
    let events = read_all(log, &[Topic::Events]);
    let mut times: HashMap<u64, u32> = HashMap::new();
    let mut newest: HashMap<&[u8], &str> = HashMap::new();
    for record in &events {
        *times.entry(record.text().parse().unwrap()).or_default() += 1;
        let before = newest.insert(&record.key, record.text());
        assert!(before < Some(record.text()), "{before:?} before {}", record.text());
    }
    for n in said.appended.iter().flat_map(|from| *from..from + BATCH) {
        assert_eq!(times.get(&n), Some(&1), "acknowledged record {n}");
    }
    assert!(times.values().all(|t| *t == 1), "nothing is there twice");
    check_transactions(log, said);
}

fn check_transactions(log: &dyn Log, said: &Said) {
    let mut parts: HashMap<u64, Vec<Owned>> = HashMap::new();
    for record in read_all(log, &[Topic::Alerts, Topic::Deliveries]) {
        parts.entry(record.text().parse().unwrap()).or_default().push(record);
    }
    for (n, records) in &parts {
        assert_eq!(records.len(), 2 * PARTITIONS as usize, "transaction {n} is whole and there once");
    }
    for n in &said.committed {
        assert!(parts.contains_key(n), "committed transaction {n}");
    }
    let newest = parts.keys().max().map(|n| n + 1);
    assert_eq!(log.committed(GROUP, Topic::Unresolved).unwrap()[0], newest, "the offset is the one of the newest transaction");
}
