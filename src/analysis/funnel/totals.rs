//! `funnel_totals`: one pass over the events of each funnel, every breakdown counted in it.

use std::fmt::Write;

use chrono_tz::Tz;

use super::contract::{self, Made, column, number, text, time_us};
use super::segments::{Cells, folding, named_struct};
use super::{literal, quoted, rules};
use crate::model::ModelSource;
use crate::project::{
    Before, Breakdown, BreakdownAt, DataType, FUNNEL_TABLES, Funnel, Project, Reads, SECOND_US,
    Source, days_reached,
};

/// The table.
pub(super) const TABLE: &str = FUNNEL_TABLES[0];
/// The type of summed values.
pub(super) const VALUE_TYPE: &str = "decimal(38,6)";

/// The model; `funnels` are not empty.
pub(super) fn model(project: &Project, funnels: &[&Funnel]) -> ModelSource {
    let mut parts = Vec::new();
    for funnel in funnels {
        let pass = Pass {
            funnel,
            zone: project.zone,
            has_user_key: has_user_key(project, funnel),
        };
        let (each, together): (Vec<&Breakdown>, Vec<&Breakdown>) = funnel
            .by
            .iter()
            .partition(|breakdown| breakdown.at == BreakdownAt::Each);
        parts.push(pass.together(&together));
        parts.extend(each.into_iter().map(|breakdown| pass.each(breakdown)));
    }
    let mut sql = String::from("-- compiled from the funnels declared under pipelines/\n");
    sql.push_str(&parts.join("\nunion all\n"));
    let columns = vec![
        contract::date(),
        text("funnel"),
        text("breakdown"),
        text("segment"),
        contract::basis(),
        number("step_at"),
        number("last_step_at"),
        text("end_state"),
        text("next_event"),
        contract::is_mature(),
        contract::known_count("entities"),
        column(
            "value",
            DataType::Decimal {
                precision: 38,
                scale: 6,
            },
            Some("currency"),
            vec![],
        ),
        time_us("median_us"),
        time_us("p90_us"),
        time_us("median_from_entry_us"),
        time_us("p90_from_entry_us"),
    ];
    let made = Made {
        name: TABLE,
        grain: "one row per entry day, funnel, segment, basis, and step (no end state) or end state",
        key: &[
            "date",
            "funnel",
            "breakdown",
            "segment",
            "basis",
            "step_at",
            "last_step_at",
            "end_state",
            "next_event",
        ],
        reads: reads(project, funnels),
        matures_after_days: contract::longest(project, funnels),
        columns,
        checks: &[(
            "end_states_sum_to_entrants",
            "select funnel, breakdown, segment, basis from this group by funnel, breakdown, segment, basis \
             having sum(case when end_state = '' then 0 else entities end) \
             <> sum(case when end_state = '' and step_at = 1 then entities else 0 end)",
        )],
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

/// The tables that the passes read, and how many days beyond their dates.
fn reads(project: &Project, funnels: &[&Funnel]) -> Vec<Reads> {
    let mut reads: Vec<Reads> = Vec::new();
    for funnel in funnels {
        let days = contract::days(project, funnel);
        match reads.iter_mut().find(|reads| reads.table == funnel.on) {
            Some(reads) => reads.after_days = reads.after_days.max(days),
            None => reads.push(Reads {
                table: funnel.on.clone(),
                before: Before::Days(0),
                after_days: days,
            }),
        }
    }
    reads
}

/// Whether the funnel's entity is the user that its table is sorted by.
fn has_user_key(project: &Project, funnel: &Funnel) -> bool {
    let is_event_stream = |source: &Source| source.user.is_some();
    funnel.entity == "user_id" && project.sources.get(&funnel.on).is_some_and(is_event_stream)
}

/// One pass over the events of a funnel.
struct Pass<'a> {
    funnel: &'a Funnel,
    zone: Tz,
    has_user_key: bool,
}

impl Pass<'_> {
    /// The breakdowns whose value is one for the whole chain.
    fn together(&self, breakdowns: &[&Breakdown]) -> String {
        let cells = Cells::together(&self.funnel.entity, breakdowns);
        self.query(&[], &cells, true)
    }

    /// A breakdown at each step: the events of each value are a funnel of their own.
    fn each(&self, breakdown: &Breakdown) -> String {
        self.query(&breakdown.columns, &Cells::each(breakdown), false)
    }

    /// The whole query. `each` are columns that entities are told apart by, too; `has_overall` adds the rows
    /// of all entrants.
    fn query(&self, each: &[String], cells: &Cells, has_overall: bool) -> String {
        let Cells {
            carried,
            names: cell_names,
            step: cells,
            segments,
        } = cells;
        let funnel = self.funnel;
        let days = days_reached(self.zone, funnel.window);
        let window = format!("interval '{} seconds'", funnel.window.us() / SECOND_US);
        let entity = quoted(&funnel.entity);
        // In the order of the table, so that a user's chains are done when the next user comes.
        let key = if self.has_user_key { "user_key, " } else { "" };
        let each_list: String = each
            .iter()
            .map(|column| {
                format!(
                    ", {} as {}",
                    quoted(column),
                    quoted(&format!("each_{column}"))
                )
            })
            .collect();
        let each_group: String = each
            .iter()
            .map(|column| format!(", {}", quoted(column)))
            .collect();
        let each_names: String = each
            .iter()
            .map(|column| format!(", {}", quoted(&format!("each_{column}"))))
            .collect();
        let same = named_struct(&funnel.same);
        let column = |name: &Option<String>| name.as_deref().map_or("null".to_string(), quoted);
        let segment_list: String = segments
            .iter()
            .enumerate()
            .map(|(at, segment)| format!(",\n    {} as segment_{}", segment.text, at + 1))
            .collect();
        let (folded, sizes) = folding(segments);
        let mut sets = Vec::new();
        if has_overall {
            sets.push(
                "(entry_date, basis, step_at, last_step_at, end_state, next_event)".to_string(),
            );
        }
        let mut breakdowns = String::new();
        let mut segment_names = Vec::new();
        for (at, segment) in segments.iter().enumerate() {
            let name = format!("segment_{}", at + 1);
            sets.push(format!(
                "(entry_date, basis, step_at, last_step_at, end_state, next_event, {name})"
            ));
            if segments.len() > 1 || has_overall {
                let _ = write!(
                    breakdowns,
                    "\n      when grouping({name}) = 0 then {}",
                    literal(&segment.breakdown)
                );
            }
            segment_names.push(name);
        }
        let breakdown = match (has_overall, segments.as_slice()) {
            (true, []) => "'overall'".to_string(),
            (false, [one]) => literal(&one.breakdown),
            _ => format!("case{breakdowns}\n      else 'overall'\n    end"),
        };
        let segment = match segment_names.as_slice() {
            [] => "'all'".to_string(),
            names => format!("coalesce({}, 'all')", names.join(", ")),
        };
        format!(
            "select * from (
-- funnel {name_plain}: window {window_plain} from the first step, inclusive
with
paths as (
  select
    {entity} as entity{each_list},
    funnel_path(
      {rules}, $start, $end, $complete_through,
      date, event_time, {next}, {carried}, {same}, {value},
{conditions}
    ) as path
  from {on}
  where {entity} is not null and date between $start and $end + interval '{days} days'
  group by {key}{entity}{each_group}
),
-- one row per entry day and basis
entries as (
  select entity{each_names}, unnest(path) as entry from paths
),
-- counted for each set of values that breakdowns tell apart
{cells},
totals as (
  select entry_date, basis{cell_names}, unnest(totals) as total from cells
),
named as (
  select
    entry_date,
    basis,
    total['step_no'] as step_at,
    coalesce(total['last_step_no'], 0) as last_step_at,
    coalesce(total['end_state'], '') as end_state,
    case
      when total['end_state'] is null then ''
      when total['end_state'] = 'elsewhere' then coalesce(nullif(total['next'], ''), '(none)')
      else '(none)'
    end as next_event,
    total['entities'] as entities,
    total['value'] as value,
    total['wait_us'] as wait_us,
    total['step_us'] as step_us{segment_list}
  from totals
),{sizes}
counted as (
  select
    entry_date,
    {breakdown} as breakdown,
    {segment} as segment,
    basis, step_at, last_step_at, end_state, next_event,
    sum(entities) as entities,
    sum(value) as value,
    exact_quantiles(wait_us, 0.5, 0.9) as wait_us,
    exact_quantiles(step_us, 0.5, 0.9) as step_us
  from {folded}
  group by grouping sets (
    {sets}
  )
)
select
  entry_date as date,
  {name} as funnel,
  breakdown,
  segment,
  basis,
  step_at,
  last_step_at,
  end_state,
  next_event,
  -- the last entrant's window is over when it ends on a complete day
  basis = 'same_day'
    or local_date(local_midnight(entry_date + interval '1 day') - interval '1 microsecond' + {window})
      <= $complete_through as is_mature,
  entities,
  cast(value as {VALUE_TYPE}) as value,
  wait_us[1] as median_us,
  wait_us[2] as p90_us,
  step_us[1] as median_from_entry_us,
  step_us[2] as p90_from_entry_us
from counted
)",
            name_plain = funnel.name,
            window_plain = funnel.window,
            rules = literal(&rules::text(funnel)),
            next = column(&funnel.next),
            value = funnel.value.as_deref().map_or("cast(null as decimal(18, 2))".to_string(), quoted),
            conditions = rules::conditions(funnel, "      "),
            on = quoted(&funnel.on),
            sets = sets.join(",\n    "),
            name = literal(&funnel.name),
        )
    }
}
