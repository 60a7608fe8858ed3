//! The made-up company as a whole, over a year and a bit.
use super::calendar::{DAY_MS, day_of, weekday};
use super::company::{Company, Settings, YEAR_DAYS};
use super::happening::{Happening, InvoiceNews, SubscriptionNews, What};
use super::story::Story;
use super::tickets::{TicketStatus, TicketStep};
use jiff::civil::date;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

const SETTINGS: Settings = Settings { seed: 42, accounts: 320, events_a_day: 5.0, first_day: 20_780 };

/// A year of the company with the demo's settings, told once for all tests.
struct Year {
    company: Company,
    days: Vec<Vec<Happening>>,
    stories: HashSet<Story>,
}

fn year() -> &'static Year {
    static YEAR: OnceLock<Year> = OnceLock::new();
    YEAR.get_or_init(|| {
        let mut company = Company::new(SETTINGS);
        let (mut days, mut stories) = (vec![], HashSet::new());
        for _ in 0..YEAR_DAYS {
            days.push(company.day());
            stories.extend(company.accounts().iter().map(super::account::Account::story));
        }
        Year { company, days, stories }
    })
}

fn all() -> impl Iterator<Item = &'static Happening> {
    year().days.iter().flatten()
}

fn usage(happenings: &[Happening]) -> usize {
    happenings.iter().filter(|h| h.what.is_usage()).count()
}

#[test]
fn the_same_seed_tells_the_same_days_and_another_seed_other_ones() {
    let tell = |seed| {
        let mut company = Company::new(Settings { seed, accounts: 40, ..SETTINGS });
        (0..60).flat_map(|_| company.day()).collect::<Vec<_>>()
    };
    assert_eq!(tell(1), tell(1));
    assert_ne!(tell(1), tell(2));
}

#[test]
fn every_story_is_lived_through_within_the_year() {
    for story in [
        Story::Steady,
        Story::Growing,
        Story::DeclineAndLeave,
        Story::DeclineAndReturn,
        Story::ChampionGoneAndLeave,
        Story::ChampionGoneAndReturn,
        Story::StalledAndLeave,
        Story::StalledAndReturn,
        Story::PaymentsRecover,
        Story::PaymentsLost,
        Story::SupportAndLeave,
        Story::SupportAndReturn,
        Story::SuddenChurn,
    ] {
        assert!(year().stories.contains(&story), "{story:?} does not occur");
    }
}

#[test]
fn every_kind_of_fact_occurs_within_the_year() {
    let count = |is: fn(&What) -> bool| all().filter(|h| is(&h.what)).count();
    let facts: [(&str, usize, usize); 14] = [
        ("arrived", count(|w| matches!(w, What::Arrived { .. })), 320),
        ("seats changed", count(|w| matches!(w, What::Changed { .. })), 30),
        ("joined", count(|w| matches!(w, What::Joined { .. })), 2_000),
        ("answers", count(|w| matches!(w, What::Answered { .. })), 2_000),
        ("detractors", count(|w| matches!(w, What::Answered { score: ..=6, .. })), 100),
        ("promoters", count(|w| matches!(w, What::Answered { score: 9.., .. })), 500),
        (
            "cancellations scheduled",
            count(|w| matches!(w, What::Billed { subscription, .. } if subscription.ending.is_some() && subscription.ended_at.is_none())),
            8,
        ),
        ("ended", count(|w| matches!(w, What::Billed { news: SubscriptionNews::Deleted, .. })), 15),
        ("paid", count(|w| matches!(w, What::Invoiced { news: InvoiceNews::Paid, .. })), 1_000),
        (
            "first failures",
            count(|w| matches!(w, What::Invoiced { news: InvoiceNews::PaymentFailed, invoice } if invoice.attempts == 1)),
            8,
        ),
        (
            "last failures",
            count(|w| matches!(w, What::Invoiced { news: InvoiceNews::PaymentFailed, invoice } if invoice.next_attempt_at.is_none())),
            4,
        ),
        ("recovered", count(|w| matches!(w, What::Invoiced { news: InvoiceNews::Paid, invoice } if invoice.attempts > 1)), 4),
        ("tickets reopened", count(|w| matches!(w, What::Asked { step: TicketStep::Reopened, .. })), 100),
        ("tickets urgent", count(|w| matches!(w, What::Asked { step: TicketStep::Opened, ticket } if ticket.urgent)), 100),
    ];
    for (fact, found, least) in facts {
        assert!(found >= least, "{fact}: {found}, fewer than {least}");
    }
}

#[test]
fn a_year_has_as_many_events_as_it_may_and_no_more() {
    let events: usize = year().days.iter().map(|day| usage(day)).sum();
    let hooks = all().filter(|h| matches!(h.what, What::Billed { .. } | What::Invoiced { .. } | What::Asked { .. })).count();
    assert!((400_000..=600_000).contains(&events), "{events} usage events");
    assert!((10_000..=45_000).contains(&hooks), "{hooks} webhooks");
}

#[test]
fn the_company_grows_and_loses_some_of_its_customers() {
    let accounts = year().company.accounts();
    let left = accounts.iter().filter(|a| a.has_left()).count();
    assert_eq!(accounts.len(), 320);
    assert!((25..=80).contains(&left), "{left} of 320 left");
    let before = accounts.iter().filter(|a| a.created_at < SETTINGS.first_day * DAY_MS).count();
    assert!((150..=230).contains(&before), "{before} from before");
}

#[test]
fn weekends_are_quiet() {
    let (mut work, mut rest) = (0, 0);
    for (n, day) in year().days.iter().enumerate() {
        if weekday(SETTINGS.first_day + n as i64) < 5 { work += usage(day) } else { rest += usage(day) }
    }
    assert!(rest * 8 < work, "{rest} events at weekends, {work} on workdays");
}

#[test]
fn the_turn_of_the_year_is_quiet() {
    let on = |month, from: i8| {
        let first = (day_of(date(2026, month, from)) - SETTINGS.first_day).rem_euclid(365) as usize;
        usage(&year().days[first..first + 7].concat())
    };
    assert!(on(12, 25) * 10 < on(12, 4) * 6, "{} and {}", on(12, 25), on(12, 4));
}

#[test]
fn whatever_happens_happens_on_its_day_in_order_and_under_its_own_number() {
    let mut seen: HashMap<usize, HashSet<u64>> = HashMap::new();
    for (n, day) in year().days.iter().enumerate() {
        assert!(day.windows(2).all(|w| w[0].at <= w[1].at));
        for h in day {
            assert_eq!(h.at.div_euclid(DAY_MS), SETTINGS.first_day + n as i64, "{h:?}");
            assert!(seen.entry(h.account).or_default().insert(h.number), "a number came twice: {h:?}");
        }
    }
}

#[test]
fn an_account_arrives_before_anything_else_and_works_no_more_after_its_end() {
    let (mut here, mut ended) = (HashSet::new(), HashMap::new());
    for h in all() {
        match &h.what {
            What::Arrived { .. } => assert!(here.insert(h.account)),
            What::Billed { news: SubscriptionNews::Deleted, .. } => assert_eq!(ended.insert(h.account, h.at), None, "ended twice"),
            What::Asked { .. } => {}
            _ => assert!(ended.get(&h.account).is_none_or(|end| *end >= h.at), "after its end: {h:?}"),
        }
        assert!(here.contains(&h.account), "before it arrived: {h:?}");
    }
}

#[test]
fn tickets_are_solved_in_the_end_but_in_trouble_they_pile_up() {
    let (mut open, mut most): (HashMap<usize, HashSet<u32>>, usize) = Default::default();
    for h in all() {
        let What::Asked { ticket, .. } = &h.what else { continue };
        let tickets = open.entry(h.account).or_default();
        if ticket.status == TicketStatus::Solved {
            tickets.remove(&ticket.number)
        } else {
            tickets.insert(ticket.number)
        };
        most = most.max(tickets.len());
    }
    let now: usize = open.values().map(HashSet::len).sum();
    assert!(most >= 8, "the highest pile was {most}");
    assert!(now < 320, "{now} open at the end");
}

#[test]
fn a_decline_shows_in_use_while_a_sudden_end_does_not() {
    let weeks_before_end = |account: usize, end: i64, from: i64, to: i64| {
        all().filter(|h| h.account == account && h.what.is_usage() && (end - h.at) / DAY_MS >= from && (end - h.at) / DAY_MS < to).count()
            as f64
    };
    let (mut declined, mut sudden) = (vec![], vec![]);
    for account in year().company.accounts() {
        let Some(end) = account.billing.subscription.ended_at else { continue };
        let (last, before) = (weeks_before_end(account.index, end, 1, 29), weeks_before_end(account.index, end, 120, 148));
        if before < 40.0 {
            continue;
        }
        match account.story() {
            Story::DeclineAndLeave => declined.push(last / before),
            Story::SuddenChurn => sudden.push(last / before),
            _ => {}
        }
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    assert!(!declined.is_empty() && mean(&declined) < 0.4, "{declined:?}");
    assert!(!sudden.is_empty() && mean(&sudden) > 0.5, "{sudden:?}");
}

#[test]
fn it_goes_on_after_its_year_and_does_not_grow_for_ever() {
    let mut company = Company::new(Settings { accounts: 20, ..SETTINGS });
    let mut last = 0;
    for _ in 0..3 * YEAR_DAYS {
        last = company.day().len();
    }
    assert!(company.accounts().len() <= 40 && company.accounts().len() > 20);
    assert!(last > 0);
}
