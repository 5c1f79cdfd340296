//! `funnel_steps`: how many reach each step, with rates, intervals and times.

use super::contract::{self, Made, column, count, known_count, number, share, text, time_us};
use super::numbering::numbered;
use super::{literal, totals};
use crate::model::ModelSource;
use crate::project::{ColumnRule, DataType, FUNNEL_TABLES, Funnel, Project};

/// The table.
pub(super) const TABLE: &str = FUNNEL_TABLES[1];

/// The model; `funnels` are not empty.
pub(super) fn model(project: &Project, funnels: &[&Funnel]) -> ModelSource {
    let rows: Vec<String> = funnels
        .iter()
        .flat_map(|funnel| {
            numbered(funnel)
                .into_iter()
                .filter(|one| one.field.is_none())
                .map(|one| {
                    let golden = one
                        .step
                        .golden
                        .map_or("cast(null as double)".to_string(), |rate| {
                            format!("cast({rate:?} as double)")
                        });
                    format!(
                        "({}, {}, {}, {}, {}, {}, {golden})",
                        literal(&funnel.name),
                        one.at,
                        one.step_no,
                        literal(&one.step.name),
                        one.is_optional(),
                        one.previous_at,
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let sql = format!(
        "-- compiled from the funnels declared under pipelines/
with
steps (funnel, step_at, step_no, step, is_optional, previous_at, golden_rate) as (
  values
    {rows}
),
reached as (
  select * from {totals} where end_state = '' and date between $start and $end
),
entered as (
  select date, funnel, breakdown, segment, basis, entities from reached where step_at = 1
),
compared as (
  select
    reached.date,
    reached.funnel,
    reached.breakdown,
    reached.segment,
    reached.basis,
    steps.step_no,
    steps.step,
    steps.is_optional,
    reached.is_mature,
    entered.entities as entrants,
    -- what is not yet due is null, never 0
    case when reached.is_mature then reached.entities end as reached,
    case when reached.is_mature then previous.entities end as previous_reached,
    case when reached.is_mature then reached.median_us end as median_us,
    case when reached.is_mature then reached.p90_us end as p90_us,
    case when reached.is_mature then reached.median_from_entry_us end as median_from_entry_us,
    case when reached.is_mature then reached.p90_from_entry_us end as p90_from_entry_us,
    steps.golden_rate
  from reached
  join steps
    on steps.funnel = reached.funnel
    and steps.step_at = reached.step_at
  join entered
    on entered.date = reached.date
    and entered.funnel = reached.funnel
    and entered.breakdown = reached.breakdown
    and entered.segment = reached.segment
    and entered.basis = reached.basis
  left join reached as previous
    on previous.date = reached.date
    and previous.funnel = reached.funnel
    and previous.breakdown = reached.breakdown
    and previous.segment = reached.segment
    and previous.basis = reached.basis
    and previous.step_at = steps.previous_at
)
select
  date,
  funnel,
  breakdown,
  segment,
  basis,
  step_no,
  step,
  is_optional,
  is_mature,
  entrants,
  reached,
  previous_reached,
  cast(reached as double) / nullif(previous_reached, 0) as step_rate,
  wilson_low(reached, previous_reached) as step_rate_low,
  wilson_high(reached, previous_reached) as step_rate_high,
  cast(reached as double) / nullif(entrants, 0) as overall_rate,
  wilson_low(reached, entrants) as overall_rate_low,
  wilson_high(reached, entrants) as overall_rate_high,
  median_us,
  p90_us,
  median_from_entry_us,
  p90_from_entry_us,
  golden_rate
from compared",
        rows = rows.join(",\n    "),
        totals = totals::TABLE,
    );
    let made = Made {
        name: TABLE,
        grain: "one row per entry day, funnel, segment, basis and step",
        key: &["date", "funnel", "breakdown", "segment", "basis", "step_no"],
        reads: Vec::new(),
        matures_after_days: contract::longest(project, funnels),
        columns: vec![
            contract::date(),
            text("funnel"),
            text("breakdown"),
            text("segment"),
            contract::basis(),
            number("step_no"),
            text("step"),
            column(
                "is_optional",
                DataType::Bool,
                None,
                vec![ColumnRule::NotNull],
            ),
            contract::is_mature(),
            known_count("entrants"),
            count("reached"),
            count("previous_reached"),
            share("step_rate"),
            share("step_rate_low"),
            share("step_rate_high"),
            share("overall_rate"),
            share("overall_rate_low"),
            share("overall_rate_high"),
            time_us("median_us"),
            time_us("p90_us"),
            time_us("median_from_entry_us"),
            time_us("p90_from_entry_us"),
            share("golden_rate"),
        ],
        checks: &[
            (
                "reached_is_among_those_before",
                "select funnel, step_no from this where reached > previous_reached or reached > entrants",
            ),
            (
                "the_first_step_is_the_entry",
                "select funnel, step_no from this where step_no = 1 and is_mature and reached <> entrants",
            ),
        ],
        key_figures: Some(contract::figures_of_all(
            "reached",
            &["funnel", "basis", "step"],
        )),
    };
    ModelSource {
        contract: made.contract(funnels),
        sql,
    }
}
