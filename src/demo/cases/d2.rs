//! D2: the product page. 60% of its views never reach the specification block, and nearly a quarter of
//! its taps fall on the price label, which looks like a button and is none.
//!
//! Both shares are carried from one view to the next of a user (systematic sampling), so that a user's
//! views hold them, and the whole much better than independent draws would.

use std::collections::BTreeMap;

use super::super::random::Random;
use super::super::screen::{LABEL_CELL, LOWER_PLACES, PRICE_LABEL, Place, UPPER_PLACES};
use super::super::truth::{Drawn, ScrollCounts, TapCounts};
use super::{Planted, ratio};

/// Views of the product page that never reach the specification block.
pub const SPECIFICATION_MISSED: f64 = 0.60;
/// Where that block begins and ends, percent of the page's height.
pub const SPECIFICATION_PCT: (i64, i64) = (38, 62);
/// Taps on the product page that fall on the price label.
pub const DEAD_TAP_SHARE: f64 = 0.24;
/// Views of the product page with taps.
const TAPPED_SHARE: f64 = 0.30;
/// Of these, with a second tap.
const SECOND_TAP_SHARE: f64 = 0.30;
/// Of the views that miss the block and have no tap, those without any scroll.
const UNSCROLLED_SHARE: f64 = 0.25;
/// Views whose depth is told twice, on the way and at the end.
const TOLD_TWICE_SHARE: f64 = 0.25;
/// Lower bound of what is seen where somebody taps: the coupon block has come up.
const TAPPED_DEPTH_PCT: i64 = 33;

/// What remains of both shares from view to view.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    reached: f64,
    dead: f64,
}

impl Carried {
    pub fn begin(random: &mut Random) -> Self {
        Self {
            reached: random.unit(),
            dead: random.unit(),
        }
    }
}

/// One view of the product page.
#[derive(Debug)]
pub struct Reading {
    /// Depths as they are told, growing.
    pub depths_pct: Vec<u8>,
    pub taps: Vec<Place>,
}

/// Reads a product page.
pub fn read(random: &mut Random, carried: &mut Carried) -> Reading {
    let reaches = turn(&mut carried.reached, 1.0 - SPECIFICATION_MISSED);
    let is_tapped = random.chance(TAPPED_SHARE);
    let (block, above) = (SPECIFICATION_PCT.0, SPECIFICATION_PCT.0 - 2);
    let deepest_pct = match (reaches, is_tapped) {
        (true, _) => random.between(block + 4, 100),
        (false, true) => random.between(TAPPED_DEPTH_PCT, above),
        (false, false) => random.between(8, above),
    };
    let mut depths_pct = Vec::new();
    if reaches || is_tapped || !random.chance(UNSCROLLED_SHARE) {
        if random.chance(TOLD_TWICE_SHARE) {
            depths_pct.push(random.between(deepest_pct / 3, deepest_pct - 1) as u8);
        }
        depths_pct.push(deepest_pct as u8);
    }
    let mut taps = Vec::new();
    if is_tapped {
        for _ in 0..=u32::from(random.chance(SECOND_TAP_SHARE)) {
            taps.push(if turn(&mut carried.dead, DEAD_TAP_SHARE) {
                PRICE_LABEL
            } else {
                other_place(random, deepest_pct)
            });
        }
    }
    Reading { depths_pct, taps }
}

/// Whether it is this one's turn.
fn turn(carried: &mut f64, share: f64) -> bool {
    *carried += share;
    let is_due = *carried >= 1.0;
    if is_due {
        *carried -= 1.0;
    }
    is_due
}

/// Something else that has been seen.
fn other_place(random: &mut Random, deepest_pct: i64) -> Place {
    let lower = LOWER_PLACES
        .iter()
        .filter(|place| i64::from(place.y.1) <= deepest_pct * 10);
    let places: Vec<Place> = UPPER_PLACES.iter().chain(lower).copied().collect();
    let weights: Vec<u32> = places.iter().map(|place| place.weight).collect();
    places[random.weighted(&weights)]
}

/// Both shares over all dates.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let scrolls = drawn
        .scrolls
        .values()
        .filter_map(|pages| pages.get("product"));
    let sum = |figure: fn(&ScrollCounts) -> u64| scrolls.clone().map(figure).sum::<u64>();
    let views = sum(|counts| counts.views);
    let missing = views - sum(|counts| counts.reaching_specification);
    let taps: Vec<&TapCounts> = drawn
        .taps
        .values()
        .filter_map(|pages| pages.get("product"))
        .collect();
    let on = |name: &str, of: fn(&TapCounts) -> &BTreeMap<String, u64>| -> u64 {
        taps.iter().filter_map(|counts| of(counts).get(name)).sum()
    };
    let all = taps
        .iter()
        .flat_map(|counts| counts.elements.values())
        .sum();
    [
        (
            "views of page product that never reach the specification block (38% of its height)"
                .to_owned(),
            SPECIFICATION_MISSED,
            ratio(missing, views),
        ),
        (
            "taps on page product that fall on element price_label".to_owned(),
            DEAD_TAP_SHARE,
            ratio(on("price_label", |counts| &counts.elements), all),
        ),
        (
            format!("taps on page product that fall into field {LABEL_CELL} of a grid of 12 x 24"),
            DEAD_TAP_SHARE,
            ratio(on(LABEL_CELL, |counts| &counts.cells), all),
        ),
    ]
    .map(|(what, planted, realised)| Planted::new("D2", what, planted, realised))
    .to_vec()
}
