//! A2: knowledge for pay, article opened → course page → trial finished → paid → bought again,
//! within seven days of the article.
//!
//! Planted are the step rates of the mature basis. A reader enters anew after eight days at the
//! earliest, so that chains stay apart; some reopen an article meanwhile, some buy again too late.

use super::super::person::Person;
use super::super::plan::UserDay;
use super::super::random::{Purpose, Random, choose};
use super::super::truth::Drawn;
use super::{Planted, ratio};

/// A learner's day on which no chain is running opens an article with this chance.
pub const ENTRY_SHARE: f64 = 0.55;
/// Readers who see the course page; of those, who finish the trial; of those, who pay; of those, who
/// buy again: each within seven days of the article.
pub const STEP_RATES: [(&str, f64); 4] = [
    ("course_page", 0.42),
    ("trial", 0.48),
    ("paid", 0.38),
    ("again", 0.30),
];
/// A step waits for the user's next day with this chance, if there is one in time.
const NEXT_DAY_SHARE: f64 = 0.4;
/// Readers who open an article again on their next day.
const REOPEN_SHARE: f64 = 0.08;
/// Buyers who buy again after more than the window.
const LATE_AGAIN_SHARE: f64 = 0.2;
const WINDOW_DAYS: u32 = 7;

/// Spreads the course steps over the planned days.
pub fn assign_steps(days: &mut [UserDay], people: &[Person], seed: u64) {
    let entries = choose_entries(days, people, seed);
    let mut random = Random::stream(seed, Purpose::Course, 0);
    let mut steps_of: Vec<usize> = vec![1; entries.len()];
    let mut here: Vec<usize> = (0..entries.len()).collect();
    for (_, rate) in STEP_RATES {
        let candidates: Vec<(usize, f64)> = here.iter().map(|entry| (*entry, 1.0)).collect();
        here = choose(&mut random, &candidates, rate);
        for entry in &here {
            steps_of[*entry] += 1;
        }
    }
    for (entry, steps) in entries.into_iter().zip(steps_of) {
        let mut random = Random::stream(seed, Purpose::Course, 1 + entry as u64);
        act_out(days, entry, steps, &mut random);
    }
}

/// The days on which a chain begins: per learner, more than the window apart.
fn choose_entries(days: &[UserDay], people: &[Person], seed: u64) -> Vec<usize> {
    let mut entries: Vec<usize> = Vec::new();
    for (index, day) in days.iter().enumerate() {
        let mut random = Random::stream(seed, Purpose::Course, u64::MAX - index as u64);
        let is_free = entries.last().is_none_or(|last| {
            days[*last].user != day.user || day.day > days[*last].day + WINDOW_DAYS
        });
        if people[day.user as usize].is_learner && is_free && random.chance(ENTRY_SHARE) {
            entries.push(index);
        }
    }
    entries
}

/// Marks the chain's steps on the entry day and the user's next ones.
fn act_out(days: &mut [UserDay], entry: usize, steps: usize, random: &mut Random) {
    let (user, first_day) = (days[entry].user, days[entry].day);
    let is_users =
        |days: &[UserDay], index: usize| days.get(index).is_some_and(|day| day.user == user);
    let in_time = |days: &[UserDay], index: usize| {
        is_users(days, index) && days[index].day < first_day + WINDOW_DAYS
    };
    days[entry].course_steps |= 1;
    let mut at = entry;
    for step in 1..steps {
        if random.chance(NEXT_DAY_SHARE) && in_time(days, at + 1) {
            at += 1;
        }
        days[at].course_steps |= 1 << step;
    }
    if random.chance(REOPEN_SHARE) && in_time(days, entry + 1) {
        days[entry + 1].course_steps |= 1;
    }
    if steps >= 4 && random.chance(LATE_AGAIN_SHARE) {
        while in_time(days, at) {
            at += 1;
        }
        // The eighth day may still lie within 168 hours of the article; the one after cannot.
        if is_users(days, at) && days[at].day > first_day + WINDOW_DAYS {
            days[at].course_steps |= 1 << 4;
        }
    }
}

/// The step rates over all dates whose window has passed.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let reached = |step: usize| drawn.reached("course", "all", "mature", step);
    (1..)
        .zip(STEP_RATES)
        .map(|(step, (name, rate))| {
            let what = format!("funnel course, mature step rate of {name}");
            Planted::new("A2", what, rate, ratio(reached(step), reached(step - 1)))
        })
        .collect()
}
