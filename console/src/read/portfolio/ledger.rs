//! Movements of MRR by month, and what follows from them: NRR, GRR, churn and growth. Pure: from movements to numbers.
//!
//! MRR_i(t) is what customer i pays after its movements before t. A ledger is of one currency; it costs one pass over the movements and, for each customer, one over the months.
use crate::time;
use serde::Serialize;

/// Months that are told of at most.
const MONTHS_MAX: usize = 36;
/// Months that the yearly rates look back.
const YEAR: usize = 12;

/// One movement of a customer, in the ledger's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) at: i64,
    pub(crate) kind: Kind,
    pub(crate) amount: i64,
    pub(crate) mrr: i64,
    pub(crate) cross_sell: i64,
    pub(crate) involuntary: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    New,
    Expansion,
    Contraction,
    Churn,
    Reactivation,
    /// Stands for movements that are not kept one by one: it was always there.
    Opening,
}

impl Kind {
    pub(crate) fn parse(kind: &str) -> Option<Self> {
        Some(match kind {
            "new" => Self::New,
            "expansion" => Self::Expansion,
            "contraction" => Self::Contraction,
            "churn" => Self::Churn,
            "reactivation" => Self::Reactivation,
            "opening" => Self::Opening,
            _ => return None,
        })
    }
}

/// Sums of movements in minor units; losses are negative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sums {
    pub(crate) begin: i64,
    pub(crate) new: i64,
    pub(crate) reactivation: i64,
    pub(crate) expansion: i64,
    pub(crate) upsell: i64,
    pub(crate) cross_sell: i64,
    pub(crate) contraction: i64,
    pub(crate) churn: i64,
    pub(crate) churn_voluntary: i64,
    pub(crate) churn_involuntary: i64,
    pub(crate) end: i64,
}

impl Sums {
    fn add(&mut self, movement: &Movement) {
        let amount = movement.amount;
        match movement.kind {
            Kind::New => self.new += amount,
            Kind::Reactivation => self.reactivation += amount,
            Kind::Expansion => {
                self.expansion += amount;
                self.cross_sell += movement.cross_sell;
                self.upsell += amount - movement.cross_sell;
            }
            Kind::Contraction => self.contraction += amount,
            Kind::Churn => {
                self.churn += amount;
                *(if movement.involuntary { &mut self.churn_involuntary } else { &mut self.churn_voluntary }) += amount;
            }
            Kind::Opening => {}
        }
    }

    /// Begin and end are taken from what customers paid then, the rest from what moved: they must meet.
    fn balanced(&self) -> bool {
        self.begin + self.new + self.reactivation + self.expansion + self.contraction + self.churn == self.end
    }
}

/// Customers that pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Logos {
    pub(crate) begin: i64,
    pub(crate) new: i64,
    pub(crate) churned: i64,
    pub(crate) reactivated: i64,
    pub(crate) end: i64,
}

/// Two moments compared, over the customers that paid at the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cohort {
    begin: i64,
    end: i64,
    /// What is left of `begin`, without what grew.
    kept: i64,
    logos: i64,
    logos_lost: i64,
}

impl Cohort {
    fn add(&mut self, before: i64, after: i64) {
        if before > 0 {
            self.begin += before;
            self.end += after;
            self.kept += after.min(before);
            self.logos += 1;
            self.logos_lost += i64::from(after == 0);
        }
    }

    fn rates(self) -> Rates {
        Rates { nrr: ratio(self.end, self.begin), grr: ratio(self.kept, self.begin), logo_churn_rate: ratio(self.logos_lost, self.logos) }
    }
}

/// Null of an empty cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Rates {
    pub(crate) nrr: Option<f64>,
    pub(crate) grr: Option<f64>,
    pub(crate) logo_churn_rate: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Month {
    /// `2026-11`.
    pub(crate) month: String,
    pub(crate) currency: String,
    #[serde(flatten)]
    pub(crate) sums: Sums,
    pub(crate) balanced: bool,
    #[serde(flatten)]
    pub(crate) rates: Rates,
    pub(crate) growth: Option<f64>,
    pub(crate) nrr_12m: Option<f64>,
    pub(crate) grr_12m: Option<f64>,
    pub(crate) customers: Logos,
}

/// The twelve months up to now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Year {
    pub(crate) currency: String,
    #[serde(flatten)]
    pub(crate) rates: Rates,
    pub(crate) growth: Option<f64>,
    #[serde(flatten)]
    pub(crate) sums: Sums,
    pub(crate) balanced: bool,
}

/// Counts one currency. Movements of one customer come together, oldest first.
pub(crate) struct Ledger {
    currency: String,
    /// Beginnings of months, ascending, and then now.
    borders: Vec<i64>,
    /// Of the borders, the first whose month is told of.
    told_from: usize,
    year_ago: i64,
    sums: Vec<Sums>,
    logos: Vec<Logos>,
    months: Vec<Cohort>,
    years: Vec<Cohort>,
    year: (Sums, Cohort),
}

impl Ledger {
    /// For movements from `first` on.
    pub(crate) fn new(currency: &str, first: i64, now: i64) -> Self {
        let mut borders = vec![now];
        let mut border = time::month_start(now);
        if border == now {
            border = time::month_start(now - 1);
        }
        let first = time::month_start(first.min(now));
        while border >= first && borders.len() <= MONTHS_MAX + YEAR {
            borders.push(border);
            border = time::month_start(border - 1);
        }
        borders.reverse();
        let months = borders.len() - 1;
        Self {
            currency: currency.to_owned(),
            told_from: months.saturating_sub(MONTHS_MAX),
            year_ago: time::months_before(now, YEAR as i32),
            borders,
            sums: vec![Sums::default(); months],
            logos: vec![Logos::default(); months],
            months: vec![Cohort::default(); months],
            years: vec![Cohort::default(); months],
            year: Default::default(),
        }
    }

    /// Takes one customer's movements in.
    pub(crate) fn add(&mut self, movements: &[Movement]) {
        let now = self.borders.last().copied().unwrap_or(0);
        let before = |t: i64| {
            let passed = movements.partition_point(|movement| movement.at < t);
            let opening = || movements.first().filter(|movement| movement.kind == Kind::Opening);
            passed.checked_sub(1).and_then(|last| movements.get(last)).or_else(opening).map_or(0, |movement| movement.mrr)
        };
        let paid: Vec<i64> = self.borders.iter().map(|border| before(*border)).collect();
        for (index, pair) in paid.windows(2).enumerate() {
            let (begin, end) = (pair[0], pair[1]);
            self.sums[index].begin += begin;
            self.sums[index].end += end;
            self.months[index].add(begin, end);
            let logos = &mut self.logos[index];
            logos.begin += i64::from(begin > 0);
            logos.end += i64::from(end > 0);
            if let Some(year_before) = (index + 1).checked_sub(YEAR) {
                self.years[index].add(paid[year_before], end);
            }
        }
        for movement in movements.iter().filter(|movement| movement.at < now) {
            if let Some(index) = self.borders.partition_point(|border| *border <= movement.at).checked_sub(1)
                && let (Some(sums), Some(logos)) = (self.sums.get_mut(index), self.logos.get_mut(index))
            {
                sums.add(movement);
                match movement.kind {
                    Kind::New => logos.new += 1,
                    Kind::Churn => logos.churned += 1,
                    Kind::Reactivation => logos.reactivated += 1,
                    Kind::Expansion | Kind::Contraction | Kind::Opening => {}
                }
            }
            if movement.at >= self.year_ago {
                self.year.0.add(movement);
            }
        }
        let (begin, end) = (before(self.year_ago), before(now));
        self.year.0.begin += begin;
        self.year.0.end += end;
        self.year.1.add(begin, end);
    }

    /// The months, oldest first, and the year up to now.
    pub(crate) fn close(self) -> (Vec<Month>, Year) {
        let Self { currency, borders, told_from, sums, logos, months, years, year: (year, cohort), .. } = self;
        let of = |index: usize| Month {
            month: time::month(borders[index]),
            currency: currency.clone(),
            balanced: sums[index].balanced(),
            growth: growth(&sums[index]),
            sums: sums[index].clone(),
            rates: months[index].rates(),
            nrr_12m: years[index].rates().nrr,
            grr_12m: years[index].rates().grr,
            customers: logos[index].clone(),
        };
        let told = (told_from..sums.len()).map(of).collect();
        let (growth, balanced) = (growth(&year), year.balanced());
        (told, Year { currency: currency.clone(), rates: cohort.rates(), growth, sums: year, balanced })
    }
}

fn growth(sums: &Sums) -> Option<f64> {
    ratio(sums.end - sums.begin, sums.begin)
}

/// To four digits; `None` of nothing.
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(date: &str) -> i64 {
        time::parse(&format!("{date}T00:00:00Z")).unwrap()
    }

    fn moved(date: &str, kind: Kind, amount: i64, mrr: i64) -> Movement {
        Movement { at: at(date), kind, amount, mrr, cross_sell: 0, involuntary: false }
    }

    fn ledger(customers: &[Vec<Movement>], now: &str) -> (Vec<Month>, Year) {
        let first = customers.iter().flatten().map(|m| m.at).min().unwrap();
        let mut ledger = Ledger::new("USD", first, at(now));
        customers.iter().for_each(|movements| ledger.add(movements));
        ledger.close()
    }

    /// The worked example of docs/definitions.md.
    #[test]
    fn a_month_in_which_one_grows_one_leaves_and_one_comes() {
        let a = vec![moved("2026-01-05", Kind::New, 100, 100), moved("2026-02-10", Kind::Expansion, 30, 130)];
        let b = vec![moved("2026-01-07", Kind::New, 50, 50), moved("2026-02-28", Kind::Churn, -50, 0)];
        let c = vec![moved("2026-02-01", Kind::New, 40, 40)];
        let (months, year) = ledger(&[a, b, c], "2026-03-01");
        assert_eq!(months.len(), 2);
        let m = &months[1];
        let sums = Sums { begin: 150, new: 40, expansion: 30, upsell: 30, churn: -50, churn_voluntary: -50, end: 170, ..Sums::default() };
        assert_eq!((m.month.as_str(), &m.sums, m.balanced), ("2026-02", &sums, true));
        assert_eq!(m.rates, Rates { nrr: Some(0.8667), grr: Some(0.6667), logo_churn_rate: Some(0.5) });
        assert_eq!((m.growth, &m.customers), (Some(0.1333), &Logos { begin: 2, new: 1, churned: 1, reactivated: 0, end: 2 }));
        assert_eq!((months[0].rates.nrr, months[0].growth, m.nrr_12m, year.rates.nrr), (None, None, None, None), "an empty cohort");
        assert!(year.balanced && months[0].balanced);
    }

    #[test]
    fn who_was_lost_before_is_out_and_who_came_back_within_is_retained() {
        let before = vec![
            moved("2026-01-05", Kind::New, 100, 100),
            moved("2026-01-20", Kind::Churn, -100, 0),
            moved("2026-02-10", Kind::Reactivation, 80, 80),
        ];
        let within = vec![
            moved("2026-01-05", Kind::New, 200, 200),
            moved("2026-02-03", Kind::Churn, -200, 0),
            moved("2026-02-20", Kind::Reactivation, 150, 150),
        ];
        let (months, _) = ledger(&[before, within], "2026-03-01");
        assert_eq!(months[1].rates, Rates { nrr: Some(0.75), grr: Some(0.75), logo_churn_rate: Some(0.0) });
        assert_eq!((months[1].sums.reactivation, months[1].sums.churn, months[1].balanced), (230, -200, true));
    }

    #[test]
    fn a_year_looks_back_twelve_months_and_the_running_month_ends_now() {
        let a = vec![moved("2025-01-31", Kind::New, 100, 100), moved("2026-01-10", Kind::Contraction, -40, 60)];
        let (months, year) = ledger(std::slice::from_ref(&a), "2026-01-15");
        assert_eq!(months.len(), 13);
        let last = months.last().unwrap();
        assert_eq!((last.month.as_str(), last.sums.end, last.nrr_12m, last.grr_12m), ("2026-01", 60, Some(0.6), Some(0.6)));
        assert_eq!((months[0].sums.begin, months[0].sums.end, months[11].nrr_12m), (0, 100, None));
        assert_eq!(year.rates.nrr, None, "it did not pay a year before the 15th of January");
        let (months, _) = ledger(&[a], "2026-01-10");
        assert_eq!(months.last().unwrap().sums.contraction, 0, "what comes at the border is after it");
    }

    #[test]
    fn what_is_not_kept_one_by_one_was_always_there() {
        let a = vec![moved("2026-01-10", Kind::Opening, 70, 70), moved("2026-01-20", Kind::Expansion, 30, 100)];
        let (months, _) = ledger(&[a], "2026-02-01");
        assert_eq!((months[0].sums.begin, months[0].sums.end, months[0].balanced), (70, 100, true));
    }

    #[test]
    fn sums_that_do_not_meet_show() {
        let (months, year) = ledger(&[vec![moved("2026-01-10", Kind::New, 70, 71)]], "2026-02-01");
        assert!(!months[0].balanced && !year.balanced);
    }

    /// A customer's random walk: amounts that it moves to, and days between.
    fn walks() -> impl Strategy<Value = Vec<Vec<(i64, i64)>>> {
        prop::collection::vec(prop::collection::vec((0..5_i64, 0..200_i64), 0..8), 1..6)
    }

    proptest! {
        /// Against a plain recomputation of each month from what each customer paid at its borders.
        #[test]
        fn months_are_as_a_plain_recomputation_says(walks in walks()) {
            let start = at("2025-01-10");
            let mut customers = Vec::new();
            for walk in walks {
                let (mut mrr, mut paid, mut when, mut movements) = (0, false, start, Vec::new());
                for (to, days) in walk {
                    when += (1 + days) * time::DAY_MS;
                    let kind = match (mrr, to) {
                        (a, b) if a == b => continue,
                        (0, _) if paid => Kind::Reactivation,
                        (0, _) => Kind::New,
                        (_, 0) => Kind::Churn,
                        (a, b) if b > a => Kind::Expansion,
                        _ => Kind::Contraction,
                    };
                    movements.push(Movement { at: when, kind, amount: to - mrr, mrr: to, cross_sell: 0, involuntary: false });
                    (mrr, paid) = (to, true);
                }
                customers.push(movements);
            }
            let now = at("2026-09-13");
            let mut ledger = Ledger::new("USD", start, now);
            customers.iter().for_each(|movements| ledger.add(movements));
            let (months, _) = ledger.close();
            let paid = |movements: &[Movement], t: i64| movements.iter().filter(|m| m.at < t).map(|m| m.amount).sum::<i64>();
            for (index, month) in months.iter().enumerate() {
                let t0 = at(&format!("{}-01", month.month));
                let t1 = months.get(index + 1).map_or(now, |next| at(&format!("{}-01", next.month)));
                let at_borders: Vec<(i64, i64)> = customers.iter().map(|c| (paid(c, t0), paid(c, t1))).collect();
                let (begin, end) = (at_borders.iter().map(|b| b.0).sum::<i64>(), at_borders.iter().map(|b| b.1).sum::<i64>());
                prop_assert_eq!((month.sums.begin, month.sums.end, month.balanced), (begin, end, true));
                let cohort: Vec<_> = at_borders.iter().filter(|(a, _)| *a > 0).collect();
                let nrr = ratio(cohort.iter().map(|(_, b)| *b).sum(), begin);
                let grr = ratio(cohort.iter().map(|(a, b)| *a.min(b)).sum(), begin);
                let lost = ratio(cohort.iter().filter(|(_, b)| *b == 0).count() as i64, cohort.len() as i64);
                prop_assert_eq!(month.rates, Rates { nrr, grr, logo_churn_rate: lost });
                let of = |kind| customers.iter().flatten().filter(|m| m.kind == kind && m.at >= t0 && m.at < t1).map(|m| m.amount).sum::<i64>();
                prop_assert_eq!((month.sums.new, month.sums.churn, month.sums.expansion), (of(Kind::New), of(Kind::Churn), of(Kind::Expansion)));
            }
        }
    }
}
