//! What changed in partitions that were published before: which key figures, from what to what, because of
//! which inputs.
//!
//! The record stands in the commit that republishes them, so that no crash can lose it, and once more in
//! `_loudou/restatements/<slot>.ndjson`, one partition a line, where it is read without the log.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::date_text;
use super::warehouse::Warehouse;
use crate::error::{Error, Result};

/// A partition that was published before and has other bytes now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restatement {
    /// Table.
    pub table: String,
    /// Its local day; absent for a table built whole.
    #[serde(with = "date_text::option")]
    pub date: Option<NaiveDate>,
    /// Whether what was said before was wrong, or only not final.
    pub kind: ChangeKind,
    /// The run's number.
    pub run: u64,
    /// The run's clock, RFC 3339.
    pub recorded_at: String,
    /// Whether the contract names the table's key figures: then they are told first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// Key figures that changed; none if other things did.
    pub figures: Vec<FigureChange>,
    /// Further changes of figures that are not told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_figures: usize,
    /// Why.
    pub causes: Vec<Cause>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Inputs or definitions are others than they were.
    Restatement,
    /// More days became complete, and nothing else: the value was not due before.
    Maturation,
}

impl ChangeKind {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restatement => "restatement",
            Self::Maturation => "maturation",
        }
    }
}

/// One key figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureChange {
    /// The column it is the sum of, or `rows`.
    pub figure: String,
    /// The rows it is of, such as `ios`, where figures are told apart; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// As it was published; absent where there was no such row, or it can no longer be read.
    pub before: Option<String>,
    /// As it is now; absent where there is no such row.
    pub after: Option<String>,
}

impl FigureChange {
    /// `paid_gmv (ios) 10.00 → 12.00`
    pub fn words(&self) -> String {
        let of = match self.of.is_empty() {
            true => String::new(),
            false => format!(" ({})", self.of),
        };
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_string());
        format!(
            "{}{of} {} → {}",
            self.figure,
            value(&self.before),
            value(&self.after)
        )
    }
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Which.
    pub kind: CauseKind,
    /// The table whose partitions or raw objects are the input; empty for a definition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// Days of those partitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<String>,
    /// How many raw objects.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub objects: usize,
    /// One of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// Reasons of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// New raw objects hold rows of a published day.
    LateObjects,
    /// Raw objects are others than they were.
    ChangedObjects,
    /// Raw objects are gone.
    VanishedObjects,
    /// Rows that an earlier run read and could not publish.
    HeldBackRows,
    /// Partitions it reads were restated.
    InputRestated,
    /// Days it reads that lie before its own, or on it, are published only now.
    InputFilled,
    /// The SQL, the contract or a view is another one.
    Definition,
    /// Neither inputs nor definitions differ.
    Unexplained,
    /// Partitions it reads matured.
    InputMatured,
    /// Later days it reads are published now.
    LaterDays,
    /// The last complete day is a later one.
    DaysComplete,
}

impl CauseKind {
    /// Whether time alone brings it.
    pub fn is_maturation(self) -> bool {
        matches!(
            self,
            Self::InputMatured | Self::LaterDays | Self::DaysComplete
        )
    }
}

impl Cause {
    /// Without inputs.
    pub fn of_kind(kind: CauseKind) -> Self {
        Self {
            kind,
            table: String::new(),
            dates: Vec::new(),
            objects: 0,
            example: None,
        }
    }

    /// For a person.
    pub fn words(&self) -> String {
        let objects = |which: &str| {
            let example = match (&self.example, self.objects) {
                (Some(only), 1) => format!(" ({only})"),
                (Some(first), _) => format!(" ({first}, …)"),
                (None, _) => String::new(),
            };
            let plural = if self.objects == 1 { "" } else { "s" };
            format!(
                "{}: {} {which} object{plural}{example}",
                self.table, self.objects
            )
        };
        let days = match self.dates.is_empty() {
            true => self.table.clone(),
            false => format!("{} {}", self.table, self.dates.join(", ")),
        };
        match self.kind {
            CauseKind::LateObjects => objects("late"),
            CauseKind::ChangedObjects => objects("changed"),
            CauseKind::VanishedObjects => objects("vanished"),
            CauseKind::HeldBackRows => {
                format!("{}: rows that an earlier run could not publish", self.table)
            }
            CauseKind::InputRestated => format!("{days} restated"),
            CauseKind::InputFilled => format!("{days} published since"),
            CauseKind::Definition => "another definition".to_string(),
            CauseKind::Unexplained => "the same inputs and definitions".to_string(),
            CauseKind::InputMatured => format!("{days} matured"),
            CauseKind::LaterDays => format!("{days} is there"),
            CauseKind::DaysComplete => "more days are complete".to_string(),
        }
    }
}

/// What the causes together make of a change.
pub fn kind_of(causes: &[Cause]) -> ChangeKind {
    let is_maturation = |cause: &Cause| cause.kind.is_maturation();
    match !causes.is_empty() && causes.iter().all(is_maturation) {
        true => ChangeKind::Maturation,
        false => ChangeKind::Restatement,
    }
}

const FOLDER: &str = "_loudou/restatements";

/// Writes what the commit of a slot restates; nothing where that is nothing.
pub(super) async fn write(
    warehouse: &Warehouse,
    slot: u64,
    restated: &[Restatement],
) -> Result<()> {
    if restated.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for restatement in restated {
        let line = serde_json::to_string(restatement)
            .map_err(|error| Error::Failed(format!("writing a restatement: {error}")))?;
        text.push_str(&line);
        text.push('\n');
    }
    warehouse
        .write_text(&format!("{FOLDER}/{slot:020}.ndjson"), &text)
        .await
}

/// Every restatement of a warehouse, in the order of publication.
pub async fn read_all(warehouse: &Warehouse) -> Result<Vec<Restatement>> {
    let mut found = Vec::new();
    for key in warehouse.list_texts(FOLDER, "ndjson").await? {
        let name = || warehouse.name_of(&key);
        let text = warehouse
            .read_text(&key)
            .await?
            .ok_or_else(|| Error::Failed(format!("{} cannot be read as text", name())))?;
        for line in text.lines() {
            found.push(
                serde_json::from_str(line)
                    .map_err(|error| Error::Failed(format!("{} is damaged ({error})", name())))?,
            );
        }
    }
    Ok(found)
}
