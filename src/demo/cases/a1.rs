//! A1: the five-layer shop funnel exposure → click → register or login → add to cart → pay, per day.
//!
//! Planted are the step rates of the same-day basis. The layers are chosen among the exposed
//! user-days of each platform, one step after the other, users of better channels being likelier.
//! Visits across midnight and a second chain within 24 hours move the two bases apart by a little.

use super::super::person::Person;
use super::super::plan::UserDay;
use super::super::random::{Purpose, Random, choose};
use super::super::truth::Drawn;
use super::super::world::{CHANNELS, Platform};
use super::{Planted, a5, ratio};

/// Exposed users who click.
pub const CLICK_RATE: f64 = 0.47;
/// Clickers who register or log in.
pub const REGISTER_RATE: f64 = 0.58;
/// Of those, who add to the cart.
pub const CORE_ACTION_RATE: f64 = 0.52;
/// Of those, who pay; Android (iOS: [`a5::PAY_CONVERSION_CHANGE`]).
pub const PAY_RATE: f64 = 0.46;
/// Payments that come two days later or more, for each that comes in the same visit.
pub const DEFERRED_PER_PAYMENT: f64 = 0.05;
/// How many days later at most.
const DEFERRED_DAYS: u32 = 6;

/// Gives every exposed day among `which` its layer.
pub fn assign_layers(
    days: &mut [UserDay],
    people: &[Person],
    seed: u64,
    round: u64,
    which: impl Fn(&UserDay) -> bool,
) {
    for platform in Platform::ALL {
        let mut random = Random::stream(seed, Purpose::Layers, round * 2 + platform as u64);
        let mut here: Vec<usize> = (0..days.len())
            .filter(|index| {
                let day = &days[*index];
                which(day) && day.layer == 1 && people[day.user as usize].platform == platform
            })
            .collect();
        let pay_rate = PAY_RATE * (1.0 + a5::pay_conversion_change(platform));
        for rate in [CLICK_RATE, REGISTER_RATE, CORE_ACTION_RATE, pay_rate] {
            let candidates: Vec<(usize, f64)> = here
                .iter()
                .map(|index| {
                    (
                        *index,
                        CHANNELS[people[days[*index].user as usize].channel].quality,
                    )
                })
                .collect();
            here = choose(&mut random, &candidates, rate);
            for index in &here {
                days[*index].layer += 1;
            }
        }
    }
}

/// Lets some who filled a cart pay on a later day, more than 24 hours after their exposure: the
/// entry day does not count them as converted.
pub fn defer_payments(days: &mut [UserDay], people: &[Person], seed: u64) {
    for platform in Platform::ALL {
        let mut random = Random::stream(seed, Purpose::Deferred, platform as u64);
        let on_platform = |day: &UserDay| people[day.user as usize].platform == platform;
        let paying = days
            .iter()
            .filter(|day| day.layer == 5 && on_platform(day))
            .count();
        let candidates: Vec<(usize, f64)> = (0..days.len().saturating_sub(1))
            .filter(|index| {
                let (day, next) = (&days[*index], &days[*index + 1]);
                day.layer == 4
                    && on_platform(day)
                    && next.user == day.user
                    && (day.day + 2..=day.day + DEFERRED_DAYS).contains(&next.day)
                    && next.layer < 4
            })
            .map(|index| (index, 1.0))
            .collect();
        let share = DEFERRED_PER_PAYMENT * paying as f64 / candidates.len().max(1) as f64;
        for index in choose(&mut random, &candidates, share.min(1.0)) {
            days[index + 1].pays_old_order = true;
        }
    }
}

/// The step rates over all dates.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let mut rates: Vec<(String, f64, Option<f64>)> = Vec::new();
    let reached = |segment: &str, step: usize| drawn.reached("shop", segment, "same_day", step);
    for (step, name, rate) in [
        (1, "click", CLICK_RATE),
        (2, "register", REGISTER_RATE),
        (3, "core_action", CORE_ACTION_RATE),
    ] {
        rates.push((
            format!("funnel shop, same-day step rate of {name}"),
            rate,
            ratio(reached("all", step), reached("all", step - 1)),
        ));
    }
    for platform in Platform::ALL {
        rates.push((
            format!(
                "funnel shop, same-day step rate of pay, {}",
                platform.name()
            ),
            PAY_RATE * (1.0 + a5::pay_conversion_change(platform)),
            ratio(reached(platform.name(), 4), reached(platform.name(), 3)),
        ));
    }
    rates
        .into_iter()
        .map(|(what, planted, realised)| Planted {
            case: "A1",
            what,
            planted,
            realised,
        })
        .collect()
}
