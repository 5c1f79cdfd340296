//! A proxy before the servers of S3 and Azure that fails by a plan. Runs through it may fail, but only in
//! words and without publishing halves; the next one that the store answers mends all.

pub mod http;
pub mod listener;
mod plan;
mod rounds;
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fired::Fired;
use super::oracle::Expected;
use super::room::SMALL;
use super::seed::Asked;
use crate::store_servers::Place;

use rounds::Board;

const ROUNDS_ON_S3: usize = 8;
const ROUNDS_ON_AZURE: usize = 7;

/// Rounds at once on a store: most of their time they wait.
const WORKERS: usize = 3;

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
                let board = Board::new(place, runtime, expected, fired);
                std::thread::scope(|scope| {
                    for worker in 0..WORKERS {
                        let board = &board;
                        scope.spawn(move || {
                            for round in (worker..asked.rounds(*usual)).step_by(WORKERS) {
                                board.play(&asked, round);
                            }
                        });
                    }
                });
                println!("{}: {:.0} s", place.name, begun.elapsed().as_secs_f64());
                board.cells
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
