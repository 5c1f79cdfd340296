//! Raw objects → the partitions of a source's canonical table.
//!
//! A partition is a function of the raw objects that hold rows of its day: whether they arrive in one
//! night or in many, the bytes are the same. New objects merge into the days they touch; a day
//! touched by a changed or vanished object is rebuilt from all of its objects.

mod chunk;
mod conflicts;
mod deduplicate;
mod early_rows;
mod findings;
mod limit;
mod object_rows;
mod order;
mod partition;
pub mod plan;
mod quarantine;
mod read;
mod spill;
mod store;
#[cfg(test)]
mod tests;
mod unreadable;
pub mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::sync::{AcquireError, Semaphore};
use tokio::task::JoinError;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::project::{CompleteWhen, Source, StoreSettings, date32};
use crate::source::columns::RowShape;
use crate::source::layout::Layout;
use crate::source::{DecodeContext, RawObject, RowSchema};
use crate::store::Location;
use crate::table::publish::{Ready, TableCommit};
use crate::table::state::{ObjectRecord, TableState};
use crate::table::warehouse::Warehouse;
use crate::table::write::{ROW_GROUP_ROWS, hash_text};

pub use findings::{NewField, SetAside};

use findings::Findings;
use partition::PartitionTask;
use plan::{Fingerprints, IngestPlan, first_row_date};
use read::{Reader, decode_all};
use store::RowStore;
use why::DateCause;

pub use unreadable::Unreadable;

/// What ingesting one source works with.
#[derive(Debug, Clone)]
pub struct IngestContext {
    /// Queries, memory, zone.
    pub engine: Engine,
    /// Folder of this run's scratch files.
    pub scratch: PathBuf,
    /// Where the partitions are published.
    pub warehouse: Warehouse,
}

/// What came of ingesting a source.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IngestReport {
    /// Objects read in this run.
    pub objects_read: usize,
    /// Lines of them that are not blank.
    pub lines: u64,
    /// Lines set aside.
    pub bad_lines: u64,
    /// Lines set aside by reason.
    pub bad_by_reason: BTreeMap<String, u64>,
    /// Lines set aside by column and reason, most first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
    /// Values that are null because they were wrong (`wrong: null`), by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub made_null: BTreeMap<String, u64>,
    /// Undeclared fields that no earlier run has seen, those of most rows first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new_fields: Vec<NewField>,
    /// How many there are, named or not.
    #[serde(skip_serializing_if = "is_zero")]
    pub new_fields_in_all: usize,
    /// Rows of the partitions built.
    pub rows: u64,
    /// Rows that were duplicates of others in the partitions built.
    pub duplicates: u64,
    /// Ids that stand on more than one date (all kept).
    pub id_conflicts: u64,
    /// Rows of days before the first raw object's: they belong to no day that is published.
    pub rows_before_first_day: u64,
    /// Rows of days that lie before those asked for and before all that is published.
    pub rows_before_dates: u64,
    /// Those days.
    #[serde(skip)]
    pub before_dates: BTreeSet<NaiveDate>,
    /// Dates that stay as they were because too many of their lines are bad.
    pub blocked: Vec<Blocked>,
    /// Objects that cannot be read, with the dates that stay as they were because of them.
    pub unreadable: Vec<Unreadable>,
    /// What an operator should look at although the run goes on.
    pub warnings: Vec<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A date whose bad lines are more than `quarantine.at_most`.
#[derive(Debug, Clone, Serialize)]
pub struct Blocked {
    /// Path date (or the object, for layouts without one).
    pub what: String,
    /// Lines set aside.
    pub bad_lines: u64,
    /// All its known lines.
    pub lines: u64,
    /// Local days that are not built because of it.
    #[serde(skip)]
    pub dates: BTreeSet<NaiveDate>,
}

/// Hash of what decides a source's rows.
pub fn definition(source: &Source, engine: &Engine) -> String {
    // The debug text holds every field; it is hashed, never shown.
    let mut decisive = source.clone();
    decisive.from.clear();
    decisive.store = StoreSettings::default();
    decisive.quarantine_at_most = 0.0;
    // Of the limits, those of a line decide which rows there are.
    decisive.limits.object_bytes = 0;
    decisive.limits.ratio = 0;
    decisive.freshness = None;
    decisive.place = (String::new(), 0, 0);
    decisive.complete_when = CompleteWhen::default();
    hash_text(&format!("ingest 1 {} {decisive:?}", engine.zone()))
}

/// Reads what the plan names and builds the partitions it touches on scratch. Publishing is the
/// caller's.
pub async fn ingest(
    context: &IngestContext,
    source: &Source,
    state: &TableState,
    plan: &IngestPlan,
) -> Result<(TableCommit, IngestReport, Vec<DateCause>)> {
    let definition = definition(source, &context.engine);
    let location = Location::open(&source.from, &source.store)?;
    let decode = Arc::new(DecodeContext {
        source: source.clone(),
        shape: Arc::new(RowShape::of(source)),
        row_schema: RowSchema::of(source),
        zone: context.engine.zone(),
    });
    let mut report = IngestReport {
        objects_read: plan.read.len(),
        ..IngestReport::default()
    };
    let store = Arc::new(RowStore::new(
        context.scratch.join(format!("rows-{}", source.name)),
        Arc::clone(&decode.shape),
        &context.engine,
    )?);

    // 1. New and changed objects: rows of every date that is or may be published.
    let wanted = Arc::new(plan.requested.union(&plan.published).copied().collect());
    let objects: Vec<RawObject> = plan.read.iter().map(|read| read.object.clone()).collect();
    let reader = Reader {
        location: &location,
        decode: &decode,
        store: &store,
        is_listed: true,
    };
    let mut findings = Findings::default();
    let found = &mut findings;
    let (mut records, failed) =
        decode_all(reader, objects, &wanted, found, &mut report, context).await?;

    // 2. Path dates with too much dirt are left out, whole, and so are objects that cannot be read.
    let mut excluded = limit::over_limit(source, state, plan, &mut records, &mut report);
    excluded.extend(failed.iter().map(|(path, _)| path.clone()));
    report.unreadable = unreadable::listed(source, state, plan, decode.zone, failed)?;
    let undeclared = findings.finish(state.undeclared.as_ref(), &mut report);

    // 3. Dates to build, and what else each needs to be read for it.
    let blocked: BTreeSet<NaiveDate> = report
        .blocked
        .iter()
        .flat_map(|blocked| &blocked.dates)
        .chain(report.unreadable.iter().flat_map(|held| &held.dates))
        .copied()
        .collect();
    let mut rebuild: BTreeSet<NaiveDate> = plan.new_dates().collect();
    if !Layout::parse(&source.layout).has_date() {
        // Only now it is known where the rows begin.
        let first = first_row_date(known_objects(state, plan, &records).into_values());
        rebuild.retain(|date| first.is_some_and(|first| first <= *date));
    }
    rebuild.extend(plan.rebuild.iter().copied());
    let mut merge: BTreeSet<NaiveDate> = records
        .iter()
        .flat_map(|record| record.rows_by_date.keys().copied())
        .filter(|date| plan.published.contains(date) && !rebuild.contains(date))
        .collect();
    let other_definition = |date: &NaiveDate| {
        state
            .partition(Some(*date))
            .is_some_and(|partition| partition.definition != definition)
    };
    rebuild.extend(
        merge
            .iter()
            .filter(|date| other_definition(date))
            .copied()
            .collect::<Vec<_>>(),
    );
    rebuild.retain(|date| !blocked.contains(date));
    merge.retain(|date| !rebuild.contains(date) && !blocked.contains(date));
    let touched = |record: &ObjectRecord| {
        record
            .rows_by_date
            .keys()
            .any(|date| rebuild.contains(date))
    };
    let again: Vec<RawObject> = state
        .objects
        .values()
        .filter(|record| touched(record) && !plan.is_read_or_gone(&record.path))
        .map(raw_object)
        .collect();
    report.objects_read += again.len();
    let mut ignored = IngestReport::default();
    let reader = Reader {
        is_listed: false,
        ..reader
    };
    let rebuilt = Arc::new(rebuild.clone());
    let mut seen_before = Findings::default();
    let found = &mut seen_before;
    let (again, failed) = decode_all(reader, again, &rebuilt, found, &mut ignored, context).await?;
    let (copies, others) = copies(source, state, again);
    for (path, error) in failed.into_iter().chain(others) {
        // Its dates wait; it says nothing about others.
        let held = unreadable::known(state, &path, &error, &rebuild);
        rebuild.retain(|date| !held.dates.contains(date));
        excluded.insert(path);
        report.unreadable.push(held);
    }
    records.extend(copies);

    // 4. Each date: merge, deduplicate, sort, write.
    let known = Fingerprints::of(known_objects(state, plan, &records).into_values());
    let threads = context.engine.threads().max(1);
    // A large day is written by all threads, one after the other, and the next one is sorted meanwhile;
    // small ones go side by side.
    let (large, small): (Vec<NaiveDate>, Vec<NaiveDate>) = rebuild
        .iter()
        .chain(&merge)
        .partition(|date| store.rows(date32(**date)) >= threads * ROW_GROUP_ROWS);
    let mut built = Vec::new();
    for (dates, at_once, writers, threads_per_day) in
        [(large, 2, 1, threads), (small, threads, threads, 1)]
    {
        let writing = Semaphore::new(writers);
        let days: Vec<(Ready, partition::Counts)> = stream::iter(dates)
            .map(|date| {
                let base = state
                    .partition(Some(date))
                    .filter(|_| merge.contains(&date));
                let (context, decode) = (context.clone(), Arc::clone(&decode));
                let (store, excluded) = (Arc::clone(&store), excluded.clone());
                let inputs = known.at(date);
                let writing = &writing;
                async move {
                    let base = match base {
                        None => None,
                        Some(partition) => Some(
                            context
                                .warehouse
                                .local_file(partition, &context.scratch)
                                .await?,
                        ),
                    };
                    let decoded = Arc::clone(&decode);
                    let prepared = tokio::task::spawn_blocking(move || {
                        if let Some(path) = base {
                            store.push_published(date32(date), &path)?;
                        }
                        let task = PartitionTask {
                            date,
                            rows: store.take(date32(date)),
                            excluded: excluded
                                .iter()
                                .map(|object| store.object_number(object))
                                .collect(),
                            names: store.names(),
                            inputs,
                            threads: threads_per_day,
                        };
                        partition::prepare(&decoded, task)
                    })
                    .await
                    .map_err(stopped)??;
                    let _writer = writing.acquire().await.map_err(closed)?;
                    tokio::task::spawn_blocking(move || {
                        partition::write(&context, &decode, prepared)
                    })
                    .await
                    .map_err(stopped)?
                }
            })
            .buffered(at_once)
            .map(|built| async { sync(built?).await })
            // A day goes to the disk while the next one is built; publishing then finds it there.
            .buffered(2)
            .try_collect()
            .await?;
        built.extend(days);
    }
    built.sort_by_key(|(ready, _)| ready.date);
    for (ready, counts) in &built {
        report.rows += ready.written.rows;
        report.duplicates += counts.duplicates;
    }
    let ready: Vec<Ready> = built.iter().map(|(ready, _)| ready.clone()).collect();
    report.id_conflicts = conflicts::count(context, source, state, &built).await?;
    quarantine::remove(context, source, plan.gone.iter().map(String::as_str)).await?;
    early_rows::tell(source, plan, &records, &mut report);
    for record in &records {
        let had_lines = |known: &ObjectRecord| known.lines > 0;
        if record.lines == 0 && state.objects.get(&record.path).is_some_and(had_lines) {
            report
                .warnings
                .push(format!("{} had rows and is empty now", record.path));
        }
    }
    let dates = ready.iter().filter_map(|ready| ready.date).collect();
    let causes = why::of_built(plan, state, &records, &dates);
    let commit = TableCommit {
        table: source.name.clone(),
        definition,
        ready,
        objects: records,
        gone: plan.gone.iter().cloned().collect(),
        undeclared: Some(undeclared),
        ..TableCommit::default()
    };
    Ok((commit, report, causes))
}

/// Waits until a day's file is on the disk.
async fn sync(built: (Ready, partition::Counts)) -> Result<(Ready, partition::Counts)> {
    tokio::task::spawn_blocking(move || {
        let path = &built.0.written.path;
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(Error::io("writing", path))?;
        Ok(built)
    })
    .await
    .map_err(stopped)?
}

fn closed(error: AcquireError) -> Error {
    Error::Failed(format!("building a day stopped: {error}"))
}

fn stopped(error: JoinError) -> Error {
    Error::Failed(format!("building a day stopped: {error}"))
}

/// An object beyond the dates that were listed is not what it was. Running again would look at the same
/// part of the listing: say what looks further.
fn outside(source: &Source, path: &str, what: &str) -> Error {
    Error::Object {
        object: format!("{}{path}", source.from),
        cause: format!(
            "{what} since it was read, outside the dates that were listed, and a date must be rebuilt from it; `loudou run --rescan` takes that up"
        ),
    }
}

/// Objects read again whose tag is another one than it was: with the same counts they are copies (a
/// restored backup, a moved project) and are entered anew; with others they are other objects.
fn copies(
    source: &Source,
    state: &TableState,
    again: Vec<ObjectRecord>,
) -> (Vec<ObjectRecord>, Vec<(String, Error)>) {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for record in again {
        match state.objects.get(&record.path) {
            Some(known) if known.etag == record.etag => {}
            Some(known)
                if (known.lines, known.bad_lines) == (record.lines, record.bad_lines)
                    && known.rows_by_date == record.rows_by_date =>
            {
                found.push(record);
            }
            _ => {
                let error = outside(source, &record.path, "has changed");
                others.push((record.path, error));
            }
        }
    }
    (found, others)
}

fn raw_object(record: &ObjectRecord) -> RawObject {
    RawObject {
        path: record.path.clone(),
        size: record.size,
        etag: record.etag.clone(),
        path_date: record.path_date,
        path_hour: record.path_hour,
    }
}

/// Every object known after this ingest, by path.
fn known_objects<'a>(
    state: &'a TableState,
    plan: &IngestPlan,
    records: &'a [ObjectRecord],
) -> BTreeMap<&'a str, &'a ObjectRecord> {
    state
        .objects
        .values()
        .filter(|record| !plan.is_read_or_gone(&record.path))
        .chain(records)
        .map(|record| (record.path.as_str(), record))
        .collect()
}
