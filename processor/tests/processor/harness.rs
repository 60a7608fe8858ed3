//! A small engine: time from the records, timers before the record that moves time past them, batches where the test wants them.
use c360_engine::{Actions, ApplyError, At, Machine, State};
use c360_log::{Headers, RecordRef};
use c360_processor::{Aggregate, AggregateConfig, Resolve, ResolveConfig};
use c360_schemas::*;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const HOUR: i64 = 3_600_000;
/// A Monday, midnight.
pub(crate) const START: i64 = 20_605 * DAY;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Out {
    pub(crate) topic: Topic,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// One partition of one machine.
pub(crate) struct Driver<M: Machine> {
    pub(crate) machine: M,
    pub(crate) state: State,
    pub(crate) now: i64,
    offset: u64,
    actions: Actions<M::Effect>,
}

impl<M: Machine> Driver<M> {
    pub(crate) fn new(machine: M) -> Self {
        Self { machine, state: State::in_memory(), now: 0, offset: 0, actions: Actions::default() }
    }

    pub(crate) fn apply(&mut self, recorded_at: i64, topic: Topic, key: &[u8], value: &[u8]) -> Result<(), ApplyError> {
        self.offset += 1;
        let until = self.now.max(recorded_at);
        while let Some(timer) = self.state.pop_due(until).unwrap() {
            self.now = self.now.max(timer.due);
            let at = self.at();
            self.machine.on_timer(at, &timer, &mut self.state, &mut self.actions).unwrap();
        }
        self.now = until;
        let record = RecordRef { topic, partition: 0, offset: self.offset, recorded_at, key, value, headers: Headers::default() };
        let outputs = self.actions.outputs.len();
        let result = self.machine.apply(self.at(), &record, &mut self.state, &mut self.actions);
        if result.is_err() {
            assert_eq!(self.actions.outputs.len(), outputs, "poison says nothing");
        }
        result
    }

    fn at(&self) -> At {
        At { now: self.now, partition: 0, offset: self.offset }
    }

    /// Ends the batch, and hands over what was said in it.
    pub(crate) fn flush(&mut self) -> Vec<Out> {
        let at = self.at();
        self.machine.flush(at, &mut self.state, &mut self.actions).unwrap();
        self.machine.write_back(&mut self.state).unwrap();
        self.state.settle_writes();
        self.actions.effects.clear();
        let batch = std::mem::take(&mut self.actions.outputs);
        batch.entries().iter().map(|e| Out { topic: e.topic, key: batch.key(e).to_vec(), value: batch.value(e).to_vec() }).collect()
    }

    /// All rows and timers.
    pub(crate) fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut rows = BTreeMap::new();
        for tag in 0..=255 {
            self.state
                .scan(&[tag], &mut |key, value| {
                    rows.insert(key.to_vec(), value.to_vec());
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
        }
        rows
    }
}

/// Both machines on one partition, joined as the log joins them, and what they said.
pub(crate) struct World {
    pub(crate) resolve: Driver<Resolve>,
    pub(crate) aggregate: Driver<Aggregate>,
    pub(crate) now: i64,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) history: Vec<History>,
    /// What the partition was told of its sources: when, key and value.
    pub(crate) doubts: Vec<(i64, Vec<u8>, Vec<u8>)>,
    profiles: BTreeMap<String, Value>,
    ids: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(AggregateConfig::default())
    }

    pub(crate) fn with(config: AggregateConfig) -> Self {
        Self {
            resolve: Driver::new(Resolve::new(ResolveConfig::default())),
            aggregate: Driver::new(Aggregate::new(config)),
            now: START,
            alerts: Vec::new(),
            history: Vec::new(),
            doubts: Vec::new(),
            profiles: BTreeMap::new(),
            ids: 0,
        }
    }

    /// Sends an event as ingest would: to its account, or to its first foreign id.
    pub(crate) fn send(&mut self, event: &Event<'_>) {
        let mut value = Vec::new();
        event.encode(&mut value);
        let (topic, id) = match (&event.payload, event.account_id) {
            (Payload::Link(link), _) => (Topic::Unresolved, format!("{}:{}", link.kind, link.id)),
            (_, Some(account)) => (Topic::Events, account.to_owned()),
            (_, None) => (Topic::Unresolved, format!("{}:{}", event.foreign_ids[0].kind, event.foreign_ids[0].id)),
        };
        self.put(topic, &Key { tenant: event.tenant, id: &id }.to_vec(), &value);
    }

    pub(crate) fn put(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        let mut queue = VecDeque::from([Out { topic, key: key.to_vec(), value: value.to_vec() }]);
        while let Some(record) = queue.pop_front() {
            let out = match record.topic {
                Topic::Unresolved => {
                    self.resolve.apply(self.now, record.topic, &record.key, &record.value).unwrap();
                    self.resolve.flush()
                }
                Topic::Events => {
                    if Key::parse(&record.key).is_some_and(|key| key.id == DOUBT_ACCOUNT) {
                        self.doubts.push((self.now, record.key.clone(), record.value.clone()));
                    }
                    self.aggregate.apply(self.now, record.topic, &record.key, &record.value).unwrap();
                    self.aggregate.flush()
                }
                _ => {
                    self.take(record);
                    continue;
                }
            };
            queue.extend(out);
        }
    }

    fn take(&mut self, record: Out) {
        let id = Key::parse(&record.key).unwrap().id.to_owned();
        match record.topic {
            Topic::Alerts => {
                let alert = Alert::decode(&record.value).unwrap();
                let sum: i32 = alert.receipt.iter().map(|c| c.contribution).sum();
                assert_eq!(sum, alert.score_after.unwrap_or(0) - alert.score_before.unwrap_or(0), "{alert:?}");
                assert!(!alert.alert_id.contains('.'));
                self.alerts.push(alert);
            }
            Topic::History => self.history.push(History::decode(&record.value).unwrap()),
            Topic::Profiles if record.value.is_empty() => {
                self.profiles.remove(&id);
            }
            Topic::Profiles => {
                let profile = Profile::decode(&record.value).unwrap();
                self.profiles.insert(id, serde_json::from_str(&profile.view).unwrap());
            }
            other => panic!("nothing is said in {other:?}"),
        }
    }

    pub(crate) fn tick(&mut self) {
        let mut value = Vec::new();
        Tick { at: self.now }.encode(&mut value);
        self.put(Topic::Events, b"", &value);
    }

    /// Something that changes nothing but brings the profile as of now: a link that is taken away where there is none.
    pub(crate) fn touch(&mut self, account: &str) {
        let id = format!("touch-{}", self.id());
        let payload = Payload::Link(Link { kind: "user", id: "nobody", account_id: None, rank: Rank::Told, at: self.now });
        let mut value = Vec::new();
        Event { kind: Kind::Identity, payload, name: "link", user_id: None, ..usage(&id, account, "", self.now) }.encode(&mut value);
        self.put(Topic::Events, &Key { tenant: "t", id: account }.to_vec(), &value);
    }

    /// Lets time pass, with a tick at its end.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.now += ms;
        self.tick();
    }

    pub(crate) fn view(&self, account: &str) -> Value {
        self.profiles.get(account).cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn band(&self, account: &str) -> String {
        self.view(account)["health"]["band"].as_str().unwrap_or("none").to_owned()
    }

    pub(crate) fn id(&mut self) -> String {
        self.ids += 1;
        format!("m{}", self.ids)
    }

    pub(crate) fn track(&mut self, account: &str, user: &str) {
        let id = self.id();
        self.send(&usage(&id, account, user, self.now));
    }

    pub(crate) fn say<'a>(&mut self, account: &'a str, kind: Kind, payload: Payload<'a>) {
        // A payload's lifetime cannot be shortened to that of a local id.
        let id: &'static str = self.id().leak();
        self.send(&Event { kind, payload, name: "x", user_id: None, ..usage(id, account, "", self.now) });
    }

    pub(crate) fn command(&mut self, alert_id: &str, account: &str, action: AlertAction, until: Option<i64>) {
        let command = AlertCommand {
            tenant: "t".into(),
            account_id: account.into(),
            alert_id: alert_id.into(),
            action,
            at: self.now,
            by: Some("ann".into()),
            reason: None,
            until,
            verdict: (action == AlertAction::Verdict).then(|| "useful".into()),
        };
        let mut value = Vec::new();
        command.encode(&mut value);
        self.put(Topic::Events, &Key { tenant: "t", id: account }.to_vec(), &value);
    }

    /// A customer as one wishes them: used each working day by three people for six weeks, paid, answered, recommended.
    pub(crate) fn steady(&mut self, account: &str) {
        self.say(account, Kind::Billing, Payload::Subscription(subscription("sub", 1, "active")));
        self.say(account, Kind::Billing, Payload::Invoice(Invoice { status: "paid", amount_remaining: 0, ..invoice("in", 1, self.now) }));
        for day in 0..42 {
            if day % 7 < 5 {
                self.now += 9 * HOUR;
                for user in ["ann", "bob", "cat"] {
                    self.track(account, user);
                }
                self.now += 15 * HOUR;
            } else {
                self.now += DAY;
            }
        }
        self.say(account, Kind::Support, Payload::Ticket(ticket("t1", 1, "open", self.now)));
        self.say(account, Kind::Support, Payload::Ticket(ticket("t1", 2, "solved", self.now)));
        self.say(account, Kind::Survey, Payload::Answer(answer("ann", 10)));
        self.tick();
        assert_eq!(self.band(account), "green", "{}", self.view(account)["health"]);
        assert!(self.alerts.is_empty(), "{:?}", self.alerts);
    }

    /// Revisions that are sent: type, status, band after.
    pub(crate) fn sent(&self) -> Vec<(String, AlertStatus, String)> {
        let sent = self.alerts.iter().filter(|a| a.notify);
        sent.map(|a| (a.alert_type.clone(), a.status, a.band_after.clone().unwrap())).collect()
    }
}

pub(crate) fn usage<'a>(id: &'a str, account: &'a str, user: &'a str, at: i64) -> Event<'a> {
    Event {
        message_id: id,
        tenant: "t",
        account_id: Some(account),
        foreign_ids: Default::default(),
        user_id: Some(user),
        anonymous_id: None,
        kind: Kind::Usage,
        name: "Report Opened",
        occurred_at: at,
        received_at: at,
        source: "api",
        payload: Payload::None,
        properties: "",
    }
}

pub(crate) fn subscription<'a>(id: &'a str, version: i64, status: &'a str) -> Subscription<'a> {
    let item = SubscriptionItem {
        amount_micros: 120_000 * 1_000_000,
        quantity: 1,
        interval: Interval::Month,
        interval_count: 1,
        ..Default::default()
    };
    Subscription { id, version, status, currency: "USD", items: [item].into_iter().collect(), ..Default::default() }
}

pub(crate) fn invoice(id: &str, version: i64, due_at: i64) -> Invoice<'_> {
    Invoice {
        id,
        status: "open",
        version,
        currency: "USD",
        amount_due: 120_000,
        amount_remaining: 120_000,
        due_at: Some(due_at),
        ..Default::default()
    }
}

pub(crate) fn failed(id: &str, attempt: i64, now: i64, last: bool) -> Invoice<'_> {
    Invoice { attempt_failed: true, attempt_count: attempt, next_attempt_at: (!last).then_some(now + DAY), ..invoice(id, 1 + attempt, now) }
}

pub(crate) fn ticket<'a>(id: &'a str, version: i64, status: &'a str, created: i64) -> Ticket<'a> {
    Ticket { id, status, version, created_at: Some(created), ..Default::default() }
}

pub(crate) fn answer(person: &str, score: i32) -> Answer<'_> {
    Answer { id: person, survey: Survey::Nps, score, respondent: person, comment: None, version: 1 }
}

pub(crate) fn link<'a>(kind: &'a str, id: &'a str, account: Option<&'a str>, rank: Rank, at: i64) -> Payload<'a> {
    Payload::Link(Link { kind, id, account_id: account, rank, at })
}
