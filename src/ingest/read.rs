//! Reads raw objects: several at once, each on its own core, their results in the order of the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetResultPayload, ObjectStoreExt};
use tokio::sync::Semaphore;

use super::findings::Findings;
use super::object_rows::ObjectRows;
use super::store::RowStore;
use super::{IngestContext, IngestReport, outside, quarantine};
use crate::error::{Error, Result};
use crate::source::{DecodeContext, Decoded, RawObject, Stored, decode_object};
use crate::store::Location;
use crate::table::state::ObjectRecord;

/// Objects under way for each core: being decoded, or done and waiting for an earlier one.
const OBJECTS_PER_CORE: usize = 4;
/// Files of bad lines that are being written while objects are decoded.
const QUARANTINE_FILES_AT_ONCE: usize = 4;
/// Objects of a store that are larger go through a file on scratch.
const LARGEST_IN_MEMORY_BYTES: u64 = 16 << 20;

/// Decodes objects in parallel and in order; the store takes the rows of `wanted` dates; writes
/// quarantine. An object that cannot be read is given with its error and stops no other one; the store
/// may hold some of its rows.
pub(super) async fn decode_all(
    reader: Reader<'_>,
    objects: Vec<RawObject>,
    wanted: &Arc<BTreeSet<NaiveDate>>,
    findings: &mut Findings,
    report: &mut IngestReport,
    context: &IngestContext,
) -> Result<(Vec<ObjectRecord>, Vec<(String, Error)>)> {
    let threads = context.engine.threads().max(1);
    // Results are taken in order: an object that is done early waits for those before it without keeping
    // a core from the next.
    let cores = Arc::new(Semaphore::new(threads));
    let mut decoding = stream::iter(objects)
        .map(|object| {
            let path = object.path.clone();
            let (wanted, cores) = (Arc::clone(wanted), Arc::clone(&cores));
            let decoded = decode_one(reader, object, wanted, cores, &context.scratch);
            async move { (path, decoded.await) }
        })
        .buffered(threads * OBJECTS_PER_CORE)
        // Writing bad lines waits for the disk: meanwhile decoding goes on.
        .map(|(path, outcome)| async move {
            if let Ok((object, _, decoded)) = &outcome
                && !decoded.bad.is_empty()
            {
                quarantine::write(context, &reader.decode.source, object, decoded).await?;
            }
            Ok::<_, Error>((path, outcome))
        })
        .buffered(QUARANTINE_FILES_AT_ONCE);
    let mut records = Vec::new();
    let mut unreadable = Vec::new();
    let mut clean: Vec<String> = Vec::new();
    while let Some((path, outcome)) = decoding.try_next().await? {
        let (object, rows_by_date, decoded) = match outcome {
            Ok(decoded) => decoded,
            Err(error @ Error::Object { .. }) => {
                unreadable.push((path, error));
                continue;
            }
            Err(error) => return Err(error),
        };
        if decoded.bad.is_empty() {
            clean.push(object.path.clone());
        }
        if !decoded.missing_columns.is_empty() {
            report.warnings.push(format!(
                "{} has no column {}; read as null",
                object.path,
                decoded.missing_columns.join(", ")
            ));
        }
        findings.add(&object, &decoded, report);
        records.push(ObjectRecord {
            path: object.path,
            etag: object.etag,
            size: object.size,
            path_date: object.path_date,
            path_hour: object.path_hour,
            lines: decoded.lines,
            bad_lines: decoded.bad_lines,
            rows_by_date,
        });
    }
    let clean = clean.iter().map(String::as_str);
    quarantine::remove(context, &reader.decode.source, clean).await?;
    Ok((records, unreadable))
}

/// How objects are read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub location: &'a Location,
    pub decode: &'a Arc<DecodeContext>,
    pub store: &'a Arc<RowStore>,
    /// Whether the objects were listed just now, and not only known from an earlier run.
    pub is_listed: bool,
}

async fn decode_one(
    reader: Reader<'_>,
    object: RawObject,
    wanted: Arc<BTreeSet<NaiveDate>>,
    cores: Arc<Semaphore>,
    scratch: &Path,
) -> Result<(RawObject, BTreeMap<NaiveDate, u64>, Decoded)> {
    let Reader {
        location, decode, ..
    } = reader;
    let core = cores
        .acquire_owned()
        .await
        .map_err(|error| Error::Failed(format!("decoding stopped: {error}")))?;
    let decode = Arc::clone(decode);
    let key = location.object_key(&object.path)?;
    let what = format!("reading {}{}", decode.source.from, object.path);
    let reading = || what.clone();
    let result = match location.store.get(&key).await {
        Err(object_store::Error::NotFound { .. }) if !reader.is_listed => {
            return Err(outside(&decode.source, &object.path, "is gone"));
        }
        result => result.map_err(Error::store(reading()))?,
    };
    let etag = location.tag(&result.meta);
    let object = RawObject {
        size: result.meta.size,
        ..object
    };
    if etag != object.etag && reader.is_listed {
        return Err(Error::Locked(format!(
            "{}{} changed while it was being read; run again",
            decode.source.from, object.path
        )));
    }
    let object = RawObject { etag, ..object };
    let stored = match result.payload {
        GetResultPayload::File(file, _) => Stored::File(file),
        GetResultPayload::Stream(bytes) if result.meta.size > LARGEST_IN_MEMORY_BYTES => {
            Stored::File(to_scratch(bytes, scratch, &what).await?)
        }
        GetResultPayload::Stream(bytes) => {
            let parts: Vec<Bytes> = bytes.try_collect().await.map_err(Error::store(reading()))?;
            Stored::Bytes(match <[Bytes; 1]>::try_from(parts) {
                Ok([whole]) => whole,
                Err(parts) => parts.concat().into(),
            })
        }
    };
    let store = Arc::clone(reader.store);
    tokio::task::spawn_blocking(move || {
        let mut rows = ObjectRows::new(&store, &object.path, &wanted);
        let decoded = decode_object(&decode, &object, stored, &mut rows)?;
        drop(core);
        let rows_by_date = rows.finish()?;
        Ok((object, rows_by_date, decoded))
    })
    .await
    .map_err(|error| Error::Failed(format!("decoding stopped: {error}")))?
}

/// Puts an object's bytes into a file that has no name, so that nothing stays of it.
async fn to_scratch(
    mut bytes: BoxStream<'static, object_store::Result<Bytes>>,
    scratch: &Path,
    what: &str,
) -> Result<File> {
    std::fs::create_dir_all(scratch).map_err(Error::io("making the folder", scratch))?;
    let mut file = nameless(scratch)?;
    while let Some(part) = bytes.try_next().await.map_err(Error::store(what))? {
        file.write_all(&part)
            .map_err(Error::io("writing", scratch))?;
    }
    file.rewind().map_err(Error::io("writing", scratch))?;
    Ok(file)
}

fn nameless(scratch: &Path) -> Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = scratch.join(format!("object-{number}"));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .map_err(Error::io("creating", &path))?;
    std::fs::remove_file(&path).map_err(Error::io("removing", &path))?;
    Ok(file)
}
