//! `funnel_leverage`: what a point more at each step is worth, and what was seen when the step moved.
//!
//! With the other rates held, revenue goes with the step's rate: a percentage point more is worth
//! revenue × 0.01 / rate, one percent more revenue × 0.01; the interval follows from that of the rate.
//! The elasticity is the slope of log(revenue per entrant) on log(step rate) over the last 28 entry days.
//! Per entrant, since otherwise days with more visitors would pass for days with a better step.

use super::contract::{self, Made, amount, column, number, share, text};
use super::{literal, totals};
use crate::model::ModelSource;
use crate::project::{Before, DataType, FUNNEL_TABLES, Funnel, Project, Reads};

/// The table.
pub(super) const TABLE: &str = FUNNEL_TABLES[4];
/// Days that the elasticity looks at, the entry day among them.
const DAYS: u32 = 28;
/// Fewer days with revenue than this, or a rate that moves less than this (as a standard deviation of its
/// logarithm), tell nothing.
const LEAST_DAYS: u32 = 14;
const LEAST_DEVIATION: &str = "0.01";

/// The model; `None` where no funnel has a value.
pub(super) fn model(project: &Project, funnels: &[&Funnel]) -> Option<ModelSource> {
    let with_value: Vec<String> = funnels
        .iter()
        .filter(|funnel| funnel.value.is_some())
        .map(|funnel| literal(&funnel.name))
        .collect();
    if with_value.is_empty() {
        return None;
    }
    let before = DAYS - 1;
    let sql = format!(
        "-- compiled from the funnels declared under pipelines/
with
revenue as (
  select date, funnel, basis, coalesce(sum(value), 0) as revenue
  from {totals}
  where end_state <> ''
    and breakdown = 'overall'
    and funnel in ({names})
    and date between $start - interval '{before} days' and $end
  group by date, funnel, basis
),
steps as (
  select
    funnel_steps.date,
    funnel_steps.funnel,
    funnel_steps.basis,
    funnel_steps.step_no,
    funnel_steps.step,
    funnel_steps.is_mature,
    case when funnel_steps.is_mature then revenue.revenue end as revenue,
    funnel_steps.entrants,
    funnel_steps.step_rate,
    funnel_steps.step_rate_low,
    funnel_steps.step_rate_high
  from funnel_steps
  join revenue
    on revenue.date = funnel_steps.date
    and revenue.funnel = funnel_steps.funnel
    and revenue.basis = funnel_steps.basis
  where funnel_steps.breakdown = 'overall'
    and funnel_steps.step_no > 1
    and not funnel_steps.is_optional
    and funnel_steps.date between $start - interval '{before} days' and $end
),
-- days on which both logarithms are known
points as (
  select date, funnel, basis, step_no, ln(step_rate) as log_rate, ln(cast(revenue as double) / entrants) as log_revenue
  from steps
  where step_rate > 0 and revenue > 0
),
seen as (
  select
    steps.date,
    steps.funnel,
    steps.basis,
    steps.step_no,
    least_squares(points.log_revenue, points.log_rate) as fit
  from steps
  join points
    on points.funnel = steps.funnel
    and points.basis = steps.basis
    and points.step_no = steps.step_no
    and points.date between steps.date - interval '{before} days' and steps.date
  where steps.date between $start and $end
    and steps.is_mature
  group by steps.date, steps.funnel, steps.basis, steps.step_no
),
told as (
  select
    date, funnel, basis, step_no, fit
  from seen
  where fit['points'] >= {LEAST_DAYS} and fit['x_deviation'] >= {LEAST_DEVIATION}
)
select
  steps.date,
  steps.funnel,
  steps.basis,
  steps.step_no,
  steps.step,
  steps.is_mature,
  cast(steps.revenue as {value_type}) as revenue,
  steps.step_rate,
  cast(steps.revenue as double) * 0.01 / nullif(steps.step_rate, 0) as point_revenue,
  cast(steps.revenue as double) * 0.01 / nullif(steps.step_rate_high, 0) as point_revenue_low,
  cast(steps.revenue as double) * 0.01 / nullif(steps.step_rate_low, 0) as point_revenue_high,
  cast(steps.revenue as double) * 0.01 as percent_revenue,
  told.fit['slope'] as elasticity,
  told.fit['slope_low'] as elasticity_low,
  told.fit['slope_high'] as elasticity_high,
  told.fit['points'] as elasticity_days
from steps
left join told
  on told.date = steps.date
  and told.funnel = steps.funnel
  and told.basis = steps.basis
  and told.step_no = steps.step_no
where steps.date between $start and $end",
        totals = totals::TABLE,
        names = with_value.join(", "),
        value_type = totals::VALUE_TYPE,
    );
    let reads = [totals::TABLE, super::steps::TABLE].map(|table| Reads {
        table: table.to_string(),
        before: Before::Days(before),
        after_days: 0,
    });
    let made = Made {
        name: TABLE,
        grain: "one row per entry day, funnel with a value, basis and required step after the first",
        key: &["date", "funnel", "basis", "step_no"],
        reads: reads.into(),
        matures_after_days: contract::longest(project, funnels),
        columns: vec![
            contract::date(),
            text("funnel"),
            contract::basis(),
            number("step_no"),
            text("step"),
            contract::is_mature(),
            column(
                "revenue",
                DataType::Decimal {
                    precision: 38,
                    scale: 6,
                },
                Some("currency"),
                vec![],
            ),
            share("step_rate"),
            amount("point_revenue", Some("currency")),
            amount("point_revenue_low", Some("currency")),
            amount("point_revenue_high", Some("currency")),
            amount("percent_revenue", Some("currency")),
            amount("elasticity", Some("percent for one percent")),
            amount("elasticity_low", Some("percent for one percent")),
            amount("elasticity_high", Some("percent for one percent")),
            column("elasticity_days", DataType::Int64, Some("days"), vec![]),
        ],
        checks: &[(
            "the_interval_holds_the_value",
            "select funnel, step from this where point_revenue_low > point_revenue \
             or point_revenue_high < point_revenue or elasticity_low > elasticity or elasticity_high < elasticity",
        )],
        key_figures: Some(crate::project::KeyFigures {
            columns: vec!["revenue".to_string()],
            by: ["funnel", "basis", "step"].map(String::from).into(),
            only: Vec::new(),
        }),
    };
    Some(ModelSource {
        contract: made.contract(funnels),
        sql,
    })
}
