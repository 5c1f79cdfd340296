//! Publishing on the local disk.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::NaiveDate;

use super::{Damaged, Ready, partition_key};
use crate::error::Result;
use crate::table::durable;
use crate::table::log::Marks;
use crate::table::state::{CommitPartition, PartitionState, State};
use crate::table::write::hash_file;

/// Replaces the files whose bytes are new.
pub(super) fn replace(
    folder: &Path,
    table: &str,
    ready: &[Ready],
    changed: &BTreeSet<Option<NaiveDate>>,
) -> Result<Marks> {
    let mut marks = Marks::default();
    for ready in ready {
        let key = partition_key(table, ready.date);
        let path = folder.join(&key);
        // What was computed again and came out the same may still be broken where it lies.
        let is_there =
            || path.is_file() && hash_file(&path).is_ok_and(|(hash, _)| hash == ready.written.hash);
        if changed.contains(&ready.date) || !is_there() {
            durable::replace_with_file(&ready.written.path, &path)?;
        }
        if let Some(modified) = modified_ns(&path) {
            marks.modified_ns.insert(key, modified);
        }
    }
    Ok(marks)
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

/// Published partitions that are not what the log says.
pub(super) fn damaged(folder: &Path, state: &State) -> Vec<Damaged> {
    let mut found = Vec::new();
    for (name, table) in &state.tables {
        for (date, partition) in &table.partitions {
            if let Some(why) = fault_of(&folder.join(&partition.key), partition) {
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

/// Whether exactly these bytes are published.
pub(super) fn is_published(folder: &Path, partition: &CommitPartition) -> Result<Option<Marks>> {
    let path = folder.join(&partition.key);
    let is_same = path.is_file() && hash_file(&path)?.0 == partition.hash;
    Ok(is_same.then(Marks::default))
}

/// Removes what a run that was cut off may have left beside a partition.
pub(super) fn remove_temporary(folder: &Path, partition: &CommitPartition) -> Result<()> {
    durable::remove_temporary(&folder.join(&partition.key))
}
