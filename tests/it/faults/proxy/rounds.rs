//! One round: a warehouse in a store, one or two runs through the failing proxy, then one past it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;

use super::plan::{FAULTS, Fault, Plan};
use super::server;
use crate::faults::fired::Fired;
use crate::faults::oracle::Expected;
use crate::faults::reader::reading_while;
use crate::faults::room::{Before, Room, said};
use crate::faults::seed::{Asked, Draws, mix};
use crate::store_servers::Place;

/// Times of a client that gives up soon.
const TIMES: &str =
    "    allow_http: true\n    timeout: 1s\n    retry_for: 1s\n    retries: 3\n    lease: 3s\n";

/// How likely any request meets any fault: only the run's favourite, few, or a store that hardly works.
const LIKELY: [f64; 4] = [0.0, 0.0, 0.02, 0.2];
/// Longer than the lease.
const LEASE: Duration = Duration::from_millis(3_300);

/// Operations that only come where something is to be done.
const OF_WORK: [&str; 8] = [
    "GET raw object",
    "GET data",
    "HEAD data",
    "PUT data",
    "PUT checkpoint",
    "PUT quarantine",
    "PUT restatements",
    "DELETE quarantine",
];

/// Slots of a log that has its next checkpoint soon.
const BEFORE_A_CHECKPOINT: u64 = 93;

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
        let plan = Arc::new(Plan::new(0, 0.0, None));
        let room = Room::new(place, runtime, "operations", Before::TwoDays);
        fill_log(&room);
        hold(&room);
        let proxy = server::start(place.port().unwrap(), &plan, fired);
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

    /// A cell for each of the two runs of a round, all in turn, in an order by the seed, those first that
    /// never met: one that needs work to be done, then another.
    fn favourites(&self, asked: &Asked, round: usize) -> [(Fault, String); 2] {
        let mut cells = self.cells.clone();
        cells.sort_by_cached_key(|(fault, operation)| {
            let name = format!("{} {operation}", self.place.name);
            let seed = mix(asked.seed ^ *fault as u64);
            name.bytes()
                .fold(seed, |sum, byte| mix(sum ^ u64::from(byte)))
        });
        let is_of_work = |cell: &(Fault, String)| OF_WORK.contains(&cell.1.as_str());
        let (of_work, others): (Vec<_>, Vec<_>) = cells.into_iter().partition(is_of_work);
        [of_work, others].map(|mut cells| {
            let turn = round % cells.len();
            cells.rotate_left(turn);
            let is_new = |(fault, of): &&(Fault, String)| !self.fired.has(fault.word(), of);
            cells.iter().find(is_new).unwrap_or(&cells[0]).clone()
        })
    }

    pub fn play(&self, asked: &Asked, round: usize) {
        let mut draws = asked.draws(&format!("{} proxy", self.place.name), round);
        let [first, second] = self.favourites(asked, round);
        let name = format!("proxy-{round}");
        // Only a warehouse that holds something is listed, restated and cleaned.
        let is_filled = ["LIST data", "PUT restatements", "DELETE quarantine"]
            .iter()
            .any(|operation| [&first.1, &second.1].contains(&&operation.to_string()));
        let before = match is_filled || draws.coin() {
            true => Before::TwoDays,
            false => Before::Nothing,
        };
        let room = Room::new(self.place, self.runtime, &name, before);
        if first.1 == "PUT checkpoint" || second.1 == "GET checkpoint" {
            fill_log(&room);
        }
        let ((), _) = reading_while(&room, || {
            self.run(&room, first, &mut draws);
            let is_about_holder = ["HEAD beat", "HEAD log"].contains(&second.1.as_str());
            if is_about_holder || second.1 == "GET checkpoint" {
                room.heal(&room.project);
            } else if room.state().holder.is_some() {
                // Else the second is only told of the first.
                std::thread::sleep(LEASE);
            }
            if is_about_holder {
                hold(&room);
            }
            self.run(&room, second, &mut draws);
            room.heal(&room.project);
        });
        self.expected.check(&room, 2);
    }

    /// A run through a proxy that fails.
    fn run(&self, room: &Room<'_>, favourite: (Fault, String), draws: &mut Draws) {
        let likely = LIKELY[draws.below(LIKELY.len() as u64) as usize];
        let told = format!(
            "{} {}: {likely} and {favourite:?}",
            self.place.name,
            room.name()
        );
        println!("{told}");
        let plan = Plan::new(draws.below(u64::MAX), likely, Some(favourite));
        let proxy = server::start(self.place.port().unwrap(), &Arc::new(plan), self.fired);
        room.write_project_through(proxy.port, TIMES);
        let output = room.finished(room.night(&room.project).output().unwrap());
        let code = output.status.code();
        // Whatever a store does, another try is what it needs.
        assert!(matches!(code, Some(0 | 75)), "{told}: {}", said(&output));
        let ended = format!("a run ended with {}", code.unwrap_or(-1));
        self.fired.count("any", &ended);
        proxy.wait_until_idle();
        room.write_project(&room.project);
    }
}

/// Lets runs come and go until the next checkpoint is near.
fn fill_log(room: &Room<'_>) {
    let state = room.state();
    let (mut epoch, mut slot) = (state.epoch, state.slot);
    while slot < BEFORE_A_CHECKPOINT {
        epoch += 1;
        for kind in ["acquire", "release"] {
            slot += 1;
            put_slot(room, slot, kind, epoch);
        }
    }
}

/// Lets a run come that says nothing more.
fn hold(room: &Room<'_>) {
    let state = room.state();
    put_slot(room, state.slot + 1, "acquire", state.epoch + 1);
}

fn put_slot(room: &Room<'_>, slot: u64, kind: &str, epoch: u64) {
    let entry = json!({"kind": kind, "epoch": epoch, "holder": "another", "at": "then"});
    let key = format!("warehouse/_loudou/log/{slot:020}.json");
    room.put(&key, entry.to_string());
}
