//! Real processes that are killed, stopped and raced.

mod kills;
mod moments;
mod pauses;
mod races;

use std::time::Instant;

use tokio::runtime::Handle;

use super::fired::Fired;
use super::oracle::Expected;
use super::room::{Before, Room, SMALL};
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

/// What the rounds on a place are played with.
struct Game<'a> {
    place: &'a Place,
    expected: &'a Expected,
    fired: &'a Fired,
    /// Seconds that an undisturbed night takes here.
    length: f64,
}

impl Game<'_> {
    fn play(&self, asked: &Asked, runtime: &Handle) {
        type Round = fn(&Game<'_>, &Room<'_>, &mut Draws);
        let usual = match self.place.is_remote() {
            true => IN_A_STORE,
            false => ON_DISK,
        };
        let kinds: [(&str, usize, Round); 3] = [
            ("kill", usual.kills, kills::round),
            ("pause", usual.pauses, pauses::round),
            ("race", usual.races, races::round),
        ];
        let begun = Instant::now();
        for (kind, usual, play) in kinds {
            for round in 0..asked.rounds(usual) {
                let name = format!("{kind}-{round}");
                println!("{} {name}", self.place.name);
                let mut draws = asked.draws(&format!("{} {kind}", self.place.name), round);
                let before = match draws.coin() {
                    true => Before::Nothing,
                    false => Before::TwoDays,
                };
                let room = Room::new(self.place, runtime, &name, before);
                play(self, &room, &mut draws);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("{}: {seconds:.0} s", self.place.name);
    }
}

#[test]
fn killed_stopped_and_raced_runs_end_in_the_same_bytes() {
    let asked = Asked::of_environment("processes");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let runtime = runtime.handle();
    let expected = Expected::of(runtime, SMALL);
    let fired = Fired::default();
    let places = [Some(Place::disk()), Place::s3(), Place::azure()];
    std::thread::scope(|scope| {
        for place in places.iter().flatten() {
            let (expected, fired) = (&expected, &fired);
            scope.spawn(move || {
                let length = moments::length(place, runtime);
                let game = Game {
                    place,
                    expected,
                    fired,
                    length,
                };
                game.play(&asked, runtime);
            });
        }
    });
    let cells = ["kill", "pause", "take-over"]
        .into_iter()
        .flat_map(|fault| STAGES.map(|stage| (fault.to_string(), stage.to_string())));
    let cells: Vec<_> = cells.collect();
    fired.tell("processes", &cells, asked.is_long());
}
