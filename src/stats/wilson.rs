//! The Wilson score interval of a share (E. B. Wilson, 1927): it stays within 0 and 1 and holds its level
//! for small numbers, too.

/// The bounds of the interval for `successes` of `trials`, `z` standard deviations wide to each side;
/// `None` where there are no trials.
pub fn interval(successes: f64, trials: f64, z: f64) -> Option<(f64, f64)> {
    if trials <= 0.0 || !(0.0..=trials).contains(&successes) {
        return None;
    }
    let share = successes / trials;
    let squared = z * z;
    let centre = share + squared / (2.0 * trials);
    let half = z * (share * (1.0 - share) / trials + squared / (4.0 * trials * trials)).sqrt();
    let whole = 1.0 + squared / trials;
    // At the ends one bound is the share itself, which rounding would miss.
    let low = if successes == 0.0 {
        0.0
    } else {
        (centre - half) / whole
    };
    let high = if successes == trials {
        1.0
    } else {
        (centre + half) / whole
    };
    Some((low.clamp(0.0, share), high.clamp(share, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::interval;
    use crate::stats::normal::Z_95;

    /// Figures of statsmodels 0.15.0, `proportion_confint(k, n, method="wilson")`.
    #[test]
    fn equal_to_statsmodels() {
        let cases = [
            (0.0, 10.0, 0.0, 0.277_532_799_862_889_26),
            (
                1.0,
                10.0,
                0.017_876_213_095_072_896,
                0.404_150_026_795_238_54,
            ),
            (10.0, 10.0, 0.722_467_200_137_110_6, 1.0),
            (
                420.0,
                1000.0,
                0.389_772_682_158_780_3,
                0.450_839_599_198_908_4,
            ),
            (
                1.0,
                1_000_000.0,
                1.765_245_767_453_717_6e-7,
                5.664_911_804_311_445e-6,
            ),
        ];
        for (successes, trials, low, high) in cases {
            let (given_low, given_high) = interval(successes, trials, Z_95).unwrap();
            assert!(
                (given_low - low).abs() < 1e-12,
                "{successes}/{trials}: {given_low} {low}"
            );
            assert!(
                (given_high - high).abs() < 1e-12,
                "{successes}/{trials}: {given_high} {high}"
            );
        }
        assert_eq!(interval(0.0, 0.0, Z_95), None);
        assert_eq!(interval(3.0, 2.0, Z_95), None);
    }
}
