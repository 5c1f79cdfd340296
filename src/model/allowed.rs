//! Which functions the SQL of a project may call, and how much those may make that make much of little.
//!
//! The list is closed: a function that a new version of the engine brings is refused until somebody has
//! looked at it. The test below names it.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::allowed_names::ALLOWED;
use crate::project::{DAY_US, HOUR_US};

/// Values that one call may make.
const MOST_MADE: i128 = 1_000_000;
/// Characters that one call may pad or repeat a text to.
const MOST_CHARACTERS: i128 = 10_000;

/// Whether the SQL of a project may call a function.
pub(super) fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok()
}

/// What is too much of a call, and what to do about it.
pub(super) fn too_much(name: &str, arguments: &[Expr]) -> Option<(&'static str, &'static str)> {
    let whole = |at: usize| arguments.get(at).and_then(whole_number);
    match name {
        "generate_series" | "range" if !makes_few(arguments) => Some((
            "makes a list whose length is not known to be bounded",
            "take steps of a day or more between dates; write the ends of other lists as constants, for at most 1,000,000 values and in steps of an hour or more",
        )),
        "array_repeat" | "array_resize" if whole(1).is_none_or(|count| count > MOST_MADE) => {
            Some((
                "makes a list whose length is not known to be bounded",
                "write its length as a constant of at most 1,000,000",
            ))
        }
        "repeat" | "lpad" | "rpad" if whole(1).is_none_or(|count| count > MOST_CHARACTERS) => {
            Some((
                "makes a text whose length is not known to be bounded",
                "write its length as a constant of at most 10,000",
            ))
        }
        _ => None,
    }
}

fn makes_few(arguments: &[Expr]) -> bool {
    let numbers: Option<Vec<i128>> = arguments.iter().map(whole_number).collect();
    if let Some(numbers) = numbers {
        let (first, last, step) = match *numbers.as_slice() {
            [last] => (0, last, 1),
            [first, last] => (first, last, 1),
            [first, last, step] => (first, last, step),
            _ => return false,
        };
        return step != 0 && (last - first) / step <= MOST_MADE;
    }
    let [first, last, step] = arguments else {
        return false;
    };
    let Some(step) = step_us(step) else {
        return false;
    };
    // Of days there are a few million from the first year to the last, whatever the ends are.
    let constants = instant_us(first).zip(instant_us(last));
    step >= i128::from(DAY_US)
        || (step >= i128::from(HOUR_US)
            && constants.is_some_and(|(first, last)| (last - first).abs() / step <= MOST_MADE))
}

/// The constant below casts.
fn constant(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value),
        Expr::Cast(cast) => constant(&cast.expr),
        Expr::TryCast(cast) => constant(&cast.expr),
        Expr::Alias(alias) => constant(&alias.expr),
        _ => None,
    }
}

fn whole_number(expression: &Expr) -> Option<i128> {
    if let Expr::Negative(inner) = expression {
        return whole_number(inner).map(|number| -number);
    }
    match *constant(expression)? {
        ScalarValue::Int8(number) => number.map(i128::from),
        ScalarValue::Int16(number) => number.map(i128::from),
        ScalarValue::Int32(number) => number.map(i128::from),
        ScalarValue::Int64(number) => number.map(i128::from),
        ScalarValue::UInt8(number) => number.map(i128::from),
        ScalarValue::UInt16(number) => number.map(i128::from),
        ScalarValue::UInt32(number) => number.map(i128::from),
        ScalarValue::UInt64(number) => number.map(i128::from),
        _ => None,
    }
}

/// A constant date or time in microseconds since 1970, as near as it matters here.
fn instant_us(expression: &Expr) -> Option<i128> {
    let day = i128::from(DAY_US);
    match constant(expression)? {
        ScalarValue::Date32(days) => days.map(|days| i128::from(days) * day),
        ScalarValue::Date64(ms) => ms.map(|ms| i128::from(ms) * 1_000),
        ScalarValue::TimestampSecond(time, _) => time.map(|time| i128::from(time) * 1_000_000),
        ScalarValue::TimestampMillisecond(time, _) => time.map(|time| i128::from(time) * 1_000),
        ScalarValue::TimestampMicrosecond(time, _) => time.map(i128::from),
        ScalarValue::TimestampNanosecond(time, _) => time.map(|time| i128::from(time) / 1_000),
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            let date = text.get(..10)?.parse::<chrono::NaiveDate>().ok()?;
            Some(i128::from(crate::project::date32(date)) * day)
        }
        _ => None,
    }
}

/// A constant interval in microseconds; a month counts 28 days.
fn step_us(expression: &Expr) -> Option<i128> {
    let parts = |months: i32, days: i32, us: i64| {
        (i128::from(months) * 28 + i128::from(days)) * i128::from(DAY_US) + i128::from(us)
    };
    let step = match constant(expression)? {
        ScalarValue::IntervalMonthDayNano(Some(step)) => {
            parts(step.months, step.days, step.nanoseconds / 1_000)
        }
        ScalarValue::IntervalDayTime(Some(step)) => {
            parts(0, step.days, i64::from(step.milliseconds) * 1_000)
        }
        ScalarValue::IntervalYearMonth(Some(months)) => parts(*months, 0, 0),
        _ => return None,
    };
    Some(step.abs())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use datafusion::execution::FunctionRegistry;
    use datafusion::prelude::SessionContext;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::super::allowed_names::REFUSED;
    use super::*;
    use crate::engine::{Engine, EngineOptions};

    fn session(folder: &std::path::Path) -> SessionContext {
        let engine = Engine::new(EngineOptions {
            zone: chrono_tz::Tz::UTC,
            memory_bytes: 64 << 20,
            spill_dir: folder.to_path_buf(),
            threads: 1,
        });
        engine.unwrap().session().unwrap()
    }

    #[test]
    fn every_function_of_the_engine_was_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        let state = session.state();
        let mut names = BTreeSet::new();
        for function in state.scalar_functions().values() {
            names.insert(function.name().to_string());
        }
        for function in state.aggregate_functions().values() {
            names.insert(function.name().to_string());
        }
        for name in session.udwfs() {
            names.insert(session.udwf(&name).unwrap().name().to_string());
        }
        let listed: BTreeSet<String> = ALLOWED
            .iter()
            .chain(&REFUSED)
            .map(|name| (*name).to_string())
            .collect();
        let new: Vec<_> = names.difference(&listed).collect();
        let gone: Vec<_> = listed.difference(&names).collect();
        assert!(
            new.is_empty() && gone.is_empty(),
            "new: {new:?}\ngone: {gone:?}"
        );
        assert!(ALLOWED.is_sorted(), "names are searched by halves");
        assert!(!REFUSED.iter().any(|name| is_allowed(name)));
    }

    /// The parser lets one query through; if it did not, nothing but a query is planned.
    #[tokio::test]
    async fn what_is_no_query_is_refused_behind_the_parser_too() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        for (sql, is_query) in [
            ("select 1", true),
            ("create table x as select 1", false),
            ("create view x as select 1", false),
            ("drop table if exists x", false),
            ("set datafusion.execution.batch_size = 1", false),
        ] {
            let statement = Parser::parse_sql(&GenericDialect {}, sql)
                .unwrap()
                .remove(0);
            let planned = crate::model::check::plan(&session, statement.clone()).await;
            let tried = crate::model::check::try_plan(&session, statement).await;
            assert_eq!(
                (planned.is_ok(), tried.is_ok()),
                (is_query, is_query),
                "{sql}"
            );
        }
    }

    #[tokio::test]
    async fn what_makes_much_of_little_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        for (call, is_few) in [
            ("range(1, 7)", true),
            ("range(1000000)", true),
            ("range(1000000000)", false),
            ("generate_series(0, 1000000000000, 1000000)", true),
            ("generate_series(1, -1000000000, -1)", false),
            ("generate_series(-5, 5)", true),
            ("range(1, length('x'))", false),
            (
                "generate_series(date '2026-01-01', date '2026-12-31', interval '1 day')",
                true,
            ),
            (
                "generate_series(date '2026-01-01', date '2026-12-31', interval '1 month')",
                true,
            ),
            (
                "generate_series(timestamp '2026-01-01', timestamp '2026-01-02', interval '1 hour')",
                true,
            ),
            (
                "generate_series(timestamp '2026-01-01', timestamp '2026-01-02', interval '1 second')",
                false,
            ),
            (
                "generate_series(date '0001-01-01', date '9999-12-31', interval '1 hour')",
                false,
            ),
            (
                "generate_series(date '2026-01-01', to_date('2026-01-05'), interval '1 day')",
                true,
            ),
            (
                "generate_series(timestamp '2026-01-01', to_timestamp(1), interval '1 hour')",
                false,
            ),
            ("array_repeat(1, 5)", true),
            ("array_repeat(1, 5000000)", false),
            ("array_repeat(1, length('x'))", false),
            ("repeat('x', 10)", true),
            ("repeat('x', 1000000000)", false),
            ("lpad('x', 20, '0')", true),
            ("rpad('x', 1000000000)", false),
        ] {
            let plan = session
                .state()
                .create_logical_plan(&format!("select {call}"))
                .await
                .unwrap();
            let mut found = None;
            for expression in plan.expressions() {
                let mut inner = &expression;
                while let Expr::Alias(alias) = inner {
                    inner = &alias.expr;
                }
                if let Expr::ScalarFunction(function) = inner {
                    found = Some(too_much(function.func.name(), &function.args).is_none());
                }
            }
            assert_eq!(found, Some(is_few), "{call}");
        }
    }
}
