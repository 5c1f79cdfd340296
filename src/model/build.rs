//! Builds a model's partitions on scratch: one query for a range of dates, its rows sorted by key, cut
//! at each date.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Date32Type, SchemaRef};
use chrono::{Days, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::ViewTable;
use datafusion::prelude::{SessionContext, col, lit};
use futures::TryStreamExt;

use super::check::plan;
use super::sql::{Dates, bind};
use super::{Model, Models, Window, windows};
use crate::engine::{Engine, PartitionFile, PublishedTable};
use crate::error::{Error, Result};
use crate::project::{Build, Project, date32};
use crate::source::RowSchema;
use crate::table::schema;
use crate::table::state::State;
use crate::table::warehouse::Warehouse;
use crate::table::write::{PartitionWriter, Written};

/// Dates a model is built for, and what is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First date.
    pub start: NaiveDate,
    /// Last date, inclusive.
    pub end: NaiveDate,
    /// The last complete day.
    pub complete_through: NaiveDate,
}

impl Range {
    fn dates(&self) -> Dates {
        Dates::from([
            ("start", self.start),
            ("end", self.end),
            ("complete_through", self.complete_through),
        ])
    }

    /// Every date of the range.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> {
        let end = self.end;
        std::iter::successors(Some(self.start), |date| date.checked_add_days(Days::new(1)))
            .take_while(move |date| *date <= end)
    }
}

/// Published partitions of a table within a window around dates.
pub fn files(
    state: &State,
    warehouse: &Warehouse,
    table: &str,
    window: Window,
    dates: (NaiveDate, NaiveDate),
) -> Vec<PartitionFile> {
    let Some(table) = state.tables.get(table) else {
        return Vec::new();
    };
    table
        .partitions
        .iter()
        .filter_map(|(date, partition)| {
            let date = date.parse::<NaiveDate>().ok();
            let inside = date.is_none_or(|date| window.sees(date, dates));
            inside.then(|| warehouse.file(date, partition))?
        })
        .collect()
}

/// Registers the published tables (windowed) and views a model reads.
pub(super) async fn register(
    session: &SessionContext,
    project: &Project,
    models: &Models,
    model: &Model,
    published: &Published<'_>,
    range: &Range,
) -> Result<()> {
    for (name, window) in models.windows(model) {
        let Some(schema) = table_schema(project, models, &name) else {
            continue;
        };
        let files = files(
            published.state,
            published.warehouse,
            &name,
            window,
            (range.start, range.end),
        );
        session
            .register_table(
                name.as_str(),
                Arc::new(table(project, &name, &schema, files)),
            )
            .map_err(Error::engine(format!("registering {name}")))?;
    }
    register_views(session, models, model, range).await
}

async fn register_views(
    session: &SessionContext,
    models: &Models,
    model: &Model,
    range: &Range,
) -> Result<()> {
    // Models come in building order: a view stands after the views it reads.
    let windows = windows::of_views(models, model);
    for view in models.iter().filter(|model| model.is_view()) {
        let Some(window) = windows.get(view.name()) else {
            continue;
        };
        // A view is asked for the dates that the model reads of it.
        let (start, end) = window.around((range.start, range.end));
        let asked = Range {
            start,
            end,
            ..*range
        };
        let frame = query(session, view, &asked).await?;
        let plan = frame.logical_plan().clone();
        session
            .register_table(view.name(), Arc::new(ViewTable::new(plan, None)))
            .map_err(Error::engine(format!("registering {}", view.name())))?;
    }
    Ok(())
}

/// A stored table; one of a source tells how its rows are sorted.
fn table(
    project: &Project,
    name: &str,
    schema: &SchemaRef,
    files: Vec<PartitionFile>,
) -> PublishedTable {
    let table = PublishedTable::new(schema, files);
    match project.sources.get(name) {
        Some(source) => table.sorted_by(&RowSchema::of(source).sort_columns(source)),
        None => table,
    }
}

/// Schema of a stored table.
pub fn table_schema(project: &Project, models: &Models, name: &str) -> Option<SchemaRef> {
    match project.sources.get(name) {
        Some(source) => Some(RowSchema::of(source).schema),
        None => models
            .get(name)
            .map(|model| schema::of_contract(&model.contract)),
    }
}

async fn query(session: &SessionContext, model: &Model, range: &Range) -> Result<DataFrame> {
    let statement = bind(&model.statement, &range.dates()).map_err(|name| {
        Error::Failed(format!("{}: there is no parameter ${name}", model.name()))
    })?;
    let plan = plan(session, statement)
        .await
        .map_err(Error::engine(format!("planning {}", model.name())))?;
    Ok(DataFrame::new(session.state(), plan))
}

/// What is published, and where.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The log's state.
    pub state: &'a State,
    /// The warehouse.
    pub warehouse: &'a Warehouse,
}

/// Registers every published table of the project, whole, and its views, for reports and `query`.
pub async fn register_all(
    session: &SessionContext,
    project: &Project,
    models: &Models,
    published: &Published<'_>,
    range: &Range,
) -> Result<()> {
    for name in project.sources.keys().map(String::as_str).chain(
        models
            .iter()
            .filter(|model| !model.is_view())
            .map(Model::name),
    ) {
        let Some(schema) = table_schema(project, models, name) else {
            continue;
        };
        let files = files(
            published.state,
            published.warehouse,
            name,
            Window::All,
            (range.start, range.end),
        );
        session
            .register_table(name, Arc::new(table(project, name, &schema, files)))
            .map_err(Error::engine(format!("registering {name}")))?;
    }
    for view in models.iter().filter(|model| model.is_view()) {
        let frame = query(session, view, range).await?;
        let plan = frame.logical_plan().clone();
        session
            .register_table(view.name(), Arc::new(ViewTable::new(plan, None)))
            .map_err(Error::engine(format!("registering {}", view.name())))?;
    }
    Ok(())
}

/// Builds a model for a range of dates into `scratch`: one partition a date (also where it has no
/// rows), or one in all. Rows of other dates are not written.
pub async fn build(
    engine: &Engine,
    project: &Project,
    models: &Models,
    model: &Model,
    published: &Published<'_>,
    range: &Range,
    scratch: &Path,
) -> Result<BTreeMap<Option<NaiveDate>, Written>> {
    let session = engine.session()?;
    register(&session, project, models, model, published, range).await?;
    let what = || {
        format!(
            "building {} for {} to {}",
            model.name(),
            range.start,
            range.end
        )
    };
    let contract = &model.contract;
    let schema = schema::of_contract(contract);
    let is_by_date = contract.build == Build::ByDate;
    let mut order: Vec<String> = Vec::new();
    if is_by_date {
        order.push("date".to_string());
    }
    let key_or_all: Vec<String> = match contract.key.is_empty() {
        true => contract
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        false => contract.key.clone(),
    };
    order.extend(
        key_or_all
            .into_iter()
            .filter(|name| !(is_by_date && name == "date")),
    );
    let mut frame = query(&session, model, range).await?;
    if is_by_date {
        let day = |date: NaiveDate| lit(ScalarValue::Date32(Some(date32(date))));
        frame = frame
            // Rows without a date belong nowhere; they must be seen, not filtered away.
            .filter(
                col("date")
                    .is_null()
                    .or(col("date").between(day(range.start), day(range.end))),
            )
            .map_err(Error::engine(what()))?;
    }
    let mut rows = frame
        .select_columns(
            &contract
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect::<Vec<_>>(),
        )
        .and_then(|frame| {
            frame.sort(
                order
                    .iter()
                    .map(|name| col(name.as_str()).sort(true, true))
                    .collect(),
            )
        })
        .map_err(Error::engine(what()))?
        .execute_stream()
        .await
        .map_err(Error::engine(what()))?;

    let path = |date: Option<NaiveDate>| match date {
        Some(date) => scratch.join(format!("{}/{date}.parquet", model.name())),
        None => scratch.join(format!("{}/data.parquet", model.name())),
    };
    let mut written = BTreeMap::new();
    if !is_by_date {
        let mut writer = PartitionWriter::create(&path(None), &schema, &order)?;
        while let Some(batch) = rows.try_next().await.map_err(Error::engine(what()))? {
            writer.write(typed(&batch, &schema, model.name())?)?;
        }
        written.insert(None, writer.finish()?);
        return Ok(written);
    }
    let mut waiting = range.days().peekable();
    let mut current: Option<(NaiveDate, PartitionWriter)> = None;
    while let Some(batch) = rows.try_next().await.map_err(Error::engine(what()))? {
        let batch = typed(&batch, &schema, model.name())?;
        let undated = batch
            .column_by_name("date")
            .map_or(0, |days| days.null_count());
        if undated > 0 {
            return Err(Error::Failed(format!(
                "{}: {undated} rows have no date; a model built by_date gives each row its local day",
                model.name()
            )));
        }
        let days = batch
            .column_by_name("date")
            .map(|days| days.as_primitive::<Date32Type>().values().to_vec())
            .unwrap_or_default();
        let mut start = 0;
        while start < days.len() {
            let day = days[start];
            let length = days[start..].partition_point(|other| *other == day);
            while current
                .as_ref()
                .is_none_or(|(date, _)| date32(*date) != day)
            {
                if let Some((date, writer)) = current.take() {
                    written.insert(Some(date), writer.finish()?);
                }
                let Some(date) = waiting.next() else {
                    return Err(Error::Failed(format!("{}: rows out of order", what())));
                };
                current = Some((
                    date,
                    PartitionWriter::create(&path(Some(date)), &schema, &order)?,
                ));
            }
            if let Some((_, writer)) = &mut current {
                writer.write(batch.slice(start, length))?;
            }
            start += length;
        }
    }
    if let Some((date, writer)) = current {
        written.insert(Some(date), writer.finish()?);
    }
    for date in waiting {
        let writer = PartitionWriter::create(&path(Some(date)), &schema, &order)?;
        written.insert(Some(date), writer.finish()?);
    }
    Ok(written)
}

/// The batch with exactly the contract's types; a value that does not fit is an error.
fn typed(batch: &RecordBatch, schema: &SchemaRef, model: &str) -> Result<RecordBatch> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                Error::Failed(format!(
                    "{model}: {} does not fit its declared type: {error}",
                    field.name()
                ))
            })
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|error| Error::Failed(format!("{model}: {error}")))
}
