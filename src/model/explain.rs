//! The engine's errors in words for who wrote the query.

use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::Statement;

use super::places;
use super::rules::nearest;
use crate::diagnostic::Diagnostic;

/// The engine's error as a problem in a file, with the place where it can be told.
pub fn of_error(error: &DataFusionError, statement: &Statement, file: &str) -> Diagnostic {
    let first = match error {
        DataFusionError::Collection(errors) => errors.first().unwrap_or(error),
        other => other,
    };
    let message = first.strip_backtrace();
    let message = message
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("Schema error: ")
        .split("\n")
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_string();
    let mut place = first
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| {
            (
                usize::try_from(span.start.line).unwrap_or(1),
                usize::try_from(span.start.column).unwrap_or(1),
            )
        });
    let mut cause = message
        .split(" Valid fields are")
        .next()
        .unwrap_or(&message)
        .trim_end_matches('.')
        .to_string();
    let mut mend = "correct the SQL at this place; `loudou query` tries it".to_string();
    if let DataFusionError::SchemaError(error, _) = root(first)
        && let datafusion::common::SchemaError::FieldNotFound {
            field,
            valid_fields,
        } = error.as_ref()
    {
        let names: Vec<&str> = valid_fields
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        cause = format!("there is no column {} here", field.name);
        let mut listed: Vec<&str> = names.clone();
        listed.dedup();
        mend = match nearest(&field.name, names.iter().copied()) {
            Some(name) => format!("did you mean {name}? There are: {}", listed.join(", ")),
            None if listed.is_empty() => "no table stands in this query's FROM".to_string(),
            None => format!("there are: {}", listed.join(", ")),
        };
        place = place.or_else(|| places::of_column(statement, &field.name));
    }
    if place.is_none()
        && let Some(name) = quoted_name(&message)
    {
        place = places::of_call(statement, &[&name], &Default::default());
    }
    let (line, column) = place.unwrap_or((1, 1));
    Diagnostic {
        file: file.to_string(),
        line: line.max(1),
        column: column.max(1),
        cause,
        mend,
    }
}

fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        other => other,
    }
}

/// The name in `Invalid function 'summ'` and the like.
fn quoted_name(message: &str) -> Option<String> {
    let start = message.find('\'')? + 1;
    let length = message[start..].find('\'')?;
    Some(message[start..start + length].to_string())
}
