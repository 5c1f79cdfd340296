//! The footers of day files: whether the files stand in the layout that the merge relies on, and
//! which of their pages hold a range of users.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::{BoxFuture, FutureExt, ready};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection, RowSelector};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::KeyRange;

/// The column by which ranges are cut.
const KEY: &str = "user_key";
/// Rows of a page, about: as this program writes them.
const PAGE_ROWS: u64 = 8_192;
/// The column by which the days follow each other.
const TIME: &str = "event_time";

/// The footers of a list of files, in the files' order.
#[derive(Debug)]
pub struct Footers {
    /// One per file.
    pub files: Vec<Arc<ParquetMetaData>>,
}

impl Footers {
    /// Reads the footers with their page indexes, all at once on `threads` threads, and checks that every file is sorted
    /// by `order` and, where that holds `event_time`, that each file's times lie after those of the
    /// file before.
    pub async fn read(
        files: &[PartitionedFile],
        order: &Arc<[String]>,
        factory: &Arc<dyn ParquetFileReaderFactory>,
        threads: usize,
    ) -> Result<Self> {
        let shares = files.chunks(files.len().div_ceil(threads.max(1)).max(1));
        let shares = shares.map(|share| {
            let (files, order, factory) = (share.to_vec(), Arc::clone(order), Arc::clone(factory));
            SpawnedTask::spawn(async move { footers_of(&files, &order, factory.as_ref()).await })
                .join_unwind()
                .map(|read| {
                    read.map_err(|error| exec_datafusion_err!("reading footers: {error}"))
                        .flatten()
                })
        });
        let footers = futures::future::try_join_all(shares).await?.concat();
        if order.iter().any(|name| name == TIME) {
            check_days(files, &footers)?;
        }
        Ok(Self { files: footers })
    }

    /// Compressed bytes of the named columns that all files hold at once while each is read one row
    /// group after the other, if their rows are cut into `slices` of equal size and one of those is read.
    pub fn held_bytes(&self, columns: &[String], slices: u64) -> u64 {
        self.files
            .iter()
            .map(|footer| {
                let (mut bytes, mut largest, mut rows) = (0, 0, 0);
                for group in footer.row_groups() {
                    let of_group = bytes_of(group, columns);
                    bytes += of_group;
                    largest = largest.max(of_group);
                    rows += u64::try_from(group.num_rows()).unwrap_or(0);
                }
                // A slice begins and ends within a page.
                let pages = (rows / slices.max(1)).saturating_add(PAGE_ROWS);
                largest.min(bytes.saturating_mul(pages) / rows.max(1))
            })
            .sum()
    }

    /// How many pages a file's column has, on average.
    pub fn pages_of_a_file(&self) -> u64 {
        let rows: i64 = self
            .files
            .iter()
            .map(|footer| footer.file_metadata().num_rows())
            .sum();
        u64::try_from(rows).unwrap_or(0) / PAGE_ROWS / (self.files.len() as u64).max(1)
    }

    /// The pages of one file that may hold keys of a range; `None` where there are none.
    pub fn pages(&self, file: usize, range: KeyRange) -> Option<ParquetAccessPlan> {
        let footer = &self.files[file];
        let groups: Vec<RowGroupAccess> = (0..footer.num_row_groups())
            .map(|group| access(footer, group, range))
            .collect();
        groups
            .iter()
            .any(RowGroupAccess::should_scan)
            .then(|| ParquetAccessPlan::new(groups))
    }
}

async fn footers_of(
    files: &[PartitionedFile],
    order: &[String],
    factory: &dyn ParquetFileReaderFactory,
) -> Result<Vec<Arc<ParquetMetaData>>> {
    // Apart from the scan's: what is counted there shall be what the ranges read.
    let metrics = ExecutionPlanMetricsSet::new();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let reads = files.iter().enumerate().map(|(at, file)| {
        let (metrics, options) = (&metrics, &options);
        async move {
            let mut reader = factory.create_reader(at, file.clone(), None, metrics)?;
            let footer = reader.get_metadata(Some(options)).await?;
            check_sorted(file, &footer, order)?;
            Ok::<_, datafusion::error::DataFusionError>(footer)
        }
    });
    futures::future::try_join_all(reads).await
}

/// Compressed bytes of the named columns.
fn bytes_of(group: &RowGroupMetaData, columns: &[String]) -> u64 {
    group
        .columns()
        .iter()
        .filter(|chunk| {
            let path = chunk.column_path().parts();
            path.first().is_some_and(|name| columns.contains(name))
        })
        .map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or(0))
        .sum()
}

/// Each row group must say that it is sorted by `order`, ascending, nulls first.
fn check_sorted(file: &PartitionedFile, footer: &ParquetMetaData, order: &[String]) -> Result<()> {
    let schema = footer.file_metadata().schema_descr();
    for group in footer
        .row_groups()
        .iter()
        .filter(|group| group.num_rows() > 0)
    {
        let sorted: Vec<&str> = group
            .sorting_columns()
            .into_iter()
            .flatten()
            .take_while(|column| !column.descending && column.nulls_first)
            .filter_map(|column| {
                schema
                    .columns()
                    .get(usize::try_from(column.column_idx).ok()?)
            })
            .map(|leaf| leaf.name())
            .collect();
        if !sorted.starts_with(&order.iter().map(String::as_str).collect::<Vec<_>>()) {
            return exec_err!(
                "{} is not sorted by {}: it was not written by this program, or by an older one; \
                 build it again with `loudou run --full-refresh`",
                file.object_meta.location,
                order.join(", ")
            );
        }
    }
    Ok(())
}

/// The times of each file lie after those of all files before it.
fn check_days(files: &[PartitionedFile], footers: &[Arc<ParquetMetaData>]) -> Result<()> {
    let mut last: Option<(i64, &PartitionedFile)> = None;
    for (file, footer) in files.iter().zip(footers) {
        let Some((first_time, last_time)) = bounds_of_file(footer, TIME) else {
            continue;
        };
        if let Some((before, other)) = last
            && first_time <= before
        {
            return exec_err!(
                "the events of {} do not all come after those of {}: the two days overlap in time",
                file.object_meta.location,
                other.object_meta.location
            );
        }
        last = Some((last_time, file));
    }
    Ok(())
}

fn bounds_of_file(footer: &ParquetMetaData, column: &str) -> Option<(i64, i64)> {
    footer
        .row_groups()
        .iter()
        .filter_map(|group| bounds(group, leaf(footer, column)?))
        .reduce(|(low, high), (other_low, other_high)| (low.min(other_low), high.max(other_high)))
}

/// The position of a top-level column in the file.
fn leaf(footer: &ParquetMetaData, column: &str) -> Option<usize> {
    let schema = footer.file_metadata().schema_descr();
    schema
        .columns()
        .iter()
        .position(|leaf| leaf.path().string() == column)
}

fn bounds(group: &RowGroupMetaData, leaf: usize) -> Option<(i64, i64)> {
    match group.column(leaf).statistics()? {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

/// What of a row group may hold keys of the range: without statistics all of it.
fn access(footer: &ParquetMetaData, group: usize, range: KeyRange) -> RowGroupAccess {
    let row_group = footer.row_group(group);
    let Some(leaf) = leaf(footer, KEY) else {
        return RowGroupAccess::Scan;
    };
    match bounds(row_group, leaf) {
        Some((low, high)) if !range.meets(low, high) => return RowGroupAccess::Skip,
        Some((low, high)) if range.holds(low) && range.holds(high) => return RowGroupAccess::Scan,
        _ => {}
    }
    selection(footer, group, leaf, range).map_or(RowGroupAccess::Scan, RowGroupAccess::Selection)
}

/// The rows of the pages that meet the range.
fn selection(
    footer: &ParquetMetaData,
    group: usize,
    leaf: usize,
    range: KeyRange,
) -> Option<RowSelection> {
    let ColumnIndexMetaData::INT64(keys) = footer.column_index()?.get(group)?.get(leaf)? else {
        return None;
    };
    let pages = footer
        .offset_index()?
        .get(group)?
        .get(leaf)?
        .page_locations();
    let rows = footer.row_group(group).num_rows();
    let mut selectors = Vec::with_capacity(pages.len());
    for (page, location) in pages.iter().enumerate() {
        let end = pages
            .get(page + 1)
            .map_or(rows, |next| next.first_row_index);
        let length = usize::try_from(end - location.first_row_index).ok()?;
        let meets = match (keys.min_value(page), keys.max_value(page)) {
            (Some(low), Some(high)) => range.meets(*low, *high),
            _ => true,
        };
        selectors.push(match meets {
            true => RowSelector::select(length),
            false => RowSelector::skip(length),
        });
    }
    Some(RowSelection::from(selectors))
}

/// Opens files whose footers are known.
pub struct KnownFooters {
    factory: Arc<dyn ParquetFileReaderFactory>,
    footers: Arc<Footers>,
}

impl KnownFooters {
    /// Reads as `factory` does. The number of a partition must be that of its one file.
    pub fn new(factory: Arc<dyn ParquetFileReaderFactory>, footers: Arc<Footers>) -> Self {
        Self { factory, footers }
    }
}

impl fmt::Debug for KnownFooters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownFooters").finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for KnownFooters {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let position = *file
            .extension::<FilePosition>()
            .ok_or_else(|| exec_datafusion_err!("a file of a range has no position"))?;
        let footer = Arc::clone(&self.footers.files[position.0]);
        let reader =
            self.factory
                .create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(KnownFooter { reader, footer }))
    }
}

/// Which file of the list a file of a range is.
#[derive(Debug, Clone, Copy)]
pub struct FilePosition(pub usize);

struct KnownFooter {
    reader: Box<dyn AsyncFileReader + Send>,
    footer: Arc<ParquetMetaData>,
}

impl AsyncFileReader for KnownFooter {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.reader.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.reader.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        ready(Ok(Arc::clone(&self.footer))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;

    /// Footers of files of two columns of different numbers, in row groups of these rows.
    fn footers(files: &[&[i64]]) -> Footers {
        let footer = |groups: &&[i64]| {
            let mut first = 0;
            let mut bytes = Vec::new();
            let batch = |rows: std::ops::Range<i64>| {
                let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
                RecordBatch::try_from_iter([("read", Arc::clone(&numbers)), ("other", numbers)])
                    .unwrap()
            };
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(false)
                .build();
            let schema = batch(0..1).schema();
            let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).unwrap();
            for rows in *groups {
                writer.write(&batch(first..first + rows)).unwrap();
                writer.flush().unwrap();
                first += rows;
            }
            writer.close().unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
            Arc::clone(reader.metadata())
        };
        Footers {
            files: files.iter().map(footer).collect(),
        }
    }

    #[test]
    fn what_is_held_is_a_row_group_or_the_pages_of_a_slice() {
        let columns = ["read".to_string()];
        let about = |footers: &Footers, slices: u64, rows: u64| {
            let (held, bytes) = (footers.held_bytes(&columns, slices), rows * 8);
            assert!(
                held >= bytes && held < bytes + bytes / 10,
                "{held} for {rows} rows"
            );
        };
        let one = footers(&[&[32_768, 32_768, 32_768, 10_000]]);
        about(&one, 1, 32_768);
        // A slice of 108,304 rows / 16, and a page.
        about(&one, 16, 6_769 + PAGE_ROWS);
        let two = footers(&[&[32_768, 32_768, 32_768, 10_000], &[5_000]]);
        about(&two, 1, 32_768 + 5_000);
        assert_eq!(one.pages_of_a_file(), 13);
        assert_eq!(two.pages_of_a_file(), 6);
        assert_eq!(footers(&[]).held_bytes(&columns, 4), 0);
        assert_eq!(footers(&[]).pages_of_a_file(), 0);
    }
}
