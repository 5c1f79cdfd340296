//! One round: a warehouse in a store, one or two runs through the failing proxy, then one past it.

use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Handle;

use super::plan::{FAULTS, Fault, Plan};
use super::server::Proxy;
use crate::faults::fired::Fired;
use crate::faults::oracle::Expected;
use crate::faults::reader::reading_while;
use crate::faults::room::{Before, Room, said};
use crate::faults::seed::{Asked, mix};
use crate::store_servers::Place;

/// Times of a client that gives up soon.
const TIMES: &str =
    "    allow_http: true\n    timeout: 1s\n    retry_for: 1s\n    retries: 3\n    lease: 3s\n";

/// How likely any request meets any fault: only the round's favourites, few, many, or a store that hardly
/// works.
const LIKELY: [f64; 4] = [0.0, 0.02, 0.05, 0.2];

/// Slots of a log that has its next checkpoint soon.
const BEFORE_A_CHECKPOINT: u64 = 90;

/// What all rounds on a store share.
pub struct Board<'a> {
    place: &'a Place,
    runtime: &'a Handle,
    expected: &'a Expected,
    fired: &'a Arc<Fired>,
    /// Every fault that a run here can meet, with the operation.
    pub cells: Vec<(Fault, String)>,
}

impl<'a> Board<'a> {
    /// A run through a proxy that does nothing tells the operations.
    pub fn new(
        place: &'a Place,
        runtime: &'a Handle,
        expected: &'a Expected,
        fired: &'a Arc<Fired>,
    ) -> Self {
        let plan = Arc::new(Plan::new(0, 0.0, Vec::new()));
        let room = Room::new(place, runtime, "operations", Before::TwoDays);
        fill_log(&room);
        let proxy = Proxy::start(place.port().unwrap(), &plan, fired);
        room.write_project_through(proxy.port, TIMES);
        for _ in 0..2 {
            room.heal(&room.project);
        }
        expected.check(&room, 0);
        let operations = plan.operations();
        let cells = FAULTS
            .iter()
            .flat_map(|fault| operations.iter().map(|of| (*fault, of.clone())))
            .filter(|(fault, of)| fault.is_for(of))
            .collect();
        Self {
            place,
            runtime,
            expected,
            fired,
            cells,
        }
    }

    /// Two cells for each round, all in turn, in an order by the seed.
    fn favourites(&self, asked: &Asked, round: usize) -> Vec<(Fault, String)> {
        let mut cells = self.cells.clone();
        cells.sort_by_cached_key(|(fault, operation)| {
            let name = format!("{} {operation}", self.place.name);
            let seed = mix(asked.seed ^ *fault as u64);
            name.bytes()
                .fold(seed, |sum, byte| mix(sum ^ u64::from(byte)))
        });
        let cell = |number: usize| cells[number % cells.len()].clone();
        vec![cell(2 * round), cell(2 * round + 1)]
    }

    pub fn play(&self, asked: &Asked, round: usize) {
        let mut draws = asked.draws(&format!("{} proxy", self.place.name), round);
        let favourites = self.favourites(asked, round);
        let likely = LIKELY[draws.below(LIKELY.len() as u64) as usize];
        let name = format!("proxy-{round}");
        let told = format!("{} {name}: {likely} and {favourites:?}", self.place.name);
        println!("{told}");
        let is_about = |words: &str| favourites.iter().any(|(_, of)| of.contains(words));
        // Only a warehouse that holds something is listed and restated.
        let before = match is_about("restatements") || is_about("LIST data") || draws.coin() {
            true => Before::TwoDays,
            false => Before::Nothing,
        };
        let room = Room::new(self.place, self.runtime, &name, before);
        if is_about("checkpoint") || is_about("HEAD") || draws.below(4) == 0 {
            fill_log(&room);
        }
        let plan = Arc::new(Plan::new(draws.below(u64::MAX), likely, favourites));
        let proxy = Proxy::start(self.place.port().unwrap(), &plan, self.fired);
        room.write_project_through(proxy.port, TIMES);
        let runs = 1 + draws.below(2) as usize;
        let ((), _) = reading_while(&room, || {
            for _ in 0..runs {
                let output = room.finished(room.night(&room.project).output().unwrap());
                let code = output.status.code();
                // Whatever a store does, another try is what it needs.
                assert!(matches!(code, Some(0 | 75)), "{told}: {}", said(&output));
                let ended = format!("a run ended with {}", code.unwrap_or(-1));
                self.fired.count("any", &ended);
                proxy.wait_until_idle();
            }
            room.write_project(&room.project);
            room.heal(&room.project);
        });
        self.expected.check(&room, runs);
    }
}

/// Lets runs come and go until the next checkpoint is near; the last of them is silent for long.
fn fill_log(room: &Room<'_>) {
    let state = room.state();
    let mut epoch = state.epoch;
    for slot in state.slot + 1..=BEFORE_A_CHECKPOINT {
        let is_begin = (slot - state.slot) % 2 == 1;
        epoch += u64::from(is_begin);
        let entry = match is_begin {
            true => json!({"kind": "acquire", "epoch": epoch, "holder": "another", "at": "then"}),
            false => json!({"kind": "release", "epoch": epoch}),
        };
        let key = format!("warehouse/_loudou/log/{slot:020}.json");
        room.put(&key, entry.to_string());
    }
}
