//! `loudou check`: every problem at once.

use serde_json::json;

use super::Context;
use super::arguments::{Check, TextOrJson};
use super::console::problems_text;
use super::output;
use crate::error::Result;
use crate::run::check::check;
use crate::run::manifest::Manifest;
use crate::run::work_folder;

pub(crate) async fn run(context: &Context, arguments: &Check) -> Result<u8> {
    let root = context.root()?;
    context.console.say("checking");
    let (workspace, problems) = check(&root).await?;
    context.console.clear();
    if let Some(workspace) = &workspace {
        // A project that may only be read can be checked all the same.
        let written = Manifest::of(workspace)
            .and_then(|manifest| manifest.write(&work_folder(&workspace.project.root)));
        if let Err(error) = written {
            tracing::warn!("manifest.json is not written: {error}");
        }
    }
    match arguments.format {
        TextOrJson::Json => {
            for problem in &problems {
                let line = json!({
                    "file": problem.file,
                    "line": problem.line,
                    "column": problem.column,
                    "cause": problem.cause,
                    "mend": problem.mend,
                });
                output::line(&line.to_string())?;
            }
        }
        TextOrJson::Text if !problems.is_empty() => {
            output::line(&problems_text(&problems, Some(&root)))?;
        }
        TextOrJson::Text => {
            if let (Some(workspace), false) = (&workspace, context.console.is_quiet()) {
                let project = &workspace.project;
                output::line(&format!(
                    "{}: no problems ({} sources, {} models, {} funnels, {} reports)",
                    project.name,
                    project.sources.len(),
                    workspace.models.iter().count(),
                    project.funnels.len(),
                    project.reports.len(),
                ))?;
            }
        }
    }
    Ok(if problems.is_empty() { 0 } else { 2 })
}
