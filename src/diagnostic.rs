//! How a problem in a project's file is shown: where, what, how to mend it.

use std::fmt;

/// One problem at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Path relative to the project root.
    pub file: String,
    /// 1-based; 0 where the whole file is meant.
    pub line: usize,
    /// 1-based, in characters; 0 where the whole file is meant.
    pub column: usize,
    /// What is wrong.
    pub cause: String,
    /// How to mend it.
    pub mend: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}\n  mend: {}",
            self.file, self.line, self.column, self.cause, self.mend
        )
    }
}
