//! Guards the layer rule: imports go down the list in `src/lib.rs` only.

use std::fs;
use std::path::{Path, PathBuf};

/// Imports that go up and are right all the same: checked types are plain data, and `config` makes
/// them.
const PERMITTED: [(&str, &str); 1] = [("config", "project")];

/// Imports that go down and are wrong all the same: the SQL functions serve any project.
const FORBIDDEN: [(&str, &str); 2] = [("functions", "config"), ("functions", "project")];

#[test]
fn imports_go_down_the_list_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layers = layers(&fs::read_to_string(source.join("lib.rs")).unwrap());
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in &files {
        let relative = file.strip_prefix(&source).unwrap();
        let path = module_path(relative);
        // The crate's root and the binary stand above all layers.
        let Some(from) = path.first().filter(|_| relative != Path::new("main.rs")) else {
            continue;
        };
        let text = fs::read_to_string(file).unwrap();
        for (line, to) in imports(&text, path.len()) {
            if !layers.contains(&to) {
                continue;
            }
            seen += 1;
            if let Some(why) = violation(&layers, from, &to) {
                wrong.push(format!("src/{}:{line}: {why}", relative.display()));
            }
        }
    }
    assert!(seen > 0, "no import was found: the scanner is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_names_every_module() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut listed = layers(&text);
    listed.sort();
    let mut declared: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or(line.strip_prefix("mod ")))
        .filter_map(|rest| rest.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    declared.sort();
    assert_eq!(
        listed, declared,
        "the table in lib.rs and its modules differ"
    );
}

#[test]
fn the_scanner_finds_what_it_should() {
    let text = "\
use crate::run::{self, night};
use crate::{
    config::{tree::Node, files},
    error::Error,
};
// crate::cli::x in a comment
/// [`crate::demo`] in a doc comment
fn f() -> super::super::table::T { \"crate::ingest\"; pub_crate::analysis(); crate::model::g() }
#[cfg(test)]
mod tests {
    use crate::cli::z;
    fn brace() -> char { '{' }
}
fn h() { crate::source::i() }
";
    let found = imports(text, 2);
    let expected = [
        (1, "run"),
        (3, "config"),
        (4, "error"),
        (8, "table"),
        (8, "model"),
        (14, "source"),
    ];
    let expected: Vec<(usize, String)> = expected
        .iter()
        .map(|(line, to)| (*line, (*to).to_owned()))
        .collect();
    assert_eq!(found, expected);

    let layers: Vec<String> = ["cli", "functions", "project", "config", "error"]
        .map(str::to_owned)
        .to_vec();
    assert!(violation(&layers, "config", "cli").is_some());
    assert!(violation(&layers, "functions", "project").is_some());
    assert!(violation(&layers, "config", "project").is_none());
    assert!(violation(&layers, "cli", "error").is_none());
    assert!(violation(&layers, "config", "config").is_none());
}

fn violation(layers: &[String], from: &str, to: &str) -> Option<String> {
    let rank = |module: &str| layers.iter().position(|layer| layer == module);
    let pair = (from, to);
    if FORBIDDEN.contains(&pair) {
        return Some(format!("`{from}` must know nothing of `{to}`"));
    }
    let goes_up = rank(to) < rank(from);
    (goes_up && !PERMITTED.contains(&pair))
        .then(|| format!("`{from}` imports `{to}`, which stands above it in src/lib.rs"))
}

/// The modules in the order of the table in `lib.rs`.
fn layers(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]"))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// `config/check/mod.rs` → `[config, check]`, `config/tree.rs` → `[config, tree]`, `lib.rs` → `[]`.
fn module_path(relative: &Path) -> Vec<String> {
    let mut path: Vec<String> = relative
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        path.pop();
    }
    path
}

/// Top-level modules that a file names, with the line: `crate::x`, `crate::{x, y::z}`, and `super::`
/// chains that reach the crate's root. `depth` is the length of the file's module path.
fn imports(text: &str, depth: usize) -> Vec<(usize, String)> {
    let code = without_comments_strings_and_tests(text);
    let mut found = Vec::new();
    let to_root = "super::".repeat(depth);
    for marker in ["crate::", to_root.as_str()] {
        let mut from = 0;
        while let Some(at) = code[from..].find(marker).map(|at| at + from) {
            from = at + marker.len();
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            heads(&code, from, &mut found);
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found
        .into_iter()
        .map(|(at, name)| (code[..at].matches('\n').count() + 1, name))
        .collect()
}

/// The first names behind `crate::`: one, or several in braces.
fn heads(code: &str, start: usize, found: &mut Vec<(usize, String)>) {
    let name_at = |at: usize| -> String {
        code[at..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    if !code[start..].starts_with('{') {
        found.push((start, name_at(start)));
        return;
    }
    let mut level = 0;
    let mut expects_name = false;
    for (offset, character) in code[start..].char_indices() {
        match character {
            '{' => {
                level += 1;
                expects_name = level == 1;
            }
            '}' if level == 1 => return,
            '}' => level -= 1,
            ',' => expects_name = level == 1,
            c if expects_name && (c.is_alphanumeric() || c == '_') => {
                found.push((start + offset, name_at(start + offset)));
                expects_name = false;
            }
            _ => {}
        }
    }
}

/// The code with everything else blanked out, line breaks kept. Good for the code of this crate: a
/// test module is one that follows `#[cfg(test)]` and ends with a `}` in the first column.
fn without_comments_strings_and_tests(text: &str) -> String {
    let mut code = String::new();
    let mut in_tests = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]")
            && lines
                .peek()
                .is_some_and(|next| next.trim_start().starts_with("mod ") && next.ends_with('{'))
        {
            in_tests = true;
        }
        if !in_tests {
            code.push_str(&without_strings(line));
        }
        if in_tests && line == "}" {
            in_tests = false;
        }
        code.push('\n');
    }
    code
}

fn without_strings(line: &str) -> String {
    let mut kept = String::new();
    let mut in_string = false;
    let mut previous = ' ';
    for character in line.chars() {
        let is_char_literal = previous == '\'' && !in_string;
        if character == '"' && previous != '\\' && !is_char_literal {
            in_string = !in_string;
        } else if !in_string {
            if character == '/' && previous == '/' {
                kept.pop();
                break;
            }
            kept.push(character);
        }
        previous = if previous == '\\' && character == '\\' {
            ' '
        } else {
            character
        };
    }
    kept
}
