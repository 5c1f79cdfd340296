//! YAML as written → a checked project, or every problem at once with file, line and column.
//!
//! ```text
//! files ──▶ tree ──▶ walk (with the schema) ──▶ raw ──▶ check ──▶ project::Project
//! found     places   unknown keys, types        serde   names, references, lengths …
//! ```
//!
//! Each arrow tells its problems and lets pass what is right, so that a person sees all of them in one
//! run. No data is read and no SQL: those checks follow on a [`Project`].

mod check;
mod facts;
mod files;
mod load;
mod parse;
mod paths;
mod raw;
mod schema;
mod syntax;
mod tree;
mod walk;
mod words;

use std::path::{Path, PathBuf};

use self::files::PROJECT_FILE;
use self::load::Loader;
use crate::diagnostic::{Diagnostic, Place};
use crate::project::Project;

pub use self::schema::json_schema;

/// The nearest folder at or above `start` that holds a project.
pub fn find_root(start: &Path) -> Option<PathBuf> {
    let start = start.canonicalize().ok()?;
    start
        .ancestors()
        .find(|folder| folder.join(PROJECT_FILE).exists())
        .map(Path::to_path_buf)
}

/// Loads a project. All problems come back, sorted by file, line and column, each once. The project
/// comes back unless a problem prevents it; files that nothing reads are problems but prevent nothing.
pub fn load(root: &Path) -> (Option<Project>, Vec<Diagnostic>) {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let mut problems = Vec::new();
    let mut strays = Vec::new();
    let project = if root.join(PROJECT_FILE).exists() {
        let files = files::find(&root, &mut problems, &mut strays);
        Loader::new(&root, &mut problems).load(&files)
    } else {
        problems.push(Diagnostic::new(
            PROJECT_FILE,
            Place::FILE,
            "the file is missing, so this folder is no project",
            "run loudou in a project's folder, or begin a project here with `loudou init`",
        ));
        None
    };
    let project = project.filter(|_| problems.is_empty());
    problems.append(&mut strays);
    problems.sort();
    problems.dedup();
    (project, problems)
}
