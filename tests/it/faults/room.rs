//! A small project with a warehouse of its own in one of the stores: three days of raw objects, a model
//! by date, one over all, a funnel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Handle;

use crate::store_servers::{Place, SECRET};
use crate::support::Folder;

const PIPELINE: &str = r#"sources:
  events:
    from: <room>raw/
    layout: "dt={date}/*"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    columns: {event: string, platform: string, amount: "decimal(12,2)"}
    late: 1d
    quarantine: {at_most: 50%}
funnels:
  shop:
    on: events
    window: 24h
    steps: [{name: click, when: "event = 'click'"}, {name: pay, when: "event = 'pay'"}]
    by: [platform]
"#;
const MODELS: [(&str, &str); 4] = [
    (
        "sql/marts/daily.sql",
        "select date, platform, count(*) as events, sum(amount) as amount from events where date between $start and $end group by date, platform",
    ),
    (
        "sql/marts/daily.yaml",
        "build: by_date\ngrain: one row per day and platform\nkey: [date, platform]\ncolumns: {date: {type: date}, platform: {type: string}, events: {type: int64}, amount: {type: \"decimal(22,2)\"}}\n",
    ),
    (
        "sql/marts/total.sql",
        "select platform, sum(events) as events from daily group by platform",
    ),
    (
        "sql/marts/total.yaml",
        "build: whole\ngrain: one row per platform\nkey: [platform]\ncolumns: {platform: {type: string}, events: {type: int64}}\n",
    ),
];

/// Times of a store that let a test wait until a run is taken for dead.
pub const TIMES: &str =
    "    allow_http: true\n    timeout: 2s\n    retry_for: 1s\n    retries: 3\n    lease: 4s\n";
/// After this long a silent run may be taken over.
pub const LEASE: Duration = Duration::from_secs(4);

/// What is published before the night that faults meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: it makes every file.
    Nothing,
    /// All days but the last: it makes files and, for a late object, replaces some.
    TwoDays,
}

/// A project and its place in a store.
pub struct Room<'a> {
    pub place: &'a Place,
    pub runtime: Handle,
    name: String,
    /// The project's folder.
    pub project: Folder,
    /// Lines of the project file.
    more: &'static str,
}

/// The morning on which `day` is the last complete day, for the days from the 19th on.
fn night(day: u32) -> [String; 7] {
    [
        "--as-of".into(),
        format!("2026-11-{}T06:00:00+08:00", day + 1),
        "run".into(),
        "--from".into(),
        "2026-11-19".into(),
        "--to".into(),
        format!("2026-11-{day}"),
    ]
}

fn line(id: &str, day: u32, hour: usize, user: usize, event: &str, note: &str) -> String {
    let platform = ["ios", "android", "web"][user % 3];
    format!(
        "{{\"id\":\"{id}\",\"ts\":\"2026-11-{day}T{hour:02}:00:00+08:00\",\"user\":\"u{user}\",\"event\":\"{event}\",\"platform\":\"{platform}\",\"amount\":\"1.10\",\"note\":\"{note}\"}}\n"
    )
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Users of a day.
    pub users: usize,
    /// Raw objects of a day.
    pub objects: usize,
    /// Lines of the last day that are no JSON, all in one object.
    pub bad_lines: usize,
    /// Letters of a field that no column is declared for, in every line.
    pub note_letters: usize,
}

/// A night takes hardly longer than the start of the program.
pub const SMALL: Size = Size {
    users: 8,
    objects: 2,
    bad_lines: 1,
    note_letters: 0,
};

/// Raw objects of a day by key: users click, some pay; one event is delivered twice.
fn raw_of(day: u32, size: Size) -> BTreeMap<String, String> {
    let note = "x".repeat(size.note_letters);
    let mut objects = BTreeMap::new();
    for part in 0..size.objects {
        let mut text = String::new();
        for user in (part..size.users).step_by(size.objects) {
            text += &line(&format!("{day}-{user}-c"), day, 9, user, "click", &note);
            if user % 4 < 2 {
                text += &line(&format!("{day}-{user}-p"), day, 12, user, "pay", &note);
            }
        }
        if part < 2 {
            text += &line(&format!("{day}-twice"), day, 20, 0, "click", &note);
        }
        if (day, part) == (21, 1) {
            text += &"no json\n".repeat(size.bad_lines);
        }
        objects.insert(format!("raw/dt=2026-11-{day}/{part}.ndjson"), text);
    }
    objects
}

/// The object that comes a day late.
fn late() -> (String, String) {
    let text = line("late", 19, 23, 3, "pay", "") + &line("20-late", 20, 7, 5, "click", "");
    ("raw/dt=2026-11-20/late.ndjson".into(), text)
}

/// Ids of all events, each once.
pub fn event_ids(size: Size) -> BTreeSet<String> {
    let days = (19..=21).flat_map(|day| raw_of(day, size));
    let mut ids = BTreeSet::new();
    for (_, text) in days.chain([late()]) {
        for line in text.lines().filter(|line| line.starts_with('{')) {
            let line: Value = serde_json::from_str(line).unwrap();
            ids.insert(line["id"].as_str().unwrap().to_string());
        }
    }
    ids
}

impl<'a> Room<'a> {
    /// A small room of this name with all raw objects, on the morning that faults are to meet.
    pub fn new(place: &'a Place, runtime: &Handle, name: &str, before: Before) -> Self {
        Self::of_size(place, runtime, name, before, SMALL)
    }

    /// The same with more or less in it.
    pub fn of_size(
        place: &'a Place,
        runtime: &Handle,
        name: &str,
        before: Before,
        size: Size,
    ) -> Self {
        Self::with(place, runtime, name, before, size, &[], "")
    }

    /// The same with more files in its project, and more lines in the project file.
    pub fn with(
        place: &'a Place,
        runtime: &Handle,
        name: &str,
        before: Before,
        size: Size,
        files: &[(&str, &str)],
        more: &'static str,
    ) -> Self {
        let room = Self {
            place,
            runtime: runtime.clone(),
            name: name.to_string(),
            project: Folder::new(&[&MODELS[..], files].concat()),
            more,
        };
        room.write_project(&room.project);
        for day in 19..=20 {
            room.put_all(raw_of(day, size));
        }
        if before == Before::TwoDays {
            let output = room.finished(room.command(&room.project, &night(20)).output().unwrap());
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        }
        room.put_all(raw_of(21, size).into_iter().chain([late()]).collect());
        room
    }

    /// Writes the project's files.
    pub fn write_project(&self, folder: &Folder) {
        self.write_files(folder, &self.place.settings_with(TIMES, None));
    }

    /// The same, with other times and by way of another port of the store.
    pub fn write_project_through(&self, port: u16, times: &str) {
        let settings = self.place.settings_with(times, Some(port));
        self.write_files(&self.project, &settings);
    }

    fn write_files(&self, folder: &Folder, settings: &str) {
        let more = self.more;
        let url = format!("{}{}/", self.place.url, self.name);
        let file = format!(
            "project: small\ntime_zone: Asia/Shanghai\nlocale: en\ncurrency: CNY\nwarehouse: {url}warehouse/\n{more}{settings}"
        );
        folder.write("pipelines/_project.yaml", file);
        folder.write("pipelines/small.yaml", PIPELINE.replace("<room>", &url));
    }

    /// The same project in another folder, as on another machine.
    pub fn another_project(&self) -> Folder {
        let folder = Folder::new(&MODELS);
        self.write_project(&folder);
        folder
    }

    /// A key of the store's.
    fn key(&self, below: &str) -> String {
        format!("{}/{below}", self.name)
    }

    fn put_all(&self, objects: BTreeMap<String, String>) {
        for (key, text) in objects {
            self.put(&key, text);
        }
    }

    /// Puts an object of the room.
    pub fn put(&self, key: &str, text: String) {
        self.runtime.block_on(self.place.put(&self.key(key), text));
    }

    /// An object of the room.
    pub fn get(&self, key: &str) -> Vec<u8> {
        self.runtime.block_on(self.place.get(&self.key(key)))
    }

    /// Keys below a folder of the room.
    pub fn keys(&self, folder: &str) -> Vec<String> {
        let keys = self.runtime.block_on(self.place.keys(&self.key(folder)));
        let start = self.key("");
        keys.iter()
            .map(|key| key.strip_prefix(&start).unwrap().to_string())
            .collect()
    }

    /// Where the room lies, on the local disk.
    pub fn folder(&self) -> Option<PathBuf> {
        (!self.place.is_remote()).then(|| PathBuf::from(&self.place.url).join(&self.name))
    }

    /// The store's tag and time of change of every object below `warehouse/` that only the holder may write.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let folder = object_store::path::Path::from(self.key("warehouse"));
        let listed = self.place.store.list(Some(&folder));
        let metas: Vec<object_store::ObjectMeta> = self
            .runtime
            .block_on(futures::TryStreamExt::try_collect(listed))
            .unwrap();
        metas
            .into_iter()
            .map(|meta| {
                let tag = format!("{:?} {}", meta.e_tag, meta.last_modified);
                (meta.location.to_string(), tag)
            })
            .filter(|(key, _)| !key.contains("/_loudou/beat/") && !key.contains("/_loudou/probe/"))
            .collect()
    }

    /// Its name in the place.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn command(&self, project: &Folder, arguments: &[String]) -> Command {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.place.command(&project.path(""), &arguments)
    }

    /// The night that faults are to meet, not run yet.
    pub fn night(&self, project: &Folder) -> Command {
        self.command(project, &night(21))
    }

    /// The night begun.
    pub fn begin(&self, project: &Folder) -> Child {
        self.night(project)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What a process said and how it ended; it may have failed, but not in any way.
    pub fn finished(&self, output: Output) -> Output {
        let text = said(&output);
        assert!(!text.contains("panicked"), "{text}");
        assert!(!text.contains(&SECRET[..20]), "a secret was printed");
        match output.status.code() {
            Some(0) | None => {}
            Some(1 | 75) => assert!(
                text.contains("\"level\":\"ERROR\"") || text.contains("FAILED"),
                "it failed without a word: {text}"
            ),
            Some(code) => unreachable!("{}: exit code {code}: {text}", self.name),
        }
        output
    }

    /// The night without faults, after them: it must go well. One that was cut off in a store holds the
    /// warehouse for its lease.
    pub fn heal(&self, project: &Folder) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let output = self.finished(self.night(project).output().unwrap());
            match output.status.code() {
                Some(0) => return,
                Some(75) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(300))
                }
                _ => unreachable!("{}: it does not heal: {}", self.name, said(&output)),
            }
        }
    }
}

/// Both streams of a process.
pub fn said(output: &Output) -> String {
    format!(
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
