//! Runs the built binary.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The binary with a fixed clock and no terminal.
pub fn loudou(project: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loudou"))
        .arg("-C")
        .arg(project)
        .args(arguments)
        .output()
        .unwrap()
}

/// The binary's standard output; its exit code must be 0.
pub fn succeeds(project: &Path, arguments: &[&str]) -> String {
    let output = loudou(project, arguments);
    assert!(
        output.status.success(),
        "loudou {arguments:?} gave {:?}\n{}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Rows of a query.
pub fn query(project: &Path, sql: &str) -> Vec<Value> {
    let text = succeeds(project, &["query", sql, "--format", "json"]);
    serde_json::from_str(&text).unwrap()
}

/// Copies a folder; links become what they point to.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "warehouse" || name == ".loudou" {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
