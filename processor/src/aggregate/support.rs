//! Tickets: the states of each in the source's order, and the numbers of the last 90 days from a book that is read only when something of it changes.
use super::Work;
use crate::keys::{self, Tag};
use crate::rows::{
    self, Hot, Priority, PriorityStep, RING_DAYS, Support, TicketBook, TicketLine, TicketRow, TicketStatus, TicketStep, month_of,
};
use crate::time::Calendar;
use c360_engine::StateError;
use c360_schemas::Ticket;

/// States kept of one ticket; past it, those that repeat the one before go first.
const STEPS_MAX: usize = 64;
/// Days of the counts of opened and reopened tickets.
const COUNT_DAYS: i32 = 28;
/// Tickets kept in the book; past it the oldest that are not open go.
const BOOK_MAX: usize = 20_000;
/// Months whose solved tickets are counted.
const SOLVED_MONTHS_MAX: usize = 37;
/// In the order of the numbers by priority.
const PRIORITIES: [Priority; 5] = [Priority::None, Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
/// Priorities kept of one ticket.
const PRIORITIES_MAX: usize = 16;

pub(crate) fn ticket(work: &mut Work<'_>, hot: &mut Hot, at: i64, ticket: &Ticket<'_>) -> Result<(), StateError> {
    let step = TicketStep { version: ticket.version, at, status: TicketStatus::parse(ticket.status) };
    let new = TicketRow {
        created_at: ticket.created_at,
        first_seen_at: Some(at),
        first_reply_at: ticket.replied_at,
        steps: vec![step],
        priorities: ticket
            .priority
            .map(|priority| PriorityStep { version: ticket.version, at, priority: Priority::parse(priority) })
            .into_iter()
            .collect(),
        solved_month: None,
    };
    take(work, hot, ticket.id, new)
}

/// Takes a ticket's row in, from an event or a move.
pub(crate) fn take(work: &mut Work<'_>, hot: &mut Hot, id: &str, new: TicketRow) -> Result<(), StateError> {
    let key = keys::part(Tag::Ticket, work.key_bytes, id.as_bytes());
    // One that comes with a move was counted where it was.
    let new = TicketRow { solved_month: None, ..new };
    let mut row = match rows::load::<TicketRow>(work.state, &key)? {
        Some(old) => merge(old, new),
        None => new,
    };
    let book_key = keys::own(Tag::TicketBook, work.key_bytes);
    let mut book: TicketBook = rows::load(work.state, &book_key)?.unwrap_or_default();
    let line = line_of(crate::hash::short(id.as_bytes()), hot.calendar, &row);
    // The month in which it was solved for the last time.
    let solved_at = line.resolution_s.map(|s| line.created_at.saturating_add(s * 1000));
    let month = solved_at.map(|at| month_of(hot.calendar.day_of(at)));
    match book.tickets.binary_search_by_key(&line.id, |l| l.id) {
        Ok(index) => book.tickets[index] = line,
        Err(index) => book.tickets.insert(index, line),
    }
    let mut solved = std::mem::take(&mut hot.support.solved);
    count_solved(&mut solved, row.solved_month, month);
    row.solved_month = month;
    hot.support = Support { solved, ..numbers(&mut book, hot.calendar, work.today) };
    rows::store(work.state, book_key, &book)?;
    rows::store(work.state, key, &row)
}

/// Counts a solved ticket in another month than before.
fn count_solved(solved: &mut Vec<(i32, u32)>, before: Option<i32>, after: Option<i32>) {
    if before == after {
        return;
    }
    if let Some(index) = before.and_then(|before| solved.iter().position(|(month, _)| *month == before)) {
        solved[index].1 = solved[index].1.saturating_sub(1);
    }
    if let Some(after) = after {
        match solved.binary_search_by_key(&after, |(month, _)| *month) {
            Ok(index) => solved[index].1 += 1,
            Err(index) => solved.insert(index, (after, 1)),
        }
        if solved.len() > SOLVED_MONTHS_MAX {
            solved.remove(0);
        }
    }
}

/// Windows move on: the numbers anew, as of today.
pub(crate) fn age(work: &mut Work<'_>, hot: &mut Hot) -> Result<(), StateError> {
    if !hot.support.known {
        return Ok(());
    }
    let book_key = keys::own(Tag::TicketBook, work.key_bytes);
    let Some(mut book) = rows::load::<TicketBook>(work.state, &book_key)? else { return Ok(()) };
    let before = book.tickets.len();
    let solved = std::mem::take(&mut hot.support.solved);
    hot.support = Support { solved, ..numbers(&mut book, hot.calendar, work.today) };
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
    let mut priorities = [a.priorities, b.priorities].concat();
    priorities.sort_unstable();
    // What only repeats the one before says nothing, wherever it stands; of one version the greater holds.
    priorities.dedup_by(|next, before| {
        next.version == before.version && {
            *before = *next;
            true
        }
    });
    if priorities.len() > PRIORITIES_MAX {
        let again = priorities.windows(2).position(|pair| pair[0].priority == pair[1].priority);
        priorities.remove(again.map_or(0, |index| index + 1));
    }
    TicketRow {
        created_at: earliest(a.created_at, b.created_at),
        first_seen_at: earliest(a.first_seen_at, b.first_seen_at),
        first_reply_at: earliest(a.first_reply_at, b.first_reply_at),
        steps,
        priorities,
        solved_month: a.solved_month.or(b.solved_month),
    }
}

/// What the numbers need of a ticket: its states read in the source's order.
fn line_of(id: u64, calendar: Calendar, row: &TicketRow) -> TicketLine {
    let created_at = row.created_at.or(row.first_seen_at).unwrap_or(0);
    let seconds = |at: i64| (at.saturating_sub(created_at) / 1000).max(0);
    let reopened = row.steps.windows(2).filter(|w| !w[0].status.open() && w[1].status.open() && w[0].status != TicketStatus::Deleted);
    let escalated = row.priorities.windows(2).filter(|w| w[1].priority >= Priority::High && w[1].priority > w[0].priority);
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
        priority: row.priorities.last().map(|step| step.priority).unwrap_or_default(),
        first_reply_s: row.first_reply_at.map(seconds).filter(|_| !deleted),
        resolution_s: solved_at.map(seconds).filter(|_| !deleted),
        reopened_days: reopened.map(|w| calendar.day_of(w[1].at)).collect(),
        escalated_days: escalated.map(|w| calendar.day_of(w[1].at)).collect(),
    }
}

/// Drops what no number needs any more, and takes the numbers.
fn numbers(book: &mut TicketBook, calendar: Calendar, today: i32) -> Support {
    let recent = |day: i32, days: i32| day > today - days;
    let tickets = &mut book.tickets;
    tickets.retain(|t| {
        t.open
            || recent(calendar.day_of(t.created_at), RING_DAYS)
            || t.reopened_days.iter().chain(&t.escalated_days).any(|day| recent(*day, COUNT_DAYS))
    });
    if tickets.len() > BOOK_MAX
        && let Some(oldest) = tickets.iter().enumerate().min_by_key(|(_, t)| (t.open, t.created_at)).map(|(index, _)| index)
    {
        tickets.remove(oldest);
    }
    let window = || tickets.iter().filter(|t| recent(calendar.day_of(t.created_at), RING_DAYS));
    let open = || tickets.iter().filter(|t| t.open);
    let reopened = tickets.iter().flat_map(|t| &t.reopened_days).filter(|day| recent(**day, COUNT_DAYS));
    let escalated = tickets.iter().flat_map(|t| &t.escalated_days).filter(|day| recent(**day, COUNT_DAYS));
    let mut open_by_priority = [0; 5];
    for ticket in open() {
        open_by_priority[ticket.priority as usize] += 1;
    }
    let waited = |t: &TicketLine| (t.resolution_s.unwrap_or_else(|| ((calendar.day_start(today) - t.created_at) / 1000).max(0)), t.open);
    Support {
        known: !tickets.is_empty(),
        open: open().count() as u32,
        open_by_priority,
        unanswered: open().filter(|t| t.first_reply_s.is_none()).count() as u32,
        escalated_28d: escalated.count() as u32,
        median_open_created_at: median(open().map(|t| t.created_at).collect()),
        resolution_s_median_censored: censored_median(window().filter(|t| t.open || t.resolution_s.is_some()).map(waited).collect()),
        solved: Vec::new(),
        oldest_open_at: open().map(|t| t.created_at).min(),
        opened_28d: tickets.iter().filter(|t| recent(calendar.day_of(t.created_at), COUNT_DAYS)).count() as u32,
        reopened_28d: reopened.count() as u32,
        first_reply_s_by_priority: PRIORITIES
            .map(|p| median(window().filter(|t| t.priority == p).filter_map(|t| t.first_reply_s).collect())),
        resolution_s_by_priority: PRIORITIES.map(|p| median(window().filter(|t| t.priority == p).filter_map(|t| t.resolution_s).collect())),
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

/// The time by which half are over, where some are not yet (seconds, still going on): the median of the product-limit estimate (Kaplan and Meier 1958). `None` where fewer than half would be.
fn censored_median(mut times: Vec<(i64, bool)>) -> Option<i64> {
    // At one moment those that ended come before those that were still going on.
    times.sort_unstable();
    let mut left = times.len();
    let mut going_on = 1.0_f64;
    for (seconds, open) in times {
        if !open {
            going_on *= (left - 1) as f64 / left as f64;
            if going_on <= 0.5 + f64::EPSILON {
                return Some(seconds);
            }
        }
        left -= 1;
    }
    None
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
            let line = line_of(1, Calendar::default(), &row);
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
        let line = line_of(1, Calendar::default(), &row);
        assert_eq!((line.open, line.resolution_s), (true, None));
    }

    #[test]
    fn open_tickets_count_as_at_least_so_long() {
        for (times, expected) in [
            (vec![], None),
            (vec![(5, false)], Some(5)),
            (vec![(1, false), (2, false), (3, false)], Some(2)),
            // Two of four are open for long: half are over only with the second of those that ended.
            (vec![(1, false), (2, false), (9, true), (9, true)], Some(2)),
            (vec![(1, false), (9, true), (9, true)], None),
            // Worked by hand: 4/5 after 1, one leaves at 2, 4/5 x 2/3 after 3, 4/5 x 1/3 after 4.
            (vec![(1, false), (2, true), (3, false), (4, false), (5, true)], Some(4)),
        ] {
            assert_eq!(censored_median(times.clone()), expected, "{times:?}");
        }
    }

    #[test]
    fn a_raised_priority_is_an_escalation_in_whatever_order_it_is_told() {
        let told = [(1, Priority::Normal), (2, Priority::High), (3, Priority::High), (4, Priority::Low), (6, Priority::Urgent)];
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]] {
            let row = |i: usize| TicketRow {
                created_at: Some(0),
                steps: vec![step(told[i].0, TicketStatus::Open)],
                priorities: vec![PriorityStep { version: told[i].0, at: told[i].0 * DAY_MS, priority: told[i].1 }],
                ..TicketRow::default()
            };
            let line = line_of(1, Calendar::default(), &order.map(row).into_iter().reduce(merge).unwrap());
            assert_eq!((line.priority, line.escalated_days), (Priority::Urgent, vec![2, 6]), "{order:?}");
        }
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
        let support = numbers(&mut book, Calendar::default(), 100);
        assert_eq!(book.tickets.iter().map(|t| t.id).collect::<Vec<_>>(), [1, 3, 4, 5]);
        assert_eq!((support.open, support.oldest_open_at, support.opened_28d), (1, Some(0), 1));
    }
}
