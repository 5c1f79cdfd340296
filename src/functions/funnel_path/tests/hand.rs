//! Cases that a person can check by hand, one edge each.
//!
//! A log is a list of `<what> <day>.<hour>:<minute>`: capitals A to H fill steps 1 to 8 (`AB` fills either),
//! X, Y and Z are exclusions, anything else matches nothing; `/p` behind it is what it carries the same. An
//! answer is `<entry day> <basis> <level> <state> <times>`: minutes from the entry per step, `-` where it
//! was not reached, and behind `>` the event that took the entrant elsewhere.

use chrono_tz::Tz;

use super::support::{Asked, Given, HOUR};
use crate::functions::local_clock::LocalClock;

const MINUTE: i64 = HOUR / 60;

struct Case {
    asked: Asked,
    rows: Vec<Given>,
}

/// A log for these rules; local times are those of the zone.
fn log(rules: &str, steps: usize, log: &'static str) -> Case {
    in_zone(Tz::UTC, rules, steps, log)
}

fn in_zone(zone: Tz, rules: &str, steps: usize, log: &'static str) -> Case {
    let exclusions = rules.matches("exclusion").count();
    let mut asked = Asked::new(rules, steps + exclusions);
    asked.zone = zone;
    asked.has_same = log.contains('/');
    let mut clock = LocalClock::new(zone);
    let rows = log
        .split(',')
        .map(str::trim)
        .filter(|event| !event.is_empty())
        .map(|event| {
            let (what, when) = event.split_once(' ').unwrap();
            let (day, time) = when.split_once('.').unwrap();
            let (hour, minute) = time.split_once(':').unwrap();
            let number = |text: &str| text.parse::<i64>().unwrap();
            let midnight = clock.day_start_us(number(day) as i32).unwrap();
            let (name, same) = match what.split_once('/') {
                Some((name, same)) => (name, Some(u32::from(same.as_bytes()[0]))),
                None => (what, None),
            };
            let bit = |letter: char, from: char| 1u32 << (letter as u32 - from as u32);
            let capitals = || name.chars().filter(char::is_ascii_uppercase);
            let is_event = capitals().count() == name.len();
            let bits = |range: std::ops::RangeInclusive<char>| {
                let from = *range.start();
                capitals()
                    .filter(|letter| is_event && range.contains(letter))
                    .fold(0, |bits, letter| bits | bit(letter, from))
            };
            Given {
                time: midnight + number(hour) * HOUR + number(minute) * MINUTE,
                steps: bits('A'..='H'),
                exclusions: bits('X'..='Z'),
                same,
                name: name.trim(),
            }
        })
        .collect();
    Case { asked, rows }
}

impl Case {
    fn days(mut self, first: i32, last: i32) -> Self {
        self.asked.days = (first, last);
        self
    }

    /// Data are complete up to the end of this UTC day.
    fn complete_through(mut self, day: i64) -> Self {
        self.asked.complete_before = Some((day + 1) * 24 * HOUR);
        self
    }

    #[track_caller]
    fn gives(&self, expected: &[&str]) {
        for in_order in [true, false] {
            let got: Vec<String> = self
                .asked
                .entries(&self.rows, in_order)
                .into_iter()
                .map(|got| {
                    let times: Vec<String> = got
                        .step_us
                        .iter()
                        .map(|us| us.map_or("-".to_string(), |us| (us / MINUTE).to_string()))
                        .collect();
                    let next = got.next.map_or(String::new(), |next| format!(" > {next}"));
                    let basis = if got.basis == "same_day" { "S" } else { "M" };
                    format!(
                        "{} {basis} {} {} {}{next}",
                        got.day,
                        got.level,
                        got.state,
                        times.join(" ")
                    )
                })
                .collect();
            let expected: Vec<String> = expected
                .iter()
                .flat_map(|line| match line.split_once(" B ") {
                    Some((day, rest)) => vec![format!("{day} S {rest}"), format!("{day} M {rest}")],
                    None => vec![(*line).to_string()],
                })
                .collect();
            assert_eq!(got, expected, "in order: {in_order}");
        }
    }
}

macro_rules! cases {
    ($($name:ident: $case:expr => [$($line:expr),* $(,)?];)*) => {
        $(#[test]
        fn $name() {
            $case.gives(&[$($line),*]);
        })*
    };
}

// `B` in an answer stands for both bases.
cases! {
    golden: log("window 1h", 3, "A 0.1:00, A 0.1:30, B 0.1:45, C 0.2:15") => ["0 B 3 converted 0 15 45"];
    nobody: log("window 1h", 2, "B 0.1:00, B 0.1:30") => [];
    no_rows: log("window 1h", 2, "") => [];
    one_step: log("window 1h", 1, "A 0.1:00, A 0.5:00") => ["0 B 1 converted 0"];
    one_step_every_day: log("window 1h", 1, "A 0.1:00, A 1.5:00") => ["0 B 1 converted 0", "1 B 1 converted 0"];
    thirty_two_steps_need_no_more: log("window 1h", 8, "A 0.1:00, B 0.1:01, C 0.1:02, D 0.1:03, E 0.1:04, F 0.1:05, G 0.1:06, H 0.1:07")
        => ["0 B 8 converted 0 1 2 3 4 5 6 7"];

    // The window.
    window_is_inclusive: log("window 1h", 2, "A 0.1:00, B 0.2:00") => ["0 B 2 converted 0 60"];
    window_is_over_a_minute_later: log("window 1h", 2, "A 0.1:00, B 0.2:01") => ["0 B 1 timed_out 0 -"];
    window_counts_from_the_first_step: log("window 1h", 3, "A 0.1:00, B 0.1:40, C 0.2:10") => ["0 B 2 timed_out 0 40 -"];
    no_window_at_all_takes_the_same_moment: log("window 0h", 2, "A 0.1:00, B 0.1:00") => ["0 B 2 converted 0 0"];
    order_matters: log("window 1h", 2, "B 0.1:00, A 0.1:10") => ["0 B 1 gone 0 -"];
    a_step_left_out_stops_the_chain: log("window 1h", 3, "A 0.1:00, C 0.1:10") => ["0 B 1 elsewhere 0 - - > C"];

    // Starting anew.
    a_later_start_that_reaches_as_far_is_taken: log("window 1h", 2, "A 0.1:00, A 0.1:20, B 0.1:30") => ["0 B 2 converted 0 10"];
    a_later_start_alone_changes_nothing: log("window 1h", 2, "A 0.1:00, A 0.1:20") => ["0 B 1 elsewhere 0 - > A"];
    the_first_to_get_deepest_counts: log("window 1h", 2, "A 0.1:00, B 0.1:30, A 0.5:00, B 0.5:01") => ["0 B 2 converted 0 30"];
    a_deeper_second_try_counts: log("window 1h", 3, "A 0.1:00, B 0.1:10, A 0.5:00, B 0.5:10, C 0.5:20") => ["0 B 3 converted 0 10 20"];
    a_shallower_second_try_does_not: log("window 1h", 3, "A 0.1:00, B 0.1:10, A 0.5:00") => ["0 B 2 gone 0 10 -"];
    steps_between_are_the_latest: log("window 2h", 3, "A 0.1:00, B 0.1:05, B 0.1:30, C 0.1:31") => ["0 B 3 converted 0 30 31"];

    // Days.
    each_day_enters_once: log("window 1h", 2, "A 0.1:00, A 0.9:00, A 1.1:00, B 1.1:10")
        => ["0 B 1 gone 0 -", "1 B 2 converted 0 10"];
    a_chain_goes_on_over_midnight: log("window 2h", 2, "A 0.23:30, B 1.0:30") => ["0 S 1 gone 0 -", "0 M 2 converted 0 60"];
    a_later_day_is_no_entry_of_an_earlier_one: log("window 24h", 2, "A 0.23:30, A 1.0:10, B 1.0:30")
        => ["0 S 1 gone 0 -", "0 M 2 converted 0 60", "1 B 2 converted 0 20"];
    only_days_asked_for: log("window 24h", 2, "A 0.1:00, A 1.1:00, A 2.1:00, B 2.2:00").days(1, 1)
        => ["1 S 1 gone 0 -", "1 M 1 timed_out 0 -"];
    same_day_and_mature_may_differ_in_their_chain: log("window 24h", 3, "A 0.1:00, B 0.1:30, A 0.9:00, B 0.23:00, C 1.8:00")
        => ["0 S 2 elsewhere 0 30 - > A", "0 M 3 converted 0 840 1380"];
    shanghai_midnight: in_zone(Tz::Asia__Shanghai, "window 2h", 2, "A 0.23:30, B 1.0:30")
        => ["0 S 1 gone 0 -", "0 M 2 converted 0 60"];
    new_york_midnight: in_zone(Tz::America__New_York, "window 2h", 2, "A 0.23:30, B 1.0:30")
        => ["0 S 1 gone 0 -", "0 M 2 converted 0 60"];
    // 1970-04-26 was the day of 23 hours in New York (day 115): 1:30 and 3:30 on the wall are one hour apart.
    a_day_of_23_hours: in_zone(Tz::America__New_York, "window 24h", 2, "A 115.0:30, B 116.0:30").days(100, 200)
        => ["115 S 1 gone 0 -", "115 M 2 converted 0 1380"];
    // 1970-10-25 (day 297) had 25: the window ends on it, and with it the time for coming too late.
    a_day_of_25_hours: in_zone(Tz::America__New_York, "window 24h", 2, "A 297.0:30, B 298.0:30").days(100, 300)
        => ["297 B 1 gone 0 -"];

    // How long a step may take.
    within_is_inclusive: log("window 5h; step 2 within 30m", 2, "A 0.1:00, B 0.1:30") => ["0 B 2 converted 0 30"];
    within_is_over_a_minute_later: log("window 5h; step 2 within 30m", 2, "A 0.1:00, B 0.1:31") => ["0 B 1 timed_out 0 -"];
    within_counts_from_the_step_before: log("window 5h; step 3 within 30m", 3, "A 0.1:00, B 0.2:00, C 0.2:30") => ["0 B 3 converted 0 60 90"];
    within_takes_the_latest_step_before: log("window 5h; step 3 within 30m", 3, "A 0.1:00, B 0.1:10, B 0.2:00, C 0.2:30")
        => ["0 B 3 converted 0 60 90"];
    within_lets_a_later_start_help: log("window 5h; step 2 within 30m", 2, "A 0.1:00, A 0.2:00, B 0.2:20") => ["0 B 2 converted 0 20"];
    within_and_window_both_hold: log("window 1h; step 3 within 50m", 3, "A 0.1:00, B 0.1:30, C 0.2:10") => ["0 B 2 timed_out 0 30 -"];

    // Events of one moment.
    one_moment_by_step: log("window 1h", 3, "C 0.1:00, A 0.1:00, B 0.1:00") => ["0 B 3 converted 0 0 0"];
    one_event_fills_one_step: log("window 1h", 2, "AB 0.1:00") => ["0 B 1 gone 0 -"];
    two_events_that_fit_both_fill_both: log("window 1h", 2, "AB 0.1:00, AB 0.1:00") => ["0 B 2 converted 0 0"];
    who_fits_only_one_gets_it: log("window 1h", 3, "AB 0.1:00, A 0.1:00, BC 0.1:00") => ["0 B 3 converted 0 0 0"];
    alike_steps_need_two_events: log("window 1h", 2, "AB 0.1:00, AB 0.1:10") => ["0 B 2 converted 0 10"];

    // Exclusions.
    excluded: log("window 5h; exclusion 1", 2, "A 0.1:00, X 0.1:10, B 0.1:20") => ["0 B 1 excluded 0 -"];
    dropped: log("window 5h; exclusion 1 drop", 2, "A 0.1:00, X 0.1:10, B 0.1:20") => [];
    excluded_after_the_last_step_is_too_late: log("window 5h; exclusion 1", 2, "A 0.1:00, B 0.1:20, X 0.1:30") => ["0 B 2 converted 0 20"];
    excluded_before_the_first_step_is_too_early: log("window 5h; exclusion 1", 2, "X 0.0:50, A 0.1:00, B 0.1:20") => ["0 B 2 converted 0 20"];
    a_new_start_after_an_exclusion: log("window 5h; exclusion 1", 2, "A 0.1:00, X 0.1:10, A 0.1:15, B 0.1:20") => ["0 B 2 converted 0 5"];
    a_new_start_saves_from_dropping: log("window 5h; exclusion 1 drop", 2, "A 0.1:00, X 0.1:10, A 0.1:15, B 0.1:20") => ["0 B 2 converted 0 5"];
    an_exclusion_between_other_steps: log("window 5h; exclusion 1 after step 2 before step 3", 3, "A 0.1:00, X 0.1:10, B 0.1:20, C 0.1:30")
        => ["0 B 3 converted 0 20 30"];
    an_exclusion_between_its_steps: log("window 5h; exclusion 1 after step 2 before step 3", 3, "A 0.1:00, B 0.1:20, X 0.1:25, C 0.1:30")
        => ["0 B 2 excluded 0 20 -"];
    an_exclusion_in_the_step_s_moment_comes_after_it: log("window 5h; exclusion 1", 2, "A 0.1:00, X 0.1:00, B 0.1:20") => ["0 B 1 excluded 0 -"];
    an_exclusion_in_the_next_step_s_moment_is_too_late: log("window 5h; exclusion 1", 2, "A 0.1:00, X 0.1:20, B 0.1:20") => ["0 B 2 converted 0 20"];
    an_exclusion_after_the_window_is_none: log("window 1h; exclusion 1", 2, "A 0.1:00, X 0.3:00") => ["0 B 1 gone 0 -"];
    an_exclusion_the_next_day: log("window 24h; exclusion 1 drop", 2, "A 0.20:00, X 1.1:00, B 1.2:00") => ["0 S 1 gone 0 -"];
    two_exclusions_one_drops: log("window 5h; exclusion 1 keep; exclusion 2 drop", 2, "A 0.1:00, Y 0.1:10, X 0.1:20") => [];
    two_exclusions_the_first_decides: log("window 5h; exclusion 1 keep; exclusion 2 drop", 2, "A 0.1:00, X 0.1:10, Y 0.1:20") => ["0 B 1 excluded 0 -"];
    a_row_that_excludes_fills_no_step: log("window 5h; exclusion 1", 2, "A 0.1:00, BX 0.1:10") => ["0 B 1 excluded 0 -"];

    // Optional steps.
    optional_reached: log("window 5h; step 2 optional", 3, "A 0.1:00, B 0.1:10, C 0.1:20") => ["0 B 2 converted 0 10 20"];
    optional_missed: log("window 5h; step 2 optional", 3, "A 0.1:00, C 0.1:20") => ["0 B 2 converted 0 - 20"];
    optional_too_late_for_its_gap: log("window 5h; step 2 optional", 3, "A 0.1:00, C 0.1:20, B 0.1:30") => ["0 B 2 converted 0 - 20"];
    optional_reached_then_nothing: log("window 5h; step 2 optional", 3, "A 0.1:00, B 0.1:10") => ["0 B 1 gone 0 10 -"];
    optional_in_any_order: log("window 5h; step 2 optional; step 3 optional", 4, "A 0.1:00, C 0.1:05, B 0.1:10, D 0.1:20")
        => ["0 B 2 converted 0 10 5 20"];
    two_optional_steps_need_two_events: log("window 5h; step 2 optional; step 3 optional", 4, "A 0.1:00, BC 0.1:05, D 0.1:20")
        => ["0 B 2 converted 0 5 - 20"];
    optional_within: log("window 5h; step 2 optional; step 2 within 5m", 3, "A 0.1:00, B 0.1:05, C 0.1:20") => ["0 B 2 converted 0 5 20"];
    optional_within_is_over: log("window 5h; step 2 optional; step 2 within 5m", 3, "A 0.1:00, B 0.1:06, C 0.1:20") => ["0 B 2 converted 0 - 20"];
    an_optional_last_step: log("window 5h; step 2 optional", 2, "A 0.1:00, B 0.1:10") => ["0 B 1 converted 0 10"];
    within_passes_over_an_optional_step: log("window 5h; step 2 optional; step 3 within 30m", 3, "A 0.1:00, B 0.1:20, C 0.1:40")
        => ["0 B 1 timed_out 0 20 -"];
    an_optional_step_after_the_window_is_none: log("window 1h; step 2 optional", 3, "A 0.1:00, B 0.2:30") => ["0 B 1 gone 0 - -"];

    // The same along a chain.
    same: log("window 5h", 2, "A/p 0.1:00, B/p 0.1:10") => ["0 B 2 converted 0 10"];
    a_switch_stops_the_chain: log("window 5h", 2, "A/p 0.1:00, B/q 0.1:10") => ["0 B 1 elsewhere 0 - > B"];
    each_of_two_goes_its_way: log("window 5h", 2, "A/p 0.1:00, A/q 0.1:05, B/p 0.1:10") => ["0 B 2 converted 0 10"];
    the_sooner_of_two: log("window 5h", 2, "A/p 0.1:00, A/q 0.1:05, B/q 0.1:10, B/p 0.1:20") => ["0 B 2 converted 0 5"];
    without_a_value_it_is_no_step: log("window 5h", 2, "A/p 0.1:00, B 0.1:10") => ["0 B 1 elsewhere 0 - > B"];
    the_same_comes_too_late: log("window 1h", 2, "A/p 0.1:00, B/q 0.3:00") => ["0 B 1 gone 0 -"];

    // Nothing between.
    strict: log("window 5h; strict", 3, "A 0.1:00, B 0.1:10, C 0.1:20") => ["0 B 3 converted 0 10 20"];
    strict_disturbed: log("window 5h; strict", 3, "A 0.1:00, B 0.1:10, home 0.1:15, C 0.1:20") => ["0 B 2 elsewhere 0 10 - > home"];
    strict_bears_a_repeat: log("window 5h; strict", 3, "A 0.1:00, B 0.1:10, B 0.1:15, C 0.1:20") => ["0 B 3 converted 0 10 20"];
    strict_does_not_bear_an_earlier_step: log("window 5h; strict", 3, "A 0.1:00, B 0.1:10, A 0.1:15, C 0.1:20") => ["0 B 2 elsewhere 0 10 - > A"];
    strict_begins_anew: log("window 5h; strict", 2, "A 0.1:00, home 0.1:05, A 0.1:10, B 0.1:20") => ["0 B 2 converted 0 10"];
    strict_bears_the_optional_step_of_the_gap: log("window 5h; strict; step 2 optional", 3, "A 0.1:00, B 0.1:10, C 0.1:20")
        => ["0 B 2 converted 0 10 20"];
    strict_optional_after_something_else: log("window 5h; strict; step 2 optional", 3, "A 0.1:00, home 0.1:05, B 0.1:10") => ["0 B 1 elsewhere 0 - - > home"];
    strict_optional_before_something_else: log("window 5h; strict; step 2 optional", 3, "A 0.1:00, B 0.1:05, home 0.1:10") => ["0 B 1 elsewhere 0 5 - > home"];
    strict_over_midnight: log("window 24h; strict", 2, "A 0.23:50, B 1.0:10") => ["0 S 1 gone 0 -", "0 M 2 converted 0 20"];

    // Any order.
    any_order: log("window 5h; any", 3, "C 0.1:00, A 0.1:10, B 0.1:20") => ["0 B 3 converted 0 10 20"];
    any_order_counts_different_steps: log("window 5h; any", 3, "B 0.1:00, B 0.1:10, A 0.1:20") => ["0 B 2 gone 0 10 -"];
    any_order_window: log("window 1h; any", 2, "B 0.1:00, A 0.2:01") => ["0 B 1 timed_out 0 -"];
    any_order_excluded: log("window 5h; any; exclusion 1", 2, "B 0.1:00, X 0.1:05, A 0.1:10") => ["0 B 1 excluded 0 -"];
    any_order_over_midnight: log("window 5h; any", 2, "B 0.23:00, A 1.1:00")
        => ["0 S 1 gone 0 -", "0 M 2 converted 0 120", "1 B 1 gone 0 -"];

    // What became of them.
    gone: log("window 5h", 2, "home 0.0:50, A 0.1:00") => ["0 B 1 gone 0 -"];
    elsewhere: log("window 5h", 2, "A 0.1:00, search 0.1:10, home 0.1:20") => ["0 B 1 elsewhere 0 - > search"];
    elsewhere_ends_with_the_window: log("window 1h", 2, "A 0.1:00, search 0.2:01") => ["0 B 1 gone 0 -"];
    elsewhere_at_the_window_s_edge: log("window 1h", 2, "A 0.1:00, search 0.2:00") => ["0 B 1 elsewhere 0 - > search"];
    elsewhere_is_after_the_moment: log("window 1h", 2, "A 0.1:00, search 0.1:00") => ["0 B 1 gone 0 -"];
    elsewhere_of_one_moment_by_name: log("window 1h", 2, "A 0.1:00, search 0.1:10, cart 0.1:10") => ["0 B 1 elsewhere 0 - > cart"];
    elsewhere_the_next_day: log("window 24h", 2, "A 0.20:00, search 1.1:00") => ["0 S 1 gone 0 -", "0 M 1 elsewhere 0 - > search"];
    too_late_before_elsewhere: log("window 1h", 2, "A 0.1:00, search 0.1:10, B 0.9:00") => ["0 B 1 timed_out 0 -"];
    too_late_ends_with_the_day_of_the_window: log("window 1h", 2, "A 0.1:00, B 1.0:10") => ["0 B 1 gone 0 -"];
    too_late_counts_on_the_window_s_day: log("window 24h", 2, "A 0.1:00, B 1.23:59") => ["0 S 1 gone 0 -", "0 M 1 timed_out 0 -"];
    open: log("window 24h", 2, "A 0.1:00, search 0.2:00").complete_through(0)
        => ["0 S 1 elsewhere 0 - > search", "0 M 1 open 0 -"];
    not_open_once_the_window_is_over: log("window 1h", 2, "A 0.22:59").complete_through(0) => ["0 B 1 gone 0 -"];
    open_at_the_window_s_edge: log("window 1h", 2, "A 0.23:00").complete_through(0) => ["0 S 1 gone 0 -", "0 M 1 open 0 -"];
    converted_is_never_open: log("window 24h", 2, "A 0.1:00, B 0.1:10").complete_through(0) => ["0 B 2 converted 0 10"];
    excluded_before_open: log("window 24h; exclusion 1", 2, "A 0.1:00, X 0.1:10").complete_through(0) => ["0 B 1 excluded 0 -"];
}
