//! Sources: where raw objects lie and what a row of them becomes.

use std::path::Path;

use super::columns::columns;
use super::complete_when::complete_when;
use super::layout::layout;
use super::limits::limits;
use super::line_format;
use super::time::time;
use super::{Checker, Part};
use crate::config::paths;
use crate::config::raw::{DuplicatesWord, LayoutZoneWord, SourceFile, SourceFreshnessFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{
    DataType, Duplicates, Duration, FileFormat, LayoutZone, Limits, Source, SourceFreshness,
    StoreSettings, Stores,
};

/// Where a source may not read from, and what relative folders are relative to.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The project's folder, canonical.
    pub root: &'a Path,
    /// URL of the published tables' folder, if it is known.
    pub warehouse: Option<&'a str>,
    /// How stores are reached.
    pub stores: &'a Stores,
}

/// Checks one source.
pub fn source(
    name: &str,
    raw: &SourceFile,
    part: Part<'_>,
    surroundings: Surroundings<'_>,
    checker: &mut Checker<'_>,
) -> Option<Source> {
    let before = checker.told();
    let node = part.node;
    checker.name(part.key_place, "a source", name);

    let from = raw
        .from
        .as_deref()
        .and_then(|text| from(node.place_of("from"), text, surroundings, checker));
    // Without a readable layout nothing is said about what it lacks.
    let has_date = raw
        .layout
        .as_deref()
        .is_none_or(|text| layout(node.place_of("layout"), text, raw, checker));
    let format = line_format::format(name, raw, part, surroundings.root, checker);
    let has_parts = format.as_ref().is_some_and(FileFormat::has_parts);
    let usual_time = format.as_ref().and_then(line_format::usual_time);

    if raw.time.is_none() && usual_time.is_none() && !part.is_hurt("time") {
        if raw.user.is_some() {
            checker.tell(
                part.key_place,
                format!("source `{name}` has a `user` but no `time`"),
                "add where the event time stands, such as `time: {field: ts, format: iso}`",
            );
        } else if !has_date {
            checker.tell(
                part.key_place,
                format!("source `{name}` has neither a `time` nor `{{date}}` in its `layout`: its rows belong to no day"),
                "add `time: {field: …, format: …}`, or `{date}` where the day stands in the objects' names",
            );
        }
    }
    let time = raw
        .time
        .as_ref()
        .and_then(|raw| time(raw, node.get("time").unwrap_or(node), has_parts, checker));
    let time = match raw.time {
        None => usual_time,
        Some(_) => time,
    };
    for (key, field) in [("id", &raw.id), ("user", &raw.user)] {
        if let Some(field) = field {
            checker.field(node.place_of(key), key, field, has_parts);
        }
    }
    let duplicates = duplicates(name, raw, part, checker);
    let columns = columns(name, raw, part, has_parts, checker);
    if let Some(format) = &format {
        line_format::fields(raw, format, node, checker);
    }
    let sort_by = sort_by(name, raw, part, checker);

    let days = |key: &str, text: &Option<String>, checker: &mut Checker<'_>| {
        text.as_deref()
            .map(|text| checker.whole_days(node.place_of(key), key, text))
    };
    let late = days("late", &raw.late, checker).unwrap_or(Duration::from_days(3));
    let inside = |outer: &str, inner: &str| {
        node.get(outer)
            .map_or(node.place, |outer| outer.place_of(inner))
    };
    let complete_when = complete_when(raw, part, checker);
    let quarantine_at_most = raw
        .quarantine
        .as_ref()
        .and_then(|raw| raw.at_most.as_ref())
        .map_or(0.001, |share| {
            checker.percent(inside("quarantine", "at_most"), "at_most", share)
        });
    let limits = raw.limits.as_ref().map_or(Limits::DEFAULT, |raw| {
        limits(raw, node.get("limits").unwrap_or(node), checker)
    });
    let freshness = raw
        .freshness
        .as_ref()
        .and_then(|raw| freshness(raw, node, checker));

    let source = Source {
        name: name.to_owned(),
        store: from
            .as_deref()
            .map_or_else(StoreSettings::default, |url| surroundings.stores.of(url)),
        from: from?,
        layout: raw.layout.clone()?,
        layout_zone: match raw.layout_zone {
            None | Some(LayoutZoneWord::Project) => LayoutZone::Project,
            Some(LayoutZoneWord::Utc) => LayoutZone::Utc,
        },
        format: format?,
        time,
        id: raw.id.clone(),
        user: raw.user.clone(),
        duplicates,
        columns,
        sort_by,
        late,
        complete_when,
        quarantine_at_most,
        limits,
        freshness,
        place: checker.place(part.key_place),
    };
    (checker.told() == before).then_some(source)
}

fn from(
    place: Place,
    text: &str,
    surroundings: Surroundings<'_>,
    checker: &mut Checker<'_>,
) -> Option<String> {
    match paths::folder(surroundings.root, "from", text) {
        Ok(folder)
            if surroundings
                .warehouse
                .is_some_and(|warehouse| folder.url.starts_with(warehouse)) =>
        {
            checker.tell(
                place,
                "`from` lies in the warehouse: the project would read what it writes",
                "keep raw objects in a folder of their own, such as `from: raw/events/`",
            );
            None
        }
        Ok(folder) => Some(folder.url),
        Err(wrong) => {
            checker.tell(place, wrong.cause, wrong.mend);
            None
        }
    }
}

fn duplicates(
    name: &str,
    raw: &SourceFile,
    part: Part<'_>,
    checker: &mut Checker<'_>,
) -> Duplicates {
    if raw.id.is_none() && !part.is_hurt("id") {
        if raw.duplicates == Some(DuplicatesWord::ById) {
            checker.tell(
                part.node.place_of("duplicates"),
                format!("source `{name}` has `duplicates: by_id` but no `id`"),
                "add `id: <field>`, or write `duplicates: keep` or `duplicates: whole_row`",
            );
        } else if raw.duplicates.is_none() && !part.is_hurt("duplicates") {
            checker.tell(
                part.key_place,
                format!("source `{name}` has no `id`, so it must say what happens to duplicate rows"),
                "add `id: <field>`, or `duplicates: keep` (all rows stay) or `duplicates: whole_row` (equal rows are one)",
            );
        }
    }
    match raw.duplicates {
        None | Some(DuplicatesWord::ById) => Duplicates::ById,
        Some(DuplicatesWord::Keep) => Duplicates::Keep,
        Some(DuplicatesWord::WholeRow) => Duplicates::WholeRow,
    }
}

fn sort_by(
    source: &str,
    raw: &SourceFile,
    part: Part<'_>,
    checker: &mut Checker<'_>,
) -> Vec<String> {
    let node = part.node;
    let Some(columns) = &raw.sort_by else {
        if raw.user.is_none() && !part.is_hurt("user") && !part.is_hurt("sort_by") {
            checker.tell(
                part.key_place,
                format!(
                    "source `{source}` has no `user`, so it must say by which columns it is sorted"
                ),
                "add `sort_by: [<column>, …]`, or `user: <field>` if its rows are events of users",
            );
        }
        return Vec::new();
    };
    let place = node
        .entry("sort_by")
        .map_or(node.place, |entry| entry.key_place);
    if raw.user.is_some() {
        checker.tell(
            place,
            format!("source `{source}` has a `user`, so it is sorted by user and time"),
            "remove `sort_by`",
        );
        return Vec::new();
    }
    if columns.is_empty() && !part.is_hurt("sort_by") {
        checker.tell(
            place,
            "`sort_by` has no column",
            "name at least one column, such as `sort_by: [channel]`",
        );
    }
    let list = node.get("sort_by");
    let declared: Vec<&str> = node
        .get("columns")
        .into_iter()
        .flat_map(Node::entries)
        .map(|entry| entry.key.as_str())
        .collect();
    for (index, column) in columns.iter().enumerate() {
        let place = list.map_or(node.place, |list| list.place_of_item(index, columns.len()));
        let data_type = raw.columns.iter().flat_map(|columns| &columns.0);
        let data_type = data_type
            .filter(|(name, _)| name == column)
            .find_map(|(_, column)| column.data_type());
        if let Some(list @ DataType::List(_)) = data_type {
            checker.tell(
                place,
                format!("`sort_by` names `{column}`, a {list}: lists are not compared"),
                "take another column",
            );
        } else if !declared.contains(&column.as_str()) {
            checker.tell(
                place,
                format!(
                    "`sort_by` names {}, which is no declared column",
                    words::quoted(column)
                ),
                format!(
                    "{}columns are {}",
                    words::did_you_mean(column, declared.iter().copied()),
                    words::list(declared.iter().copied())
                ),
            );
        } else if columns.iter().take(index).any(|earlier| earlier == column) {
            checker.tell(
                place,
                format!("`sort_by` names `{column}` twice"),
                "keep one of them",
            );
        }
    }
    columns.clone()
}

/// How old the newest row may be: one bound at least, and a warning before the failure.
fn freshness(
    raw: &SourceFreshnessFile,
    node: &Node,
    checker: &mut Checker<'_>,
) -> Option<SourceFreshness> {
    let outer = node.get("freshness").unwrap_or(node);
    let mut bound = |key: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| checker.duration(outer.place_of(key), key, text))
    };
    let warn_after = bound("warn_after", &raw.warn_after);
    let fail_after = bound("fail_after", &raw.fail_after);
    if outer.entries().is_empty() {
        checker.tell(
            outer.place,
            "`freshness` has no bound",
            "write one at least: `freshness: {warn_after: 2h, fail_after: 1d}`",
        );
    }
    if let (Some(warn), Some(fail)) = (warn_after, fail_after)
        && warn >= fail
    {
        checker.tell(
            outer.place_of("warn_after"),
            format!("`warn_after: {warn}` is not before `fail_after: {fail}`: nothing would ever be warned of"),
            "let the warning come first, or leave it out",
        );
    }
    Some(SourceFreshness {
        warn_after,
        fail_after,
    })
}
