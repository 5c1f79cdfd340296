//! `loudou demo`: from nothing to reports, in one command.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::Context;
use super::arguments::Demo as Options;
use super::init::write_project;
use super::output;
use super::run::{holder, summary};
use crate::demo::{Demo, DemoOptions, Written};
use crate::error::{Error, Result};
use crate::project::{Locale, local_to_us};
use crate::run::Workspace;
use crate::run::check::check;
use crate::run::night::{self, RunOptions};
use crate::run::reports;
use crate::table::log::read_state;

/// The day the demo's logs end on.
const LAST_DATE: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 21);
/// Nights run one by one at the end, after one backfill of the days before.
const NIGHTS: u32 = 7;
/// What a demo leaves in its folder and a new one replaces.
const REPLACED: &[&str] = &["raw", "warehouse", "truth.json"];

pub(crate) async fn run(context: &Context, options: &Options) -> Result<u8> {
    let started = Instant::now();
    let console = &context.console;
    let dir = &options.dir;
    prepare(dir, options.locale).await?;
    console.say("drawing users and their days");
    let last_date = LAST_DATE.unwrap_or_default();
    let demo = Demo::new(DemoOptions {
        seed: options.seed,
        first_date: last_date - Days::new(u64::from(options.days - 1)),
        days: options.days,
        users: options.users,
        return_pct: options.return_pct,
        ..DemoOptions::default()
    })?;
    let first_date = demo.options().first_date;
    let nights = NIGHTS.min(options.days - 1);
    let backfill_to = last_date - Days::new(u64::from(nights));

    let mut written = Written::default();
    let mut write = |from: NaiveDate, to: NaiveDate| -> Result<Written> {
        written += demo.write_raw(dir, from..=to, &mut |date, _| {
            console.say(&format!("writing raw logs of {date}"));
        })?;
        Ok(written)
    };
    if options.raw_only {
        let drawn = started.elapsed();
        let written = write(first_date, last_date)?;
        console.clear();
        return raw_only(context, &demo, &written, drawn, started.elapsed());
    }
    write(first_date, backfill_to)?;
    let drawn = started.elapsed().as_secs_f64();

    let workspace = match check(dir).await? {
        (Some(workspace), _) => workspace,
        (None, problems) => return Err(Error::Project(problems)),
    };
    let dates = Some((first_date, backfill_to));
    one_night(context, &workspace, dates, backfill_to).await?;
    for night in 1..=nights {
        let date = backfill_to + Days::new(u64::from(night));
        write(date, date)?;
        one_night(context, &workspace, None, date).await?;
    }
    let truth = serde_json::to_string_pretty(&demo.truth())
        .map_err(|error| Error::Failed(format!("writing truth.json: {error}")))?;
    let path = dir.join("truth.json");
    fs::write(&path, truth).map_err(Error::io("writing", &path))?;

    console.say("rendering");
    let state = read_state(&workspace.warehouse).await?;
    let mut pages = Vec::new();
    for report in &workspace.project.reports {
        for locale in Locale::ALL {
            let request = reports::Request {
                date: last_date,
                locale,
                complete_through: last_date,
                now: night_time(&workspace, last_date),
            };
            pages.push(
                reports::page(&workspace, report, &state, &request, None)
                    .await?
                    .0,
            );
        }
    }
    console.clear();
    if console.is_quiet() {
        return Ok(0);
    }
    output::line(&format!("{} in {drawn:.1} s", what(&demo, &written)))?;
    output::line(&format!(
        "one backfill to {backfill_to} and {nights} nights in {:.1} s",
        started.elapsed().as_secs_f64() - drawn
    ))?;
    output::line(&format!(
        "\nproject    {}\ntables     {}\nplanted    {}",
        dir.display(),
        workspace.warehouse,
        path.display()
    ))?;
    for page in pages {
        output::line(&format!("report     {}", page))?;
    }
    output::line(&format!(
        "\nask it:    loudou -C {} query \"select date, visitors, paid_gmv from daily_core where platform = 'all' order by date\"",
        dir.display()
    ))?;
    Ok(0)
}

/// `718082 events of 16000 users over 35 days (…), written as 726123 lines in 875 objects`
fn what(demo: &Demo, written: &Written) -> String {
    let options = demo.options();
    format!(
        "{} events of {} users over {} days ({} to {}, seed {}), written as {} lines in {} objects",
        demo.unique_events(),
        options.users,
        options.days,
        options.first_date,
        options.last_date(),
        options.seed,
        written.lines,
        written.objects
    )
}

/// Tells what was written and how fast.
fn raw_only(
    context: &Context,
    demo: &Demo,
    written: &Written,
    drawn: Duration,
    total: Duration,
) -> Result<u8> {
    if context.console.is_quiet() {
        return Ok(0);
    }
    let events = demo.unique_events() as f64;
    output::line(&what(demo, written))?;
    output::line(&format!(
        "{} bytes of text, {} on disk; drawn in {:.2} s, all in {:.2} s: {:.0} events a second; compressing took {:.2} s of one core",
        written.text_bytes,
        written.bytes,
        drawn.as_secs_f64(),
        total.as_secs_f64(),
        events / total.as_secs_f64().max(1e-9),
        written.compressing.as_secs_f64(),
    ))?;
    Ok(0)
}

/// Makes the folder a project without data. Refuses a folder that is neither empty nor a demo. An
/// earlier demo's data goes, its YAML and SQL stay as they are; they must have no problems.
async fn prepare(dir: &Path, locale: Locale) -> Result<()> {
    if dir.exists() && !dir.is_dir() {
        return Err(Error::Usage(format!(
            "{} is a file; the demo needs a folder",
            dir.display()
        )));
    }
    let is_empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    let marker = dir.join(".loudou/demo");
    if !is_empty && !marker.is_file() {
        return Err(Error::Usage(format!(
            "{} holds something that is not a demo; name an empty or a new folder",
            dir.display()
        )));
    }
    let folder = dir.join(".loudou");
    fs::create_dir_all(&folder).map_err(Error::io("making the folder", &folder))?;
    fs::write(&marker, "replaced by the next `loudou demo`\n")
        .map_err(Error::io("writing", &marker))?;
    write_project(dir)?;
    let path = dir.join("pipelines/_project.yaml");
    let text = fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
    let text: String = text
        .lines()
        .map(|line| match line.starts_with("locale:") {
            true => format!("locale: {}\n", locale.tag()),
            false => format!("{line}\n"),
        })
        .collect();
    fs::write(&path, text).map_err(Error::io("writing", &path))?;
    let (_, problems) = check(dir).await?;
    if !problems.is_empty() {
        return Err(Error::Project(problems));
    }
    for name in REPLACED {
        let path = dir.join(name);
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        match removed {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("removing", &path)(error)),
        }
    }
    Ok(())
}

/// Three in the morning after a day.
fn night_time(workspace: &Workspace, date: NaiveDate) -> DateTime<Utc> {
    let local =
        (date + Days::new(1)).and_time(NaiveTime::from_hms_opt(3, 0, 0).unwrap_or_default());
    DateTime::from_timestamp_micros(local_to_us(workspace.project.zone, local)).unwrap_or_default()
}

async fn one_night(
    context: &Context,
    workspace: &Workspace,
    dates: Option<(NaiveDate, NaiveDate)>,
    last_complete: NaiveDate,
) -> Result<()> {
    let options = RunOptions {
        dates,
        rescan: false,
        full_refresh: false,
        accept_vanished: false,
        select: None,
        into: None,
        wait: std::time::Duration::ZERO,
        reports: true,
        now: night_time(workspace, last_complete),
        started: context.started,
        holder: holder(),
    };
    let results = night::run(workspace, &options, &context.console).await?;
    if results.exit_code != 0 {
        context.console.clear();
        return Err(Error::Failed(format!(
            "the night of {last_complete} failed\n{}",
            summary(&results, false)
        )));
    }
    Ok(())
}
