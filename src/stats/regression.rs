//! A straight line through points by least squares.

use super::student_t;

/// The slope with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Change of y for one of x.
    pub slope: f64,
    /// Its standard error.
    pub error: f64,
    /// Points.
    pub points: usize,
}

impl Slope {
    /// The 95% interval, by Student's t.
    pub fn interval_95(&self) -> (f64, f64) {
        let half = student_t::critical(0.05, self.points as f64 - 2.0) * self.error;
        (self.slope - half, self.slope + half)
    }
}

/// Fits y = a + slope · x; `None` for fewer than three points or where all x are the same.
pub fn slope(x: &[f64], y: &[f64]) -> Option<Slope> {
    let points = x.len();
    if points < 3 || y.len() != points {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / points as f64;
    let (x_mean, y_mean) = (mean(x), mean(y));
    let x_squares: f64 = x.iter().map(|x| (x - x_mean).powi(2)).sum();
    // A sum of squares that is nothing but rounding is none.
    if x_squares <= f64::EPSILON * x_mean * x_mean * points as f64 {
        return None;
    }
    let products: f64 = x
        .iter()
        .zip(y)
        .map(|(x, y)| (x - x_mean) * (y - y_mean))
        .sum();
    let slope = products / x_squares;
    let rest: f64 = x
        .iter()
        .zip(y)
        .map(|(x, y)| (y - y_mean - slope * (x - x_mean)).powi(2))
        .sum();
    let error = (rest / (points as f64 - 2.0) / x_squares).sqrt();
    (slope.is_finite() && error.is_finite()).then_some(Slope {
        slope,
        error,
        points,
    })
}

/// The standard deviation (n − 1); `None` for fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let others = values.len().checked_sub(1).filter(|others| *others > 0)?;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / others as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::slope;

    /// Figures of statsmodels 0.15.0, `OLS(y, add_constant(x)).fit()`: `params[1]`, `bse[1]`, `conf_int()[1]`.
    #[test]
    fn equal_to_statsmodels() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.5];
        let y = [2.1, 3.9, 6.2, 7.8, 10.1, 12.4];
        let fitted = slope(&x, &y).unwrap();
        assert!(
            (fitted.slope - 1.905_567_010_309_278_3).abs() < 1e-12,
            "{}",
            fitted.slope
        );
        assert!(
            (fitted.error - 0.055_403_715_459_190_48).abs() < 1e-12,
            "{}",
            fitted.error
        );
        let (low, high) = fitted.interval_95();
        assert!(
            (low - 1.751_741_635_712_837_7).abs() < 1e-9
                && (high - 2.059_392_384_905_719).abs() < 1e-9,
            "{low} {high}"
        );
        assert_eq!(slope(&x[..2], &y[..2]), None);
        assert_eq!(slope(&[3.0; 4], &y[..4]), None);
    }
}
