//! Made-up rows of a section's declared columns, so that `check` can walk a page's templates without
//! data. They are never shown to a reader.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate};

use super::input::{MissingPartition, RenderInput, SourceStatus};
use super::section::{Cell, Grid};
use super::view::SEGMENT;
use crate::project::{Format, Locale, Section, Shape};

/// The made-up day.
const DAY: NaiveDate = match NaiveDate::from_epoch_days(0) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Facts of a made-up page.
pub fn input(locale: Locale) -> RenderInput<'static> {
    RenderInput {
        project_name: "sample",
        date: DAY,
        locale,
        currency: "CNY",
        zone: chrono_tz::Tz::UTC,
        complete_through: DAY,
        sources: vec![SourceStatus {
            name: "sample".to_owned(),
            lines: 3,
            rows: 1,
            duplicates: 1,
            quarantined: 1,
            missing_hours: vec![3],
            has_no_object: false,
        }],
        missing: vec![MissingPartition {
            table: "sample".to_owned(),
            date: DAY,
        }],
        funnels: BTreeMap::new(),
        generated_at: DateTime::UNIX_EPOCH,
    }
}

/// Rows of a made-up section: two days or three steps with every state, or none.
pub fn grid(section: &Section, is_full: bool) -> Grid<'_> {
    let rows = match (is_full, section.shape) {
        (false, _) => Vec::new(),
        (true, Shape::Funnel) => ["same_day", "mature"]
            .iter()
            .flat_map(|basis| (1..=3).map(move |step| row(section, step, basis)))
            .collect(),
        (true, Shape::Numbers) => vec![row(section, 0, ""), row(section, 7, "")],
        // More than a page shows, so that it says so.
        (true, Shape::Table | Shape::Bars) => (0..201).map(|at| row(section, at, "")).collect(),
    };
    Grid { section, rows }
}

fn row(section: &Section, at: i64, basis: &str) -> Vec<Cell> {
    section
        .columns
        .iter()
        .map(|column| match (section.shape, column.name.as_str()) {
            (Shape::Funnel, "basis") => Cell::Text(basis.to_owned()),
            (Shape::Funnel, "step_no") => Cell::Int(at),
            (Shape::Funnel, "funnel" | SEGMENT) => Cell::Text("sample".to_owned()),
            (Shape::Funnel, "date") => Cell::Date(DAY),
            (Shape::Funnel, "reached") if at == 3 => Cell::Null,
            (Shape::Numbers, "date") => Cell::Date(DAY - Days::new(at.unsigned_abs())),
            _ => value(column.format, at),
        })
        .collect()
}

fn value(format: Format, at: i64) -> Cell {
    match format {
        Format::Text | Format::Word => Cell::Text(format!("sample {at}")),
        Format::Date => Cell::Date(DAY),
        Format::Flag => Cell::Flag(true),
        Format::Count => Cell::Int(at),
        Format::Percent => Cell::Real(0.5),
        Format::Points => Cell::Real(-0.05),
        Format::Money => Cell::Decimal {
            unscaled: i128::from(at) * 100,
            scale: 2,
        },
        Format::DurationUs | Format::Number => Cell::Real(at as f64 * 1e6),
    }
}
