//! SIGKILL at any moment, once or several times: the next undisturbed night mends all.

use super::{Game, moments};
use crate::faults::reader::reading_while;
use crate::faults::room::{LEASE, Room};
use crate::faults::seed::Draws;

pub fn round(game: &Game<'_>, room: &Room<'_>, draws: &mut Draws) {
    let mut killed = 0;
    let ((), files) = reading_while(room, || {
        for number in 0..=draws.below(3) {
            if number > 0 && room.place.is_remote() {
                // Else the next is only told of the one before.
                std::thread::sleep(LEASE);
            }
            let first = room.slots() + 1;
            let mut child = room.begin(&room.project);
            moments::wait(room, &mut child, game.length, game.expected.slots, draws);
            let is_running = moments::is_running(&mut child);
            child.kill().unwrap();
            let process = child.id();
            room.finished(child.wait_with_output().unwrap());
            if is_running {
                killed += 1;
                game.fired
                    .count("kill", moments::stage(room, first, process));
            }
        }
        room.heal(&room.project);
    });
    assert!(files > 0, "the reader saw nothing");
    game.expected.check(room, killed);
}
