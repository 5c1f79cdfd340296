//! A report with a section of every shape, and its rows, made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use chrono::Days;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::fixture::{day, files, operations};
use super::fixture_behaviour::wilson;
use crate::error::Result;
use crate::project::{Format, Good, LocalText, Locale, Report, Section, SectionColumn, Shape};
use crate::report::section::Cell;
use crate::report::{ReportFiles, SectionRows};

/// The report's day.
pub const DATE: &str = "2026-11-21";

fn section(
    order: i64,
    name: &str,
    (zh, en): (&str, &str),
    shape: Shape,
    columns: &[(&str, Format)],
) -> Section {
    Section {
        name: name.to_owned(),
        yaml_path: format!("reports/operations/sections/{name}.yaml"),
        sql_path: format!("sql/reports/operations/{name}.sql"),
        order,
        title: LocalText {
            by_locale: BTreeMap::from([(Locale::ZhCn, zh.to_owned()), (Locale::En, en.to_owned())]),
            fallback: String::new(),
        },
        shape,
        columns: columns
            .iter()
            .map(|(name, format)| SectionColumn {
                name: (*name).to_owned(),
                format: *format,
                good: Good::Neutral,
                label: None,
                definition: None,
            })
            .collect(),
    }
}

pub fn report() -> Report {
    use Format::{Count, Date, DurationUs, Flag, Percent, Word};
    let step = [
        ("date", Date),
        ("funnel", Word),
        ("basis", Word),
        ("is_mature", Flag),
        ("step_no", Count),
        ("step", Word),
    ];
    let with = |more: &[(&'static str, Format)]| [step.as_slice(), more].concat();
    let ends = with(&[
        ("entrants", Count),
        ("reached", Count),
        ("end_state", Word),
        ("next_event", Word),
        ("entities", Count),
    ]);
    let times = with(&[
        ("reached", Count),
        ("median_us", DurationUs),
        ("p90_us", DurationUs),
        ("median_from_entry_us", DurationUs),
    ]);
    let segments = with(&[
        ("entrants", Count),
        ("reached", Count),
        ("step_rate", Percent),
        ("step_rate_low", Percent),
        ("step_rate_high", Percent),
        ("overall_rate", Percent),
        ("overall_rate_low", Percent),
        ("overall_rate_high", Percent),
        ("segment", Word),
        ("breakdown", Word),
    ]);
    let flow = [("page", Word), ("next_page", Word), ("views", Count)];
    let path = [
        ("level", Count),
        ("page", Word),
        ("next_page", Word),
        ("views", Count),
    ];
    let block = [("block", Word), ("from_pct", Count), ("to_pct", Count)];
    let heat = [
        [("page", Word), ("screen_class", Word)].as_slice(),
        &block,
        &[("grid_x", Count), ("grid_y", Count), ("taps", Count)],
    ]
    .concat();
    let scroll = [
        [("page", Word)].as_slice(),
        &block,
        &[
            ("scroll_pct", Count),
            ("views_reaching", Count),
            ("reached_share", Percent),
        ],
    ]
    .concat();
    let sections = vec![
        section(
            1,
            "ends",
            ("购物漏斗 · 去向", "Shop funnel: ends"),
            Shape::FunnelEnds,
            &ends,
        ),
        section(
            2,
            "times",
            ("转化时长", "Time to convert"),
            Shape::TimeToConvert,
            &times,
        ),
        section(
            3,
            "segments",
            ("按渠道拆解", "By channel"),
            Shape::Funnel,
            &segments,
        ),
        section(4, "flow", ("页面流向", "Page flow"), Shape::Flow, &flow),
        section(
            5,
            "paths",
            ("前三页", "First three pages"),
            Shape::Flow,
            &path,
        ),
        section(
            6,
            "heat",
            ("商品页点击热区", "Taps on the product page"),
            Shape::HeatMap,
            &heat,
        ),
        section(
            7,
            "scroll",
            ("浏览深度", "Scroll depth"),
            Shape::ScrollCurve,
            &scroll,
        ),
    ];
    Report {
        sections,
        ..operations()
    }
}

pub fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A cell as its column's format reads it; `-` is null.
fn cell(format: Format, word: &str) -> Cell {
    if word == "-" {
        return Cell::Null;
    }
    match format {
        Format::Count => Cell::Int(word.parse().unwrap()),
        Format::Percent | Format::DurationUs => Cell::Real(word.parse().unwrap()),
        Format::Flag => Cell::Flag(word == "due"),
        Format::Date => Cell::Date(day(word)),
        _ => text(word),
    }
}

/// Rows of a section as lines of words.
fn lines(section: &Section, lines: &str) -> Vec<Vec<Cell>> {
    lines
        .lines()
        .map(words)
        .filter(|words| !words.is_empty())
        .map(|words| {
            assert_eq!(words.len(), section.columns.len(), "{words:?}");
            let columns = section.columns.iter().zip(words);
            columns
                .map(|(column, word)| cell(column.format, word))
                .collect()
        })
        .collect()
}

/// Steps 1 to 4 of the shop funnel; who stops at each, by state.
const ENDS: &str = "
    1 exposure    10000 10000 elsewhere search           1800
    1 exposure    10000 10000 elsewhere page_view        1100
    1 exposure    10000 10000 elsewhere article_open      700
    1 exposure    10000 10000 elsewhere course_view       300
    1 exposure    10000 10000 elsewhere tap               100
    1 exposure    10000 10000 gone      (none)           1500
    2 click       10000  4500 elsewhere page_view         800
    2 click       10000  4500 gone      (none)           1000
    2 click       10000  4500 timed_out (none)            250
    2 click       10000  4500 excluded  (none)            150
    3 register    10000  2300 gone      (none)            900
    3 register    10000  2300 timed_out (none)            100
    4 core_action 10000  1300 elsewhere search             50
    4 core_action 10000  1300 gone      (none)            650
    5 pay         10000   600 converted (none)            600";

fn ends(section: &Section) -> Vec<Vec<Cell>> {
    let mature = (day(DATE) - Days::new(3)).to_string();
    let young = (day(DATE) - Days::new(1)).to_string();
    let mut all = String::new();
    for line in ENDS.lines().skip(1) {
        all += &format!("{DATE} shop same_day due {line}\n");
        all += &format!("{mature} shop mature due {line}\n");
    }
    all += &format!("{young} shop mature no 1 exposure 900 900 open (none) 900\n");
    // A step where nobody ended.
    all += &format!("{young} shop mature no 2 click 900 400 - - -\n");
    lines(section, &all)
}

fn times(section: &Section) -> Vec<Vec<Cell>> {
    let mature = (day(DATE) - Days::new(3)).to_string();
    let mut all = String::new();
    for (entered, basis, slow) in [(DATE, "same_day", 1), (&mature, "mature", 9)] {
        let rows = [
            ("exposure", 10000, None),
            ("click", 4500, Some((4_200_000, 41_000_000))),
            ("register", 2300, Some((52_000_000, 610_000_000))),
            ("core_action", 1300, Some((301_000_000, 5_400_000_000_i64))),
            ("pay", 600, Some((620_000_000, 10_000_000_000))),
        ];
        for (at, (step, reached, time)) in rows.iter().enumerate() {
            let time = time.map_or("- - -".to_owned(), |(median, p90)| {
                format!("{median} {} {}", p90 * slow, median * 2)
            });
            all += &format!(
                "{entered} shop {basis} due {} {step} {reached} {time}\n",
                at + 1
            );
        }
    }
    lines(section, &all)
}

fn segments(section: &Section) -> Vec<Vec<Cell>> {
    let steps = ["exposure", "click", "register", "core_action", "pay"];
    let mut all = String::new();
    for (segment, counts) in [
        ("douyin", [21_870, 11_640, 4_873, 2_912, 1_135]),
        ("search", [9_410, 5_950, 3_100, 2_050, 960]),
        ("community", [1_204, 820, 510, 390, 201]),
        ("(other)", [86, 40, 18, 9, 0]),
    ] {
        for (at, step) in steps.iter().enumerate() {
            let (entered, reached) = (counts[0], counts[at]);
            let rates = |whole: i64| {
                let (low, high) = wilson(Some(reached), Some(whole)).unwrap();
                format!("{} {low} {high}", reached as f64 / whole as f64)
            };
            let rates = match at {
                0 => "- - - 1 1 1".to_owned(),
                _ => format!("{} {}", rates(counts[at - 1]), rates(entered)),
            };
            all += &format!(
                "{DATE} shop same_day due {} {step} {entered} {reached} {rates} {segment} channel\n",
                at + 1
            );
        }
    }
    // Not yet due from the third step on.
    for (at, step) in steps.iter().enumerate() {
        let counts = if at < 2 {
            "300 0.5 0.45 0.55 0.5 0.45 0.55"
        } else {
            "- - - - - - -"
        };
        let counts = if at == 0 { "600 - - - 1 1 1" } else { counts };
        all += &format!(
            "{DATE} shop same_day no {} {step} 600 {counts} kol channel\n",
            at + 1
        );
    }
    lines(section, &all)
}

pub const FLOW: [(&str, &[(&str, i64)]); 10] = [
    (
        "home",
        &[
            ("product", 21000),
            ("category", 11000),
            ("coupon", 3000),
            ("profile", 2200),
            ("cart", 2000),
            ("(exit)", 15900),
        ],
    ),
    (
        "product",
        &[
            ("home", 19000),
            ("product", 7000),
            ("cart", 11000),
            ("checkout", 1900),
            ("(exit)", 8600),
        ],
    ),
    (
        "category",
        &[
            ("product", 16000),
            ("home", 5100),
            ("category", 4000),
            ("(exit)", 5600),
        ],
    ),
    (
        "cart",
        &[
            ("checkout", 7800),
            ("product", 3000),
            ("home", 1200),
            ("(exit)", 3100),
        ],
    ),
    (
        "coupon",
        &[("home", 3500), ("product", 2300), ("(exit)", 8600)],
    ),
    (
        "checkout",
        &[
            ("pay_result", 4790),
            ("cart", 1200),
            ("coupon", 900),
            ("(exit)", 1350),
        ],
    ),
    ("pay_result", &[("home", 1100), ("(exit)", 3640)]),
    (
        "article",
        &[
            ("course", 2400),
            ("article", 1800),
            ("home", 800),
            ("(exit)", 1287),
        ],
    ),
    ("search", &[("product", 310), ("(exit)", 90)]),
    ("register", &[("home", 210), ("(exit)", 150)]),
];

fn flow(section: &Section) -> Vec<Vec<Cell>> {
    let mut all = String::new();
    for (page, nexts) in FLOW {
        for (next, views) in nexts {
            all += &format!("{page} {next} {views}\n");
        }
    }
    lines(section, &all)
}

fn paths(section: &Section) -> Vec<Vec<Cell>> {
    lines(
        section,
        "
        1 home     product  5200
        1 home     category 2100
        1 home     (exit)   3900
        1 product  home     1800
        1 product  cart     2600
        1 product  (exit)   2400
        1 article  course    700
        1 article  (exit)    400
        2 product  cart     1900
        2 product  product  1200
        2 product  (exit)   2100
        2 category product  1600
        2 category (exit)    500
        2 home     product  1300
        2 home     (exit)    500
        2 cart     checkout 1700
        2 cart     (exit)    900
        2 course   trial     300
        2 course   (exit)    400",
    )
}

const BLOCKS: [(&str, i64, i64, f64); 6] = [
    ("gallery", 0, 20, 1.0),
    ("price", 20, 30, 0.934),
    ("coupon", 30, 38, 0.861),
    ("specification", 38, 62, 0.4),
    ("reviews", 62, 82, 0.287),
    ("recommend", 82, 100, 0.188),
];

fn heat(section: &Section) -> Vec<Vec<Cell>> {
    let mut all = String::new();
    for (screen, scale) in [("compact", 420.0), ("regular", 1310.0)] {
        for (block, from, to, _) in BLOCKS {
            all += &format!("product {screen} {block} {from} {to} - - -\n");
        }
        for row in 0..24_i64 {
            for column in 0..12_i64 {
                let bump = |x: f64, y: f64, size: f64| {
                    let (dx, dy) = (column as f64 - x, (row as f64 - y) * 1.4);
                    (-(dx * dx + dy * dy) / size).exp()
                };
                let taps = scale
                    * (0.5 * bump(5.5, 2.0, 14.0)
                        + bump(9.5, 8.0, 2.0)
                        + 0.3 * bump(2.0, 12.0, 5.0)
                        + 0.05 * bump(6.0, 18.0, 10.0));
                if taps >= 1.0 {
                    all += &format!("product {screen} - - - {column} {row} {}\n", taps as i64);
                }
            }
        }
    }
    lines(section, &all)
}

fn scroll(section: &Section) -> Vec<Vec<Cell>> {
    let mut all = String::new();
    for (block, from, to, share) in BLOCKS {
        all += &format!("product {block} {from} {to} - - {share}\n");
    }
    let shares = [
        1.0, 0.98, 0.95, 0.91, 0.4, 0.37, 0.33, 0.28, 0.24, 0.19, 0.12,
    ];
    for (at, share) in shares.iter().enumerate() {
        let views = (48_020.0 * share) as i64;
        all += &format!("product - - - {} {views} {share}\n", at * 10);
    }
    lines(section, &all)
}

type Make = fn(&Section) -> Vec<Vec<Cell>>;

/// Rows by section.
pub struct Made(pub BTreeMap<String, Vec<Vec<Cell>>>);

impl Made {
    pub fn all(report: &Report) -> Self {
        let make: [(&str, Make); 7] = [
            ("ends", ends),
            ("times", times),
            ("segments", segments),
            ("flow", flow),
            ("paths", paths),
            ("heat", heat),
            ("scroll", scroll),
        ];
        Self(
            make.iter()
                .map(|(name, make)| {
                    let section = report.sections.iter().find(|section| section.name == *name);
                    ((*name).to_owned(), make(section.unwrap()))
                })
                .collect(),
        )
    }
}

impl SectionRows for Made {
    fn rows<'a>(
        &'a self,
        _: &'a str,
        section: &'a Section,
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        let rows = &self.0[&section.name];
        let columns = section.columns.iter().enumerate().map(|(at, column)| {
            let cells = rows.iter().map(|row| &row[at]);
            let array: ArrayRef = match column.format {
                Format::Date => Arc::new(Date32Array::from_iter(
                    cells.map(|cell| cell.date().map(|date| date.to_epoch_days())),
                )),
                Format::Count => Arc::new(Int64Array::from_iter(cells.map(|cell| match cell {
                    Cell::Int(n) => Some(*n),
                    _ => None,
                }))),
                Format::Flag => Arc::new(BooleanArray::from_iter(cells.map(|cell| match cell {
                    Cell::Flag(flag) => Some(*flag),
                    _ => None,
                }))),
                Format::Percent | Format::DurationUs => {
                    Arc::new(Float64Array::from_iter(cells.map(Cell::number)))
                }
                _ => Arc::new(StringArray::from_iter(cells.map(Cell::text))),
            };
            (column.name.as_str(), array, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        async move { Ok(vec![batch]) }.boxed()
    }
}

pub fn parts_files(report: &Report) -> ReportFiles {
    let mut files = files(&operations());
    for section in &report.sections {
        files.selects.insert(section.name.clone(), String::new());
    }
    files
}
