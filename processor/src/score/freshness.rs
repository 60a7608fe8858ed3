//! How much an old value still counts: 1 until its TTL, then 2^(-(age - TTL) / half-life), in whole days.
use c360_health::PPM;

/// Millionths, with integers only, so that every machine finds the same.
pub(crate) fn freshness_ppm(age_days: i64, ttl_days: i64, half_life_days: i64) -> i64 {
    /// 2^(1/64), in units of 10^-12.
    const ROOT: i128 = 1_010_889_286_052;
    const ONE: i128 = 1_000_000_000_000;
    let over = (age_days - ttl_days).max(0);
    let (halves, rest) = (over / half_life_days.max(1), over % half_life_days.max(1));
    let steps = rest * 64 / half_life_days.max(1);
    let mut value = ONE;
    for _ in 0..steps {
        value = value * ONE / ROOT;
    }
    if halves > 40 { 0 } else { ((value >> halves) * i128::from(PPM) / ONE) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_halves_with_each_half_life_after_the_ttl() {
        for (age, expected) in [(0, PPM), (30, PPM), (90, 500_000), (150, 250_000), (60, 707_107)] {
            assert!((freshness_ppm(age, 30, 60) - expected).abs() <= 2, "{age}: {}", freshness_ppm(age, 30, 60));
        }
        assert_eq!(freshness_ppm(100_000, 30, 60), 0);
    }
}
