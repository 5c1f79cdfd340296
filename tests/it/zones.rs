//! Every table of the built-in project on days worked by hand: around local midnight in three time zones,
//! on the day of 23 hours and on the day of 25; with the layout's hours in the project's zone and in UTC.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use loudou::project::local_to_us;
use serde_json::json;

use crate::cli::query;
use crate::support::{Folder, Row, night};

const LAYOUT_ZONES: [&str; 2] = ["project", "utc"];

/// The built-in project in a zone, with raw logs at the places that its layout asks for.
struct Shop {
    folder: Folder,
    zone: Tz,
    layout_zone: Tz,
    lines: BTreeMap<String, String>,
}

impl Shop {
    fn new(zone: Tz, layout_zone: &str) -> Self {
        let folder = Folder::built_in(zone.name());
        folder.edit(
            "pipelines/shop.yaml",
            "layout_zone: project",
            &format!("layout_zone: {layout_zone}"),
        );
        Self {
            folder,
            zone,
            layout_zone: if layout_zone == "utc" { Tz::UTC } else { zone },
            lines: BTreeMap::new(),
        }
    }

    /// One event; a time without zone is a local one.
    fn event(&mut self, id: &str, time: &str, user: &str, platform: &str, event: &str) {
        self.push(id, time, user, platform, event, json!({}));
    }

    fn view(&mut self, id: &str, time: &str, user: &str, platform: &str, page: &str) {
        self.push(id, time, user, platform, "page_view", json!({"page": page}));
    }

    fn pay(&mut self, id: &str, time: &str, user: &str, platform: &str, amount: &str) {
        self.push(id, time, user, platform, "pay", json!({"amount": amount}));
    }

    fn push(
        &mut self,
        id: &str,
        time: &str,
        user: &str,
        platform: &str,
        event: &str,
        more: serde_json::Value,
    ) {
        let instant_us = match DateTime::parse_from_rfc3339(time) {
            Ok(instant) => instant.timestamp_micros(),
            Err(_) => {
                let wall = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.f").unwrap();
                local_to_us(self.zone, wall)
            }
        };
        let placed = DateTime::from_timestamp_micros(instant_us)
            .unwrap()
            .with_timezone(&self.layout_zone);
        let mut line = json!({"event_id": id, "ts": time, "openid": user, "platform": platform, "event": event});
        for (key, value) in more.as_object().unwrap() {
            line[key] = value.clone();
        }
        let path = placed
            .format("raw/events/dt=%Y-%m-%d/hour=%H/a.ndjson.gz")
            .to_string();
        *self.lines.entry(path).or_default() += &format!("{line}\n");
    }

    fn spend(&self, date: &str, spend: &str) {
        self.folder.write(
            &format!("raw/spend/{date}.csv"),
            format!("channel,campaign,impressions,clicks,spend\nads,a,100,10,{spend}\n"),
        );
    }

    /// Writes what there is and runs the bare night at a local time.
    async fn night(&self, local: &str) {
        for (path, lines) in &self.lines {
            self.folder.write(path, lines);
        }
        let wall = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap();
        let now = DateTime::from_timestamp_micros(local_to_us(self.zone, wall)).unwrap();
        self.folder.run_well(night(&now.to_rfc3339())).await;
    }

    /// Columns of a partition, a line each row, in the order of the lines.
    fn table(&self, name: &str, date: &str, columns: &str) -> Vec<String> {
        let mut lines: Vec<String> = self
            .folder
            .rows(name, date)
            .iter()
            .map(|row| {
                assert_eq!(row["date"].as_deref(), Some(date));
                self.line(row, columns)
            })
            .collect();
        lines.sort();
        lines
    }

    fn line(&self, row: &Row, columns: &str) -> String {
        columns
            .split_whitespace()
            .map(|column| match &row[column] {
                None => "-".to_string(),
                Some(text) if column.ends_with("_time") => self.local(text),
                Some(text) => text.clone(),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// An instant as the wall clock shows it.
    fn local(&self, instant: &str) -> String {
        DateTime::parse_from_rfc3339(instant)
            .unwrap()
            .with_timezone(&self.zone)
            .format("%d.%H:%M:%S%.f")
            .to_string()
    }

    /// The shop funnel of an entry day: who entered, and how many reached each step (`-`: not due yet).
    fn funnel(&self, date: &str, breakdown: &str) -> Vec<String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for row in self.folder.rows("funnel_steps", date) {
            let text = |column: &str| row[column].clone().unwrap_or_else(|| "-".to_string());
            if text("funnel") != "shop" || text("breakdown") != breakdown {
                continue;
            }
            let line = found
                .entry(format!("{} {}", text("segment"), text("basis")))
                .or_insert_with(|| text("entrants") + ":");
            *line += &format!(" {}", text("reached"));
        }
        found
            .into_iter()
            .map(|(key, line)| format!("{key} {line}"))
            .collect()
    }

    /// Each event with the beginning of its session.
    fn sessions_of_events(&self) -> Vec<String> {
        query(
            &self.folder.path(""),
            "select e.event_id || ' ' || cast(local_time(s.start_time) as varchar) as line
             from int_session_events e join int_sessions s on e.session_id = s.session_id
             order by e.event_id",
        )
        .iter()
        .map(|row| row["line"].as_str().unwrap().to_string())
        .collect()
    }
}

const SESSIONS: &str =
    "user_id start_time end_time events page_views is_bounce entry_page exit_page";
const VIEWS: &str = "user_id view_no event_time page next_page dwell_us is_entry is_exit is_bounce";
const PAGES: &str =
    "page views visitors entries exits bounces exit_rate bounce_rate median_dwell_us";
const FLOW: &str = "page next_page views share";
const CORE: &str = "platform visitors sessions page_views registrations payers orders paid_gmv exposed pay_conversion bounce_rate dwell_us_per_session";
const SPEND: &str = "channel campaign impressions clicks spend";

/// Events within a microsecond of midnight, the same by the wall clock in every zone.
fn around_midnight(zone: Tz, layout_zone: &str) -> Shop {
    let mut shop = Shop::new(zone, layout_zone);
    // u1 comes before midnight and goes on after it, with no pause of half an hour.
    shop.view("01", "2026-11-20 23:50:00", "u1", "ios", "home");
    shop.view("02", "2026-11-21 00:10:00", "u1", "ios", "item");
    shop.event("03", "2026-11-21 00:10:30", "u1", "ios", "register");
    shop.pay("04", "2026-11-21 00:20:00", "u1", "ios", "10.00");
    // u2 enters the funnel in the day's last microsecond. The 24 hours hold the registration at their
    // very end, and not what comes a microsecond later, which is another day's.
    shop.event(
        "05",
        "2026-11-20 23:59:59.999999",
        "u2",
        "android",
        "exposure",
    );
    shop.event("06", "2026-11-21 00:00:00", "u2", "android", "click");
    shop.event(
        "12",
        "2026-11-21 23:59:59.999999",
        "u2",
        "android",
        "register",
    );
    shop.event("13", "2026-11-22 00:00:00", "u2", "android", "add_to_cart");
    // u3 does it all between the first and the last microsecond of one day.
    shop.event("07", "2026-11-21 00:00:00", "u3", "ios", "exposure");
    shop.event("08", "2026-11-21 00:00:01", "u3", "ios", "click");
    shop.event("09", "2026-11-21 00:00:02", "u3", "ios", "register");
    shop.event("10", "2026-11-21 12:00:00", "u3", "ios", "add_to_cart");
    shop.pay("11", "2026-11-21 23:59:59.999999", "u3", "ios", "20.50");
    shop.view("14", "2026-11-22 00:00:00", "u4", "web", "home");
    for (date, spend) in [
        ("2026-11-20", "5.00"),
        ("2026-11-21", "6.00"),
        ("2026-11-22", "7.00"),
    ] {
        shop.spend(date, spend);
    }
    shop
}

#[tokio::test]
async fn midnight_is_the_same_in_every_zone() {
    let none: [&str; 0] = [];
    for zone in [Tz::UTC, Tz::Asia__Shanghai, Tz::America__New_York] {
        for layout_zone in LAYOUT_ZONES {
            let shop = around_midnight(zone, layout_zone);
            let (first, second, third) = ("2026-11-20", "2026-11-21", "2026-11-22");
            shop.night("2026-11-22 03:00").await;
            // The window of the 21st reaches into the 22nd, which is not complete.
            assert_eq!(
                shop.funnel(second, "overall"),
                ["all mature 1: - - - - -", "all same_day 1: 1 1 1 1 1"],
                "{zone} {layout_zone}"
            );
            shop.night("2026-11-23 03:00").await;

            assert_eq!(
                shop.table("events", first, "event_id event_time"),
                ["01 20.23:50:00", "05 20.23:59:59.999999"],
                "{zone} {layout_zone}"
            );
            assert_eq!(
                shop.table("events", second, "event_id"),
                ["02", "03", "04", "06", "07", "08", "09", "10", "11", "12"]
            );
            assert_eq!(
                shop.table("events", third, "event_id event_time"),
                ["13 22.00:00:00", "14 22.00:00:00"]
            );
            assert_eq!(shop.table("spend", first, SPEND), ["ads a 100 10 5.00"]);
            assert_eq!(shop.table("spend", second, SPEND), ["ads a 100 10 6.00"]);

            // A session belongs to the day of its first event, and has all of its events.
            assert_eq!(
                shop.sessions_of_events(),
                [
                    "01 2026-11-20T23:50:00",
                    "02 2026-11-20T23:50:00",
                    "03 2026-11-20T23:50:00",
                    "04 2026-11-20T23:50:00",
                    "05 2026-11-20T23:59:59.999999",
                    "06 2026-11-20T23:59:59.999999",
                    "07 2026-11-21T00:00:00",
                    "08 2026-11-21T00:00:00",
                    "09 2026-11-21T00:00:00",
                    "10 2026-11-21T12:00:00",
                    "11 2026-11-21T23:59:59.999999",
                    "12 2026-11-21T23:59:59.999999",
                    "13 2026-11-21T23:59:59.999999",
                    "14 2026-11-22T00:00:00",
                ]
            );
            assert_eq!(
                shop.table("int_sessions", first, SESSIONS),
                [
                    "u1 20.23:50:00 21.00:20:00 4 2 false home item",
                    "u2 20.23:59:59.999999 21.00:00:00 2 0 false - -",
                ]
            );
            assert_eq!(
                shop.table("int_sessions", second, SESSIONS),
                [
                    "u2 21.23:59:59.999999 22.00:00:00 2 0 false - -",
                    "u3 21.00:00:00 21.00:00:02 3 0 false - -",
                    "u3 21.12:00:00 21.12:00:00 1 0 false - -",
                    "u3 21.23:59:59.999999 21.23:59:59.999999 1 0 false - -",
                ]
            );
            assert_eq!(
                shop.table("int_sessions", third, SESSIONS),
                ["u4 22.00:00:00 22.00:00:00 1 1 true home home"]
            );

            // u1's second page is seen on the 21st and belongs to the 20th, where its session began.
            assert_eq!(
                shop.table("int_page_views", first, VIEWS),
                [
                    "u1 1 20.23:50:00 home item 1200000000 true false false",
                    "u1 2 21.00:10:00 item - 30000000 false true false",
                ]
            );
            assert_eq!(shop.table("int_page_views", second, VIEWS), none);
            assert_eq!(
                shop.table("int_page_views", third, VIEWS),
                ["u4 1 22.00:00:00 home - - true true true"]
            );
            assert_eq!(
                shop.table("page_daily", first, PAGES),
                [
                    "home 1 1 1 0 0 0.0 0.0 1200000000.0",
                    "item 1 1 0 1 0 1.0 - 30000000.0",
                ]
            );
            assert_eq!(shop.table("page_daily", second, PAGES), none);
            assert_eq!(
                shop.table("page_daily", third, PAGES),
                ["home 1 1 1 1 1 1.0 1.0 -"]
            );
            assert_eq!(
                shop.table("page_flow", first, FLOW),
                ["home item 1 1.0", "item (exit) 1 1.0"]
            );
            assert_eq!(shop.table("page_flow", second, FLOW), none);
            assert_eq!(shop.table("page_flow", third, FLOW), ["home (exit) 1 1.0"]);

            // Events count on their own day, sessions on the day they begin. 20th: half an hour of u1
            // and a microsecond of u2. 21st: 1 µs, 2 s and twice nothing.
            assert_eq!(
                shop.table("daily_core", first, CORE),
                [
                    "all 2 2 1 0 0 0 0.00 1 0.0 0.0 900000000.5",
                    "android 1 1 0 0 0 0 0.00 1 0.0 - 1.0",
                    "ios 1 1 1 0 0 0 0.00 0 - 0.0 1800000000.0",
                ]
            );
            assert_eq!(
                shop.table("daily_core", second, CORE),
                [
                    "all 3 4 1 3 2 2 30.50 1 2.0 - 500000.25",
                    "android 1 1 0 1 0 0 0.00 0 - - 1.0",
                    "ios 2 3 1 2 2 2 30.50 1 2.0 - 666666.6666666666",
                ]
            );
            assert_eq!(
                shop.table("daily_core", third, CORE),
                [
                    "all 2 1 1 0 0 0 0.00 0 - 1.0 0.0",
                    "android 1 0 0 0 0 0 0.00 0 - - -",
                    "web 1 1 1 0 0 0 0.00 0 - 1.0 0.0",
                ]
            );

            assert_eq!(
                shop.funnel(first, "overall"),
                ["all mature 1: 1 1 1 0 0", "all same_day 1: 1 0 0 0 0"]
            );
            assert_eq!(
                shop.funnel(second, "platform"),
                ["ios mature 1: 1 1 1 1 1", "ios same_day 1: 1 1 1 1 1"]
            );
            assert_eq!(shop.funnel(third, "overall"), none);
        }
    }
}

#[tokio::test]
async fn the_day_of_23_hours() {
    // New York, 2026-03-08: at 02:00 it is 03:00.
    for layout_zone in LAYOUT_ZONES {
        let mut shop = Shop::new(Tz::America__New_York, layout_zone);
        // u1 enters half an hour before the short day. 24 hours later it is 00:30, two days on.
        shop.event("01", "2026-03-07 23:30:00", "u1", "ios", "exposure");
        shop.event("02", "2026-03-09 00:30:00", "u1", "ios", "click");
        shop.event("03", "2026-03-09 00:30:00.000001", "u1", "ios", "register");
        // u2: 02:30 did not happen; a clock that was not put forward showed it at 03:30. So 45 minutes
        // behind 01:45, and 20 before 03:50.
        shop.view("04", "2026-03-08 01:45:00", "u2", "ios", "home");
        shop.view("05", "2026-03-08 02:30:00", "u2", "ios", "item");
        shop.view("06", "2026-03-08 03:50:00", "u2", "ios", "cart");
        // u3: from 01:50 to 03:05 it is a quarter of an hour.
        shop.view("07", "2026-03-08 01:50:00", "u3", "ios", "home");
        shop.view("08", "2026-03-08 03:05:00", "u3", "ios", "item");
        // u4: the day has 23 hours, so its midnight lies within 24 hours, and 01:00 at their end.
        shop.event("09", "2026-03-08 00:00:00", "u4", "ios", "exposure");
        shop.event("10", "2026-03-08 23:59:59.999999", "u4", "ios", "click");
        shop.event("11", "2026-03-09 00:00:00", "u4", "ios", "register");
        shop.event("12", "2026-03-09 01:00:00", "u4", "ios", "add_to_cart");
        shop.event("13", "2026-03-09 01:00:00.000001", "u4", "ios", "pay");
        for date in ["2026-03-07", "2026-03-08", "2026-03-09"] {
            shop.spend(date, "1.00");
        }
        let (before, short, next) = ("2026-03-07", "2026-03-08", "2026-03-09");
        shop.night("2026-03-09 03:00").await;
        // Who entered late on the 7th may convert until 00:59 on the 9th, which is not complete.
        for day in [before, short] {
            assert_eq!(
                shop.funnel(day, "overall")[0],
                "all mature 1: - - - - -",
                "{layout_zone} {day}"
            );
        }
        shop.night("2026-03-10 03:00").await;
        assert_eq!(
            shop.funnel(before, "overall"),
            ["all mature 1: 1 1 0 0 0", "all same_day 1: 1 0 0 0 0"],
            "{layout_zone}"
        );
        assert_eq!(
            shop.funnel(short, "overall"),
            ["all mature 1: 1 1 1 1 0", "all same_day 1: 1 1 0 0 0"]
        );
        assert_eq!(shop.table("events", before, "event_id"), ["01"]);
        assert_eq!(
            shop.table("events", short, "event_id event_time"),
            [
                "04 08.01:45:00",
                "05 08.03:30:00",
                "06 08.03:50:00",
                "07 08.01:50:00",
                "08 08.03:05:00",
                "09 08.00:00:00",
                "10 08.23:59:59.999999",
            ]
        );
        assert_eq!(
            shop.table("events", next, "event_id"),
            ["02", "03", "11", "12", "13"]
        );
        assert_eq!(shop.table("spend", short, SPEND), ["ads a 100 10 1.00"]);
        assert_eq!(
            shop.table("int_sessions", short, SESSIONS),
            [
                "u2 08.01:45:00 08.01:45:00 1 1 true home home",
                "u2 08.03:30:00 08.03:50:00 2 2 false item cart",
                "u3 08.01:50:00 08.03:05:00 2 2 false home item",
                "u4 08.00:00:00 08.00:00:00 1 0 false - -",
                "u4 08.23:59:59.999999 09.00:00:00 2 0 false - -",
            ]
        );
        assert_eq!(
            shop.table("int_page_views", short, VIEWS),
            [
                "u2 1 08.01:45:00 home - - true true true",
                "u2 1 08.03:30:00 item cart 1200000000 true false false",
                "u2 2 08.03:50:00 cart - - false true false",
                "u3 1 08.01:50:00 home item 900000000 true false false",
                "u3 2 08.03:05:00 item - - false true false",
            ]
        );
        assert_eq!(
            shop.table("page_daily", short, PAGES),
            [
                "cart 1 1 0 1 0 1.0 - -",
                "home 2 2 2 1 1 0.5 0.5 900000000.0",
                "item 2 2 1 1 0 0.5 0.0 1200000000.0",
            ]
        );
        assert_eq!(
            shop.table("page_flow", short, FLOW),
            [
                "cart (exit) 1 1.0",
                "home (exit) 1 0.5",
                "home item 1 0.5",
                "item (exit) 1 0.5",
                "item cart 1 0.5",
            ]
        );
        // Five sessions: 0, 20 min, 15 min, 0, 1 µs; three of them with pages, one of one page.
        let core = "3 5 5 0 0 0 0.00 1 0.0 0.3333333333333333 420000000.2";
        assert_eq!(
            shop.table("daily_core", short, CORE),
            [format!("all {core}"), format!("ios {core}")]
        );
    }
}

#[tokio::test]
async fn the_day_of_25_hours() {
    // New York, 2026-11-01: at 02:00 it is 01:00 again.
    for layout_zone in LAYOUT_ZONES {
        let mut shop = Shop::new(Tz::America__New_York, layout_zone);
        // u1: a time that happens twice is the earlier one, so 01:10 of the second hour is 20 minutes on.
        shop.view("01", "2026-11-01 01:50:00", "u1", "ios", "home");
        shop.view("02", "2026-11-01T01:10:00-05:00", "u1", "ios", "item");
        // u2: the same time by the wall, an hour apart.
        shop.view("03", "2026-11-01 01:30:00", "u2", "ios", "home");
        shop.view("04", "2026-11-01T01:30:00-05:00", "u2", "ios", "home");
        // u3: 24 hours after midnight it is 23:00 of the same day; what comes later on it is too late.
        shop.event("05", "2026-11-01 00:00:00", "u3", "ios", "exposure");
        shop.event("06", "2026-11-01 22:59:59.999999", "u3", "ios", "click");
        shop.event("07", "2026-11-01 23:00:00", "u3", "ios", "register");
        shop.event(
            "08",
            "2026-11-01 23:00:00.000001",
            "u3",
            "ios",
            "add_to_cart",
        );
        // u4: from the long day's last microsecond to the next day's.
        shop.event("09", "2026-11-01 23:59:59.999999", "u4", "ios", "exposure");
        shop.event("10", "2026-11-02 23:59:59.999999", "u4", "ios", "click");
        for date in ["2026-11-01", "2026-11-02"] {
            shop.spend(date, "1.00");
        }
        let (long, next) = ("2026-11-01", "2026-11-02");
        shop.night("2026-11-02 03:00").await;
        assert_eq!(
            shop.funnel(long, "overall"),
            ["all mature 2: - - - - -", "all same_day 2: 2 1 1 0 0"],
            "{layout_zone}"
        );
        shop.night("2026-11-03 03:00").await;
        assert_eq!(
            shop.funnel(long, "overall"),
            ["all mature 2: 2 2 1 0 0", "all same_day 2: 2 1 1 0 0"],
            "{layout_zone}"
        );
        assert_eq!(shop.table("events", long, "event_id").len(), 9);
        assert_eq!(shop.table("events", next, "event_id"), ["10"]);
        assert_eq!(shop.table("spend", long, SPEND), ["ads a 100 10 1.00"]);
        assert_eq!(
            shop.table("int_sessions", long, SESSIONS),
            [
                "u1 01.01:50:00 01.01:10:00 2 2 false home item",
                "u2 01.01:30:00 01.01:30:00 1 1 true home home",
                "u2 01.01:30:00 01.01:30:00 1 1 true home home",
                "u3 01.00:00:00 01.00:00:00 1 0 false - -",
                "u3 01.22:59:59.999999 01.23:00:00.000001 3 0 false - -",
                "u4 01.23:59:59.999999 01.23:59:59.999999 1 0 false - -",
            ]
        );
        assert_eq!(
            shop.table("int_page_views", long, VIEWS),
            [
                "u1 1 01.01:50:00 home item 1200000000 true false false",
                "u1 2 01.01:10:00 item - - false true false",
                "u2 1 01.01:30:00 home - - true true true",
                "u2 1 01.01:30:00 home - - true true true",
            ]
        );
        assert_eq!(
            shop.table("page_daily", long, PAGES),
            [
                "home 3 2 3 2 2 0.6666666666666666 0.6666666666666666 1200000000.0",
                "item 1 1 0 1 0 1.0 - -",
            ]
        );
        assert_eq!(
            shop.table("page_flow", long, FLOW),
            [
                "home (exit) 2 0.6666666666666666",
                "home item 1 0.3333333333333333",
                "item (exit) 1 1.0",
            ]
        );
        // Six sessions: 20 min, 0, 0, 0, 2 µs, 0; three of them with pages, two of one page.
        let core = "4 6 4 1 0 0 0.00 2 0.0 0.6666666666666666 200000000.33333334";
        assert_eq!(
            shop.table("daily_core", long, CORE),
            [format!("all {core}"), format!("ios {core}")]
        );
    }
}
