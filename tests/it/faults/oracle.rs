//! What must hold after faults, once a night has run undisturbed: the bytes of a warehouse that met none,
//! a log that fits them, and nothing left over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::AsArray;
use loudou::table::state::{Entry, State};
use loudou::table::write::hash_file;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::runtime::Handle;

use super::room::{Before, Room, Size, event_ids, said};
use crate::store_servers::Place;

/// The files of a warehouse that met no fault, by key.
pub struct Expected {
    files: BTreeMap<String, Vec<u8>>,
    /// Slots of the log that a night takes from nothing.
    pub slots: u64,
}

impl Expected {
    /// Runs the night on the local disk, both ways; every event must be there once.
    pub fn of(runtime: &Handle, size: Size) -> Self {
        let place = Place::disk();
        let from = |name: &str, before: Before| {
            Self::in_room(&Room::of_size(&place, runtime, name, before, size), size)
        };
        let whole = from("whole", Before::Nothing);
        assert_eq!(whole.files.len(), 5 * 3 + 1, "{:?}", whole.files.keys());
        let late = from("late", Before::TwoDays);
        assert!(late.files == whole.files, "two ways, other bytes");
        whole
    }

    /// Runs the night in a room on the local disk.
    pub fn in_room(room: &Room<'_>, size: Size) -> Self {
        room.heal(&room.project);
        let events = |day: u32| {
            let key = format!("warehouse/events/dt=2026-11-{day}/data.parquet");
            ids_in(&room.folder().unwrap().join(key))
        };
        let mut ids: Vec<String> = (19..=21).flat_map(events).collect();
        ids.sort();
        let wanted: Vec<String> = event_ids(size).into_iter().collect();
        assert!(
            ids == wanted,
            "{} events instead of {}",
            ids.len(),
            wanted.len()
        );
        Self {
            files: files(room),
            slots: room.slots(),
        }
    }

    /// What is in the warehouse now is what it should be, whole; `cut_off` runs were killed in it.
    pub fn check(&self, room: &Room<'_>, cut_off: usize) {
        let found = files(room);
        let other: Vec<&String> = (found.keys().chain(self.files.keys()))
            .filter(|key| found.get(*key) != self.files.get(*key))
            .collect();
        assert!(
            other.is_empty(),
            "{} has other files: {other:?}",
            room.place.name
        );

        // Nothing is left to do. A commit that was cut off stays open until a run has found it replaced: this
        // one closes what the last one replaced.
        let output = room
            .night(&room.project)
            .args(["--format", "json"])
            .output()
            .unwrap();
        let output = room.finished(output);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(results["recovered"], serde_json::json!([]), "{results}");
        for step in results["steps"].as_array().unwrap() {
            assert_eq!(step["status"], "unchanged", "{step}");
        }
        let state = room.state();
        assert_eq!(
            state.unfinished.keys().collect::<Vec<_>>(),
            Vec::<&u64>::new()
        );
        assert_eq!(state.holder, None);
        let listed: BTreeMap<&str, &str> = state
            .tables
            .values()
            .flat_map(|table| table.partitions.values())
            .map(|partition| (partition.key.as_str(), partition.hash.as_str()))
            .collect();
        assert_eq!(listed.len(), self.files.len(), "{listed:?}");
        for (key, bytes) in &found {
            let below = key.strip_prefix("warehouse/").unwrap();
            assert_eq!(listed.get(below), Some(&hash(bytes).as_str()), "{key}");
        }

        // A run that is killed while it tries the store leaves what it tried it with.
        let probes = room.keys("warehouse/_loudou/probe");
        assert!(probes.len() <= cut_off, "{probes:?}");
        let mut left = Vec::new();
        if let Some(folder) = room.folder() {
            collect_left_over(&folder, &mut left);
        }
        collect_left_over(&room.project.path(""), &mut left);
        assert_eq!(left, Vec::<String>::new(), "{}", room.place.name);

        let quarantine = room.keys("warehouse/_loudou/quarantine");
        assert_eq!(quarantine.len(), 1, "{quarantine:?}");
    }
}

/// Everything of the warehouse but its log, by key.
fn files(room: &Room<'_>) -> BTreeMap<String, Vec<u8>> {
    let keys = room.keys("warehouse");
    keys.into_iter()
        .filter(|key| !key.starts_with("warehouse/_loudou/"))
        .map(|key| (key.clone(), room.get(&key)))
        .collect()
}

/// Ids of the events in a file.
fn ids_in(path: &Path) -> Vec<String> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mask = ProjectionMask::columns(reader.parquet_schema(), ["event_id"]);
    let batches = reader.with_projection(mask).build().unwrap();
    let mut ids = Vec::new();
    for batch in batches {
        let batch = batch.unwrap();
        let column = batch.column(0).as_string::<i32>();
        ids.extend(column.iter().map(|id| id.unwrap().to_string()));
    }
    ids
}

/// Temporary files that nobody will look at again, and the scratch of runs that have ended.
fn collect_left_over(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let is_temporary = name.ends_with(".loudou-tmp") || name.ends_with(".part");
        if is_temporary || name.contains('#') || name.starts_with("run-") {
            found.push(path.display().to_string());
        } else if path.is_dir() {
            collect_left_over(&path, found);
            if name == "spill" && path.read_dir().unwrap().next().is_some() {
                found.push(path.display().to_string());
            }
        }
    }
}

/// SHA-256 as the log writes it.
pub fn hash(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    hash_file(file.path()).unwrap().0
}

impl Room<'_> {
    /// Entries of the log from this slot on. Slots have no gaps.
    pub fn entries(&self, first: u64) -> Vec<Entry> {
        let keys = self.keys("warehouse/_loudou/log");
        let slots = keys.iter().filter_map(|key| {
            let name = key.rsplit('/').next()?.strip_suffix(".json")?;
            name.parse::<u64>().ok()
        });
        let slots: BTreeSet<u64> = slots.collect();
        let last = slots.last().copied().unwrap_or(0);
        assert_eq!(slots, (1..=last).collect(), "slots have gaps");
        (first..=last)
            .map(|slot| {
                let bytes = self.get(&format!("warehouse/_loudou/log/{slot:020}.json"));
                serde_json::from_slice(&bytes).unwrap()
            })
            .collect()
    }

    /// The last slot of the log.
    pub fn slots(&self) -> u64 {
        self.keys("warehouse/_loudou/log").len() as u64
    }

    /// What the log folds into, without its checkpoints.
    pub fn state(&self) -> State {
        let mut state = State::default();
        for entry in self.entries(1) {
            state.fold(state.slot + 1, &entry);
        }
        state
    }
}
