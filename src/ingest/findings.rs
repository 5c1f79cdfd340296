//! What reading found that a person should see: lines set aside and by what, values made null, fields
//! that were not there before.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::IngestReport;
use crate::source::{BadKind, Decoded, RawObject};

/// Names of undeclared fields that are remembered of a source; where there are more, keys are data and
/// no schema.
const MAX_KNOWN_FIELDS: usize = 1_000;
/// New fields that one report names.
const MAX_NEW_FIELDS: usize = 20;

/// Lines set aside for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// The column at fault, if one is.
    pub column: Option<String>,
    /// As in quarantine.
    pub reason: &'static str,
    /// How many.
    pub lines: u64,
    /// The first object that has one.
    pub first_object: String,
    /// Its line there.
    pub first_line: u64,
}

/// A field that no column declares and that no earlier run has seen. It stays in `props`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewField {
    /// Its name.
    pub name: String,
    /// Rows that have it.
    pub rows: u64,
    /// The first object that has it.
    pub first_object: String,
}

/// Collects what objects, in their order, have shown.
#[derive(Debug, Default)]
pub(super) struct Findings {
    set_aside: BTreeMap<BadKind, SetAside>,
    undeclared: BTreeMap<String, NewField>,
    empty: Vec<String>,
}

impl Findings {
    /// Takes in what one object has shown.
    pub fn add(&mut self, object: &RawObject, decoded: &Decoded, report: &mut IngestReport) {
        report.lines += decoded.lines;
        report.bad_lines += decoded.bad_lines;
        for (kind, count) in &decoded.bad_by_kind {
            let reason = kind.reason.to_string();
            *report.bad_by_reason.entry(reason).or_insert(0) += count.lines;
            let entry = self.set_aside.entry(kind.clone());
            let found = entry.or_insert_with(|| SetAside {
                column: kind.column.clone(),
                reason: kind.reason,
                lines: 0,
                first_object: object.path.clone(),
                first_line: count.first_line,
            });
            found.lines += count.lines;
        }
        for (column, rows) in &decoded.made_null {
            *report.made_null.entry(column.clone()).or_insert(0) += rows;
        }
        for (name, rows) in &decoded.undeclared {
            let entry = self.undeclared.entry(name.clone());
            let found = entry.or_insert_with(|| NewField {
                name: name.clone(),
                rows: 0,
                first_object: object.path.clone(),
            });
            found.rows += rows;
        }
        if object.size == 0 {
            self.empty.push(object.path.clone());
        }
    }

    /// Enters all of it into the report; gives the names to remember. `known` are those of earlier runs;
    /// without any, all that is there is as it ever was.
    pub fn finish(
        self,
        known: Option<&BTreeSet<String>>,
        report: &mut IngestReport,
    ) -> BTreeSet<String> {
        report.set_aside = self.set_aside.into_values().collect();
        report
            .set_aside
            .sort_by_key(|found| std::cmp::Reverse(found.lines));
        if let Some(first) = self.empty.first() {
            report.warnings.push(match self.empty.len() {
                1 => format!("{first} is empty"),
                count => format!("{count} objects are empty (the first is {first})"),
            });
        }
        let room = MAX_KNOWN_FIELDS.saturating_sub(known.map_or(0, BTreeSet::len));
        let is_known = |name: &String| known.is_some_and(|known| known.contains(name));
        let mut new: Vec<NewField> = self
            .undeclared
            .into_values()
            .filter(|field| !is_known(&field.name))
            .take(room)
            .collect();
        let names = new.iter().map(|field| field.name.clone()).collect();
        if known.is_some() {
            new.sort_by(|left, right| (right.rows, &left.name).cmp(&(left.rows, &right.name)));
            report.new_fields_in_all = new.len();
            new.truncate(MAX_NEW_FIELDS);
            report.new_fields = new;
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> RawObject {
        RawObject {
            path: path.to_string(),
            size: 1,
            etag: String::new(),
            path_date: None,
            path_hour: None,
        }
    }

    fn seen(fields: &[(&str, u64)]) -> Decoded {
        Decoded {
            undeclared: fields
                .iter()
                .map(|(name, rows)| ((*name).to_string(), *rows))
                .collect(),
            ..Decoded::default()
        }
    }

    #[test]
    fn only_what_no_run_has_seen_is_new() {
        let mut findings = Findings::default();
        let mut report = IngestReport::default();
        findings.add(
            &object("a"),
            &seen(&[("old", 5), ("coupon", 1)]),
            &mut report,
        );
        findings.add(
            &object("b"),
            &seen(&[("coupon", 2), ("zone", 9)]),
            &mut report,
        );
        let known = BTreeSet::from(["old".to_string()]);
        let names = findings.finish(Some(&known), &mut report);
        assert_eq!(
            names,
            BTreeSet::from(["coupon".to_string(), "zone".to_string()])
        );
        let told: Vec<_> = report
            .new_fields
            .iter()
            .map(|field| (field.name.as_str(), field.rows, field.first_object.as_str()))
            .collect();
        assert_eq!(told, [("zone", 9, "b"), ("coupon", 3, "a")]);
    }

    #[test]
    fn a_first_run_has_nothing_to_compare_with_and_names_are_bounded() {
        let many: Vec<String> = (0..3_000).map(|number| format!("k{number:04}")).collect();
        let fields: Vec<(&str, u64)> = many.iter().map(|name| (name.as_str(), 1)).collect();
        let mut report = IngestReport::default();
        let mut first = Findings::default();
        first.add(&object("a"), &seen(&fields), &mut report);
        let known = first.finish(None, &mut report);
        assert_eq!((known.len(), report.new_fields.len()), (1_000, 0));
        let mut next = Findings::default();
        next.add(&object("b"), &seen(&[("new", 1)]), &mut report);
        assert_eq!(next.finish(Some(&known), &mut report).len(), 0);
        let mut other = Findings::default();
        other.add(&object("b"), &seen(&fields[..100]), &mut report);
        let few = BTreeSet::from(["k0000".to_string()]);
        assert_eq!(other.finish(Some(&few), &mut report).len(), 99);
        assert_eq!(
            (report.new_fields.len(), report.new_fields_in_all),
            (20, 99)
        );
    }
}
