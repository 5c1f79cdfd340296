//! The run log: lock, ledger and recovery in one.
//!
//! `_loudou/log/<20-digit n>.json` is created once and never changed; every 100 slots the folded
//! state goes to `_loudou/checkpoint/<n>.json`, so that a run never reads all history. The tail is
//! found by opening slot after slot, never by listing. On the local disk a lock of the operating system
//! keeps other writers out (`local`); in an object store the creation of slots does
//! ([`super::remote`]).

mod local;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;

use super::lock::Lock;
use super::remote::lease::{self, Beats};
use super::remote::put::fenced;
use super::remote::{Remote, slots};
use super::state::{Commit, Entry, State};
use super::warehouse::{Place, Warehouse};
use crate::error::{Error, Result};

const CHECKPOINT_EVERY: u64 = 100;

/// What a log is told with that is not whole. To begin anew beside old tables would publish wrong figures.
pub(super) fn damaged_slot(name: &str, why: &str) -> Error {
    Error::Failed(format!(
        "the run log is damaged at {name} ({why}); restore `_loudou` from a backup. Without one, move the whole warehouse away and run all dates again from the raw logs"
    ))
}

/// The same of a checkpoint, which only saves reading.
pub(super) fn damaged_checkpoint(name: &str, why: &str) -> Error {
    Error::Failed(format!(
        "the checkpoint {name} is damaged ({why}); remove it: the slots in `_loudou/log` hold the same"
    ))
}

/// What a warehouse is told with that has tables and no log.
pub(super) fn no_log(warehouse: &str, table: &str) -> Error {
    Error::Failed(format!(
        "{warehouse} holds tables, such as {table}, and no run log; restore `_loudou` from a backup. Without one, move the tables away and run all dates again from the raw logs"
    ))
}

/// Reads the log without taking part: what is published.
pub async fn read_state(warehouse: &Warehouse) -> Result<State> {
    match warehouse.place() {
        Place::Local(folder) => local::read_state(&folder.join("_loudou")),
        Place::Remote(remote) => slots::read_state(remote).await,
    }
}

/// What a store or disk says of files that were published, by key.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// When each was last modified, in nanoseconds since 1970 (local disk).
    pub modified_ns: BTreeMap<String, u64>,
    /// The store's tags.
    pub etags: BTreeMap<String, String>,
}

/// A run's hold on the log.
#[derive(Debug)]
pub struct RunLog {
    place: Held,
    /// Everything published, kept up to date with what this run writes.
    pub state: State,
    epoch: u64,
}

/// What keeps other writers out.
#[derive(Debug)]
enum Held {
    Local { folder: PathBuf, _lock: Lock },
    Remote { remote: Arc<Remote>, _beats: Beats },
}

impl RunLog {
    /// Keeps other writers out, reads the tail and enters this run. `holder` says who we are, `at` when.
    pub async fn acquire(warehouse: &Warehouse, holder: &str, at: &str) -> Result<Self> {
        match warehouse.place() {
            Place::Local(folder) => {
                let folder = folder.join("_loudou");
                let lock = Lock::take(&folder, &format!("{holder}, since {at}"))?;
                let state = local::read_state(&folder)?;
                if state.slot == 0 {
                    local::refuse_tables(&folder)?;
                }
                local::restore(&folder, &state)?;
                let epoch = state.epoch + 1;
                let mut log = Self {
                    place: Held::Local {
                        folder,
                        _lock: lock,
                    },
                    state,
                    epoch,
                };
                log.append(Entry::Acquire {
                    epoch,
                    holder: holder.to_string(),
                    at: at.to_string(),
                })
                .await?;
                Ok(log)
            }
            Place::Remote(remote) => {
                let state = lease::acquire(remote, holder, at).await?;
                let epoch = state.epoch;
                Ok(Self {
                    epoch,
                    state,
                    place: Held::Remote {
                        remote: Arc::clone(remote),
                        _beats: Beats::begin(remote, epoch),
                    },
                })
            }
        }
    }

    /// This run's number.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn append(&mut self, entry: Entry) -> Result<u64> {
        let slot = self.state.slot + 1;
        match &self.place {
            Held::Local { folder, .. } => local::create_slot(folder, slot, &entry)?,
            Held::Remote { remote, .. } => {
                if !slots::create_slot(remote, slot, &entry).await? {
                    return Err(fenced(remote));
                }
            }
        }
        self.state.fold(slot, &entry);
        if slot.is_multiple_of(CHECKPOINT_EVERY) {
            let text = serde_json::to_string(&self.state)
                .map_err(|error| Error::Failed(format!("writing a checkpoint: {error}")))?;
            match &self.place {
                Held::Local { folder, .. } => local::write_checkpoint(folder, slot, &text)?,
                Held::Remote { remote, .. } => {
                    remote
                        .write_text(&slots::checkpoint_key(slot), &text)
                        .await?;
                }
            }
        }
        Ok(slot)
    }

    /// Whether another run has taken over: it wrote the next slot. On the local disk none can.
    pub async fn is_fenced(&self) -> Result<bool> {
        match &self.place {
            Held::Local { .. } => Ok(false),
            Held::Remote { remote, .. } => slots::is_written(remote, self.state.slot + 1).await,
        }
    }

    /// Stops a run that is no longer the writer, before it writes what the log does not guard.
    pub async fn stop_if_fenced(&self) -> Result<()> {
        match &self.place {
            Held::Remote { remote, .. } if self.is_fenced().await? => Err(fenced(remote)),
            _ => Ok(()),
        }
    }

    /// Before something is replaced without a condition: lets others hear of this run, and stops it if one
    /// has taken over, or could before the longest request ends.
    pub(super) async fn stop_if_late(&self) -> Result<()> {
        let Held::Remote { remote, .. } = &self.place else {
            return Ok(());
        };
        let before = remote.clock.since_boot();
        lease::beat(remote, self.epoch).await?;
        self.stop_if_fenced().await?;
        let passed = remote.clock.since_boot().saturating_sub(before);
        match passed + remote.longest_request < remote.lease {
            true => Ok(()),
            false => Err(Error::Locked(format!(
                "{} answers so slowly ({} s) that another run could take over before an object is replaced; this one stops. Run again, or give `stores:` a longer `lease`",
                remote.location.url,
                passed.as_secs()
            ))),
        }
    }

    /// Enters a commit; its slot.
    pub async fn commit(&mut self, commit: Commit) -> Result<u64> {
        self.append(Entry::Commit(commit)).await
    }

    /// Everything of the commit is published.
    pub async fn done(&mut self, commit_slot: u64, marks: Marks) -> Result<()> {
        self.append(Entry::Done {
            of: commit_slot,
            modified_ns: marks.modified_ns,
            etags: marks.etags,
        })
        .await
        .map(|_| ())
    }

    /// Remembers how far days have been complete, if that is further than before.
    pub async fn note_complete_through(&mut self, date: NaiveDate) -> Result<()> {
        if self.state.complete_through < Some(date) {
            self.append(Entry::CompleteThrough { date: Some(date) })
                .await?;
        }
        Ok(())
    }

    /// The run has ended by itself.
    pub async fn release(mut self) -> Result<()> {
        let epoch = self.epoch;
        self.append(Entry::Release { epoch }).await?;
        if let Held::Remote {
            remote,
            _beats: beats,
        } = self.place
        {
            drop(beats);
            lease::forget_beat(&remote, epoch).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::state::CommitPartition;
    use std::fs;

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
                previous_etag: None,
                inputs: "i".into(),
            }],
            objects: Vec::new(),
            gone: Vec::new(),
            restated: Vec::new(),
            undeclared: None,
        }
    }

    #[tokio::test]
    async fn a_second_run_sees_what_the_first_published_and_what_it_left_open() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::local(folder.path());
        let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        let first = log.commit(commit(log.epoch(), "a")).await.unwrap();
        log.done(first, Marks::default()).await.unwrap();
        let second = log.commit(commit(log.epoch(), "b")).await.unwrap();
        drop(log); // as a crash would
        let log = RunLog::acquire(&warehouse, "two", "later").await.unwrap();
        assert_eq!(log.epoch(), 2);
        assert_eq!(
            log.state.unfinished.keys().copied().collect::<Vec<_>>(),
            [second]
        );
        let partition = log.state.table("t").partitions["2026-11-21"].clone();
        assert_eq!(partition.hash, "b");
    }

    #[tokio::test]
    async fn a_slot_that_is_missing_is_no_end_and_tables_without_a_log_are_no_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::local(folder.path());
        let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        for _ in 0..3 {
            let slot = log.commit(commit(1, "a")).await.unwrap();
            log.done(slot, Marks::default()).await.unwrap();
        }
        log.release().await.unwrap();
        let slot = folder.path().join(format!("_loudou/log/{:020}.json", 4));
        fs::remove_file(&slot).unwrap();
        for error in [
            read_state(&warehouse).await.unwrap_err(),
            RunLog::acquire(&warehouse, "two", "now").await.unwrap_err(),
        ] {
            let said = error.to_string();
            assert!(said.contains("slot 8 is there"), "{said}");
            assert!(said.contains(&slot.display().to_string()), "{said}");
        }
        assert!(!slot.exists(), "the hole was filled");

        fs::remove_dir_all(folder.path().join("_loudou/log")).unwrap();
        RunLog::acquire(&warehouse, "nothing is published yet", "now")
            .await
            .unwrap();
        fs::remove_dir_all(folder.path().join("_loudou/log")).unwrap();
        let table = folder.path().join("t/dt=2026-11-21");
        fs::create_dir_all(&table).unwrap();
        fs::write(table.join("data.parquet"), "rows").unwrap();
        let error = RunLog::acquire(&warehouse, "two", "now").await.unwrap_err();
        assert!(error.to_string().contains("no run log"), "{error}");
    }

    #[tokio::test]
    async fn checkpoints_hold_the_same_state() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::local(folder.path());
        let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        for number in 0..160 {
            let slot = log.commit(commit(1, &format!("h{number}"))).await.unwrap();
            log.done(slot, Marks::default()).await.unwrap();
        }
        let mut state = log.state.clone();
        log.release().await.unwrap();
        let mut again = read_state(&warehouse).await.unwrap();
        assert_eq!(again.slot, state.slot + 1);
        again.slot = state.slot;
        assert_eq!(again.holder, None);
        state.holder = None;
        assert_eq!(again, state);
        assert_eq!(
            fs::read_dir(folder.path().join("_loudou/checkpoint"))
                .unwrap()
                .count(),
            3
        );
    }
}
