//! The YAML files as a person writes them: serde types, one file per kind of file. Their doc comments
//! are what the JSON Schema says and what a missing key's message explains; names and values are
//! still text here and are checked in [`super::check`].
//!
//! A required key is an `Option` with `#[schemars(required)]`: its absence is told once, by the schema,
//! and what else stands beside it is still read and checked.

mod check_file;
mod contract_file;
mod funnel_file;
mod ordered;
mod pipeline_file;
mod project_file;
mod report_file;
mod scalar;
mod store_file;

pub use check_file::{
    AgainstWord, ColumnCheckFile, ColumnCheckMapping, FreshnessFile, RelationshipFile,
    RowCountFile, SeverityWord, SqlFile, TableCheckFile,
};
pub use contract_file::{BuildWord, ContractColumnFile, ContractFile, KeyFiguresFile, ReadsFile};
pub use funnel_file::{
    AtFile, ExclusionFile, FunnelFile, GroupingFile, OrderFile, StepFieldFile, StepFile, ThenFile,
};
pub use ordered::Ordered;
pub use pipeline_file::{
    ColumnFile, CompleteWhenFile, DuplicatesWord, FormatWord, LayoutZoneWord, LimitsFile,
    PipelineFile, RuleWord, SourceFile, SourceFreshnessFile, TimeFile,
};
pub use project_file::{LocaleWord, ProjectFile};
pub use report_file::{
    GoodWord, LocalTextFile, ReportFile, SectionFile, ShapeWord, ValueFormatWord,
};
pub use scalar::{Listed, Ratio};
pub use store_file::{AddressingWord, ConditionalWritesWord, StoreFile};
