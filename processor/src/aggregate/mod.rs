//! *aggregate*: keeps each customer's state, scores it, and says what changed. Keyed by account.
//!
//! An event goes through: forwarded? (a provisional customer that moved), counted already? (marks of 7 days), then into the row of what it is about and into the account's hot row, then
//! the score, the band and the alerts. Time does the same through one timer an account. Where batches end decides nothing but when profiles are said.
mod actions;
mod billing;
mod commands;
mod contacts;
mod decide;
mod dedup;
mod event;
mod feeds;
mod history;
mod identities;
mod identity_move;
pub(crate) mod lifecycle;
mod marks;
pub(crate) mod mrr;
pub(crate) mod noticed;
pub(crate) mod plan;
mod profiles;
pub(crate) mod renewal;
mod revenue;
mod rules;
mod support;
mod survey;
mod timers;
mod usage;
mod users;

pub(crate) use survey::{nps, nps_interval};

use crate::cache::RowCache;
use crate::config::AggregateConfig;
use crate::feeds::{self as sources, Doubts, Listener};
use crate::keys::{self, Tag};
use crate::metrics::Effect;
use crate::poison::{Reason, poison};
use crate::rows::{Hot, UserRow};
use crate::score::{InForce, Rulebook};
use c360_engine::{Actions, ApplyError, At, Machine, State, StateError, Timer};
use c360_health::Rules;
use c360_log::RecordRef;
use c360_schemas::{EventsValue, Key, Topic, decode_events_value};
use marks::Marks;
use std::collections::HashSet;
use std::sync::Arc;

/// The machine that keeps customers.
pub struct Aggregate {
    config: AggregateConfig,
    accounts: RowCache<Hot>,
    users: RowCache<UserRow>,
    marks: Marks,
    book: Rulebook,
    listener: Listener,
    doubts: Doubts,
    /// Customers whose owed profile is noted in the state.
    noted: HashSet<Box<[u8]>>,
    /// Whether the sweep over old marks is known to be on its way.
    sweeping: bool,
    scratch: Vec<u8>,
}

/// What a step works with: the account in hand, time, rows, and where outputs go.
pub(crate) struct Work<'a> {
    pub(crate) at: At,
    /// The customer's day of now.
    pub(crate) today: i32,
    /// It is the first that the customer is taken in hand today.
    pub(crate) new_day: bool,
    pub(crate) key: Key<'a>,
    pub(crate) key_bytes: &'a [u8],
    pub(crate) config: &'a AggregateConfig,
    /// What is in force for the tenant.
    pub(crate) rules: Arc<InForce>,
    /// Families of events that nothing new is known of, since their source is silent: a bit for each.
    pub(crate) doubt: u8,
    pub(crate) book: &'a mut Rulebook,
    pub(crate) users: &'a mut RowCache<UserRow>,
    pub(crate) state: &'a mut State,
    pub(crate) out: &'a mut Actions<Effect>,
    pub(crate) scratch: &'a mut Vec<u8>,
}

impl Aggregate {
    pub fn new(config: AggregateConfig) -> Self {
        Self::with_rules(config, Rules::built_in())
    }

    /// For a life in memory: no old mark is swept away, since all of them go with the customer. One that is old counts for nothing anyway.
    pub(crate) fn rehearsing(config: AggregateConfig, rules: Arc<Rules>) -> Self {
        Self { sweeping: true, listener: Listener::deaf(), ..Self::with_rules(config, rules) }
    }

    /// `rules` hold where nobody applied any.
    fn with_rules(config: AggregateConfig, rules: Arc<Rules>) -> Self {
        Self {
            accounts: RowCache::speaking(config.cache_bytes / 8 * 5),
            users: RowCache::new(config.cache_bytes / 8 * 3),
            marks: Marks::default(),
            book: Rulebook::new(rules, &config.alerts),
            listener: Listener::default(),
            doubts: Doubts::default(),
            noted: HashSet::new(),
            sweeping: false,
            scratch: Vec::new(),
            config,
        }
    }

    /// A customer as it stands, and the rules that it was scored by.
    pub(crate) fn look(&mut self, key_bytes: &[u8], state: &State) -> Result<Option<(&Hot, Arc<Rules>)>, StateError> {
        let Some(key) = keys::parse(key_bytes) else { return Ok(None) };
        let in_force = self.book.of(key.tenant, &self.config.alerts, state)?;
        let Some(hot) = self.accounts.get(&keys::own(Tag::Hot, key_bytes), state)? else { return Ok(None) };
        let scored_by = hot.health.current.as_ref().map(|s| self.book.by_id(key.tenant, s.rules, state)).transpose()?.flatten();
        Ok(Some((hot, scored_by.unwrap_or_else(|| Arc::clone(&in_force.rules)))))
    }

    /// The account's hot row, with its windows as of now, and what to work on it with.
    fn open<'a>(
        &'a mut self,
        at: At,
        key: Key<'a>,
        key_bytes: &'a [u8],
        state: &'a mut State,
        out: &'a mut Actions<Effect>,
    ) -> Result<(Work<'a>, &'a mut Hot), StateError> {
        self.scratch.clear();
        self.scratch.push(Tag::Hot as u8);
        self.scratch.extend_from_slice(key_bytes);
        let hot = self.accounts.change(&self.scratch, state)?;
        hot.calendar = self.config.calendar(key.tenant);
        let today = hot.calendar.day_of(at.now);
        let rules = self.book.of(key.tenant, &self.config.alerts, state)?;
        let doubt = self.doubts.of(key.tenant, at.now, state)?;
        let (config, book, users, scratch) = (&self.config, &mut self.book, &mut self.users, &mut self.scratch);
        let mut work = Work { at, today, new_day: false, key, key_bytes, config, rules, doubt, book, users, state, out, scratch };
        work.new_day = timers::roll(&mut work, hot)?;
        Ok((work, hot))
    }
}

impl Machine for Aggregate {
    type Effect = Effect;
    const NAME: &'static str = "aggregate";
    const INPUTS: &'static [Topic] = &[Topic::Events];

    fn apply(&mut self, at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Actions<Effect>) -> Result<(), ApplyError> {
        let value = decode_events_value(record.value).map_err(|error| poison(Reason::Undecodable, error.to_string()))?;
        self.listener.answer(at.now, state)?;
        if matches!(value, EventsValue::Tick(_)) {
            return Ok(());
        }
        let key = keys::parse(record.key).ok_or_else(|| poison(Reason::BadKey, "the key is not tenant/account"))?;
        match value {
            EventsValue::Event(event) => self.event(at, key, record.key, &event, state, actions),
            EventsValue::Move(moved) => self.take_move(at, key, record.key, &moved, state, actions),
            EventsValue::Rules(rules) => self.take_rules(at, key, &rules, state, actions),
            EventsValue::Feed(feed) => self.take_feed(at, key, &feed, state, actions).map_err(Into::into),
            EventsValue::Command(command) => self.command(at, key, record.key, &command, state, actions).map_err(Into::into),
            EventsValue::Tick(_) => Ok(()),
        }
    }

    fn on_timer(&mut self, at: At, timer: &Timer, state: &mut State, actions: &mut Actions<Effect>) -> Result<(), StateError> {
        match timer.key.split_first() {
            Some((&timers::ACCOUNT, key_bytes)) => self.account_timer(at, key_bytes, state, actions),
            Some((&timers::SWEEP, _)) => self.sweep(at, state),
            Some((&sources::TIMER, tenant)) => self.look_at_feeds(at, tenant, state, actions),
            Some((&timers::RESCORE, tenant)) => self.rescore(at, tenant, state, actions),
            _ => Ok(()),
        }
    }

    fn flush(&mut self, at: At, state: &mut State, actions: &mut Actions<Effect>) -> Result<(), StateError> {
        self.say_profiles(at, state, actions)
    }

    fn owes(&self) -> bool {
        self.accounts.owed().len() > 0
    }

    fn owes_much(&self) -> bool {
        self.accounts.owed().len() > profiles::OWED_MAX
    }

    fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        self.marks.write_back(state)?;
        self.users.write_back(state)?;
        self.accounts.write_back(state)?;
        self.listener.write_back(state)?;
        self.note_owed(state)
    }

    fn is_full(&self) -> bool {
        self.marks.is_full() || self.users.is_full() || self.accounts.is_full()
    }

    fn on_live(&mut self, _at: At, state: &mut State, _actions: &mut Actions<Effect>) -> Result<(), StateError> {
        self.find_owed(state)
    }
}
