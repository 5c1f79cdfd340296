//! Traffic by channel: visitors, effective ones, payers and what they pay.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::calendar::Calendar;
use super::super::cases::a6;
use super::super::events::Events;
use super::super::person::Person;
use super::super::visit::Event;
use super::super::world::{CHANNELS, Kind};
use super::{ByDate, as_money, by_date};

/// One channel on one date.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct TrafficCounts {
    /// Users with any event.
    pub visitors: u64,
    /// Of these, with an event that makes them effective (the condition stands in the truth's marks).
    pub effective_users: u64,
    /// Users with a `pay`.
    pub payers: u64,
    /// Sum of the amounts of `pay`.
    #[serde(rename = "revenue", serialize_with = "as_money")]
    pub revenue_fen: u64,
}

/// Counts the channels of every date; a channel without visitors has no entry.
pub fn count(
    calendar: &Calendar,
    people: &[Person],
    events: &Events,
) -> ByDate<BTreeMap<&'static str, TrafficCounts>> {
    let mut days = vec![[TrafficCounts::default(); CHANNELS.len()]; calendar.days() as usize];
    for (person, own) in people.iter().zip(events.by_user()) {
        let day_of = |event: &Event| calendar.day_of(event.time_ms);
        for user_day in own.chunk_by(|one, next| day_of(one) == day_of(next)) {
            let counts = &mut days[day_of(&user_day[0]) as usize][person.channel];
            let pays = user_day.iter().filter(|event| event.kind == Kind::Pay);
            counts.visitors += 1;
            counts.effective_users += u64::from(a6::is_effective(user_day));
            counts.payers += u64::from(pays.clone().next().is_some());
            counts.revenue_fen += pays.map(|event| u64::from(event.amount_fen)).sum::<u64>();
        }
    }
    by_date(calendar, |day| {
        CHANNELS
            .iter()
            .zip(days[day as usize])
            .filter(|(_, counts)| counts.visitors > 0)
            .map(|(channel, counts)| (channel.name, counts))
            .collect()
    })
}
