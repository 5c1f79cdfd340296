//! A3: the registration form loses people at the phone number.
//!
//! Somebody not yet registered who clicks a product may start the form: phone → code sent → code filled,
//! now and then a wrong code and a second one. Of those who start, 42% leave at the phone number. From
//! the day of the fix on, 28% more of those who start it register. The rest of the new ones register by
//! WeChat's own phone number, without the form; who is registered logs in without it.
//!
//! The layers (A1) say who registers: of those who do, the planted part goes through
//! the form, and as many of those who do not leave it as its planted conversion asks for.

use super::super::person::Person;
use super::super::plan::{Edge, Form, UserDay};
use super::super::random::{Purpose, Random, choose};
use super::super::screen::Touched;
use super::super::truth::{Drawn, FormCounts};
use super::{Planted, change, ratio};

/// Unregistered clickers who start the form.
pub const START_SHARE: f64 = 0.60;
/// Of those who start the form, who leave at the phone number before the fix.
pub const PHONE_LEAVE_SHARE: f64 = 0.42;
/// Of those who start the form, who register on that day; before the fix.
pub const CONVERSION: f64 = 0.45;
/// What the fix changes in it, relative.
pub const CONVERSION_CHANGE: f64 = 0.28;
/// What that makes of the sign-in rate of a first day.
const SIGN_IN_LIFT: f64 = 1.13;
/// Of those who leave later than at the phone number, who leave while waiting for the code; the others
/// leave after a wrong code.
const LEAVES_WAITING: f64 = 0.55;
/// Those who leave later than at the phone number, of those who start it: the fix helps them little.
const LEAVES_LATER: f64 = 1.0 - CONVERSION - PHONE_LEAVE_SHARE;
/// Of those who register through the form, who need a second code.
const RETRY_SHARE: f64 = 0.15;

/// The first day with the mended form: two fifths into the span, clear of A6's change.
pub fn fix_day(days: u32) -> u32 {
    days * 2 / 5
}

/// How much likelier somebody new who clicks signs in on each day, against the days before the fix: the
/// mended form brings more of them through.
pub fn sign_in_factors(span_days: u32) -> Vec<f64> {
    (0..span_days)
        .map(|day| {
            if day >= fix_day(span_days) {
                SIGN_IN_LIFT
            } else {
                1.0
            }
        })
        .collect()
}

/// What the day's form makes of those who start it.
fn conversion(is_fixed: bool) -> f64 {
    CONVERSION * (1.0 + if is_fixed { CONVERSION_CHANGE } else { 0.0 })
}

/// Decides who goes through the form and who leaves it where.
pub fn assign_forms(days: &mut [UserDay], people: &[Person], seed: u64, span_days: u32) {
    let mut may: [[Vec<(usize, f64)>; 2]; 2] = Default::default();
    let mut registered: Option<u32> = None;
    for (index, day) in days.iter().enumerate() {
        let is_registered =
            people[day.user as usize].first_day.is_none() || registered == Some(day.user);
        let signs_up = day.layer >= 3;
        // Over midnight the form would lie on another day than what comes of it.
        let is_plain = day.edge != Edge::CrossesMidnight;
        if day.layer >= 2 && !is_registered && is_plain {
            let is_fixed = day.day >= fix_day(span_days);
            may[usize::from(is_fixed)][usize::from(signs_up)].push((index, 1.0));
        }
        if signs_up {
            registered = Some(day.user);
        }
    }
    for (is_fixed, [others, signing_up]) in [false, true].into_iter().zip(&may) {
        let mut random = Random::stream(seed, Purpose::Form, u64::from(is_fixed));
        let conversion = conversion(is_fixed);
        let (others_count, signing_up_count) = (others.len() as f64, signing_up.len() as f64);
        // As many as there are of both kinds, where a small demo has too few.
        let starts = (START_SHARE * (others_count + signing_up_count))
            .min(signing_up_count / conversion)
            .min(others_count / (1.0 - conversion));
        let mut part = |of: &[usize], share: f64| -> Vec<usize> {
            let candidates: Vec<(usize, f64)> = of.iter().map(|index| (*index, 1.0)).collect();
            choose(&mut random, &candidates, share.clamp(0.0, 1.0))
        };
        let all = |candidates: &[(usize, f64)]| -> Vec<usize> {
            candidates.iter().map(|(index, _)| *index).collect()
        };
        let completing = part(
            &all(signing_up),
            starts * conversion / signing_up_count.max(1.0),
        );
        let retrying = part(&completing, RETRY_SHARE);
        let leaving = part(
            &all(others),
            starts * (1.0 - conversion) / others_count.max(1.0),
        );
        let later = part(&leaving, LEAVES_LATER / (1.0 - conversion));
        let waiting = part(&later, LEAVES_WAITING);
        for (indexes, form) in [
            (completing, Form::Completes),
            (retrying, Form::Retries),
            (leaving, Form::LeavesAt(Touched::Phone)),
            (later, Form::LeavesAt(Touched::Failed)),
            (waiting, Form::LeavesAt(Touched::CodeSent)),
        ] {
            indexes
                .into_iter()
                .for_each(|index| days[index].form = form);
        }
    }
}

/// The form over all dates before and after the fix.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let fix = fix_day(drawn.forms.len() as u32) as usize;
    let sum = |is_fixed: bool, figure: fn(&FormCounts) -> u64| -> u64 {
        drawn
            .forms
            .values()
            .enumerate()
            .filter(|(day, _)| (*day >= fix) == is_fixed)
            .map(|(_, counts)| figure(counts))
            .sum()
    };
    let started = |counts: &FormCounts| counts.started;
    let left_at_phone = |counts: &FormCounts| counts.left_at.get("phone").copied().unwrap_or(0);
    let converted = |is_fixed| {
        ratio(
            sum(is_fixed, |counts| counts.converted),
            sum(is_fixed, started),
        )
    };
    [
        (
            "users of a day who leave the form at phone / who start it, before the fix",
            PHONE_LEAVE_SHARE,
            ratio(sum(false, left_at_phone), sum(false, started)),
        ),
        (
            "users of a day who sign in / who start the form, before the fix",
            CONVERSION,
            converted(false),
        ),
        (
            "users of a day who sign in / who start the form, after the fix against before, relative",
            CONVERSION_CHANGE,
            change(converted(true), converted(false)),
        ),
    ]
    .map(|(what, planted, realised)| Planted::new("A3", what, planted, realised))
    .to_vec()
}
