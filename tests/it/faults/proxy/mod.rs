//! A proxy before the servers of S3 and Azure that fails by a plan. Runs through it may fail, but only in
//! words and without publishing halves; the next one that the store answers mends all.

mod http;
mod plan;
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Handle;

use super::fired::Fired;
use super::oracle::Expected;
use super::reader::reading_while;
use super::room::{Before, Room, SMALL, said};
use super::seed::{Asked, Draws};
use crate::store_servers::Place;

use plan::{FAULTS, Fault, Plan};
use server::Proxy;

const ROUNDS_ON_S3: usize = 8;
const ROUNDS_ON_AZURE: usize = 7;

/// Times of a client that gives up soon.
const TIMES: &str =
    "    allow_http: true\n    timeout: 1s\n    retry_for: 1s\n    retries: 3\n    lease: 3s\n";

/// From one round's favourite to the next: few rounds should meet many kinds.
const STRIDE: usize = 37;

/// Slots of a log that has its next checkpoint soon.
const BEFORE_A_CHECKPOINT: u64 = 90;

#[test]
fn runs_through_a_failing_proxy_publish_no_halves_and_heal() {
    let asked = Asked::of_environment("proxy");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let expected = Expected::of(runtime.handle(), SMALL);
    let fired = Arc::new(Fired::default());
    let places = [
        (Place::s3(), ROUNDS_ON_S3),
        (Place::azure(), ROUNDS_ON_AZURE),
    ];
    let mut cells = BTreeSet::new();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (place, usual) in &places {
            let Some(place) = place else { continue };
            let (expected, fired, runtime) = (&expected, &fired, runtime.handle());
            threads.push(scope.spawn(move || {
                let begun = std::time::Instant::now();
                let cells = cells_of(place, runtime, expected);
                for round in 0..asked.rounds(*usual) {
                    let mut draws = asked.draws(&format!("{} proxy", place.name), round);
                    let favourite = |number: usize| {
                        let at = number * STRIDE + asked.seed as usize;
                        cells[at % cells.len()].clone()
                    };
                    let favourites = [favourite(2 * round), favourite(2 * round + 1)];
                    play(
                        &Round {
                            place,
                            runtime,
                            expected,
                            fired,
                            number: round,
                        },
                        favourites.to_vec(),
                        &mut draws,
                    );
                }
                println!("{}: {:.0} s", place.name, begun.elapsed().as_secs_f64());
                cells
            }));
        }
        for thread in threads {
            cells.extend(thread.join().unwrap());
        }
    });
    let cells: Vec<_> = cells
        .into_iter()
        .map(|(fault, operation)| (fault.word().to_string(), operation))
        .collect();
    fired.tell("proxy", &cells, asked.is_long());
}

struct Round<'a> {
    place: &'a Place,
    runtime: &'a Handle,
    expected: &'a Expected,
    fired: &'a Arc<Fired>,
    number: usize,
}

/// Every fault that a run here can meet: a run without any tells the operations.
fn cells_of(place: &Place, runtime: &Handle, expected: &Expected) -> Vec<(Fault, String)> {
    let plan = Arc::new(Plan::new(0, 0.0, Vec::new()));
    let room = Room::new(place, runtime, "operations", Before::TwoDays);
    fill_log(&room);
    let proxy = Proxy::start(place.port().unwrap(), &plan, &Arc::new(Fired::default()));
    room.write_project_through(proxy.port, TIMES);
    for _ in 0..2 {
        room.heal(&room.project);
    }
    expected.check(&room, 0);
    let operations = plan.state.lock().unwrap().operations.clone();
    println!("{}: {operations:?}", place.name);
    FAULTS
        .iter()
        .flat_map(|fault| operations.iter().map(|of| (*fault, of.clone())))
        .filter(|(fault, of)| fault.is_for(of))
        .collect()
}

/// Lets runs come and go until the next checkpoint is near.
fn fill_log(room: &Room<'_>) {
    let state = room.state();
    let mut epoch = state.epoch;
    for slot in state.slot + 1..=BEFORE_A_CHECKPOINT {
        let entry = match slot % 2 == state.slot % 2 {
            false => {
                epoch += 1;
                json!({"kind": "acquire", "epoch": epoch, "holder": "an earlier one", "at": "then"})
            }
            true => json!({"kind": "release", "epoch": epoch}),
        };
        let key = format!("warehouse/_loudou/log/{slot:020}.json");
        room.put(&key, entry.to_string());
    }
}

fn play(round: &Round<'_>, favourites: Vec<(Fault, String)>, draws: &mut Draws) {
    let name = format!("proxy-{}", round.number);
    // Few faults, many, or a store that hardly works.
    let likely = [0.0, 0.02, 0.05, 0.2][draws.below(4) as usize];
    println!("{} {name}: {likely} and {favourites:?}", round.place.name);
    let is_about = |words: &str| favourites.iter().any(|(_, of)| of.contains(words));
    let before = match is_about("restatements") || is_about("LIST data") || draws.coin() {
        true => Before::TwoDays,
        false => Before::Nothing,
    };
    let room = Room::new(round.place, round.runtime, &name, before);
    if is_about("checkpoint") || draws.below(4) == 0 {
        fill_log(&room);
    }
    let plan = Arc::new(Plan::new(draws.below(u64::MAX), likely, favourites));
    let proxy = Proxy::start(round.place.port().unwrap(), &plan, round.fired);
    room.write_project_through(proxy.port, TIMES);
    let runs = 1 + draws.below(2) as usize;
    let ((), _) = reading_while(&room, || {
        for _ in 0..runs {
            let output = room.finished(room.night(&room.project).output().unwrap());
            // Whatever a store does, another try is what it needs.
            assert!(
                matches!(output.status.code(), Some(0 | 75)),
                "{} {name}: {}",
                round.place.name,
                said(&output)
            );
            let ended = output.status.code().unwrap().to_string();
            round
                .fired
                .count("exit", &format!("run ended with {ended}"));
            proxy.wait_until_idle();
        }
        room.write_project(&room.project);
        room.heal(&room.project);
    });
    round.expected.check(&room, runs);
}
