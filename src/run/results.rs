//! What a run did: `run_results.json`, always written, before a failing exit too.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::completeness::Incomplete;
use crate::error::{Error, Result};
use crate::ingest::IngestReport;
use crate::ingest::why::DateCause;
use crate::table::audit::{CheckResult, CheckStatus};
use crate::table::restatement::Restatement;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Built and published.
    Done,
    /// Nothing to do: published already from the same inputs and definitions.
    Unchanged,
    /// Failed; the reason stands beside it.
    Failed,
    /// Not tried, since something it reads failed.
    Skipped,
}

/// One source, model or report.
#[derive(Debug, Clone, Serialize)]
pub struct StepResult {
    /// `source`, `model` or `report`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// Dates built.
    pub dates: Vec<String>,
    /// Dates whose bytes are new.
    pub changed: Vec<String>,
    /// Why it was built, failed or skipped.
    pub why: String,
    /// Rows of what was built.
    pub rows: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Checks of its contract, in declared order, one entry per check and outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckResult>,
    /// Why each date of a source was built.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<DateCause>,
    /// Counts of a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingest: Option<IngestReport>,
    /// Files written (reports).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Whether it failed because a store did not answer: trying again may be all that it needs.
    #[serde(skip)]
    pub is_unreachable: bool,
}

impl StepResult {
    /// A step that has not begun.
    pub fn new(kind: &'static str, name: &str) -> Self {
        Self {
            kind,
            name: name.to_string(),
            status: Status::Unchanged,
            dates: Vec::new(),
            changed: Vec::new(),
            why: String::new(),
            rows: 0,
            seconds: 0.0,
            checks: Vec::new(),
            causes: Vec::new(),
            ingest: None,
            files: Vec::new(),
            is_unreachable: false,
        }
    }
}

/// How many checks ended how; one on several dates counts once per outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CheckCounts {
    /// They hold.
    pub pass: usize,
    /// They are broken, and only told.
    pub warn: usize,
    /// They are broken, and their models are not published.
    pub fail: usize,
    /// There was nothing to check against.
    pub skipped: usize,
}

impl CheckCounts {
    /// Counts the checks of steps.
    pub fn of(steps: &[StepResult]) -> Self {
        let mut counts = Self::default();
        for check in steps.iter().flat_map(|step| &step.checks) {
            *match check.status {
                CheckStatus::Pass => &mut counts.pass,
                CheckStatus::Warn => &mut counts.warn,
                CheckStatus::Fail => &mut counts.fail,
                CheckStatus::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }
}

/// A whole run.
#[derive(Debug, Clone, Serialize)]
pub struct RunResults {
    /// Project.
    pub project: String,
    /// Where it wrote, if not into the warehouse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into: Option<PathBuf>,
    /// The last complete day.
    pub complete_through: String,
    /// Dates asked for.
    pub from: String,
    /// Dates asked for.
    pub to: String,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// Days that have ended and are not complete, with what they lack.
    pub incomplete: Vec<Incomplete>,
    /// Published partitions found damaged and built again.
    pub recovered: Vec<String>,
    /// What nobody asked for and somebody should know.
    pub warnings: Vec<String>,
    /// Published partitions that have other bytes now: what changed in them, and why.
    pub restatements: Vec<Restatement>,
    /// How the checks of all steps ended.
    pub checks: CheckCounts,
    /// Every step, in order.
    pub steps: Vec<StepResult>,
    /// Seconds in all.
    pub seconds: f64,
    /// The most memory the process held, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// See [`Self::code_of_steps`].
    pub exit_code: u8,
}

impl RunResults {
    /// Whether any step failed or was skipped.
    pub fn has_failed(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.status, Status::Failed | Status::Skipped))
    }

    /// 0 if every step is done or unchanged; 75 if stores that did not answer are all that went wrong; else 1.
    pub fn code_of_steps(&self) -> u8 {
        let failed = || {
            let steps = self.steps.iter();
            steps.filter(|step| step.status == Status::Failed)
        };
        match failed().all(|step| step.is_unreachable) && failed().next().is_some() {
            true => 75,
            false => u8::from(self.has_failed()),
        }
    }

    /// Writes `run_results.json` into the project's work folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io("making the folder", folder))?;
        let path = folder.join("run_results.json");
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Failed(format!("writing the results: {error}")))?;
        std::fs::write(&path, text).map_err(Error::io("writing", &path))
    }
}

/// The most memory this process held, from /proc.
pub fn peak_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib = line.split_whitespace().nth(1)?.parse::<u64>().ok()?;
    Some(kib * 1024)
}
