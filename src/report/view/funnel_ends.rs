//! A funnel with its ends: below each step where those who came no further went.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::entry_days::{Basis, LONGEST_NAME, in_order, shown, step_rows};
use super::panels::{PanelView, PanelsView};
use super::table::{CellView, HeadView, TableView};
use super::{Charts, Maker};
use crate::error::Result;
use crate::report::chart::{End, EndKind, EndsStep, FunnelEnds};
use crate::report::number::{clean, group, month_day, percent};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// The picture names this many events that people went to instead; the table more.
const DRAWN_EVENTS: usize = 3;
const LISTED_EVENTS: usize = 8;

/// End states as the rows name them.
const STATES: [(&str, EndKind); 6] = [
    ("elsewhere", EndKind::Elsewhere),
    ("gone", EndKind::Gone),
    ("timed_out", EndKind::TimedOut),
    ("excluded", EndKind::Excluded),
    ("open", EndKind::Open),
    ("converted", EndKind::Converted),
];

/// One step of one entry day.
#[derive(Debug)]
struct Step {
    title: String,
    entrants: Option<i64>,
    reached: Option<i64>,
    is_mature: bool,
    /// How many ended here, by state and what they did instead.
    ends: BTreeMap<EndKind, BTreeMap<String, i64>>,
}

impl Step {
    fn ended(&self, kind: EndKind) -> i64 {
        self.ends
            .get(&kind)
            .map_or(0, |events| events.values().sum())
    }

    /// Who came no further without having come through.
    fn stopped(&self) -> i64 {
        self.kinds().map(|kind| self.ended(kind)).sum::<i64>() - self.ended(EndKind::Converted)
    }

    fn kinds(&self) -> impl Iterator<Item = EndKind> {
        self.ends.keys().copied()
    }

    /// Events that people went to instead: the largest first, the rest as one.
    fn events(&self, maker: Maker, most: usize) -> Vec<(String, i64)> {
        let mut events: Vec<(String, i64)> = self
            .ends
            .get(&EndKind::Elsewhere)
            .into_iter()
            .flatten()
            .map(|(event, people)| {
                let name = maker.words.name("next_event", event);
                (clean(name, LONGEST_NAME), *people)
            })
            .collect();
        events.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        // One that is left over is named rather than called the rest.
        if events.len() > most + 1 {
            let rest = events
                .split_off(most)
                .iter()
                .map(|(_, people)| people)
                .sum();
            events.push((maker.words.get(Key::OtherName).to_owned(), rest));
        }
        events
    }
}

/// The pictures; `None` where the report's day has no rows.
pub fn funnel_ends(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<Option<PanelsView>> {
    let (funnel, chains) = read(maker, grid)?;
    let chains = shown(&chains, maker.input.date, |step| step.is_mature);
    if !chains.iter().any(|(basis, ..)| *basis == Basis::SameDay) {
        return Ok(None);
    }
    let mut note = maker.words.get(Key::EndsNote).to_owned();
    if chains.len() == 1 {
        note.push_str(maker.words.get(Key::MatureNotDue));
    }
    let panels = chains
        .into_iter()
        .map(|(basis, day, steps)| panel(maker, &funnel, (basis, day), steps, charts))
        .collect();
    Ok(Some(PanelsView::new(panels, Some(note))))
}

type Days = BTreeMap<(Basis, NaiveDate), Vec<Step>>;

/// Reads and checks: what the rows of a step say of it is the same, each end comes once, and the ends of
/// an entry day add up to those who entered.
fn read(maker: Maker, grid: &Grid) -> Result<(String, Days)> {
    let (entrants, reached) = (grid.place("entrants")?, grid.place("reached")?);
    let (state, event) = (grid.place("end_state")?, grid.place("next_event")?);
    let entities = grid.place("entities")?;
    let section = grid.section;
    let (funnel, rows) = step_rows(maker, grid)?;
    let mut numbered: BTreeMap<(Basis, NaiveDate), BTreeMap<i64, Step>> = BTreeMap::new();
    for row in rows {
        let count = |at: usize| match row.cell(at) {
            Cell::Int(n) => Some(*n),
            _ => None,
        };
        let (now, here) = (count(entrants), count(reached));
        let step = numbered
            .entry((row.basis, row.day))
            .or_default()
            .entry(row.number)
            .or_insert_with(|| Step {
                title: row.title.clone(),
                entrants: now,
                reached: here,
                is_mature: row.is_mature,
                ends: BTreeMap::new(),
            });
        if (step.entrants, step.reached) != (now, here) {
            let cause = format!(
                "of step {} on {} differs from row to row",
                row.number, row.day
            );
            return Err(failed(section, "reached", &cause));
        }
        // A step where nobody ended has a row without an end.
        let (kind, people) = match (row.cell(state).text(), count(entities)) {
            (None, None) => continue,
            (Some(name), Some(people)) if people >= 0 => (kind(grid, name)?, people),
            (Some(_), _) => return Err(failed(section, "entities", "is null or below 0")),
            (None, Some(_)) => return Err(failed(section, "end_state", "is null")),
        };
        let event = row.cell(event).text().unwrap_or("");
        let events = step.ends.entry(kind).or_default();
        if events.insert(event.to_owned(), people).is_some() {
            let cause = format!(
                "comes twice for one step of {}; does the select filter breakdown and segment?",
                row.day
            );
            return Err(failed(section, "end_state", &cause));
        }
    }
    let mut days = Days::new();
    for ((basis, day), steps) in numbered {
        let steps = in_order(grid, day, steps)?;
        let ended: i64 = steps
            .iter()
            .flat_map(|step| step.ends.values().flat_map(BTreeMap::values))
            .sum();
        if let Some(entered) = steps.first().and_then(|step| step.entrants)
            && entered != ended
        {
            let cause = format!("add up to {ended} on {day}, but {entered} entered");
            return Err(failed(section, "entities", &cause));
        }
        days.insert((basis, day), steps);
    }
    Ok((funnel, days))
}

fn kind(grid: &Grid, name: &str) -> Result<EndKind> {
    STATES
        .iter()
        .find(|(state, _)| *state == name)
        .map(|(_, kind)| *kind)
        .ok_or_else(|| {
            let known: Vec<&str> = STATES.iter().map(|(state, _)| *state).collect();
            let name = clean(name, LONGEST_NAME);
            let cause = format!("is `{name}`, none of {}", known.join(", "));
            failed(grid.section, "end_state", &cause)
        })
}

fn state_name(maker: Maker, kind: EndKind) -> String {
    let name = STATES
        .iter()
        .find(|(_, other)| *other == kind)
        .map_or("", |(name, _)| *name);
    maker.words.name("end_state", name).to_owned()
}

/// A part of a whole; 0 where the whole is nothing.
fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn written(count: i64) -> String {
    group(&count.to_string())
}

fn panel(
    maker: Maker,
    funnel: &str,
    (basis, day): (Basis, NaiveDate),
    steps: &[Step],
    charts: &mut Charts,
) -> PanelView {
    let words = maker.words;
    let key = match basis {
        Basis::SameDay => Key::SameDayPanel,
        Basis::Mature => Key::MaturePanel,
    };
    let title = words.fill(key, &[("date", &month_day(day))]);
    let entrants = steps.first().and_then(|step| step.entrants).unwrap_or(0);
    let converted: i64 = steps
        .iter()
        .map(|step| step.ended(EndKind::Converted))
        .sum();
    let overall = percent(share(converted, entrants));
    let drawn = FunnelEnds {
        title: format!(
            "{} · {title}",
            clean(maker.input.funnel_title(funnel), LONGEST_NAME)
        ),
        description: words.fill(
            Key::EndsDescription,
            &[
                ("entrants", &written(entrants)),
                ("converted", &written(converted)),
                ("rate", &overall),
            ],
        ),
        steps: steps
            .iter()
            .enumerate()
            .map(|(at, step)| drawn_step(maker, step, entrants, at + 1 == steps.len()))
            .collect(),
    };
    PanelView {
        title,
        figure: words.fill(Key::OverallRate, &[("rate", &overall)]),
        chart: charts.push(drawn.draw()),
        table: table(maker, steps, entrants),
    }
}

fn drawn_step(maker: Maker, step: &Step, entrants: i64, is_last: bool) -> EndsStep {
    let words = maker.words;
    let reached = step
        .reached
        .map_or_else(|| words.get(Key::NotYetDue).to_owned(), written);
    let overall = step.reached.map(|reached| share(reached, entrants));
    let written_overall = overall.map_or_else(String::new, percent);
    let stopped = step.stopped();
    // At the end of the way having come through is no stop.
    let kinds: Vec<EndKind> = step
        .kinds()
        .filter(|kind| stopped > 0 && (!is_last || *kind != EndKind::Converted))
        .collect();
    let ended: i64 = kinds.iter().map(|kind| step.ended(*kind)).sum();
    let elsewhere = step.ended(EndKind::Elsewhere);
    let mut led_to = Vec::new();
    if elsewhere > 0 {
        led_to.push(words.get(Key::LedTo).to_owned());
        led_to.extend(
            step.events(maker, DRAWN_EVENTS)
                .iter()
                .map(|(event, people)| maker.pair(event, &percent(share(*people, elsewhere)))),
        );
    }
    EndsStep {
        title: words.fill(
            Key::FunnelTooltip,
            &[
                ("step", &step.title),
                ("reached", &reached),
                (
                    "rate",
                    match written_overall.as_str() {
                        "" => words.get(Key::NoValue),
                        rate => rate,
                    },
                ),
            ],
        ),
        name: step.title.clone(),
        stopped: if stopped > 0 {
            words.fill(
                Key::StoppedHere,
                &[
                    ("n", &written(stopped)),
                    ("rate", &percent(share(stopped, step.reached.unwrap_or(0)))),
                ],
            )
        } else {
            String::new()
        },
        ends: kinds
            .iter()
            .map(|kind| {
                let people = step.ended(*kind);
                let state = state_name(maker, *kind);
                let rate = percent(share(people, ended));
                End {
                    kind: *kind,
                    weight: people as f64,
                    text: maker.pair(&state, &rate),
                    title: words.fill(
                        Key::EndTooltip,
                        &[
                            ("step", &step.title),
                            ("state", &state),
                            ("n", &written(people)),
                            ("rate", &rate),
                        ],
                    ),
                }
            })
            .collect(),
        led_to,
        reached,
        overall: written_overall,
        share: overall,
    }
}

/// Every end with its people; those elsewhere by what they did.
fn table(maker: Maker, steps: &[Step], entrants: i64) -> TableView {
    let mut rows = Vec::new();
    for step in steps {
        for kind in step.kinds() {
            let state = state_name(maker, kind);
            let parts = match kind {
                EndKind::Elsewhere => step.events(maker, LISTED_EVENTS),
                _ => vec![(String::new(), step.ended(kind))],
            };
            for (event, people) in parts {
                rows.push(vec![
                    CellView::name(step.title.as_str()),
                    CellView::name(if event.is_empty() {
                        state.clone()
                    } else {
                        maker
                            .words
                            .fill(Key::DotPair, &[("a", &state), ("b", &event)])
                    }),
                    CellView::number(written(people)),
                    CellView::number(percent(share(people, entrants))),
                ]);
            }
        }
    }
    TableView {
        head: vec![
            HeadView::name(maker.term("step")),
            HeadView::name(maker.term("end_state")),
            HeadView::number(maker.term("entities")),
            HeadView::number(maker.words.get(Key::OfEntrants)),
        ],
        rows,
        more: None,
    }
}
