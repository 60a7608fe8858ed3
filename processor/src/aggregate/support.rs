//! Tickets: the states of each in the source's order, and the numbers of the last 90 days from a book that is read only when something of it changes.
use super::Work;
use crate::keys::{self, Tag};
use crate::rows::{self, Hot, RING_DAYS, Support, TicketBook, TicketLine, TicketRow, TicketStatus, TicketStep};
use crate::time::day_of;
use c360_engine::StateError;
use c360_schemas::Ticket;

/// States kept of one ticket; past it, those that repeat the one before go first.
const STEPS_MAX: usize = 64;
/// Days of the counts of opened and reopened tickets.
const COUNT_DAYS: i32 = 28;
/// Tickets kept in the book; past it the oldest that are not open go.
const BOOK_MAX: usize = 20_000;

pub(crate) fn ticket(work: &mut Work<'_>, hot: &mut Hot, at: i64, ticket: &Ticket<'_>) -> Result<(), StateError> {
    let step = TicketStep { version: ticket.version, at, status: TicketStatus::parse(ticket.status) };
    let new = TicketRow {
        created_at: ticket.created_at,
        first_seen_at: Some(at),
        first_reply_at: ticket.replied_at,
        steps: vec![step],
        priority_version: ticket.priority.map(|_| ticket.version),
        urgent: ticket.priority == Some("urgent"),
    };
    take(work, hot, ticket.id, new)
}

/// Takes a ticket's row in, from an event or a move.
pub(crate) fn take(work: &mut Work<'_>, hot: &mut Hot, id: &str, new: TicketRow) -> Result<(), StateError> {
    let key = keys::part(Tag::Ticket, work.key_bytes, id.as_bytes());
    let row = match rows::load::<TicketRow>(work.state, &key)? {
        Some(old) => merge(old, new),
        None => new,
    };
    let book_key = keys::own(Tag::TicketBook, work.key_bytes);
    let mut book: TicketBook = rows::load(work.state, &book_key)?.unwrap_or_default();
    let line = line_of(crate::hash::short(id.as_bytes()), &row);
    match book.tickets.binary_search_by_key(&line.id, |l| l.id) {
        Ok(index) => book.tickets[index] = line,
        Err(index) => book.tickets.insert(index, line),
    }
    hot.support = numbers(&mut book, work.today);
    rows::store(work.state, book_key, &book)?;
    rows::store(work.state, key, &row)
}

/// Windows move on: the numbers anew, as of today.
pub(crate) fn age(work: &mut Work<'_>, hot: &mut Hot) -> Result<(), StateError> {
    if !hot.support.known {
        return Ok(());
    }
    let book_key = keys::own(Tag::TicketBook, work.key_bytes);
    let Some(mut book) = rows::load::<TicketBook>(work.state, &book_key)? else { return Ok(()) };
    let before = book.tickets.len();
    hot.support = numbers(&mut book, work.today);
    if book.tickets.len() != before { rows::store(work.state, book_key, &book) } else { Ok(()) }
}

fn merge(a: TicketRow, b: TicketRow) -> TicketRow {
    let earliest = |a: Option<i64>, b: Option<i64>| [a, b].into_iter().flatten().min();
    let mut steps = [a.steps, b.steps].concat();
    steps.sort_unstable();
    steps.dedup();
    while steps.len() > STEPS_MAX {
        let again = steps.windows(3).position(|w| w[0].status.open() == w[1].status.open() && w[1].status.open() == w[2].status.open());
        steps.remove(again.map_or(0, |index| index + 1));
    }
    let (priority_version, urgent) = (a.priority_version, a.urgent).max((b.priority_version, b.urgent));
    TicketRow {
        created_at: earliest(a.created_at, b.created_at),
        first_seen_at: earliest(a.first_seen_at, b.first_seen_at),
        first_reply_at: earliest(a.first_reply_at, b.first_reply_at),
        steps,
        priority_version,
        urgent,
    }
}

/// What the numbers need of a ticket: its states read in the source's order.
fn line_of(id: u64, row: &TicketRow) -> TicketLine {
    let created_at = row.created_at.or(row.first_seen_at).unwrap_or(0);
    let seconds = |at: i64| (at.saturating_sub(created_at) / 1000).max(0);
    let reopened = row.steps.windows(2).filter(|w| !w[0].status.open() && w[1].status.open() && w[0].status != TicketStatus::Deleted);
    // Solved is when it was solved for the last time, and not when it was closed after that.
    let mut solved_at = None;
    for step in &row.steps {
        solved_at = if step.status.open() { None } else { solved_at.or(Some(step.at)) };
    }
    let status = row.steps.last().map(|step| step.status).unwrap_or_default();
    let deleted = status == TicketStatus::Deleted;
    TicketLine {
        id,
        created_at,
        open: status.open(),
        urgent: row.urgent,
        first_reply_s: row.first_reply_at.map(seconds).filter(|_| !deleted),
        resolution_s: solved_at.map(seconds).filter(|_| !deleted),
        reopened_days: reopened.map(|w| day_of(w[1].at)).collect(),
    }
}

/// Drops what no number needs any more, and takes the numbers.
fn numbers(book: &mut TicketBook, today: i32) -> Support {
    let recent = |day: i32, days: i32| day > today - days;
    let tickets = &mut book.tickets;
    tickets.retain(|t| t.open || recent(day_of(t.created_at), RING_DAYS) || t.reopened_days.iter().any(|day| recent(*day, COUNT_DAYS)));
    if tickets.len() > BOOK_MAX
        && let Some(oldest) = tickets.iter().enumerate().min_by_key(|(_, t)| (t.open, t.created_at)).map(|(index, _)| index)
    {
        tickets.remove(oldest);
    }
    let window = || tickets.iter().filter(|t| recent(day_of(t.created_at), RING_DAYS));
    let open = || tickets.iter().filter(|t| t.open);
    let reopened = tickets.iter().flat_map(|t| &t.reopened_days).filter(|day| recent(**day, COUNT_DAYS));
    Support {
        known: !tickets.is_empty(),
        open: open().count() as u32,
        urgent_open: open().filter(|t| t.urgent).count() as u32,
        oldest_open_at: open().map(|t| t.created_at).min(),
        opened_28d: tickets.iter().filter(|t| recent(day_of(t.created_at), COUNT_DAYS)).count() as u32,
        reopened_28d: reopened.count() as u32,
        first_reply_s_median: median(window().filter_map(|t| t.first_reply_s).collect()),
        resolution_s_median: median(window().filter_map(|t| t.resolution_s).collect()),
    }
}

/// The middle one; of an even number the mean of the two, rounded down.
fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let half = values.len() / 2;
    let (upper, lower) = (*values.get(half)?, values[half.saturating_sub(1)]);
    Some(if values.len() % 2 == 1 { upper } else { lower + (upper - lower) / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_MS;

    fn step(version: i64, status: TicketStatus) -> TicketStep {
        TicketStep { version, at: version * DAY_MS, status }
    }

    #[test]
    fn states_count_in_the_sources_order_whatever_order_they_came_in() {
        use TicketStatus::{Closed, Open, Solved};
        let told = [step(1, Open), step(3, Solved), step(5, Open), step(8, Solved), step(9, Closed)];
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]] {
            let rows = order.map(|i| TicketRow { created_at: Some(0), steps: vec![told[i]], ..TicketRow::default() });
            let row = rows.into_iter().reduce(merge).unwrap();
            let line = line_of(1, &row);
            assert_eq!(
                (line.open, line.reopened_days.as_slice(), line.resolution_s),
                (false, [5].as_slice(), Some(8 * 86_400)),
                "{order:?}"
            );
        }
    }

    #[test]
    fn a_reopened_ticket_is_open_and_not_solved() {
        let row = TicketRow {
            created_at: Some(0),
            steps: vec![step(1, TicketStatus::Solved), step(2, TicketStatus::Open)],
            ..TicketRow::default()
        };
        let line = line_of(1, &row);
        assert_eq!((line.open, line.resolution_s), (true, None));
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        for (values, expected) in
            [(vec![], None), (vec![5], Some(5)), (vec![9, 1, 5], Some(5)), (vec![1, 2, 8, 10], Some(5)), (vec![1, 2], Some(1))]
        {
            assert_eq!(median(values), expected);
        }
    }

    #[test]
    fn windows_let_go_of_old_tickets_but_never_of_open_ones() {
        let ticket = |id, day: i64, open| TicketLine {
            id,
            created_at: day * DAY_MS,
            open,
            resolution_s: (!open).then_some(60),
            ..TicketLine::default()
        };
        let mut book = TicketBook {
            tickets: vec![ticket(1, 0, true), ticket(2, 10, false), ticket(3, 11, false), ticket(4, 72, false), ticket(5, 73, false)],
        };
        let support = numbers(&mut book, 100);
        assert_eq!(book.tickets.iter().map(|t| t.id).collect::<Vec<_>>(), [1, 3, 4, 5]);
        assert_eq!((support.open, support.oldest_open_at, support.opened_28d), (1, Some(0), 1));
    }
}
