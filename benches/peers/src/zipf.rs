//! Random numbers from a seed, and draws by Zipf's law.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    #[inline]
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// 0 to `n` - 1.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(n)) >> 64) as u64
    }

    /// 0 to 1, without 1.
    #[inline]
    fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finaliser of SplitMix64: a hash of a number.
#[inline]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Walker's alias table over the weights 1 / (rank ^ skew): a draw is O(1).
pub struct Zipf {
    keep: Vec<f64>,
    alias: Vec<u32>,
}

impl Zipf {
    pub fn new(count: usize, skew: f64) -> Self {
        let weights: Vec<f64> = (0..count).map(|i| 1.0 / ((i + 1) as f64).powf(skew)).collect();
        let sum: f64 = weights.iter().sum();
        let mut share: Vec<f64> = weights.iter().map(|w| w * count as f64 / sum).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|i| share[*i] < 1.0);
        let mut keep = vec![1.0; count];
        let mut alias: Vec<u32> = (0..count as u32).collect();
        while let (Some(&s), Some(&l)) = (small.last(), large.last()) {
            small.pop();
            keep[s] = share[s];
            alias[s] = l as u32;
            share[l] -= 1.0 - share[s];
            if share[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        Self { keep, alias }
    }

    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> u32 {
        let rank = rng.below(self.keep.len() as u64) as usize;
        if rng.unit() < self.keep[rank] { rank as u32 } else { self.alias[rank] }
    }
}
