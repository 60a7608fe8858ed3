//! One event, from the log into the account.
use super::decide::{Hard, Trigger, decide};
use super::{Aggregate, Work, actions, billing, history, identities, plan, renewal, support, survey, timers, usage, users};
use crate::keys::{self, Tag};
use crate::metrics::Effect;
use crate::poison::{Reason, poison};
use crate::redirect::redirect;
use crate::rows::{self, ForwardRow, Hot};
use c360_engine::{Actions, ApplyError, At, State, StateError};
use c360_health::Family;
use c360_schemas::{Event, Key, Kind, Payload, Topic};

impl Aggregate {
    pub(super) fn event(
        &mut self,
        at: At,
        key: Key<'_>,
        key_bytes: &[u8],
        event: &Event<'_>,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), ApplyError> {
        self.check(at, event)?;
        let family = family_of(event);
        self.hear(at, (key, key_bytes), (event, family), state, out)?;
        if key.id.starts_with('~') {
            if let Payload::Link(link) = &event.payload {
                return self.claim(at, key, key_bytes, link, state, out);
            }
            if let Some(forward) = rows::load::<ForwardRow>(state, &keys::own(Tag::Forward, key_bytes))? {
                forward_on(key, event, &forward, out);
                return Ok(());
            }
        }
        if !self.first_time(at, key_bytes, event, state)? {
            return Ok(());
        }
        let (mut work, hot) = self.open(at, key, key_bytes, state, out)?;
        let old = event.occurred_at < work.at.now - work.rules.alerts.late_after_ms;
        let late = old && family.is_some();
        if late && hot.health.stale && !hot.health.quiet {
            // What came in time is judged before the past is corrected.
            decide(&mut work, hot, Trigger::Time)?;
        }
        hot.health.quiet |= late;
        if family == Some(Family::Usage) {
            // Most events: usage brings no fact by itself.
            fold(&mut work, hot, event)?;
            usage_came(&mut work, hot)?;
        } else {
            let before = Hard::of(hot, &work.rules.alerts);
            fold(&mut work, hot, event)?;
            // Of what happened so long ago nobody is to hear.
            let facts = if old { Vec::new() } else { Hard::of(hot, &work.rules.alerts).new_since(&before) };
            // Who is told to have left is a fact, though no part of the score.
            if family.is_some() || !facts.is_empty() {
                decide(&mut work, hot, Trigger::Event { id: event.message_id, happened_at: event.occurred_at, family, facts })?;
            }
        }
        renewal::advance(&mut work, hot);
        timers::schedule(&mut work, hot);
        Ok(())
    }

    /// Refuses what cannot be taken, before anything of it is in the state.
    fn check(&self, at: At, event: &Event<'_>) -> Result<(), ApplyError> {
        let (what, id) = match &event.payload {
            Payload::Subscription(s) => ("subscription", s.id),
            Payload::Invoice(i) => ("invoice", i.id),
            Payload::Ticket(t) => ("ticket", t.id),
            Payload::Answer(a) => ("answer", a.respondent),
            Payload::Link(l) => ("link", l.id),
            Payload::None | Payload::Account(_) | Payload::User(_) => ("event", event.message_id),
        };
        if event.message_id.is_empty() || id.is_empty() {
            return Err(poison(Reason::Incomplete, format!("the {what} has no id")));
        }
        if let Payload::Subscription(s) = &event.payload
            && super::mrr::price(&billing::row_of(s).price, self.config.billing.count_metered, at.now).is_none()
        {
            return Err(poison(Reason::MoneyOutOfRange, format!("the price of subscription {id} is too great to be money")));
        }
        if plan::is_told(event)
            && let Err(error) = plan::parse(event.properties)
        {
            return Err(poison(Reason::Incomplete, format!("what is told of the plan cannot be read: {error}")));
        }
        if actions::is_told(event)
            && let Err(error) = actions::parse(event.properties)
        {
            return Err(poison(Reason::Incomplete, format!("what is told of an action cannot be read: {error}")));
        }
        Ok(())
    }
}

fn family_of(event: &Event<'_>) -> Option<Family> {
    match event.kind {
        Kind::Usage => Some(Family::Usage),
        Kind::Billing => Some(Family::Billing),
        Kind::Support => Some(Family::Support),
        Kind::Survey => Some(Family::Survey),
        Kind::Identity => None,
    }
}

/// Sends an event on to the account that its provisional customer moved to.
fn forward_on(key: Key<'_>, event: &Event<'_>, forward: &ForwardRow, out: &mut Actions<Effect>) {
    let event = redirect(event, &forward.account_id);
    let to = Key { tenant: key.tenant, id: &forward.account_id };
    out.outputs.push(Topic::Events, |b| to.write(b), |b| event.encode(b));
}

/// Puts an event where it belongs. An event from the future happened now.
fn fold(work: &mut Work<'_>, hot: &mut Hot, event: &Event<'_>) -> Result<(), StateError> {
    let at = event.occurred_at.min(work.at.now);
    if let Payload::Link(link) = &event.payload {
        identities::link(work, hot, at, event, link);
        return Ok(());
    }
    hot.first_event_at = Some(hot.first_event_at.map_or(at, |first| first.min(at)));
    match &event.payload {
        Payload::Subscription(s) => billing::subscription(work, hot, at, s)?,
        Payload::Invoice(i) => billing::invoice(work, hot, at, i)?,
        Payload::Ticket(t) => support::ticket(work, hot, at, t)?,
        Payload::Answer(a) => survey::answer(work, hot, at, a)?,
        Payload::Account(traits) => identities::traits(hot, at, traits),
        Payload::User(traits) => users::traits(work, hot, at, event, traits)?,
        Payload::None if plan::is_told(event) => {
            // It was read before it was taken.
            let told = plan::parse(event.properties).unwrap_or_default();
            plan::take(work, hot, at, told);
            history::told(work, at, event);
        }
        Payload::None if actions::is_told(event) => {
            if let Ok(told) = actions::parse(event.properties) {
                actions::take(hot, at, &told);
                history::action(work, at, event, &told);
            }
        }
        Payload::None | Payload::Link(_) => {}
    }
    if event.kind == Kind::Usage { usage::usage(work, hot, at, event) } else { history::event(work, at, event) }
}

/// Usage asks for a new score, but not for each event.
fn usage_came(work: &mut Work<'_>, hot: &mut Hot) -> Result<(), StateError> {
    hot.health.stale = true;
    match hot.health.evaluated_at {
        Some(last) if work.at.now < last + work.config.evaluate_every_ms => Ok(()),
        _ => decide(work, hot, Trigger::Time),
    }
}
