//! Files that cannot grow: a limit of the system on the size of a file stands in for a full disk. Where the
//! program ignores its signal, as most do, writing fails; else the signal ends it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use super::fired::Fired;
use super::oracle::Expected;
use super::reader::reading_while;
use super::room::{Before, Room, Size, said};
use super::seed::Asked;
use crate::store_servers::Place;

/// So much of everything that the files of a night grow in the order in which they are written: a manifest
/// of some 9 KiB, events on scratch, lines set aside, and a commit that names every raw object.
const LARGE: Size = Size {
    users: 2_000,
    objects: 300,
    bad_lines: 100,
    note_letters: 0,
};

/// Limits in KiB: from nothing to what is enough.
const LIMITS_KIB: [u64; 10] = [0, 4, 12, 24, 48, 64, 96, 128, 160, 512];
/// Those of a short test.
const FEW: [u64; 2] = [24, 128];

/// The signal of a file that grew too large.
const SIGXFSZ: i32 = 25;

/// A command under a limit; `is_told` says whether writing fails instead of ending the process.
fn limited(command: &Command, limit_kib: u64, is_told: bool) -> Command {
    let script = match is_told {
        true => "trap '' XFSZ; ulimit -c 0; ulimit -f \"$0\"; exec \"$@\"",
        false => "ulimit -c 0; ulimit -f \"$0\"; exec \"$@\"",
    };
    let mut limited = Command::new("bash");
    limited
        .args(["-c", script, &limit_kib.to_string()])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Which file it was that could not grow, by what the run says.
fn file_of(output: &Output) -> &'static str {
    const FILES: [(&str, &str); 10] = [
        ("manifest.json", "manifest"),
        ("run_results.json", "results"),
        ("_loudou/lock", "lock"),
        ("_loudou/log/", "log"),
        ("_loudou/quarantine/", "quarantine"),
        ("_loudou/restatements/", "restatements"),
        ("/rows-events/", "spilled rows"),
        ("/scratch/run-", "scratch"),
        ("building wide", "spilled sort"),
        ("warehouse/", "published"),
    ];
    let text = said(output);
    let lines = text.lines().filter(|line| line.contains("os error 27"));
    let text: String = lines.collect();
    let found = FILES.iter().find(|(part, _)| text.contains(part));
    let (_, file) = found.unwrap_or_else(|| unreachable!("which file? {}", said(output)));
    file
}

/// Runs under a limit, which must be told or end the process, unless it is enough.
fn run_limited(room: &Room<'_>, night: &Command, limit_kib: u64, is_told: bool, fired: &Fired) {
    let output = limited(night, limit_kib, is_told).output().unwrap();
    let output = room.finished(output);
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => fired.count("enough", &format!("{limit_kib} KiB")),
        (Some(1), _) if is_told => {
            let told = said(&output);
            assert!(told.contains("File too large (os error 27)"), "{told}");
            assert_eq!(
                room.state().holder,
                None,
                "it ended and holds the warehouse"
            );
            fired.count("told", file_of(&output));
        }
        (None, Some(SIGXFSZ)) if !is_told => {
            fired.count("killed", &format!("{limit_kib} KiB"));
        }
        _ => unreachable!("{limit_kib} KiB, {is_told}: {}", said(&output)),
    }
}

#[test]
fn files_that_cannot_grow_fail_the_run_and_nothing_else() {
    let asked = Asked::of_environment("no space");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = Place::disk();
    let expected = Expected::of(runtime.handle(), LARGE);
    let fired = Fired::default();
    let limits = if asked.is_long() {
        &LIMITS_KIB[..]
    } else {
        &FEW[..]
    };
    let ways = [
        (true, Before::Nothing),
        (true, Before::TwoDays),
        (false, Before::Nothing),
    ];
    for limit_kib in limits {
        for (is_told, before) in ways {
            let name = format!("{limit_kib}-{is_told}-{before:?}");
            let room = Room::of_size(&place, runtime.handle(), &name, before, LARGE);
            let ((), _) = reading_while(&room, || {
                let night = room.night(&room.project);
                run_limited(&room, &night, *limit_kib, is_told, &fired);
                room.heal(&room.project);
            });
            expected.check(&room, 0);
        }
    }
    let cells = ["manifest", "quarantine", "scratch", "log"]
        .map(|file| ("told".to_string(), file.to_string()));
    fired.tell("no space", &cells, asked.is_long());
}

#[test]
fn a_run_that_cannot_write_its_results_fails_and_leaves_the_warehouse() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = Place::disk();
    let room = Room::new(&place, runtime.handle(), "results", Before::Nothing);
    let results = room.project.path(".loudou/run_results.json");
    std::fs::create_dir_all(&results).unwrap();
    let output = room.finished(room.night(&room.project).output().unwrap());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("run_results.json"),
        "{}",
        said(&output)
    );
    assert_eq!(room.state().holder, None);
    std::fs::remove_dir(&results).unwrap();
    room.heal(&room.project);
}

/// More rows than the least memory holds.
const SPILLING: Size = Size {
    users: 110_000,
    objects: 20,
    bad_lines: 1,
    note_letters: 500,
};
/// A table whose rows are sorted anew.
const WIDE: [(&str, &str); 2] = [
    (
        "sql/marts/wide.sql",
        "select date, event_id, left(props, 200) as props from events where date between $start and $end",
    ),
    (
        "sql/marts/wide.yaml",
        "build: by_date\ngrain: one row per event\nkey: [date, event_id]\ncolumns: {date: {type: date}, event_id: {type: string}, props: {type: string}}\n",
    ),
];

/// Half a gigabyte of raw lines: part of the long run only.
#[test]
fn rows_that_cannot_be_spilled_fail_the_run_and_nothing_else() {
    let asked = Asked::of_environment("no space to spill");
    if !asked.is_long() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = Place::disk();
    let fired = Fired::default();
    let room = |name: &str| {
        let memory = "memory: 256MiB\n";
        Room::with(
            &place,
            runtime.handle(),
            name,
            Before::Nothing,
            SPILLING,
            &WIDE,
            memory,
        )
    };
    let expected = Expected::in_room(&room("whole"), SPILLING);
    let room = room("limited");
    let ((), _) = reading_while(&room, || {
        for is_told in [false, true] {
            let night = room.night(&room.project);
            run_limited(&room, &night, 64, is_told, &fired);
        }
        // With the source's rows published, it is the sort that has no space.
        let mut source = room.night(&room.project);
        let output = room.finished(source.args(["--select", "events"]).output().unwrap());
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let night = room.night(&room.project);
        run_limited(&room, &night, 1024, true, &fired);
        room.heal(&room.project);
    });
    expected.check(&room, 0);
    let cells = ["spilled rows", "spilled sort"].map(|file| ("told".to_string(), file.to_string()));
    fired.tell("no space to spill", &cells, true);
}
