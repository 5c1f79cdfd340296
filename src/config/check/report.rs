//! Reports and their sections.

use super::Checker;
use crate::config::raw::{GoodWord, ReportFile, SectionFile, ShapeWord, ValueFormatWord};
use crate::config::tree::Node;
use crate::config::words;
use crate::project::{Format, Good, LocalText, Section, SectionColumn, Shape};

/// Checks a report file; its title.
pub fn report(
    role: &str,
    raw: &ReportFile,
    node: &Node,
    checker: &mut Checker<'_>,
) -> Option<LocalText> {
    let before = checker.told();
    if let Some(other) = raw.role.as_deref().filter(|other| *other != role) {
        checker.tell(
            node.place_of("role"),
            format!(
                "`role` is {}, but the folder is `reports/{role}`",
                words::quoted(other)
            ),
            format!("write `role: {role}`, or rename the folder"),
        );
    }
    let title = checker.local_text(node, "title", raw.title.as_ref(), role);
    (checker.told() == before).then_some(title)
}

/// Checks a section file.
pub fn section(
    name: &str,
    sql_path: &str,
    raw: &SectionFile,
    node: &Node,
    checker: &mut Checker<'_>,
) -> Option<Section> {
    let before = checker.told();
    let list = node.get("columns");
    if list.is_some_and(|list| list.entries().is_empty()) {
        checker.tell(
            node.place_of("columns"),
            "the section has no column",
            "name every column that its select returns, such as `visitors: {format: count}`",
        );
    }
    let title = checker.local_text(node, "title", raw.title.as_ref(), name);
    let columns = raw
        .columns
        .iter()
        .flat_map(|columns| &columns.0)
        .filter_map(|(column, raw)| {
            let entry = list.and_then(|list| list.entry(column));
            checker.name(
                entry.map_or(node.place, |entry| entry.key_place),
                "a column",
                column,
            );
            let inner = entry.map_or(node, |entry| &entry.value);
            let label = raw
                .label
                .as_ref()
                .map(|label| checker.local_text(inner, "label", Some(label), column));
            let definition = raw
                .definition
                .as_ref()
                .map(|text| checker.local_text(inner, "definition", Some(text), column));
            Some(SectionColumn {
                name: column.clone(),
                format: match raw.format? {
                    ValueFormatWord::Text => Format::Text,
                    ValueFormatWord::Word => Format::Word,
                    ValueFormatWord::Date => Format::Date,
                    ValueFormatWord::Count => Format::Count,
                    ValueFormatWord::Percent => Format::Percent,
                    ValueFormatWord::Money => Format::Money,
                    ValueFormatWord::DurationUs => Format::DurationUs,
                    ValueFormatWord::Number => Format::Number,
                    ValueFormatWord::Points => Format::Points,
                    ValueFormatWord::Flag => Format::Flag,
                },
                good: match raw.good {
                    Some(GoodWord::Up) => Good::Up,
                    Some(GoodWord::Down) => Good::Down,
                    None | Some(GoodWord::Neutral) => Good::Neutral,
                },
                label,
                definition,
            })
        })
        .collect();
    let section = Section {
        name: name.to_owned(),
        yaml_path: checker.file.to_owned(),
        sql_path: sql_path.to_owned(),
        order: raw.order?,
        title,
        shape: match raw.shape? {
            ShapeWord::Numbers => Shape::Numbers,
            ShapeWord::Table => Shape::Table,
            ShapeWord::Funnel => Shape::Funnel,
            ShapeWord::Bars => Shape::Bars,
            ShapeWord::FunnelEnds => Shape::FunnelEnds,
            ShapeWord::TimeToConvert => Shape::TimeToConvert,
            ShapeWord::Flow => Shape::Flow,
            ShapeWord::HeatMap => Shape::HeatMap,
            ShapeWord::ScrollCurve => Shape::ScrollCurve,
        },
        columns,
    };
    (checker.told() == before).then_some(section)
}
