//! Slots and checkpoints on the local disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::table::durable;
use crate::table::state::{Entry, State};

/// The state that the log in a folder folds into.
pub(super) fn read_state(folder: &Path) -> Result<State> {
    let mut state = newest_checkpoint(folder)?;
    while let Some(entry) = read_slot(folder, state.slot + 1)? {
        state.fold(state.slot + 1, &entry);
    }
    Ok(state)
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
        Ok(text) => parse(&path, &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", &path)(error)),
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::Failed(format!(
            "the run log is damaged at {} ({error}); restore it from a backup, or begin with an empty warehouse",
            path.display()
        ))
    })
}

/// The newest checkpoint. Found by listing, which is safe here: an older one, or none, only means more
/// slots to read.
fn newest_checkpoint(folder: &Path) -> Result<State> {
    let mut slots: Vec<u64> = match fs::read_dir(folder.join("checkpoint")) {
        Ok(entries) => entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                name.strip_suffix(".json")?.parse().ok()
            })
            .collect(),
        Err(_) => Vec::new(),
    };
    slots.sort_unstable();
    match slots.last() {
        Some(slot) => {
            let path = folder.join(format!("checkpoint/{slot:020}.json"));
            let text = fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
            parse(&path, &text)
        }
        None => Ok(State::default()),
    }
}
