//! Which columns a section of each shape has.

use crate::project::{Format, Shape};

/// A column's name and the formats it may have.
pub type ColumnRule = (&'static str, &'static [Format]);

/// A section of a funnel that declares this column compares segments instead of bases.
pub const SEGMENT: &str = "segment";
/// By which columns the segments are made; it names them and finds the names of their values.
pub const BREAKDOWN: &str = "breakdown";
/// A flow that declares this column first runs over several levels.
pub const LEVEL: &str = "level";

const NAME: &[Format] = &[Format::Word, Format::Text];
const DATE: &[Format] = &[Format::Date];
const COUNT: &[Format] = &[Format::Count];
const FLAG: &[Format] = &[Format::Flag];
const PERCENT: &[Format] = &[Format::Percent];
const DURATION: &[Format] = &[Format::DurationUs];

/// Columns that a shape needs, with what they must be.
pub fn needed_columns(shape: Shape) -> &'static [ColumnRule] {
    match shape {
        Shape::Numbers => &[("date", DATE)],
        Shape::Funnel => &[
            ("date", DATE),
            ("funnel", NAME),
            ("basis", NAME),
            ("is_mature", FLAG),
            ("step_no", COUNT),
            ("step", NAME),
            ("entrants", COUNT),
            ("reached", COUNT),
            ("step_rate", PERCENT),
            ("overall_rate", PERCENT),
        ],
        Shape::FunnelEnds => &[
            ("date", DATE),
            ("funnel", NAME),
            ("basis", NAME),
            ("is_mature", FLAG),
            ("step_no", COUNT),
            ("step", NAME),
            ("entrants", COUNT),
            ("reached", COUNT),
            ("end_state", NAME),
            ("next_event", NAME),
            ("entities", COUNT),
        ],
        Shape::TimeToConvert => &[
            ("date", DATE),
            ("funnel", NAME),
            ("basis", NAME),
            ("is_mature", FLAG),
            ("step_no", COUNT),
            ("step", NAME),
            ("reached", COUNT),
            ("median_us", DURATION),
            ("p90_us", DURATION),
        ],
        Shape::HeatMap => &[
            ("page", NAME),
            ("screen_class", NAME),
            ("block", NAME),
            ("from_pct", COUNT),
            ("to_pct", COUNT),
            ("grid_x", COUNT),
            ("grid_y", COUNT),
            ("taps", COUNT),
        ],
        Shape::ScrollCurve => &[
            ("page", NAME),
            ("block", NAME),
            ("from_pct", COUNT),
            ("to_pct", COUNT),
            ("scroll_pct", COUNT),
            ("views_reaching", COUNT),
            ("reached_share", PERCENT),
        ],
        Shape::Table | Shape::Bars | Shape::Flow => &[],
    }
}

/// Columns that a shape may have beside those it needs; `None` where any are shown.
pub fn further_columns(shape: Shape) -> Option<&'static [ColumnRule]> {
    match shape {
        Shape::Funnel => Some(&[
            (SEGMENT, NAME),
            (BREAKDOWN, NAME),
            ("step_rate_low", PERCENT),
            ("step_rate_high", PERCENT),
            ("overall_rate_low", PERCENT),
            ("overall_rate_high", PERCENT),
        ]),
        Shape::FunnelEnds | Shape::HeatMap | Shape::ScrollCurve => Some(&[]),
        Shape::TimeToConvert => Some(&[
            ("median_from_entry_us", DURATION),
            ("p90_from_entry_us", DURATION),
        ]),
        Shape::Numbers | Shape::Table | Shape::Bars | Shape::Flow => None,
    }
}

/// Ends of an interval, which only say something together and beside segments.
pub const INTERVALS: [(&str, &str); 2] = [
    ("step_rate_low", "step_rate_high"),
    ("overall_rate_low", "overall_rate_high"),
];

/// Columns that the shape itself names on the page, by the locale files' labels.
pub fn own_labels(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::FunnelEnds => &["step", "end_state", "entities"],
        Shape::TimeToConvert => &["step", "reached", "median_us", "p90_us"],
        Shape::Funnel
        | Shape::Numbers
        | Shape::Table
        | Shape::Bars
        | Shape::Flow
        | Shape::HeatMap
        | Shape::ScrollCurve => &[],
    }
}

/// Whether the shape writes no label of a declared column.
pub fn names_its_own(shape: Shape) -> bool {
    matches!(
        shape,
        Shape::Funnel | Shape::FunnelEnds | Shape::TimeToConvert
    )
}
