//! What is done to an installation, and that it comes back from it.
use super::installation::{Installation, Pace, SESSION_MS};
use super::load::Load;
use crate::common::server::Server;
use crate::common::{LogKind, eventually_within};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use reqwest::StatusCode;
use std::time::Duration;

/// How long coming back may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// One fault; processes by their names in the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// kill -9.
    Kill(&'static str),
    /// kill -9, and again while it starts.
    KillTwice(&'static str),
    /// kill -9, and its state is gone: a new machine, with the old one's name.
    KillAndWipe(&'static str),
    /// SIGTERM.
    Stop(&'static str),
    /// SIGSTOP and SIGCONT, so soon that nobody need notice.
    Pause(&'static str),
    /// SIGSTOP, and SIGCONT when its partitions are others': a zombie.
    Freeze(&'static str),
    KillBroker,
    FreezeBroker,
    /// A third processor comes, and goes by SIGTERM.
    GuestLeaves,
    /// A third processor comes, and is killed for good.
    GuestDies,
}
use Fault::{Freeze, FreezeBroker, GuestDies, GuestLeaves, Kill, KillAndWipe, KillBroker, KillTwice, Pause, Stop};

/// 20 kills and 4 other faults.
const ON_EMBEDDED: [Fault; 24] = {
    let mut all = [Kill("up"); 24];
    all[0] = KillTwice("up");
    all[1] = KillTwice("up");
    all[2] = KillTwice("up");
    all[3] = KillAndWipe("up");
    all[4] = KillAndWipe("up");
    all[20] = Stop("up");
    all[21] = Pause("up");
    all[22] = Pause("up");
    all[23] = Stop("up");
    all
};

/// 20 kills and 6 other faults.
const ON_KAFKA: [Fault; 26] = [
    Kill("process-a"),
    Kill("process-a"),
    Kill("process-a"),
    Kill("process-b"),
    Kill("process-b"),
    Kill("process-b"),
    KillTwice("process-a"),
    KillTwice("process-b"),
    KillAndWipe("process-a"),
    KillAndWipe("process-b"),
    Kill("sink"),
    Kill("sink"),
    KillTwice("sink"),
    KillAndWipe("sink"),
    Kill("ingest"),
    Kill("ingest"),
    Kill("console"),
    KillBroker,
    KillBroker,
    GuestDies,
    GuestLeaves,
    Stop("process-b"),
    Freeze("process-a"),
    Freeze("sink"),
    Pause("ingest"),
    FreezeBroker,
];

/// As many faults as wanted, each kind as often as the others of its deck, in a seeded order. `FAULT=KillBroker` in the environment leaves only those whose name begins so.
pub fn deal(log: LogKind, seed: u64, rounds: usize) -> Vec<Fault> {
    let wanted = std::env::var("FAULT").unwrap_or_default();
    let deck: &[Fault] = if log == LogKind::Kafka { &ON_KAFKA } else { &ON_EMBEDDED };
    let deck: Vec<Fault> = deck.iter().copied().filter(|fault| format!("{fault:?}").starts_with(&wanted)).collect();
    assert!(!deck.is_empty(), "FAULT={wanted} is none of {log:?}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut faults = Vec::new();
    while faults.len() < rounds {
        let mut deck = deck.clone();
        deck.shuffle(&mut random);
        faults.extend(deck);
    }
    faults.truncate(rounds);
    faults
}

/// As many as one deck has.
pub fn deck_len(log: LogKind) -> usize {
    if log == LogKind::Kafka { ON_KAFKA.len() } else { ON_EMBEDDED.len() }
}

/// A seeded while: for how long something lasts, not for something to happen.
fn last(random: &mut StdRng, ms: std::ops::Range<u64>) {
    std::thread::park_timeout(Duration::from_millis(random.random_range(ms)));
}

impl Fault {
    /// Does it, and starts again what it ended.
    pub fn strike(self, installation: &mut Installation, load: &Load, random: &mut StdRng) {
        match self {
            Kill(name) => again(installation, name, random, |_| ()),
            KillTwice(name) => {
                again(installation, name, random, |_| ());
                last(random, 100..700);
                again(installation, name, random, |_| ());
            }
            KillAndWipe(name) => again(installation, name, random, wipe),
            Stop(name) => {
                let status = installation.servers[name].terminate();
                assert!(status.success(), "{name} ended with {status}");
                installation.tune(name, Pace::Seeded);
                installation.servers[name].spawn();
            }
            Pause(name) => freeze(&installation.servers[name], random, 100..900),
            Freeze(name) => freeze(&installation.servers[name], random, SESSION_MS + 300..SESSION_MS + 1_500),
            KillBroker => {
                let broker = installation.broker.as_ref().expect("a broker");
                broker.kill();
                last(random, 0..500);
                broker.up();
            }
            FreezeBroker => {
                let broker = installation.broker.as_ref().expect("a broker");
                broker.freeze();
                last(random, 1_000..4_000);
                broker.thaw();
            }
            GuestLeaves => {
                let guest = visit(installation, load, random);
                assert!(guest.terminate().success(), "{}", guest.log_text());
            }
            GuestDies => visit(installation, load, random).kill(),
        }
    }
}

fn again(installation: &mut Installation, name: &'static str, random: &mut StdRng, meanwhile: impl FnOnce(&Server)) {
    installation.servers[name].kill();
    meanwhile(&installation.servers[name]);
    last(random, 0..300);
    installation.tune(name, Pace::Seeded);
    installation.servers[name].spawn();
}

fn wipe(server: &Server) {
    let state = server.data_folder().join("state");
    std::fs::remove_dir_all(&state).unwrap_or_else(|e| panic!("{}: {e}", state.display()));
}

fn freeze(server: &Server, random: &mut StdRng, ms: std::ops::Range<u64>) {
    server.signal("-STOP");
    last(random, ms);
    server.signal("-CONT");
}

fn visit(installation: &mut Installation, load: &Load, random: &mut StdRng) -> Server {
    let guest = installation.guest();
    let before = load.acknowledged.load(std::sync::atomic::Ordering::Relaxed);
    some_more(load, before + random.random_range(100..1_000));
    guest
}

/// Waits until so many events were acknowledged.
pub fn some_more(load: &Load, target: u64) {
    eventually_within(PATIENCE, "events are acknowledged", || {
        let now = load.acknowledged.load(std::sync::atomic::Ordering::Relaxed);
        if now >= target { Ok(()) } else { Err((now, target)) }
    });
}

/// All are ready, and an event comes through from end to end.
pub fn recovered(installation: &Installation, load: &Load, probe: &str) {
    installation.servers.values().for_each(Server::wait_ready);
    load.probe(probe);
    eventually_within(PATIENCE, "an event comes through after the fault", || {
        match installation.console().api(reqwest::Method::GET, &format!("/api/v1/customers/{probe}")).send() {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}
