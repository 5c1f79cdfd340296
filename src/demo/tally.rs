//! What the users of each day did in sum: what the cases that set a day's total go by.

use super::calendar::Calendar;
use super::cases::a6;
use super::events::Events;
use super::parallel::in_parts;
use super::visit::Event;
use super::world::Kind;

/// One local day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Users with any event.
    pub visitors: u64,
    /// Of these, effective ones (case A6).
    pub effective: u64,
    /// Users with an exposure.
    pub exposed: u64,
    /// Of these, with a click behind it.
    pub clicked: u64,
    pub page_views: u64,
}

/// Counts each day of the span, events without a user left aside.
pub fn count(calendar: &Calendar, events: &Events) -> Vec<Tally> {
    let parts = in_parts(events.users(), |users| {
        let mut days = vec![Tally::default(); calendar.days() as usize];
        let own = &events.all[events.start_of(users.start)..events.start_of(users.end)];
        let name = |event: &Event| (event.user, calendar.day_of(event.time_ms));
        for user_day in own.chunk_by(|one, next| name(one) == name(next)) {
            add(&mut days[name(&user_day[0]).1 as usize], user_day);
        }
        days
    });
    let mut days = vec![Tally::default(); calendar.days() as usize];
    for (day, part) in parts.iter().flat_map(|part| part.iter().enumerate()) {
        let sum = &mut days[day];
        sum.visitors += part.visitors;
        sum.effective += part.effective;
        sum.exposed += part.exposed;
        sum.clicked += part.clicked;
        sum.page_views += part.page_views;
    }
    days
}

/// Adds one user's events of the day.
fn add(day: &mut Tally, events: &[Event]) {
    let exposure = events.iter().position(|event| event.kind == Kind::Exposure);
    let clicks_after = |from: usize| events[from..].iter().any(|event| event.kind == Kind::Click);
    let views = events.iter().filter(|event| event.kind == Kind::PageView);
    day.visitors += 1;
    day.effective += u64::from(a6::is_effective(events));
    day.exposed += u64::from(exposure.is_some());
    day.clicked += u64::from(exposure.is_some_and(clicks_after));
    day.page_views += views.count() as u64;
}
