//! How far down pages are seen, and what is tapped.
//!
//! A scroll belongs to the page view before it in its session, if that is of the same page. Views count on
//! their session's date, as those of `page_daily`; taps on their own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::calendar::Calendar;
use super::super::cases::d2::SPECIFICATION_PCT;
use super::super::events::Events;
use super::super::person::Person;
use super::super::screen;
use super::super::world::{Kind, Page};
use super::{ByDate, by_date, pages};

/// One page on one date; only pages with a scroll on it have an entry.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ScrollCounts {
    /// Views by users.
    pub views: u64,
    /// Of these, with any scroll.
    pub scrolled: u64,
    /// Of these, seen down to 10, 20, … 100% of the page.
    pub reaching: [u64; 10],
    /// Of these, seen down to where the product page's specification block begins (38%).
    pub reaching_specification: u64,
}

/// Taps on one page on one date.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TapCounts {
    /// By element.
    pub elements: BTreeMap<String, u64>,
    /// By field of a grid, 12 across and 24 down, each screen and page taken as a whole: `x/y` from 0.
    pub cells: BTreeMap<String, u64>,
}

type ByPage<T> = ByDate<BTreeMap<&'static str, T>>;

/// Counts scrolls and taps of every date.
pub fn count(
    calendar: &Calendar,
    people: &[Person],
    events: &Events,
) -> (ByPage<ScrollCounts>, ByPage<TapCounts>) {
    let mut scrolls = vec![BTreeMap::<&str, ScrollCounts>::new(); calendar.days() as usize];
    let mut taps = vec![BTreeMap::<&str, TapCounts>::new(); calendar.days() as usize];
    for (person, own) in people.iter().zip(events.by_user()) {
        let width = screen::width(person.platform, person.look);
        for session in pages::sessions(own) {
            let day = calendar.day_of(session[0].time_ms) as usize;
            // The view under way and the deepest of its scrolls.
            let mut view: Option<(Page, Option<u8>)> = None;
            for event in session {
                match (event.kind, &mut view) {
                    (Kind::PageView, view) => {
                        end_view(&mut scrolls[day], view.replace((event.page, None)));
                    }
                    (Kind::Scroll, Some((page, deepest))) if *page == event.page => {
                        *deepest = (*deepest).max(Some(event.scroll_pct));
                    }
                    (Kind::Tap, _) => {
                        let height = screen::page_height(event.page, event.item, width);
                        let cell = screen::cell(event.x, event.y, width, height);
                        let counts = taps[calendar.day_of(event.time_ms) as usize]
                            .entry(event.page.name())
                            .or_default();
                        let element = event.touched.name().to_owned();
                        *counts.elements.entry(element).or_default() += 1;
                        *counts.cells.entry(cell).or_default() += 1;
                    }
                    _ => {}
                }
            }
            end_view(&mut scrolls[day], view);
        }
    }
    let mut scrolls = scrolls.into_iter();
    let scrolls = by_date(calendar, |_| {
        let mut pages = scrolls.next().unwrap_or_default();
        pages.retain(|_, counts| counts.scrolled > 0);
        pages
    });
    let mut taps = taps.into_iter();
    (
        scrolls,
        by_date(calendar, |_| taps.next().unwrap_or_default()),
    )
}

fn end_view(pages: &mut BTreeMap<&'static str, ScrollCounts>, view: Option<(Page, Option<u8>)>) {
    let Some((page, deepest_pct)) = view else {
        return;
    };
    let counts = pages.entry(page.name()).or_default();
    let reaches =
        |pct: usize| u64::from(deepest_pct.is_some_and(|deepest| usize::from(deepest) >= pct));
    counts.views += 1;
    counts.scrolled += u64::from(deepest_pct.is_some());
    for (tenth, count) in (1..).zip(&mut counts.reaching) {
        *count += reaches(tenth * 10);
    }
    counts.reaching_specification += reaches(SPECIFICATION_PCT.0 as usize);
}
