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
    /// A store could not be reached, or failed: exit code 75.
    #[error("{what}: {}", store_cause(.source))]
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

    /// Wraps an engine error with the query's name. An object that is not what it was, or not there, is no
    /// fault of the query; nor is a store that does not answer.
    pub fn engine(what: impl Into<String>) -> impl FnOnce(DataFusionError) -> Self {
        move |source| match not_as_published(&source) {
            Some((path, true)) => Self::Locked(format!(
                "{}: {path} is not the version that was published: if a run is replacing it, run again; else `loudou run` mends it",
                what.into()
            )),
            Some((path, false)) => Self::Failed(format!(
                "{}: {path} is not there; if it was published, somebody removed it, and `loudou run` mends it",
                what.into()
            )),
            None => match failed_store(&source) {
                Some(source) => Self::store(what)(source),
                None => Self::Engine {
                    what: what.into(),
                    source: Box::new(source),
                },
            },
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
        move |source| match refused_by_store(&source) {
            Some(why) => Self::Usage(format!("{}: {why} ({})", what.into(), store_cause(&source))),
            None => Self::Store {
                what: what.into(),
                source,
            },
        }
    }

    /// Whether trying again later may be all that it needs: a store of another machine did not answer.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Store { source, .. } => !matches!(
                source,
                object_store::Error::Generic {
                    store: "LocalFileSystem",
                    ..
                }
            ),
            _ => false,
        }
    }
}

/// What a store says of a bucket that is not there.
const NO_BUCKET: [&str; 4] = [
    "NoSuchBucket",
    "ContainerNotFound",
    "The specified bucket does not exist",
    "The specified container does not exist",
];

/// Whether a store says that the object is not there. A bucket that is not there is another matter.
pub fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && refused_by_store(error).is_none()
}

/// Why trying again would not help: credentials or bucket are wrong. `None` for anything else.
fn refused_by_store(error: &object_store::Error) -> Option<&'static str> {
    let says = |words: &[&str]| {
        let text = error.to_string();
        words.iter().any(|word| text.contains(word))
    };
    match error {
        object_store::Error::Unauthenticated { .. } => Some(
            "the store does not know these credentials; look at the environment (AWS_…, AZURE_…, GOOGLE_…) or the profile",
        ),
        object_store::Error::PermissionDenied { .. } => Some(
            "the store refuses it with these credentials; give them the right to read (of a warehouse also to write and list), and look at the environment (AWS_…, AZURE_…, GOOGLE_…) or the profile",
        ),
        object_store::Error::NotFound { .. } | object_store::Error::Generic { .. }
            if says(&NO_BUCKET) =>
        {
            Some("there is no such bucket or container; make it, or correct the URL")
        }
        object_store::Error::Generic { .. }
            if says(&["169.254.169.254", "metadata.google.internal"]) =>
        {
            Some(
                "no credentials were found: set them in the environment (AWS_…, AZURE_…, GOOGLE_…), name a profile, or run where the machine has a role",
            )
        }
        _ => None,
    }
}

/// What a store's error says to a person, in one line, without what a URL has behind its `?`: that may be a
/// signature.
pub fn store_cause(error: &object_store::Error) -> String {
    let text = said_in_xml(&error.to_string());
    let mut shown = String::with_capacity(text.len());
    let mut is_in_query = false;
    for letter in text.chars() {
        match letter {
            // Not that of `<?xml`.
            '?' if !shown.ends_with('<') => is_in_query = true,
            _ if is_in_query && (letter.is_whitespace() || "\"')>".contains(letter)) => {
                is_in_query = false;
            }
            _ => {}
        }
        match letter {
            _ if is_in_query => {}
            '\n' | '\r' => shown.push(' '),
            _ => shown.push(letter),
        }
    }
    const LONGEST: usize = 600;
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// The text with the message of an answer in XML in place of all of it.
fn said_in_xml(text: &str) -> String {
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(part, _)| part)
    };
    let begins = text.find("<?xml").or_else(|| text.find("<Error>"));
    match (begins, part("Code"), part("Message")) {
        (Some(at), Some(code), Some(message)) => {
            // Azure adds the request's number and time in lines of their own.
            let message = message.lines().next().unwrap_or(message);
            format!("{}{code}: {message}", &text[..at])
        }
        _ => text.to_string(),
    }
}

/// The object of which another version was found than the one that was to be read (true), or none, if that
/// is the error.
fn not_as_published(error: &DataFusionError) -> Option<(String, bool)> {
    let mut current: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = current {
        match error.downcast_ref() {
            Some(object_store::Error::Precondition { path, .. }) => {
                return Some((path.clone(), true));
            }
            Some(object_store::Error::NotFound { path, .. }) => return Some((path.clone(), false)),
            _ => current = error.source(),
        }
    }
    // The reader of footers keeps the text only.
    let text = error.to_string();
    let behind = |start: &str, end: &str| {
        let (_, rest) = text.split_once(start)?;
        rest.split_once(end).map(|(path, _)| path.to_string())
    };
    behind("Request precondition failure for path ", ": ")
        .map(|path| (path, true))
        .or_else(|| behind("Object at location ", " not found").map(|path| (path, false)))
}

/// Stores of other machines, by the names in their errors.
const STORES: [&str; 3] = ["S3", "MicrosoftAzure", "GCS"];

/// The error of a store that failed while the engine read from it. By the text: the reader of footers keeps
/// nothing else.
fn failed_store(error: &DataFusionError) -> Option<object_store::Error> {
    let text = error.to_string();
    STORES.into_iter().find_map(|store| {
        let (_, said) = text.split_once(&format!("Generic {store} error: "))?;
        Some(object_store::Error::Generic {
            store,
            source: said.into(),
        })
    })
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

    use parquet::errors::ParquetError;

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

    #[test]
    fn a_store_that_fails_while_it_is_queried_is_no_fault_of_the_query() {
        let failed = |store: &'static str| object_store::Error::Generic {
            store,
            source: "no answer".into(),
        };
        let of_footer = |store| {
            let text = format!("Failed to fetch metadata for file a: {}", failed(store));
            DataFusionError::ParquetError(Box::new(ParquetError::General(text)))
        };
        for error in [
            DataFusionError::ObjectStore(Box::new(failed("S3"))),
            of_footer("MicrosoftAzure"),
        ] {
            let error = Error::engine("building daily")(error);
            assert!(error.is_unreachable());
            assert_eq!(error.exit_code(), 75);
            let told = error.to_string();
            assert!(told.starts_with("building daily: Generic "), "{told}");
        }
        let error = Error::engine("building daily")(of_footer("LocalFileSystem"));
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn of_an_answer_in_xml_its_message_is_told() {
        let of = |text: &str| {
            store_cause(&object_store::Error::Generic {
                store: "S3",
                source: text.into(),
            })
        };
        assert_eq!(
            of(
                "status 404: <?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>It is not there</Message><RequestId>7</RequestId></Error>"
            ),
            "Generic S3 error: status 404: NoSuchBucket: It is not there"
        );
        assert_eq!(
            of("<Error><Code>A</Code><Message>Gone\nRequestId:9</Message></Error>"),
            "Generic S3 error: A: Gone"
        );
        assert_eq!(
            of("GET http://h/b?sig=hush failed"),
            "Generic S3 error: GET http://h/b failed"
        );
        assert_eq!(
            of("<Error><Code>A</Code>"),
            "Generic S3 error: <Error><Code>A</Code>"
        );
    }
}
