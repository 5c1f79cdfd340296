//! Builds one day's partition: rows in order, in columns, encoded row group by row group.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;

use super::IngestContext;
use super::deduplicate::{self, Dropped};
use super::order::{Place, Row, RowOrder, SameUser};
use super::spill::RunReader;
use super::store::DateRows;
use crate::error::{Error, Result};
use crate::project::date32;
use crate::source::DecodeContext;
use crate::source::columns::{ColumnsBuilder, RowShape};
use crate::table::publish::Ready;
use crate::table::write::{
    ENCODER_BATCH_ROWS, PartitionWriter, ROW_GROUP_ROWS, RowGroup, RowGroupEncoder,
};

/// Rows that are brought near at once.
const ROWS_AHEAD: usize = 32;

/// One day to build.
pub(super) struct PartitionTask {
    pub date: NaiveDate,
    pub rows: DateRows,
    /// All objects by number.
    pub names: Arc<Vec<String>>,
    /// Objects whose rows are left out.
    pub excluded: BTreeSet<u32>,
    pub inputs: String,
    /// Threads that may encode it.
    pub threads: usize,
}

/// What a day's rows were.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub duplicates: u64,
    /// Hashes of its ids, ascending.
    pub id_hashes: Vec<u64>,
}

/// A day whose rows have their order.
pub(super) struct Prepared {
    task: PartitionTask,
    /// The rows in memory that stay, in order.
    places: Vec<Place>,
    dropped: Dropped,
}

/// Deduplicates and sorts one day. It blocks.
pub(super) fn prepare(decode: &DecodeContext, task: PartitionTask) -> Result<Prepared> {
    let order = RowOrder {
        shape: &decode.shape,
        names: &task.names,
    };
    let dropped = deduplicate::dropped(&task.rows, &order, &task.excluded)?;
    let chunks = &task.rows.chunks;
    let mut places = Vec::with_capacity(chunks.iter().map(|chunk| chunk.heads.len()).sum());
    let mut number = 0;
    for (at, chunk) in chunks.iter().enumerate() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        for head in &chunk.heads {
            if !dropped.has(0, number) {
                places.push(Place::new(head.key, head.time_us, at, head.at));
            }
            number += 1;
        }
    }
    order.sort(&mut places, chunks, false);
    Ok(Prepared {
        task,
        places,
        dropped,
    })
}

/// Writes a prepared day to scratch. It blocks.
pub(super) fn write(
    context: &IngestContext,
    decode: &DecodeContext,
    prepared: Prepared,
) -> Result<(Ready, Counts)> {
    let Prepared {
        task,
        mut places,
        mut dropped,
    } = prepared;
    let source = &decode.source;
    let order = RowOrder {
        shape: &decode.shape,
        names: &task.names,
    };
    let counts = Counts {
        duplicates: dropped.duplicates,
        id_hashes: std::mem::take(&mut dropped.id_hashes),
    };
    let path = context
        .scratch
        .join(format!("{}/{}.parquet", source.name, task.date));
    let day = Day {
        shape: &decode.shape,
        sort_columns: decode.row_schema.sort_columns(source),
        schema: &decode.row_schema.schema,
        order,
        date: date32(task.date),
        path: &path,
        threads: task.threads,
    };
    let written = match day.write(&task.rows, &places, &dropped, false)? {
        Some(written) => written,
        // Two ids of one key: their rows must be told apart by id, which costs more.
        None => {
            order.sort(&mut places, &task.rows.chunks, true);
            day.write(&task.rows, &places, &dropped, true)?
                .ok_or_else(|| Error::Failed(format!("{} has no order", source.name)))?
        }
    };
    let ready = Ready {
        date: Some(task.date),
        written,
        inputs: task.inputs,
    };
    Ok((ready, counts))
}

struct Day<'a> {
    shape: &'a Arc<RowShape>,
    sort_columns: Vec<String>,
    schema: &'a arrow::datatypes::SchemaRef,
    order: RowOrder<'a>,
    date: i32,
    path: &'a Path,
    threads: usize,
}

impl Day<'_> {
    /// `None`: two users share a key, so that the rows must be sorted exactly.
    fn write(
        &self,
        rows: &DateRows,
        places: &[Place],
        dropped: &Dropped,
        is_exact: bool,
    ) -> Result<Option<crate::table::write::Written>> {
        let mut writer = PartitionWriter::create(self.path, self.schema, &self.sort_columns)?;
        let is_sorted = match rows.runs.is_empty() {
            true => self.write_places(&mut writer, rows, places, is_exact)?,
            false => self.write_merged(&mut writer, rows, places, dropped, is_exact)?,
        };
        is_sorted.then(|| writer.finish()).transpose()
    }

    fn batch(&self, builder: &mut ColumnsBuilder) -> Result<RecordBatch> {
        builder
            .finish()
            .map_err(|error| Error::Failed(format!("building {}: {error}", self.path.display())))
    }

    /// Rows in memory: threads build and encode row groups side by side. `false`: two users share a key.
    fn write_places(
        &self,
        writer: &mut PartitionWriter,
        rows: &DateRows,
        places: &[Place],
        is_exact: bool,
    ) -> Result<bool> {
        let encoder = writer.encoder();
        let groups = places.len().div_ceil(ROW_GROUP_ROWS);
        let threads = self.threads.min(groups);
        if threads <= 1 {
            for group in 0..groups {
                match self.encode(&encoder, rows, places, group, is_exact)? {
                    Some(encoded) => writer.append(encoded)?,
                    None => return Ok(false),
                }
            }
            return Ok(true);
        }
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            // Bounded, so that nobody runs far ahead of the file.
            let (sender, receiver) = mpsc::sync_channel(1);
            for _ in 0..threads {
                let (sender, next, encoder) = (sender.clone(), &next, &encoder);
                scope.spawn(move || {
                    loop {
                        let group = next.fetch_add(1, Ordering::Relaxed);
                        if group >= groups {
                            return;
                        }
                        let encoded = self.encode(encoder, rows, places, group, is_exact);
                        // Whoever receives has stopped at an error: that one is told.
                        if sender.send((group, encoded)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut waiting = BTreeMap::new();
            let mut written = 0;
            for (group, encoded) in receiver {
                match encoded? {
                    Some(encoded) => waiting.insert(group, encoded),
                    None => return Ok(false),
                };
                while let Some(encoded) = waiting.remove(&written) {
                    writer.append(encoded)?;
                    written += 1;
                }
            }
            Ok(written == groups)
        })
    }

    /// Builds and encodes one row group; `None`: two users share a key.
    fn encode(
        &self,
        encoder: &RowGroupEncoder,
        rows: &DateRows,
        places: &[Place],
        group: usize,
        is_exact: bool,
    ) -> Result<Option<RowGroup>> {
        let start = group * ROW_GROUP_ROWS;
        let end = places.len().min(start + ROW_GROUP_ROWS);
        let mut builder = ColumnsBuilder::new(self.shape, self.date, ENCODER_BATCH_ROWS);
        let mut users = SameUser::default();
        if let Some(before) = start.checked_sub(1).and_then(|at| places.get(at)) {
            let row = before.row(&rows.chunks);
            users.goes_on(row.key, self.shape.user_id(row.coded));
        }
        let mut batches = Vec::with_capacity((end - start).div_ceil(ENCODER_BATCH_ROWS));
        for ahead in places[start..end].chunks(ROWS_AHEAD) {
            // Rows lie where they came, so that each is a wait for memory: wait for several at once.
            let touched = ahead
                .iter()
                .fold(0, |all, place| all ^ place.touch(&rows.chunks));
            std::hint::black_box(touched);
            for place in ahead {
                if !self.push(&mut builder, &mut users, place.row(&rows.chunks)) && !is_exact {
                    return Ok(None);
                }
                if builder.rows() == ENCODER_BATCH_ROWS {
                    batches.push(self.batch(&mut builder)?);
                }
            }
        }
        if builder.rows() > 0 {
            batches.push(self.batch(&mut builder)?);
        }
        encoder.encode(group, &batches).map(Some)
    }

    /// Adds a row to the columns; `false`: it has its key in common with another user.
    fn push<'r>(
        &self,
        builder: &mut ColumnsBuilder,
        users: &mut SameUser<'r>,
        row: Row<'r>,
    ) -> bool {
        let view = self.shape.view(row.coded, 0);
        let object = self
            .order
            .names
            .get(view.object as usize)
            .map_or("", String::as_str);
        let user = builder.push(row.key, row.time_us, object, &view);
        !self.shape.is_event_stream || users.goes_on(row.key, user)
    }

    /// Rows in memory and runs on scratch, merged. Runs are sorted exactly; with them the rows in memory
    /// are, too.
    fn write_merged(
        &self,
        writer: &mut PartitionWriter,
        rows: &DateRows,
        places: &[Place],
        dropped: &Dropped,
        is_exact: bool,
    ) -> Result<bool> {
        if !is_exact && self.shape.is_event_stream {
            let mut users = SameUser::default();
            for place in places {
                let row = place.row(&rows.chunks);
                if !users.goes_on(row.key, self.shape.user_id(row.coded)) {
                    return Ok(false);
                }
            }
        }
        let mut places = places.iter().peekable();
        let mut runs = rows
            .runs
            .iter()
            .enumerate()
            .map(|(at, run)| Cursor::open(at + 1, run.open()?, dropped))
            .collect::<Result<Vec<_>>>()?;
        let mut builder = ColumnsBuilder::new(self.shape, self.date, ENCODER_BATCH_ROWS);
        loop {
            let first = runs
                .iter()
                .enumerate()
                .filter_map(|(at, run)| run.row().map(|row| (at, row)))
                .min_by(|(_, left), (_, right)| self.order.compare(left, right));
            let in_memory = places.peek().map(|place| place.row(&rows.chunks));
            let mut users = SameUser::default();
            match (first, in_memory) {
                (None, None) => break,
                (Some((at, row)), other)
                    if other.is_none_or(|other| self.order.compare(&row, &other).is_lt()) =>
                {
                    self.push(&mut builder, &mut users, row);
                    runs[at].advance(dropped)?;
                }
                (_, Some(row)) => {
                    self.push(&mut builder, &mut users, row);
                    places.next();
                }
                (Some(_), None) => break,
            }
            if builder.rows() == ENCODER_BATCH_ROWS {
                writer.write(self.batch(&mut builder)?)?;
            }
        }
        if builder.rows() > 0 {
            writer.write(self.batch(&mut builder)?)?;
        }
        Ok(true)
    }
}

/// A run at one of its rows that stay.
struct Cursor {
    part: usize,
    reader: RunReader,
    number: usize,
    is_open: bool,
}

impl Cursor {
    fn open(part: usize, reader: RunReader, dropped: &Dropped) -> Result<Self> {
        let mut cursor = Self {
            part,
            reader,
            number: 0,
            is_open: true,
        };
        cursor.is_open = cursor.reader.advance()?;
        cursor.skip_dropped(dropped)?;
        Ok(cursor)
    }

    fn advance(&mut self, dropped: &Dropped) -> Result<()> {
        self.is_open = self.reader.advance()?;
        self.number += 1;
        self.skip_dropped(dropped)
    }

    fn skip_dropped(&mut self, dropped: &Dropped) -> Result<()> {
        while self.is_open && dropped.has(self.part, self.number) {
            self.is_open = self.reader.advance()?;
            self.number += 1;
        }
        Ok(())
    }

    fn row(&self) -> Option<Row<'_>> {
        self.is_open.then(|| self.reader.row())
    }
}
