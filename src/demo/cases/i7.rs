//! I7: the single-page mode. 1.5% of a day's page views come from a page opened in Moments (scene 1154),
//! without a user id: they stand apart and count for no user.

use super::super::truth::Drawn;
use super::{Planted, ratio};

/// Page views of the single-page mode / all page views.
pub const PAGE_VIEW_SHARE: f64 = 0.015;

/// Such views of a day on which users have `page_views`; at least one.
pub fn views(page_views: u64) -> u64 {
    let views = page_views as f64 * PAGE_VIEW_SHARE / (1.0 - PAGE_VIEW_SHARE);
    (views + 0.5).max(1.0) as u64
}

/// The share over all dates.
pub fn planted(drawn: &Drawn) -> Vec<Planted> {
    let all = drawn
        .daily_core
        .values()
        .map(|segments| segments["all"].page_views);
    let single = drawn.single_page.values().flat_map(|pages| pages.values());
    vec![Planted::new(
        "I7",
        "page views of scene 1154 / all page views",
        PAGE_VIEW_SHARE,
        ratio(single.sum(), all.sum()),
    )]
}
