//! What every number on the page means.

use serde::Serialize;

use super::Maker;
use super::shapes::LEVEL;
use crate::project::{Format, Report, Section, Shape};

/// One number's meaning.
#[derive(Debug, Serialize)]
pub struct DefinitionView {
    label: String,
    text: String,
}

/// Terms that a section shows and that need a label and a definition, by name.
pub fn shape_terms(section: &Section) -> Vec<&str> {
    let columns = section
        .columns
        .iter()
        .filter(|column| match column.format {
            Format::Count
            | Format::Percent
            | Format::Money
            | Format::DurationUs
            | Format::Number
            | Format::Points => true,
            Format::Text | Format::Word | Format::Date | Format::Flag => false,
        })
        .map(|column| column.name.as_str());
    match section.shape {
        Shape::Numbers => columns.chain(["vs_yesterday", "vs_same_weekday"]).collect(),
        Shape::Table | Shape::Bars | Shape::Flow => {
            columns.filter(|column| *column != LEVEL).collect()
        }
        Shape::FunnelEnds => vec!["entrants", "reached", "end_state", "same_day", "mature"],
        Shape::TimeToConvert => vec!["reached", "median_us", "p90_us", "same_day", "mature"],
        Shape::HeatMap => vec!["taps"],
        Shape::ScrollCurve => vec!["views_reaching", "reached_share"],
        Shape::Funnel => vec![
            "entrants",
            "reached",
            "step_rate",
            "drop_off",
            "overall_rate",
            "same_day",
            "mature",
        ],
    }
}

/// Each term once, in the order of the page.
pub fn definitions(maker: Maker, report: &Report) -> Vec<DefinitionView> {
    let mut seen: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for section in &report.sections {
        for term in shape_terms(section) {
            if seen.contains(&term) {
                continue;
            }
            seen.push(term);
            let column = section.columns.iter().find(|column| column.name == term);
            let label = column.map_or_else(
                || maker.words.label(term, None).unwrap_or(term),
                |column| maker.label(column),
            );
            let own = column.and_then(|column| column.definition.as_ref());
            let text = own.map_or_else(
                || maker.words.definition(term).unwrap_or(""),
                |text| text.get(maker.words.locale),
            );
            out.push(DefinitionView {
                label: label.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    out
}
