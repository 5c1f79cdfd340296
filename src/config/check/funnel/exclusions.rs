//! A funnel's exclusions: which steps they stand between.

use super::steps::{condition, not_empty};
use crate::config::check::Checker;
use crate::config::raw::{ExclusionFile, FunnelFile, OrderFile, StepFile, ThenFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::project::Exclusion;

/// The most exclusions.
const MOST_EXCLUSIONS: usize = 8;

/// Checks the exclusions; those that are faulty are told and left out.
pub(super) fn exclusions(
    raw: &FunnelFile,
    node: &Node,
    checker: &mut Checker<'_>,
) -> Vec<Exclusion> {
    let list = node.get("exclude");
    let steps: &[StepFile] = raw.steps.as_deref().unwrap_or_default();
    if raw.exclude.len() > MOST_EXCLUSIONS {
        checker.tell(
            list.map_or(node.place, |list| list.place),
            format!("{} exclusions are too many", raw.exclude.len()),
            format!("at most {MOST_EXCLUSIONS} are possible; join conditions by `or`"),
        );
    }
    let mut checked = Vec::new();
    for (index, exclusion) in raw.exclude.iter().enumerate() {
        let node = list
            .and_then(|list| list.item(index, raw.exclude.len()))
            .unwrap_or(node);
        not_empty(node, exclusion.when.as_deref(), checker);
        let last = steps
            .iter()
            .rposition(|step| step.optional != Some(true))
            .unwrap_or(0);
        let after = step_of("after", exclusion.after.as_deref(), steps, node, checker);
        let before = step_of("before", exclusion.before.as_deref(), steps, node, checker);
        open_order(raw, exclusion, node, checker);
        let (after, before) = (after.unwrap_or(0), before.unwrap_or(last));
        if after >= before && steps.len() > 1 {
            checker.tell(
                node.place,
                "no chain is ever between the two steps of the exclusion",
                "let `after` name a step that comes before the one of `before`",
            );
        }
        let when = condition(node, exclusion.when.as_deref(), checker);
        checked.extend(when.map(|when| Exclusion {
            when,
            after,
            before,
            drops: exclusion.then == Some(ThenFile::Drop),
        }));
    }
    checked
}

fn open_order(raw: &FunnelFile, exclusion: &ExclusionFile, node: &Node, checker: &mut Checker<'_>) {
    if raw.order != Some(OrderFile::Any) {
        return;
    }
    for (key, has) in [
        ("after", exclusion.after.is_some()),
        ("before", exclusion.before.is_some()),
    ] {
        if has {
            checker.tell(
                node.place_of(key),
                format!("with `order: any` no step comes before another, so `{key}` says nothing"),
                "leave it out: the exclusion counts from the first step to the last",
            );
        }
    }
}

/// The position of the step that a key names.
fn step_of(
    key: &str,
    name: Option<&str>,
    steps: &[StepFile],
    node: &Node,
    checker: &mut Checker<'_>,
) -> Option<usize> {
    let name = name?;
    let at = steps
        .iter()
        .position(|step| step.name.as_deref() == Some(name));
    let place = node.place_of(key);
    match at {
        None => {
            let names = || steps.iter().filter_map(|step| step.name.as_deref());
            checker.tell(
                place,
                format!(
                    "`{key}` names {}, which is no step of the funnel",
                    words::quoted(name)
                ),
                format!(
                    "{}its steps are {}",
                    words::did_you_mean(name, names()),
                    words::list(names())
                ),
            );
        }
        Some(at) if steps[at].optional == Some(true) => {
            checker.tell(
                place,
                format!("`{key}` names the optional step `{name}`, which chains need not reach"),
                "name a step that is not optional",
            );
        }
        Some(_) => {}
    }
    at
}
