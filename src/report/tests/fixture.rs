//! A small project's published tables in memory, and the real report files of this repository.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;

use super::fixture_behaviour::{median_us, register, wilson};
use crate::error::{Error, Result};
use crate::project::{Format, Good, LocalText, Locale, Report, Section, SectionColumn, Shape};
use crate::report::{FunnelTitles, RenderInput, ReportFiles, SectionRows, SourceStatus};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

// --- the declared report, read as the config layer reads it ---

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportFile {
    role: String,
    title: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionFile {
    order: i64,
    title: BTreeMap<String, String>,
    r#as: String,
    columns: serde_yaml::Mapping,
}

fn local(texts: &BTreeMap<String, String>) -> LocalText {
    LocalText {
        by_locale: texts
            .iter()
            .map(|(tag, text)| (Locale::parse(tag).unwrap(), text.clone()))
            .collect(),
        fallback: String::new(),
    }
}

fn format(name: &str) -> Format {
    match name {
        "text" => Format::Text,
        "word" => Format::Word,
        "date" => Format::Date,
        "count" => Format::Count,
        "percent" => Format::Percent,
        "money" => Format::Money,
        "duration_us" => Format::DurationUs,
        "number" => Format::Number,
        "points" => Format::Points,
        "flag" => Format::Flag,
        other => panic!("format {other}"),
    }
}

pub fn operations() -> Report {
    let folder = root().join("reports/operations");
    let file: ReportFile =
        serde_yaml::from_str(&std::fs::read_to_string(folder.join("report.yaml")).unwrap())
            .unwrap();
    let mut sections: Vec<Section> = std::fs::read_dir(folder.join("sections"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let file: SectionFile =
                serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let columns = file
                .columns
                .iter()
                .map(|(name, column)| SectionColumn {
                    name: name.as_str().unwrap().to_owned(),
                    format: format(column["format"].as_str().unwrap()),
                    good: match column.get("good").map(|good| good.as_str().unwrap()) {
                        None => Good::Neutral,
                        Some("up") => Good::Up,
                        Some("down") => Good::Down,
                        Some(other) => panic!("good {other}"),
                    },
                    label: None,
                    definition: None,
                })
                .collect();
            Section {
                yaml_path: format!("reports/operations/sections/{name}.yaml"),
                sql_path: format!("sql/reports/operations/{name}.sql"),
                order: file.order,
                title: local(&file.title),
                shape: match file.r#as.as_str() {
                    "numbers" => Shape::Numbers,
                    "table" => Shape::Table,
                    "funnel" => Shape::Funnel,
                    "bars" => Shape::Bars,
                    "funnel_ends" => Shape::FunnelEnds,
                    "time_to_convert" => Shape::TimeToConvert,
                    "flow" => Shape::Flow,
                    "heat_map" => Shape::HeatMap,
                    "scroll_curve" => Shape::ScrollCurve,
                    other => panic!("shape {other}"),
                },
                columns,
                name,
            }
        })
        .collect();
    sections.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    Report {
        role: file.role,
        title: local(&file.title),
        sections,
    }
}

pub fn files(report: &Report) -> ReportFiles {
    ReportFiles::load(root(), report).unwrap()
}

pub fn input(locale: Locale, date: &str) -> RenderInput<'static> {
    let text = |zh: &str, en: &str| LocalText {
        by_locale: BTreeMap::from([(Locale::ZhCn, zh.to_owned()), (Locale::En, en.to_owned())]),
        fallback: en.to_owned(),
    };
    let steps = |steps: &[(&str, &str, &str)]| {
        steps
            .iter()
            .map(|(name, zh, en)| ((*name).to_owned(), text(zh, en)))
            .collect()
    };
    RenderInput {
        project_name: "shop",
        date: day(date),
        locale,
        currency: "CNY",
        zone: chrono_tz::Asia::Shanghai,
        complete_through: day(date),
        sources: vec![
            SourceStatus {
                name: "events".to_owned(),
                lines: 1_284_310,
                rows: 1_279_402,
                duplicates: 4_896,
                quarantined: 12,
                missing_hours: Vec::new(),
                has_no_object: false,
            },
            SourceStatus {
                name: "spend".to_owned(),
                lines: 48,
                rows: 48,
                ..SourceStatus::default()
            },
        ],
        missing: Vec::new(),
        funnels: BTreeMap::from([
            (
                "shop".to_owned(),
                FunnelTitles {
                    title: text("购物漏斗", "Shop funnel"),
                    steps: steps(&[
                        ("exposure", "商品曝光", "Exposure"),
                        ("click", "商品点击", "Click"),
                        ("register", "注册登录", "Register"),
                        ("core_action", "加入购物车", "Add to cart"),
                        ("pay", "支付", "Pay"),
                    ]),
                },
            ),
            (
                "course".to_owned(),
                FunnelTitles {
                    title: text("课程漏斗", "Course funnel"),
                    steps: steps(&[
                        ("article", "读文章", "Article"),
                        ("course_page", "课程页", "Course page"),
                        ("trial", "试听", "Trial"),
                        ("paid", "购课", "Purchase"),
                        ("again", "复购", "Again"),
                    ]),
                },
            ),
        ]),
        generated_at: Utc.with_ymd_and_hms(2026, 11, 21, 22, 31, 5).unwrap(),
    }
}

// --- published tables ---

/// Rows of `daily_core` that the core section needs.
#[derive(Clone)]
pub struct CoreDay {
    pub date: NaiveDate,
    pub gmv_cents: i128,
    pub visitors: i64,
    pub new_users: i64,
    pub payers: i64,
    pub exposed: i64,
    pub bounce_rate: Option<f64>,
}

/// Rows of `funnel_steps`.
#[derive(Clone)]
pub struct StepRow {
    pub date: NaiveDate,
    pub funnel: &'static str,
    pub breakdown: &'static str,
    pub segment: String,
    pub basis: &'static str,
    pub is_mature: bool,
    pub step: String,
    pub step_no: i64,
    pub entrants: i64,
    pub reached: Option<i64>,
    pub previous: Option<i64>,
}

/// Rows of `page_daily`.
#[derive(Clone)]
pub struct PageDay {
    pub date: NaiveDate,
    pub page: String,
    pub views: i64,
    pub exits: i64,
}

/// Rows of `page_flow`.
#[derive(Clone)]
pub struct FlowRow {
    pub date: NaiveDate,
    pub page: String,
    pub next_page: String,
    pub views: i64,
}

/// What is published.
#[derive(Clone, Default)]
pub struct Tables {
    pub core: Vec<CoreDay>,
    pub steps: Vec<StepRow>,
    pub pages: Vec<PageDay>,
    pub flows: Vec<FlowRow>,
}

/// Pushes one funnel of one day.
pub fn chain(
    tables: &mut Tables,
    date: NaiveDate,
    (funnel, breakdown, segment): (&'static str, &'static str, &str),
    (basis, is_mature): (&'static str, bool),
    steps: &[(&str, i64)],
) {
    for (at, (step, reached)) in steps.iter().enumerate() {
        tables.steps.push(StepRow {
            date,
            funnel,
            breakdown,
            segment: segment.to_owned(),
            basis,
            is_mature,
            step: (*step).to_owned(),
            step_no: at as i64 + 1,
            entrants: steps[0].1,
            reached: is_mature.then_some(*reached),
            previous: if at == 0 {
                None
            } else {
                is_mature.then(|| steps[at - 1].1)
            },
        });
    }
}

/// Fifteen days of a shop that loses new users on the last one.
pub fn tables(date: &str) -> Tables {
    let date = day(date);
    let mut tables = Tables::default();
    for back in (0..15).rev() {
        let day = date - Days::new(back);
        let wave = [1.0, 0.93, 0.91, 0.96, 1.02, 1.08, 1.04][(back % 7) as usize]
            * (1.0 + (back as f64) * 0.002);
        let scale = |n: f64| (n * wave).round() as i64;
        let drop = if back == 0 { 0.82 } else { 1.0 };
        tables.core.push(CoreDay {
            date: day,
            gmv_cents: i128::from(scale(if back == 0 {
                128_421_350.0
            } else {
                136_903_000.0
            })),
            visitors: scale(48_210.0),
            new_users: scale(3_120.0 * drop),
            payers: scale(if back == 0 { 4_690.0 } else { 5_012.0 }),
            exposed: scale(41_870.0),
            bounce_rate: Some(0.384 - 0.001 * back as f64),
        });
        let shop = [
            ("exposure", scale(41_870.0)),
            ("click", scale(23_640.0)),
            (
                "register",
                scale(11_480.0 * if back == 0 { 0.86 } else { 1.0 }),
            ),
            ("core_action", scale(7_210.0 * drop)),
            ("pay", scale(2_604.0 * drop)),
        ];
        chain(
            &mut tables,
            day,
            ("shop", "overall", "all"),
            ("same_day", true),
            &shop,
        );
        let later = shop.map(|(step, n)| (step, if step == "exposure" { n } else { n + n / 11 }));
        chain(
            &mut tables,
            day,
            ("shop", "overall", "all"),
            ("mature", back >= 1),
            &later,
        );
        let course = [
            ("article", scale(9_120.0)),
            ("course_page", scale(3_011.0)),
            ("trial", scale(1_204.0)),
            ("paid", scale(322.0)),
            ("again", scale(21.0)),
        ];
        chain(
            &mut tables,
            day,
            ("course", "overall", "all"),
            ("same_day", true),
            &course,
        );
        let later = course.map(|(step, n)| (step, if step == "article" { n } else { n + n / 3 }));
        chain(
            &mut tables,
            day,
            ("course", "overall", "all"),
            ("mature", back >= 7),
            &later,
        );
        for (platform, share, pay) in [("ios", 0.42, 0.92), ("android", 0.58, 1.06)] {
            let part = shop.map(|(step, n)| {
                let pay = if step == "pay" { pay } else { 1.0 };
                (step, (n as f64 * share * pay).round() as i64)
            });
            chain(
                &mut tables,
                day,
                ("shop", "platform", platform),
                ("same_day", true),
                &part,
            );
        }
        for (page, views, exits) in [
            ("home", 61_200.0, 15_912.0),
            ("product", 48_020.0, 11_044.0),
            ("coupon", 14_310.0, 8_601.0),
            ("category", 33_100.0, 5_627.0),
            ("pay_result", 4_790.0, 3_640.0),
            ("cart", 16_780.0, 3_188.0),
            ("checkout", 9_650.0, 1_351.0),
            ("article", 9_900.0, 1_287.0),
            ("course", 3_011.0, 602.0),
        ] {
            let exits = if page == "coupon" && back > 0 {
                exits * 0.72
            } else {
                exits
            };
            // Those who stay go to the next page of a fixed round, most of them, or home.
            let onward = match page {
                "home" | "category" | "coupon" => "product",
                "product" => "cart",
                "cart" => "checkout",
                "checkout" => "pay_result",
                _ => "course",
            };
            let stay = scale(views) - scale(exits);
            let back = stay / 4;
            for (next_page, views) in [
                (onward, stay - back),
                ("home", back),
                ("(exit)", scale(exits)),
            ] {
                tables.flows.push(FlowRow {
                    date: day,
                    page: page.to_owned(),
                    next_page: next_page.to_owned(),
                    views,
                });
            }
            tables.pages.push(PageDay {
                date: day,
                page: page.to_owned(),
                views: scale(views),
                exits: scale(exits),
            });
        }
    }
    tables
}

pub fn ratio(part: Option<i64>, whole: Option<i64>) -> Option<f64> {
    match (part, whole) {
        (Some(part), Some(whole)) if whole != 0 => Some(part as f64 / whole as f64),
        _ => None,
    }
}

pub fn dates(dates: impl Iterator<Item = NaiveDate>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(
        dates.map(|date| date.to_epoch_days()),
    ))
}

pub fn ints(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

pub fn reals(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

pub fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Registers a table.
pub fn add(context: &SessionContext, name: &str, columns: Vec<(&str, ArrayRef)>) {
    // Nullable whatever the rows, as published tables are.
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    context.register_batch(name, batch).unwrap();
}

impl Tables {
    fn context(&self) -> SessionContext {
        let context = SessionContext::new();
        let add = |name: &str, columns| add(&context, name, columns);
        let core = &self.core;
        add(
            "daily_core",
            vec![
                ("date", dates(core.iter().map(|row| row.date))),
                ("platform", texts(core.iter().map(|_| "all"))),
                (
                    "paid_gmv",
                    Arc::new(
                        Decimal128Array::from_iter_values(core.iter().map(|row| row.gmv_cents))
                            .with_precision_and_scale(18, 2)
                            .unwrap(),
                    ),
                ),
                ("visitors", ints(core.iter().map(|row| Some(row.visitors)))),
                (
                    "new_users",
                    ints(core.iter().map(|row| Some(row.new_users))),
                ),
                ("payers", ints(core.iter().map(|row| Some(row.payers)))),
                ("exposed", ints(core.iter().map(|row| Some(row.exposed)))),
                (
                    "pay_conversion",
                    reals(
                        core.iter()
                            .map(|row| ratio(Some(row.payers), Some(row.exposed))),
                    ),
                ),
                ("bounce_rate", reals(core.iter().map(|row| row.bounce_rate))),
            ],
        );
        let steps = &self.steps;
        let step = |row: &StepRow| wilson(row.reached, row.previous);
        let overall = |row: &StepRow| wilson(row.reached, Some(row.entrants));
        add(
            "funnel_steps",
            vec![
                ("date", dates(steps.iter().map(|row| row.date))),
                ("funnel", texts(steps.iter().map(|row| row.funnel))),
                ("breakdown", texts(steps.iter().map(|row| row.breakdown))),
                (
                    "segment",
                    texts(steps.iter().map(|row| row.segment.as_str())),
                ),
                ("basis", texts(steps.iter().map(|row| row.basis))),
                (
                    "is_mature",
                    Arc::new(BooleanArray::from_iter(
                        steps.iter().map(|row| Some(row.is_mature)),
                    )),
                ),
                ("step_no", ints(steps.iter().map(|row| Some(row.step_no)))),
                ("step", texts(steps.iter().map(|row| row.step.as_str()))),
                ("entrants", ints(steps.iter().map(|row| Some(row.entrants)))),
                ("reached", ints(steps.iter().map(|row| row.reached))),
                (
                    "previous_reached",
                    ints(steps.iter().map(|row| row.previous)),
                ),
                (
                    "step_rate",
                    reals(steps.iter().map(|row| ratio(row.reached, row.previous))),
                ),
                (
                    "overall_rate",
                    reals(
                        steps
                            .iter()
                            .map(|row| ratio(row.reached, Some(row.entrants))),
                    ),
                ),
                (
                    "step_rate_low",
                    reals(steps.iter().map(|row| step(row).map(|(low, _)| low))),
                ),
                (
                    "step_rate_high",
                    reals(steps.iter().map(|row| step(row).map(|(_, high)| high))),
                ),
                (
                    "overall_rate_low",
                    reals(steps.iter().map(|row| overall(row).map(|(low, _)| low))),
                ),
                (
                    "overall_rate_high",
                    reals(steps.iter().map(|row| overall(row).map(|(_, high)| high))),
                ),
                ("median_us", ints(steps.iter().map(median_us))),
                (
                    "p90_us",
                    ints(steps.iter().map(|row| median_us(row).map(|us| us * 9))),
                ),
                (
                    "median_from_entry_us",
                    ints(steps.iter().map(|row| median_us(row).map(|us| us * 2))),
                ),
                (
                    "p90_from_entry_us",
                    ints(steps.iter().map(|row| median_us(row).map(|us| us * 12))),
                ),
            ],
        );
        let pages = &self.pages;
        add(
            "page_daily",
            vec![
                ("date", dates(pages.iter().map(|row| row.date))),
                ("page", texts(pages.iter().map(|row| row.page.as_str()))),
                ("views", ints(pages.iter().map(|row| Some(row.views)))),
                ("exits", ints(pages.iter().map(|row| Some(row.exits)))),
                (
                    "exit_rate",
                    reals(
                        pages
                            .iter()
                            .map(|row| ratio(Some(row.exits), Some(row.views))),
                    ),
                ),
            ],
        );
        let flows = &self.flows;
        let whole = |row: &FlowRow| {
            let same = flows
                .iter()
                .filter(|other| (other.date, &other.page) == (row.date, &row.page));
            Some(same.map(|row| row.views).sum())
        };
        add(
            "page_flow",
            vec![
                ("date", dates(flows.iter().map(|row| row.date))),
                ("page", texts(flows.iter().map(|row| row.page.as_str()))),
                (
                    "next_page",
                    texts(flows.iter().map(|row| row.next_page.as_str())),
                ),
                ("views", ints(flows.iter().map(|row| Some(row.views)))),
                (
                    "share",
                    reals(flows.iter().map(|row| ratio(Some(row.views), whole(row)))),
                ),
            ],
        );
        register(self, &context);
        context
    }
}

/// Runs selects on the tables; `$date` is put in as a DATE literal.
pub struct Select {
    context: SessionContext,
    date: NaiveDate,
}

impl Select {
    pub fn new(tables: &Tables, date: NaiveDate) -> Self {
        Self {
            context: tables.context(),
            date,
        }
    }
}

impl SectionRows for Select {
    fn rows<'a>(
        &'a self,
        sql: &'a str,
        section: &'a Section,
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        let sql = sql.replace("$date", &format!("DATE '{}'", self.date));
        async move {
            let frame = self
                .context
                .sql(&sql)
                .await
                .map_err(Error::engine(section.sql_path.clone()))?;
            frame
                .collect()
                .await
                .map_err(Error::engine(section.sql_path.clone()))
        }
        .boxed()
    }
}

/// Another time of making the same page.
pub fn later() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap()
}
