//! Publishing: commit to the log, then replace each partition's object, then say it is done. And
//! recovery: what a crash left open is found by hash (in a store by its tag, or the hash beside it) and
//! either finished or marked for recomputing.

mod local;
mod remote;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::log::{Marks, RunLog};
use super::planted::{self, Mistake};
use super::restatement::{self, Restatement};
use super::state::{Commit, CommitPartition, ObjectRecord, State, date_key};
use super::warehouse::{Place, Warehouse};
use super::write::Written;
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
    /// What it says of partitions that were published before.
    pub restated: Vec<Restatement>,
    /// Names of undeclared fields that were not known (sources only).
    pub undeclared: Option<BTreeSet<String>>,
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

/// Publishes; gives the dates whose bytes are new. Scratch files are moved where they can be.
pub async fn publish(
    warehouse: &Warehouse,
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
            previous_etag: None,
            inputs: ready.inputs.clone(),
        });
    }
    let changed: BTreeSet<Option<NaiveDate>> = partitions
        .iter()
        .filter(|partition| partition.previous.as_ref() != Some(&partition.hash))
        .map(|partition| partition.date)
        .collect();
    // What is there in a store is seen before the commit: nothing else may be replaced after it.
    let seen = match warehouse.place() {
        Place::Local(_) => Vec::new(),
        Place::Remote(store) => {
            let seen = remote::look(store, &commit.table, &commit.ready).await?;
            for (partition, head) in partitions.iter_mut().zip(&seen) {
                partition.previous_etag = head
                    .as_ref()
                    .and_then(|head| head.tag().map(str::to_string));
            }
            seen
        }
    };
    let early = match (warehouse.place(), planted::is(Mistake::PublishBeforeCommit)) {
        (Place::Remote(store), true) => {
            Some(remote::replace(store, log, &commit.table, &commit.ready, seen.clone()).await?)
        }
        _ => None,
    };
    let slot = log
        .commit(Commit {
            epoch: log.epoch(),
            table: commit.table.clone(),
            definition: commit.definition,
            partitions,
            objects: commit.objects,
            gone: commit.gone,
            restated: commit.restated.clone(),
            undeclared: commit.undeclared,
        })
        .await?;
    if let Some(marks) = early {
        log.done(slot, marks).await?;
        return Ok(changed);
    }
    restatement::write(warehouse, slot, &commit.restated).await?;
    let marks = match warehouse.place() {
        Place::Local(folder) => local::replace(folder, &commit.table, &commit.ready, &changed)?,
        Place::Remote(store) => {
            remote::replace(store, log, &commit.table, &commit.ready, seen).await?
        }
    };
    log.done(slot, marks).await?;
    Ok(changed)
}

/// Published partitions that are not what the log says. Changes nothing.
pub async fn damaged(warehouse: &Warehouse, state: &State) -> Result<Vec<Damaged>> {
    match warehouse.place() {
        Place::Local(folder) => Ok(local::damaged(folder, state)),
        Place::Remote(store) => remote::damaged(store, state).await,
    }
}

/// Whether exactly the bytes of a commit's partition are published; if so, what the store says of them.
pub async fn is_published(
    warehouse: &Warehouse,
    partition: &CommitPartition,
) -> Result<Option<Marks>> {
    match warehouse.place() {
        Place::Local(folder) => local::is_published(folder, partition),
        Place::Remote(store) => remote::is_published(store, partition).await,
    }
}

/// Compares what is published with the log: every partition by size and time of change (in a store by its
/// tag), those of unfinished commits by hash. Damaged ones lose their fingerprint in the run's state, so
/// that this run computes them again; unfinished commits that turn out whole, or replaced by later ones,
/// are closed.
pub async fn recover(warehouse: &Warehouse, log: &mut RunLog) -> Result<Vec<Damaged>> {
    if planted::is(Mistake::NoVerification) {
        return Ok(Vec::new());
    }
    let mut damaged = Vec::new();
    for (slot, commit) in log.state.unfinished.clone() {
        let mut is_whole = true;
        let mut open = Vec::new();
        restatement::write(warehouse, slot, &commit.restated).await?;
        let mut marks = Marks::default();
        for partition in &commit.partitions {
            if let Place::Local(folder) = warehouse.place() {
                local::remove_temporary(folder, partition)?;
            }
            let published = is_published(warehouse, partition).await?;
            // A later commit may have replaced it already: then that one is the truth.
            let date = date_key(partition.date);
            let is_newest = log
                .state
                .tables
                .get(&commit.table)
                .and_then(|table| table.partitions.get(&date))
                .is_some_and(|current| current.commit == slot);
            if !is_newest {
                continue;
            }
            let why = match published {
                Some(found) => {
                    marks.modified_ns.extend(found.modified_ns);
                    marks.etags.extend(found.etags);
                    "an earlier run was cut off while publishing its table"
                }
                None => {
                    is_whole = false;
                    "an earlier run was cut off before publishing it"
                }
            };
            open.push(Damaged {
                table: commit.table.clone(),
                date,
                why,
            });
        }
        // One that is not whole stays open until later commits have replaced all of it: this run may be
        // cut off, too.
        match is_whole {
            true => log.done(slot, marks).await?,
            false => damaged.extend(open),
        }
    }
    for found in self::damaged(warehouse, &log.state).await? {
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
    use std::path::Path;

    use crate::table::write::hash_file;

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

    #[tokio::test]
    async fn what_a_cut_off_commit_restates_is_kept() {
        use crate::table::restatement::{Cause, CauseKind, ChangeKind, Restatement, read_all};
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::local(folder.path().join("w"));
        let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        assert_eq!(read_all(&warehouse).await.unwrap(), []);
        let restated = Restatement {
            table: "t".into(),
            date: "2026-11-21".parse().ok(),
            kind: ChangeKind::Restatement,
            run: 1,
            recorded_at: "2026-11-22T03:00:00Z".into(),
            declared: false,
            figures: Vec::new(),
            more_figures: 0,
            causes: vec![Cause::of_kind(CauseKind::Definition)],
        };
        log.commit(Commit {
            epoch: 1,
            table: "t".into(),
            definition: "d".into(),
            partitions: Vec::new(),
            objects: Vec::new(),
            gone: Vec::new(),
            restated: vec![restated.clone()],
            undeclared: None,
        })
        .await
        .unwrap();
        drop(log); // as a crash would
        let mut log = RunLog::acquire(&warehouse, "two", "now").await.unwrap();
        recover(&warehouse, &mut log).await.unwrap();
        assert_eq!(read_all(&warehouse).await.unwrap(), [restated]);
    }

    #[tokio::test]
    async fn what_was_cut_off_or_damaged_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::local(folder.path().join("w"));
        let published = folder.path().join("w/t/dt=2026-11-21/data.parquet");
        let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        let first = commit(ready(folder.path(), "a", "first"));
        assert_eq!(
            publish(&warehouse, &mut log, first.clone())
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            publish(&warehouse, &mut log, first).await.unwrap().len(),
            0,
            "same bytes"
        );
        assert_eq!(recover(&warehouse, &mut log).await.unwrap(), []);
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
                previous_etag: None,
                inputs: "i".into(),
            }],
            objects: Vec::new(),
            gone: Vec::new(),
            restated: Vec::new(),
            undeclared: None,
        })
        .await
        .unwrap();
        drop(log);
        let mut log = RunLog::acquire(&warehouse, "two", "now").await.unwrap();
        let damaged = recover(&warehouse, &mut log).await.unwrap();
        assert_eq!(damaged.len(), 1, "{damaged:?}");
        assert_eq!(log.state.table("t").partitions["2026-11-21"].inputs, "");
        drop(log); // and this run is cut off before it mends anything
        let mut log = RunLog::acquire(&warehouse, "three", "now").await.unwrap();
        assert_eq!(recover(&warehouse, &mut log).await.unwrap(), damaged);
        publish(&warehouse, &mut log, commit(second.clone()))
            .await
            .unwrap();
        assert_eq!(fs::read_to_string(&published).unwrap(), "second");
        assert_eq!(recover(&warehouse, &mut log).await.unwrap(), []);
        assert!(log.state.unfinished.is_empty());

        // The same number of other bytes: computing it again puts it right.
        fs::write(&published, "dnoces").unwrap();
        let again = ready(folder.path(), "b", "second");
        publish(&warehouse, &mut log, commit(again)).await.unwrap();
        assert_eq!(fs::read_to_string(&published).unwrap(), "second");

        // Somebody deletes a file.
        fs::remove_file(&published).unwrap();
        let damaged = recover(&warehouse, &mut log).await.unwrap();
        assert_eq!(damaged[0].why, "its file is gone");
    }
}
