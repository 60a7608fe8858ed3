//! Chance that is the same each time: all that is random in the made-up company comes from dice named by the seed and by what they are thrown for.
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Above this mean a Poisson count is drawn from the normal distribution that it is near to.
const POISSON_EXACT_MAX: f64 = 30.0;

/// Dice for one purpose: the same seed and purpose throw the same numbers in the same order.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice for `purpose`, which is numbers such as an account's index and a day.
    pub(crate) fn new(seed: u64, purpose: &[u64]) -> Self {
        Self(ChaCha8Rng::seed_from_u64(purpose.iter().fold(mix(seed), |state, part| mix(state ^ mix(*part)))))
    }

    /// From 0 to 1, without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Yes with the probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// From `low` to `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high.max(low))
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.0.random_range(0..items.len())]
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// How often something happens that happens `mean` times on average.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > POISSON_EXACT_MAX {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

/// Splitmix64: spreads a number over all bits.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_purpose_throws_the_same_numbers_and_another_does_not() {
        let throw = |purpose: &[u64]| {
            let mut dice = Dice::new(7, purpose);
            (0..4).map(|_| dice.whole(0, 1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(throw(&[1, 2]), throw(&[1, 2]));
        assert_ne!(throw(&[1, 2]), throw(&[2, 1]));
    }

    #[test]
    fn poisson_counts_have_their_mean_whether_drawn_exactly_or_nearly() {
        for mean in [0.3_f64, 4.0, 25.0, 80.0] {
            let mut dice = Dice::new(1, &[mean.to_bits()]);
            let sum: u32 = (0..20_000).map(|_| dice.poisson(mean)).sum();
            let found = f64::from(sum) / 20_000.0;
            assert!((found - mean).abs() < 0.05 * mean + 0.01, "mean {mean}, found {found}");
        }
        assert_eq!(Dice::new(1, &[]).poisson(0.0), 0);
    }
}
