//! How events become lines of raw objects: most arrive at once, some late, some twice, a few broken.
//!
//! | dirt | how much |
//! | --- | --- |
//! | out of order within an object | all of it: lines stand in order of arrival, seconds after the event |
//! | late: path one or two days after the event's date | some 0.4% of lines: visits from a random event on, those that arrive after midnight, some copies |
//! | copies of the same content, in the same object, hours or a day later | 0.45% of events |
//! | copies of the same id with a later time on the same date | 0.05% of events |
//! | broken lines | 0.08% of a path date's lines, every [`Fault`] in turn |
//! | blank lines | a few a day |
//! | older than the three days that are accepted | none, or as many a path date as asked for |
//!
//! The log closes with the last date: what would arrive later arrives in its last hour.

use std::mem::take;

use serde::Serialize;

use super::calendar::Calendar;
use super::events::{Events, Ids};
use super::parallel::{for_each, in_parts};
use super::random::{Purpose, Random};
use super::visit::{Event, NO_USER, SESSION_GAP_MS};

/// Chance per event that the rest of its visit is delayed.
const LATE_START_SHARE: f64 = 0.0007;
const COPIED_SHARE: f64 = 0.005;
/// Broken lines for ten thousand good ones of a path date: below the 0.1% that quarantine tolerates.
const BROKEN_PER_10_000: usize = 8;
const BLANK_LINES: u32 = 3;

/// What is wrong with a broken line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// JSON cut off in the middle.
    Cut,
    /// JSON, but not an object.
    NotObject,
    /// No `ts`.
    TimeMissing,
    /// A `ts` that is no time.
    TimeUnreadable,
    /// No `event`, or null.
    EventMissing,
}

impl Fault {
    pub const ALL: [Self; 5] = [
        Self::Cut,
        Self::NotObject,
        Self::TimeMissing,
        Self::TimeUnreadable,
        Self::EventMissing,
    ];
}

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Event,
    /// The event again, its time so much later.
    Copy {
        later_ms: u32,
    },
    /// Something like the event, but broken.
    Broken {
        fault: Fault,
        salt: u16,
    },
    Blank,
    /// Like the event under a fresh id, but so many days before it.
    TooLate {
        days: u8,
        id: u64,
    },
}

/// A line of a raw object.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Path day × 24 + path hour.
    pub object: u32,
    pub arrival_ms: i64,
    /// Index into [`Events::all`]; of the model event where the form is not an event.
    pub event: u32,
    pub form: Form,
}

/// All lines.
#[derive(Debug)]
pub struct Delivery {
    /// By path day, ascending by object and, within it, in their order.
    days: Vec<Vec<Line>>,
}

impl Delivery {
    /// The lines of the object of a path day and hour.
    pub fn object(&self, day: u32, hour: u32) -> &[Line] {
        let lines = self.path_day(day);
        let before = |object: u32| lines.partition_point(|line| line.object < object);
        &lines[before(day * 24 + hour)..before(day * 24 + hour + 1)]
    }

    /// The lines of a path day.
    pub fn path_day(&self, day: u32) -> &[Line] {
        &self.days[day as usize]
    }

    /// Every line.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.days.iter().flatten()
    }
}

/// Draws the lines of all events and the dirt among them.
pub fn deliver(seed: u64, calendar: &Calendar, events: &Events, too_late: u32) -> Delivery {
    let post_from = |user: usize| Post {
        calendar,
        days: vec![Vec::new(); calendar.days() as usize],
        next: events.start_of(user) as u32,
    };
    let mut parts = in_parts(events.users(), |users| {
        let mut post = post_from(users.start);
        for (user, own) in events
            .by_user()
            .enumerate()
            .take(users.end)
            .skip(users.start)
        {
            post.user(
                &mut Random::stream(seed, Purpose::Delivery, user as u64),
                own,
            );
        }
        post.days
    });
    let mut post = post_from(events.users());
    post.user(
        &mut Random::stream(seed, Purpose::Delivery, u64::from(NO_USER)),
        events.without_user(),
    );
    parts.push(post.days);
    let mut days: Vec<Vec<Line>> = (0..calendar.days() as usize)
        .map(|day| {
            let of_day: Vec<Vec<Line>> =
                parts.iter_mut().map(|part| take(&mut part[day])).collect();
            of_day.concat()
        })
        .collect();
    let ids = Ids::new(seed);
    let place = |line: &Line| (line.object, line.arrival_ms, line.event, line.form);
    for_each(&mut days, |day, lines| {
        lines.sort_unstable_by_key(place);
        let mut random = Random::stream(seed, Purpose::Faults, day as u64);
        let dirt = faults(&mut random, ids, day as u32, lines, too_late);
        lines.extend(dirt);
        // A stable sort is quick where nearly everything is in order.
        lines.sort_by_key(place);
    });
    Delivery { days }
}

/// Blank, broken and too late lines of a path day, each beside a good one.
fn faults(random: &mut Random, ids: Ids, day: u32, good: &[Line], too_late: u32) -> Vec<Line> {
    if good.is_empty() {
        return Vec::new();
    }
    let mut dirt = Vec::new();
    for _ in 0..random.below(BLANK_LINES + 1) {
        dirt.push((random.pick(good), Form::Blank));
    }
    for number in 0..good.len() * BROKEN_PER_10_000 / 10_000 {
        // The days take turns, so that short days show every fault too.
        let fault = Fault::ALL[(day as usize + number) % Fault::ALL.len()];
        let salt = random.below(1 << 16) as u16;
        dirt.push((random.pick(good), Form::Broken { fault, salt }));
    }
    for number in 0..too_late {
        let days = random.between(4, 6) as u8;
        let id = ids.id(NO_USER - 1 - day, number);
        // Only an event of the path date itself is then surely more than three days late.
        let punctual: Line = random.pick(good);
        dirt.push((punctual, Form::TooLate { days, id }));
    }
    dirt.into_iter()
        .map(|(line, form)| Line { form, ..line })
        .collect()
}

struct Post<'a> {
    calendar: &'a Calendar,
    /// By path day.
    days: Vec<Vec<Line>>,
    /// Index of the next event.
    next: u32,
}

impl Post<'_> {
    fn user(&mut self, random: &mut Random, events: &[Event]) {
        let mut before_ms = i64::MIN;
        let mut upload_ms = None;
        for event in events {
            if event.user == NO_USER || event.time_ms.saturating_sub(before_ms) > SESSION_GAP_MS {
                upload_ms = None;
            }
            before_ms = event.time_ms;
            // Once a phone has lost its network, the rest of the visit waits for the next days.
            if upload_ms.is_none() && random.chance(LATE_START_SHARE) {
                upload_ms = self.upload_later(random, event);
            }
            let delay_ms = if random.chance(0.02) {
                random.below(240_000)
            } else {
                random.below(6_000)
            };
            let arrival_ms = upload_ms.unwrap_or(event.time_ms) + i64::from(delay_ms);
            self.put(arrival_ms, Form::Event);
            if random.chance(COPIED_SHARE) {
                for _ in 0..=random.below(10) / 9 {
                    self.copy(random, event, arrival_ms);
                }
            }
            self.next += 1;
        }
    }

    /// When the network is back, one or two local days on; none where the log has closed by then.
    fn upload_later(&self, random: &mut Random, event: &Event) -> Option<i64> {
        let day = self.calendar.day_of(event.time_ms) + 1 + random.below(4) / 3;
        (day < self.calendar.days()).then(|| self.within(random, day))
    }

    fn within(&self, random: &mut Random, day: u32) -> i64 {
        let span_ms = self.calendar.span_ms(day);
        random.between(span_ms.start, span_ms.end - 1)
    }

    fn copy(&mut self, random: &mut Random, event: &Event, arrival_ms: i64) {
        let mut later_ms = 0;
        let again_ms = match random.below(10) {
            0..=4 => arrival_ms + random.between(0, 3_000),
            5..=7 => arrival_ms + random.between(3_600_000, 10_800_000),
            8 => {
                let day = self.calendar.day_of(arrival_ms) + 1;
                if day < self.calendar.days() {
                    self.within(random, day)
                } else {
                    arrival_ms
                }
            }
            _ => {
                let later = random.between(1, 300_000);
                let day_of = |ms| self.calendar.day_of(ms);
                if day_of(event.time_ms + later) == day_of(event.time_ms) {
                    later_ms = later as u32;
                }
                arrival_ms + later
            }
        };
        self.put(again_ms, Form::Copy { later_ms });
    }

    fn put(&mut self, arrival_ms: i64, form: Form) {
        let arrival_ms = arrival_ms.min(self.calendar.end_ms() - 1);
        let path = self.calendar.local(arrival_ms);
        self.days[path.day as usize].push(Line {
            object: path.day as u32 * 24 + path.hour,
            arrival_ms,
            event: self.next,
            form,
        });
    }
}

/// Counts of a path date's lines. Too late lines are counted apart from broken ones.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LineCounts {
    /// Lines that are not blank.
    pub lines: u64,
    pub blank: u64,
    /// Broken ones by what is wrong.
    pub bad: std::collections::BTreeMap<Fault, u64>,
    /// Accepted lines whose event date lies before the path date.
    pub late: u64,
    /// Lines more than three days late, to be refused.
    pub too_late: u64,
}

impl Line {
    /// The time that the line carries.
    pub fn time_ms(&self, event: &Event) -> i64 {
        match self.form {
            Form::Copy { later_ms } => event.time_ms + i64::from(later_ms),
            // An hour more, so that daylight saving never makes three days of four.
            Form::TooLate { days, .. } => event.time_ms - i64::from(days) * 86_400_000 - 3_600_000,
            Form::Event | Form::Broken { .. } | Form::Blank => event.time_ms,
        }
    }

    /// Whether an unharmed reader accepts it as an event.
    pub fn is_accepted(&self) -> bool {
        matches!(self.form, Form::Event | Form::Copy { .. })
    }
}
