//! The built-in tables of sessions, pages and traffic on days worked by hand, one edge each.

mod checks;
mod paths;
mod scrolls;
mod sessions;
mod taps;
mod traffic;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use loudou::project::local_to_us;
use loudou::run::results::RunResults;
use serde_json::{Value, json};

use crate::support::{Folder, night};

/// The built-in project in a zone and its raw events.
struct Shop {
    folder: Folder,
    zone: Tz,
    lines: BTreeMap<String, String>,
    ids: u32,
}

impl Shop {
    fn new(zone: Tz) -> Self {
        let folder = Folder::built_in(zone.name());
        // Nothing was spent.
        folder.write(
            "raw/spend/2026-11-20.csv",
            "channel,campaign,impressions,clicks,spend\n",
        );
        Self {
            folder,
            zone,
            lines: BTreeMap::new(),
            ids: 0,
        }
    }

    /// An event at a local time `2026-11-20 10:00:00`; ids rise as events are added.
    fn event(&mut self, time: &str, user: Option<&str>, event: &str, more: Value) {
        self.ids += 1;
        let mut line = json!({"event_id": format!("{:04}", self.ids), "ts": time, "openid": user, "event": event});
        for (key, value) in more.as_object().unwrap() {
            line[key] = value.clone();
        }
        let (date, hour) = (&time[..10], &time[11..13]);
        let path = format!("raw/events/dt={date}/hour={hour}/a.ndjson.gz");
        *self.lines.entry(path).or_default() += &format!("{line}\n");
    }

    fn view(&mut self, time: &str, user: &str, page: &str) {
        self.event(time, Some(user), "page_view", json!({"page": page}));
    }

    /// Writes what there is and runs the bare night at a local time, which must go well.
    async fn night(&self, local: &str) -> RunResults {
        for (path, lines) in &self.lines {
            self.folder.write(path, lines);
        }
        let wall = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap();
        let now = DateTime::from_timestamp_micros(local_to_us(self.zone, wall)).unwrap();
        self.folder.run_well(night(&now.to_rfc3339())).await
    }

    /// Columns of a partition, a line each row, in their stored order; times as the wall clock shows them.
    fn table(&self, name: &str, date: &str, columns: &str) -> Vec<String> {
        self.folder
            .rows(name, date)
            .iter()
            .map(|row| {
                let cells = columns.split_whitespace().map(|column| match &row[column] {
                    None => "-".to_string(),
                    Some(text) if column.ends_with("_time") => self.local(text),
                    Some(text) => text.clone(),
                });
                cells.collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    fn local(&self, instant: &str) -> String {
        DateTime::parse_from_rfc3339(instant)
            .unwrap()
            .with_timezone(&self.zone)
            .format("%d.%H:%M")
            .to_string()
    }
}
