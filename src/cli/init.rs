//! `loudou init DIR`: the built-in project, from this binary.

use std::fs;
use std::path::Path;

use include_dir::{Dir, DirEntry, include_dir};

use super::Context;
use super::arguments::Init;
use super::output;
use crate::config::json_schema;
use crate::error::{Error, Result};

static PIPELINES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/pipelines");
static SQL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");
static REPORTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reports");

/// Folder of the JSON Schemas that editors check YAML files by; each file names its own in its first
/// line.
const SCHEMAS: &str = ".schema";

const GITIGNORE: &str = ".loudou/\nwarehouse/\nraw/\n";

pub(crate) fn run(context: &Context, arguments: &Init) -> Result<u8> {
    context.console.clear();
    let dir = &arguments.dir;
    if dir.exists() && !dir.is_dir() {
        return Err(Error::Usage(format!(
            "{} is a file; init needs a folder",
            dir.display()
        )));
    }
    let is_empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        return Err(Error::Usage(format!(
            "{} is not empty; init writes only into an empty folder, so that it never overwrites anything",
            dir.display()
        )));
    }
    write_project(dir)?;
    if context.console.is_quiet() {
        return Ok(0);
    }
    output::line(&format!(
        "wrote a project into {}\nnext: put raw logs under {}, see pipelines/shop.yaml for their shape; editors check the YAML by {}; then\n  loudou -C {} check\n  loudou -C {} run",
        dir.display(),
        dir.join("raw").display(),
        dir.join(SCHEMAS).display(),
        dir.display(),
        dir.display(),
    ))?;
    Ok(0)
}

/// Writes the built-in project's files that are not there yet.
pub(crate) fn write_project(dir: &Path) -> Result<()> {
    for (name, files) in [
        ("pipelines", &PIPELINES),
        ("sql", &SQL),
        ("reports", &REPORTS),
    ] {
        write_files(&dir.join(name), files)?;
    }
    for (name, schema) in json_schema() {
        let path = dir.join(SCHEMAS).join(format!("{name}.json"));
        write_if_absent(&path, format!("{schema:#}\n").as_bytes())?;
    }
    write_if_absent(&dir.join(".gitignore"), GITIGNORE.as_bytes())
}

fn write_files(folder: &Path, files: &Dir<'_>) -> Result<()> {
    for entry in files.entries() {
        let path = folder.join(entry.path());
        match entry {
            DirEntry::Dir(dir) => write_files(folder, dir)?,
            DirEntry::File(file) => write_if_absent(&path, file.contents())?,
        }
    }
    Ok(())
}

fn write_if_absent(path: &Path, contents: &[u8]) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Error::io("making the folder", parent))?;
    }
    fs::write(path, contents).map_err(Error::io("writing", path))
}
