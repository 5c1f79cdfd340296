//! What can go wrong while running. Variants mirror what the caller does differently; problems in a
//! project's own files are [`crate::diagnostic::Diagnostic`]s instead.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

/// Result with our error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Wrong usage or configuration: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The project has problems, told one by one: exit code 2.
    #[error("{} problem(s) in the project", .0.len())]
    Project(Vec<crate::diagnostic::Diagnostic>),
    /// The warehouse is another run's until that ends: exit code 75.
    #[error("{0}")]
    Held(String),
    /// A day that was asked for is not complete yet: exit code 75.
    #[error("{0}")]
    Incomplete(String),
    /// What is written or read here changed under this run: exit code 75.
    #[error("{0}")]
    Locked(String),
    /// A store could not be reached or refused: exit code 75.
    #[error("{what}: {source}")]
    Store {
        /// What was being done, with the object's name.
        what: String,
        /// The store's error.
        source: object_store::Error,
    },
    /// A local file operation failed.
    #[error("{what} {path}: {source}", path = .path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// An object could not be read at all; it names the object.
    #[error("{object}: {cause}")]
    Object {
        /// The object's name.
        object: String,
        /// Why, and how to mend it.
        cause: String,
    },
    /// The engine failed on a query; `what` names it.
    #[error("{what}: {source}")]
    Engine {
        /// Which query.
        what: String,
        /// The engine's error.
        source: Box<DataFusionError>,
    },
    /// A step, audit or report failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// The process's exit code for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Project(_) => 2,
            Self::Held(_) | Self::Incomplete(_) | Self::Locked(_) | Self::Store { .. } => 75,
            Self::Io { .. } | Self::Object { .. } | Self::Engine { .. } | Self::Failed(_) => 1,
        }
    }

    /// Wraps an engine error with the query's name.
    pub fn engine(what: impl Into<String>) -> impl FnOnce(DataFusionError) -> Self {
        move |source| Self::Engine {
            what: what.into(),
            source: Box::new(source),
        }
    }

    /// Wraps a local I/O error.
    pub fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.into(),
            source,
        }
    }

    /// Wraps a store error.
    pub fn store(what: impl Into<String>) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Store {
            what: what.into(),
            source,
        }
    }
}

/// What an engine error says to a person, in one line: its innermost cause, without the names of the
/// engine's own kinds of error and without what it wraps around a function's own words.
pub fn engine_cause(error: &DataFusionError) -> String {
    let text = root(error).strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    let line = match line.split_once("coercion failed with: ") {
        Some((_, words)) => words.split(" No function matches").next().unwrap_or(words),
        None => line,
    };
    [
        "Error during planning: ",
        "Execution error: ",
        "Schema error: ",
    ]
    .iter()
    .fold(line, |line, kind| line.trim_start_matches(kind))
    .trim_end_matches('.')
    .to_string()
}

/// The error below the engine's remarks about where it met it.
pub fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, root),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_cause_is_told() {
        let plan = |text: &str| DataFusionError::Plan(text.to_string());
        for (error, expected) in [
            (
                plan("unknown mode 'strict'").context("Optimizer rule 'x' failed"),
                "unknown mode 'strict'",
            ),
            (
                DataFusionError::Execution(
                    "Function 'f' user-defined coercion failed with: Error during planning: f takes a timestamp, got Utf8. No function matches the given name and argument types 'f(Utf8)'. You might need to add explicit type casts.".into(),
                ),
                "f takes a timestamp, got Utf8",
            ),
            (
                DataFusionError::Collection(vec![plan("first"), plan("second")]),
                "first",
            ),
        ] {
            assert_eq!(engine_cause(&error), expected);
        }
    }
}
