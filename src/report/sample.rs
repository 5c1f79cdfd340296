//! Made-up rows of a section's declared columns, so that `check` can walk a page's templates without
//! data. They are never shown to a reader.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate};

use super::input::{MissingPartition, RenderInput, SourceStatus};
use super::section::{Cell, Grid};
use super::view::{BREAKDOWN, LEVEL, SEGMENT};
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
        (true, Shape::Funnel | Shape::FunnelEnds | Shape::TimeToConvert) => ["same_day", "mature"]
            .iter()
            .flat_map(|basis| (1..=3).map(move |step| row(section, step, basis)))
            .collect(),
        (true, Shape::Numbers) => vec![row(section, 0, ""), row(section, 7, "")],
        (true, Shape::HeatMap) => (0..3).map(|at| row(section, at, "")).collect(),
        // A block, then depths.
        (true, Shape::ScrollCurve) => (0..3).map(|at| row(section, at, "")).collect(),
        // More than a page shows, so that it says so.
        (true, Shape::Table | Shape::Bars | Shape::Flow) => {
            (0..201).map(|at| row(section, at, "")).collect()
        }
    };
    Grid { section, rows }
}

fn row(section: &Section, at: i64, basis: &str) -> Vec<Cell> {
    section
        .columns
        .iter()
        .map(|column| match (section.shape, column.name.as_str()) {
            (Shape::Funnel | Shape::FunnelEnds | Shape::TimeToConvert, name) => {
                step_cell(section.shape, name, column.format, at, basis)
            }
            (Shape::Flow, LEVEL) => Cell::Int(1),
            (Shape::HeatMap | Shape::ScrollCurve, name) => page_cell(section.shape, name, at),
            (Shape::Numbers, "date") => Cell::Date(DAY - Days::new(at.unsigned_abs())),
            _ => value(column.format, at),
        })
        .collect()
}

/// Three entrants of whom one ends at each step; the last step of a plain funnel is not yet due.
fn step_cell(shape: Shape, column: &str, format: Format, at: i64, basis: &str) -> Cell {
    let text = |text: &str| Cell::Text(text.to_owned());
    match (shape, column) {
        (_, "basis") => text(basis),
        (_, "step_no") => Cell::Int(at),
        (_, "funnel" | SEGMENT | BREAKDOWN) => text("sample"),
        (_, "date") => Cell::Date(DAY),
        (Shape::Funnel, "reached") if at == 3 => Cell::Null,
        (Shape::FunnelEnds, "entrants") => Cell::Int(3),
        (Shape::FunnelEnds, "reached") => Cell::Int(4 - at),
        (Shape::FunnelEnds, "entities") => Cell::Int(1),
        (Shape::FunnelEnds, "end_state") => text(match at {
            1 => "elsewhere",
            2 => "timed_out",
            _ => "converted",
        }),
        _ => value(format, at),
    }
}

/// A page of one block: two tapped cells, or two depths below the block's row.
fn page_cell(shape: Shape, column: &str, at: i64) -> Cell {
    let is_block = at == 0;
    match column {
        "page" | "screen_class" => Cell::Text("sample".to_owned()),
        "block" if is_block => Cell::Text("sample".to_owned()),
        "from_pct" if is_block => Cell::Int(0),
        "to_pct" if is_block => Cell::Int(100),
        "reached_share" => Cell::Real(1.0 / (at + 1) as f64),
        "grid_x" | "grid_y" | "taps" | "views_reaching" if !is_block => Cell::Int(at),
        "scroll_pct" if !is_block && shape == Shape::ScrollCurve => Cell::Int(at * 50),
        _ => Cell::Null,
    }
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
