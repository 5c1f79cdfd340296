//! SIGSTOP, another process, SIGCONT. In a store the other takes over after the lease, and the stopped one
//! must not publish any more; on the local disk the lock lasts as long as the process.

use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use super::moments::{self, LEFT, STAGES};
use super::{Draws, Game};
use crate::faults::reader::reading_while;
use crate::faults::room::{Room, said};
use crate::support::Folder;

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
        if !moments::is_running(&mut child) {
            let output = room.finished(child.wait_with_output().unwrap());
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            return;
        }
        signal(&child, "STOP");
        let stopped = Stopped { room, first, child };
        // What it had sent arrives all the same.
        std::thread::sleep(Duration::from_millis(50));
        let is_remote = room.place.is_remote();
        let fault = if is_remote { "take-over" } else { "pause" };
        game.fired.count(fault, stopped.stage());
        match (is_remote, draws.coin()) {
            (false, _) => stopped.keeps_out(other),
            (true, true) => stopped.wakes_up_after(other),
            (true, false) => {
                let after = Duration::from_secs_f64(game.length * draws.unit());
                stopped.wakes_up_while(other, after);
            }
        }
    });
    room.heal(&room.project);
    game.expected.check(room, 0);
}

/// A run that was stopped.
struct Stopped<'a> {
    room: &'a Room<'a>,
    /// The first slot that may be its.
    first: u64,
    child: Child,
}

impl Stopped<'_> {
    fn stage(&self) -> &'static str {
        moments::stage(self.room, self.first, self.child.id())
    }

    /// Whether it has entered the log and not left it.
    fn holds(&self) -> bool {
        ![STAGES[0], LEFT].contains(&self.stage())
    }

    /// In a store: the other has taken over and ended before it goes on.
    fn wakes_up_after(self, other: &Folder) {
        self.room.heal(other);
        let was_fenced = self.holds();
        let before = self.room.tags();
        let room = self.room;
        self.goes_on();
        if was_fenced {
            assert_eq!(room.tags(), before, "it wrote after it was taken over");
        }
    }

    /// In a store: it goes on while the other works.
    fn wakes_up_while(self, other: &Folder, after: Duration) {
        let room = self.room;
        let epoch = room.state().epoch;
        std::thread::scope(|scope| {
            scope.spawn(|| room.heal(other));
            let until = Instant::now() + Duration::from_secs(60);
            while room.state().epoch == epoch {
                assert!(Instant::now() < until, "nobody took over");
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(after);
            self.goes_on();
        });
    }

    /// It ends well only if it left the log by itself.
    fn goes_on(self) {
        signal(&self.child, "CONT");
        let (room, first, process) = (self.room, self.first, self.child.id());
        let output = room.finished(ended(self.child));
        let codes = match moments::stage(room, first, process) {
            LEFT => &[0, 75][..],
            _ => &[75],
        };
        let code = output.status.code().unwrap();
        assert!(codes.contains(&code), "{}", said(&output));
    }

    /// On the local disk.
    fn keeps_out(self, other: &Folder) {
        let room = self.room;
        let second = room.finished(room.night(other).output().unwrap());
        let told = String::from_utf8_lossy(&second.stderr).into_owned();
        if self.holds() {
            assert_eq!(second.status.code(), Some(75), "{}", said(&second));
            let holder = format!("process {},", self.child.id());
            assert!(told.contains(&holder), "{told}");
        } else {
            let code = second.status.code();
            assert!(matches!(code, Some(0 | 75)), "{}", said(&second));
        }
        signal(&self.child, "CONT");
        let output = room.finished(ended(self.child));
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
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
