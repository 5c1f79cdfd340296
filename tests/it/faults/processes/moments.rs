//! When a run is met, and what it was about then.

use std::process::Child;
use std::time::{Duration, Instant};

use loudou::table::state::Entry;
use object_store::ObjectStoreExt;
use tokio::runtime::Handle;

use crate::faults::room::{Before, Room};
use crate::faults::seed::Draws;
use crate::store_servers::Place;

/// What a run can be about, by the log: it has not entered it; it has and published nothing yet; a commit
/// is not done; one is done and others may follow; it has left.
pub const STAGES: [&str; 4] = ["starting", "computing", "publishing", "between commits"];
pub const LEFT: &str = "released";

/// Seconds that a night takes undisturbed.
pub fn length(place: &Place, runtime: &Handle) -> f64 {
    let room = Room::new(place, runtime, "length", Before::Nothing);
    let begun = Instant::now();
    room.heal(&room.project);
    begun.elapsed().as_secs_f64()
}

/// Waits for a moment of a run, unless that ends before: some time after its begin, or just after it wrote
/// a slot of the log.
pub fn wait(room: &Room<'_>, child: &mut Child, length: f64, slots: u64, draws: &mut Draws) {
    let begun = Instant::now();
    if draws.coin() {
        let until = Duration::from_secs_f64(length * draws.unit());
        while begun.elapsed() < until && is_running(child) {
            std::thread::sleep(Duration::from_millis(1));
        }
        return;
    }
    let slot = room.slots() + 1 + draws.below(slots);
    let key = format!("{}/warehouse/_loudou/log/{slot:020}.json", room.name());
    let key = object_store::path::Path::from(key);
    while begun.elapsed() < Duration::from_secs(30) && is_running(child) {
        if room.runtime.block_on(room.place.store.head(&key)).is_ok() {
            std::thread::sleep(Duration::from_micros(draws.below(8_000)));
            return;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub fn is_running(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_none()
}

/// What a process was about, by the slots written since `first`.
pub fn stage(room: &Room<'_>, first: u64, process: u32) -> &'static str {
    let mut stage = STAGES[0];
    let holder_line = format!("process {process}");
    let mut is_ours = false;
    for entry in room.entries(first) {
        if let Entry::Acquire { holder, .. } = &entry {
            is_ours = *holder == holder_line;
        }
        if is_ours {
            stage = match entry {
                Entry::Acquire { .. } | Entry::CompleteThrough { .. } => STAGES[1],
                Entry::Commit(_) => STAGES[2],
                Entry::Done { .. } => STAGES[3],
                Entry::Release { .. } => LEFT,
            };
        }
    }
    stage
}
