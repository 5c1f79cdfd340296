//! `funnel_ends`: the ledger, every entrant in one state at one step.

use super::contract::{self, Made, column, known_count, number, text};
use super::numbering::numbered;
use super::{literal, totals};
use crate::model::ModelSource;
use crate::project::{ColumnRule, DataType, FUNNEL_TABLES, Funnel, Project};

/// The table.
pub(super) const TABLE: &str = FUNNEL_TABLES[2];

/// States as `funnel_path` names them.
const STATES: [&str; 6] = [
    "converted",
    "excluded",
    "open",
    "timed_out",
    "elsewhere",
    "gone",
];

/// The model; `funnels` are not empty.
pub(super) fn model(project: &Project, funnels: &[&Funnel]) -> ModelSource {
    let rows: Vec<String> = funnels
        .iter()
        .flat_map(|funnel| {
            numbered(funnel)
                .into_iter()
                .filter(|one| !one.is_optional())
                .map(|one| {
                    format!(
                        "({}, {}, {}, {})",
                        literal(&funnel.name),
                        one.at,
                        one.step_no,
                        literal(&one.step.name)
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let sql = format!(
        "-- compiled from the funnels declared under pipelines/
with
steps (funnel, step_at, step_no, step) as (
  values
    {rows}
),
ended as (
  select
    date, funnel, breakdown, segment, basis, step_at, end_state, next_event, is_mature,
    sum(entities) as entities
  from {totals}
  where end_state <> '' and date between $start and $end
  group by date, funnel, breakdown, segment, basis, step_at, end_state, next_event, is_mature
),
entered as (
  select date, funnel, breakdown, segment, basis, entities
  from {totals}
  where end_state = '' and step_at = 1 and date between $start and $end
)
select
  ended.date,
  ended.funnel,
  ended.breakdown,
  ended.segment,
  ended.basis,
  steps.step_no,
  steps.step,
  ended.end_state,
  ended.next_event,
  ended.is_mature,
  ended.entities,
  entered.entities as entrants
from ended
join steps
  on steps.funnel = ended.funnel
  and steps.step_at = ended.step_at
join entered
  on entered.date = ended.date
  and entered.funnel = ended.funnel
  and entered.breakdown = ended.breakdown
  and entered.segment = ended.segment
  and entered.basis = ended.basis",
        rows = rows.join(",\n    "),
        totals = totals::TABLE,
    );
    let states = ColumnRule::AcceptedValues(STATES.map(String::from).into());
    let made = Made {
        name: TABLE,
        grain: "one row per entry day, funnel, segment, basis, furthest step, end state and next event",
        key: &[
            "date",
            "funnel",
            "breakdown",
            "segment",
            "basis",
            "step_no",
            "end_state",
            "next_event",
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
            text("step"),
            column(
                "end_state",
                DataType::String,
                None,
                vec![ColumnRule::NotNull, states],
            ),
            text("next_event"),
            contract::is_mature(),
            known_count("entities"),
            known_count("entrants"),
        ],
        checks: &[
            (
                "states_sum_to_entrants",
                "select funnel, breakdown, segment, basis from this \
                 group by funnel, breakdown, segment, basis having sum(entities) <> min(entrants) \
                 or min(entrants) <> max(entrants)",
            ),
            (
                "what_is_due_is_not_open",
                "select funnel, segment from this where end_state = 'open' and is_mature",
            ),
        ],
        key_figures: Some(contract::figures_of_all(
            "entities",
            &["funnel", "basis", "end_state"],
        )),
    };
    ModelSource {
        contract: made.contract(funnels),
        sql,
    }
}
