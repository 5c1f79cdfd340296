//! `loudou check` as it is run: its exit codes, its text, its JSON lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value as Json, json};

fn loudou(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loudou"))
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// A new project in a folder.
fn project(folder: &Path) {
    let made = Command::new(env!("CARGO_BIN_EXE_loudou"))
        .arg("init")
        .arg(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(said.contains(".schema"), "{said}");
}

/// The YAML files below a folder that a person writes: words and styles are not among them.
fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("_shared") {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
}

/// One problem in SQL, one inside a block of YAML.
fn spoil(folder: &Path) {
    let model = folder.join("sql/staging/stg_events.sql");
    let text = fs::read_to_string(&model).unwrap();
    fs::write(&model, text.replace("    platform,", "    platfrom,")).unwrap();
    let pipeline = folder.join("pipelines/shop.yaml");
    let text = fs::read_to_string(&pipeline).unwrap();
    let written = r#"when: "event = 'trial_finish'"}"#;
    assert_eq!(text.matches(written).count(), 1);
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.contains(written) {
            true => "      - name: trial\n        when: |\n          event = 'trial_finish'\n            and chanel = 'search'".to_owned(),
            false => line.to_owned(),
        })
        .collect();
    fs::write(&pipeline, lines.join("\n")).unwrap();
}

/// Line and column, from 1, of the first place of a text in a file.
fn place(path: &Path, wanted: &str) -> (usize, usize) {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .enumerate()
        .find_map(|(line, content)| Some((line + 1, content.find(wanted)? + 1)))
        .unwrap()
}

#[test]
fn a_new_project_has_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    for schema in ["project", "pipeline", "contract", "report", "section"] {
        let path = folder.path().join(format!(".schema/{schema}.json"));
        let text = fs::read_to_string(path).unwrap();
        assert!(serde_json::from_str::<Json>(&text).unwrap().is_object());
    }
    // Editors complete and check by the schema that a file's first line names.
    let mut yaml = Vec::new();
    for part in ["pipelines", "sql", "reports"] {
        yaml_files(&folder.path().join(part), &mut yaml);
    }
    assert!(yaml.len() > 10, "{yaml:?}");
    for path in yaml {
        let text = fs::read_to_string(&path).unwrap();
        let named = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let schema = path.parent().unwrap().join(named.unwrap_or_default());
        assert!(schema.is_file(), "{} names {named:?}", path.display());
    }
    let checked = loudou(folder.path(), &["check"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(
        String::from_utf8(checked.stdout)
            .unwrap()
            .starts_with("shop: no problems (")
    );
    let checked = loudou(folder.path(), &["check", "--format", "json"]);
    assert_eq!(checked.status.code(), Some(0));
    assert_eq!(checked.stdout, b"", "no problem, no line");
}

/// One line for each problem with `file`, `line`, `column`, `cause` and `mend`: what editors and other
/// programs may rely on.
#[test]
fn json_gives_one_problem_a_line() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    spoil(folder.path());
    let checked = loudou(folder.path(), &["check", "--format", "json"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    let problems: Vec<Json> = String::from_utf8(checked.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let in_yaml = place(&folder.path().join("pipelines/shop.yaml"), "chanel");
    let in_sql = place(
        &folder.path().join("sql/staging/stg_events.sql"),
        "platfrom",
    );
    let shown: Vec<Json> = problems
        .iter()
        .map(|problem| {
            json!([
                problem["file"],
                problem["line"],
                problem["column"],
                problem["cause"]
            ])
        })
        .collect();
    assert_eq!(
        shown,
        [
            json!([
                "pipelines/shop.yaml",
                in_yaml.0,
                in_yaml.1,
                "funnel course, step trial: there is no column chanel here"
            ]),
            json!([
                "sql/staging/stg_events.sql",
                in_sql.0,
                in_sql.1,
                "there is no column platfrom here"
            ]),
        ]
    );
    for problem in &problems {
        let keys: Vec<&String> = problem.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["file", "line", "column", "cause", "mend"]);
        assert!(
            problem["mend"]
                .as_str()
                .unwrap()
                .starts_with("did you mean "),
            "{problem}"
        );
    }
}

#[test]
fn text_shows_the_line_with_a_caret() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    spoil(folder.path());
    let checked = loudou(folder.path(), &["check"]);
    assert_eq!(checked.status.code(), Some(2));
    let text = String::from_utf8(checked.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for word in ["chanel = 'search'", "platfrom,"] {
        let excerpt = lines.iter().position(|line| line.contains(word)).unwrap();
        let at = lines[excerpt].find(word).unwrap();
        assert_eq!(lines[excerpt + 1].find('^'), Some(at), "{text}");
    }
    assert_eq!(lines.last(), Some(&"2 problems"));
}
