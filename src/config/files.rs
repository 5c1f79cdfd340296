//! Which files a project has, found by their places, and their text. Files that stand where nothing
//! reads them are told too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::words;
use crate::diagnostic::{Diagnostic, Place};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "pipelines/_project.yaml";

/// Folders below `sql/` whose files are models.
pub const MODEL_AREAS: [&str; 3] = ["staging", "intermediate", "marts"];

/// Deepest folder below `sql/` that is looked into; links in a circle end there.
const DEEPEST: usize = 12;

/// Two files that belong together, either of which may be missing.
#[derive(Debug)]
pub struct Pair {
    /// Their common stem.
    pub name: String,
    /// The `.sql` file relative to the root.
    pub sql_path: String,
    /// The `.yaml` file relative to the root.
    pub yaml_path: String,
    /// Whether the SQL file is there.
    pub has_sql: bool,
    /// Whether the YAML file is there.
    pub has_yaml: bool,
}

/// One folder below `reports/`.
#[derive(Debug)]
pub struct ReportFolder {
    /// The role.
    pub role: String,
    /// `reports/<role>/report.yaml`, whether it is there or not.
    pub report_path: String,
    /// Whether it is.
    pub has_report: bool,
    /// Sections with their selects.
    pub sections: Vec<Pair>,
}

/// The files of a project; paths are relative to the root and parted by `/`.
#[derive(Debug, Default)]
pub struct Files {
    /// `pipelines/*.yaml` but the project file.
    pub pipelines: Vec<String>,
    /// Models and contracts.
    pub models: Vec<Pair>,
    /// Reports.
    pub reports: Vec<ReportFolder>,
}

/// Finds a project's files. What stands in the wrong place is told in `strays`: nothing reads it, so
/// it hurts nobody, but it is not what its writer meant. Unreadable folders are told in `problems`.
pub fn find(root: &Path, problems: &mut Vec<Diagnostic>, strays: &mut Vec<Diagnostic>) -> Files {
    let mut finder = Finder {
        root,
        problems,
        strays,
    };
    Files {
        pipelines: finder.pipelines(),
        models: finder.models(),
        reports: finder.reports(),
    }
}

/// Reads a file's text; `None` after telling why it cannot be read.
pub fn text(root: &Path, path: &str, problems: &mut Vec<Diagnostic>) -> Option<String> {
    let mut tell =
        |place, cause: String, mend: &str| problems.push(Diagnostic::new(path, place, cause, mend));
    let full = root.join(path);
    if full.is_dir() {
        tell(
            Place::FILE,
            "a folder stands where a file should be".to_owned(),
            "rename the folder, or put a file in its place",
        );
        return None;
    }
    let bytes = match fs::read(&full) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tell(
                Place::FILE,
                "the file is missing".to_owned(),
                "write it, or restore it",
            );
            return None;
        }
        Err(error) => {
            tell(
                Place::FILE,
                format!("the file cannot be read: {error}"),
                "look at its permissions and the disk",
            );
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let before = String::from_utf8_lossy(before);
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            let line = before.matches('\n').count() + 1;
            let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
            tell(
                Place::new(line, column),
                "the file is not UTF-8 from here on".to_owned(),
                "save it as UTF-8 (an editor may call the encoding GBK, GB18030 or UTF-16 now)",
            );
            None
        }
    }
}

struct Finder<'a> {
    root: &'a Path,
    problems: &'a mut Vec<Diagnostic>,
    strays: &'a mut Vec<Diagnostic>,
}

/// An entry of a folder: path relative to the root, name, whether it is a folder.
struct Found {
    path: String,
    name: String,
    is_folder: bool,
}

impl Found {
    fn stem(&self, end: &str) -> Option<&str> {
        self.name.strip_suffix(end).filter(|stem| !stem.is_empty())
    }
}

impl Finder<'_> {
    fn stray(&mut self, path: &str, cause: impl Into<String>, mend: impl Into<String>) {
        self.strays
            .push(Diagnostic::new(path, Place::FILE, cause, mend));
    }

    /// Entries of a folder in the order of their names, without hidden ones; none if it is not there.
    fn entries(&mut self, folder: &str) -> Vec<Found> {
        let full: PathBuf = self.root.join(folder);
        if full.is_file() {
            self.problems.push(Diagnostic::new(
                folder,
                Place::FILE,
                "a file stands where a folder should be",
                "rename the file",
            ));
            return Vec::new();
        }
        let listing = match fs::read_dir(&full) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problems.push(Diagnostic::new(
                    folder,
                    Place::FILE,
                    format!("the folder cannot be read: {error}"),
                    "look at its permissions and the disk",
                ));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for entry in listing.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                self.stray(
                    &format!("{folder}/{}", entry.file_name().to_string_lossy()),
                    "the file's name is not UTF-8",
                    "rename it",
                );
                continue;
            };
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            found.push(Found {
                path: format!("{folder}/{name}"),
                // Follows links, as reading the file does.
                is_folder: entry.path().is_dir(),
                name,
            });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Tells a file whose ending nearly is the one that is read.
    fn near_yaml(&mut self, found: &Found) {
        let lower = found.name.to_lowercase();
        if !found.is_folder && (lower.ends_with(".yml") || lower.ends_with(".yaml")) {
            let stem = found.name.rsplit_once('.').map_or("", |(stem, _)| stem);
            self.stray(
                &found.path,
                "nothing reads this file: its name does not end in `.yaml`",
                format!("rename it to `{stem}.yaml`"),
            );
        }
    }

    fn pipelines(&mut self) -> Vec<String> {
        let mut pipelines = Vec::new();
        for found in self.entries("pipelines") {
            if found.path == PROJECT_FILE {
                continue;
            }
            if found.stem(".yaml").is_some() {
                pipelines.push(found.path);
            } else if found.is_folder {
                if self
                    .entries(&found.path)
                    .iter()
                    .any(|inner| inner.name.ends_with(".yaml"))
                {
                    self.stray(
                        &found.path,
                        "nothing reads the files in this folder",
                        "put pipeline files into `pipelines/` itself",
                    );
                }
            } else {
                self.near_yaml(&found);
            }
        }
        pipelines
    }

    fn models(&mut self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for found in self.entries("sql") {
            if MODEL_AREAS.contains(&found.name.as_str()) {
                self.pairs(&found.path, &found.path, 0, &mut pairs);
            } else if found.name != "reports" {
                self.misplaced_sql(&found, 0);
            }
        }
        pairs
    }

    /// SQL files that stand below `sql/` where nothing reads them.
    fn misplaced_sql(&mut self, found: &Found, depth: usize) {
        if found.is_folder && depth < DEEPEST {
            for inner in self.entries(&found.path) {
                self.misplaced_sql(&inner, depth + 1);
            }
        } else if found.name.ends_with(".sql") || found.name.ends_with(".yaml") {
            let area = found.path.split('/').nth(1).unwrap_or_default();
            self.stray(
                &found.path,
                "nothing reads this file",
                format!(
                    "{}models stand below `sql/staging/`, `sql/intermediate/` or `sql/marts/`, selects of reports in `sql/reports/<role>/`",
                    words::did_you_mean(area, MODEL_AREAS.into_iter().chain(["reports"])),
                ),
            );
        }
    }

    /// Pairs of the files in a folder of SQL and YAML, and below.
    fn pairs(&mut self, sql_folder: &str, yaml_folder: &str, depth: usize, pairs: &mut Vec<Pair>) {
        let mut entries = self.entries(sql_folder);
        if sql_folder != yaml_folder {
            entries.extend(self.entries(yaml_folder));
        }
        for found in entries {
            let named = found
                .stem(".sql")
                .map(|stem| (stem, true))
                .or(found.stem(".yaml").map(|stem| (stem, false)));
            let Some((stem, is_sql)) = named else {
                if found.is_folder && sql_folder == yaml_folder && depth < DEEPEST {
                    self.pairs(&found.path, &found.path, depth + 1, pairs);
                } else {
                    self.near_yaml(&found);
                }
                continue;
            };
            let sql_path = format!("{sql_folder}/{stem}.sql");
            let index = pairs
                .iter()
                .position(|pair| pair.sql_path == sql_path)
                .unwrap_or_else(|| {
                    pairs.push(Pair {
                        name: stem.to_owned(),
                        yaml_path: format!("{yaml_folder}/{stem}.yaml"),
                        sql_path,
                        has_sql: false,
                        has_yaml: false,
                    });
                    pairs.len() - 1
                });
            if let Some(pair) = pairs.get_mut(index) {
                pair.has_sql |= is_sql;
                pair.has_yaml |= !is_sql;
            }
        }
    }

    fn reports(&mut self) -> Vec<ReportFolder> {
        let mut folders = Vec::new();
        for found in self.entries("reports") {
            // `_shared` holds what all roles use.
            if !found.is_folder || found.name.starts_with('_') {
                continue;
            }
            let mut sections = Vec::new();
            let role = found.name;
            self.pairs(
                &format!("sql/reports/{role}"),
                &format!("{}/sections", found.path),
                0,
                &mut sections,
            );
            let report_path = format!("{}/report.yaml", found.path);
            for inner in self.entries(&found.path) {
                if inner.path == report_path || inner.is_folder {
                    continue;
                }
                if inner.name.ends_with(".yaml") {
                    self.stray(
                        &inner.path,
                        "nothing reads this file",
                        format!("sections stand in `reports/{role}/sections/`"),
                    );
                } else {
                    self.near_yaml(&inner);
                }
            }
            folders.push(ReportFolder {
                has_report: self.root.join(&report_path).exists(),
                role,
                report_path,
                sections,
            });
        }
        self.selects_without_report(&folders);
        folders
    }

    fn selects_without_report(&mut self, folders: &[ReportFolder]) {
        for found in self.entries("sql/reports") {
            let is_role = |name: &str| folders.iter().any(|folder| folder.role == name);
            if found.is_folder && !is_role(&found.name) {
                let roles: Vec<&str> = folders.iter().map(|folder| folder.role.as_str()).collect();
                let cause = format!("no report has the role `{}`", found.name);
                let mend = format!(
                    "{}write `reports/{}/report.yaml`, or remove this folder",
                    words::did_you_mean(&found.name, roles),
                    found.name
                );
                self.stray(&found.path, cause, mend);
            } else if !found.is_folder && found.name.ends_with(".sql") {
                self.stray(
                    &found.path,
                    "nothing reads this file",
                    "selects of reports stand in `sql/reports/<role>/`",
                );
            }
        }
    }
}
