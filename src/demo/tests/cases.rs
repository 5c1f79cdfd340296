//! The planted cases: their sizes, and what keeps one case out of another's figures.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::cases::{a3, a6};
use super::super::screen::Touched;
use super::super::visit::Event;
use super::super::world::{CHANNELS, Kind, Page};
use super::super::{Demo, DemoOptions, Planted, spend};
use super::{SEEDS, small, unzip, write_all};

#[test]
fn every_planted_size_is_realised() {
    for seed in SEEDS {
        let options = DemoOptions {
            seed,
            days: 28,
            users: 6_000,
            ..DemoOptions::default()
        };
        let truth = Demo::new(options).unwrap().truth();
        let cases: Vec<&str> = truth.planted.iter().map(|planted| planted.case).collect();
        for (case, sizes) in [
            ("A1", 5),
            ("A2", 4),
            ("A3", 3),
            ("A4", 2),
            ("A5", 3),
            ("A6", 4),
            ("D1", 1),
            ("D2", 3),
            ("I7", 1),
        ] {
            assert_eq!(cases.iter().filter(|name| **name == case).count(), sizes);
        }
        for Planted {
            case,
            what,
            planted,
            realised,
            standard_error,
        } in truth.planted
        {
            let realised = realised.unwrap();
            let tolerance = match (case, standard_error) {
                // Within the interval of 95%, and so narrow that 2.3 is not found by having none.
                ("A4", Some(error)) => 1.96 * error,
                // Chains that meet by chance move the course funnel a little more than the others.
                ("A2", _) => 0.04,
                _ => 0.012,
            };
            assert!(
                (realised - planted).abs() < tolerance,
                "{seed} {case} {what}: {planted} {realised}"
            );
        }
    }
}

/// They open one page a day, at most, and nothing else; on the next day they come back as A5 plants it.
#[test]
fn those_who_bounce_are_in_no_funnel() {
    let demo = Demo::new(small(6)).unwrap();
    let users = demo.options().users as usize;
    let change = a6::change_day(10);
    let day_of = |event: &Event| demo.calendar.day_of(event.time_ms);
    let mut visits = [0_u32; 10];
    for (user, own) in demo.events.by_user().enumerate() {
        let is_real = CHANNELS[demo.people[user].channel].bouncers == 0;
        assert_eq!(is_real, user < users);
        assert!(is_real || own.iter().all(|event| event.page == Page::Activity));
        assert!(!is_real || own.iter().all(|event| event.page != Page::Activity));
        if !is_real {
            let days: Vec<u32> = own.iter().map(day_of).collect();
            assert!(days.is_sorted_by(|one, next| one < next), "{days:?}");
            days.iter().for_each(|day| visits[*day as usize] += 1);
            let first_day = demo.people[user].first_day;
            assert!(first_day.is_none_or(|first| days[0] == first && first < change));
        }
    }
    let (before, after) = visits.split_at(change as usize);
    assert!(before.iter().min() > after.iter().max(), "{visits:?}");
    for day in 0..10 {
        let rows = spend::rows(6, day, &demo.people);
        let spends = rows.iter().any(|row| row.channel == "ad_network");
        assert_eq!(spends, day < change, "{day}");
    }
}

#[test]
fn the_form_is_for_those_who_are_not_registered() {
    let demo = Demo::new(small(8)).unwrap();
    let (mut starts, mut second_codes) = ([0, 0], 0);
    for (person, own) in demo.people.iter().zip(demo.events.by_user()) {
        let signed_in = |event: &Event| matches!(event.kind, Kind::Register | Kind::Login);
        let first = own.iter().position(signed_in).unwrap_or(own.len());
        for (at, event) in own.iter().enumerate() {
            if event.kind == Kind::RegisterField {
                assert!(person.first_day.is_some() && at < first);
                assert_eq!(event.page, Page::Register);
                let is_fixed = demo.calendar.day_of(event.time_ms) >= a3::fix_day(10);
                starts[usize::from(is_fixed)] += u32::from(event.touched == Touched::Phone);
                second_codes += u32::from(event.touched == Touched::Failed);
            }
        }
    }
    assert!(starts[0] > 30 && starts[1] > 30 && second_codes > 10);
}

/// Reads the lines as a stranger would: what a touch tells stands in it, and lies within the page.
#[test]
fn touches_lie_within_their_page() {
    let demo = Demo::new(small(4)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for bytes in write_all(&demo, folder.path()).values() {
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            continue;
        }
        for line in unzip(bytes).lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let (size, text) = (
                |name: &str| line[name].as_u64().unwrap(),
                |name: &str| !line[name].as_str().unwrap().is_empty(),
            );
            let Some(event) = line["event"].as_str() else {
                continue;
            };
            *counts.entry(event.to_owned()).or_default() += 1;
            match event {
                "tap" => {
                    assert!(text("element") && text("page") && text("openid"));
                    assert!(size("x") < size("screen_width") && size("y") < size("page_height"));
                }
                "scroll" => {
                    assert!(text("page") && size("scroll_pct") <= 100);
                    assert!((300..1_000).contains(&size("screen_width")));
                    assert!(size("page_height") > 1_000);
                }
                "register_field" => assert!(text("field") && line["page"] == "register"),
                _ => {
                    assert!(line["field"].is_null() && line["element"].is_null());
                    assert_eq!(line["scene"] == 1154, line["openid"].is_null(), "{line}");
                }
            }
        }
    }
    assert!(counts["tap"] > 500 && counts["scroll"] > 2_000 && counts["register_field"] > 200);
}
