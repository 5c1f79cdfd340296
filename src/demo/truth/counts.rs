//! The daily core figures, and who of the new users came back on the next day.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::calendar::Calendar;
use super::super::cases::a5::Cohorts;
use super::super::events::Events;
use super::super::person::Person;
use super::super::visit::{Event, NO_USER};
use super::super::world::{Kind, Platform};
use super::{ByDate, as_money, by_date, pages};

/// One date of one platform, or of all.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Core {
    /// Users with any event on the date.
    pub visitors: u64,
    /// Of these, with no event on an earlier date.
    pub new_users: u64,
    /// Sessions that begin on the date.
    pub sessions: u64,
    /// Sessions that begin on the date and have exactly one page view.
    pub bounces: u64,
    /// Page views on the date, those without a user among them.
    pub page_views: u64,
    /// Of these, without a user: in `all` and in their platform's row alike.
    pub page_views_without_user: u64,
    /// Users who register.
    pub registrations: u64,
    /// Of these, with no `register` on an earlier date.
    pub new_registrations: u64,
    /// Users with a `pay`.
    pub payers: u64,
    /// Of these, with no `pay` on an earlier date.
    pub new_payers: u64,
    /// Events `pay`.
    pub orders: u64,
    /// Sum of their amounts.
    #[serde(rename = "paid_gmv", serialize_with = "as_money")]
    pub paid_fen: u64,
    /// Users with an exposure.
    pub exposed: u64,
    /// Payers / exposed users of the date; null where nobody was exposed. Set at the end.
    pub pay_conversion: Option<f64>,
}

impl Core {
    fn add(&mut self, other: &Self) {
        self.visitors += other.visitors;
        self.new_users += other.new_users;
        self.sessions += other.sessions;
        self.bounces += other.bounces;
        self.page_views += other.page_views;
        self.page_views_without_user += other.page_views_without_user;
        self.registrations += other.registrations;
        self.new_registrations += other.new_registrations;
        self.payers += other.payers;
        self.new_payers += other.new_payers;
        self.orders += other.orders;
        self.paid_fen += other.paid_fen;
        self.exposed += other.exposed;
    }
}

/// What one user (or the nameless) did on one day.
fn core_of(events: &[Event]) -> Core {
    let has = |kind: Kind| u64::from(events.iter().any(|event| event.kind == kind));
    let page_views = events
        .iter()
        .filter(|event| event.kind == Kind::PageView)
        .count() as u64;
    let pays = || events.iter().filter(|event| event.kind == Kind::Pay);
    Core {
        visitors: 1,
        page_views,
        registrations: has(Kind::Register),
        payers: has(Kind::Pay),
        orders: pays().count() as u64,
        paid_fen: pays().map(|event| u64::from(event.amount_fen)).sum(),
        exposed: has(Kind::Exposure),
        ..Core::default()
    }
}

/// Counts the core figures of every date, and the cohorts of case A5.
pub fn count(
    calendar: &Calendar,
    people: &[Person],
    events: &Events,
) -> (ByDate<BTreeMap<&'static str, Core>>, Cohorts) {
    let mut days = vec![[Core::default(); 2]; calendar.days() as usize];
    let mut cohorts = Cohorts::default();
    for (person, own) in people.iter().zip(events.by_user()) {
        let platform = person.platform as usize;
        let mut seen = Vec::new();
        let (mut has_registered, mut has_paid) = (false, false);
        for day_events in own
            .chunk_by(|one, other| calendar.day_of(one.time_ms) == calendar.day_of(other.time_ms))
        {
            let day = calendar.day_of(day_events[0].time_ms);
            let mut core = core_of(day_events);
            core.new_users = u64::from(seen.is_empty());
            core.new_registrations = core.registrations * u64::from(!has_registered);
            core.new_payers = core.payers * u64::from(!has_paid);
            has_registered |= core.registrations > 0;
            has_paid |= core.payers > 0;
            seen.push(day);
            days[day as usize][platform].add(&core);
        }
        for session in pages::sessions(own) {
            let core = &mut days[calendar.day_of(session[0].time_ms) as usize][platform];
            core.sessions += 1;
            core.bounces += u64::from(
                session
                    .iter()
                    .filter(|event| event.kind == Kind::PageView)
                    .count()
                    == 1,
            );
        }
        if person.first_day.is_some()
            && let Some(first) = seen.first().filter(|day| **day + 1 < calendar.days())
        {
            cohorts.new_users[platform] += 1;
            cohorts.returned[platform] += u64::from(seen.contains(&(first + 1)));
        }
    }
    for event in events
        .without_user()
        .iter()
        .filter(|event| event.user == NO_USER)
    {
        let platform = super::super::line::platform_of(people, event);
        let core = &mut days[calendar.day_of(event.time_ms) as usize][platform as usize];
        core.page_views += 1;
        core.page_views_without_user += 1;
    }
    let mut days = days.into_iter();
    let by_date = by_date(calendar, |_| {
        let [ios, android] = days.next().unwrap_or_default();
        let mut all = ios;
        all.add(&android);
        [
            ("all", all),
            (Platform::Ios.name(), ios),
            (Platform::Android.name(), android),
        ]
        .into_iter()
        .map(|(segment, mut core)| {
            core.pay_conversion =
                (core.exposed > 0).then(|| core.payers as f64 / core.exposed as f64);
            (segment, core)
        })
        .collect()
    });
    (by_date, cohorts)
}
