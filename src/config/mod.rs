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
mod inner_place;
mod load;
mod parse;
mod parts;
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

pub use self::inner_place::place_within;
pub use self::parts::{Parts, Select};
pub use self::schema::json_schema;
pub use self::words::nearest;

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
    let (parts, problems) = load_parts(root);
    let project = parts.filter(|parts| parts.is_whole);
    (project.map(|parts| parts.project), problems)
}

/// Loads what can be loaded of a project, with all problems like [`load`]; nothing comes back if the
/// folder holds no project.
pub fn load_parts(root: &Path) -> (Option<Parts>, Vec<Diagnostic>) {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let mut problems = Vec::new();
    let mut strays = Vec::new();
    let parts = if root.join(PROJECT_FILE).exists() {
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
    problems.append(&mut strays);
    problems.sort();
    problems.dedup();
    (parts, problems)
}
