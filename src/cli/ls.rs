//! `loudou ls`: what tables there are.

use serde_json::json;

use super::Context;
use super::arguments::{Ls, TextOrJson};
use super::output;
use crate::error::{Error, Result};
use crate::project::Build;
use crate::run::Workspace;
use crate::table::log::read_state;
use crate::table::restatement::{Cause, FigureChange, read_all};
use crate::table::state::TableState;

pub(crate) async fn run(context: &Context, arguments: &Ls) -> Result<u8> {
    let workspace = context.workspace().await?;
    if arguments.restatements {
        context.console.clear();
        return restatements(&workspace, arguments.format).await;
    }
    let state = read_state(&workspace.warehouse).await?;
    context.console.clear();
    let sources = workspace
        .project
        .sources
        .values()
        .map(|source| (source.name.as_str(), "source"));
    let models = workspace.models.iter().map(|model| {
        let kind = match model.contract.build {
            Build::ByDate => "by_date",
            Build::Whole => "whole",
            Build::View => "view",
        };
        (model.name(), kind)
    });
    let mut rows = Vec::new();
    for (name, kind) in sources.chain(models) {
        let table = state.table(name);
        let first = table.dates().next().map(|date| date.to_string());
        let last = table.dates().last().map(|date| date.to_string());
        let (count, bytes) = sums(&table);
        if arguments.format == TextOrJson::Json {
            let line = json!({
                "name": name,
                "kind": kind,
                "first_date": first,
                "last_date": last,
                "partitions": table.partitions.len(),
                "rows": count,
                "bytes": bytes,
            });
            output::line(&line.to_string())?;
        }
        rows.push(vec![
            name.to_string(),
            kind.to_string(),
            first.unwrap_or_default(),
            last.unwrap_or_default(),
            table.partitions.len().to_string(),
            count.to_string(),
            bytes.to_string(),
        ]);
    }
    if arguments.format == TextOrJson::Text {
        let header = [
            "name",
            "kind",
            "first date",
            "last date",
            "partitions",
            "rows",
            "bytes",
        ];
        output::line(&output::table(&header, &rows))?;
    }
    Ok(0)
}

async fn restatements(workspace: &Workspace, format: TextOrJson) -> Result<u8> {
    let found = read_all(&workspace.warehouse).await?;
    if format == TextOrJson::Json {
        for restatement in &found {
            let text = serde_json::to_string(restatement)
                .map_err(|error| Error::Failed(format!("writing a restatement: {error}")))?;
            output::line(&text)?;
        }
        return Ok(0);
    }
    if found.is_empty() {
        output::line("nothing that was published has changed")?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|restatement| {
            let figures: Vec<String> = restatement
                .figures
                .iter()
                .map(FigureChange::words)
                .collect();
            let causes: Vec<String> = restatement.causes.iter().map(Cause::words).collect();
            vec![
                restatement.recorded_at.clone(),
                restatement
                    .date
                    .map_or("whole".to_string(), |date| date.to_string()),
                restatement.table.clone(),
                restatement.kind.word().to_string(),
                figures.join(", "),
                causes.join("; "),
            ]
        })
        .collect();
    let header = ["run at", "date", "table", "kind", "changed", "because of"];
    output::line(&output::table(&header, &rows))?;
    Ok(0)
}

fn sums(table: &TableState) -> (u64, u64) {
    table
        .partitions
        .values()
        .fold((0, 0), |(rows, bytes), partition| {
            (rows + partition.rows, bytes + partition.bytes)
        })
}
