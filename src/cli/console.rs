//! How a run tells what it does: one progress line on a terminal, JSON lines otherwise.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;

use super::output;
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::run::night::Progress;
use crate::run::results::{Status, StepResult};

/// How to speak.
#[derive(Clone)]
pub(crate) struct Console {
    quiet: bool,
    verbose: bool,
    bar: Option<Arc<ProgressBar>>,
}

impl Console {
    /// Starts logging.
    pub(crate) fn start(quiet: bool, verbose: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let level = match (quiet, verbose) {
            (true, _) => "error",
            (_, true) => "loudou=debug,warn",
            _ => "loudou=info,warn",
        };
        let filter = EnvFilter::try_new(level).unwrap_or_default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            // A log that cannot be written (a closed pipe) must not end the night.
            .log_internal_errors(false)
            .with_writer(std::io::stderr);
        if is_terminal {
            // The progress line speaks; only warnings of libraries would disturb it.
            let _ = subscriber
                .with_env_filter(EnvFilter::try_new("error").unwrap_or_default())
                .without_time()
                .try_init();
        } else {
            let _ = subscriber.json().flatten_event(true).try_init();
        }
        let bar = (is_terminal && !quiet).then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:24} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            Arc::new(bar)
        });
        Self {
            quiet,
            verbose,
            bar,
        }
    }

    /// Whether only failures are to be told.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether more is to be told.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// One line about what is going on.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_string()),
            None => tracing::debug!("{text}"),
        }
    }

    /// The progress line goes, so that results stand alone.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// An error, for a person on a terminal or a log reader elsewhere.
    pub(crate) fn error(&self, error: &Error) {
        self.clear();
        if let Error::Project(problems) = error {
            output::error_line(&problems_text(problems, None));
            return;
        }
        if std::io::stderr().is_terminal() {
            output::error_line(&format!("error: {error}"));
        } else {
            tracing::error!("{error}");
        }
    }
}

/// All problems, with an excerpt of the file where its folder is known, and how many there are.
pub(crate) fn problems_text(problems: &[Diagnostic], root: Option<&std::path::Path>) -> String {
    let mut text = String::new();
    for problem in problems {
        let source = root.and_then(|root| std::fs::read_to_string(root.join(&problem.file)).ok());
        text.push_str(problem.render(source.as_deref()).trim_end());
        text.push_str("\n\n");
    }
    let count = problems.len();
    text.push_str(&format!(
        "{count} {}",
        if count == 1 { "problem" } else { "problems" }
    ));
    text
}

impl Progress for Console {
    fn begin(&self, kind: &str, name: &str, done: usize, total: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                bar.set_message(format!("{kind} {name}"));
            }
            None => tracing::debug!(kind, name, "begins"),
        }
    }

    fn waits(&self, why: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("waiting: {why}")),
            None => tracing::info!("waiting: {why}"),
        }
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(time).boxed()
    }

    fn end(&self, step: &StepResult) {
        if self.bar.is_some() {
            return;
        }
        let (kind, name, why) = (step.kind, step.name.as_str(), step.why.as_str());
        let (dates, rows, seconds) = (step.dates.len(), step.rows, step.seconds);
        match step.status {
            Status::Done => tracing::info!(kind, name, dates, rows, seconds, why, "done"),
            Status::Unchanged => tracing::info!(kind, name, why, "unchanged"),
            Status::Failed => tracing::error!(kind, name, why, "failed"),
            Status::Skipped => tracing::error!(kind, name, why, "skipped"),
        }
    }
}
