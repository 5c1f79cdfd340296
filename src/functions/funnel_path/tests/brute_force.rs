//! Entries judged by every chain there is; that shares no idea with the searches under test.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use proptest::prelude::*;

use super::super::rules::Order;
use super::every_chain::{DAY, Log};
use super::support::{Asked, Given, Got, HOUR};

/// Everything the entry must be, given that its chain is a valid one.
fn judge(
    asked: &Asked,
    rows: &[Given],
    day: i64,
    same_day: bool,
    got: Option<&Got>,
) -> Result<(), TestCaseError> {
    let rules = asked.rules();
    let log = Log {
        rules: &rules,
        rows,
        has_same: asked.has_same,
        day,
        same_day,
    };
    let (best, chains) = match rules.order {
        Order::Any => (log.any(), Vec::new()),
        _ => {
            let chains = log.chains();
            let best = chains
                .iter()
                .map(|chain| {
                    (
                        chain.len(),
                        rows[chain[chain.len() - 1]].time,
                        rows[chain[0]].time,
                    )
                })
                .max_by_key(|(level, time, start)| (*level, -time, *start));
            (best, chains)
        }
    };
    let Some((level, time, start)) = best else {
        prop_assert_eq!(got, None, "nobody entered");
        return Ok(());
    };
    let last_of = |got: &Got| {
        rules
            .required
            .get(got.level - 1)
            .and_then(|step| got.step_us[*step])
    };
    let window_end = start + rules.window_us;
    let finished = level == rules.required.len();
    let deadline = match rules
        .required
        .get(level)
        .and_then(|step| rules.within_us[*step])
    {
        Some(within) => window_end.min(time + within),
        None => window_end,
    };
    let seen = |row: &&Given| log.seen(row);
    let exclusions = |row: &Given| {
        rules
            .exclusions
            .iter()
            .enumerate()
            .filter(|(at, exclusion)| {
                row.exclusions >> at & 1 == 1
                    && (exclusion.from_level..exclusion.to_level).contains(&level)
            })
            .map(|(_, exclusion)| exclusion.drops)
            .collect::<Vec<_>>()
    };
    let excluded_at = rows
        .iter()
        .filter(seen)
        .filter(|row| {
            !finished && row.time >= time && row.time <= deadline && !exclusions(row).is_empty()
        })
        .map(|row| row.time)
        .min();
    if let Some(at) = excluded_at {
        let drops = rows
            .iter()
            .filter(seen)
            .filter(|row| row.time == at)
            .any(|row| exclusions(row).contains(&true));
        if drops {
            prop_assert_eq!(got, None, "dropped");
            return Ok(());
        }
    }
    let Some(got) = got else {
        return Err(TestCaseError::fail("an entry is missing"));
    };
    prop_assert_eq!((got.level, got.time), (level, start));
    prop_assert_eq!(last_of(got).map(|last| start + last), Some(time));
    let own: Vec<i64> = rules.required[..level]
        .iter()
        .map(|step| start + got.step_us[*step].unwrap())
        .collect();
    let same: Option<Option<u32>> = match rules.order {
        Order::Any => None,
        _ => {
            let chosen: Vec<&Vec<usize>> = chains
                .iter()
                .filter(|chain| {
                    chain
                        .iter()
                        .map(|at| rows[*at].time)
                        .eq(own.iter().copied())
                })
                .collect();
            prop_assert!(!chosen.is_empty(), "the chain is none");
            if rules.order == Order::Ordered && !asked.has_same {
                // Of chains alike, each step is the latest that can be had, from the last one back.
                let latest = chains
                    .iter()
                    .filter(|chain| chain.len() == level && rows[chain[level - 1]].time == time)
                    .map(|chain| {
                        chain
                            .iter()
                            .rev()
                            .map(|at| rows[*at].time)
                            .collect::<Vec<_>>()
                    })
                    .max();
                prop_assert_eq!(Some(own.iter().rev().copied().collect::<Vec<_>>()), latest);
            }
            let held: BTreeSet<_> = chosen.iter().map(|chain| rows[chain[0]].same).collect();
            (held.len() == 1).then(|| rows[chosen[0][0]].same)
        }
    };
    // Which thing is held the same is not told where several would do; the rest is then not judged.
    if asked.has_same && same.is_none() {
        return Ok(());
    }
    let holds = |row: &Given| !asked.has_same || Some(row.same) == same;
    let mut taken: Vec<usize> = Vec::new();
    let has_optional = rules.required.len() < rules.steps;
    if has_optional {
        // Which rows the required steps take is not told where several of one moment would do.
        let row_sets: BTreeSet<Vec<usize>> = chains
            .iter()
            .filter(|chain| {
                chain
                    .iter()
                    .map(|at| rows[*at].time)
                    .eq(own.iter().copied())
            })
            .cloned()
            .collect();
        if row_sets.len() > 1 {
            return Ok(());
        }
        let chain = row_sets.first().unwrap();
        for gap in 1..=level {
            let last = rules.required[gap - 1];
            let next = rules.required.get(gap).copied().unwrap_or(rules.steps);
            let after = own[gap - 1];
            let first = &rows[chain[0]];
            let until = match own.get(gap) {
                Some(time) => *time,
                None => excluded_at.unwrap_or(window_end),
            };
            for step in last + 1..next {
                let found = (0..rows.len())
                    .filter(|at| {
                        let row = &rows[*at];
                        log.fills(row, step)
                            && holds(row)
                            && row.time >= after
                            && row.time <= until
                            && !chain.contains(at)
                            && !taken.contains(at)
                            && rules.within_us[step].is_none_or(|within| row.time - after <= within)
                            && !(rules.order == Order::Strict
                                && gap == level
                                && (0..rows.len()).any(|other| {
                                    let (from, to) =
                                        (log.place(first, chain[level - 1]), log.place(first, *at));
                                    let here = log.place(first, other);
                                    from < here
                                        && here < to
                                        && !log.bears(first, level, &rows[other])
                                }))
                    })
                    .min_by_key(|at| rows[*at].time);
                let told = got.step_us[step].map(|us| start + us);
                prop_assert_eq!(
                    told,
                    found.map(|at| rows[at].time),
                    "optional step {}",
                    step + 1
                );
                if let Some(at) = found {
                    let time = rows[at].time;
                    let alike = (0..rows.len()).filter(|other| {
                        rows[*other].time == time
                            && log.fills(&rows[*other], step)
                            && !chain.contains(other)
                    });
                    if alike.count() > 1 {
                        return Ok(());
                    }
                    taken.push(at);
                }
            }
        }
    }
    let next_steps = |row: &Given| match rules.order {
        // What the chain's rows can fill, all rows from its entry on can: the late one must add to them.
        Order::Any => {
            let steps: BTreeSet<usize> = (0..rules.steps).collect();
            let with = (0..rows.len())
                .filter(|at| (start..=time).contains(&rows[*at].time) || rows[*at] == *row)
                .collect::<Vec<_>>();
            log.most(&with, &steps) > level
        }
        _ => !finished && log.fills(row, rules.required[level]) && holds(row),
    };
    let last_day = window_end.div_euclid(DAY);
    let late = rows.iter().filter(seen).any(|row| {
        row.exclusions == 0
            && row.time > deadline
            && Log::day_of(row) <= last_day
            && next_steps(row)
    });
    let others: Vec<&Given> = (0..rows.len())
        .filter(|at| !taken.contains(at))
        .map(|at| &rows[at])
        .filter(seen)
        .filter(|row| row.time > time && row.time <= window_end)
        .collect();
    let first_other = others.iter().map(|row| row.time).min();
    let next = others
        .iter()
        .filter(|row| Some(row.time) == first_other)
        .map(|row| row.name)
        .min();
    let is_open = !same_day
        && asked
            .complete_before
            .is_some_and(|before| window_end >= before);
    let state = if finished {
        "converted"
    } else if excluded_at.is_some() {
        "excluded"
    } else if is_open {
        "open"
    } else if late {
        "timed_out"
    } else if next.is_some() {
        "elsewhere"
    } else {
        "gone"
    };
    prop_assert_eq!(&got.state, state);
    let told = if state == "elsewhere" { next } else { None };
    prop_assert_eq!(got.next.as_deref(), told);
    Ok(())
}

fn rules(order: &'static str) -> impl Strategy<Value = (String, usize, usize)> {
    let part = (1usize..=4, 0i64..40, 0usize..=2);
    part.prop_flat_map(move |(steps, window, exclusions)| {
        let within = prop::collection::vec(prop::option::weighted(0.3, 0i64..20), steps);
        let optional = prop::collection::vec(prop::bool::weighted(0.3), steps);
        let ranges = prop::collection::vec(
            (0usize..4, 0usize..4, any::<bool>(), any::<bool>()),
            exclusions,
        );
        (within, optional, ranges).prop_map(move |(within, optional, ranges)| {
            let mut text = format!("window {window}h; {order}");
            let is_any = order == "any";
            let is_optional = |step: usize| !is_any && step > 0 && optional[step];
            for step in 1..steps {
                if let Some(within) = within[step].filter(|_| !is_any) {
                    text.push_str(&format!("; step {} within {within}h", step + 1));
                }
                if is_optional(step) {
                    text.push_str(&format!("; step {} optional", step + 1));
                }
            }
            let required: Vec<usize> = (0..steps).filter(|step| !is_optional(*step)).collect();
            for (at, (after, before, bounded, drops)) in ranges.iter().enumerate() {
                text.push_str(&format!("; exclusion {}", at + 1));
                if *bounded && !is_any {
                    let after = required[after % required.len()] + 1;
                    let before = required[before % required.len()] + 1;
                    text.push_str(&format!(" after step {after} before step {before}"));
                }
                text.push_str(if *drops { " drop" } else { " keep" });
            }
            (text, steps, exclusions)
        })
    })
}

const NAMES: [&str; 4] = ["home", "search", "cart", "a name longer than twelve bytes"];

fn row() -> impl Strategy<Value = Given> {
    (
        0i64..72,
        0u32..16,
        prop::bool::weighted(0.4),
        0u32..4,
        prop::option::weighted(0.8, 0u32..2),
        0usize..4,
    )
        .prop_map(|(hour, steps, several, exclusions, same, name)| Given {
            time: hour * HOUR / 2,
            steps: if several {
                steps
            } else {
                (1 << (steps % 5)) & 15
            },
            exclusions: if exclusions == 3 { 1 + steps % 3 } else { 0 },
            same,
            name: NAMES[name],
        })
}

fn equal_to_every_chain(order: &'static str, cases: u32) {
    let config = ProptestConfig {
        cases,
        ..ProptestConfig::default()
    };
    let drawn = (
        rules(order),
        prop::collection::vec(row(), 0..8),
        any::<bool>(),
        prop::option::of(0i64..4),
        any::<bool>(),
    );
    proptest!(config, |(((text, steps, exclusions), rows, has_same, complete, in_order) in drawn)| {
        let asked = Asked {
            rules: text,
            conditions: steps + exclusions,
            days: (0, 1),
            complete_before: complete.map(|days| days * DAY),
            has_same,
            zone: Tz::UTC,
        };
        let rows: Vec<Given> = rows
            .into_iter()
            .map(|row| Given {
                steps: row.steps & ((1 << steps) - 1),
                exclusions: row.exclusions & ((1 << exclusions) - 1),
                ..row
            })
            .collect();
        let got = asked.entries(&rows, in_order);
        for day in 0..=1 {
            for same_day in [true, false] {
                let basis = if same_day { "same_day" } else { "mature" };
                let entry = got.iter().filter(|got| got.day == day && got.basis == basis);
                prop_assert!(entry.clone().count() <= 1);
                judge(&asked, &rows, i64::from(day), same_day, entry.clone().next())?;
            }
        }
        prop_assert!(got.iter().all(|got| (0..=1).contains(&got.day)));
        prop_assert_eq!(&got, &asked.entries(&rows.iter().rev().copied().collect::<Vec<_>>(), !in_order));
    });
}

#[test]
fn ordered_is_equal_to_every_chain() {
    equal_to_every_chain("ordered", 3_000);
}

#[test]
fn strict_is_equal_to_every_chain() {
    equal_to_every_chain("strict", 3_000);
}

#[test]
fn any_is_equal_to_every_chain() {
    equal_to_every_chain("any", 2_000);
}
