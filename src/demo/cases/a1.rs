//! A1: the five-layer shop funnel exposure → click → register or login → add to cart → pay, per day.
//!
//! Planted are the step rates of the same-day basis, over all dates together. The layers are chosen among
//! the exposed user-days of each platform, one step after the other, users of better channels being
//! likelier. From day to day two of the rates differ: the click rate by A4's levels, the sign-in rate by
//! what A3's fix and A6's change make of it (lower before, higher after); over all dates both are as
//! planted. Visits across midnight and a second chain within 24 hours move the two bases apart by a little.

use super::super::person::Person;
use super::super::plan::UserDay;
use super::super::random::{Purpose, Random, choose, choose_evenly};
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

/// How much likelier a step is on each day, given the user-days that may take it with their weights.
pub type Factors<'a> = &'a dyn Fn(&[UserDay], &[(usize, f64)]) -> Vec<f64>;

/// Gives every exposed day among `which` its layer.
pub fn assign_layers(
    days: &mut [UserDay],
    people: &[Person],
    seed: u64,
    round: u64,
    [click, sign_in]: [Factors; 2],
    which: impl Fn(&UserDay) -> bool,
) {
    let mut randoms = Platform::ALL
        .map(|platform| Random::stream(seed, Purpose::Layers, round * 2 + platform as u64));
    let mut here: Vec<usize> = (0..days.len())
        .filter(|index| which(&days[*index]) && days[*index].layer == 1)
        .collect();
    let evenly: Factors = &|_, _| Vec::new();
    let pay_rates =
        Platform::ALL.map(|platform| PAY_RATE * (1.0 + a5::pay_conversion_change(platform)));
    for (rates, factors) in [
        ([CLICK_RATE; 2], click),
        ([REGISTER_RATE; 2], sign_in),
        ([CORE_ACTION_RATE; 2], evenly),
        (pay_rates, evenly),
    ] {
        let quality = |index: usize| CHANNELS[people[days[index].user as usize].channel].quality;
        let weighted: Vec<(usize, f64)> =
            here.iter().map(|index| (*index, quality(*index))).collect();
        let factors = factors(days, &weighted);
        let mut chosen = Vec::new();
        for (platform, random) in Platform::ALL.into_iter().zip(&mut randoms) {
            let rate = rates[platform as usize];
            let candidates: Vec<(usize, f64)> = weighted
                .iter()
                .filter(|(index, _)| people[days[*index].user as usize].platform == platform)
                .map(|(index, weight)| {
                    let factor = factors.get(days[*index].day as usize).unwrap_or(&1.0);
                    (*index, weight * factor)
                })
                .collect();
            let day_of = |index: usize| days[index].day;
            chosen.extend(choose_evenly(random, &candidates, rate, day_of));
        }
        here = chosen;
        here.sort_unstable();
        for index in &here {
            days[*index].layer += 1;
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
        .map(|(what, planted, realised)| Planted::new("A1", what, planted, realised))
        .collect()
}
