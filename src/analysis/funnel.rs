//! Declared funnels → the table `funnel_steps`.
//!
//! An entity counts once per local day it enters on; its chain may start at any first step of that
//! day, and the deepest chain counts. Two bases stand side by side: `same_day` (every step on the
//! entry's local day) and `mature` (the whole window; null until the window of the whole entry day
//! has passed). SEMANTICS, "Funnels".

use std::fmt::Write;

use chrono_tz::Tz;

use crate::model::ModelSource;
use crate::project::{
    Before, Build, ColumnCheck, ColumnContract, ColumnRule, Contract, DataType, Duration, Funnel,
    KeyFigures, Project, Reads, SECOND_US, Source, days_reached,
};

/// The table all funnels go to.
pub(super) const TABLE: &str = "funnel_steps";

/// The model of all declared funnels; `None` if there are none.
pub(super) fn model(project: &Project) -> Option<ModelSource> {
    if project.funnels.is_empty() {
        return None;
    }
    let mut sql = String::from("-- compiled from the funnels declared under pipelines/\n");
    for (number, funnel) in project.funnels.values().enumerate() {
        if number > 0 {
            sql.push_str("\nunion all\n");
        }
        sql.push_str(&compile(
            funnel,
            project.zone,
            has_user_key(project, funnel),
        ));
    }
    Some(ModelSource {
        contract: contract(project),
        sql,
    })
}

fn contract(project: &Project) -> Contract {
    let days = |funnel: &Funnel| days_reached(project.zone, funnel.window);
    let mut reads: Vec<Reads> = Vec::new();
    for funnel in project.funnels.values() {
        match reads.iter_mut().find(|reads| reads.table == funnel.on) {
            Some(reads) => reads.after_days = reads.after_days.max(days(funnel)),
            None => reads.push(Reads {
                table: funnel.on.clone(),
                before: Before::Days(0),
                after_days: days(funnel),
            }),
        }
    }
    let longest = project.funnels.values().map(days).max().unwrap_or(0);
    let place = project
        .funnels
        .values()
        .next()
        .map_or(String::new(), |funnel| funnel.place.0.clone());
    let column =
        |name: &str, data_type, unit: Option<&str>, rules: Vec<ColumnRule>| ColumnContract {
            name: name.to_string(),
            data_type,
            unit: unit.map(String::from),
            description: None,
            personal: false,
            checks: rules.into_iter().map(ColumnCheck::from).collect(),
        };
    let share = ColumnRule::Range {
        min: Some(0.0),
        max: Some(1.0),
    };
    let count = ColumnRule::Range {
        min: Some(0.0),
        max: None,
    };
    let bases = ColumnRule::AcceptedValues(vec!["same_day".to_string(), "mature".to_string()]);
    Contract {
        name: TABLE.to_string(),
        sql_path: format!("{place} (compiled: {TABLE})"),
        yaml_path: place,
        grain: "one row per entry day, funnel, segment, basis and step".to_string(),
        build: Build::ByDate,
        key: ["date", "funnel", "breakdown", "segment", "basis", "step_no"]
            .map(String::from)
            .into(),
        reads,
        matures_after: Duration::from_days(longest),
        columns: vec![
            column("date", DataType::Date, None, vec![]),
            column("funnel", DataType::String, None, vec![]),
            column("breakdown", DataType::String, None, vec![]),
            column("segment", DataType::String, None, vec![]),
            column("basis", DataType::String, None, vec![bases]),
            column("step_no", DataType::Int64, None, vec![]),
            column("step", DataType::String, None, vec![ColumnRule::NotNull]),
            column("is_mature", DataType::Bool, None, vec![ColumnRule::NotNull]),
            column(
                "entrants",
                DataType::Int64,
                Some("entities"),
                vec![ColumnRule::NotNull, count.clone()],
            ),
            column(
                "reached",
                DataType::Int64,
                Some("entities"),
                vec![count.clone()],
            ),
            column(
                "previous_reached",
                DataType::Int64,
                Some("entities"),
                vec![count],
            ),
            column(
                "step_rate",
                DataType::Float64,
                Some("ratio"),
                vec![share.clone()],
            ),
            column(
                "overall_rate",
                DataType::Float64,
                Some("ratio"),
                vec![share.clone()],
            ),
            column("golden_rate", DataType::Float64, Some("ratio"), vec![share]),
        ],
        key_figures: Some(KeyFigures {
            columns: vec!["reached".to_string()],
            by: ["funnel", "basis", "step"].map(String::from).into(),
            only: vec![("breakdown".to_string(), "all".to_string())],
        }),
        checks: Vec::new(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether the funnel's entity is the user that its table is sorted by.
fn has_user_key(project: &Project, funnel: &Funnel) -> bool {
    let is_event_stream = |source: &Source| source.user.is_some();
    funnel.entity == "user_id" && project.sources.get(&funnel.on).is_some_and(is_event_stream)
}

fn compile(funnel: &Funnel, zone: Tz, has_user_key: bool) -> String {
    let days = days_reached(zone, funnel.window);
    let window = format!("interval '{} seconds'", funnel.window.us() / SECOND_US);
    let entity = quoted(&funnel.entity);
    let on = quoted(&funnel.on);
    let mut columns: Vec<&str> = funnel.by.iter().flatten().map(String::as_str).collect();
    columns.sort_unstable();
    columns.dedup();

    // In the order of the table, so that a user's chains are done when the next user comes.
    let key = if has_user_key { "user_key, " } else { "" };

    let mut steps = String::new();
    let mut any_step = Vec::new();
    for (at, step) in funnel.steps.iter().enumerate() {
        let number = at + 1;
        // A comment that stands last in a condition ends with its line.
        let end = if step.when.contains("--") { "\n" } else { "" };
        let _ = write!(
            steps,
            ",\n    coalesce({}{end}, false) as is_step_{number}",
            step.when
        );
        any_step.push(format!("is_step_{number}"));
    }
    let carried: String = columns
        .iter()
        .map(|name| format!(",\n    {}", quoted(name)))
        .collect();
    let carried_on: String = columns
        .iter()
        .map(|name| format!(", {}", quoted(name)))
        .collect();
    // Events of equal time have no other order here, so the smallest value decides: any order of the
    // rows gives the same segment.
    let first_values: String = columns
        .iter()
        .map(|name| {
            let name = quoted(name);
            format!(
                ",\n    first_value({name} order by event_time, {name}) filter (where is_step_1 and date = entry_date) as {name}"
            )
        })
        .collect();
    let level = |only_same_day: bool| {
        let arguments: String = (1..=funnel.steps.len())
            .map(|number| {
                let restricted = number == 1 || only_same_day;
                let and = if restricted {
                    " and date = entry_date"
                } else {
                    ""
                };
                format!(",\n      is_step_{number}{and}")
            })
            .collect();
        format!("window_funnel({window}, 'strict_once', event_time{arguments})")
    };
    // Every breakdown on both bases, told apart by a number: one pass over the chains counts them all.
    let mut kinds = vec![
        "(0, 'overall', 'same_day')".to_string(),
        "(0, 'overall', 'mature')".to_string(),
    ];
    let mut segments = String::new();
    for (at, by) in funnel.by.iter().enumerate() {
        let (kind, breakdown) = (at + 1, literal(&by.join(",")));
        let value = by
            .iter()
            .map(|name| {
                format!(
                    "coalesce(nullif(cast({} as varchar), ''), '(none)')",
                    quoted(name)
                )
            })
            .collect::<Vec<_>>()
            .join(" || ',' || ");
        let _ = write!(segments, "\n        when {kind} then {value}");
        kinds.extend(
            ["same_day", "mature"].map(|basis| format!("({kind}, {breakdown}, '{basis}')")),
        );
    }
    let kinds = kinds.join(",\n    ");
    let step_rows: String = funnel
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let golden = step
                .golden
                .map_or("cast(null as double)".to_string(), |rate| {
                    format!("cast({rate:?} as double)")
                });
            format!("({}, {}, {golden})", at + 1, literal(&step.name))
        })
        .collect::<Vec<_>>()
        .join(",\n    ");
    let name = literal(&funnel.name);
    format!(
        "select * from (
-- funnel {plain_name}: window {plain_window} from the first step, inclusive
with
conditions as (
  select
    date,
    event_time,
    {key}{entity} as entity{carried}{steps}
  from {on}
  where {entity} is not null
),
-- each event stands once under every entry day whose window it may fall into
reachable as (
  select
    unnest(generate_series(
      greatest(date - interval '{days} days', $start), least(date, $end), interval '1 day'
    )) as entry_date,
    date, event_time, {key}entity{carried_on}, {any_step_list}
  from conditions
  where ({any_step_or}) and date between $start and $end + interval '{days} days'
),
chains as (
  select
    entry_date,
    entity{first_values},
    {same_day} as same_day_level,
    {mature} as mature_level
  from reachable
  group by {key}entity, entry_date
),
-- entities of one day, one value of each breakdown and the same levels
profiles as (
  select entry_date{carried_on}, same_day_level, mature_level, count(*) as entities
  from chains
  group by entry_date{carried_on}, same_day_level, mature_level
),
kinds (kind, breakdown, basis) as (
  values
    {kinds}
),
levels as (
  select entry_date, breakdown, segment, basis, level, sum(entities) as entities
  from (
    select
      entry_date,
      breakdown,
      case kind
        when 0 then 'all'{segments}
      end as segment,
      basis,
      case basis when 'same_day' then same_day_level else mature_level end as level,
      entities
    from kinds cross join profiles
  )
  where level > 0
  group by entry_date, breakdown, segment, basis, level
),
steps (step_no, step, golden_rate) as (
  values
    {step_rows}
),
counted as (
  select
    entry_date, breakdown, segment, basis, step_no, step, golden_rate,
    -- the last entrant's window is over when it ends on a complete day
    basis = 'same_day'
      or local_date(local_midnight(entry_date + interval '1 day') - interval '1 microsecond' + {window})
        <= $complete_through as is_mature,
    sum(entities) as entrants,
    sum(case when level >= step_no then entities else 0 end) as reached
  from levels cross join steps
  group by entry_date, breakdown, segment, basis, step_no, step, golden_rate
),
-- a step that is not yet due is null, never 0
due as (
  select
    entry_date, breakdown, segment, basis, step_no, step, golden_rate, is_mature, entrants,
    case when is_mature then reached end as reached
  from counted
),
compared as (
  select
    *,
    lag(reached) over (partition by entry_date, breakdown, segment, basis order by step_no) as previous_reached
  from due
)
select
  entry_date as date,
  {name} as funnel,
  breakdown,
  segment,
  basis,
  step_no,
  step,
  is_mature,
  entrants,
  reached,
  previous_reached,
  cast(reached as double) / nullif(previous_reached, 0) as step_rate,
  cast(reached as double) / nullif(entrants, 0) as overall_rate,
  golden_rate
from compared
)",
        plain_name = funnel.name,
        plain_window = funnel.window,
        any_step_list = any_step.join(", "),
        any_step_or = any_step.join(" or "),
        same_day = level(true),
        mature = level(false),
    )
}
