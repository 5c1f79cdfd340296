//! The raw files: one gzip object of lines per path date and hour, one CSV of spend per date.

use std::fs;
use std::io::Write;
use std::ops::{AddAssign, RangeInclusive};
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use flate2::{Compression, GzBuilder};

use super::delivery::Form;
use super::parallel::for_each;
use super::{Demo, line, spend};
use crate::error::{Error, Result};

/// The gzip header's "unknown" system: the same bytes wherever they are written.
const UNKNOWN_SYSTEM: u8 = 255;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub objects: u64,
    /// Lines of the event objects, blank ones included.
    pub lines: u64,
    /// Bytes of the event objects before compression.
    pub text_bytes: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// What compressing took, summed over threads.
    pub compressing: Duration,
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.lines += other.lines;
        self.text_bytes += other.text_bytes;
        self.bytes += other.bytes;
        self.compressing += other.compressing;
    }
}

impl Demo {
    /// Writes what arrives on the path dates `dates`, replacing what is there:
    /// `raw/events/dt=2026-10-18/hour=08/part-0.ndjson.gz` for every hour that the local day has (also
    /// where nothing happened), and `raw/spend/2026-10-18.csv`, under `root`. Late events stand in the
    /// path date they arrive on. `progress` hears of each date once it is written.
    ///
    /// # Errors
    /// [`Error::Usage`] for a date outside the drawn ones, [`Error::Io`] where a file cannot be written.
    pub fn write_raw(
        &self,
        root: &Path,
        dates: RangeInclusive<NaiveDate>,
        progress: &mut dyn FnMut(NaiveDate, Written),
    ) -> Result<Written> {
        let day_of = |date: NaiveDate| {
            self.calendar.day_of_date(date).ok_or_else(|| {
                let (first, last) = (self.options.first_date, self.options.last_date());
                Error::Usage(format!(
                    "{date} is not among the demo's dates {first} to {last}"
                ))
            })
        };
        let mut total = Written::default();
        for day in day_of(*dates.start())?..=day_of(*dates.end())? {
            let written = self.write_day(root, day)?;
            total += written;
            progress(self.calendar.naive_date(day), written);
        }
        Ok(total)
    }

    fn write_day(&self, root: &Path, day: u32) -> Result<Written> {
        let date = self.calendar.date(day as i32);
        let mut written = Written::default();
        let hours = self.calendar.hours(day).into_iter();
        let mut objects: Vec<(u32, Result<Written>)> =
            hours.map(|hour| (hour, Ok(Written::default()))).collect();
        for_each(&mut objects, |_, (hour, outcome)| {
            *outcome = self.write_object(root, day, *hour);
        });
        for (_, outcome) in objects {
            written += outcome?;
        }
        let rows = spend::rows(self.options.seed, day, &self.people);
        let path = root.join(format!("raw/spend/{date}.csv"));
        written.bytes += put(&path, spend::csv(date, &rows).as_bytes())?;
        written.objects += 1;
        Ok(written)
    }

    fn write_object(&self, root: &Path, day: u32, hour: u32) -> Result<Written> {
        let date = self.calendar.date(day as i32);
        let lines = self.delivery.object(day, hour);
        let mut text = Vec::with_capacity(lines.len() * 360);
        for line in lines {
            let event = &self.events.all[line.event as usize];
            line::write(&mut text, &self.calendar, &self.people, event, line);
        }
        // Every third object ends without a newline, as logs cut off by an uploader do (not after a
        // blank line, which would be gone).
        let ends_blank = lines.last().is_none_or(|line| line.form == Form::Blank);
        if (day + hour).is_multiple_of(3) && !ends_blank {
            text.pop();
        }
        let path = format!("raw/events/dt={date}/hour={hour:02}/part-0.ndjson.gz");
        let started = Instant::now();
        let bytes = gzip(&text).map_err(Error::io("compressing", &path))?;
        let compressing = started.elapsed();
        Ok(Written {
            objects: 1,
            lines: lines.len() as u64,
            text_bytes: text.len() as u64,
            bytes: put(&root.join(&path), &bytes)?,
            compressing,
        })
    }
}

fn gzip(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(UNKNOWN_SYSTEM)
        .write(Vec::with_capacity(text.len() / 6 + 64), Compression::fast());
    encoder.write_all(text)?;
    encoder.finish()
}

fn put(path: &Path, bytes: &[u8]) -> Result<u64> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io("creating the folder", folder))?;
    }
    fs::write(path, bytes).map_err(Error::io("writing", path))?;
    Ok(bytes.len() as u64)
}
