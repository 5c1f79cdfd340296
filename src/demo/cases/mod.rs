//! The planted cases, one file each: what is planted, how large, and what the draw made of it.

pub mod a1;
pub mod a2;
pub mod a5;
pub mod d1;

use serde::Serialize;

use super::truth::Drawn;
use super::world::Platform;

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
}

/// Every planted effect with its realised size.
pub fn all(drawn: &Drawn, cohorts: &a5::Cohorts) -> Vec<Planted> {
    [
        a1::planted(drawn),
        a2::planted(drawn),
        a5::planted(drawn, cohorts),
        d1::planted(drawn),
    ]
    .concat()
}

/// Null where nothing is there to divide by.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
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
