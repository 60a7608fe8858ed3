//! Clients that send seeded batches until told to stop, each batch again under the same ids until it is acknowledged, and now and then one that was acknowledged before.
use super::ledger::{Call, Counts, Ledger, Way};
use crate::common::server::WRITE_KEY;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::StatusCode;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub const ACCOUNTS: u64 = 16;
const USERS: u64 = 6;
const BATCH: usize = 20;
const CLIENTS: u64 = 3;
/// Between two batches of a client.
const PACE: Duration = Duration::from_millis(30);
/// After it the outcome counts as unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// A batch that is not acknowledged for so long never will be.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);
/// Batches that may come once more. Young enough for the window in which message ids are known.
const REMEMBERED: usize = 8;
/// How long ago an event may have happened, ms.
const AGE_MS_MAX: i64 = 36 * 3_600_000;
const FEATURES: [&str; 4] = ["Report Viewed", "Export Made", "Invite Sent", "Dashboard Opened"];

/// What clients share.
pub struct Load {
    pub url: String,
    pub seed: u64,
    pub ledger: Mutex<Ledger>,
    /// Now on the installation's clock, UTC ms; 0: real time.
    pub now: AtomicI64,
    /// Events acknowledged so far.
    pub acknowledged: AtomicU64,
    stop: AtomicBool,
    /// The last refusal: status and Retry-After.
    pub refused: Mutex<Option<(u16, Option<String>)>>,
}

/// Ends the load when it goes, however that comes.
pub struct StopOnDrop<'a>(pub &'a Load);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Load {
    pub fn new(url: String, seed: u64) -> Self {
        let (now, acknowledged, stop) = (AtomicI64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Self { url, seed, ledger: Mutex::default(), now, acknowledged, stop, refused: Mutex::new(None) }
    }

    /// Runs `work` while clients send; when it is done, they finish what they have begun.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                scope.spawn(move || Sender::new(self, number).run());
            }
            let _stop = StopOnDrop(self);
            work()
        })
    }

    /// The users that are known from the first on: what they do is resolved to their account at once.
    pub fn introduce(&self) {
        let now = self.now_ms();
        let calls: Vec<Call> =
            (0..ACCOUNTS).flat_map(|a| (0..USERS).map(move |u| group(&account(a), &user(a, u), now - AGE_MS_MAX))).collect();
        self.send(&client(), &calls);
    }

    /// Sends until it is acknowledged.
    pub fn send(&self, client: &Client, calls: &[Call]) {
        let since = Instant::now();
        while !self.try_send(client, calls) {
            assert!(since.elapsed() < GIVE_UP_AFTER, "{} is not acknowledged: {:?}", calls[0].id, self.refused.lock().unwrap());
            self.ledger.lock().unwrap().retried += 1;
            std::thread::park_timeout(PACE);
        }
    }

    fn try_send(&self, client: &Client, calls: &[Call]) -> bool {
        self.ledger.lock().unwrap().sending(calls);
        let bodies: Vec<&Value> = calls.iter().map(|call| &call.body).collect();
        let answer = client.post(&self.url).basic_auth(WRITE_KEY, Some("")).json(&json!({ "batch": bodies })).send();
        let Ok(answer) = answer else { return false };
        if answer.status() != StatusCode::OK {
            let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            *self.refused.lock().unwrap() = Some((answer.status().as_u16(), retry_after));
            return false;
        }
        let mut ledger = self.ledger.lock().unwrap();
        ledger.acknowledged(calls);
        self.acknowledged.store(ledger.acknowledged, Ordering::Relaxed);
        true
    }

    /// One event of a fresh account.
    pub fn probe(&self, account: &str) {
        let now = self.now_ms() - 1_000;
        self.send(&client(), &[track(format!("{account}-1"), account, "prober", now, "Probe", Way::Direct)]);
    }

    fn now_ms(&self) -> i64 {
        match self.now.load(Ordering::Relaxed) {
            // A moment back, so that no stamp of the log is before it.
            0 => c360_log::Clock::real_ms() - 1_000,
            now => now,
        }
    }
}

pub fn client() -> Client {
    Client::builder().no_proxy().timeout(ANSWER_WITHIN).build().unwrap()
}

pub fn account(number: u64) -> String {
    format!("a{number}")
}

fn user(account: u64, number: u64) -> String {
    format!("u{account}-{number}")
}

fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

fn group(account: &str, user: &str, at: i64) -> Call {
    let id = format!("g-{user}");
    let body = json!({"type": "group", "userId": user, "groupId": account, "messageId": id, "timestamp": iso(at), "traits": {"name": account.to_uppercase()}});
    Call { id, way: Way::Both, account: account.into(), counts: Counts::Nothing, body }
}

fn track(id: String, account: &str, user: &str, at: i64, event: &str, way: Way) -> Call {
    let context = if way == Way::Direct { json!({"groupId": account}) } else { json!({}) };
    let body = json!({"type": "track", "userId": user, "event": event, "messageId": id, "timestamp": iso(at), "context": context});
    let counts = Counts::Usage { day: iso(at)[..10].to_owned(), user: user.into() };
    Call { id, way, account: account.into(), counts, body }
}

fn answer(id: String, account: &str, at: i64, score: i64) -> Call {
    let body = json!({"type": "track", "userId": format!("r-{id}"), "event": "NPS Answered", "messageId": id, "timestamp": iso(at),
        "properties": {"score": score, "account_id": account}});
    Call { id, way: Way::Direct, account: account.into(), counts: Counts::Answer(score), body }
}

/// One client.
struct Sender<'a> {
    load: &'a Load,
    number: u64,
    random: StdRng,
    client: Client,
    sent: u64,
    remembered: VecDeque<Vec<Call>>,
}

impl<'a> Sender<'a> {
    fn new(load: &'a Load, number: u64) -> Self {
        let random = StdRng::seed_from_u64(load.seed.wrapping_mul(CLIENTS).wrapping_add(number));
        Self { load, number, random, client: client(), sent: 0, remembered: VecDeque::new() }
    }

    fn run(mut self) {
        while !self.load.stop.load(Ordering::Relaxed) {
            match self.random.random_range(0..20) {
                0 => self.newcomer(),
                1 | 2 => self.repeat(),
                _ => self.batch(),
            }
            std::thread::park_timeout(PACE);
        }
    }

    fn id(&mut self) -> String {
        self.sent += 1;
        format!("c{}-{}", self.number, self.sent)
    }

    fn at(&mut self) -> i64 {
        self.load.now_ms() - self.random.random_range(0..AGE_MS_MAX)
    }

    fn batch(&mut self) {
        let calls: Vec<Call> = (0..BATCH).map(|_| self.call()).collect();
        self.load.send(&self.client, &calls);
        self.remembered.push_back(calls);
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_front();
        }
    }

    fn call(&mut self) -> Call {
        let (number, at, id) = (self.random.random_range(0..ACCOUNTS), self.at(), self.id());
        let (user, feature) = (user(number, self.random.random_range(0..USERS)), FEATURES[self.random.random_range(0..FEATURES.len())]);
        match self.random.random_range(0..40) {
            0 => answer(id, &account(number), at, self.random.random_range(0..=10)),
            1..=20 => track(id, &account(number), &user, at, feature, Way::Direct),
            _ => track(id, &account(number), &user, at, feature, Way::Resolved),
        }
    }

    /// Somebody's first events come before it is known whose they are: a provisional customer, and its move.
    fn newcomer(&mut self) {
        let (number, at, id) = (self.random.random_range(0..ACCOUNTS), self.at(), self.id());
        let user = format!("n-{id}");
        let first: Vec<Call> =
            (0..3).map(|n| track(format!("{id}-{n}"), &account(number), &user, at, FEATURES[n], Way::Resolved)).collect();
        self.load.send(&self.client, &first);
        self.load.send(&self.client, &[group(&account(number), &user, at)]);
    }

    /// What was acknowledged comes once more.
    fn repeat(&mut self) {
        if let Some(calls) = self.remembered.get(self.random.random_range(0..REMEMBERED)).cloned() {
            self.load.send(&self.client, &calls);
        }
    }
}
