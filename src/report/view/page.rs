//! The whole page as one typed value.

use serde::Serialize;

use super::bars::bars;
use super::definitions::{DefinitionView, definitions};
use super::flow::flow;
use super::funnel::{Chains, funnel};
use super::funnel_ends::funnel_ends;
use super::heat_map::heat_map;
use super::matrix::matrix;
use super::numbers::{core, numbers};
use super::scroll_curve::scroll_curve;
use super::sentence::sentence;
use super::shapes::SEGMENT;
use super::status::{StatusView, status};
use super::table::table;
use super::time_to_convert::time_to_convert;
use super::{Charts, Maker, SectionView};
use crate::error::Result;
use crate::project::{Report, Shape};
use crate::report::input::RenderInput;
use crate::report::number::{Writer, clean, month_day};
use crate::report::section::Grid;
use crate::report::words::{Key, Words};

/// What `page.hbs` prints. `generated_at` and `revision` are filled in last: they lie outside the hash.
#[derive(Debug, Serialize)]
pub struct PageView {
    lang: &'static str,
    /// `11-21 周六 · 运营日报`
    title: String,
    /// `11-21`
    day: String,
    weekday: String,
    role_title: String,
    project: String,
    sentence: String,
    status: StatusView,
    sections: Vec<SectionView>,
    definitions: Vec<DefinitionView>,
    /// The day in full, `2026-11-21`.
    date: String,
    zone: String,
    currency: String,
    /// When the page was made, in the project's zone.
    pub generated_at: String,
    /// Start of the content hash.
    pub revision: String,
}

impl PageView {
    /// The document's title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The sentence read first.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// Builds the page from its sections' rows.
pub fn build(
    report: &Report,
    input: &RenderInput,
    words: &Words,
    grids: &[Grid],
) -> Result<(PageView, Charts)> {
    let maker = Maker {
        input,
        words,
        writer: Writer {
            words,
            currency: input.currency,
        },
    };
    let mut charts = Charts::default();
    let sections = grids
        .iter()
        .map(|grid| section(maker, grid, &mut charts))
        .collect::<Result<Vec<_>>>()?;
    let cores = match grids
        .iter()
        .find(|grid| grid.section.shape == Shape::Numbers)
    {
        Some(grid) => core(maker, grid)?,
        None => None,
    };
    let chains = grids
        .iter()
        .find(|grid| grid.section.shape == Shape::Funnel && grid.find(SEGMENT).is_none())
        .map(|grid| Chains::read(maker, grid))
        .transpose()?;
    let day = month_day(input.date);
    let weekday = maker.writer.weekday(input.date).to_owned();
    let role_title = report.title.get(input.locale).to_owned();
    let page = PageView {
        lang: input.locale.tag(),
        title: format!("{day} {weekday} · {role_title}"),
        day,
        weekday,
        role_title,
        project: clean(input.project_name, 40),
        sentence: sentence(maker, cores.as_deref(), chains.as_ref()),
        status: status(maker),
        sections,
        definitions: definitions(maker, report),
        date: input.date.to_string(),
        zone: input.zone.name().to_owned(),
        currency: input.currency.to_owned(),
        generated_at: String::new(),
        revision: String::new(),
    };
    Ok((page, charts))
}

fn section(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<SectionView> {
    let mut view = SectionView {
        name: grid.section.name.clone(),
        title: grid.section.title.get(maker.words.locale).to_owned(),
        numbers: None,
        table: None,
        panels: None,
        matrix: None,
        bars: None,
        empty: None,
    };
    let day = month_day(maker.input.date);
    let no_day = || maker.words.fill(Key::NoDay, &[("date", &day)]);
    if grid.rows.is_empty() {
        view.empty = Some(maker.words.get(Key::NoRows).to_owned());
        return Ok(view);
    }
    match grid.section.shape {
        Shape::Numbers if core(maker, grid)?.is_none() => view.empty = Some(no_day()),
        Shape::Numbers => view.numbers = Some(numbers(maker, grid, charts)?),
        Shape::Table => view.table = Some(table(maker, grid)),
        Shape::Bars => view.bars = Some(bars(maker, grid, charts)?),
        Shape::Funnel if grid.find(SEGMENT).is_some() => {
            view.matrix = matrix(maker, grid, charts)?;
        }
        Shape::Funnel => view.panels = funnel(maker, grid, charts)?,
        Shape::FunnelEnds => view.panels = funnel_ends(maker, grid, charts)?,
        Shape::TimeToConvert => view.panels = time_to_convert(maker, grid, charts)?,
        Shape::Flow => view.panels = Some(flow(maker, grid, charts)?),
        Shape::HeatMap => view.panels = Some(heat_map(maker, grid, charts)?),
        Shape::ScrollCurve => view.panels = Some(scroll_curve(maker, grid, charts)?),
    }
    let is_funnel = matches!(
        grid.section.shape,
        Shape::Funnel | Shape::FunnelEnds | Shape::TimeToConvert
    );
    if is_funnel && view.panels.is_none() && view.matrix.is_none() {
        view.empty = Some(no_day());
    }
    Ok(view)
}
