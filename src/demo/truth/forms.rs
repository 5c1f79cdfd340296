//! The registration form: who starts it, which fields they touch, where they leave it.
//!
//! One user on one local day: starts with the first `phone`, converts with a registration or login not
//! before it, on that day; otherwise leaves at the field touched last.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::calendar::Calendar;
use super::super::events::Events;
use super::super::screen::Touched;
use super::super::visit::Event;
use super::super::world::Kind;
use super::{ByDate, by_date};

/// The form on one date.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FormCounts {
    /// Users who touch the phone number.
    pub started: u64,
    /// Of these, who sign in on that day.
    pub converted: u64,
    /// By field: of those who start, users who touch it.
    pub touched: BTreeMap<&'static str, u64>,
    /// By field: of those who start and do not sign in, users who touch it last.
    pub left_at: BTreeMap<&'static str, u64>,
}

/// Counts the form of every date.
pub fn count(calendar: &Calendar, events: &Events) -> ByDate<FormCounts> {
    let mut days = vec![FormCounts::default(); calendar.days() as usize];
    for own in events.by_user() {
        let day_of = |event: &Event| calendar.day_of(event.time_ms);
        for user_day in own.chunk_by(|one, next| day_of(one) == day_of(next)) {
            add(&mut days[day_of(&user_day[0]) as usize], user_day);
        }
    }
    let mut days = days.into_iter();
    by_date(calendar, |_| days.next().unwrap_or_default())
}

fn add(counts: &mut FormCounts, events: &[Event]) {
    let Some(start) = events
        .iter()
        .position(|event| event.touched == Touched::Phone)
    else {
        return;
    };
    let fields = || {
        events[start..]
            .iter()
            .filter(|event| event.kind == Kind::RegisterField)
    };
    let converts = events[start..]
        .iter()
        .any(|event| matches!(event.kind, Kind::Register | Kind::Login));
    counts.started += 1;
    counts.converted += u64::from(converts);
    for field in Touched::FIELDS {
        if fields().any(|event| event.touched == field) {
            *counts.touched.entry(field.name()).or_default() += 1;
        }
    }
    if let Some(last) = fields().next_back().filter(|_| !converts) {
        *counts.left_at.entry(last.touched.name()).or_default() += 1;
    }
}
