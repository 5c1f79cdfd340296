//! Student's t distribution, by the regularised incomplete beta function (continued fraction after Lentz;
//! Abramowitz & Stegun 26.5.8, 26.7.1).

/// Iterations of the continued fraction; tens are enough for any degrees of freedom.
const MOST_ITERATIONS: usize = 500;
const EPSILON: f64 = 1e-16;
const TINY: f64 = 1e-300;

/// The natural logarithm of the gamma function (Lanczos, g = 7, nine terms), for positive numbers.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = TERMS[0];
    for (at, term) in TERMS.iter().enumerate().skip(1) {
        sum += term / (x + at as f64);
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let floor = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / floor(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..MOST_ITERATIONS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / floor(1.0 + even * d);
        c = floor(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / floor(1.0 + odd * d);
        c = floor(1.0 + odd / c);
        result *= d * c;
        if (d * c - 1.0).abs() < EPSILON {
            break;
        }
    }
    result
}

/// The regularised incomplete beta function.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(a, b, x) / a
    } else {
        1.0 - front * continued_fraction(b, a, 1.0 - x) / b
    }
}

/// The probability of a value further from 0 than `t`, to either side.
pub fn two_sided(t: f64, degrees: f64) -> f64 {
    incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t))
}

/// The value that is exceeded, to either side, with probability `alpha`; for a 95% interval 0.05.
pub fn critical(alpha: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while two_sided(high, degrees) > alpha && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if two_sided(middle, degrees) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::{critical, two_sided};

    /// Figures of scipy 1.17.1, `scipy.stats.t.ppf(0.975, n)` and `2 * scipy.stats.t.sf(x, n)`.
    #[test]
    fn equal_to_scipy() {
        let critical_values = [
            (1.0, 12.706_204_736_174_69),
            (5.0, 2.570_581_835_636_314_5),
            (26.0, 2.055_529_438_642_873_4),
            (1_000.0, 1.962_339_080_826_408_3),
        ];
        for (degrees, expected) in critical_values {
            let given = critical(0.05, degrees);
            assert!(
                (given - expected).abs() < 1e-8,
                "{degrees}: {given} {expected}"
            );
        }
        assert!((two_sided(2.0, 10.0) - 0.073_388_034_770_740_37).abs() < 1e-12);
    }
}
