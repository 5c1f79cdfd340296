//! Broken projects mended from their messages alone, as a new user would: `mended/` in a case holds its
//! files after somebody did what `expected.txt` says, who had seen nothing else. The project then has no
//! problem, and no line was touched that no message names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::broken::{MENDED, base, entries, folder, overlay, problems, told};

/// Cases with a `mended` folder.
fn mended() -> Vec<PathBuf> {
    let mut cases = entries(&folder());
    cases.retain(|case| case.join(MENDED).is_dir());
    cases
}

/// Files below a folder, relative to it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in entries(&inner) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => found.push(entry.strip_prefix(folder).unwrap().to_path_buf()),
            }
        }
    }
    found
}

#[test]
fn what_the_messages_say_mends_the_project() {
    let cases = mended();
    assert!(cases.len() >= 10, "{} cases were mended", cases.len());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let root = tempfile::tempdir().unwrap();
        base(root.path());
        overlay(&case, root.path());
        // The places that are named, before anything is mended.
        let named: BTreeSet<(PathBuf, usize)> = problems(root.path())
            .into_iter()
            .map(|problem| (PathBuf::from(problem.file), problem.line))
            .collect();
        assert!(!named.is_empty(), "{name} is not broken");
        let mended = case.join(MENDED);
        for file in files(&mended) {
            // A file that a message asks for is new; of any other, lines that it names are changed.
            let Ok(before) = fs::read_to_string(root.path().join(&file)) else {
                continue;
            };
            let after = fs::read_to_string(mended.join(&file)).unwrap();
            let count = before.lines().count();
            assert_eq!(after.lines().count(), count, "{name}: {}", file.display());
            for (at, (before, after)) in before.lines().zip(after.lines()).enumerate() {
                assert!(
                    before == after || named.contains(&(file.clone(), at + 1)),
                    "{name}: no message names line {} of {}: {before}",
                    at + 1,
                    file.display()
                );
            }
        }
        overlay(&mended, root.path());
        assert_eq!(told(root.path()), "", "{name} is not mended");
    }
}

/// `check --format json` tells of every broken project the same problems in the same order: one JSON
/// object a line, whose place lies in the file.
#[test]
fn json_tells_the_same_of_every_broken_project() {
    for case in entries(&folder()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        // Without a project file `check` finds no project to check, and says so.
        if ["_base", "project_file_missing"].contains(&&*name) {
            continue;
        }
        let root = tempfile::tempdir().unwrap();
        base(root.path());
        overlay(&case, root.path());
        let checked = Command::new(env!("CARGO_BIN_EXE_loudou"))
            .arg("-C")
            .arg(root.path())
            .args(["check", "--format", "json"])
            .output()
            .unwrap();
        let text = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(2), "{name}: {text}");
        let told: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let expected: Vec<serde_json::Value> = problems(root.path())
            .iter()
            .map(|problem| {
                serde_json::json!({
                    "file": problem.file,
                    "line": problem.line,
                    "column": problem.column,
                    "cause": problem.cause,
                    "mend": problem.mend,
                })
            })
            .collect();
        assert_eq!(told, expected, "{name}");
        for problem in &told {
            let (line, column) = (
                problem["line"].as_u64().unwrap(),
                problem["column"].as_u64().unwrap(),
            );
            let path = root.path().join(problem["file"].as_str().unwrap());
            let Ok(source) = fs::read(path) else {
                assert!(line <= 1, "{name}: {problem}");
                continue;
            };
            let source = String::from_utf8_lossy(&source);
            if line > 0 {
                let within = source
                    .split('\n')
                    .nth(usize::try_from(line).unwrap() - 1)
                    .is_some_and(|text| column as usize <= text.chars().count() + 1);
                assert!(within, "{name}: {problem}");
            }
        }
    }
}
