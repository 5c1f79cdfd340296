//! SIGSTOP, another process, SIGCONT. In a store the other takes over after the lease, and the stopped one
//! must not publish any more; on the local disk the lock lasts as long as the process.

use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use super::{Game, moments};
use crate::faults::reader::reading_while;
use crate::faults::room::{Room, said};
use crate::faults::seed::Draws;

pub fn round(game: &Game<'_>, room: &Room<'_>, draws: &mut Draws) {
    // The other runs in the same folder of the same machine, or elsewhere.
    let elsewhere = room.another_project();
    let other = if draws.coin() {
        &elsewhere
    } else {
        &room.project
    };
    let ((), _) = reading_while(room, || {
        let first = room.slots() + 1;
        let mut child = room.begin(&room.project);
        moments::wait(room, &mut child, game.length, game.expected.slots, draws);
        // One that has ended and was waited for has no number any more.
        let is_running = moments::is_running(&mut child);
        if !is_running {
            let output = room.finished(child.wait_with_output().unwrap());
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            return;
        }
        signal(&child, "STOP");
        let process = child.id();
        // What it had sent arrives all the same.
        std::thread::sleep(Duration::from_millis(50));
        let stage = moments::stage(room, first, process);
        let fault = if room.place.is_remote() {
            "take-over"
        } else {
            "pause"
        };
        game.fired.count(fault, stage);
        let holds = stage != moments::STAGES[0] && stage != moments::LEFT;
        if room.place.is_remote() {
            taken_over(room, other, child, holds);
        } else {
            kept_out(room, other, child, holds);
        }
    });
    room.heal(&room.project);
    game.expected.check(room, 0);
}

fn taken_over(room: &Room<'_>, other: &crate::support::Folder, child: Child, holds: bool) {
    room.heal(other);
    let before = room.tags();
    signal(&child, "CONT");
    let output = room.finished(ended(child));
    if holds {
        assert_eq!(output.status.code(), Some(75), "{}", said(&output));
        assert_eq!(room.tags(), before, "it wrote after it was taken over");
    } else {
        assert!(
            matches!(output.status.code(), Some(0 | 75)),
            "{}",
            said(&output)
        );
    }
}

fn kept_out(room: &Room<'_>, other: &crate::support::Folder, child: Child, holds: bool) {
    let second = room.finished(room.night(other).output().unwrap());
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    if holds {
        assert_eq!(second.status.code(), Some(75), "{}", said(&second));
        assert!(told.contains(&format!("process {},", child.id())), "{told}");
    } else {
        assert!(
            matches!(second.status.code(), Some(0 | 75)),
            "{}",
            said(&second)
        );
    }
    signal(&child, "CONT");
    let output = room.finished(ended(child));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// Sends a signal to a child that is not waited for yet: its number is nobody else's.
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Waits for a process, not for ever.
fn ended(mut child: Child) -> Output {
    let until = Instant::now() + Duration::from_secs(60);
    while moments::is_running(&mut child) {
        assert!(Instant::now() < until, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}
