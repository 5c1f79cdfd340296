//! `complete_when` of a source: what a day waits for.

use std::collections::BTreeSet;

use super::{Checker, Part};
use crate::config::raw::{CompleteWhenFile, SourceFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::project::{CompleteWhen, Duration, Needs, date_folder};

/// Checks `complete_when`; the default after a problem.
pub fn complete_when(raw: &SourceFile, part: Part<'_>, checker: &mut Checker<'_>) -> CompleteWhen {
    let (Some(written), Some(node)) = (&raw.complete_when, part.node.get("complete_when")) else {
        return CompleteWhen::default();
    };
    let is_hurt = part.is_hurt("complete_when");
    let has_needs = written.hours.is_some() || written.marker.is_some();
    if written.hours.is_some() && written.marker.is_some() {
        checker.tell(
            node.place_of("marker"),
            "`complete_when` has both `hours` and `marker`",
            "keep the one that tells when a day is whole: `marker`, if whoever delivers the objects writes one at the end, otherwise `hours`",
        );
    }
    let may_be_empty = may_be_empty(written, node, is_hurt, checker);
    if written.hours.is_some() {
        hours_of_layout(raw, part, node, checker);
    }
    if let Some(name) = &written.marker {
        marker(name, raw, part, node, checker);
    }
    if node.entries().is_empty() && !is_hurt {
        checker.tell(
            node.place,
            "`complete_when` says nothing",
            "write `after: 2h`, `hours: all` or `marker: _SUCCESS`",
        );
    }
    let default = CompleteWhen::default();
    let after = match &written.after {
        Some(after) => checker.duration(node.place_of("after"), "after", after),
        None if has_needs => Duration::from_us(0),
        None => default.after,
    };
    let needs = match (&written.hours, &written.marker) {
        (Some(_), _) => Needs::Hours { may_be_empty },
        (None, Some(name)) => Needs::Marker(name.clone()),
        (None, None) => Needs::Nothing,
    };
    CompleteWhen { after, needs }
}

fn may_be_empty(
    written: &CompleteWhenFile,
    node: &Node,
    is_hurt: bool,
    checker: &mut Checker<'_>,
) -> BTreeSet<u8> {
    let mut found = BTreeSet::new();
    let Some(hours) = &written.may_be_empty else {
        return found;
    };
    let list = node.get("may_be_empty").unwrap_or(node);
    if written.hours.is_none() && !is_hurt {
        checker.tell(
            node.entry("may_be_empty")
                .map_or(node.place, |entry| entry.key_place),
            "`may_be_empty` excepts hours, but no `hours` are waited for",
            "add `hours: all` beside it, or remove it",
        );
    }
    for (index, hour) in hours.iter().enumerate() {
        let place = list.place_of_item(index, hours.len());
        match u8::try_from(*hour).ok().filter(|hour| *hour < 24) {
            Some(hour) if !found.insert(hour) => checker.tell(
                place,
                format!("`may_be_empty` names hour {hour} twice"),
                "keep one of them",
            ),
            Some(_) => {}
            None => checker.tell(
                place,
                format!("`may_be_empty` names hour {hour}, which no day has"),
                match hour {
                    24 => "hours are 0 to 23; midnight is hour 0 of the next day",
                    _ => "hours are 0 to 23, as `{hour}` in the layout counts them",
                },
            ),
        }
    }
    if found.len() == 24 {
        checker.tell(
            list.place,
            "`may_be_empty` excepts all 24 hours, so nothing is waited for",
            "leave out the hours that always have objects, or wait by the clock alone: `complete_when: {after: 2h}`",
        );
    }
    found
}

fn hours_of_layout(raw: &SourceFile, part: Part<'_>, node: &Node, checker: &mut Checker<'_>) {
    let Some(layout) = raw.layout.as_deref() else {
        return;
    };
    if part.is_hurt("layout") || (layout.contains("{date}") && layout.contains("{hour}")) {
        return;
    }
    checker.tell(
        node.place_of("hours"),
        format!(
            "`hours` are waited for, but `layout` {} does not tell the hour of an object",
            words::quoted(layout)
        ),
        "write `{date}` and `{hour}` where they stand in the objects' names, or wait by the clock: `complete_when: {after: 2h}`",
    );
}

fn marker(name: &str, raw: &SourceFile, part: Part<'_>, node: &Node, checker: &mut Checker<'_>) {
    let place = node.place_of("marker");
    if name.trim().is_empty() {
        checker.tell(
            place,
            "`marker` is empty",
            "write the name of an object in the date's folder, such as `marker: _SUCCESS`",
        );
        return;
    }
    if name.contains(['/', '*', '{', '}']) || [".", ".."].contains(&name) {
        checker.tell(
            place,
            format!("`marker` cannot be {}", words::quoted(name)),
            "write the plain name of an object in the date's folder, such as `marker: _SUCCESS`",
        );
        return;
    }
    let Some(layout) = raw.layout.as_deref() else {
        return;
    };
    if part.is_hurt("layout") {
        return;
    }
    if layout.rsplit('/').next() == Some(name) {
        checker.tell(
            place,
            format!(
                "`marker` {} is the name of the objects themselves",
                words::quoted(name)
            ),
            "name the object that is written when the others are there; it holds no rows",
        );
        return;
    }
    if date_folder(layout).is_some() {
        return;
    }
    checker.tell(
        place,
        format!(
            "`marker` lies in a date's folder, but `layout` {} has no folder of a date alone",
            words::quoted(layout)
        ),
        "name the objects as in `dt={date}/*.ndjson.gz`, with no `*` or `{hour}` up to the date's folder, or wait by the clock: `complete_when: {after: 2h}`",
    );
}
