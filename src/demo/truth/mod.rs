//! What the reports must find: counted here from the drawn events, person by person, without SQL.
//!
//! Every figure is a plain count over unique events (a date and an id name one event). Dates are local
//! days, written `YYYY-MM-DD`; money is a decimal text.

mod counts;
mod forms;
mod funnel;
mod pages;
mod touches;
mod traffic;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::calendar::Calendar;
use super::cases::a5::Cohorts;
use super::delivery::{Delivery, Form, LineCounts};
use super::events::Events;
use super::person::Person;
use super::spend::SpendRow;

pub use counts::Core;
pub use forms::FormCounts;
pub use funnel::Reached;
pub use pages::PageCounts;
pub use touches::{ScrollCounts, TapCounts};
pub use traffic::TrafficCounts;

/// By local date.
pub type ByDate<T> = BTreeMap<String, T>;

/// Exact counts of the whole span, as they stand when everything has arrived.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Drawn {
    /// By path date: the lines of its objects.
    pub lines: ByDate<LineCounts>,
    /// By event date: unique events and what was removed.
    pub events: ByDate<EventCounts>,
    /// By date, then `all`, `ios`, `android`.
    pub daily_core: ByDate<BTreeMap<&'static str, Core>>,
    /// By the date on which the session began, then page.
    pub page_daily: ByDate<BTreeMap<&'static str, PageCounts>>,
    /// By the session's date, page, next page (`(exit)` for none): views.
    pub page_flow: ByDate<BTreeMap<&'static str, BTreeMap<&'static str, u64>>>,
    /// By funnel, entry date, then segment: `all`, `ios`, and for the shop also `ios,douyin`. Only
    /// `all` stands where nobody entered.
    pub funnels: BTreeMap<&'static str, ByDate<BTreeMap<String, Reached>>>,
    /// By date: the registration form.
    pub forms: ByDate<FormCounts>,
    /// By the session's date, then page: how far down it is seen.
    pub scrolls: ByDate<BTreeMap<&'static str, ScrollCounts>>,
    /// By date, then page.
    pub taps: ByDate<BTreeMap<&'static str, TapCounts>>,
    /// By date, then channel.
    pub traffic: ByDate<BTreeMap<&'static str, TrafficCounts>>,
    /// By date, then page: views of the single-page mode, without a user.
    pub single_page: ByDate<BTreeMap<&'static str, u64>>,
    /// By date.
    pub spend: ByDate<SpendCounts>,
}

/// Events of one local date.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EventCounts {
    /// Accepted lines that carry this date, copies among them.
    pub lines: u64,
    pub unique_events: u64,
    /// `lines - unique_events`.
    pub duplicates_removed: u64,
    /// Unique events of the date whose id appears on another date too; all are kept.
    pub conflicts: u64,
    /// Unique events without a user id.
    pub without_user: u64,
}

/// Spend of one date.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SpendCounts {
    pub rows: u64,
    pub impressions: u64,
    pub clicks: u64,
    pub spend: String,
}

impl Drawn {
    /// Entrants of a funnel's segment over all dates (due ones, on the mature basis) that reached a
    /// step (0-based).
    pub fn reached(&self, funnel: &str, segment: &str, basis: &str, step: usize) -> u64 {
        self.funnels
            .get(funnel)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(|segments| segments.get(segment))
            .filter_map(|reached| match basis {
                "mature" => reached.mature.as_ref(),
                _ => Some(&reached.same_day),
            })
            .map(|counts| counts[step])
            .sum()
    }
}

/// Counts everything.
pub fn count(
    calendar: &Calendar,
    people: &[Person],
    events: &Events,
    delivery: &Delivery,
    spend: impl Fn(u32) -> Vec<SpendRow>,
) -> (Drawn, Cohorts) {
    let (daily_core, cohorts) = counts::count(calendar, people, events);
    let (page_daily, page_flow) = pages::count(calendar, events);
    let (scrolls, taps) = touches::count(calendar, people, events);
    let drawn = Drawn {
        lines: count_lines(calendar, events, delivery),
        events: count_events(calendar, events, delivery),
        daily_core,
        page_daily,
        page_flow,
        funnels: funnel::count(calendar, people, events),
        forms: forms::count(calendar, events),
        scrolls,
        taps,
        traffic: traffic::count(calendar, people, events),
        single_page: count_single_page(calendar, events),
        spend: by_date(calendar, |day| {
            let rows = spend(day);
            SpendCounts {
                rows: rows.len() as u64,
                impressions: rows.iter().map(|row| row.impressions).sum(),
                clicks: rows.iter().map(|row| row.clicks).sum(),
                spend: money(rows.iter().map(|row| row.spend_fen).sum()),
            }
        }),
    };
    (drawn, cohorts)
}

/// One value for every date of the span.
fn by_date<T>(calendar: &Calendar, mut value: impl FnMut(u32) -> T) -> ByDate<T> {
    (0..calendar.days())
        .map(|day| (calendar.date(day as i32).to_owned(), value(day)))
        .collect()
}

fn as_money<S: Serializer>(fen: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&money(*fen))
}

/// Fen as a decimal text.
pub fn money(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn count_lines(calendar: &Calendar, events: &Events, delivery: &Delivery) -> ByDate<LineCounts> {
    by_date(calendar, |day| {
        let mut counts = LineCounts::default();
        for line in delivery.path_day(day) {
            let event = &events.all[line.event as usize];
            counts.lines += u64::from(line.form != Form::Blank);
            match line.form {
                Form::Blank => counts.blank += 1,
                Form::Broken { fault, .. } => *counts.bad.entry(fault).or_default() += 1,
                Form::TooLate { .. } => counts.too_late += 1,
                Form::Event | Form::Copy { .. } => {
                    counts.late += u64::from(calendar.day_of(line.time_ms(event)) < day);
                }
            }
        }
        counts
    })
}

fn count_single_page(calendar: &Calendar, events: &Events) -> ByDate<BTreeMap<&'static str, u64>> {
    let mut days = vec![BTreeMap::new(); calendar.days() as usize];
    for event in events.without_user() {
        let pages = &mut days[calendar.day_of(event.time_ms) as usize];
        *pages.entry(event.page.name()).or_default() += 1;
    }
    let mut days = days.into_iter();
    by_date(calendar, |_| days.next().unwrap_or_default())
}

fn count_events(calendar: &Calendar, events: &Events, delivery: &Delivery) -> ByDate<EventCounts> {
    let mut days = vec![EventCounts::default(); calendar.days() as usize];
    for line in delivery.lines().filter(|line| line.is_accepted()) {
        days[calendar.day_of(line.time_ms(&events.all[line.event as usize])) as usize].lines += 1;
    }
    let mut ids: Vec<(u64, u32)> = events
        .all
        .iter()
        .map(|event| (event.id, calendar.day_of(event.time_ms)))
        .collect();
    ids.sort_unstable();
    for same_id in ids.chunk_by(|one, other| one.0 == other.0) {
        for (_, day) in same_id {
            let counts = &mut days[*day as usize];
            counts.unique_events += 1;
            counts.conflicts += u64::from(same_id.len() > 1);
        }
    }
    for event in events.without_user() {
        days[calendar.day_of(event.time_ms) as usize].without_user += 1;
    }
    let mut days = days.into_iter();
    by_date(calendar, |_| {
        let mut counts = days.next().unwrap_or_default();
        counts.duplicates_removed = counts.lines - counts.unique_events;
        counts
    })
}
