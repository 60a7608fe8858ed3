//! Numbers out of numbers: everything here is a function of a record's place, so that a record can be made again at any time.

/// The finaliser of SplitMix64: a hash of a number.
#[inline]
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 0 to `n` - 1, from a hash.
#[inline]
pub fn below(hash: u64, n: u64) -> u64 {
    ((u128::from(hash) * u128::from(n)) >> 64) as u64
}

/// A rank of `n`, 0 the most frequent, by the power law with the exponent `skew` (not 1): the continuous one, since a table for ten million would take memory that is being measured.
#[inline]
pub fn ranked(hash: u64, n: u64, skew: f64) -> u64 {
    let unit = (hash >> 11) as f64 / (1_u64 << 53) as f64;
    let power = 1.0 - skew;
    let x = (unit * (((n + 1) as f64).powf(power) - 1.0) + 1.0).powf(1.0 / power);
    (x as u64).clamp(1, n) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_ranks_come_more_often_and_none_is_out_of_bounds() {
        let mut counts = [0_u32; 1_000];
        for n in 0..100_000 {
            counts[ranked(mix(n), 1_000, 0.8) as usize] += 1;
        }
        // By the continuous law rank 0 has (2^0.2 - 1) / (1001^0.2 - 1) of all.
        assert!((4_500..5_500).contains(&counts[0]), "{}", counts[0]);
        assert!(counts[0] > counts[10] && counts[10] > counts[500] && counts[999] > 0);
        assert_eq!((ranked(0, 5, 0.8), ranked(u64::MAX, 5, 0.8)), (0, 4));
    }
}
