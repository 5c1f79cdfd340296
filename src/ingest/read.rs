//! Reads raw objects: several at once, each on its own core, their results in the order of the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetResultPayload, ObjectStoreExt};
use tokio::sync::Semaphore;

use super::findings::{Findings, Unreadable};
use super::object_rows::ObjectRows;
use super::store::RowStore;
use super::{IngestContext, IngestReport, outside, quarantine};
use crate::error::{Error, Result};
use crate::source::listing::tag;
use crate::source::store::Location;
use crate::source::{DecodeContext, Decoded, RawObject, Stored, decode_object};
use crate::table::state::ObjectRecord;

/// Objects under way for each core: being decoded, or done and waiting for an earlier one.
const OBJECTS_PER_CORE: usize = 4;

/// Decodes objects in parallel and in order; the store takes the rows of `wanted` dates; writes
/// quarantine.
pub(super) async fn decode_all(
    reader: Reader<'_>,
    objects: Vec<RawObject>,
    wanted: &Arc<BTreeSet<NaiveDate>>,
    findings: &mut Findings,
    report: &mut IngestReport,
    context: &IngestContext,
) -> Result<Vec<ObjectRecord>> {
    let threads = context.engine.threads().max(1);
    // Results are taken in order: an object that is done early waits for those before it without keeping
    // a core from the next.
    let cores = Arc::new(Semaphore::new(threads));
    let mut decoding = stream::iter(objects)
        .map(|object| decode_one(reader, object, Arc::clone(wanted), Arc::clone(&cores)))
        .buffered(threads * OBJECTS_PER_CORE);
    let mut records = Vec::new();
    while let Some((object, read)) = decoding.try_next().await? {
        let (rows_by_date, decoded) = match read {
            Ok(read) => read,
            Err(unreadable) => {
                findings.unreadable.push(unreadable);
                continue;
            }
        };
        quarantine::write(context, &reader.decode.source, &object, &decoded)?;
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
    Ok(records)
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

/// An object's rows by day, and what else came of it.
type ReadObject = (BTreeMap<NaiveDate, u64>, Decoded);

async fn decode_one(
    reader: Reader<'_>,
    object: RawObject,
    wanted: Arc<BTreeSet<NaiveDate>>,
    cores: Arc<Semaphore>,
) -> Result<(RawObject, Result<ReadObject, Unreadable>)> {
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
    let etag = tag(&result.meta);
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
        GetResultPayload::Stream(_) => {
            Stored::Bytes(result.bytes().await.map_err(Error::store(reading()))?)
        }
    };
    let store = Arc::clone(reader.store);
    let is_listed = reader.is_listed;
    tokio::task::spawn_blocking(move || {
        let mut rows = ObjectRows::new(&store, &object.path, &wanted);
        let decoded = match (
            decode_object(&decode, &object, stored, &mut rows),
            object.path_date,
        ) {
            (Ok(decoded), _) => decoded,
            // Which days it holds back is known; those of others go on. One that was read before without
            // a fault is another matter.
            (
                Err(Error::Object {
                    object: path,
                    cause,
                }),
                Some(path_date),
            ) if is_listed => {
                let unreadable = Unreadable {
                    path,
                    path_date,
                    cause,
                };
                return Ok((object, Err(unreadable)));
            }
            (Err(error), _) => return Err(error),
        };
        drop(core);
        let rows_by_date = rows.finish()?;
        Ok((object, Ok((rows_by_date, decoded))))
    })
    .await
    .map_err(|error| Error::Failed(format!("decoding stopped: {error}")))?
}
