//! Checks that a contract declares, of its columns and of the table as a whole.

use super::relationships::{self, Sides};
use super::values::is_name;
use super::{Checker, Tables};
use crate::config::raw::{
    AgainstWord, BuildWord, ColumnCheckMapping, ContractColumnFile, ContractFile, FreshnessFile,
    RowCountFile, SeverityWord, SqlFile, TableCheckFile,
};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{
    CheckQuery, ColumnCheck, ColumnRule, DataType, Earlier, Relationship, Severity, TableCheck,
    TableRule,
};

/// Largest `within` of a row count, in percent.
const MOST_WITHIN: u32 = 1_000;

/// The table whose contract is checked.
pub struct Own<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its columns with their types, where those could be read.
    pub columns: Vec<(&'a str, Option<DataType>)>,
    build: Option<BuildWord>,
}

impl<'a> Own<'a> {
    /// From the contract as written.
    pub fn new(name: &'a str, raw: &'a ContractFile) -> Self {
        let columns = raw.columns.iter().flat_map(|columns| &columns.0);
        Self {
            name,
            columns: columns
                .map(|(column, raw)| {
                    let data_type = raw.data_type.as_deref().and_then(DataType::parse);
                    (column.as_str(), data_type)
                })
                .collect(),
            build: raw.build,
        }
    }
}

/// What was read of a contract's checks so far.
#[derive(Default)]
pub struct Checks {
    /// Those of the table; relationships of columns are among them.
    pub of_table: Vec<TableCheck>,
    /// Names with the line of each.
    names: Vec<(String, usize)>,
}

impl Checks {
    /// Reads the checks of one column.
    pub fn of_column(
        &mut self,
        (name, data_type): (&str, Option<DataType>),
        raw: &ContractColumnFile,
        node: &Node,
        (own, tables): (&Own<'_>, &Tables),
        checker: &mut Checker<'_>,
    ) -> Vec<ColumnCheck> {
        let list = node.get("checks");
        if own.build == Some(BuildWord::View) && !raw.checks.is_empty() {
            of_view(list.map_or(node.place, |list| list.place), checker);
        }
        let mut read: Vec<ColumnCheck> = Vec::new();
        for (index, check) in raw.checks.iter().enumerate() {
            let place = list.map_or(node.place, |list| {
                list.place_of_item(index, raw.checks.len())
            });
            let item = list.and_then(|list| list.item(index, raw.checks.len()));
            let before = checker.told();
            let (severity, named) = settings(&check.0);
            let severity = of_word(severity);
            self.name(place, item, named, checker);
            let named = named.map(str::to_owned);
            if let ColumnCheckMapping::Relationship(raw) = &check.0 {
                let Some(to) = raw.to.as_deref() else {
                    continue;
                };
                let place = inner_place(item, "relationship", "to").unwrap_or(place);
                let (to, column) = to.split_once('.').unwrap_or((to, name));
                let sides = Sides {
                    columns: &[name.to_owned()],
                    to: (to, place),
                    to_columns: &[column.to_owned()],
                };
                relationships::check(&sides, own, tables, checker);
                let rule = TableRule::Relationship(Relationship {
                    columns: vec![name.to_owned()],
                    to: to.to_owned(),
                    to_columns: vec![column.to_owned()],
                    place: checker.place(place),
                });
                self.add(place, rule, severity, named, before, checker);
                continue;
            }
            let rule = column_rule(place, name, &check.0, item, data_type, checker);
            if let Some(rule) = rule.filter(|_| checker.told() == before) {
                if read.iter().any(|earlier| earlier.rule == rule) {
                    checker.tell(
                        place,
                        format!("column `{name}` has the same check twice"),
                        "keep one of them",
                    );
                }
                read.push(ColumnCheck {
                    rule,
                    severity,
                    name: named,
                });
            }
        }
        read
    }

    /// Reads the checks of the table.
    pub fn of_table(
        &mut self,
        own: &Own<'_>,
        raw: &ContractFile,
        node: &Node,
        tables: &Tables,
        checker: &mut Checker<'_>,
    ) {
        let list = node.get("checks");
        if own.build == Some(BuildWord::View) && !raw.checks.is_empty() {
            of_view(
                node.entry("checks")
                    .map_or(node.place, |entry| entry.key_place),
                checker,
            );
        }
        for (index, check) in raw.checks.iter().enumerate() {
            let place = list.map_or(node.place, |list| {
                list.place_of_item(index, raw.checks.len())
            });
            let item = list.and_then(|list| list.item(index, raw.checks.len()));
            let before = checker.told();
            let (rule, severity, name) = match check {
                TableCheckFile::RowCount(raw) => (
                    row_count(place, raw, item, own, checker),
                    raw.severity,
                    raw.name.as_deref(),
                ),
                TableCheckFile::Relationship(raw) => (
                    relationships::of_table(place, raw, item, own, tables, checker),
                    raw.severity,
                    raw.name.as_deref(),
                ),
                TableCheckFile::Sql(raw) => {
                    (query(raw, item, checker), raw.severity, raw.name.as_deref())
                }
                TableCheckFile::Freshness(raw) => (
                    freshness(place, raw, item, own, checker),
                    raw.severity,
                    raw.name.as_deref(),
                ),
            };
            self.name(place, item, name, checker);
            if let Some(rule) = rule {
                let name = name.map(str::to_owned);
                self.add(place, rule, of_word(severity), name, before, checker);
            }
        }
    }

    /// Keeps a check if nothing was told about it since `before`.
    fn add(
        &mut self,
        place: Place,
        rule: TableRule,
        severity: Severity,
        name: Option<String>,
        before: usize,
        checker: &mut Checker<'_>,
    ) {
        if checker.told() > before {
            return;
        }
        if self
            .of_table
            .iter()
            .any(|earlier| is_same(&earlier.rule, &rule))
        {
            checker.tell(
                place,
                "the contract has the same check twice",
                "keep one of them",
            );
        }
        self.of_table.push(TableCheck {
            rule,
            severity,
            name,
        });
    }

    /// A check's own name: a name, and only one check's.
    fn name(
        &mut self,
        place: Place,
        item: Option<&Node>,
        name: Option<&str>,
        checker: &mut Checker<'_>,
    ) {
        let Some(name) = name else {
            return;
        };
        let place = item
            .and_then(|item| item.entries().first())
            .and_then(|entry| entry.value.get("name"))
            .map_or(place, |node| node.place);
        if !is_name(name) {
            checker.name(place, "a check", name);
        }
        match self.names.iter().find(|(earlier, _)| earlier == name) {
            Some((_, line)) => checker.tell(
                place,
                format!("two checks are named `{name}`"),
                format!("give one of them another name; the first is in line {line}"),
            ),
            None => self.names.push((name.to_owned(), place.line)),
        }
    }
}

/// Whether two rules say the same; where they are written does not matter.
fn is_same(a: &TableRule, b: &TableRule) -> bool {
    match (a, b) {
        (TableRule::Relationship(a), TableRule::Relationship(b)) => {
            (&a.columns, &a.to, &a.to_columns) == (&b.columns, &b.to, &b.to_columns)
        }
        (TableRule::Query(a), TableRule::Query(b)) => a.sql == b.sql,
        _ => a == b,
    }
}

fn of_view(place: Place, checker: &mut Checker<'_>) {
    checker.tell(
        place,
        "a view is not stored, so nothing of it can be audited",
        "move the checks to a model that reads it, or write `build: by_date`",
    );
}

fn settings(check: &ColumnCheckMapping) -> (Option<SeverityWord>, Option<&str>) {
    match check {
        ColumnCheckMapping::NotNull(raw) | ColumnCheckMapping::Unique(raw) => {
            (raw.severity, raw.name.as_deref())
        }
        ColumnCheckMapping::AcceptedValues(raw) => (raw.0.severity, raw.0.name.as_deref()),
        ColumnCheckMapping::Range(raw) => (raw.severity, raw.name.as_deref()),
        ColumnCheckMapping::Relationship(raw) => (raw.severity, raw.name.as_deref()),
    }
}

fn of_word(word: Option<SeverityWord>) -> Severity {
    match word {
        None | Some(SeverityWord::Stop) => Severity::Stop,
        Some(SeverityWord::Warn) => Severity::Warn,
    }
}

/// Where a key of a check's settings has its value.
pub fn inner_place(item: Option<&Node>, kind: &str, key: &str) -> Option<Place> {
    Some(item?.get(kind)?.get(key)?.place)
}

/// A column of the table itself, with its type; it is told if there is none.
pub fn own_column(
    place: Place,
    key: &str,
    column: &str,
    own: &Own<'_>,
    checker: &mut Checker<'_>,
) -> Option<DataType> {
    let found = own.columns.iter().find(|(name, _)| *name == column);
    match found {
        Some((_, data_type)) => *data_type,
        None => {
            let names = || own.columns.iter().map(|(name, _)| *name);
            checker.tell(
                place,
                format!(
                    "`{key}` names {}, which is no column of the contract",
                    words::quoted(column)
                ),
                format!(
                    "{}columns are {}",
                    words::did_you_mean(column, names()),
                    words::list(names())
                ),
            );
            None
        }
    }
}

fn column_rule(
    place: Place,
    column: &str,
    raw: &ColumnCheckMapping,
    node: Option<&Node>,
    data_type: Option<DataType>,
    checker: &mut Checker<'_>,
) -> Option<ColumnRule> {
    Some(match raw {
        ColumnCheckMapping::NotNull(_) => ColumnRule::NotNull,
        ColumnCheckMapping::Unique(_) => {
            if let Some(list @ DataType::List(_)) = data_type {
                checker.tell(
                    place,
                    format!("`unique` of `{column}` cannot be checked: it is a {list}"),
                    "remove the check; of a list only `not_null` is checked",
                );
            }
            ColumnRule::Unique
        }
        ColumnCheckMapping::AcceptedValues(raw) => {
            let values = raw.0.values.as_ref()?;
            let values: Vec<String> = values.iter().map(|value| value.0.clone()).collect();
            accepted_values(place, column, &values, data_type, checker);
            ColumnRule::AcceptedValues(values)
        }
        ColumnCheckMapping::Range(raw) => {
            let is_number = matches!(
                data_type,
                None | Some(DataType::Int64 | DataType::Float64 | DataType::Decimal { .. })
            );
            if !is_number {
                checker.tell(
                    place,
                    format!("`range` is for numbers, but `{column}` is not one"),
                    "remove the check, or use `accepted_values` for texts",
                );
            }
            // A bound that could not be read was told already.
            let is_empty = node.and_then(|node| node.get("range")).is_none_or(|range| {
                let is_setting = |key: &str| ["severity", "name"].contains(&key);
                range.entries().iter().all(|entry| is_setting(&entry.key))
            });
            match (raw.min, raw.max) {
                (None, None) if is_empty => checker.tell(
                    place,
                    format!("`range` of `{column}` has no bound"),
                    "write one at least: `range: {min: 0, max: 1}`",
                ),
                (Some(min), Some(max)) if min > max => checker.tell(
                    place,
                    format!("`range` of `{column}` runs from {min} to {max}: no value is within"),
                    "swap `min` and `max`",
                ),
                _ => {}
            }
            ColumnRule::Range {
                min: raw.min,
                max: raw.max,
            }
        }
        ColumnCheckMapping::Relationship(_) => return None,
    })
}

fn accepted_values(
    place: Place,
    column: &str,
    values: &[String],
    data_type: Option<DataType>,
    checker: &mut Checker<'_>,
) {
    if values.is_empty() {
        checker.tell(
            place,
            format!("`accepted_values` of `{column}` is empty"),
            "name the allowed values, such as `accepted_values: [ios, android]`",
        );
    }
    match data_type {
        Some(DataType::Int64) => {
            if let Some(value) = values.iter().find(|value| value.parse::<i64>().is_err()) {
                checker.tell(
                    place,
                    format!(
                        "`accepted_values` of `{column}` holds {}, but the column is `int64`",
                        words::quoted(value)
                    ),
                    "write whole numbers, or make the column a `string`",
                );
            }
        }
        None | Some(DataType::String) => {}
        Some(other) => checker.tell(
            place,
            format!("`accepted_values` is for `string` and `int64`, but `{column}` is `{other}`"),
            match other {
                DataType::List(_) => "remove the check; of a list only `not_null` is checked",
                _ => "use `range` for numbers, or remove the check",
            },
        ),
    }
}

fn row_count(
    place: Place,
    raw: &RowCountFile,
    item: Option<&Node>,
    own: &Own<'_>,
    checker: &mut Checker<'_>,
) -> Option<TableRule> {
    let place_of = |key: &str| inner_place(item, "row_count", key).unwrap_or(place);
    let written = |key: &str| inner_place(item, "row_count", key).is_some();
    let mut bound = |key: &str, bound: Option<i64>| {
        let read = bound.map(u64::try_from);
        if matches!(read, Some(Err(_))) {
            checker.tell(
                place_of(key),
                format!("`{key}` of `row_count` is less than no row"),
                format!("write a number of rows from 0 on, such as `{key}: 1`"),
            );
        }
        read.and_then(Result::ok)
    };
    let (min, max) = (bound("min", raw.min), bound("max", raw.max));
    let at_least_rows = bound("at_least_rows", raw.at_least_rows);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        checker.tell(
            place,
            format!("`row_count` runs from {min} to {max}: no number is within"),
            "swap `min` and `max`",
        );
    }
    let compares = written("against") || written("within") || written("at_least_rows");
    let bounds = written("min") || written("max");
    if compares && bounds {
        checker.tell(
            place,
            "bounds and a comparison with an earlier date are two checks",
            "write two: `- row_count: {min: 1}` and `- row_count: {against: yesterday, within: 50%}`",
        );
        return None;
    }
    if bounds {
        return Some(TableRule::RowCount { min, max });
    }
    if !compares {
        checker.tell(
            place,
            "`row_count` says nothing",
            "write a bound, `row_count: {min: 1}`, or a comparison, `row_count: {against: yesterday, within: 50%}`",
        );
        return None;
    }
    let of_place = |keys: [&str; 2]| {
        keys.iter()
            .find_map(|key| inner_place(item, "row_count", key))
            .unwrap_or(place)
    };
    if !written("within") {
        checker.tell(
            of_place(["against", "at_least_rows"]),
            "a comparison has no `within`",
            "say how far the numbers may differ, such as `within: 50%`",
        );
    }
    if !written("against") {
        checker.tell(
            of_place(["within", "at_least_rows"]),
            "a comparison has no `against`",
            "say what to compare with: `against: yesterday` or `against: same_weekday`",
        );
    }
    if own.build == Some(BuildWord::Whole) {
        checker.tell(
            place_of("against"),
            "a table built `whole` has no dates to compare",
            "use bounds, such as `row_count: {min: 1}`",
        );
    }
    let within = raw
        .within
        .as_ref()
        .map(|share| checker.share(place_of("within"), "within", share, MOST_WITHIN));
    Some(TableRule::RowCountAgainst {
        earlier: match raw.against? {
            AgainstWord::Yesterday => Earlier::Yesterday,
            AgainstWord::SameWeekday => Earlier::SameWeekday,
        },
        within: within?,
        at_least_rows: at_least_rows.unwrap_or(0),
    })
}

fn query(raw: &SqlFile, item: Option<&Node>, checker: &mut Checker<'_>) -> Option<TableRule> {
    let node = item?.get("sql")?.get("query")?;
    let sql = raw.query.clone()?;
    if sql.trim().is_empty() {
        checker.tell(
            node.place,
            "`query` is empty",
            "write a select of the rows at fault, such as `select * from this where paid > ordered`",
        );
    }
    Some(TableRule::Query(CheckQuery {
        sql,
        place: checker.place(node.content_place()),
    }))
}

fn freshness(
    place: Place,
    raw: &FreshnessFile,
    item: Option<&Node>,
    own: &Own<'_>,
    checker: &mut Checker<'_>,
) -> Option<TableRule> {
    let place_of = |key: &str| inner_place(item, "freshness", key).unwrap_or(place);
    let column = raw.column.as_deref();
    if let Some(column) = column
        && let Some(other) = own_column(place_of("column"), "column", column, own, checker)
        && !matches!(other, DataType::Timestamp | DataType::Date)
    {
        checker.tell(
            place_of("column"),
            format!("`freshness` is for times and dates, but `{column}` is `{other}`"),
            "name a column of type `timestamp` or `date`",
        );
    }
    let at_most = raw
        .at_most
        .as_deref()
        .map(|text| checker.duration(place_of("at_most"), "at_most", text));
    Some(TableRule::Freshness {
        column: column?.to_owned(),
        at_most: at_most?,
    })
}
