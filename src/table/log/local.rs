//! Slots and checkpoints on the local disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{damaged_checkpoint, damaged_slot, no_log};
use crate::error::{Error, Result};
use crate::table::durable;
use crate::table::state::{Entry, State};

/// The state that the log in a folder folds into. The tail is found slot by slot; what is listed before only
/// shows that none is missing.
pub(super) fn read_state(folder: &Path) -> Result<State> {
    let last = numbers(&folder.join("log")).max();
    let mut state = newest_checkpoint(folder)?;
    while let Some(entry) = read_slot(folder, state.slot + 1)? {
        state.fold(state.slot + 1, &entry);
    }
    match last {
        Some(last) if last > state.slot => {
            let missing = slot_path(folder, state.slot + 1);
            let why = format!("it is missing, and slot {last} is there");
            Err(damaged_slot(&missing.display().to_string(), &why))
        }
        _ => Ok(state),
    }
}

/// Refuses to begin a log beside tables that one must have published.
pub(super) fn refuse_tables(folder: &Path) -> Result<()> {
    let warehouse = folder.parent().unwrap_or(folder);
    let below = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_partition = |folder: &Path| folder.join("data.parquet").is_file();
    let mut tables = below(warehouse).map(|entry| entry.path());
    let table = tables.find(|table| {
        is_partition(table)
            || below(table).any(|entry| {
                entry.file_name().to_string_lossy().starts_with("dt=")
                    && is_partition(&entry.path())
            })
    });
    match table {
        Some(table) => Err(no_log(
            &warehouse.display().to_string(),
            &table.display().to_string(),
        )),
        None => Ok(()),
    }
}

/// Numbers of the files `<number>.json` of a folder.
fn numbers(folder: &Path) -> impl Iterator<Item = u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_suffix(".json")?.parse().ok()
    })
}

/// Makes good what a run left behind that was cut off; `state` is what the log says.
pub(super) fn restore(folder: &Path, state: &State) -> Result<()> {
    if state.holder.is_some() {
        return durable::restore(folder.parent().unwrap_or(folder));
    }
    // It may have been cut off while it entered the log.
    durable::remove_temporary(&slot_path(folder, state.slot))?;
    durable::remove_temporary(&slot_path(folder, state.slot + 1))
}

/// Creates a slot, which must not exist: the lock keeps others out.
pub(super) fn create_slot(folder: &Path, slot: u64, entry: &Entry) -> Result<()> {
    let text = serde_json::to_string(entry)
        .map_err(|error| Error::Failed(format!("writing the run log: {error}")))?;
    let path = slot_path(folder, slot);
    match durable::create(&text, &path)? {
        true => Ok(()),
        false => Err(Error::Locked(format!(
            "another run wrote {} although this one holds the lock; is the warehouse shared between machines?",
            path.display()
        ))),
    }
}

/// Writes the state folded up to a slot.
pub(super) fn write_checkpoint(folder: &Path, slot: u64, text: &str) -> Result<()> {
    let path = folder.join(format!("checkpoint/{slot:020}.json"));
    durable::replace_with_text(text, &path)
}

fn slot_path(folder: &Path, slot: u64) -> PathBuf {
    folder.join(format!("log/{slot:020}.json"))
}

fn read_slot(folder: &Path, slot: u64) -> Result<Option<Entry>> {
    let path = slot_path(folder, slot);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| damaged_slot(&path.display().to_string(), &error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", &path)(error)),
    }
}

/// The newest checkpoint. Found by listing, which is safe here: an older one, or none, only means more
/// slots to read.
fn newest_checkpoint(folder: &Path) -> Result<State> {
    match numbers(&folder.join("checkpoint")).max() {
        Some(slot) => {
            let path = folder.join(format!("checkpoint/{slot:020}.json"));
            let text = fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
            serde_json::from_str(&text).map_err(|error| {
                damaged_checkpoint(&path.display().to_string(), &error.to_string())
            })
        }
        None => Ok(State::default()),
    }
}
