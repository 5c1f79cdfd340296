//! `loudou plan`: what a run would do.

use std::time::Duration;

use super::Context;
use super::arguments::{Plan, TextOrJson};
use super::output;
use super::run::holder;
use crate::error::{Error, Result};
use crate::run::night::RunOptions;
use crate::run::plan::plan;

pub(crate) async fn run(context: &Context, arguments: &Plan) -> Result<u8> {
    let workspace = context.workspace().await?;
    let options = RunOptions {
        dates: arguments.dates.range(),
        rescan: arguments.rescan,
        full_refresh: arguments.full_refresh,
        accept_vanished: false,
        select: arguments.part.selection(&workspace)?,
        into: arguments.part.into.clone(),
        wait: Duration::ZERO,
        reports: false,
        now: context.now,
        started: context.started,
        holder: holder(),
    };
    context.console.say("listing raw objects");
    let plan = plan(&workspace, &options).await?;
    context.console.clear();
    if arguments.format == TextOrJson::Json {
        let text = serde_json::to_string_pretty(&plan)
            .map_err(|error| Error::Failed(format!("writing the plan: {error}")))?;
        output::line(&text)?;
        return Ok(0);
    }
    output::line(&format!(
        "{} to {}, data complete through {}",
        plan.from, plan.to, plan.complete_through
    ))?;
    for incomplete in &plan.incomplete {
        output::line(&format!("not complete: {incomplete}"))?;
    }
    for warning in &plan.warnings {
        output::line(&format!("warning: {warning}"))?;
    }
    if plan.steps.is_empty() {
        output::line("nothing to do")?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = plan
        .steps
        .iter()
        .map(|step| {
            let mut why = step.why.join(", ");
            if !step.stale.is_empty() {
                if !why.is_empty() {
                    why.push_str("; ");
                }
                why.push_str(&format!(
                    "from older definitions, restated only by --full-refresh: {}",
                    step.stale.join(", ")
                ));
            }
            if !step.columns.is_empty() {
                why.push_str(&format!("; {}", step.columns.join(", ")));
            }
            let dates = match step.dates.is_empty() {
                true => "-".to_string(),
                false => step.dates.join(", "),
            };
            vec![step.kind.to_string(), step.name.clone(), dates, why]
        })
        .collect();
    output::line(&output::table(&["kind", "name", "dates", "why"], &rows))?;
    Ok(0)
}
