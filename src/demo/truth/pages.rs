//! Sessions and what follows which page.
//!
//! A session is cut where a user pauses for more than 30 minutes. The rule that cuts a session after
//! a whole local day without a pause never acts here: nobody's visit lasts that long (tested).

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::calendar::Calendar;
use super::super::events::Events;
use super::super::visit::{Event, SESSION_GAP_MS};
use super::super::world::{Kind, PAGE_COUNT, Page};
use super::{ByDate, by_date};

/// How an exit is named among the next pages.
pub const EXIT: &str = "(exit)";

/// One page on one date. All views of a session count on the session's date.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct PageCounts {
    pub views: u64,
    /// Users who saw it.
    pub visitors: u64,
    /// Views that are the first page view of their session.
    pub entries: u64,
    /// Views that are the last page view of their session.
    pub exits: u64,
    /// Views that are the only page view of their session.
    pub bounces: u64,
    /// Exact median of the time to the session's next event of any kind; null where each view is its
    /// session's last event.
    pub median_dwell_us: Option<f64>,
}

/// A user's sessions; events ascending by (time, id).
pub fn sessions(events: &[Event]) -> impl Iterator<Item = &[Event]> {
    events.chunk_by(|one, next| next.time_ms - one.time_ms <= SESSION_GAP_MS)
}

type Pages = ByDate<BTreeMap<&'static str, PageCounts>>;
type Flow = ByDate<BTreeMap<&'static str, BTreeMap<&'static str, u64>>>;

/// Counts pages and transitions of every date; pages without views have no entry.
pub fn count(calendar: &Calendar, events: &Events) -> (Pages, Flow) {
    let days = calendar.days() as usize;
    let mut pages = vec![[PageCounts::default(); PAGE_COUNT]; days];
    // The next page, or `Page::None` for an exit.
    let mut dwells_ms = vec![vec![Vec::<i64>::new(); PAGE_COUNT]; days];
    let mut flow = vec![[[0_u64; PAGE_COUNT]; PAGE_COUNT]; days];
    for own in events.by_user() {
        let mut seen: Vec<(u32, Page)> = Vec::new();
        for session in sessions(own) {
            let day = calendar.day_of(session[0].time_ms);
            for pair in session.windows(2) {
                if pair[0].kind == Kind::PageView {
                    dwells_ms[day as usize][pair[0].page as usize]
                        .push(pair[1].time_ms - pair[0].time_ms);
                }
            }
            let views: Vec<Page> = session
                .iter()
                .filter(|event| event.kind == Kind::PageView)
                .map(|event| event.page)
                .collect();
            for (index, page) in views.iter().enumerate() {
                let next = views.get(index + 1).copied().unwrap_or(Page::None);
                let (is_entry, is_exit) = (index == 0, index + 1 == views.len());
                let counts = &mut pages[day as usize][*page as usize];
                counts.views += 1;
                counts.entries += u64::from(is_entry);
                counts.exits += u64::from(is_exit);
                counts.bounces += u64::from(is_entry && is_exit);
                flow[day as usize][*page as usize][next as usize] += 1;
                seen.push((day, *page));
            }
        }
        seen.sort_unstable();
        seen.dedup();
        for (day, page) in seen {
            pages[day as usize][page as usize].visitors += 1;
        }
    }
    let pages = by_date(calendar, |day| {
        let mut counts = |page: Page| {
            let dwells_ms = &mut dwells_ms[day as usize][page as usize];
            let counts = PageCounts {
                median_dwell_us: median(dwells_ms).map(|ms| ms * 1_000.0),
                ..pages[day as usize][page as usize]
            };
            (page.name(), counts)
        };
        Page::ALL
            .into_iter()
            .map(&mut counts)
            .filter(|(_, counts)| counts.views > 0)
            .collect()
    });
    let flow = by_date(calendar, |day| {
        let next_of = |page: Page| -> BTreeMap<&'static str, u64> {
            let row = &flow[day as usize][page as usize];
            let exits = (EXIT, row[Page::None as usize]);
            let others = Page::ALL
                .into_iter()
                .map(|next| (next.name(), row[next as usize]));
            others
                .chain([exits])
                .filter(|(_, views)| *views > 0)
                .collect()
        };
        let all = Page::ALL
            .into_iter()
            .map(|page| (page.name(), next_of(page)));
        all.filter(|(_, next)| !next.is_empty()).collect()
    });
    (pages, flow)
}

/// Of an even number, the mean of the two in the middle.
fn median(values: &mut [i64]) -> Option<f64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some((lower + upper) as f64 / 2.0)
}
