//! `loudou run`: the night.

use super::Context;
use super::arguments::{Run, TextOrJson};
use super::{output, restatements};
use crate::error::{Error, Result};
use crate::run::night::{self, RunOptions};
use crate::run::results::{CheckCounts, RunResults, Status, StepResult};
use crate::table::audit::CheckStatus;

/// One line about this process, for the log.
pub(crate) fn holder() -> String {
    format!("process {}", std::process::id())
}

pub(crate) async fn run(context: &Context, arguments: &Run) -> Result<u8> {
    context.console.say("checking the project");
    let workspace = context.workspace().await?;
    let options = RunOptions {
        dates: arguments.dates.range(),
        rescan: arguments.rescan,
        full_refresh: arguments.full_refresh,
        accept_vanished: arguments.accept_vanished,
        select: arguments.part.selection(&workspace)?,
        into: arguments.part.into.clone(),
        wait: arguments.wait.unwrap_or_default(),
        reports: !arguments.no_reports,
        now: context.now,
        started: context.started,
        holder: holder(),
    };
    let results = night::run(&workspace, &options, &context.console).await?;
    context.console.clear();
    for incomplete in &results.incomplete {
        tracing::warn!("not complete: {incomplete}");
    }
    for warning in &results.warnings {
        tracing::warn!("{warning}");
    }
    match arguments.format {
        TextOrJson::Json => {
            let text = serde_json::to_string_pretty(&results)
                .map_err(|error| Error::Failed(format!("writing the results: {error}")))?;
            output::line(&text)?;
        }
        TextOrJson::Text if context.console.is_quiet() && results.exit_code == 0 => {}
        TextOrJson::Text => output::line(&summary(&results, context.console.is_verbose()))?,
    }
    Ok(results.exit_code)
}

/// The run in a table, with what matters below it.
pub(crate) fn summary(results: &RunResults, verbose: bool) -> String {
    let rows: Vec<Vec<String>> = results
        .steps
        .iter()
        .map(|step| {
            vec![
                words(step.status).to_string(),
                step.kind.to_string(),
                step.name.clone(),
                dates(&step.dates),
                if step.rows > 0 {
                    step.rows.to_string()
                } else {
                    String::new()
                },
                format!("{:.2}", step.seconds),
                step.why.clone(),
            ]
        })
        .collect();
    let header = ["status", "kind", "name", "dates", "rows", "seconds", "why"];
    let into = results
        .into
        .as_ref()
        .map_or(String::new(), |dir| format!(", into {}", dir.display()));
    let mut text = format!(
        "{} {} to {}, data complete through {}{into}\n\n{}\n",
        results.project,
        results.from,
        results.to,
        results.complete_through,
        output::table(&header, &rows)
    );
    for incomplete in &results.incomplete {
        text.push_str(&format!("\nnot complete: {incomplete}"));
    }
    for warning in &results.warnings {
        text.push_str(&format!("\nwarning: {warning}"));
    }
    for line in restatements::lines(&results.restatements) {
        text.push_str(&format!("\n{line}"));
    }
    for recovered in &results.recovered {
        text.push_str(&format!("\nrecovered: {recovered}"));
    }
    for step in &results.steps {
        if let Some(ingest) = &step.ingest {
            text.push_str(&format!(
                "\n{}: {} lines of {} objects, {} bad, {} duplicates, {} ids on two dates",
                step.name,
                ingest.lines,
                ingest.objects_read,
                ingest.bad_lines,
                ingest.duplicates,
                ingest.id_conflicts
            ));
            for found in &ingest.set_aside {
                let column = found.column.as_ref();
                text.push_str(&format!(
                    "\n  set aside: {}{} in {} lines, first in {} line {}",
                    column.map_or_else(String::new, |column| format!("{column} ")),
                    found.reason,
                    found.lines,
                    found.first_object,
                    found.first_line
                ));
            }
            for (column, rows) in &ingest.made_null {
                text.push_str(&format!("\n  wrong and made null: {column} in {rows} rows"));
            }
        }
        for check in step.checks.iter().filter(|_| verbose) {
            let word = match check.status {
                CheckStatus::Pass => "pass",
                CheckStatus::Warn => "warn",
                CheckStatus::Fail => "FAIL",
                CheckStatus::Skipped => "not applicable",
            };
            text.push_str(&format!("\n{word}: {}: {}", check.table, check.words()));
        }
    }
    let CheckCounts {
        pass,
        warn,
        fail,
        skipped,
    } = results.checks;
    if pass + warn + fail + skipped > 0 {
        text.push_str(&format!(
            "\nchecks: {pass} passed, {warn} warned, {fail} failed, {skipped} not applicable"
        ));
        if skipped > 0 && !verbose {
            text.push_str(" (-v says why)");
        }
    }
    for file in results
        .steps
        .iter()
        .flat_map(|step: &StepResult| &step.files)
    {
        text.push_str(&format!("\nreport: {file}"));
    }
    let memory = results.peak_memory_bytes.map_or(String::new(), |bytes| {
        format!(", peak memory {} MiB", bytes >> 20)
    });
    text.push_str(&format!("\n{:.1} s{memory}", results.seconds));
    text
}

fn words(status: Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::Unchanged => "unchanged",
        Status::Failed => "FAILED",
        Status::Skipped => "SKIPPED",
    }
}

fn dates(dates: &[String]) -> String {
    match (dates.first(), dates.last(), dates.len()) {
        (Some(first), Some(last), count) if count > 1 => format!("{first} … {last} ({count})"),
        (Some(only), _, _) => only.clone(),
        _ => String::new(),
    }
}
