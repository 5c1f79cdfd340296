//! A funnel's rules as the text that `funnel_path` takes, and its conditions as arguments.

use std::fmt::Write;

use super::numbering::{at_of, numbered};
use crate::project::{Condition, Duration, Funnel, StepOrder};

fn duration(length: Duration) -> String {
    let us = length.us();
    let units = [
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
    ];
    let whole = units.into_iter().find(|(_, unit)| us > 0 && us % unit == 0);
    match whole {
        Some((name, unit)) => format!("{}{name}", us / unit),
        None => format!("{us}us"),
    }
}

/// The rules.
pub(super) fn text(funnel: &Funnel) -> String {
    let order = match funnel.order {
        StepOrder::Ordered => "ordered",
        StepOrder::Strict => "strict",
        StepOrder::Any => "any",
    };
    let mut rules = format!("window {}; {order}", duration(funnel.window));
    for one in numbered(funnel) {
        if let Some(within) = one.step.within.filter(|_| one.field.is_none()) {
            let _ = write!(rules, "; step {} within {}", one.at, duration(within));
        }
        if one.is_optional() {
            let _ = write!(rules, "; step {} optional", one.at);
        }
    }
    for (index, exclusion) in funnel.exclusions.iter().enumerate() {
        let _ = write!(rules, "; exclusion {}", index + 1);
        if funnel.order != StepOrder::Any {
            let (after, before) = (
                at_of(funnel, exclusion.after),
                at_of(funnel, exclusion.before),
            );
            let _ = write!(rules, " after step {after} before step {before}");
        }
        rules.push_str(if exclusion.drops { " drop" } else { " keep" });
    }
    rules
}

/// The conditions, one per line, each with a comment that names it.
pub(super) fn conditions(funnel: &Funnel, indent: &str) -> String {
    let line = |what: String, condition: &Condition| {
        // A comment that stands last in a condition ends with its line.
        let end = if condition.sql.contains("--") {
            "\n"
        } else {
            ""
        };
        format!("{indent}-- {what}\n{indent}({}{end})", condition.sql)
    };
    let steps = numbered(funnel).into_iter().map(|one| {
        let what = match one.field {
            Some((_, field)) => format!("{}: field {} of {}", one.at, field.name, one.step.name),
            None => format!("{}: {}", one.at, one.step.name),
        };
        line(what, one.condition())
    });
    let exclusions = funnel
        .exclusions
        .iter()
        .enumerate()
        .map(|(index, exclusion)| line(format!("exclusion {}", index + 1), &exclusion.when));
    steps.chain(exclusions).collect::<Vec<_>>().join(",\n")
}
