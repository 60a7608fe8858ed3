//! Monthly recurring revenue: exact rationals, rounded to the minor unit once for each subscription, half to even.
use crate::rows::{Billing, Item, Price, PriceCut, SubscriptionRow};
use c360_schemas::Interval;
use std::collections::BTreeMap;

/// 100% in a discount's millionths of a per cent.
const WHOLE_MICROS: i128 = 100_000_000;
const MICROS: i128 = 1_000_000;

/// An exact, reduced fraction; arithmetic gives `None` where it does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ratio {
    num: i128,
    den: i128,
}

impl Ratio {
    fn new(num: i128, den: i128) -> Option<Self> {
        if den <= 0 {
            return None;
        }
        let (mut a, mut b) = (num.unsigned_abs(), den.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = i128::try_from(a.max(1)).ok()?;
        Some(Self { num: num / divisor, den: den / divisor })
    }

    fn times(self, num: i128, den: i128) -> Option<Self> {
        // Reduced crosswise first, so that what fits at the end fits on the way.
        let (left, right) = (Self::new(self.num, den)?, Self::new(num, self.den)?);
        Self::new(left.num.checked_mul(right.num)?, left.den.checked_mul(right.den)?)
    }

    fn plus(self, other: Self) -> Option<Self> {
        let num = self.num.checked_mul(other.den)?.checked_add(other.num.checked_mul(self.den)?)?;
        Self::new(num, self.den.checked_mul(other.den)?)
    }

    fn round_half_even(self) -> Option<i64> {
        let (whole, rest) = (self.num.div_euclid(self.den), self.num.rem_euclid(self.den));
        let double = rest.checked_mul(2)?;
        let up = double > self.den || (double == self.den && whole % 2 != 0);
        i64::try_from(whole + i128::from(up)).ok()
    }
}

/// Months in an interval, as a fraction: a year is 12 months, 52 weeks or 365 days.
const fn per_month(interval: Interval) -> (i128, i128) {
    match interval {
        Interval::Day => (365, 12),
        Interval::Week => (52, 12),
        Interval::Month => (1, 1),
        Interval::Year => (1, 12),
    }
}

/// An amount for each `count` intervals, for a month.
fn monthly(amount: i128, interval: Interval, count: i64) -> Option<Ratio> {
    let (num, den) = per_month(interval);
    Ratio::new(amount, 1)?.times(num, den.checked_mul(i128::from(count.max(1)))?)
}

fn item(item: &Item) -> Option<Ratio> {
    monthly(i128::from(item.amount_micros).checked_mul(i128::from(item.quantity))?, item.interval(), item.interval_count)
}

/// A discount that holds at `now` taken off; nothing goes below 0.
fn cut(amount: Ratio, cut: &PriceCut, first: Option<&Item>, now: i64) -> Option<Ratio> {
    if cut.ends_at.is_some_and(|end| end <= now) {
        return Some(amount);
    }
    let mut rest = amount;
    if let Some(percent) = cut.percent_micros {
        rest = rest.times(WHOLE_MICROS - i128::from(percent).clamp(0, WHOLE_MICROS), WHOLE_MICROS)?;
    }
    if let (Some(off), Some(first)) = (cut.amount_micros, first) {
        let off = monthly(i128::from(off.max(0)), first.interval(), first.interval_count)?;
        rest = rest.plus(Ratio { num: -off.num, ..off })?;
    }
    if rest.num < 0 { Ratio::new(0, 1) } else { Some(rest) }
}

/// What a price comes to in a month at `now`, in minor units; `None` where it is too great to be money.
pub(crate) fn price(price: &Price, count_metered: bool, now: i64) -> Option<i64> {
    let counted = || price.items.iter().filter(|item| count_metered || !item.metered);
    let mut sum = Ratio::new(0, 1)?;
    for line in counted() {
        sum = sum.plus(item(line)?)?;
    }
    for line in &price.cuts {
        sum = cut(sum, line, price.items.first(), now)?;
    }
    sum.times(1, MICROS)?.round_half_even()
}

/// The same by product, ascending by name (the empty one where none is told); what comes off comes off each in proportion. The parts sum to [`price`] exactly; only those above 0.
pub(crate) fn by_product(of: &Price, count_metered: bool, now: i64) -> Vec<(String, i64)> {
    // The price was found to be in range before the row was taken.
    let total = price(of, count_metered, now).unwrap_or(0);
    let mut gross: BTreeMap<&str, Ratio> = BTreeMap::new();
    for line in of.items.iter().filter(|item| count_metered || !item.metered) {
        let (Some(zero), Some(amount)) = (Ratio::new(0, 1), item(line)) else { continue };
        let sum = gross.entry(line.product.as_deref().unwrap_or_default()).or_insert(zero);
        *sum = sum.plus(amount).unwrap_or(*sum);
    }
    let whole = gross.values().try_fold(Ratio { num: 0, den: 1 }, |sum, part| sum.plus(*part)).filter(|whole| whole.num > 0);
    // Each border between two products is rounded, and not each product: so nothing is lost.
    let (mut passed, mut given, mut out) = (Ratio { num: 0, den: 1 }, 0, Vec::new());
    for (product, part) in &gross {
        passed = passed.plus(*part).unwrap_or(passed);
        let share = whole.and_then(|whole| passed.times(whole.den, whole.num)?.times(i128::from(total), 1)?.round_half_even());
        let upto = share.unwrap_or(total).clamp(given, total.max(given));
        if upto > given {
            out.push(((*product).to_owned(), upto - given));
        }
        given = upto;
    }
    out
}

/// What a subscription adds to MRR.
pub(crate) fn subscription(row: &SubscriptionRow, count_metered: bool, now: i64) -> i64 {
    let ended = row.ended_at.is_some_and(|at| at <= now);
    // The price was found to be in range before the row was taken.
    if row.status.pays() && !ended { price(&row.price, count_metered, now).unwrap_or(0) } else { 0 }
}

/// MRR by currency, ascending by currency; empty where no subscription is known.
pub(crate) fn by_currency(billing: &Billing) -> Vec<(&str, i64)> {
    let mut sums: Vec<(&str, i64)> = Vec::new();
    // A contract whose price nobody told says nothing of revenue.
    for line in billing.subscriptions.iter().filter(|line| !line.currency.is_empty()) {
        match sums.binary_search_by_key(&line.currency.as_str(), |(currency, _)| currency) {
            Ok(index) => sums[index].1 = sums[index].1.saturating_add(line.mrr),
            Err(index) => sums.insert(index, (&line.currency, line.mrr)),
        }
    }
    sums
}

/// The account's MRR in its main currency: the one with the greatest amount, the first by name where several have it. Amounts of several currencies are never added.
pub(crate) fn account(billing: &Billing) -> Option<(i64, &str)> {
    by_currency(billing).into_iter().map(|(currency, mrr)| (mrr, currency)).max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(amount: i64, quantity: i64, interval: Interval, interval_count: i64) -> Item {
        Item { amount_micros: amount * 1_000_000, quantity, interval: interval as u8, interval_count, metered: false, product: None }
    }

    fn percent(percent: i64, ends_at: Option<i64>) -> PriceCut {
        PriceCut { percent_micros: Some(percent * 1_000_000), amount_micros: None, ends_at }
    }

    #[test]
    fn items_are_normalised_to_a_month() {
        for (items, mrr) in [
            (vec![item(10_000, 3, Interval::Month, 1)], 30_000),
            (vec![item(120_000, 1, Interval::Year, 1)], 10_000),
            (vec![item(100_000, 1, Interval::Year, 1)], 8_333),
            (vec![item(30_000, 1, Interval::Month, 3)], 10_000),
            (vec![item(1_200, 1, Interval::Week, 1)], 5_200),
            (vec![item(1_200, 1, Interval::Day, 1)], 36_500),
            (vec![item(10_000, 1, Interval::Month, 1), item(120_000, 2, Interval::Year, 2)], 20_000),
        ] {
            assert_eq!(price(&Price { items: items.clone(), cuts: Vec::new() }, false, 0), Some(mrr), "{items:?}");
        }
    }

    #[test]
    fn halves_go_to_the_even_unit_once_for_each_subscription() {
        for (amount, mrr) in [(6, 0), (18, 2), (30, 2), (42, 4)] {
            let yearly = Price { items: vec![item(amount, 1, Interval::Year, 1)], cuts: Vec::new() };
            assert_eq!(price(&yearly, false, 0), Some(mrr), "{amount}/12");
        }
        // Two items of half a unit make a whole one: nothing is rounded on the way.
        let two = Price { items: vec![item(6, 1, Interval::Year, 1), item(6, 1, Interval::Year, 1)], cuts: Vec::new() };
        assert_eq!(price(&two, false, 0), Some(1));
    }

    #[test]
    fn recurring_discounts_come_off_while_they_last() {
        let items = vec![item(10_000, 1, Interval::Month, 1)];
        let off = PriceCut { percent_micros: None, amount_micros: Some(500_000_000), ends_at: None };
        for (cuts, mrr) in [
            (vec![percent(10, None)], 9_000),
            (vec![percent(10, Some(1))], 9_000),
            (vec![percent(10, Some(0))], 10_000),
            (vec![percent(50, None), percent(50, None)], 2_500),
            (vec![off.clone()], 9_500),
            (vec![percent(10, None), off], 8_500),
            (vec![PriceCut { percent_micros: None, amount_micros: Some(i64::MAX), ends_at: None }], 0),
        ] {
            assert_eq!(price(&Price { items: items.clone(), cuts }, false, 0), Some(mrr));
        }
    }

    #[test]
    fn an_amount_off_is_for_each_interval_of_the_first_item() {
        let cuts = vec![PriceCut { percent_micros: None, amount_micros: Some(12_000_000_000), ends_at: None }];
        let yearly = Price { items: vec![item(120_000, 1, Interval::Year, 1)], cuts };
        assert_eq!(price(&yearly, false, 0), Some(9_000));
    }

    #[test]
    fn products_share_what_comes_off_and_sum_to_the_price() {
        let line = |product: Option<&str>, amount| Item { product: product.map(Into::into), ..item(amount, 1, Interval::Month, 1) };
        let items = vec![line(Some("b"), 100), line(None, 100), line(Some("a"), 100), line(Some("b"), 0)];
        let of = Price { items, cuts: vec![percent(50, Some(9)), percent(1, None)] };
        let named = |parts: &[(&str, i64)]| parts.iter().map(|(name, mrr)| ((*name).to_owned(), *mrr)).collect::<Vec<_>>();
        assert_eq!(by_product(&of, false, 0), named(&[("", 49), ("a", 50), ("b", 49)]), "148.5 is 148");
        assert_eq!(by_product(&of, false, 9), named(&[("", 99), ("a", 99), ("b", 99)]));
        let free = Price { items: vec![line(Some("a"), 10)], cuts: vec![percent(100, None)] };
        assert_eq!(by_product(&free, false, 0), []);
    }

    #[test]
    fn sums_past_all_money_are_refused() {
        let items = vec![item(9_000_000_000_000, i64::MAX, Interval::Day, 1)];
        assert_eq!(price(&Price { items, cuts: Vec::new() }, false, 0), None);
    }
}
