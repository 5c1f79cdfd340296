//! The command line: one file per verb. The only place that prints.
//!
//! Results go to standard output, everything about the way there to standard error: a progress line on
//! a terminal, JSON log lines otherwise. Exit codes: 0 done; 1 a step, check or report failed; 2 wrong
//! usage or configuration; 75 try again.

mod arguments;
mod check;
mod compile;
mod console;
mod demo;
mod init;
mod ls;
mod output;
mod plan;
mod query;
mod report;
mod restatements;
mod run;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Parser;

use crate::config;
use crate::error::{Error, Result};
use crate::run::Workspace;
use crate::run::check::check as check_project;

use arguments::{Arguments, Verb};
use console::Console;

/// What every verb gets.
pub(crate) struct Context {
    /// `--project`
    project: Option<PathBuf>,
    /// The clock, or `--as-of`.
    now: DateTime<Utc>,
    /// The clock.
    started: DateTime<Utc>,
    /// How to speak.
    console: Console,
}

impl Context {
    /// The project's folder, or how to get one.
    fn root(&self) -> Result<PathBuf> {
        let start = match &self.project {
            Some(folder) => folder.clone(),
            None => PathBuf::from("."),
        };
        config::find_root(&start).ok_or_else(|| {
            Error::Usage(format!(
                "no project at or above {} (a project has pipelines/_project.yaml); `loudou init DIR` writes one, -C DIR names one",
                start.display()
            ))
        })
    }

    /// The project, checked whole; its problems are the error.
    async fn workspace(&self) -> Result<Workspace> {
        match check_project(&self.root()?).await? {
            (Some(workspace), _) => Ok(workspace),
            (None, problems) => Err(Error::Project(problems)),
        }
    }
}

/// Runs the command; `now` is the clock that `--as-of` replaces.
pub fn main(arguments: impl IntoIterator<Item = OsString>, now: DateTime<Utc>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap's own words, on the stream it chooses; help and version are not errors.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    let console = Console::start(arguments.quiet, arguments.verbose);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 << 20)
        .build()
        .map_err(|error| Error::Failed(format!("starting the runtime: {error}")))
        .and_then(|runtime| runtime.block_on(dispatch(arguments, now, console.clone())));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(arguments: Arguments, now: DateTime<Utc>, console: Console) -> Result<u8> {
    let started = now;
    let now = match &arguments.as_of {
        Some(text) => arguments::as_of(text, arguments.project.as_deref())?,
        None => now,
    };
    let context = Context {
        project: arguments.project,
        now,
        started,
        console,
    };
    match arguments.verb {
        Verb::Init(arguments) => init::run(&context, &arguments),
        Verb::Demo(arguments) => demo::run(&context, &arguments).await,
        Verb::Check(arguments) => check::run(&context, &arguments).await,
        Verb::Plan(arguments) => plan::run(&context, &arguments).await,
        Verb::Run(arguments) => run::run(&context, &arguments).await,
        Verb::Compile(arguments) => compile::run(&context, &arguments).await,
        Verb::Query(arguments) => query::run(&context, &arguments).await,
        Verb::Ls(arguments) => ls::run(&context, &arguments).await,
        Verb::Report(arguments) => report::run(&context, &arguments).await,
    }
}
