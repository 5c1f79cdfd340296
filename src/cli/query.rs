//! `loudou query`: one select on published tables and on files.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::LineDelimitedWriter;
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow::util::pretty::pretty_format_batches;
use chrono_tz::Tz;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;

use super::Context;
use super::arguments::{Query, RowFormat};
use super::output;
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, EngineOptions, allow_files};
use crate::error::{Error, Result, engine_cause};
use crate::model::build::{Published, Range, register_all};
use crate::model::check::try_plan;
use crate::model::sql;
use crate::project::Memory;
use crate::run::{calendar, restatements};
use crate::store::Location;
use crate::table::log::read_state;

/// How often a query begins again because a night replaced what it was reading.
const TRIES: usize = 3;

pub(crate) async fn run(context: &Context, arguments: &Query) -> Result<u8> {
    context.console.say("asking");
    let mut tried = 1;
    let (schema, batches) = loop {
        match ask(context, &arguments.sql).await {
            Err(Error::Locked(_)) if tried < TRIES => tried += 1,
            answer => break answer?,
        }
    };
    context.console.clear();
    let format = match arguments.format {
        Some(format) => format,
        None => by_name(arguments.output.as_deref())?,
    };
    let bytes = match format {
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
        Some(path) => {
            refuse_published(context, path)?;
            File::create(path)
                .and_then(|mut file| file.write_all(&bytes))
                .map_err(Error::io("writing", path))?;
        }
        None => output::bytes(&bytes)?,
    }
    Ok(0)
}

/// The rows of a query on what is published now.
async fn ask(context: &Context, text: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    // A query that names only files needs no project.
    let has_project = context.project.is_some() || config::find_root(Path::new(".")).is_some();
    let session = if has_project {
        project_session(context).await?
    } else {
        let spill = std::env::temp_dir().join(format!("loudou-{}", std::process::id()));
        Engine::new(EngineOptions::for_machine(
            Tz::Asia__Shanghai,
            Memory::DEFAULT,
            spill,
        ))?
        .session()?
    };
    let tables = table_names(&session);
    allow_files(&session)?;
    let session = session.enable_url_table();
    let query = sql::parse(text, "")
        .map_err(|problem| Error::Usage(in_words(&problem).replace("a model is", "ask with")))?;
    for name in &query.tables {
        if session.table_provider(quoted(name)).await.is_err() {
            return Err(Error::Usage(unknown(name, &tables)));
        }
    }
    let plan = try_plan(&session, query.statement.clone())
        .await
        .map_err(|failure| Error::Usage(in_words(&failure.explain(&query.statement, ""))))?;
    let frame = DataFrame::new(session.state(), plan);
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.map_err(|error| {
        let said = engine_cause(&error);
        match Error::engine("the query")(error) {
            Error::Engine { .. } => Error::Failed(said),
            other => other,
        }
    })?;
    Ok((schema, batches))
}

fn table_names(session: &SessionContext) -> Vec<String> {
    session
        .catalog("datafusion")
        .and_then(|catalog| catalog.schema("public"))
        .map(|schema| {
            let mut names = schema.table_names();
            names.sort();
            names
        })
        .unwrap_or_default()
}

async fn project_session(context: &Context) -> Result<SessionContext> {
    let workspace = context.workspace().await?;
    let state = read_state(&workspace.warehouse).await?;
    let session = workspace.engine.session()?;
    let complete_through = calendar::known_through(&workspace.project, &state, context.now);
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
    // A table of the project's own goes first.
    if !table_names(&session)
        .iter()
        .any(|name| name == restatements::TABLE)
    {
        restatements::register(&session, &workspace.warehouse).await?;
    }
    Ok(session)
}

/// The format an output file's name asks for.
fn by_name(output: Option<&Path>) -> Result<RowFormat> {
    let Some(output) = output else {
        return Ok(RowFormat::Table);
    };
    let extension = output.extension().and_then(|extension| extension.to_str());
    Ok(match extension {
        Some("csv") => RowFormat::Csv,
        Some("json") => RowFormat::Json,
        Some("parquet") => RowFormat::Parquet,
        Some("txt") => RowFormat::Table,
        _ => {
            return Err(Error::Usage(format!(
                "{} does not say how to write the rows; end it in .csv, .json, .parquet or .txt, or add --format",
                output.display()
            )));
        }
    })
}

/// A query's result never replaces what a run published, or a raw log.
fn refuse_published(context: &Context, path: &Path) -> Result<()> {
    let Ok(root) = context.root() else {
        return Ok(());
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    let (Ok(folder), Some(project)) = (folder, config::load(&root).0) else {
        return Ok(());
    };
    let sources = project.sources.values();
    let kept = std::iter::once((&project.warehouse, &project.warehouse_store))
        .chain(sources.map(|source| (&source.from, &source.store)))
        .filter_map(|(url, store)| {
            let folder = Location::open(url, store).ok()?.local_path()?;
            folder.canonicalize().ok()
        });
    for kept in kept {
        if folder.starts_with(&kept) {
            return Err(Error::Usage(format!(
                "{} lies in {}, which holds raw logs or published tables; name a file elsewhere",
                path.display(),
                kept.display()
            )));
        }
    }
    Ok(())
}

/// A table's name as the engine takes it, whatever characters it has.
fn quoted(name: &str) -> TableReference {
    TableReference::bare(name)
}

/// A table that is neither published nor a file.
fn unknown(name: &str, tables: &[String]) -> String {
    let is_file = [
        ".parquet", ".csv", ".json", ".ndjson", ".gz", ".zst", "/", "*",
    ]
    .iter()
    .any(|part| name.contains(part));
    if is_file {
        return format!(
            "there is no file {name} that can be asked; a file's name ends in .parquet, .csv or .json (one object a line), or is a folder of such files ending in /"
        );
    }
    let nearest = config::nearest(name, tables.iter().map(String::as_str));
    let hint = match (nearest, tables.is_empty()) {
        (Some(table), _) => format!("did you mean {table}?"),
        (None, false) => format!("there are: {}.", tables.join(", ")),
        (None, true) => "there is no project here (-C DIR names one).".to_string(),
    };
    format!("there is no table {name}; {hint} A file stands in quotes: from 'x.parquet'")
}

/// A problem of the query: its place where it has several lines or stands further in, cause and mend.
fn in_words(problem: &Diagnostic) -> String {
    let place = match (problem.line, problem.column) {
        (0 | 1, 0 | 1) => String::new(),
        (line, column) => format!("line {line}, column {column}: "),
    };
    format!("{place}{}; {}", problem.cause, problem.mend)
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::Failed(format!("writing the rows: {error}"))
}

fn json(batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(Vec::new());
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
        let empty = RecordBatch::new_empty(Arc::clone(schema));
        writer.write(&harmless(&empty)?).map_err(fault)?;
    }
    for batch in batches {
        writer.write(&harmless(batch)?).map_err(fault)?;
    }
    Ok(writer.into_inner())
}

/// Lists and the like as JSON text: a CSV has one text a field.
fn as_json(column: &ArrayRef) -> Result<StringArray> {
    const NAME: &str = "v";
    let field = Field::new(NAME, column.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(column)]).map_err(fault)?;
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch).map_err(fault)?;
    writer.finish().map_err(fault)?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    Ok(text
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let json = line
                .strip_prefix("{\"v\":")
                .and_then(|line| line.strip_suffix('}'));
            json.filter(|_| column.is_valid(row))
        })
        .collect())
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
        if column.data_type().is_nested() {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
            columns.push(Arc::new(as_json(column)?));
            continue;
        }
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
