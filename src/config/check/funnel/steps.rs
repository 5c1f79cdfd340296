//! A funnel's steps and the fields of their forms.

use crate::config::check::Checker;
use crate::config::raw::{FunnelFile, OrderFile, StepFieldFile, StepFile};
use crate::config::tree::Node;
use crate::diagnostic::Place;
use crate::project::{Condition, Duration, Step, StepField};

/// The most steps and fields together.
const MOST_STEPS: usize = 32;

/// Checks the steps; those that are faulty are told and left out.
pub(super) fn steps(
    raw: &FunnelFile,
    node: &Node,
    window: Option<Duration>,
    checker: &mut Checker<'_>,
) -> Vec<Step> {
    let list = node.get("steps");
    let steps: &[StepFile] = raw.steps.as_deref().unwrap_or_default();
    let node_of = |index: usize| {
        list.and_then(|list| list.item(index, steps.len()))
            .unwrap_or(list.unwrap_or(node))
    };
    let all: usize = steps.iter().map(|step| 1 + step.fields.len()).sum();
    if all > MOST_STEPS && steps.len() <= MOST_STEPS {
        checker.tell(
            list.map_or(node.place, |list| list.place),
            format!("{all} steps and fields are too many"),
            format!("steps and their fields are at most {MOST_STEPS} together; leave some out"),
        );
    }
    let mut checked = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let node = node_of(index);
        if let Some(name) = &step.name {
            let place = node.place_of("name");
            checker.name(place, "a step", name);
            let first = steps
                .iter()
                .take(index)
                .position(|earlier| earlier.name == step.name);
            if let Some(first) = first {
                checker.tell(
                    place,
                    format!("two steps are named `{name}`"),
                    format!(
                        "give one of them another name; the first is in line {}",
                        node_of(first).place_of("name").line
                    ),
                );
            }
        }
        not_empty(node, step.when.as_deref(), checker);
        rules(raw, step, index, node, checker);
        let within = within(step, node, window, checker);
        let name = step.name.clone().unwrap_or_default();
        let title = checker.local_text(node, "title", step.title.as_ref(), &name);
        let golden = step
            .golden
            .as_ref()
            .map(|share| checker.ratio(node.place_of("golden"), "golden", share));
        let fields = fields(step, node, checker);
        let when = condition(node, step.when.as_deref(), checker);
        checked.extend(when.map(|when| Step {
            name,
            title,
            when,
            within,
            is_optional: step.optional == Some(true),
            golden,
            fields,
        }));
    }
    checked
}

/// What the first step, an optional one, and one in any order cannot have.
fn rules(raw: &FunnelFile, step: &StepFile, index: usize, node: &Node, checker: &mut Checker<'_>) {
    let is_optional = step.optional == Some(true);
    let has = [
        ("optional", is_optional),
        ("within", step.within.is_some()),
        ("fields", !step.fields.is_empty()),
    ];
    let is_any = raw.order == Some(OrderFile::Any);
    for (key, _) in has.into_iter().filter(|(_, has)| *has) {
        let place = node.place_of(key);
        if index == 0 {
            checker.tell(
                place,
                format!("the first step begins the funnel and cannot have `{key}`"),
                "leave it out, or put another step first",
            );
        } else if is_any {
            checker.tell(
                place,
                format!("with `order: any` no step comes before another, so `{key}` says nothing"),
                "leave it out, or leave `order` out",
            );
        }
    }
    if is_optional && (!step.fields.is_empty() || step.golden.is_some()) {
        let key = if step.fields.is_empty() {
            "golden"
        } else {
            "fields"
        };
        checker.tell(
            node.place_of(key),
            format!("an optional step cannot have `{key}`: nobody needs it to go on"),
            "leave it out, or leave `optional` out",
        );
    }
}

fn within(
    step: &StepFile,
    node: &Node,
    window: Option<Duration>,
    checker: &mut Checker<'_>,
) -> Option<Duration> {
    let text = step.within.as_deref()?;
    let place = node.place_of("within");
    let read = checker.duration(place, "within", text);
    if let Some(window) = window.filter(|window| read > *window) {
        checker.tell(
            place,
            format!("`within: {read}` is longer than the funnel's window, {window}"),
            "make it shorter, or the window longer",
        );
    }
    Some(read)
}

fn fields(step: &StepFile, node: &Node, checker: &mut Checker<'_>) -> Vec<StepField> {
    let list = node.get("fields");
    let fields: &[StepFieldFile] = &step.fields;
    let mut checked = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let node = list
            .and_then(|list| list.item(index, fields.len()))
            .unwrap_or(node);
        if let Some(name) = &field.name {
            let place = node.place_of("name");
            checker.name(place, "a field", name);
            if fields
                .iter()
                .take(index)
                .any(|earlier| earlier.name == field.name)
            {
                checker.tell(
                    place,
                    format!("two fields of a step are named `{name}`"),
                    "give one of them another name",
                );
            }
        }
        not_empty(node, field.when.as_deref(), checker);
        let name = field.name.clone().unwrap_or_default();
        let title = checker.local_text(node, "title", field.title.as_ref(), &name);
        let when = condition(node, field.when.as_deref(), checker);
        checked.extend(when.map(|when| StepField { name, title, when }));
    }
    checked
}

/// Tells of a condition that is empty.
pub(super) fn not_empty(node: &Node, when: Option<&str>, checker: &mut Checker<'_>) {
    if when.is_some_and(|when| when.trim().is_empty()) {
        checker.tell(
            node.place_of("when"),
            "`when` is empty",
            "write an SQL condition, such as `when: \"event = 'register'\"`",
        );
    }
}

/// A condition with its place.
pub(super) fn condition(
    node: &Node,
    when: Option<&str>,
    checker: &Checker<'_>,
) -> Option<Condition> {
    let place: Place = node.get("when").map_or(node.place, Node::content_place);
    when.map(|sql| Condition {
        sql: sql.to_owned(),
        place: checker.place(place),
    })
}
