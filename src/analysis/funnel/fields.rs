//! `funnel_fields`: which field of a step's form loses people.

use super::contract::{self, Made, count, number, share, text};
use super::numbering::numbered;
use super::{literal, totals};
use crate::model::ModelSource;
use crate::project::{FUNNEL_TABLES, Funnel, Project};

/// The table.
pub(super) const TABLE: &str = FUNNEL_TABLES[3];

/// The model; `None` where no step has fields.
pub(super) fn model(project: &Project, funnels: &[&Funnel]) -> Option<ModelSource> {
    let rows: Vec<String> = funnels
        .iter()
        .flat_map(|funnel| {
            numbered(funnel)
                .into_iter()
                .filter_map(|one| {
                    let (field_no, field) = one.field?;
                    Some(format!(
                        "({}, {}, {}, {}, {field_no}, {}, {})",
                        literal(&funnel.name),
                        one.at,
                        one.step_no,
                        literal(&one.step.name),
                        literal(&field.name),
                        one.previous_at,
                    ))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let sql = format!(
        "-- compiled from the funnels declared under pipelines/
with
fields (funnel, step_at, step_no, step, field_no, field, previous_at) as (
  values
    {rows}
),
reached as (
  select * from {totals} where end_state = '' and date between $start and $end
),
-- whose furthest required step is the one before the form, by the last field they touched
ended as (
  select date, funnel, breakdown, segment, basis, step_at, last_step_at, sum(entities) as entities
  from {totals}
  where end_state <> '' and date between $start and $end
  group by date, funnel, breakdown, segment, basis, step_at, last_step_at
),
compared as (
  select
    reached.date,
    reached.funnel,
    reached.breakdown,
    reached.segment,
    reached.basis,
    fields.step_no,
    fields.field_no,
    fields.step,
    fields.field,
    reached.is_mature,
    -- what is not yet due is null, never 0
    case when reached.is_mature then started.entities end as started,
    case when reached.is_mature then reached.entities end as reached,
    case when reached.is_mature then coalesce(ended.entities, 0) end as left_here
  from reached
  join fields
    on fields.funnel = reached.funnel
    and fields.step_at = reached.step_at
  join reached as started
    on started.date = reached.date
    and started.funnel = reached.funnel
    and started.breakdown = reached.breakdown
    and started.segment = reached.segment
    and started.basis = reached.basis
    and started.step_at = fields.previous_at
  left join ended
    on ended.date = reached.date
    and ended.funnel = reached.funnel
    and ended.breakdown = reached.breakdown
    and ended.segment = reached.segment
    and ended.basis = reached.basis
    and ended.step_at = fields.previous_at
    and ended.last_step_at = fields.step_at
)
select
  date,
  funnel,
  breakdown,
  segment,
  basis,
  step_no,
  field_no,
  step,
  field,
  is_mature,
  started,
  reached,
  left_here,
  cast(left_here as double) / nullif(reached, 0) as leave_rate,
  wilson_low(left_here, reached) as leave_rate_low,
  wilson_high(left_here, reached) as leave_rate_high
from compared",
        rows = rows.join(",\n    "),
        totals = totals::TABLE,
    );
    let made = Made {
        name: TABLE,
        grain: "one row per entry day, funnel, segment, basis, step and field of its form",
        key: &[
            "date",
            "funnel",
            "breakdown",
            "segment",
            "basis",
            "step_no",
            "field_no",
        ],
        reads: Vec::new(),
        matures_after_days: contract::longest(project, funnels),
        columns: vec![
            contract::date(),
            text("funnel"),
            text("breakdown"),
            text("segment"),
            contract::basis(),
            number("step_no"),
            number("field_no"),
            text("step"),
            text("field"),
            contract::is_mature(),
            count("started"),
            count("reached"),
            count("left_here"),
            share("leave_rate"),
            share("leave_rate_low"),
            share("leave_rate_high"),
        ],
        checks: &[(
            "who_leaves_was_there",
            "select funnel, field from this where left_here > reached or reached > started",
        )],
        key_figures: Some(contract::figures_of_all(
            "left_here",
            &["funnel", "basis", "field"],
        )),
    };
    Some(ModelSource {
        contract: made.contract(funnels),
        sql,
    })
}
