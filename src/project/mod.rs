//! What a valid project is: checked types, no I/O. [`crate::config`] is what a person wrote;
//! whatever reaches these types has passed every check that needs no SQL, so nothing behind them
//! validates again.

mod check;
mod contract;
mod data_type;
mod duration;
mod funnel;
mod layout_hours;
mod limits;
mod line_format;
mod local_day;
mod memory;
mod report;
mod source;
mod store;

pub use check::{
    CheckQuery, ColumnCheck, ColumnRule, Earlier, Relationship, Severity, SourceFreshness,
    TableCheck, TableRule,
};
pub use contract::{Before, Build, ColumnContract, Contract, KeyFigures, Reads};
pub use data_type::{DataType, ElementType};
pub use duration::{DAY_US, Duration, HOUR_US, MINUTE_US, SECOND_US};
pub use funnel::{
    Breakdown, BreakdownAt, Condition, Exclusion, FUNNEL_TABLES, Funnel, SegmentTable, Step,
    StepField, StepOrder,
};
pub use layout_hours::{LayoutHour, layout_dates, layout_hours};
pub use limits::Limits;
pub use line_format::{
    BadPattern, COMBINED_FIELDS, COMBINED_TIME, COMMON_FIELD_COUNT, LinePattern,
};
pub use local_day::{LocalDays, date32, day_start_us, days_reached, from_date32, local_to_us};
pub use memory::{LEAST_MEMORY_BYTES, Memory};
pub use report::{Format, Good, LocalText, Locale, Report, Section, SectionColumn, Shape};
pub use source::{
    Allowed, Column, CompleteWhen, Duplicates, FileFormat, LayoutZone, Needs, Rule, Source,
    TimeFormat, TimeSpec, date_folder,
};
pub use store::{ConditionalWrites, StoreSettings, Stores};

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono_tz::Tz;

/// A whole project, checked.
#[derive(Debug, Clone)]
pub struct Project {
    /// Folder that holds `pipelines/_project.yaml`, canonical.
    pub root: PathBuf,
    /// `project:`; lower-case letters, digits, `_`.
    pub name: String,
    /// Days are days of this zone.
    pub zone: Tz,
    /// Language of the reports unless asked otherwise.
    pub locale: Locale,
    /// ISO 4217 code; money columns are in it.
    pub currency: String,
    /// Where published tables go: an absolute URL ending in `/`.
    pub warehouse: String,
    /// How its store is reached.
    pub warehouse_store: StoreSettings,
    /// A bare `run` goes back at most this many days.
    pub catch_up_days: u32,
    /// What a run may hold in memory.
    pub memory: Memory,
    /// By name; the name is the table's name.
    pub sources: BTreeMap<String, Source>,
    /// By name.
    pub funnels: BTreeMap<String, Funnel>,
    /// Contract of each SQL model by model name, with the path of its `.sql` file.
    pub contracts: BTreeMap<String, Contract>,
    /// Roles to render, in declared order.
    pub reports: Vec<Report>,
}
