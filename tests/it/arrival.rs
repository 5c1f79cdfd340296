//! How raw objects arrive: half of one, rows of days before the first, objects that come, change and go;
//! what a plan says about them, and that the order of arrival is not seen in the tables.

use std::collections::BTreeSet;

use loudou::run::plan;
use loudou::run::results::Status::{Done, Failed};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::cli::succeeds;
use crate::nights::{after, days, event, project, write_days};
use crate::support::{Folder, differing, statuses, step};

/// Cuts a stored object in half.
fn cut(folder: &Folder, path: &str) {
    let path = folder.path(path);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
}

/// Many long lines of one day that hardly compress: of half the object, whole chunks of rows are read.
fn long_text(day: u32, name: &str) -> String {
    let mut number = 7u64;
    let mut pad = || -> String {
        (0..768)
            .map(|_| {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                format!("{:08x}", number >> 32)
            })
            .collect()
    };
    (0..900)
        .map(|at| {
            let time = format!("2026-11-{day}T{:02}:00:00+08:00", at % 24);
            let line = event(&format!("{name}-{at}"), &time, "u9", "web");
            line.replace("\"event\"", &format!("\"pad\":\"{}\",\"event\"", pad()))
        })
        .collect()
}

#[tokio::test]
async fn half_an_object_holds_its_path_date_back_and_nothing_else() {
    let folder = project();
    write_days(&folder);
    // Its rows are of the 19th, all but one, and the 19th is published without them.
    let text = long_text(19, "half") + &event("half", "2026-11-20T01:00:00+08:00", "u9", "web");
    folder.write("raw/dt=2026-11-20/half.ndjson.gz", &text);
    cut(&folder, "raw/dt=2026-11-20/half.ndjson.gz");
    let results = folder.run(after(21)).await;
    assert_eq!(results.exit_code, 1);
    let why = &step(&results, "events").why;
    assert!(
        why.starts_with("dt=2026-11-20/half.ndjson.gz: cannot be read to its end"),
        "{why}"
    );
    assert!(
        why.ends_with("; until then 2026-11-20 stays unpublished"),
        "{why}"
    );
    let ingest = step(&results, "events").ingest.as_ref().unwrap();
    assert_eq!(ingest.unreadable.len(), 1);
    for table in ["events", "daily"] {
        assert_eq!(folder.dates(table), days(&[16, 17, 18, 19, 21]), "{table}");
    }
    // It reads a day to either side.
    assert_eq!(folder.dates("around"), days(&[16, 17, 18]));
    assert_eq!(statuses(&results)["events"], Failed);
    assert_eq!(
        step(&results, "daily").why,
        "2026-11-20 not built, since events failed in this run"
    );
    // Nothing of the half stands anywhere.
    assert_eq!(folder.rows("events", "2026-11-19").len(), 3);
    // It fails until it is mended, and nothing is lost then.
    assert_eq!(folder.run(after(21)).await.exit_code, 1);
    folder.write("raw/dt=2026-11-20/half.ndjson.gz", &text);
    folder.run_well(after(21)).await;
    let expected = project();
    write_days(&expected);
    expected.write("raw/dt=2026-11-20/half.ndjson.gz", &text);
    expected.run_well(after(21)).await;
    assert_eq!(folder.rows("events", "2026-11-19").len(), 903);
    assert_eq!(
        differing(&folder.tables(), &expected.tables()),
        Vec::<String>::new()
    );

    // A published date keeps its rows while an object of it is uploaded anew, and so does the 19th, in
    // which its whole version stood.
    let before = folder.tables();
    folder.write("raw/dt=2026-11-20/half.ndjson.gz", long_text(20, "other"));
    cut(&folder, "raw/dt=2026-11-20/half.ndjson.gz");
    let results = folder.run(after(21)).await;
    assert_eq!(results.exit_code, 1);
    let why = &step(&results, "events").why;
    assert!(
        why.ends_with("; until then what is published of 2026-11-19 to 2026-11-20 stays as it is"),
        "{why}"
    );
    assert_eq!(differing(&folder.tables(), &before), Vec::<String>::new());
}

/// A run of a few days lists few folders: of days before those it cannot say that they have no file.
#[tokio::test]
async fn rows_of_days_that_were_not_listed_are_only_counted() {
    let folder = project();
    write_days(&folder);
    // The 18th is listed for the 19th and 20th, and holds a late row of the 17th, which is not.
    let results = folder
        .run_well(after(21).of("2026-11-19", "2026-11-20"))
        .await;
    let ingest = step(&results, "events").ingest.as_ref().unwrap();
    assert_eq!(ingest.rows_before_first_day, 0, "{:?}", results.warnings);
    assert!(ingest.rows_before_dates > 0);
    assert!(
        !results
            .warnings
            .iter()
            .any(|warning| warning.contains("there is no file of")),
        "{:?}",
        results.warnings
    );
}

#[tokio::test]
async fn half_an_object_of_today_leaves_the_complete_days_alone() {
    let folder = project();
    write_days(&folder);
    folder.write("raw/dt=2026-11-22/now.ndjson.gz", long_text(22, "now"));
    cut(&folder, "raw/dt=2026-11-22/now.ndjson.gz");
    // It may be on its way: nobody waits for it yet.
    let results = folder.run(after(21)).await;
    assert_eq!(results.exit_code, 0);
    let told = |warning: &String| warning.starts_with("events: dt=2026-11-22/now.ndjson.gz: ");
    assert!(results.warnings.iter().any(told), "{:?}", results.warnings);
    for table in ["events", "daily", "around"] {
        assert_eq!(
            folder.dates(table),
            days(&[16, 17, 18, 19, 20, 21]),
            "{table}"
        );
    }
    assert_eq!(statuses(&results)["around"], Done);
}

#[tokio::test]
async fn an_old_object_that_cannot_be_read_again_holds_back_only_the_dates_it_stands_in() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    // Both dates must be built again from all their objects; one of the 17th is broken, with its old
    // size and time.
    for day in ["2026-11-17", "2026-11-19"] {
        std::fs::remove_file(folder.partition("events", day)).unwrap();
    }
    let path = folder.path("raw/dt=2026-11-18/late.ndjson.gz");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in &mut bytes[12..] {
        *byte = !*byte;
    }
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    let results = folder.run(after(21)).await;
    assert_eq!(results.exit_code, 1);
    let why = &step(&results, "events").why;
    assert!(why.starts_with("dt=2026-11-18/late.ndjson.gz: "), "{why}");
    assert!(why.contains("2026-11-17"), "{why}");
    assert_eq!(step(&results, "events").dates, days(&[19]));
    assert!(folder.partition("events", "2026-11-19").is_file());
}

#[tokio::test]
async fn rows_before_the_first_file_are_counted_and_named_and_an_empty_file_has_them_published() {
    let folder = project();
    for (id, time) in [
        ("a", "2026-11-18T08:00:00+08:00"),
        ("b", "2026-11-19T08:00:00+08:00"),
        ("c", "2026-11-18T23:00:00+08:00"),
    ] {
        folder.write(
            &format!("raw/dt=2026-11-19/{id}.ndjson"),
            event(id, time, "u1", "ios"),
        );
    }
    let results = folder.run_well(after(21)).await;
    let ingest = step(&results, "events").ingest.as_ref().unwrap();
    assert_eq!(ingest.rows_before_first_day, 2);
    let warning = "events: 2 rows of 2026-11-18 are not published: they stand in files of later days (dt=2026-11-19/a.ndjson), and there is no file of 2026-11-18 itself. A file there, also one without lines (dt=2026-11-18/*), has the day published";
    assert!(
        results.warnings.contains(&warning.to_string()),
        "{:?}",
        results.warnings
    );
    assert_eq!(folder.dates("events"), days(&[19, 20, 21]));
    folder.write("raw/dt=2026-11-18/none.ndjson", "");
    let results = folder.run_well(after(21)).await;
    assert_eq!(
        folder.column("events", "2026-11-18", "event_id"),
        ["a", "c"]
    );
    assert!(
        !results
            .warnings
            .iter()
            .any(|warning| warning.contains("not published")),
        "{:?}",
        results.warnings
    );
}

/// What a plan says of a source's dates: date, cause, objects, example.
fn causes(plan: &plan::Plan, name: &str) -> Vec<Value> {
    let step = plan.steps.iter().find(|step| step.name == name);
    let text = serde_json::to_value(&step.unwrap().causes).unwrap();
    text.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_plan_says_which_date_runs_and_why() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(20)).await;
    // New for a published date; changed, once of the 18th and (late) the 17th; gone with a row of the 18th.
    folder.write(
        "raw/dt=2026-11-20/more.ndjson",
        event("more", "2026-11-20T05:00:00+08:00", "u3", "web"),
    );
    folder.write(
        "raw/dt=2026-11-18/late.ndjson.gz",
        event("moved", "2026-11-18T05:00:00+08:00", "u3", "web"),
    );
    folder.remove("raw/dt=2026-11-19/late.ndjson.gz");
    let workspace = folder.workspace().await;
    let plan = plan::plan(&workspace, &after(21).options()).await.unwrap();
    let cause = |date: u32, cause: &str, objects: u32, example: &str| json!({"date": format!("2026-11-{date}"), "cause": cause, "objects": objects, "example": example});
    assert_eq!(
        causes(&plan, "events"),
        [
            cause(17, "changed", 1, "dt=2026-11-18/late.ndjson.gz"),
            cause(18, "changed", 1, "dt=2026-11-18/late.ndjson.gz"),
            cause(18, "vanished", 1, "dt=2026-11-19/late.ndjson.gz"),
            cause(20, "late", 1, "dt=2026-11-20/more.ndjson"),
            json!({"date": "2026-11-21", "cause": "missing", "objects": 0, "example": null}),
        ]
    );
    let text = succeeds(&folder.path(""), &["--as-of", "2026-11-22T03:00", "plan"]);
    for words in [
        "changed 2026-11-17 to 2026-11-18 (1 changed object, dt=2026-11-18/late.ndjson.gz)",
        "vanished 2026-11-18 (1 vanished object, dt=2026-11-19/late.ndjson.gz)",
        "late 2026-11-20 (1 new object, dt=2026-11-20/more.ndjson)",
        "missing 2026-11-21",
        "late rows in what is read may restate 2026-11-19",
        "1 raw objects that were read before are gone (dt=2026-11-19/late.ndjson.gz, …)",
    ] {
        assert!(text.contains(words), "no {words} in\n{text}");
    }
    // The run says the same, and what only reading tells.
    let results = folder.run_well(after(21)).await;
    let told: Vec<Value> = serde_json::to_value(&step(&results, "events").causes)
        .unwrap()
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        told,
        [
            cause(17, "changed", 1, "dt=2026-11-18/late.ndjson.gz"),
            cause(18, "changed", 1, "dt=2026-11-18/late.ndjson.gz"),
            cause(18, "vanished", 1, "dt=2026-11-19/late.ndjson.gz"),
            cause(20, "late", 1, "dt=2026-11-20/more.ndjson"),
            json!({"date": "2026-11-21", "cause": "missing", "objects": 0, "example": null}),
        ]
    );
    let built: BTreeSet<String> = days(&[17, 18, 20, 21]).into_iter().collect();
    assert_eq!(
        step(&results, "events")
            .dates
            .iter()
            .cloned()
            .collect::<BTreeSet<_>>(),
        built
    );
}

/// A raw object and how it comes.
#[derive(Debug, Clone)]
struct Arriving {
    /// Its path date and name.
    place: (u32, u32),
    /// Events by id, days after its path date, hour and user.
    events: Vec<(u32, i32, u32, u32)>,
    /// Lines that cannot be read, at most as many as there are events.
    dirt: usize,
    /// The night before which it is there whole; after the last one, only the rescan sees it.
    night: usize,
    /// What lies there in the night before.
    before: Before,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    /// Its first lines.
    Start,
    /// Its first bytes.
    Half,
    /// Other rows.
    Other,
}

impl Arriving {
    fn path(&self) -> String {
        let (day, name) = self.place;
        format!("raw/dt=2026-11-{day}/{name}.ndjson.gz")
    }

    fn text(&self) -> String {
        let mut text: String = self.events.iter().map(|line| self.line(*line)).collect();
        text.push_str(&"{\"id\": \n".repeat(self.dirt.min(self.events.len())));
        text
    }

    fn line(&self, (id, days_after, hour, user): (u32, i32, u32, u32)) -> String {
        let day = self.place.0.cast_signed() + days_after;
        let platform = ["ios", "android", "web"][user as usize % 3];
        let time = format!("2026-11-{day}T{hour:02}:00:00+08:00");
        event(&format!("e{id}"), &time, &format!("u{user}"), platform)
    }

    fn write_before(&self, folder: &Folder) {
        let path = self.path();
        match self.before {
            Before::Nothing => {}
            Before::Start => {
                let lines = self.events[..self.events.len() / 2].iter();
                let text: String = lines.map(|line| self.line(*line)).collect();
                folder.write(&path, text);
            }
            Before::Half => {
                folder.write(&path, self.text());
                cut(folder, &path);
            }
            Before::Other => {
                let lines = [(0, -1, 0, 7), (99, 0, 23, 8), (98, 1, 5, 7)];
                let text: String = lines.iter().map(|line| self.line(*line)).collect();
                folder.write(&path, text);
            }
        }
    }
}

fn arriving(nights: usize) -> impl Strategy<Value = Arriving> {
    let line = (0u32..12, -1i32..=1, 0u32..24, 0u32..6);
    let before = prop_oneof![
        3 => Just(Before::Nothing),
        1 => Just(Before::Start),
        3 => Just(Before::Half),
        1 => Just(Before::Other),
    ];
    (
        (16u32..=18, 0u32..4),
        prop::collection::vec(line, 0..8),
        0usize..4,
        0..=nights,
        before,
    )
        .prop_map(|(place, events, dirt, night, before)| Arriving {
            place,
            events,
            dirt,
            night,
            before,
        })
}

/// Objects with a place of their own, and the clock of each night before the last.
fn nights() -> impl Strategy<Value = (Vec<Arriving>, Vec<u32>)> {
    (2usize..=4)
        .prop_flat_map(|nights| {
            (
                prop::collection::vec(arriving(nights), 1..12),
                prop::collection::vec(16u32..=18, nights),
            )
        })
        .prop_map(|(mut objects, mut clocks)| {
            clocks.sort_unstable();
            objects.sort_by_key(|object| object.place);
            objects.dedup_by_key(|object| object.place);
            (objects, clocks)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever order raw objects come in, over any number of nights, whole at once or first in part, cut
    /// or with other rows: after a last look at everything the bytes are those of one night with all.
    #[test]
    fn the_order_of_arrival_is_not_seen((objects, clocks) in nights()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (several, one) = (project(), project());
        for folder in [&several, &one] {
            folder.edit("pipelines/small.yaml", "at_most: 100%", "at_most: 40%");
            folder.write("sql/marts/maturing.sql", MATURING_SQL);
            folder.write("sql/marts/maturing.yaml", MATURING);
        }
        std::fs::create_dir_all(several.path("raw")).unwrap();
        for (night, clock) in clocks.iter().enumerate() {
            for object in &objects {
                if object.night == night {
                    several.write(&object.path(), object.text());
                } else if object.night == night + 1 {
                    object.write_before(&several);
                }
            }
            let results = runtime.block_on(several.run(after(*clock)));
            // A night fails for what is half there, and goes on with the rest.
            let has_half = objects
                .iter()
                .any(|object| object.night == night + 1 && object.before == Before::Half);
            let has_any = objects.iter().any(|object| {
                object.night <= night
                    || (object.night == night + 1 && object.before != Before::Nothing)
            });
            prop_assert!(results.exit_code == 0 || has_half || !has_any, "{:#?}", results.steps);
        }
        for object in &objects {
            if object.night == clocks.len() {
                several.write(&object.path(), object.text());
            }
            one.write(&object.path(), object.text());
        }
        let results = runtime.block_on(several.run(after(18).rescan()));
        prop_assert_eq!(results.exit_code, 0, "{:#?}", results.steps);
        let results = runtime.block_on(one.run(after(18)));
        prop_assert_eq!(results.exit_code, 0, "{:#?}", results.steps);
        prop_assert_eq!(differing(&several.tables(), &one.tables()), Vec::<String>::new());
        prop_assert_eq!(
            differing(&several.all_quarantine(), &one.all_quarantine()),
            Vec::<String>::new()
        );
        prop_assert!(one.tables().len() > 2);
    }
}

const MATURING_SQL: &str = "select date, count(*) as events, date < $complete_through as is_mature from stg_events where date between $start and $end group by date";
const MATURING: &str = "build: by_date\ngrain: one row per day\nkey: [date]\nmatures_after: 1d\ncolumns: {date: {type: date}, events: {type: int64}, is_mature: {type: bool}}\n";
