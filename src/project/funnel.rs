//! A declared funnel.

use super::{Duration, LocalText};

/// The tables that the funnels of a project may fill.
pub const FUNNEL_TABLES: [&str; 5] = [
    "funnel_totals",
    "funnel_steps",
    "funnel_ends",
    "funnel_fields",
    "funnel_leverage",
];

/// A funnel declared in YAML; compiled to SQL by [`crate::analysis`](../../analysis/index.html).
#[derive(Debug, Clone)]
pub struct Funnel {
    /// Name, unique in the project.
    pub name: String,
    /// What people read; the name where none is declared.
    pub title: LocalText,
    /// Table it runs on.
    pub on: String,
    /// Entity column, `user_id` unless declared.
    pub entity: String,
    /// From the first step, inclusive.
    pub window: Duration,
    /// Which events may stand between the steps.
    pub order: StepOrder,
    /// 1 to 32 steps, their fields counted.
    pub steps: Vec<Step>,
    /// Events that end chains.
    pub exclusions: Vec<Exclusion>,
    /// Columns whose values are the same along a chain.
    pub same: Vec<String>,
    /// Column that names the event which took an entrant elsewhere.
    pub next: Option<String>,
    /// Column of the last step's event that is worth something.
    pub value: Option<String>,
    /// Breakdowns; `overall` is always there too.
    pub by: Vec<Breakdown>,
    /// File (relative to the root), line and column of the declaration, for messages about its SQL.
    pub place: (String, usize, usize),
}

impl Funnel {
    /// All conditions with what they are called in messages.
    pub fn conditions(&self) -> impl Iterator<Item = (String, &Condition)> {
        let steps = self.steps.iter().flat_map(|step| {
            let fields = step.fields.iter().map(|field| {
                let what = format!("step {}, field {}", step.name, field.name);
                (what, &field.when)
            });
            std::iter::once((format!("step {}", step.name), &step.when)).chain(fields)
        });
        let exclusions = self
            .exclusions
            .iter()
            .enumerate()
            .map(|(at, exclusion)| (format!("exclusion {}", at + 1), &exclusion.when));
        steps.chain(exclusions)
    }
}

/// Which events may stand between the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOrder {
    /// Any.
    Ordered,
    /// None.
    Strict,
    /// Steps count in whatever order they come.
    Any,
}

/// An SQL condition over the table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The text.
    pub sql: String,
    /// File, line and column of its first character.
    pub place: (String, usize, usize),
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Name, unique in the funnel.
    pub name: String,
    /// What people read.
    pub title: LocalText,
    /// What an event of it meets.
    pub when: Condition,
    /// How long after the required step before it, inclusive.
    pub within: Option<Duration>,
    /// Counted, but nobody needs it to go on.
    pub is_optional: bool,
    /// Golden step rate (0..=1), if declared.
    pub golden: Option<f64>,
    /// Fields of the form that leads to it, in order.
    pub fields: Vec<StepField>,
}

/// A field of a step's form.
#[derive(Debug, Clone)]
pub struct StepField {
    /// Name, unique in the step.
    pub name: String,
    /// What people read.
    pub title: LocalText,
    /// What an event of it meets.
    pub when: Condition,
}

/// An event that ends chains.
#[derive(Debug, Clone)]
pub struct Exclusion {
    /// What it meets.
    pub when: Condition,
    /// Position of the step after which it counts.
    pub after: usize,
    /// Position of the step before which it counts.
    pub before: usize,
    /// Whether the entity leaves the funnel altogether.
    pub drops: bool,
}

/// What entrants are told apart by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakdown {
    /// Columns taken together: of the funnel's table, or of `segments`.
    pub columns: Vec<String>,
    /// Where along the chain their values are taken.
    pub at: BreakdownAt,
    /// Segments with fewer entrants a day are put together.
    pub at_least: Option<u64>,
    /// The table that says to which segment an entity belongs.
    pub segments: Option<SegmentTable>,
}

impl Breakdown {
    /// As the tables name it.
    pub fn name(&self) -> String {
        let columns = self.columns.join(",");
        match self.at {
            BreakdownAt::First => columns,
            BreakdownAt::Last => format!("{columns}@last"),
            BreakdownAt::Each => format!("{columns}@each"),
        }
    }
}

/// A table of segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTable {
    /// Its name.
    pub table: String,
    /// Whether it has a row per entity and date.
    pub by_date: bool,
}

/// Where a breakdown takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakdownAt {
    /// At the first step of the chain.
    First,
    /// At the furthest required step reached.
    Last,
    /// At each: the events of each value are a funnel of their own.
    Each,
}
