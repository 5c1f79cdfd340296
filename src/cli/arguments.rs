//! The words of the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config;
use crate::error::{Error, Result};
use crate::model::select::Selection;
use crate::project::{Locale, local_to_us};
use crate::run::Workspace;

/// Raw logs in, trusted funnel tables and daily reports out.
#[derive(Debug, Parser)]
#[command(
    name = "loudou",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 done; 1 a step, check or report failed; 2 wrong usage or configuration; 75 try again.\nBegin with `loudou demo`, or with `loudou init DIR`."
)]
pub(crate) struct Arguments {
    /// The project's folder (default: here or the nearest folder above with pipelines/_project.yaml)
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Take this as the present time: 2026-11-22T03:00:00+08:00, or without zone in the project's
    #[arg(long, global = true, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write the built-in project into an empty folder
    Init(Init),
    /// Make planted raw logs, run every night of them, render the reports
    Demo(Demo),
    /// Tell every problem of the project's files; reads no data
    Check(Check),
    /// Tell what a run would do, and why; writes nothing
    Plan(Plan),
    /// Do the night: read new raw logs, build and audit tables, publish, render reports
    Run(Run),
    /// Show the SQL of a model, or of a declared funnel
    Compile(Compile),
    /// Ask the published tables, or files by path ('x.parquet'), in SQL
    Query(Query),
    /// List tables with their dates, rows and bytes
    Ls(Ls),
    /// Render a report's pages again
    Report(Report),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; made if absent, refused if it holds anything
    pub dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder; an earlier demo's raw/, warehouse/ and truth.json in it are replaced, its YAML and
    /// SQL stay
    #[arg(default_value = "demo")]
    pub dir: PathBuf,
    /// Another seed, other people; the same seed, the same bytes
    #[arg(long, default_value_t = 20_261_121)]
    pub seed: u64,
    /// Days of logs, ending on 2026-11-21
    #[arg(long, default_value_t = 35, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// Users, new and old
    #[arg(long, default_value_t = 16_000, value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    pub users: u32,
    /// How often users come back, percent of the usual: less for many users and few events
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub return_pct: u32,
    /// Language of the project; both are rendered for the last day
    #[arg(long, default_value = "zh-CN", value_parser = locale)]
    pub locale: Locale,
    /// Write the project and its raw logs, then stop: no night is run, no truth.json written
    #[arg(long)]
    pub raw_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    Table,
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[arg(long, value_enum, default_value = "text")]
    pub format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct Dates {
    /// One local date
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["from", "to"])]
    pub date: Option<NaiveDate>,
    /// First local date
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    pub from: Option<NaiveDate>,
    /// Last local date, inclusive
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    pub to: Option<NaiveDate>,
}

impl Dates {
    pub fn range(&self) -> Option<(NaiveDate, NaiveDate)> {
        self.date
            .map(|date| (date, date))
            .or_else(|| self.from.zip(self.to))
    }
}

/// Which part of the tables, and where to.
#[derive(Debug, Args)]
pub(crate) struct Part {
    /// Only these sources and models, and no reports: name, +name (with what it reads), name+ (with what
    /// reads it); several are united, `a,b` is what both select
    #[arg(long, value_name = "NAMES", num_args = 1..)]
    pub select: Vec<String>,
    /// Read what is published, write what differs into this folder: to try changed definitions. Sources
    /// are read from raw only if selected
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
}

impl Part {
    /// The selection, if there is one.
    pub fn selection(&self, workspace: &Workspace) -> Result<Option<Selection>> {
        if self.select.is_empty() {
            return Ok(None);
        }
        Selection::parse(&self.select, &workspace.project, &workspace.models)
            .map(Some)
            .map_err(Error::Usage)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub dates: Dates,
    /// Look at every raw object, not only those near the dates
    #[arg(long)]
    pub rescan: bool,
    /// Plan published dates of the range, too
    #[arg(long)]
    pub full_refresh: bool,
    #[command(flatten)]
    pub part: Part,
    #[arg(long, value_enum, default_value = "text")]
    pub format: TextOrJson,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Without dates: the complete days of the last `catch_up` (7 days) that are missing or whose inputs changed; a day that is not complete (`complete_when`) is named and waits. A date asked for that is not complete is refused with 75."
)]
pub(crate) struct Run {
    #[command(flatten)]
    pub dates: Dates,
    /// Look at every raw object, not only those near the dates
    #[arg(long)]
    pub rescan: bool,
    /// Build the dates again even if nothing changed
    #[arg(long)]
    pub full_refresh: bool,
    #[command(flatten)]
    pub part: Part,
    /// Wait this long, such as 30m, for another run to end and for the days to become complete
    #[arg(long, value_name = "TIME", value_parser = wait)]
    pub wait: Option<Duration>,
    /// Go on although most raw objects of a source are gone: tables follow what is left
    #[arg(long)]
    pub accept_vanished: bool,
    /// Leave the reports out
    #[arg(long)]
    pub no_reports: bool,
    #[arg(long, value_enum, default_value = "text")]
    pub format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The model; all declared analyses if absent
    pub model: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  loudou query \"select date, visitors, paid_gmv from daily_core where platform = 'all' order by date\"\n  loudou query \"select user_id, window_funnel(interval '1 day', 'default', event_time, event = 'click', event = 'pay') as level from events group by user_id\"\n  loudou query \"select count(*) from 'some/file.parquet'\" --format csv"
)]
pub(crate) struct Query {
    /// One select
    pub sql: String,
    /// How rows are written (default: what the output file's name ends in, or table). In csv, text that
    /// a spreadsheet would run as a formula gets a leading '
    #[arg(long, value_enum)]
    pub format: Option<RowFormat>,
    /// Write here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// List what was restated instead: date, table, key figures before and after, and why
    #[arg(long)]
    pub restatements: bool,
    #[arg(long, value_enum, default_value = "text")]
    pub format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The role; all declared ones if absent
    pub role: Option<String>,
    /// The day (default: the last one published)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<NaiveDate>,
    /// The language (default: the project's)
    #[arg(long, value_parser = locale)]
    pub locale: Option<Locale>,
}

fn wait(text: &str) -> Result<Duration, String> {
    let read = crate::project::Duration::parse(text)
        .ok_or_else(|| "write a whole number and a unit: 90s, 30m, 2h".to_string())?;
    Ok(Duration::from_micros(u64::try_from(read.us()).unwrap_or(0)))
}

fn locale(text: &str) -> Result<Locale, String> {
    Locale::parse(text).ok_or_else(|| "zh-CN or en".to_string())
}

/// Reads `--as-of`; a time without zone is in the project's.
pub(crate) fn as_of(text: &str, project: Option<&Path>) -> Result<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let naive = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ]
    .iter()
    .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())
    .ok_or_else(|| {
        Error::Usage(format!(
            "--as-of {text} is not a time; write 2026-11-22T03:00:00+08:00 or 2026-11-22T03:00"
        ))
    })?;
    let zone = config::find_root(project.unwrap_or(Path::new(".")))
        .and_then(|root| config::load(&root).0)
        .map_or(Tz::Asia__Shanghai, |project| project.zone);
    DateTime::from_timestamp_micros(local_to_us(zone, naive))
        .ok_or_else(|| Error::Usage(format!("--as-of {text} is beyond the calendar")))
}
