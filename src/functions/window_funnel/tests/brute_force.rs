//! The level found by trying every chain, which shares no idea with the search under test.

use proptest::prelude::*;

use super::super::arena::Row;
use super::super::arguments::{Mode, Rules};
use super::super::level::LevelFinder;

/// The longest chain that goes on from `chain` (positions in `rows`), by trying every next row.
fn longest_from(rules: &Rules, rows: &[Row], chain: &mut Vec<usize>) -> usize {
    let step = chain.len();
    let mut longest = step;
    if step == rules.steps {
        return longest;
    }
    for next in 0..rows.len() {
        if rows[next].steps >> step & 1 == 1 && may_follow(rules, rows, chain, next) {
            chain.push(next);
            longest = longest.max(longest_from(rules, rows, chain));
            chain.pop();
        }
    }
    longest
}

fn may_follow(rules: &Rules, rows: &[Row], chain: &[usize], next: usize) -> bool {
    let (Some(&first), Some(&last)) = (chain.first(), chain.last()) else {
        return true;
    };
    let in_time = rows[last].time <= rows[next].time
        && rows[next].time <= rows[first].time.saturating_add(rules.window);
    let is_new = !chain.contains(&next);
    let is_later = rows[last].time < rows[next].time;
    in_time
        && (!rules.mode.once || is_new)
        && (!rules.mode.increase || is_later)
        && (!rules.mode.order || is_undisturbed(rows, chain, last, next))
}

/// The words of the module's documentation on `strict_order`, for two steps that follow each other.
fn is_undisturbed(rows: &[Row], chain: &[usize], last: usize, next: usize) -> bool {
    let reached = chain.len();
    let matches_step_not_due = |row: &Row| row.steps >> (reached + 1) != 0;
    let repeats_last = |row: &Row| row.steps >> (reached - 1) & 1 == 1;
    if last == next {
        return true;
    }
    last < next
        && !matches_step_not_due(&rows[last])
        && rows[last + 1..next]
            .iter()
            .all(|row| repeats_last(row) && !matches_step_not_due(row))
}

fn finder_level(rules: Rules, rows: &[Row]) -> i64 {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (row.time, row.steps));
    LevelFinder::new(rules).level(&rows)
}

/// At equal times: rows without a step first, then by their first step.
fn in_event_order(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| {
        (
            row.time,
            row.steps != 0,
            row.steps.trailing_zeros(),
            row.steps,
        )
    });
    rows
}

fn rows(steps: usize, times: i64) -> impl Strategy<Value = Vec<Row>> {
    let row = (0..times, 0u32..1 << steps).prop_map(|(time, steps)| Row {
        time,
        group: 0,
        steps,
    });
    prop::collection::vec(row, 0..8)
}

fn log() -> impl Strategy<Value = (usize, Vec<Row>)> {
    (1usize..6, 1i64..7).prop_flat_map(|(steps, times)| (Just(steps), rows(steps, times)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn default_and_strict_once(((steps, rows), window, once) in (log(), 0i64..7, any::<bool>())) {
        let rules = Rules { window, steps, mode: Mode { once, ..Mode::default() } };
        let expected = longest_from(&rules, &rows, &mut Vec::new());
        prop_assert_eq!(finder_level(rules, &rows), expected as i64);
    }

    #[test]
    fn strict_increase(((steps, rows), window, once) in (log(), 0i64..7, any::<bool>())) {
        let rules = Rules { window, steps, mode: Mode { once, increase: true, ..Mode::default() } };
        let expected = longest_from(&rules, &rows, &mut Vec::new());
        prop_assert_eq!(finder_level(rules, &rows), expected as i64);
    }

    #[test]
    fn strict_order(((steps, rows), window) in (log(), 0i64..7), once in any::<bool>(), increase in any::<bool>()) {
        let rules = Rules { window, steps, mode: Mode { order: true, once, increase, ..Mode::default() } };
        let expected = longest_from(&rules, &in_event_order(&rows), &mut Vec::new());
        prop_assert_eq!(finder_level(rules, &rows), expected as i64);
    }

    /// All rows in one or two moments, where only the matching of rows to steps decides.
    #[test]
    fn strict_once_in_crowded_moments(rows in rows(5, 2), window in 0i64..2) {
        let rules = Rules { window, steps: 5, mode: Mode { once: true, ..Mode::default() } };
        let expected = longest_from(&rules, &rows, &mut Vec::new());
        prop_assert_eq!(finder_level(rules, &rows), expected as i64);
    }
}

/// `text`: one event a moment, `a` the first step, `b` the second …; events past the steps match none.
fn level_of(text: &str, steps: usize, mode: Mode) -> i64 {
    let rows: Vec<_> = (0..)
        .zip(text.bytes())
        .map(|(time, event)| {
            let step = usize::from(event - b'a');
            Row {
                time,
                group: 0,
                steps: if step < steps { 1 << step } else { 0 },
            }
        })
        .collect();
    finder_level(
        Rules {
            window: 1_000,
            steps,
            mode,
        },
        &rows,
    )
}

#[test]
fn strict_order_where_clickhouse_versions_differ() {
    let mode = Mode {
        order: true,
        ..Mode::default()
    };
    for (events, level) in [
        ("abc", 3),
        ("aabbcc", 3),
        ("abdc", 2),
        ("acb", 1),
        // A repeated earlier step is another event; the chain may begin anew with it.
        ("abac", 2),
        ("ababc", 3),
        ("adabc", 3),
        ("acabc", 3),
        ("bcabc", 3),
        ("d", 0),
    ] {
        assert_eq!(level_of(events, 3, mode), level, "{events}");
    }
}

#[test]
fn strict_deduplication_ends_at_a_repeat() {
    let mode = Mode {
        deduplication: true,
        ..Mode::default()
    };
    for (events, level) in [
        ("abcbd", 3),
        ("aabcd", 4),
        ("abbcd", 2),
        ("acbbcd", 2),
        ("abcd", 4),
    ] {
        assert_eq!(level_of(events, 4, mode), level, "{events}");
    }
}

/// Two rows that each match steps 1 and 2 fill both: no repeat. A third one at that moment is.
#[test]
fn strict_deduplication_with_strict_once_in_a_tie() {
    let mode = Mode {
        once: true,
        deduplication: true,
        ..Mode::default()
    };
    let rules = Rules {
        window: 9,
        steps: 3,
        mode,
    };
    let at = |time, steps| Row {
        time,
        group: 0,
        steps,
    };
    let (either, last) = (at(0, 0b011), at(1, 0b100));
    assert_eq!(finder_level(rules, &[either, either, last]), 3);
    assert_eq!(finder_level(rules, &[either, either, either, last]), 2);
}

#[test]
fn thirty_two_steps_and_the_ends_of_time() {
    for mode in [
        Mode::default(),
        Mode {
            once: true,
            ..Mode::default()
        },
        Mode {
            order: true,
            ..Mode::default()
        },
    ] {
        let rules = Rules {
            window: i64::MAX,
            steps: 32,
            mode,
        };
        let rows: Vec<_> = (0..32)
            .map(|step| Row {
                time: i64::MAX - 31 + step,
                group: 0,
                steps: 1 << step,
            })
            .collect();
        assert_eq!(finder_level(rules, &rows), 32);
        assert_eq!(finder_level(rules, &rows[..31]), 31);
        let all_at_once = [Row {
            time: i64::MIN,
            group: 0,
            steps: u32::MAX,
        }];
        assert_eq!(
            finder_level(rules, &all_at_once),
            if mode.once { 1 } else { 32 }
        );
        let crowd = vec![all_at_once[0]; 40];
        assert_eq!(
            finder_level(
                Rules {
                    mode: Mode {
                        order: false,
                        ..mode
                    },
                    ..rules
                },
                &crowd
            ),
            32
        );
    }
}
