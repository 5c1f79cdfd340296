//! `loudou query`: one select on published tables and on files.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ArrayWriter;
use arrow::util::pretty::pretty_format_batches;
use chrono_tz::Tz;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;

use super::Context;
use super::arguments::{Query, RowFormat};
use super::output;
use crate::config;
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result, engine_cause};
use crate::model::build::{Published, Range, register_all};
use crate::run::calendar;
use crate::table::log::read_state;

pub(crate) async fn run(context: &Context, arguments: &Query) -> Result<u8> {
    // A query that names only files needs no project.
    let has_project =
        context.project.is_some() || config::find_root(std::path::Path::new(".")).is_some();
    let session = if has_project {
        project_session(context).await?
    } else {
        let spill = std::env::temp_dir().join(format!("loudou-{}", std::process::id()));
        Engine::new(EngineOptions::for_machine(Tz::Asia__Shanghai, spill))?.session()?
    };
    let session = session.enable_url_table();
    context.console.say("asking");
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let frame = session
        .sql_with_options(&arguments.sql, options)
        .await
        .map_err(|error| Error::Usage(readable(&error, has_project)))?;
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame
        .collect()
        .await
        .map_err(|error| Error::Failed(readable(&error, has_project)))?;
    context.console.clear();
    let bytes = match arguments.format {
        RowFormat::Table => {
            let batches = match batches.is_empty() {
                true => vec![RecordBatch::new_empty(Arc::clone(&schema))],
                false => batches,
            };
            let mut text = pretty_format_batches(&batches)
                .map_err(|error| Error::Failed(format!("writing the rows: {error}")))?
                .to_string();
            text.push('\n');
            text.into_bytes()
        }
        RowFormat::Csv => csv(&schema, &batches)?,
        RowFormat::Json => json(&batches)?,
        RowFormat::Parquet => {
            if arguments.output.is_none() && std::io::stdout().is_terminal() {
                return Err(Error::Usage(
                    "Parquet is not for a terminal; add --output FILE".to_string(),
                ));
            }
            parquet(&schema, &batches)?
        }
    };
    match &arguments.output {
        Some(path) => File::create(path)
            .and_then(|mut file| file.write_all(&bytes))
            .map_err(Error::io("writing", path))?,
        None => output::bytes(&bytes)?,
    }
    Ok(0)
}

async fn project_session(context: &Context) -> Result<SessionContext> {
    let workspace = context.workspace().await?;
    let state = read_state(&workspace.warehouse)?;
    let session = workspace.engine.session()?;
    let complete_through = calendar::complete_through(&workspace.project, context.now);
    let range = Range {
        start: chrono::NaiveDate::MIN,
        end: complete_through,
        complete_through,
    };
    let published = Published {
        state: &state,
        warehouse: &workspace.warehouse,
    };
    register_all(
        &session,
        &workspace.project,
        &workspace.models,
        &published,
        &range,
    )
    .await?;
    Ok(session)
}

fn readable(error: &datafusion::error::DataFusionError, has_project: bool) -> String {
    let first = engine_cause(error);
    if first.contains("table '") && first.contains("not found") {
        let hint = match has_project {
            true => "`loudou ls` lists the tables; a file stands in quotes: from 'x.parquet'",
            false => {
                "there is no project here (-C DIR names one); a file stands in quotes: from 'x.parquet'"
            }
        };
        return format!("{first}; {hint}");
    }
    first
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::Failed(format!("writing the rows: {error}"))
}

fn json(batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut writer = ArrayWriter::new(Vec::new());
    for batch in batches {
        writer.write(batch).map_err(fault)?;
    }
    writer.finish().map_err(fault)?;
    let mut bytes = writer.into_inner();
    if bytes.is_empty() {
        bytes.extend_from_slice(b"[]");
    }
    bytes.push(b'\n');
    Ok(bytes)
}

fn parquet(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(schema), None).map_err(fault)?;
    for batch in batches {
        writer.write(batch).map_err(fault)?;
    }
    writer.close().map_err(fault)?;
    Ok(bytes)
}

fn csv(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut writer = arrow::csv::WriterBuilder::new()
        .with_header(true)
        .build(Vec::new());
    if batches.is_empty() {
        writer
            .write(&RecordBatch::new_empty(Arc::clone(schema)))
            .map_err(fault)?;
    }
    for batch in batches {
        writer.write(&harmless(batch)?).map_err(fault)?;
    }
    Ok(writer.into_inner())
}

/// Text that a spreadsheet would run as a formula gets a leading `'`; numbers stay as they are.
fn harmless(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let is_text = matches!(
            column.data_type(),
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
        );
        if !is_text {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
            continue;
        }
        let text = cast(column, &DataType::Utf8).map_err(fault)?;
        let guarded: StringArray = text
            .as_string::<i32>()
            .iter()
            .map(|value| {
                value.map(|value| match value.chars().next() {
                    Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{value}"),
                    _ => value.to_string(),
                })
            })
            .collect();
        fields.push(Field::new(
            field.name(),
            DataType::Utf8,
            guarded.is_nullable(),
        ));
        columns.push(Arc::new(guarded));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(fault)
}
