//! The JSON Schemas that editors check YAML files by: committed in `.schema/`, as `loudou init` writes
//! them. `LOUDOU_BLESS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    let bless = std::env::var_os("LOUDOU_BLESS").is_some_and(|value| value == "1");
    let folder = root().join(".schema");
    let mut names = Vec::new();
    for (name, schema) in loudou::config::json_schema() {
        let path = folder.join(format!("{name}.json"));
        let text = format!("{schema:#}\n");
        if bless {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            text,
            "{} drifted; LOUDOU_BLESS=1 writes it anew",
            path.display()
        );
        names.push(format!("{name}.json"));
    }
    names.sort();
    let mut found: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, names, "no schema without a kind of file");
}

/// Which schema is that of a file of the built-in project.
fn kind(path: &Path) -> Option<&'static str> {
    let path = path.strip_prefix(root()).unwrap();
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    match parts.as_slice() {
        ["pipelines", "_project.yaml"] => Some("project"),
        ["pipelines", _] => Some("pipeline"),
        ["sql", ..] => Some("contract"),
        ["reports", "_shared", ..] => None,
        ["reports", _, "report.yaml"] => Some("report"),
        ["reports", _, "sections", _] => Some("section"),
        _ => Some("unknown"),
    }
}

fn yaml_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, files);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn every_yaml_file_of_the_built_in_project_names_its_schema() {
    let mut files = Vec::new();
    for folder in ["pipelines", "sql", "reports"] {
        yaml_files(&root().join(folder), &mut files);
    }
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        let Some(kind) = kind(&path) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let named = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# yaml-language-server: $schema="))
            .unwrap_or_else(|| panic!("{} names no schema", path.display()));
        let named = path.parent().unwrap().join(named).canonicalize().unwrap();
        let expected = root().join(format!(".schema/{kind}.json"));
        assert_eq!(
            named,
            expected.canonicalize().unwrap(),
            "{}",
            path.display()
        );
    }
}
