//! D1: the coupon page loses people. 60% of its views are the last page view of their session.
//!
//! Everybody who pays and saw the page went on from it; the leavers are chosen among the others.

use super::super::plan::{Coupon, Edge, UserDay};
use super::super::random::{Purpose, Random, choose};
use super::super::truth::Drawn;
use super::{Planted, ratio};

/// Views of the coupon page that are exits.
pub const COUPON_EXIT_RATE: f64 = 0.60;
/// Visits that see it, by the shop funnel's layer they reach (index 0: not exposed).
const SEEN: [f64; 6] = [0.0, 0.05, 0.06, 0.08, 0.50, 0.45];

/// Decides who sees the coupon page and who leaves there.
pub fn assign_coupons(days: &mut [UserDay], seed: u64) {
    let mut random = Random::stream(seed, Purpose::Coupon, 0);
    let mut seen = Vec::new();
    for (index, day) in days.iter_mut().enumerate() {
        // A planned pause could cut the session right behind the page; those visits do without it.
        let is_plain = matches!(day.edge, Edge::None | Edge::StartsAtMidnight);
        if random.chance(SEEN[day.layer]) && is_plain {
            day.coupon = Coupon::GoesOn;
            seen.push(index);
        }
    }
    let may_leave: Vec<(usize, f64)> = seen
        .iter()
        .filter(|index| days[**index].layer < 5)
        .map(|index| (*index, 1.0))
        .collect();
    let share = COUPON_EXIT_RATE * seen.len() as f64 / may_leave.len().max(1) as f64;
    for index in choose(&mut random, &may_leave, share.min(1.0)) {
        days[index].coupon = Coupon::Leaves;
    }
}

/// The exit rate over all dates.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let sum = |figure: fn(&super::super::truth::PageCounts) -> u64| -> u64 {
        drawn
            .page_daily
            .values()
            .filter_map(|pages| pages.get("coupon"))
            .map(figure)
            .sum()
    };
    vec![Planted::new(
        "D1",
        "exit rate of page coupon",
        COUPON_EXIT_RATE,
        ratio(sum(|page| page.exits), sum(|page| page.views)),
    )]
}
