//! A5: two platforms. New users of iOS come back on the next day 15% more often than those of
//! Android, and pay 8% less often (both relative).
//!
//! Day-1 retention: users whose first event of all lies on a date, and who have any event on the next
//! one. Pay conversion: payers / exposed users, both summed over the dates. Those who registered on
//! their first day return at the same rate, so a cohort by registration shows the same effect.

use serde::Serialize;

use super::super::person::Person;
use super::super::plan::UserDay;
use super::super::random::{Purpose, Random, choose};
use super::super::truth::Drawn;
use super::super::world::Platform;
use super::{Planted, change, ratio, sum_core};

/// Day-1 retention of Android's new users.
pub const DAY_ONE_RETENTION: f64 = 0.34;
/// iOS against Android, relative.
pub const DAY_ONE_RETENTION_CHANGE: f64 = 0.15;
/// iOS against Android, relative; acts on the last step of the shop funnel.
pub const PAY_CONVERSION_CHANGE: f64 = -0.08;

/// What the platform changes in the pay rate, relative.
pub fn pay_conversion_change(platform: Platform) -> f64 {
    match platform {
        Platform::Ios => PAY_CONVERSION_CHANGE,
        Platform::Android => 0.0,
    }
}

/// Day-1 retention of the platform's new users.
pub fn day_one_retention(platform: Platform) -> f64 {
    match platform {
        Platform::Ios => DAY_ONE_RETENTION * (1.0 + DAY_ONE_RETENTION_CHANGE),
        Platform::Android => DAY_ONE_RETENTION,
    }
}

/// Chooses who of the new users comes back on the next day; one answer per first day.
pub fn choose_returns(firsts: &[UserDay], people: &[Person], seed: u64, days: u32) -> Vec<bool> {
    let mut returns = vec![false; firsts.len()];
    for platform in Platform::ALL {
        for registers in [false, true] {
            let mut random = Random::stream(
                seed,
                Purpose::Returns,
                platform as u64 * 2 + u64::from(registers),
            );
            let candidates: Vec<(usize, f64)> = (0..firsts.len())
                .filter(|index| {
                    let first = &firsts[*index];
                    people[first.user as usize].platform == platform
                        && (first.layer >= 3) == registers
                        && first.day + 1 < days
                })
                .map(|index| (index, 1.0))
                .collect();
            for index in choose(&mut random, &candidates, day_one_retention(platform)) {
                returns[index] = true;
            }
        }
    }
    returns
}

/// New users per platform whose next day lies within the span, and how many of them came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cohorts {
    /// Indexed by platform.
    pub new_users: [u64; 2],
    /// Indexed by platform.
    pub returned: [u64; 2],
}

/// The two effects and their levels.
pub fn planted(drawn: &Drawn, cohorts: &Cohorts) -> Vec<Planted> {
    let [ios, android] = Platform::ALL.map(|platform| {
        ratio(
            cohorts.returned[platform as usize],
            cohorts.new_users[platform as usize],
        )
    });
    let [ios_pay, android_pay] = Platform::ALL.map(|platform| {
        ratio(
            sum_core(drawn, platform, |core| core.payers),
            sum_core(drawn, platform, |core| core.exposed),
        )
    });
    [
        (
            "day-1 retention of new users, android",
            DAY_ONE_RETENTION,
            android,
        ),
        (
            "day-1 retention of new users, ios against android, relative",
            DAY_ONE_RETENTION_CHANGE,
            change(ios, android),
        ),
        (
            "pay conversion, ios against android, relative",
            PAY_CONVERSION_CHANGE,
            change(ios_pay, android_pay),
        ),
    ]
    .map(|(what, planted, realised)| Planted::new("A5", what, planted, realised))
    .to_vec()
}
