//! Broken projects and what is said about them.
//!
//! `tests/projects/broken/<case>/` holds the files in which a case differs from the valid project in
//! `_base/`, and `expected.txt`: every problem as a person sees it. Templates, words and styles are those
//! of the built-in project. An empty file `<name>.delete`
//! removes `<name>`. Adding a case is adding a folder; `LOUDOU_BLESS=1` writes its `expected.txt`, to be
//! read as a new user would: can the file be mended from the message alone?

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use loudou::diagnostic::Diagnostic;

/// The file of a case that says what is told.
const EXPECTED: &str = "expected.txt";
/// The folder of a case that holds its files as mended by what is told, if somebody did; see `mending`.
pub const MENDED: &str = "mended";

/// Every problem of a project, as `check` tells them.
pub fn problems(root: &Path) -> Vec<Diagnostic> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (workspace, problems) = runtime.block_on(loudou::run::check::check(root)).unwrap();
    assert_eq!(
        workspace.is_some(),
        problems.is_empty(),
        "only a project without problems may run"
    );
    problems
}

#[test]
fn the_base_has_no_problem() {
    let root = tempfile::tempdir().unwrap();
    base(root.path());
    assert_eq!(told(root.path()), "");
    let (project, _) = loudou::config::load(root.path());
    let project = project.expect("a project without problems is loaded");
    assert_eq!(
        project.sources.keys().collect::<Vec<_>>(),
        ["events", "spend"]
    );
    assert_eq!(project.reports[0].sections[0].columns.len(), 2);
}

#[test]
fn every_broken_project_is_told_as_expected() {
    let bless = std::env::var_os("LOUDOU_BLESS").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    let mut cases = 0;
    for case in entries(&folder()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if name == "_base" {
            continue;
        }
        cases += 1;
        if let Err(failure) = try_case(&case, bless) {
            failures.push(format!("── {name}: {failure}"));
        }
    }
    assert!(cases > 0, "no cases were found");
    assert!(
        failures.is_empty(),
        "{} of {cases} cases failed (LOUDOU_BLESS=1 accepts what is told now):\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn try_case(case: &Path, bless: bool) -> Result<(), String> {
    if !case.is_dir() {
        return Err("not a folder: a case is a folder".to_owned());
    }
    let files = entries(case);
    if !files.iter().any(|file| {
        ![EXPECTED, MENDED]
            .map(OsStr::new)
            .contains(&file.file_name().unwrap())
    }) {
        return Err(format!(
            "an orphan: only {EXPECTED}, no file that breaks anything"
        ));
    }
    let root = tempfile::tempdir().unwrap();
    base(root.path());
    overlay(case, root.path());

    let told = told(root.path());
    if told.is_empty() {
        return Err("nothing was told: the project is not broken".to_owned());
    }
    let place = root.path().canonicalize().unwrap();
    if told.contains(&*place.to_string_lossy()) {
        return Err(format!("a message holds the path of this machine:\n{told}"));
    }
    let path = case.join(EXPECTED);
    if bless {
        fs::write(&path, &told).unwrap();
        return Ok(());
    }
    let expected =
        fs::read_to_string(&path).map_err(|_| format!("no {EXPECTED}; told was:\n{told}"))?;
    if expected == told {
        return Ok(());
    }
    Err(format!("expected:\n{expected}\ntold:\n{told}"))
}

/// All problems with their excerpts, parted by blank lines. The order and uniqueness that `load`
/// promises are checked on the way.
pub fn told(root: &Path) -> String {
    let problems = problems(root);
    let mut sorted = problems.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(problems, sorted, "problems come sorted, each once");
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| {
            let source = fs::read_to_string(root.join(&problem.file)).ok();
            problem.render(source.as_deref()) + "\n"
        })
        .collect();
    texts.join("\n")
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/broken")
}

pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

/// Writes the valid project.
pub fn base(root: &Path) {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let page = "operations/page.hbs";
    let reports = root.join("reports");
    fs::create_dir_all(reports.join("_shared")).unwrap();
    overlay(&built_in.join("_shared"), &reports.join("_shared"));
    overlay(&folder().join("_base"), root);
    fs::copy(built_in.join(page), reports.join(page)).unwrap();
}

/// Copies a folder over another one. A folder takes the place of a file and the other way round.
pub fn overlay(from: &Path, to: &Path) {
    for entry in entries(from) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        let target = to.join(name);
        if name == MENDED {
            continue;
        }
        if entry.is_dir() {
            if target.is_file() {
                fs::remove_file(&target).unwrap();
            }
            fs::create_dir_all(&target).unwrap();
            overlay(&entry, &target);
        } else if let Some(removed) = name.strip_suffix(".delete") {
            remove(&to.join(removed));
        } else if name != EXPECTED && name != ".gitkeep" {
            remove(&target);
            fs::copy(&entry, &target).unwrap();
        }
    }
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        fs::remove_file(path).unwrap();
    }
}
