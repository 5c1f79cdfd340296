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
};

/// Limits in KiB: from nothing to what is enough.
const LIMITS_KIB: [u64; 10] = [0, 4, 12, 24, 48, 64, 96, 128, 160, 512];
/// Those of a short test.
const FEW: [u64; 3] = [12, 96, 160];

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
    const FILES: [(&str, &str); 9] = [
        ("manifest.json", "manifest"),
        ("run_results.json", "results"),
        ("_loudou/lock", "lock"),
        ("_loudou/log/", "log"),
        ("_loudou/quarantine/", "quarantine"),
        ("_loudou/restatements/", "restatements"),
        ("/spill/", "spill"),
        ("/scratch/run-", "scratch"),
        ("warehouse/", "published"),
    ];
    let text = said(output);
    let lines = text.lines().filter(|line| line.contains("os error 27"));
    let text: String = lines.collect();
    let found = FILES.iter().find(|(part, _)| text.contains(part));
    found.map_or("other", |(_, file)| file)
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
    for (number, limit_kib) in limits.iter().enumerate() {
        for is_told in [true, false] {
            let name = format!("{limit_kib}-{is_told}");
            let before = [Before::Nothing, Before::TwoDays][(number + usize::from(is_told)) % 2];
            let room = Room::of_size(&place, runtime.handle(), &name, before, LARGE);
            let ((), _) = reading_while(&room, || {
                let night = room.night(&room.project);
                let output = limited(&night, *limit_kib, is_told).output().unwrap();
                let output = room.finished(output);
                match (output.status.code(), output.status.signal()) {
                    (Some(0), _) => fired.count("enough", &format!("{limit_kib} KiB")),
                    (Some(1), _) if is_told => {
                        let told = said(&output);
                        assert!(told.contains("File too large (os error 27)"), "{told}");
                        println!("{limit_kib} KiB: {}", file_of(&output)); fired.count("told", file_of(&output));
                    }
                    (None, Some(SIGXFSZ)) if !is_told => {
                        fired.count("killed", &format!("{limit_kib} KiB"));
                    }
                    _ => unreachable!("{limit_kib} KiB, {is_told}: {}", said(&output)),
                }
                room.heal(&room.project);
            });
            expected.check(&room, 0);
        }
    }
    let cells = ["manifest", "log", "scratch"].map(|file| ("told".to_string(), file.to_string()));
    fired.tell("no space", &cells, asked.is_long());
}
