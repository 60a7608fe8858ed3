//! A provisional customer turns out to be an account: its whole state goes there in move records, a forwarding mark stays for what is still on its way.
//!
//! Each record of a move merges on its own: counts add up, users merge by the day, subscriptions, invoices and tickets by their versions.
use super::decide::{Trigger, decide};
use super::{Aggregate, Work, billing, contacts, dedup, history, identities, plan, renewal, support, survey, timers, usage, users};
use crate::alert::incident;
use crate::keys::{self, Tag};
use crate::metrics::Effect;
use crate::poison::{Reason, poison};
use crate::rows::{self, AnswerBook, ForwardRow, Hot, IncidentState, InvoiceRow, RevenueBook, SubscriptionRow, TicketRow, UserRow};
use c360_engine::{Actions, ApplyError, At, State, StateError};
use c360_schemas::{Key, Link, Move, Topic, Wire, provisional_account_id};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// First byte of a move's rows.
const MOVE_VERSION: u8 = 1;
/// Bytes after which a move goes on in another record.
const MOVE_BYTES_MAX: usize = 512 * 1024;

/// One row on its way: what stands behind the account in its key, and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MoveRow {
    tag: u8,
    id: Vec<u8>,
    value: Vec<u8>,
}

/// A row that arrived.
enum Arrived {
    Hot(Box<Hot>),
    User(Vec<u8>, UserRow),
    Subscription(String, SubscriptionRow),
    Invoice(String, InvoiceRow),
    Ticket(String, TicketRow),
    Answers(AnswerBook),
    Revenue(RevenueBook),
    Mark(Vec<u8>, Vec<u8>),
}

impl Aggregate {
    /// *resolve* says whose a provisional customer is (or not any more).
    pub(super) fn claim(
        &mut self,
        at: At,
        key: Key<'_>,
        key_bytes: &[u8],
        link: &Link<'_>,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), ApplyError> {
        let forward_key = keys::own(Tag::Forward, key_bytes);
        let own = key.id == provisional_account_id(link.kind, link.id);
        let before: Option<ForwardRow> = rows::load(state, &forward_key)?;
        if before.is_some_and(|before| before.own && !own) {
            // Its own foreign id is linked: that of another one of its events does not say more.
            return Ok(());
        }
        let Some(account_id) = link.account_id else {
            state.delete(forward_key);
            return Ok(());
        };
        if account_id.is_empty() || account_id.starts_with('~') {
            return Err(poison(Reason::Incomplete, "a provisional customer cannot move to a provisional customer"));
        }
        rows::store(state, forward_key, &ForwardRow { account_id: account_id.into(), own })?;
        if self.accounts.get(&keys::own(Tag::Hot, key_bytes), state)?.is_some() {
            self.move_out(at, key, key_bytes, account_id, state, out)?;
        }
        Ok(())
    }

    fn move_out(
        &mut self,
        at: At,
        key: Key<'_>,
        key_bytes: &[u8],
        account_id: &str,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), StateError> {
        let (mut work, hot) = self.open(at, key, key_bytes, state, out)?;
        if let Some(due) = hot.timer.take() {
            work.state.cancel_timer(due, &[&[timers::ACCOUNT], key_bytes].concat());
        }
        let value = rows::encode(hot)?;
        incident::end_silently(&mut work, hot);
        let mut leaving = vec![MoveRow { tag: Tag::Hot as u8, id: Vec::new(), value }];
        self.users.settle(state)?;
        self.marks.settle(state);
        for tag in Tag::PARTS {
            collect(state, tag as u8, &keys::prefix(tag, key_bytes), usize::MAX, &mut leaving)?;
        }
        for row in leaving.iter().skip(1) {
            self.users.remove(&[&keys::prefix_of_byte(row.tag, key_bytes), row.id.as_slice()].concat(), state);
        }
        for tag in [Tag::AnswerBook, Tag::Revenue] {
            let book = keys::own(tag, key_bytes);
            leaving.extend(state.get(&book)?.map(|value| MoveRow { tag: tag as u8, id: Vec::new(), value }));
            state.delete(book);
        }
        let marks_from = leaving.len();
        collect(state, Tag::Mark as u8, &dedup::mark_prefix(key_bytes), dedup::MARKS_MOVED_MAX, &mut leaving)?;
        for mark in leaving.iter().skip(marks_from) {
            state.delete([dedup::mark_prefix(key_bytes).as_slice(), &mark.id].concat());
        }
        state.delete(keys::own(Tag::TicketBook, key_bytes));
        self.accounts.remove(&keys::own(Tag::Hot, key_bytes), state);
        push_moves(key, account_id, &leaving, self.config.move_rows_max, out)?;
        out.outputs.push(Topic::Profiles, |b| key.write(b), |_| ());
        Ok(())
    }

    /// Takes in what comes from a provisional customer.
    pub(super) fn take_move(
        &mut self,
        at: At,
        key: Key<'_>,
        key_bytes: &[u8],
        moved: &Move,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), ApplyError> {
        let arrived = parse(&moved.rows).map_err(|error| poison(Reason::Undecodable, format!("a move's rows: {error}")))?;
        self.start_sweep(at, state)?;
        let (mut work, hot) = self.open(at, key, key_bytes, state, out)?;
        let mut spoken = false;
        for row in arrived {
            if let Arrived::Hot(from) = &row {
                spoken = from.health.incidents.iter().any(|i| i.state == IncidentState::Open);
                history::merged(&mut work, hot, &moved.from_account);
            }
            merge(&mut work, hot, row)?;
        }
        // What was said of the provisional customer may be said of the account; nothing else of the past.
        hot.health.quiet |= !spoken;
        decide(&mut work, hot, Trigger::Time)?;
        renewal::advance(&mut work, hot);
        timers::schedule(&mut work, hot);
        Ok(())
    }
}

fn collect(state: &State, tag: u8, prefix: &[u8], most: usize, rows: &mut Vec<MoveRow>) -> Result<(), StateError> {
    let start = rows.len();
    state.scan(prefix, &mut |key, value| {
        if rows.len() - start >= most {
            return ControlFlow::Break(());
        }
        rows.push(MoveRow { tag, id: key.get(prefix.len()..).unwrap_or_default().to_vec(), value: value.to_vec() });
        ControlFlow::Continue(())
    })
}

fn push_moves(key: Key<'_>, account_id: &str, rows: &[MoveRow], rows_max: usize, out: &mut Actions<Effect>) -> Result<(), StateError> {
    let mut rest = rows;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(rows_max.max(1)).take_while(|row| {
            let first = bytes == 0;
            bytes += row.id.len() + row.value.len() + 8;
            first || bytes <= MOVE_BYTES_MAX
        });
        let (now, later) = rest.split_at(fits.count());
        rest = later;
        let rows =
            postcard::to_extend(now, vec![MOVE_VERSION]).map_err(|error| StateError(format!("a move could not be written: {error}")))?;
        let record = Move { tenant: key.tenant.into(), from_account: key.id.into(), to_account: account_id.into(), rows };
        let to = Key { tenant: key.tenant, id: account_id };
        out.outputs.push(Topic::Events, |b| to.write(b), |b| record.encode(b));
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<Vec<Arrived>, StateError> {
    let broken = |what: &str| StateError(what.to_owned());
    let rows: Vec<MoveRow> = match bytes.split_first() {
        Some((&MOVE_VERSION, rest)) => postcard::from_bytes(rest).map_err(|error| StateError(error.to_string()))?,
        _ => return Err(broken("not a version that is known")),
    };
    let text = |id: Vec<u8>| String::from_utf8(id).map_err(|_| broken("an id is not text"));
    rows.into_iter()
        .map(|row| {
            Ok(match Tag::of(row.tag) {
                Some(Tag::Hot) => Arrived::Hot(Box::new(rows::decode(&row.value)?)),
                Some(Tag::User) => Arrived::User(row.id, rows::decode(&row.value)?),
                Some(Tag::Subscription) => Arrived::Subscription(text(row.id)?, rows::decode(&row.value)?),
                Some(Tag::Invoice) => Arrived::Invoice(text(row.id)?, rows::decode(&row.value)?),
                Some(Tag::Ticket) => Arrived::Ticket(text(row.id)?, rows::decode(&row.value)?),
                Some(Tag::AnswerBook) => Arrived::Answers(rows::decode(&row.value)?),
                Some(Tag::Revenue) => Arrived::Revenue(rows::decode(&row.value)?),
                Some(Tag::Mark) => Arrived::Mark(row.id, row.value),
                _ => return Err(broken("a row of no kind that moves")),
            })
        })
        .collect()
}

fn merge(work: &mut Work<'_>, hot: &mut Hot, row: Arrived) -> Result<(), StateError> {
    match row {
        Arrived::Hot(from) => {
            merge_hot(work, hot, &from);
            Ok(())
        }
        Arrived::User(id, row) => users::take(work, hot, &id, &row),
        Arrived::Subscription(id, row) => billing::take_subscription(work, hot, &id, row),
        Arrived::Invoice(id, row) => billing::take_invoice(work, hot, &id, row),
        Arrived::Ticket(id, row) => support::take(work, hot, &id, row),
        Arrived::Answers(book) => survey::take(work, hot, book.answers),
        Arrived::Revenue(book) => billing::take_revenue(work, hot, book),
        Arrived::Mark(id, day) => {
            // One that was set here since the rows were written is written after this, and so holds.
            let key = [dedup::mark_prefix(work.key_bytes).as_slice(), &id].concat();
            if work.state.get(&key)?.is_none() {
                work.state.put(key, day);
            }
            Ok(())
        }
    }
}

/// What the hot row alone has; the rest of it follows from the other rows.
fn merge_hot(work: &mut Work<'_>, hot: &mut Hot, from: &Hot) {
    usage::merge(hot, from, work.today, work.config.features_max);
    hot.traits.merge(&from.traits);
    hot.first_event_at = [hot.first_event_at, from.first_event_at].into_iter().flatten().min();
    hot.billing.first_paid_start = [hot.billing.first_paid_start, from.billing.first_paid_start].into_iter().flatten().min();
    for contact in &from.contacts {
        contacts::add(hot, contact, work.config.contacts_max);
    }
    plan::merge(hot, from);
    for identity in &from.identities {
        identities::add(hot, identity.clone(), work.config.identities_max);
    }
}
