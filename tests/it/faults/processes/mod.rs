//! Real processes that are killed, stopped and raced.

mod kills;
mod moments;
mod pauses;
mod races;

use super::fired::Fired;
use super::oracle::Expected;
use super::room::{Room, SMALL};
use super::seed::{Asked, Draws};
use crate::store_servers::Place;

use moments::STAGES;

/// Rounds of each kind on a place, as usual.
struct Usual {
    kills: usize,
    pauses: usize,
    races: usize,
}

const ON_DISK: Usual = Usual {
    kills: 7,
    pauses: 2,
    races: 2,
};
const IN_A_STORE: Usual = Usual {
    kills: 2,
    pauses: 1,
    races: 1,
};

/// What rounds are played with.
struct Game<'a> {
    expected: &'a Expected,
    fired: &'a Fired,
    /// Seconds that an undisturbed night takes here.
    length: f64,
}

#[test]
fn killed_stopped_and_raced_runs_end_in_the_same_bytes() {
    let asked = Asked::of_environment("processes");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let expected = Expected::of(runtime.handle(), SMALL);
    let fired = Fired::default();
    let places = [Some(Place::disk()), Place::s3(), Place::azure()];
    std::thread::scope(|scope| {
        for place in places.iter().flatten() {
            let (expected, fired, runtime) = (&expected, &fired, runtime.handle());
            scope.spawn(move || {
                let begun = std::time::Instant::now();
                let usual = if place.is_remote() {
                    IN_A_STORE
                } else {
                    ON_DISK
                };
                let room = |name: &str, draws: &mut Draws| {
                    let before = if draws.coin() {
                        super::room::Before::Nothing
                    } else {
                        super::room::Before::TwoDays
                    };
                    Room::new(place, runtime, name, before)
                };
                let game = Game {
                    expected,
                    fired,
                    length: moments::length(place, runtime),
                };
                type Round = fn(&Game<'_>, &Room<'_>, &mut Draws);
                let kinds: [(&str, usize, Round); 3] = [
                    ("kill", usual.kills, kills::round),
                    ("pause", usual.pauses, pauses::round),
                    ("race", usual.races, races::round),
                ];
                for (kind, usual, play) in kinds {
                    for round in 0..asked.rounds(usual) {
                        let name = format!("{kind}-{round}");
                        let mut draws = asked.draws(&format!("{} {kind}", place.name), round);
                        println!("{} {name}", place.name);
                        play(&game, &room(&name, &mut draws), &mut draws);
                    }
                }
                println!("{}: {:.0} s", place.name, begun.elapsed().as_secs_f64());
            });
        }
    });
    let cells = ["kill", "pause"]
        .into_iter()
        .flat_map(|fault| STAGES.map(|stage| (fault.to_string(), stage.to_string())));
    let cells: Vec<_> = cells.collect();
    fired.tell("processes", &cells, asked.is_long());
}
