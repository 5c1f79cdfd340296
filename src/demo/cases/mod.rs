//! The planted cases, one file each: what is planted, how large, and what the draw made of it.

pub mod a1;
pub mod a2;
pub mod a3;
pub mod a4;
pub mod a5;
pub mod a6;
pub mod d1;
pub mod d2;
pub mod i7;

use serde::Serialize;

use super::calendar::Calendar;
use super::truth::Drawn;
use super::world::{CHANNELS, Platform};

/// One planted effect with its size.
#[derive(Debug, Clone, Serialize)]
pub struct Planted {
    /// The case's name in the product's list.
    pub case: &'static str,
    /// What the number is.
    pub what: String,
    /// The size asked for.
    pub planted: f64,
    /// The size that the drawn events have; null where nobody qualified.
    pub realised: Option<f64>,
    /// Of `realised`, where it is estimated rather than counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

impl Planted {
    /// A size that is counted.
    fn new(
        case: &'static str,
        what: impl Into<String>,
        planted: f64,
        realised: Option<f64>,
    ) -> Self {
        Self {
            case,
            what: what.into(),
            planted,
            realised,
            standard_error: None,
        }
    }
}

/// A date on which something planted changes.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// The case's name in the product's list.
    pub case: &'static str,
    /// The first date of the new state.
    pub date: String,
    /// What changes.
    pub what: &'static str,
    /// Days to compare on either side, where the case says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_days: Option<u32>,
    /// What makes a visitor effective, in SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_when: Option<&'static str>,
    /// Channels of ineffective spending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<&'static str>,
}

/// Every date on which something changes.
pub fn marks(calendar: &Calendar) -> Vec<Mark> {
    let days = calendar.days();
    let [_, after] = a6::compared(days);
    vec![
        Mark {
            case: "A3",
            date: calendar.date(a3::fix_day(days) as i32).to_owned(),
            what: "the phone number of the registration form is mended",
            compared_days: None,
            effective_when: None,
            channels: Vec::new(),
        },
        Mark {
            case: "A6",
            date: calendar.date(a6::change_day(days) as i32).to_owned(),
            what: "spending on the channels that bring only bouncers ends",
            compared_days: Some(after.end - after.start),
            effective_when: Some(a6::EFFECTIVE_WHEN),
            channels: CHANNELS
                .iter()
                .filter(|channel| channel.bouncers > 0)
                .map(|channel| channel.name)
                .collect(),
        },
    ]
}

/// Every planted effect with its realised size.
pub fn all(drawn: &Drawn, cohorts: &a5::Cohorts) -> Vec<Planted> {
    [
        a1::planted(drawn),
        a2::planted(drawn),
        a3::planted(drawn),
        a4::planted(drawn),
        a5::planted(drawn, cohorts),
        a6::planted(drawn),
        d1::planted(drawn),
        d2::planted(drawn),
        i7::planted(drawn),
    ]
    .concat()
}

/// Null where nothing is there to divide by.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// One against the other, relative; null where there is nothing to compare with.
fn change(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? / other.filter(|rate| *rate > 0.0)? - 1.0)
}

/// Sums one figure of the daily core table over all dates.
fn sum_core(drawn: &Drawn, platform: Platform, figure: impl Fn(&super::truth::Core) -> u64) -> u64 {
    drawn
        .daily_core
        .values()
        .filter_map(|segments| segments.get(platform.name()))
        .map(figure)
        .sum()
}
