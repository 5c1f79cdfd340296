//! The run log on the local disk: lock, ledger and recovery in one.
//!
//! `_loudou/log/<20-digit n>.json` is created once and never changed; every 100 slots the folded
//! state goes to `_loudou/checkpoint/<n>.json`, so that a run never reads all history. The tail is
//! found by opening slot after slot, never by listing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::durable;
use super::lock::Lock;
use super::state::{Commit, Entry, State};
use crate::error::{Error, Result};

const CHECKPOINT_EVERY: u64 = 100;

/// Reads the log without taking part: what is published.
pub fn read_state(warehouse: &Path) -> Result<State> {
    let folder = warehouse.join("_loudou");
    let mut state = newest_checkpoint(&folder)?;
    while let Some(entry) = read_slot(&folder, state.slot + 1)? {
        state.fold(state.slot + 1, &entry);
    }
    Ok(state)
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

/// A run's hold on the log.
#[derive(Debug)]
pub struct RunLog {
    folder: PathBuf,
    /// Everything published, kept up to date with what this run writes.
    pub state: State,
    epoch: u64,
    _lock: Lock,
}

impl RunLog {
    /// Takes the lock, reads the tail and enters this run. `holder` says who we are, `at` when.
    pub fn acquire(warehouse: &Path, holder: &str, at: &str) -> Result<Self> {
        let folder = warehouse.join("_loudou");
        let lock = Lock::take(&folder, &format!("{holder}, since {at}"))?;
        let state = read_state(warehouse)?;
        let epoch = state.epoch + 1;
        let mut log = Self {
            folder,
            state,
            epoch,
            _lock: lock,
        };
        log.append(Entry::Acquire {
            epoch,
            holder: holder.to_string(),
            at: at.to_string(),
        })?;
        Ok(log)
    }

    /// This run's number.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn append(&mut self, entry: Entry) -> Result<u64> {
        let slot = self.state.slot + 1;
        let text = serde_json::to_string(&entry)
            .map_err(|error| Error::Failed(format!("writing the run log: {error}")))?;
        let path = slot_path(&self.folder, slot);
        if !durable::create(&text, &path)? {
            return Err(Error::Locked(format!(
                "another run wrote {} although this one holds the lock; is the warehouse shared between machines?",
                path.display()
            )));
        }
        self.state.fold(slot, &entry);
        if slot.is_multiple_of(CHECKPOINT_EVERY) {
            let text = serde_json::to_string(&self.state)
                .map_err(|error| Error::Failed(format!("writing a checkpoint: {error}")))?;
            let path = self.folder.join(format!("checkpoint/{slot:020}.json"));
            durable::replace_with_text(&text, &path)?;
        }
        Ok(slot)
    }

    /// Enters a commit; its slot.
    pub fn commit(&mut self, commit: Commit) -> Result<u64> {
        self.append(Entry::Commit(commit))
    }

    /// Everything of the commit is published.
    pub fn done(&mut self, commit_slot: u64) -> Result<()> {
        self.done_with(commit_slot, BTreeMap::new())
    }

    /// The same, with when each replaced file was last modified.
    pub fn done_with(
        &mut self,
        commit_slot: u64,
        modified_ns: BTreeMap<String, u64>,
    ) -> Result<()> {
        self.append(Entry::Done {
            of: commit_slot,
            modified_ns,
        })
        .map(|_| ())
    }

    /// Remembers how far days have been complete, if that is further than before.
    pub fn note_complete_through(&mut self, date: NaiveDate) -> Result<()> {
        if self.state.complete_through < Some(date) {
            self.append(Entry::CompleteThrough { date: Some(date) })?;
        }
        Ok(())
    }

    /// The run has ended by itself.
    pub fn release(mut self) -> Result<()> {
        let epoch = self.epoch;
        self.append(Entry::Release { epoch }).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::state::CommitPartition;

    fn commit(epoch: u64, hash: &str) -> Commit {
        Commit {
            epoch,
            table: "t".into(),
            definition: "d".into(),
            partitions: vec![CommitPartition {
                date: "2026-11-21".parse().ok(),
                key: "t/dt=2026-11-21/data.parquet".into(),
                rows: 1,
                bytes: 2,
                hash: hash.into(),
                previous: None,
                inputs: "i".into(),
            }],
            objects: Vec::new(),
            gone: Vec::new(),
            undeclared: None,
        }
    }

    #[test]
    fn a_second_run_sees_what_the_first_published_and_what_it_left_open() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RunLog::acquire(folder.path(), "one", "now").unwrap();
        let first = log.commit(commit(log.epoch(), "a")).unwrap();
        log.done(first).unwrap();
        let second = log.commit(commit(log.epoch(), "b")).unwrap();
        drop(log); // as a crash would
        let log = RunLog::acquire(folder.path(), "two", "later").unwrap();
        assert_eq!(log.epoch(), 2);
        assert_eq!(
            log.state.unfinished.keys().copied().collect::<Vec<_>>(),
            [second]
        );
        let partition = log.state.table("t").partitions["2026-11-21"].clone();
        assert_eq!(partition.hash, "b");
    }

    #[test]
    fn checkpoints_hold_the_same_state() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RunLog::acquire(folder.path(), "one", "now").unwrap();
        for number in 0..160 {
            let slot = log.commit(commit(1, &format!("h{number}"))).unwrap();
            log.done(slot).unwrap();
        }
        let state = log.state.clone();
        log.release().unwrap();
        let mut again = read_state(folder.path()).unwrap();
        assert_eq!(again.slot, state.slot + 1);
        again.slot = state.slot;
        assert_eq!(again, state);
        assert_eq!(
            fs::read_dir(folder.path().join("_loudou/checkpoint"))
                .unwrap()
                .count(),
            3
        );
    }
}
