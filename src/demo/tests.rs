//! The demo as a whole: same bytes, an honest truth, planted sizes, the promised edges.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::delivery::Form;
use super::visit::SESSION_GAP_MS;
use super::world::Kind;
use super::*;

mod cases;

const SEEDS: [u64; 3] = [1, 77, 20_261_121];

fn small(seed: u64) -> DemoOptions {
    DemoOptions {
        seed,
        days: 10,
        users: 1_500,
        ..DemoOptions::default()
    }
}

fn write_all(demo: &Demo, root: &Path) -> BTreeMap<String, Vec<u8>> {
    let options = demo.options();
    demo.write_raw(
        root,
        options.first_date..=options.last_date(),
        &mut |_, _| {},
    )
    .unwrap();
    read_files(root)
}

/// Path under `raw/` → bytes.
fn read_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.join("raw")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

fn unzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let mut all = BTreeSet::new();
    for seed in SEEDS {
        let (one, other) = (
            Demo::new(small(seed)).unwrap(),
            Demo::new(small(seed)).unwrap(),
        );
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let files = write_all(&one, folders[0].path());
        assert_eq!(files.len(), 10 * 24 + 10);
        assert_eq!(files, write_all(&other, folders[1].path()));
        let truth = |demo: &Demo| serde_json::to_string(&demo.truth()).unwrap();
        assert_eq!(truth(&one), truth(&other));
        all.insert(files["raw/events/dt=2026-10-20/hour=20/part-0.ndjson.gz"].clone());
    }
    assert_eq!(all.len(), SEEDS.len(), "another seed gives other events");
}

#[test]
fn night_by_night_gives_the_bytes_of_one_go() {
    let demo = Demo::new(small(5)).unwrap();
    let (at_once, nightly) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = write_all(&demo, at_once.path());
    let mut told = Vec::new();
    for date in demo.options().first_date.iter_days().take(10) {
        demo.write_raw(nightly.path(), date..=date, &mut |date, written| {
            told.push((date, written.lines))
        })
        .unwrap();
    }
    assert_eq!(read_files(nightly.path()), expected);
    assert_eq!(told.len(), 10);
    assert!(told.iter().all(|(_, lines)| *lines > 0));
}

/// Reads the files as a stranger would and counts again what the truth tells of lines and events.
#[test]
fn the_files_hold_what_the_truth_tells() {
    for seed in SEEDS {
        let demo = Demo::new(DemoOptions {
            too_late: 2,
            ..small(seed)
        })
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = write_all(&demo, folder.path());
        let drawn = demo.truth().drawn;
        let mut lines: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        let mut unique: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, bytes) in files
            .iter()
            .filter(|(name, _)| name.starts_with("raw/events/"))
        {
            let path_date = &name["raw/events/dt=".len()..][..10];
            let counts = lines.entry(path_date.to_owned()).or_default();
            for line in unzip(bytes).lines() {
                if line.is_empty() {
                    counts[1] += 1;
                    continue;
                }
                counts[0] += 1;
                let parsed = serde_json::from_str::<Value>(line).unwrap_or(Value::Null);
                let time = parsed["ts"]
                    .as_str()
                    .and_then(|ts| chrono::DateTime::parse_from_rfc3339(ts).ok());
                let (Some(time), Some(_)) = (time, parsed["event"].as_str()) else {
                    counts[2] += 1;
                    continue;
                };
                let date = time.with_timezone(&demo.options().zone).date_naive();
                let days_late = path_date
                    .parse::<NaiveDate>()
                    .unwrap()
                    .signed_duration_since(date)
                    .num_days();
                match days_late {
                    0 => {}
                    1..=3 => counts[3] += 1,
                    _ => {
                        assert!((4..=7).contains(&days_late));
                        counts[4] += 1;
                        continue;
                    }
                }
                let id = parsed["event_id"].as_str().unwrap().to_owned();
                unique.entry(date.to_string()).or_default().insert(id);
            }
        }
        for (date, told) in &drawn.lines {
            let told = [
                told.lines,
                told.blank,
                told.bad.values().sum(),
                told.late,
                told.too_late,
            ];
            assert_eq!(lines[date], told, "{date}");
            assert!(told[2] * 1_000 < told[0], "quarantine tolerates 0.1%");
            assert_eq!(told[4], 2);
        }
        for (date, told) in &drawn.events {
            assert_eq!(unique[date].len() as u64, told.unique_events, "{date}");
        }
        let sum = |figure: fn(&EventCounts) -> u64| drawn.events.values().map(figure).sum::<u64>();
        assert!(
            sum(|counts| counts.duplicates_removed) > 0 && sum(|counts| counts.without_user) > 0
        );
        assert_eq!(
            sum(|counts| counts.unique_events),
            demo.unique_events() as u64
        );
    }
}

#[test]
fn the_counts_hold_together() {
    let demo = Demo::new(small(9)).unwrap();
    let drawn = demo.truth().drawn;
    for (date, segments) in &drawn.daily_core {
        let [all, ios, android] = ["all", "ios", "android"].map(|segment| segments[segment]);
        assert_eq!(all.visitors, ios.visitors + android.visitors);
        assert_eq!(all.paid_fen, ios.paid_fen + android.paid_fen);
        assert!(
            all.payers <= all.orders && all.bounces <= all.sessions && all.exposed <= all.visitors
        );
        let pages = &drawn.page_daily[date];
        let exits: u64 = pages.values().map(|page| page.exits).sum();
        assert_eq!(exits, pages.values().map(|page| page.entries).sum::<u64>());
        for (page, counts) in pages {
            let next = &drawn.page_flow[date][page];
            assert_eq!(next.values().sum::<u64>(), counts.views);
            assert_eq!(next.get("(exit)").copied().unwrap_or(0), counts.exits);
        }
    }
    for (funnel, due_after) in [("shop", 1), ("course", 7)] {
        for (index, segments) in drawn.funnels[funnel].values().enumerate() {
            assert_eq!(segments["all"].mature.is_some(), index + due_after < 10);
            for reached in segments.values() {
                assert!(reached.same_day.is_sorted_by(|one, next| one >= next));
                if let Some(mature) = reached.mature {
                    assert_eq!(mature[0], reached.same_day[0]);
                    assert!(
                        mature
                            .iter()
                            .zip(reached.same_day)
                            .all(|(mature, same_day)| *mature >= same_day)
                    );
                }
            }
        }
    }
}

#[test]
fn the_promised_edges_are_there() {
    let demo = Demo::new(DemoOptions {
        users: 4_000,
        days: 20,
        ..small(3)
    })
    .unwrap();
    let calendar = &demo.calendar;
    let (mut at_midnight, mut crossing, mut exact_gaps, mut just_longer, mut late_pays, mut ties) =
        (0, 0, 0, 0, 0, 0);
    for events in demo.events.by_user() {
        assert!(events.is_sorted_by_key(|event| (event.time_ms, event.id)));
        for pair in events.windows(2) {
            let gap_ms = pair[1].time_ms - pair[0].time_ms;
            exact_gaps += u32::from(gap_ms == SESSION_GAP_MS);
            just_longer += u32::from(gap_ms == SESSION_GAP_MS + 1);
            ties += u32::from(gap_ms == 0);
            let other_day = calendar.day_of(pair[0].time_ms) != calendar.day_of(pair[1].time_ms);
            crossing += u32::from(other_day && gap_ms <= SESSION_GAP_MS);
        }
        at_midnight += events
            .iter()
            .filter(|event| calendar.local(event.time_ms).ms == 0)
            .count();
        let cart = events.iter().find(|event| event.kind == Kind::AddToCart);
        let pay = events.iter().find(|event| event.kind == Kind::Pay);
        if let (Some(cart), Some(pay)) = (cart, pay) {
            late_pays += u32::from(pay.time_ms - cart.time_ms > 86_400_000);
        }
        // No session is endless: nobody fills a whole local day without a pause.
        for session in events.chunk_by(|one, next| next.time_ms - one.time_ms <= SESSION_GAP_MS) {
            assert!(session[session.len() - 1].time_ms - session[0].time_ms < 8 * 3_600_000);
        }
    }
    for (what, count) in [
        ("gaps", exact_gaps),
        ("longer", just_longer),
        ("late", late_pays),
        ("ties", ties),
    ] {
        assert!(count > 0, "{what}");
    }
    assert!(
        at_midnight > 10 && crossing > 10,
        "{at_midnight} {crossing}"
    );
    let conflicts: u64 = demo
        .truth()
        .drawn
        .events
        .values()
        .map(|counts| counts.conflicts)
        .sum();
    assert!(conflicts >= 2 && conflicts.is_multiple_of(2));
    let later_copies = demo
        .delivery
        .lines()
        .filter(|line| matches!(line.form, Form::Copy { later_ms: 1.. }));
    assert!(later_copies.count() > 0);
}

#[test]
fn zones_with_daylight_saving_keep_their_days() {
    for (zone, first_date, objects) in [
        (Tz::America__New_York, "2026-10-30", 4 * 24),
        (Tz::America__New_York, "2026-03-06", 4 * 24 - 1),
        (Tz::Asia__Beirut, "2026-03-27", 4 * 24 - 1),
        (Tz::UTC, "2026-10-30", 4 * 24),
    ] {
        let options = DemoOptions {
            zone,
            first_date: first_date.parse().unwrap(),
            days: 4,
            users: 300,
            ..DemoOptions::default()
        };
        let demo = Demo::new(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = write_all(&demo, folder.path());
        assert_eq!(files.len(), objects + 4, "{zone} {first_date}");
        for (name, bytes) in files
            .iter()
            .filter(|(name, _)| name.starts_with("raw/events/"))
        {
            let path_date: NaiveDate = name["raw/events/dt=".len()..][..10].parse().unwrap();
            for line in unzip(bytes).lines() {
                let Ok(line) = serde_json::from_str::<Value>(line) else {
                    continue;
                };
                let Some(time) = line["ts"]
                    .as_str()
                    .and_then(|ts| ts.parse::<chrono::DateTime<chrono::Utc>>().ok())
                else {
                    continue;
                };
                let late = path_date
                    .signed_duration_since(time.with_timezone(&zone).date_naive())
                    .num_days();
                assert!((0..=3).contains(&late), "{name} {time}");
            }
        }
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for options in [
        DemoOptions {
            days: 0,
            ..DemoOptions::default()
        },
        DemoOptions {
            users: 0,
            ..DemoOptions::default()
        },
        DemoOptions {
            days: MAX_DAYS + 1,
            ..DemoOptions::default()
        },
        DemoOptions {
            first_date: NaiveDate::MAX,
            ..DemoOptions::default()
        },
    ] {
        assert!(matches!(Demo::new(options), Err(Error::Usage(_))));
    }
    let demo = Demo::new(DemoOptions {
        users: 20,
        days: 2,
        ..DemoOptions::default()
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let outside = demo.options().last_date().succ_opt().unwrap();
    assert!(matches!(
        demo.write_raw(folder.path(), outside..=outside, &mut |_, _| {}),
        Err(Error::Usage(_))
    ));
}

#[test]
fn tiny_demos_work() {
    for (users, days) in [(1, 1), (2, 40), (30, 3)] {
        let demo = Demo::new(DemoOptions {
            users,
            days,
            ..DemoOptions::default()
        })
        .unwrap();
        let truth = demo.truth();
        assert_eq!(truth.drawn.daily_core.len(), days as usize);
    }
}

#[test]
fn fewer_returns_leave_the_newcomers() {
    let [never, rarely, usually] = [0, 30, 100].map(|return_pct| {
        let demo = Demo::new(DemoOptions {
            return_pct,
            ..small(5)
        })
        .unwrap();
        let seen = |is_new: bool| {
            let people = demo.people.iter().zip(demo.events.by_user());
            // Those who bounce are as many as the others ask for.
            people
                .take(1_500)
                .filter(|(person, own)| person.first_day.is_some() == is_new && !own.is_empty())
                .count()
        };
        (demo.unique_events(), seen(true), seen(false))
    });
    assert!(never.0 < rarely.0 && rarely.0 < usually.0);
    assert_eq!([never.1, rarely.1], [usually.1; 2]);
    assert!(never.2 == 0 && 0 < rarely.2 && rarely.2 < usually.2);
}
