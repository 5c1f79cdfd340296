//! Publishing: commit to the log, then replace each partition's object, then say it is done. And
//! recovery: what a crash left open is found by hash and either finished or marked for recomputing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;

use super::durable;
use super::log::RunLog;
use super::state::{Commit, CommitPartition, ObjectRecord, PartitionState, State, date_key};
use super::write::{Written, hash_file};
use crate::error::Result;

/// Key of a partition below the warehouse.
pub fn partition_key(table: &str, date: Option<NaiveDate>) -> String {
    match date {
        Some(date) => format!("{table}/dt={date}/data.parquet"),
        None => format!("{table}/data.parquet"),
    }
}

/// A partition that passed its audit and waits on scratch.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Its local day.
    pub date: Option<NaiveDate>,
    /// The scratch file.
    pub written: Written,
    /// Fingerprint of its inputs.
    pub inputs: String,
}

/// Everything one table publishes together.
#[derive(Debug, Clone, Default)]
pub struct TableCommit {
    /// Table.
    pub table: String,
    /// Hash of its definitions.
    pub definition: String,
    /// Partitions.
    pub ready: Vec<Ready>,
    /// Raw objects read (sources only).
    pub objects: Vec<ObjectRecord>,
    /// Raw objects gone (sources only).
    pub gone: Vec<String>,
    /// Names of undeclared fields that were not known (sources only).
    pub undeclared: Option<BTreeSet<String>>,
}

/// Publishes; gives the dates whose bytes are new. Scratch files are moved where they can be.
pub fn publish(
    warehouse: &Path,
    log: &mut RunLog,
    commit: TableCommit,
) -> Result<BTreeSet<Option<NaiveDate>>> {
    let before = log.state.table(&commit.table);
    let mut partitions = Vec::new();
    for ready in &commit.ready {
        let previous = before
            .partition(ready.date)
            .map(|partition| partition.hash.clone());
        partitions.push(CommitPartition {
            date: ready.date,
            key: partition_key(&commit.table, ready.date),
            rows: ready.written.rows,
            bytes: ready.written.bytes,
            hash: ready.written.hash.clone(),
            previous,
            inputs: ready.inputs.clone(),
        });
    }
    let changed: BTreeSet<Option<NaiveDate>> = partitions
        .iter()
        .filter(|partition| partition.previous.as_ref() != Some(&partition.hash))
        .map(|partition| partition.date)
        .collect();
    let slot = log.commit(Commit {
        epoch: log.epoch(),
        table: commit.table.clone(),
        definition: commit.definition,
        partitions,
        objects: commit.objects,
        gone: commit.gone,
        undeclared: commit.undeclared,
    })?;
    let mut modified_by_key = BTreeMap::new();
    for ready in &commit.ready {
        let path = warehouse.join(partition_key(&commit.table, ready.date));
        // What was computed again and came out the same may still be broken where it lies.
        let is_there =
            || path.is_file() && hash_file(&path).is_ok_and(|(hash, _)| hash == ready.written.hash);
        if changed.contains(&ready.date) || !is_there() {
            durable::replace_with_file(&ready.written.path, &path)?;
        }
        if let Some(modified) = modified_ns(&path) {
            modified_by_key.insert(partition_key(&commit.table, ready.date), modified);
        }
    }
    log.done_with(slot, modified_by_key)?;
    Ok(changed)
}

/// When a file was last modified, in nanoseconds since 1970.
fn modified_ns(path: &Path) -> Option<u64> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// What is wrong with a published file, if anything is. Its bytes are hashed only where it was modified
/// since it was published.
fn fault_of(path: &Path, partition: &PartitionState) -> Option<&'static str> {
    let Ok(metadata) = std::fs::metadata(path) else {
        return Some("its file is gone");
    };
    if metadata.len() != partition.bytes {
        return Some("its size is not what was published");
    }
    let is_touched = partition.modified_ns.is_some() && modified_ns(path) != partition.modified_ns;
    let is_same = !is_touched || hash_file(path).is_ok_and(|(hash, _)| hash == partition.hash);
    (!is_same).then_some("its bytes are not what was published")
}

/// Published partitions that are not what the log says. Changes nothing.
pub fn damaged(warehouse: &Path, state: &State) -> Vec<Damaged> {
    let mut found = Vec::new();
    for (name, table) in &state.tables {
        for (date, partition) in &table.partitions {
            if let Some(why) = fault_of(&warehouse.join(&partition.key), partition) {
                found.push(Damaged {
                    table: name.clone(),
                    date: date.clone(),
                    why,
                });
            }
        }
    }
    found
}

/// Takes from damaged partitions what says that they are done, so that they are computed again.
pub fn forget_damaged(state: &mut State, damaged: &[Damaged]) {
    for found in damaged {
        if let Some(partition) = state
            .tables
            .get_mut(&found.table)
            .and_then(|table| table.partitions.get_mut(&found.date))
        {
            partition.inputs.clear();
            partition.hash.clear();
        }
    }
}

/// Publishes a page or another text that is no table.
pub fn publish_text(path: &Path, text: &str) -> Result<()> {
    durable::replace_with_text(text, path)
}

/// A published partition that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Table.
    pub table: String,
    /// Local day.
    pub date: String,
    /// What is wrong.
    pub why: &'static str,
}

/// Compares what is published with the log: every partition by size, those of unfinished commits by
/// hash. Damaged ones lose their fingerprint in the run's state, so that this run computes them
/// again; unfinished commits that turn out whole, or replaced by later ones, are closed.
pub fn recover(warehouse: &Path, log: &mut RunLog) -> Result<Vec<Damaged>> {
    let mut damaged = Vec::new();
    for (slot, commit) in log.state.unfinished.clone() {
        let known = damaged.len();
        for partition in &commit.partitions {
            let path = warehouse.join(&partition.key);
            durable::remove_temporary(&path)?;
            let same = path.is_file() && hash_file(&path)?.0 == partition.hash;
            // A later commit may have replaced it already: then that one is the truth.
            let date = date_key(partition.date);
            let is_newest = log
                .state
                .tables
                .get(&commit.table)
                .and_then(|table| table.partitions.get(&date))
                .is_some_and(|current| current.commit == slot);
            if !same && is_newest {
                damaged.push(Damaged {
                    table: commit.table.clone(),
                    date,
                    why: "an earlier run was cut off before publishing it",
                });
            }
        }
        // One that is not whole stays open until a later commit replaces it: this run may be cut off,
        // too.
        if damaged.len() == known {
            log.done(slot)?;
        }
    }
    for found in self::damaged(warehouse, &log.state) {
        if !damaged
            .iter()
            .any(|known| known.table == found.table && known.date == found.date)
        {
            damaged.push(found);
        }
    }
    forget_damaged(&mut log.state, &damaged);
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn ready(folder: &Path, name: &str, text: &str) -> Ready {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        let (hash, bytes) = hash_file(&path).unwrap();
        Ready {
            date: "2026-11-21".parse().ok(),
            written: Written {
                path,
                rows: 1,
                bytes,
                hash,
            },
            inputs: "i".into(),
        }
    }

    fn commit(ready: Ready) -> TableCommit {
        TableCommit {
            table: "t".into(),
            definition: "d".into(),
            ready: vec![ready],
            ..TableCommit::default()
        }
    }

    #[test]
    fn what_was_cut_off_or_damaged_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = folder.path().join("w");
        let published = warehouse.join("t/dt=2026-11-21/data.parquet");
        let mut log = RunLog::acquire(&warehouse, "one", "now").unwrap();
        let first = commit(ready(folder.path(), "a", "first"));
        assert_eq!(
            publish(&warehouse, &mut log, first.clone()).unwrap().len(),
            1
        );
        assert_eq!(
            publish(&warehouse, &mut log, first).unwrap().len(),
            0,
            "same bytes"
        );
        assert_eq!(recover(&warehouse, &mut log).unwrap(), []);
        assert_eq!(fs::read_to_string(&published).unwrap(), "first");

        // A crash between commit and publication.
        let second = ready(folder.path(), "b", "second");
        log.commit(Commit {
            epoch: 1,
            table: "t".into(),
            definition: "d".into(),
            partitions: vec![CommitPartition {
                date: second.date,
                key: partition_key("t", second.date),
                rows: 1,
                bytes: second.written.bytes,
                hash: second.written.hash.clone(),
                previous: None,
                inputs: "i".into(),
            }],
            objects: Vec::new(),
            gone: Vec::new(),
            undeclared: None,
        })
        .unwrap();
        drop(log);
        let mut log = RunLog::acquire(&warehouse, "two", "now").unwrap();
        let damaged = recover(&warehouse, &mut log).unwrap();
        assert_eq!(damaged.len(), 1, "{damaged:?}");
        assert_eq!(log.state.table("t").partitions["2026-11-21"].inputs, "");
        drop(log); // and this run is cut off before it mends anything
        let mut log = RunLog::acquire(&warehouse, "three", "now").unwrap();
        assert_eq!(recover(&warehouse, &mut log).unwrap(), damaged);
        publish(&warehouse, &mut log, commit(second.clone())).unwrap();
        assert_eq!(fs::read_to_string(&published).unwrap(), "second");
        assert_eq!(recover(&warehouse, &mut log).unwrap(), []);
        assert!(log.state.unfinished.is_empty());

        // The same number of other bytes: computing it again puts it right.
        fs::write(&published, "dnoces").unwrap();
        let again = ready(folder.path(), "b", "second");
        publish(&warehouse, &mut log, commit(again)).unwrap();
        assert_eq!(fs::read_to_string(&published).unwrap(), "second");

        // Somebody deletes a file.
        fs::remove_file(&published).unwrap();
        let damaged = recover(&warehouse, &mut log).unwrap();
        assert_eq!(damaged[0].why, "its file is gone");
    }
}
