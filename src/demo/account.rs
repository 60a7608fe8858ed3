//! One customer of the made-up company, and what it does on a day.
use super::billing::{Billing, News};
use super::calendar::{DAY_MS, MINUTE_MS, day_at};
use super::chance::Dice;
use super::happening::{Actor, Happening, What};
use super::rhythm::{Season, has_incident, is_workday, week_factor, work_moment};
use super::story::{Beat, Story};
use super::tickets::{self, Ticket, TicketStep};
use super::words::{self, FEATURES, GRUMBLES, INTEGRATION, OWNERS, PAGES, PRAISE, SHRUGS};

/// Events in a session, on average: a page and some actions.
const EVENTS_A_SESSION: f64 = 2.5;
/// People of a customer who use the product, at most.
const PEOPLE_MAX: u32 = 40;
/// Days that a new customer takes until everyone uses it.
const RAMP_DAYS: i64 = 30;
/// A person answers the survey once in this many days, on average.
const DAYS_AN_ANSWER: f64 = 150.0;
/// Tickets that a customer of eight people opens on a workday, on average.
const TICKETS_A_DAY: f64 = 0.035;

/// What a customer pays a seat for a term, in minor units.
struct Plan {
    name: &'static str,
    term_months: i64,
    seat_price: i64,
    seats: (f64, f64),
}

const PLANS: [Plan; 4] = [
    Plan { name: "Starter", term_months: 1, seat_price: 1_200, seats: (3.0, 12.0) },
    Plan { name: "Team", term_months: 1, seat_price: 2_400, seats: (6.0, 40.0) },
    Plan { name: "Business", term_months: 12, seat_price: 39_000, seats: (15.0, 90.0) },
    Plan { name: "Enterprise", term_months: 12, seat_price: 54_000, seats: (50.0, 240.0) },
];

/// The story that it is in.
#[derive(Clone, Copy, Debug)]
struct Plot {
    story: Story,
    from_day: i64,
    until_day: i64,
}

/// One customer.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) index: usize,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) owner: &'static str,
    /// When it signed up, UTC ms.
    pub(crate) created_at: i64,
    pub(crate) billing: Billing,
    seed: u64,
    arrives_at: i64,
    zone_h: i64,
    season: Season,
    /// Events on a mean day.
    pub(crate) busy: f64,
    usual_mood: f64,
    integrated: bool,
    seats_at_first: i64,
    /// People are `gone..joined`; the first of them is the champion.
    gone: u32,
    joined: u32,
    plot: Plot,
    agenda: Vec<(i64, TicketStep, Ticket)>,
    tickets: u32,
    happened: u64,
}

impl Account {
    /// A customer that signed up at `created_at`, of which the world hears from `arrives_at` on.
    pub(crate) fn new(seed: u64, index: usize, created_at: i64, arrives_at: i64) -> Self {
        let mut dice = Dice::new(seed, &[1, index as u64]);
        let plan = dice.pick(&[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3]);
        let Plan { name: plan, term_months, seat_price, seats } = &PLANS[plan];
        let seats = (seats.0 * (seats.1 / seats.0).powf(dice.unit())).round() as i64;
        let name = words::account_name(index);
        let day = day_at(arrives_at);
        let story = if created_at < arrives_at { Story::Steady } else { Story::first(&mut dice) };
        let days = if created_at < arrives_at { dice.whole(3, 320) } else { story.days(&mut dice) };
        Self {
            index,
            id: format!("acc_{:04}", index + 1),
            domain: words::domain(&name),
            name,
            owner: dice.pick(&OWNERS),
            created_at,
            billing: Billing::new(plan, *term_months, *seat_price, seats, created_at, arrives_at),
            seed,
            arrives_at,
            zone_h: dice.whole(-6, 3),
            season: dice.pick(&[Season::School, Season::Retail, Season::Usual, Season::Usual, Season::Usual, Season::Usual, Season::Usual]),
            busy: ((seats as f64 / 25.0).powf(0.6) * (0.3 * dice.normal()).exp()).clamp(0.45, 4.0),
            usual_mood: if dice.chance(0.1) { dice.between(0.6, 0.75) } else { dice.between(0.82, 0.98) },
            integrated: dice.chance(0.05),
            seats_at_first: seats,
            gone: 0,
            joined: 0,
            plot: Plot { story, from_day: day, until_day: day + days },
            agenda: Vec::new(),
            tickets: 0,
            happened: 0,
        }
    }

    /// The story that it is in now.
    #[cfg(test)]
    pub(crate) fn story(&self) -> Story {
        self.plot.story
    }

    /// Whether it has left.
    pub(crate) fn has_left(&self) -> bool {
        self.billing.subscription.ended_at.is_some()
    }

    /// All that happens on `day`, into `out`, in no order. Days must be told one after the other.
    pub(crate) fn day(&mut self, day: i64, out: &mut Vec<Happening>) {
        let mut dice = Dice::new(self.seed, &[2, self.index as u64, day as u64]);
        let mut news = News::new();
        if day == day_at(self.arrives_at) {
            self.arrive(&mut news);
        }
        if !self.has_left() {
            self.turn_story(day, &mut dice);
            self.join(day, &mut dice, &mut news);
            self.play(day, &mut dice, &mut news);
            self.billing.day(day, &mut news);
            self.work(day, &mut dice, &mut news);
            self.ask(day, &mut dice);
            self.answer(day, &mut dice, &mut news);
        }
        self.follow_tickets(day, &mut news);
        let until = self.billing.subscription.ended_at.unwrap_or(i64::MAX);
        for (at, what) in news {
            // Nobody works before the sign-up, or after the end.
            if at >= self.arrives_at && (at <= until || matches!(what, What::Billed { .. } | What::Asked { .. })) {
                out.push(Happening { at, account: self.index, number: self.happened, what });
                self.happened += 1;
            }
        }
    }

    fn arrive(&mut self, news: &mut News) {
        let at = self.arrives_at;
        news.push((at, What::Arrived { seats: self.billing.subscription.seats }));
        self.billing.open(at + MINUTE_MS, self.is_new(), news);
    }

    /// Whether it signed up while we watched.
    fn is_new(&self) -> bool {
        self.created_at == self.arrives_at
    }

    /// Goes on to the next story when this one is over; whoever is leaving stays in its last.
    fn turn_story(&mut self, day: i64, dice: &mut Dice) {
        if day < self.plot.until_day || self.billing.subscription.ending.is_some() {
            return;
        }
        let story = match self.plot.story {
            Story::Steady => Story::next(self.billing.subscription.term_months == 1, dice),
            _ => Story::Steady,
        };
        self.plot = Plot { story, from_day: day, until_day: day + story.days(dice) };
    }

    /// People join until all who have work with it are there.
    fn join(&mut self, day: i64, dice: &mut Dice, news: &mut News) {
        let all = ((self.billing.subscription.seats as f64 * 0.6).round() as u32).clamp(2, PEOPLE_MAX);
        let ramp = if self.is_new() { self.ramp(day) * self.plot.story.usage(day - self.plot.from_day).min(1.0) } else { 1.0 };
        let target = self.gone + ((f64::from(all) * ramp).round() as u32).clamp(2, PEOPLE_MAX);
        while self.joined < target {
            let at = if self.arrives_at / DAY_MS == day { self.arrives_at + MINUTE_MS } else { work_moment(day, self.zone_h, dice) };
            news.push((at, What::Joined { person: self.joined }));
            self.joined += 1;
        }
    }

    /// From a half to all in the first month.
    fn ramp(&self, day: i64) -> f64 {
        let age = (day - day_at(self.created_at)).clamp(0, RAMP_DAYS);
        0.5 + 0.5 * age as f64 / RAMP_DAYS as f64
    }

    /// What its story has it do today.
    fn play(&mut self, day: i64, dice: &mut Dice, news: &mut News) {
        let Some(beat) = self.plot.story.beat(day - self.plot.from_day, dice) else { return };
        let at = work_moment(day, self.zone_h, dice).max(self.arrives_at);
        match beat {
            Beat::ChangeSeats(share) => {
                self.billing.change_seats(share, at, news);
                news.push((at + MINUTE_MS, What::Changed { seats: self.billing.subscription.seats }));
            }
            Beat::ScheduleCancellation { feedback } => self.billing.schedule_cancellation(feedback, at, news),
            Beat::CancelNow { feedback } => self.billing.cancel_now(feedback, at, news),
            Beat::PaymentsFail { recovers_at } => self.billing.payments_fail(recovers_at),
            Beat::ChampionGoes => self.gone += 1,
        }
    }

    /// Sessions of its people, and its integration's nightly work.
    fn work(&self, day: i64, dice: &mut Dice, news: &mut News) {
        if self.integrated {
            for n in 0..2 {
                news.push((day * DAY_MS + (130 + 7 * n) * MINUTE_MS, What::Did { person: Actor::Integration, feature: INTEGRATION }));
            }
        }
        let growth = (self.billing.subscription.seats as f64 / self.seats_at_first as f64).powf(0.8);
        let incident = if has_incident(day) { 0.7 } else { 1.0 };
        let mean = self.busy
            * week_factor(day)
            * self.season.factor(day)
            * self.plot.story.usage(day - self.plot.from_day)
            * self.ramp(day)
            * growth
            * incident
            * (0.2 * dice.normal() - 0.02).exp();
        for _ in 0..dice.poisson(mean / EVENTS_A_SESSION) {
            self.session(day, dice, news);
        }
    }

    fn session(&self, day: i64, dice: &mut Dice, news: &mut News) {
        let person = self.someone(dice);
        let end = (day + 1) * DAY_MS - 1;
        let mut at = work_moment(day, self.zone_h, dice);
        news.push((at, What::Viewed { person, page: often(&PAGES, dice) }));
        for _ in 0..dice.whole(0, 3) {
            at = (at + (dice.between(8.0, 300.0) * 1_000.0) as i64).min(end);
            news.push((at, What::Did { person: Actor::Person(person), feature: often(&FEATURES, dice) }));
        }
    }

    /// One of its people; the first ones, the champion before all, more often.
    fn someone(&self, dice: &mut Dice) -> u32 {
        self.gone + (f64::from(self.joined - self.gone) * dice.unit().powf(1.6)) as u32
    }

    /// New tickets, with all that will happen to them.
    fn ask(&mut self, day: i64, dice: &mut Dice) {
        let (times, slowness) = self.plot.story.trouble(day - self.plot.from_day);
        let people = (f64::from(self.joined - self.gone) / 8.0).clamp(0.5, 3.0);
        let incident = has_incident(day) && dice.chance(0.3);
        let week = if is_workday(day) { 1.0 } else { 0.15 };
        for _ in 0..dice.poisson(TICKETS_A_DAY * people * times * week) + u32::from(incident) {
            let urgent = incident || dice.chance(0.04 + 0.3 * slowness);
            let at = work_moment(day, self.zone_h, dice).max(self.arrives_at);
            self.tickets += 1;
            let person = self.someone(dice);
            self.agenda.extend(tickets::tell(self.tickets, person, at, urgent, slowness, dice));
        }
    }

    /// What happens to its tickets today; those of a customer that left are worked off too.
    fn follow_tickets(&mut self, day: i64, news: &mut News) {
        let end = (day + 1) * DAY_MS;
        news.extend(self.agenda.extract_if(.., |(at, ..)| *at < end).map(|(at, step, ticket)| (at, What::Asked { step, ticket })));
    }

    fn answer(&self, day: i64, dice: &mut Dice, news: &mut News) {
        if !is_workday(day) {
            return;
        }
        let people = f64::from(self.joined - self.gone);
        for _ in 0..dice.poisson(people / DAYS_AN_ANSWER) {
            let mood = self.plot.story.mood(day - self.plot.from_day, self.usual_mood);
            let score = (mood * 10.0 + 1.2 * dice.normal() + 0.2).round().clamp(0.0, 10.0) as u8;
            let words: &[&'static str] = match score {
                9.. => &PRAISE,
                7..=8 => &SHRUGS,
                _ => &GRUMBLES,
            };
            let comment = dice.chance(0.6).then(|| dice.pick(words));
            news.push((work_moment(day, self.zone_h, dice), What::Answered { person: self.someone(dice), score, comment }));
        }
    }
}

/// One of `items`, the first ones more often.
fn often(items: &[&'static str], dice: &mut Dice) -> &'static str {
    items[(items.len() as f64 * dice.unit().powf(1.8)) as usize]
}
