//! `loudou report`: pages again, or for another day or language.

use super::Context;
use super::arguments::Report;
use super::output;
use crate::error::{Error, Result};
use crate::run::{calendar, reports};
use crate::table::log::read_state;

pub(crate) async fn run(context: &Context, arguments: &Report) -> Result<u8> {
    let workspace = context.workspace().await?;
    let state = read_state(&workspace.warehouse).await?;
    let project = &workspace.project;
    let wanted: Vec<_> = project
        .reports
        .iter()
        .filter(|report| {
            arguments
                .role
                .as_ref()
                .is_none_or(|role| *role == report.role)
        })
        .collect();
    if wanted.is_empty() {
        let roles: Vec<&str> = project
            .reports
            .iter()
            .map(|report| report.role.as_str())
            .collect();
        return Err(Error::Usage(match &arguments.role {
            Some(role) => format!("there is no report {role}; there are: {}", roles.join(", ")),
            None => "the project declares no reports".to_string(),
        }));
    }
    let complete_through = calendar::known_through(project, &state, context.now);
    for report in wanted {
        let date = match arguments.date {
            Some(date) => date,
            None => reports::tables_of(&workspace, report)?
                .iter()
                .filter_map(|table| state.tables.get(table))
                .filter_map(|table| table.dates().last())
                .min()
                .ok_or_else(|| {
                    Error::Failed("nothing is published yet; `loudou run` first".to_string())
                })?,
        };
        let request = reports::Request {
            date,
            locale: arguments.locale.unwrap_or(project.locale),
            complete_through,
            now: context.now,
        };
        context
            .console
            .say(&format!("rendering {} of {date}", report.role));
        let (path, _) = reports::page(&workspace, report, &state, &request, None).await?;
        context.console.clear();
        output::line(&path)?;
    }
    Ok(0)
}
