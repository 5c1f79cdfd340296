//! `--into DIR`: a run that reads the warehouse and writes elsewhere, to try changed definitions.
//!
//! DIR is a warehouse of its own, with its own log and lock. What a run sees is DIR's partitions over the
//! warehouse's: a partition that DIR holds hides the published one of the same date. Since equal
//! definitions and inputs give equal bytes, only what differs from the warehouse is built, into DIR.
//! Nothing of the warehouse is written, locked or repaired.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Workspace;
use crate::error::{Error, Result};
use crate::store::Location;
use crate::table::log::read_state;
use crate::table::publish::{damaged, is_published};
use crate::table::state::{State, date_key};
use crate::table::warehouse::Warehouse;

/// Folders of a project that hold its own files.
const OWN_FOLDERS: [&str; 4] = ["pipelines", "sql", "reports", ".loudou"];

/// In a sandbox's folder: what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Card {
    /// The warehouse it was begun from.
    sandbox_of: String,
}

/// A sandbox over a warehouse.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// The project with DIR as its warehouse.
    pub workspace: Workspace,
    dir: PathBuf,
    /// What is published in the real one; the keys of its partitions are absolute paths or URLs.
    upstream: State,
    card: Card,
}

impl Sandbox {
    /// Looks at the folder and at the warehouse; writes nothing. `dir` is relative to the current folder.
    pub async fn open(workspace: &Workspace, dir: &Path) -> Result<Self> {
        let dir = resolved(dir)?;
        let warehouse = match workspace.warehouse.folder() {
            Some(folder) => Warehouse::local(resolved(folder)?),
            None => workspace.warehouse.clone(),
        };
        refuse_unfit(workspace, &dir, warehouse.folder())?;
        let card = Card {
            sandbox_of: warehouse.to_string(),
        };
        match read_card(&dir)? {
            Some(found) if found != card => {
                return Err(Error::Usage(format!(
                    "{} is the sandbox of another warehouse ({}); name another folder",
                    dir.display(),
                    found.sandbox_of
                )));
            }
            None if !is_empty(&dir)? => {
                return Err(Error::Usage(format!(
                    "{} is not empty and no sandbox of an earlier `--into`; name a new folder",
                    dir.display()
                )));
            }
            _ => {}
        }
        let upstream = published(&warehouse).await?;
        Ok(Self {
            workspace: Workspace {
                warehouse: Warehouse::over(dir.clone(), &warehouse),
                ..workspace.clone()
            },
            dir,
            upstream,
            card,
        })
    }

    /// Makes the folder what it is for.
    pub fn begin(&self) -> Result<()> {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).map_err(Error::io("making the folder", &folder))?;
        let path = card_path(&self.dir);
        let text = serde_json::to_string(&self.card)
            .map_err(|error| Error::Failed(format!("writing {}: {error}", path.display())))?;
        std::fs::write(&path, text).map_err(Error::io("writing", &path))
    }

    /// Where this sandbox keeps what is not a table.
    pub fn folder(&self) -> PathBuf {
        self.dir.join("_loudou")
    }

    /// DIR.
    pub fn folder_of_tables(&self) -> PathBuf {
        self.dir.clone()
    }

    /// What a run sees: `own`, the state of DIR, over what is published.
    pub fn over(&self, own: &State) -> State {
        let mut seen = own.clone();
        seen.complete_through = own.complete_through.max(self.upstream.complete_through);
        for (name, published) in &self.upstream.tables {
            let table = seen.tables.entry(name.clone()).or_default();
            // A table that is whole here and by date there (or the reverse) is not both.
            let whole = date_key(None);
            let is_other_kind = |date: &String| {
                own.tables.get(name).is_some_and(|own| {
                    own.partitions
                        .keys()
                        .any(|known| (*known == whole) != (*date == whole))
                })
            };
            for (date, partition) in &published.partitions {
                if !is_other_kind(date) {
                    table
                        .partitions
                        .entry(date.clone())
                        .or_insert_with(|| partition.clone());
                }
            }
            for (path, object) in &published.objects {
                table
                    .objects
                    .entry(path.clone())
                    .or_insert_with(|| object.clone());
            }
        }
        seen
    }
}

/// The warehouse's state with keys that hold in a sandbox, too. What is published must be what the log says.
async fn published(warehouse: &Warehouse) -> Result<State> {
    let mut state = read_state(warehouse).await?;
    for (slot, commit) in &state.unfinished {
        let table = state.table(&commit.table);
        for partition in &commit.partitions {
            // A later commit may have replaced it already.
            let is_newest = table
                .partition(partition.date)
                .is_some_and(|current| current.commit == *slot);
            if is_newest && is_published(warehouse, partition).await?.is_none() {
                return Err(Error::Held(format!(
                    "{} is being published, or a run was cut off before it was; try again when the next run of the warehouse has ended",
                    commit.table
                )));
            }
        }
    }
    if let Some(found) = damaged(warehouse, &state).await?.first() {
        return Err(Error::Locked(format!(
            "{} {} of the warehouse cannot be read: {}; its next run mends that, then try again",
            found.table, found.date, found.why
        )));
    }
    for table in state.tables.values_mut() {
        for partition in table.partitions.values_mut() {
            partition.key = warehouse.key_from_above(&partition.key)?;
        }
    }
    state.unfinished.clear();
    Ok(state)
}

fn refuse_unfit(workspace: &Workspace, dir: &Path, warehouse: Option<&Path>) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::Usage(format!(
            "--into {}: {why}; name a folder of its own",
            dir.display()
        )))
    };
    if let Some(warehouse) = warehouse {
        if dir == warehouse {
            return refuse("that is the warehouse itself".to_string());
        }
        if dir.starts_with(warehouse) {
            return refuse("it lies in the warehouse".to_string());
        }
        if warehouse.starts_with(dir) {
            return refuse("the warehouse lies in it".to_string());
        }
    }
    let root = &workspace.project.root;
    if root.starts_with(dir) {
        return refuse("the project lies in it".to_string());
    }
    if let Some(own) = OWN_FOLDERS
        .iter()
        .find(|own| dir.starts_with(root.join(own)))
    {
        return refuse(format!("it lies in the project's {own}/"));
    }
    for source in workspace.project.sources.values() {
        let Some(from) = Location::open(&source.from, &source.store)?.local_path() else {
            continue;
        };
        let from = resolved(&from)?;
        if dir.starts_with(&from) || from.starts_with(dir) {
            return refuse(format!(
                "it would stand among the raw objects of source {}",
                source.name
            ));
        }
    }
    Ok(())
}

/// The absolute path without links, as far as it exists.
fn resolved(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(Error::io("resolving", path))?;
    let mut rest = Vec::new();
    let mut there = absolute.as_path();
    loop {
        if let Ok(found) = there.canonicalize() {
            return Ok(rest.iter().rev().fold(found, |path, name| path.join(name)));
        }
        let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else {
            return Err(Error::Usage(format!(
                "{} is not a folder's path (it holds `..` behind a folder that is not there)",
                path.display()
            )));
        };
        rest.push(name);
        there = parent;
    }
}

fn card_path(dir: &Path) -> PathBuf {
    dir.join("_loudou/sandbox.json")
}

fn read_card(dir: &Path) -> Result<Option<Card>> {
    let path = card_path(dir);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
            Error::Usage(format!(
                "{} cannot be read ({error}); name another folder",
                path.display()
            ))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", &path)(error)),
    }
}

fn is_empty(dir: &Path) -> Result<bool> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::io("reading the folder", dir)(error)),
    }
}
