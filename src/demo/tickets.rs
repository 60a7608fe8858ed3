//! A customer's tickets: each is told from its opening to its end when it is opened, and then happens when its time comes.
use super::calendar::HOUR_MS;
use super::chance::Dice;
use super::words::{SUBJECTS, URGENT_SUBJECTS};

/// What happens to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketStep {
    Opened,
    AgentReplied,
    CustomerReplied,
    Escalated,
    Solved,
    Reopened,
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketStatus {
    New,
    Open,
    Pending,
    Solved,
}

impl TicketStatus {
    /// As the help desk calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            TicketStatus::New => "NEW",
            TicketStatus::Open => "OPEN",
            TicketStatus::Pending => "PENDING",
            TicketStatus::Solved => "SOLVED",
        }
    }
}

/// A ticket after a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticket {
    /// From 1, within the customer.
    pub(crate) number: u32,
    pub(crate) person: u32,
    pub(crate) subject: &'static str,
    pub(crate) urgent: bool,
    pub(crate) status: TicketStatus,
    pub(crate) status_before: TicketStatus,
    pub(crate) opened_at: i64,
}

/// Everything that will happen to a new ticket, in order. `slowness` from 0 (helped within the day) to 1 (not for weeks); `urgent` from the start.
pub(crate) fn tell(number: u32, person: u32, at: i64, urgent: bool, slowness: f64, dice: &mut Dice) -> Vec<(i64, TicketStep, Ticket)> {
    let subject = if urgent { dice.pick(&URGENT_SUBJECTS) } else { dice.pick(&SUBJECTS) };
    let mut ticket = Ticket { number, person, subject, urgent, status: TicketStatus::New, status_before: TicketStatus::New, opened_at: at };
    let mut told = vec![(at, TicketStep::Opened, ticket.clone())];
    let mut now = at;
    let mut step = |now: i64, step: TicketStep, status: TicketStatus| {
        ticket.status_before = ticket.status;
        ticket.status = status;
        ticket.urgent |= step == TicketStep::Escalated;
        told.push((now, step, ticket.clone()));
    };
    now += hours(dice, 0.5 + 60.0 * slowness, 7.0 + 90.0 * slowness);
    step(now, TicketStep::AgentReplied, TicketStatus::Pending);
    if dice.chance(0.5) {
        now += hours(dice, 1.0, 20.0);
        step(now, TicketStep::CustomerReplied, TicketStatus::Open);
    }
    if !urgent && dice.chance(0.02 + 0.4 * slowness) {
        now += hours(dice, 12.0, 48.0);
        step(now, TicketStep::Escalated, TicketStatus::Open);
    }
    now += hours(dice, 4.0 + 150.0 * slowness, 50.0 + 500.0 * slowness);
    step(now, TicketStep::Solved, TicketStatus::Solved);
    if dice.chance(0.06 + 0.35 * slowness) {
        now += hours(dice, 6.0, 60.0);
        step(now, TicketStep::Reopened, TicketStatus::Open);
        now += hours(dice, 10.0 + 60.0 * slowness, 70.0 + 240.0 * slowness);
        step(now, TicketStep::Solved, TicketStatus::Solved);
    }
    told
}

fn hours(dice: &mut Dice, low: f64, high: f64) -> i64 {
    (dice.between(low, high) * HOUR_MS as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ticket_is_opened_first_and_solved_last_with_time_going_on() {
        for n in 0..300 {
            let mut dice = Dice::new(n, &[]);
            let told = tell(1, 0, 1_000, n % 7 == 0, f64::from((n % 11) as u32) / 10.0, &mut dice);
            assert_eq!(told.first().map(|t| t.1), Some(TicketStep::Opened));
            assert_eq!(told.last().map(|t| (t.1, t.2.status)), Some((TicketStep::Solved, TicketStatus::Solved)));
            assert!(told.windows(2).all(|w| w[0].0 < w[1].0 && w[1].2.status_before == w[0].2.status));
        }
    }

    #[test]
    fn trouble_makes_tickets_slower_and_reopened_more_often() {
        let mean = |slowness: f64| {
            let (mut days, mut reopened) = (0.0, 0);
            for n in 0..400 {
                let told = tell(1, 0, 0, false, slowness, &mut Dice::new(n, &[9]));
                days += told.last().map_or(0.0, |t| t.0 as f64 / (24 * HOUR_MS) as f64) / 400.0;
                reopened += told.iter().filter(|t| t.1 == TicketStep::Reopened).count();
            }
            (days, reopened)
        };
        let ((quick, few), (slow, many)) = (mean(0.0), mean(1.0));
        assert!(quick < 4.0 && slow > 14.0, "{quick} {slow}");
        assert!(many > 3 * few, "{few} {many}");
    }
}
