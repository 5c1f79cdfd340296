//! A4: leverage. A day on which 1% more of the exposed users click earns 2.3% more.
//!
//! From day to day the click rate lies up to 16% above or below A1's. Which day has which level is
//! shuffled so that the levels hardly go with the number of users or with the changes of A3 and A6: what
//! is planted is an effect of the click rate alone. Each day's payments then get prices whose sum is
//! exposed users × click rate ^ 2.3, with a noise of a few percent that does not go with the levels.
//!
//! So the slope stands in the revenue per exposed user (log on log, one point a day), and with a wider
//! interval, since the number of users differs from day to day, in the whole revenue too.

use super::super::calendar::Calendar;
use super::super::random::{Purpose, Random};
use super::super::tally::Tally;
use super::super::truth::Drawn;
use super::{Planted, a3, a6};

/// Percent of revenue that go with one percent of the click rate.
pub const ELASTICITY: f64 = 2.3;
/// Highest and lowest click rate against the middle one, relative.
const LEVEL_SPREAD: f64 = 0.16;
/// Noise of a day's revenue at most, relative.
const NOISE: f64 = 0.04;
/// Orders of the levels that are tried.
const SHUFFLES: u64 = 300;

/// The click rate of each day against A1's; `expected` users of each day are what it must not go with.
pub fn click_levels(seed: u64, expected: &[f64]) -> Vec<f64> {
    let days = expected.len();
    let step = |at: usize| 2.0 * at as f64 / (days.max(2) - 1) as f64 - 1.0;
    let span = days as u32;
    let since = |day: u32| centred((0..span).map(|at| f64::from(u8::from(at >= day))).collect());
    let others = [
        centred(expected.to_vec()),
        centred((0..days).map(step).collect()),
        since(a3::fix_day(span)),
        since(a6::change_day(span)),
    ];
    let mut best = (f64::INFINITY, Vec::new());
    for shuffle in 0..SHUFFLES {
        let mut random = Random::stream(seed, Purpose::Levels, shuffle);
        let mut order: Vec<(u64, usize)> = (0..days).map(|at| (random.bits(), at)).collect();
        order.sort_unstable();
        let levels: Vec<f64> = order.iter().map(|(_, at)| step(*at)).collect();
        let together = others.iter().map(|other| {
            let product = dot(&levels, other);
            product * product / dot(other, other).max(1e-9)
        });
        let together: f64 = together.sum();
        if together < best.0 {
            best = (together, levels);
        }
    }
    best.1
        .into_iter()
        .map(|level| 1.0 + LEVEL_SPREAD * level)
        .collect()
}

/// What each day's payments should come to, relative; 0 where nobody was exposed.
pub fn revenue_weights(seed: u64, calendar: &Calendar, days: &[Tally]) -> Vec<f64> {
    let rate = |day: &Tally| day.clicked as f64 / day.exposed.max(1) as f64;
    let middle = days.iter().map(rate).sum::<f64>() / days.len().max(1) as f64;
    // A day of a tiny demo may be without any click.
    let levels: Vec<f64> = days
        .iter()
        .map(|day| (rate(day) / middle.max(1e-9)).clamp(0.6, 1.5))
        .collect();
    let deviations = centred(levels.clone());
    let mut random = Random::stream(seed, Purpose::Prices, u64::MAX);
    let noise: Vec<f64> = days
        .iter()
        .map(|_| NOISE * (2.0 * random.unit() - 1.0))
        .collect();
    let noise = centred(noise);
    let slope = dot(&noise, &deviations) / dot(&deviations, &deviations).max(1e-9);
    let mut weights: Vec<f64> = (0..days.len())
        .map(|day| {
            let noise = 1.0 + noise[day] - slope * deviations[day];
            days[day].exposed as f64 * power(levels[day]) * noise
        })
        .collect();
    a6::change_revenue(&mut weights, calendar.days());
    weights
}

/// `value ^ 2.3` by exactly rounded operations only: the same bits on every machine.
fn power(value: f64) -> f64 {
    // y ^ 10 = value ^ 3, by Newton's steps.
    let cube = value * value * value;
    let mut root = 1.0 + 0.3 * (value - 1.0);
    for _ in 0..8 {
        let third = root * root * root;
        let ninth = third * third * third;
        root -= (ninth * root - cube) / (10.0 * ninth);
    }
    value * value * root
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Without their mean.
fn centred(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|value| *value -= mean);
    values
}

/// The slope of one over the other and its standard error, by least squares.
fn regress(over: Vec<f64>, values: Vec<f64>) -> Option<(f64, f64)> {
    let free = over.len().checked_sub(2).filter(|free| *free > 0)? as f64;
    let (over, values) = (centred(over), centred(values));
    let square = dot(&over, &over);
    let slope = dot(&over, &values) / square;
    let rest: f64 = over
        .iter()
        .zip(&values)
        .map(|(over, value)| (value - slope * over) * (value - slope * over))
        .sum();
    (square > 0.0).then(|| (slope, (rest / free / square).sqrt()))
}

/// The slopes over all dates that have a revenue.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let slope = |of: fn(u64, u64) -> f64| {
        let (mut rates, mut revenues) = (Vec::new(), Vec::new());
        for (date, segments) in &drawn.funnels["shop"] {
            let [exposed, clicked, ..] = segments["all"].same_day;
            let paid_fen = drawn.daily_core[date]["all"].paid_fen;
            if clicked > 0 && paid_fen > 0 {
                rates.push((clicked as f64 / exposed as f64).ln());
                revenues.push(of(paid_fen, exposed).ln());
            }
        }
        regress(rates, revenues)
    };
    [
        (
            "slope over the dates of log(paid_gmv / exposed users) on log(funnel shop, same-day step rate of click)",
            slope(|paid_fen, exposed| paid_fen as f64 / exposed as f64),
        ),
        (
            "slope over the dates of log(paid_gmv) on log(funnel shop, same-day step rate of click)",
            slope(|paid_fen, _| paid_fen as f64),
        ),
    ]
    .map(|(what, slope)| Planted {
        standard_error: slope.map(|(_, error)| error),
        ..Planted::new("A4", what, ELASTICITY, slope.map(|(slope, _)| slope))
    })
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_that_of_the_elasticity() {
        for value in [0.6, 0.84, 1.0, 1.16, 1.5_f64] {
            assert!(
                (power(value) - value.powf(ELASTICITY)).abs() < 1e-12,
                "{value}"
            );
        }
    }

    #[test]
    fn levels_go_with_nothing_else() {
        let expected: Vec<f64> = (0..35)
            .map(|day| 1_500.0 + 30.0 * f64::from(day) + f64::from(day % 7) * 90.0)
            .collect();
        for seed in [1, 2, 3] {
            let levels = click_levels(seed, &expected);
            let (levels, expected) = (centred(levels), centred(expected.clone()));
            let together = dot(&levels, &expected)
                / (dot(&levels, &levels) * dot(&expected, &expected)).sqrt();
            assert!(together.abs() < 0.12, "{together}");
        }
    }

    #[test]
    fn a_straight_line_has_its_slope() {
        let (slope, error) = regress(vec![1.0, 2.0, 3.0, 4.0], vec![2.0, 4.0, 6.0, 8.0]).unwrap();
        assert!((slope - 2.0).abs() < 1e-12 && error < 1e-9);
        assert!(regress(vec![1.0, 2.0], vec![1.0, 2.0]).is_none());
    }
}
