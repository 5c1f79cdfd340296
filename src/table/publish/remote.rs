//! Publishing in an object store: one conditional request for each object.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};

use super::{Damaged, Ready, partition_key};
use crate::error::{Error, Result};
use crate::store::bare;
use crate::table::log::{Marks, RunLog};
use crate::table::remote::put::{self, Content, Upload};
use crate::table::remote::{Head, Remote};
use crate::table::state::{CommitPartition, PartitionState, State};

/// Objects looked at at once.
const AT_ONCE: usize = 16;

/// What is there now of what is to be published, in its order. Also refuses what is too large, before
/// anything is committed.
pub(super) async fn look(
    remote: &Remote,
    table: &str,
    ready: &[Ready],
) -> Result<Vec<Option<Head>>> {
    let keys: Vec<String> = ready
        .iter()
        .map(|ready| partition_key(table, ready.date))
        .collect();
    for (ready, key) in ready.iter().zip(&keys) {
        put::refuse_too_large(remote, &upload(ready, key))?;
    }
    futures::stream::iter(&keys)
        .map(|key| remote.head(key))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

fn upload<'a>(ready: &'a Ready, key: &'a str) -> Upload<'a> {
    Upload {
        key,
        content: Content::File(&ready.written.path),
        hash: &ready.written.hash,
        bytes: ready.written.bytes,
    }
}

/// Replaces the objects one after the other.
pub(super) async fn replace(
    remote: &Remote,
    log: &RunLog,
    table: &str,
    ready: &[Ready],
    seen: Vec<Option<Head>>,
) -> Result<Marks> {
    let mut marks = Marks::default();
    for (ready, seen) in ready.iter().zip(seen) {
        let key = partition_key(table, ready.date);
        let version = put::publish(remote, &upload(ready, &key), seen, log).await?;
        if let Some(tag) = version.e_tag {
            marks.etags.insert(key, tag);
        }
        // The disk's own move takes it away; so that scratch does not grow with what is published.
        let _ = std::fs::remove_file(&ready.written.path);
    }
    Ok(marks)
}

/// Published partitions that are not what the log says, by tag and size.
pub(super) async fn damaged(remote: &Remote, state: &State) -> Result<Vec<Damaged>> {
    let mut found = Vec::new();
    for (name, table) in &state.tables {
        if table.partitions.is_empty() {
            continue;
        }
        let listed = list(remote, name).await?;
        let doubtful = table.partitions.iter().filter(|(_, partition)| {
            let key = remote.location.key(&partition.key);
            let is_same = |(tag, size): &(String, u64)| {
                *size == partition.bytes
                    && partition
                        .etag
                        .as_ref()
                        .is_some_and(|known| bare(known) == tag.as_str())
            };
            !listed.get(key.as_ref()).is_some_and(is_same)
        });
        // A listing may be late, or write tags in another way: only a look at the object itself counts.
        let faults: Vec<Option<Damaged>> = futures::stream::iter(doubtful)
            .map(|(date, partition)| async move {
                let why = fault_of(remote, partition).await?;
                Ok::<_, Error>(why.map(|why| Damaged {
                    table: name.clone(),
                    date: date.clone(),
                    why,
                }))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        found.extend(faults.into_iter().flatten());
    }
    Ok(found)
}

/// Tag and size of a table's objects by their keys in the store.
async fn list(remote: &Remote, table: &str) -> Result<BTreeMap<String, (String, u64)>> {
    let prefix = remote.location.key(table);
    remote
        .location
        .store
        .list(Some(&prefix))
        .map_ok(|meta| {
            let tag = bare(meta.e_tag.as_deref().unwrap_or_default()).to_string();
            (meta.location.to_string(), (tag, meta.size))
        })
        .try_collect()
        .await
        .map_err(Error::store(format!("listing {}", remote.name_of(table))))
}

async fn fault_of(remote: &Remote, partition: &PartitionState) -> Result<Option<&'static str>> {
    let Some(head) = remote.head(&partition.key).await? else {
        return Ok(Some("its object is gone"));
    };
    if head.size != partition.bytes {
        return Ok(Some("its size is not what was published"));
    }
    let is_same = match (&partition.etag, head.tag()) {
        (Some(known), Some(tag)) => bare(known) == bare(tag),
        // Of a commit that was cut off; the hash beside the bytes tells.
        _ => head.is(&partition.hash, partition.bytes),
    };
    Ok((!is_same).then_some("its bytes are not what was published"))
}

/// Whether exactly these bytes are published.
pub(super) async fn is_published(
    remote: &Remote,
    partition: &CommitPartition,
) -> Result<Option<Marks>> {
    let head = remote.head(&partition.key).await?;
    Ok(head
        .filter(|head| head.is(&partition.hash, partition.bytes))
        .map(|head| {
            let tag = head.version.e_tag.unwrap_or_default();
            Marks {
                etags: [(partition.key.clone(), tag)].into(),
                ..Marks::default()
            }
        }))
}
