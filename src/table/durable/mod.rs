//! Durable writes on the local disk: a file is there whole and for good, or not at all.
//!
//! The order (write, sync the file, rename, sync the folder and every folder newly made) is what a
//! crash of the machine asks for; object_store's local store never syncs.

pub(super) mod disk;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Suffix of files that are not yet published; left by a crash, removed by the next run.
pub(super) const TEMPORARY_SUFFIX: &str = ".loudou-tmp";

fn temporary(path: &Path) -> std::path::PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(TEMPORARY_SUFFIX);
    path.with_file_name(name)
}

fn sync_folder(path: &Path) -> Result<()> {
    disk::sync_folder(path).map_err(Error::unsynced(path))
}

/// Makes a folder and its missing parents so that they survive a crash.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    make_folder(parent)?;
    match disk::create_folder(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::io("making the folder", path)(error)),
    }
    sync_folder(parent)
}

fn write_temporary(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<std::path::PathBuf> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    make_folder(parent)?;
    let temporary = temporary(path);
    let file = disk::write(&temporary, fill).map_err(Error::io("writing", &temporary))?;
    disk::sync_file(&file, &temporary).map_err(Error::unsynced(&temporary))?;
    Ok(temporary)
}

/// Replaces (or creates) `path` by the file `from`, which goes away where both lie on one file system.
pub(super) fn replace_with_file(from: &Path, path: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(Error::io("opening", from))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    make_folder(folder)?;
    disk::sync_file(&source, from).map_err(Error::unsynced(from))?;
    match disk::rename(from, path) {
        Ok(()) => return sync_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        Err(error) => return Err(Error::io("publishing", path)(error)),
    }
    let temporary = write_temporary(path, |file| io::copy(&mut source, file).map(|_| ()))?;
    disk::rename(&temporary, path).map_err(Error::io("publishing", path))?;
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

/// Replaces (or creates) `path` by a text.
pub(super) fn replace_with_text(text: &str, path: &Path) -> Result<()> {
    let temporary = write_temporary(path, |file| file.write_all(text.as_bytes()))?;
    disk::rename(&temporary, path).map_err(Error::io("writing", path))?;
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

/// Creates `path`, which must not exist; `false` if it does. Never half-written.
pub(super) fn create(text: &str, path: &Path) -> Result<bool> {
    let temporary = write_temporary(path, |file| file.write_all(text.as_bytes()))?;
    let linked = disk::link(&temporary, path);
    disk::remove(&temporary).map_err(Error::io("removing", &temporary))?;
    match linked {
        Ok(()) => {
            sync_folder(path.parent().unwrap_or(Path::new("/")))?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::io("creating", path)(error)),
    }
}

/// Removes what a crash may have left beside `path`.
pub(super) fn remove_temporary(path: &Path) -> Result<()> {
    let temporary = temporary(path);
    match disk::remove(&temporary) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("removing", &temporary)(error)),
    }
}

/// Makes good what a process that was killed left undone below a folder: removes its temporaries, and syncs
/// folders whose names it may have changed without doing so.
pub(super) fn restore(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Whatever lies there (`lost+found`, say) was not written by us.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(Error::io("listing", folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("listing", folder))?;
        let path = entry.path();
        if entry
            .file_type()
            .map_err(Error::io("looking at", &path))?
            .is_dir()
        {
            restore(&path)?;
        } else if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().ends_with(TEMPORARY_SUFFIX))
        {
            disk::remove(&path).map_err(Error::io("removing", &path))?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn creates_once_and_replaces_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.json");
        assert!(create("one", &path).unwrap());
        assert!(!create("two", &path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        replace_with_text("three", &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
