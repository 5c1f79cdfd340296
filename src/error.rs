//! What can go wrong while running. Variants mirror what the caller does differently; problems in a
//! project's own files are [`crate::diagnostic::Diagnostic`]s instead.

use std::path::PathBuf;

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
    /// Somebody else is running: exit code 75.
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
        source: Box<datafusion::error::DataFusionError>,
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
            Self::Locked(_) | Self::Store { .. } => 75,
            Self::Io { .. } | Self::Object { .. } | Self::Engine { .. } | Self::Failed(_) => 1,
        }
    }

    /// Wraps an engine error with the query's name.
    pub fn engine(
        what: impl Into<String>,
    ) -> impl FnOnce(datafusion::error::DataFusionError) -> Self {
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
