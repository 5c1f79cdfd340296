//! Everything that happened: each user's events in time order, then those without a user.

use super::calendar::Calendar;
use super::cases::{d2, i7};
use super::parallel::in_parts;
use super::person::Person;
use super::plan::{Edge, UserDay};
use super::random::{Purpose, Random, mix};
use super::visit::{Event, Memory, NO_USER, SESSION_GAP_MS, Visit};
use super::world::{COURSES, Kind, PRODUCTS, Page, SINGLE_PAGE_SCENE};

/// Existing users with one event whose id appears again on the next day.
const CONFLICT_SHARE: f64 = 0.006;

/// The unique events.
#[derive(Debug)]
pub struct Events {
    /// Ascending by user, then (time, id); those without a user last, by time.
    pub all: Vec<Event>,
    /// Where each user's events begin; one more entry than users.
    starts: Vec<usize>,
}

impl Events {
    /// Number of users.
    pub fn users(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where a user's events begin in `all`; those without a user begin at the number of users.
    pub fn start_of(&self, user: usize) -> usize {
        self.starts[user]
    }

    /// Each user's events, ascending by (time, id).
    pub fn by_user(&self) -> impl Iterator<Item = &[Event]> {
        self.starts
            .windows(2)
            .map(|pair| &self.all[pair[0]..pair[1]])
    }

    /// The events added since the last user ended are the next user's.
    pub fn end_user(&mut self) {
        self.starts.push(self.all.len());
    }

    /// Events without a user id.
    pub fn without_user(&self) -> &[Event] {
        &self.all[self.starts.last().copied().unwrap_or(0)..]
    }
}

/// Gives event ids.
#[derive(Debug, Clone, Copy)]
pub struct Ids {
    key: u64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self {
            key: Random::stream(seed, Purpose::Ids, 0).bits(),
        }
    }

    /// A bijection of (user, number of the event), so unique.
    pub fn id(self, user: u32, number: u32) -> u64 {
        mix(self
            .key
            .wrapping_add((u64::from(user) << 32) | u64::from(number)))
    }
}

/// Draws the events of all planned days, in which everybody is a user.
pub fn draw(seed: u64, calendar: &Calendar, people: &[Person], days: &[UserDay]) -> Events {
    let ids = Ids::new(seed);
    let parts = in_parts(people.len(), |users| {
        let (mut all, mut ends) = (Vec::new(), Vec::new());
        let mut rest = &days[days.partition_point(|day| (day.user as usize) < users.start)..];
        for user in users {
            let count = rest
                .iter()
                .take_while(|day| day.user as usize == user)
                .count();
            let (own, others) = rest.split_at(count);
            rest = others;
            let from = all.len();
            let person = &people[user];
            let mut random = Random::stream(seed, Purpose::Events, user as u64);
            draw_user(
                &mut random,
                calendar,
                user as u32,
                person,
                own,
                ids,
                &mut all,
            );
            if person.first_day.is_none() && random.chance(CONFLICT_SHARE) {
                repeat_next_day(&mut random, calendar, from, &mut all);
            }
            all[from..].sort_unstable_by_key(|event| (event.time_ms, event.id));
            ends.push(all.len());
        }
        (all, ends)
    });
    let mut events = Events {
        all: Vec::new(),
        starts: vec![0],
    };
    for (all, ends) in parts {
        let before = events.all.len();
        events
            .starts
            .extend(ends.into_iter().map(|end| before + end));
        match before {
            0 => events.all = all,
            _ => events.all.extend_from_slice(&all),
        }
    }
    events
}

fn draw_user(
    random: &mut Random,
    calendar: &Calendar,
    user: u32,
    person: &Person,
    days: &[UserDay],
    ids: Ids,
    out: &mut Vec<Event>,
) {
    let mut memory = Memory {
        registered: person.first_day.is_none(),
        events: 0,
        orders: 0,
        carried: d2::Carried::begin(random),
    };
    let from = out.len();
    // Visits stand more than a session's gap apart, or a planned exit would not be one.
    let mut earliest_ms = i64::MIN;
    for (index, day) in days.iter().enumerate() {
        let span_ms = calendar.span_ms(day.day);
        let start_ms = (span_ms.start + i64::from(day.start_ms)).min(span_ms.end - 30_000);
        let mut visit_at = |now_ms: i64,
                            edge: Edge,
                            random: &mut Random,
                            out: &mut Vec<Event>,
                            act: &dyn Fn(&mut Visit)| {
            let scene = Visit::scene_of(random, person);
            act(&mut Visit {
                random,
                memory: &mut memory,
                ids,
                out,
                user,
                person,
                now_ms,
                scene,
                edge,
                midnight_ms: span_ms.end,
                count: 0,
            });
        };
        let main = out.len();
        visit_at(start_ms.max(earliest_ms), day.edge, random, out, &|visit| {
            visit.main(day)
        });
        // Somebody new who is not to come tomorrow must be gone by midnight.
        let comes_tomorrow = days
            .get(index + 1)
            .is_some_and(|next| next.day == day.day + 1);
        let over_ms = last_ms(out) - span_ms.end + 1;
        if day.is_first && !comes_tomorrow && over_ms > 0 {
            let earlier_ms = over_ms + random.between(0, 5 * 60_000);
            out[main..]
                .iter_mut()
                .for_each(|event| event.time_ms -= earlier_ms);
        }
        for _ in 0..day.more_visits {
            let begin = out.len();
            let unit = random.unit();
            let now_ms =
                last_ms(out) + SESSION_GAP_MS + 1 + (unit * unit * 5.0 * 3_600_000.0) as i64;
            visit_at(now_ms, Edge::None, random, out, &|visit| {
                visit.short(day.layer)
            });
            if last_ms(out) >= span_ms.end {
                out.truncate(begin);
                break;
            }
        }
        earliest_ms = last_ms(out) + SESSION_GAP_MS + 1;
    }
    // The log closes with the last date; times only grow, so these are the last ones.
    while out.len() > from && last_ms(out) >= calendar.end_ms() {
        out.pop();
    }
}

fn last_ms(events: &[Event]) -> i64 {
    events.last().map_or(i64::MIN, |event| event.time_ms)
}

/// A client that reuses an id: a page view appears again, a day later, under the same id.
fn repeat_next_day(random: &mut Random, calendar: &Calendar, from: usize, events: &mut Vec<Event>) {
    let views: Vec<Event> = events[from..]
        .iter()
        .filter(|event| event.kind == Kind::PageView && event.page != Page::Coupon)
        .copied()
        .collect();
    if views.is_empty() {
        return;
    }
    let mut again = random.pick(&views);
    let day = calendar.day_of(again.time_ms);
    again.time_ms += 86_400_000;
    if again.time_ms < calendar.end_ms() && calendar.day_of(again.time_ms) != day {
        events.push(again);
    }
}

/// Adds the page views of the single-page mode (case I7): opened from Moments, without a user id. They
/// come last; `page_views` are those of users on each day.
pub fn add_single_page(seed: u64, calendar: &Calendar, page_views: &[u64], events: &mut Events) {
    let (ids, out) = (Ids::new(seed), &mut events.all);
    let mut number = 0;
    for (day, page_views) in (0..calendar.days()).zip(page_views) {
        let mut random = Random::stream(seed, Purpose::Anonymous, u64::from(day));
        let span_ms = calendar.span_ms(day);
        let from = out.len();
        for _ in 0..i7::views(*page_views) {
            let (page, item) = if random.chance(0.7) {
                (Page::Article, 1 + random.below(u32::from(COURSES)))
            } else {
                (Page::Product, 1 + random.below(u32::from(PRODUCTS)))
            };
            let time_ms = random.between(span_ms.start, span_ms.end - 1);
            out.push(Event {
                scene: SINGLE_PAGE_SCENE,
                item: item as u16,
                page,
                ..Event::page_view(time_ms, ids.id(NO_USER, number), NO_USER)
            });
            number += 1;
        }
        out[from..].sort_unstable_by_key(|event| (event.time_ms, event.id));
    }
}
