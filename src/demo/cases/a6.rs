//! A6: traffic quality. Two channels bring visitors who open one page and are gone ([`bouncers`]
//! draws them). On a day, spending on them ends: visitors −40%, effective ones among them 12% → 29%,
//! revenue +15%, the fourteen days from that day on against the fourteen before.
//!
//! A visitor is a user with any event on a date, effective with one of [`EFFECTIVE_WHEN`]; days are added
//! up. As −40% and 12% → 29% mean 45% more effective visitors, more of those who click sign in after the
//! change ([`sign_in_factors`]); A1's rate holds for the whole span. Those who bounce see no exposure, so
//! they are in no funnel, and they come back on the next day as often as A5 plants it.
//!
//! [`bouncers`]: super::super::bouncers

use std::ops::Range;

use super::super::plan::UserDay;
use super::super::tally::Tally;
use super::super::truth::Drawn;
use super::super::visit::Event;
use super::super::world::Kind;
use super::{Planted, change, ratio};

/// Visitors after against before, relative.
pub const VISITORS_CHANGE: f64 = -0.40;
/// Effective visitors / visitors before.
pub const EFFECTIVE_BEFORE: f64 = 0.12;
/// Effective visitors / visitors after.
pub const EFFECTIVE_AFTER: f64 = 0.29;
/// Revenue (`pay` events) after against before, relative.
pub const REVENUE_CHANGE: f64 = 0.15;
/// Days that are compared on either side, where the span has as many.
pub const COMPARED_DAYS: u32 = 14;
/// What makes a visitor effective, in SQL.
pub const EFFECTIVE_WHEN: &str = "event in ('register', 'login', 'article_open')";
/// Factors of the sign-in rate that are still believed.
const FACTORS: (f64, f64) = (0.6, 1.6);

/// Whether a user's events of a day make an effective visitor: the Rust of [`EFFECTIVE_WHEN`].
pub fn is_effective(events: &[Event]) -> bool {
    events
        .iter()
        .any(|event| matches!(event.kind, Kind::Register | Kind::Login | Kind::ArticleOpen))
}

/// The first day without the spending: three fifths into the span.
pub fn change_day(days: u32) -> u32 {
    days * 3 / 5
}

/// The days compared, before and after.
pub fn compared(days: u32) -> [Range<u32>; 2] {
    let change = change_day(days);
    let length = COMPARED_DAYS.min(change).min(days - change);
    [change - length..change, change..change + length]
}

/// Of those who click on each day, given by index with their weight, how much likelier they sign in than
/// on the days before the change: so that effective visitors grow as planted. All other days are planned
/// by now; the sign-in rate over the whole span is `rate`.
pub fn sign_in_factors(
    days: &[UserDay],
    clickers: &[(usize, f64)],
    rate: f64,
    span_days: u32,
) -> Vec<f64> {
    let windows = compared(span_days);
    let window_of = |day: u32| windows.iter().position(|window| window.contains(&day));
    let reads = |day: &UserDay| day.course_steps & 1 != 0;
    // Effective anyway, in either window; weights of those who would become so; all weights.
    let (mut already, mut may, mut all) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    for day in days {
        if let Some(window) = window_of(day.day)
            && (reads(day) || day.layer >= 3)
        {
            already[window] += 1.0;
        }
    }
    for (index, weight) in clickers {
        let day = &days[*index];
        all[usize::from(day.day >= change_day(span_days))] += weight;
        if let Some(window) = window_of(day.day).filter(|_| !reads(day)) {
            may[window] += weight;
        }
    }
    // With the factor f, signed in are total × w / (all[0] + f × all[1]) of a weight w before, f times
    // that after; after = growth × before is linear in f.
    let total = rate * clickers.len() as f64;
    let growth = (1.0 + VISITORS_CHANGE) * EFFECTIVE_AFTER / EFFECTIVE_BEFORE;
    let before = already[0] * all[0] + total * may[0];
    let above = growth * before - already[1] * all[0];
    let below = already[1] * all[1] + total * may[1] - growth * already[0] * all[1];
    let factor = if below > 0.0 && above > 0.0 {
        (above / below).clamp(FACTORS.0, FACTORS.1)
    } else {
        1.0
    };
    (0..span_days)
        .map(|day| {
            if day >= change_day(span_days) {
                factor
            } else {
                1.0
            }
        })
        .collect()
}

/// Raises or lowers what the days from the change on earn, so that the windows differ as planted.
pub fn change_revenue(weights: &mut [f64], span_days: u32) {
    let [before, after] = compared(span_days).map(|window| -> f64 {
        let days = window.start as usize..window.end as usize;
        weights[days].iter().sum()
    });
    if before > 0.0 && after > 0.0 {
        let factor = (1.0 + REVENUE_CHANGE) * before / after;
        let change = change_day(span_days) as usize;
        weights[change..]
            .iter_mut()
            .for_each(|weight| *weight *= factor);
    }
}

/// How many bounce on each day, such that the windows' visitors and effective shares are as planted.
pub fn bouncers(days: &[Tally]) -> Vec<u64> {
    let span_days = days.len() as u32;
    let change = change_day(span_days) as usize;
    let [before, after] = compared(span_days).map(|window| {
        let days = &days[window.start as usize..window.end as usize];
        let visitors: u64 = days.iter().map(|day| day.visitors).sum();
        let effective: u64 = days.iter().map(|day| day.effective).sum();
        (visitors as f64, effective as f64)
    });
    let visitors_before = (before.1 / EFFECTIVE_BEFORE).max(before.0);
    let visitors_after = (visitors_before * (1.0 + VISITORS_CHANGE)).max(after.0);
    let a_visitor = [
        (visitors_before - before.0) / before.0.max(1.0),
        (visitors_after - after.0) / after.0.max(1.0),
    ];
    // What is rounded away on a day is carried to the next.
    let mut carried = 0.5;
    days.iter()
        .enumerate()
        .map(|(at, day)| {
            if at == change {
                carried = 0.5;
            }
            carried += a_visitor[usize::from(at >= change)] * day.visitors as f64;
            let count = carried as u64;
            carried -= count as f64;
            count
        })
        .collect()
}

/// Both windows summed.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let days: Vec<[u64; 3]> = drawn
        .traffic
        .values()
        .map(|channels| {
            let sum = |figure: fn(&super::super::truth::TrafficCounts) -> u64| {
                channels.values().map(figure).sum::<u64>()
            };
            [
                sum(|counts| counts.visitors),
                sum(|counts| counts.effective_users),
                sum(|counts| counts.revenue_fen),
            ]
        })
        .collect();
    let [before, after] = compared(days.len() as u32).map(|window| {
        let days = &days[window.start as usize..window.end as usize];
        [0, 1, 2].map(|figure| days.iter().map(|day| day[figure]).sum::<u64>())
    });
    [
        (
            "visitors, after against before, relative",
            VISITORS_CHANGE,
            change(ratio(after[0], 1), ratio(before[0], 1)),
        ),
        (
            "effective users / visitors, before",
            EFFECTIVE_BEFORE,
            ratio(before[1], before[0]),
        ),
        (
            "effective users / visitors, after",
            EFFECTIVE_AFTER,
            ratio(after[1], after[0]),
        ),
        (
            "paid_gmv, after against before, relative",
            REVENUE_CHANGE,
            change(ratio(after[2], 1), ratio(before[2], 1)),
        ),
    ]
    .map(|(what, planted, realised)| Planted::new("A6", what, planted, realised))
    .to_vec()
}
