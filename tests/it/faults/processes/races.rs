//! Two or three processes at the same moment: one works, the others are told or find nothing to do.

use loudou::table::state::Entry;

use super::Game;
use crate::faults::reader::reading_while;
use crate::faults::room::{Room, said};
use crate::faults::seed::Draws;

pub fn round(game: &Game<'_>, room: &Room<'_>, draws: &mut Draws) {
    let first = room.slots() + 1;
    let elsewhere = room.another_project();
    let count = 2 + draws.below(2);
    let outputs = reading_while(room, || {
        let children: Vec<_> = (0..count)
            .map(|number| match number {
                0 => room.begin(&elsewhere),
                _ => room.begin(&room.project),
            })
            .collect();
        let ended = children
            .into_iter()
            .map(|child| child.wait_with_output().unwrap());
        ended
            .map(|output| room.finished(output))
            .collect::<Vec<_>>()
    })
    .0;
    let mut well = 0;
    for output in outputs {
        match output.status.code() {
            Some(0) => {
                well += 1;
                game.fired.count("race", "worked or found nothing to do");
            }
            Some(75) => {
                game.fired.count("race", "was told to try again");
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(
                    told.contains("another run holds this warehouse (process "),
                    "{told}"
                );
            }
            _ => unreachable!("{}", said(&output)),
        }
    }
    assert!(well > 0, "nobody did it");
    // One at a time: each left before the next entered.
    let mut holder = None;
    for entry in room.entries(first) {
        match entry {
            Entry::Acquire { epoch, .. } => assert_eq!(holder.replace(epoch), None),
            Entry::Release { epoch } => assert_eq!(holder.take(), Some(epoch)),
            Entry::Commit(commit) => assert_eq!(holder, Some(commit.epoch)),
            Entry::Done { .. } | Entry::CompleteThrough { .. } => assert!(holder.is_some()),
        }
    }
    game.expected.check(room, 0);
}
