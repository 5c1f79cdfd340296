//! A folder of one process for what it spills. It goes with the process; where that is killed, the next one
//! takes it away.
//!
//! Several processes may work in one project at once (a run, queries), so whose process is gone must be
//! known: each holds a lock of the operating system on a file beside its folder. Process numbers would not
//! tell, since containers that share a disk have the same ones.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Ending of the file beside a folder.
const LOCK: &str = "lock";

/// The folder; removed when dropped.
#[derive(Debug)]
pub(super) struct SpillFolder {
    path: PathBuf,
    _lock: File,
}

impl SpillFolder {
    /// Makes one below `parent`, after removing what killed processes left there.
    pub(super) fn make(parent: &Path) -> Result<Self> {
        fs::create_dir_all(parent).map_err(Error::io("making the spill folder", parent))?;
        remove_abandoned(parent);
        let mut number = 0_u32;
        loop {
            let path = parent.join(format!("{}-{number}", std::process::id()));
            let lock = path.with_extension(LOCK);
            let made = OpenOptions::new().write(true).create_new(true).open(&lock);
            match made {
                Ok(file) => {
                    // Where locks are unknown nobody else can take this one either, and nothing is removed.
                    let is_taken = matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock));
                    // Another process may have found it before it was locked, and removed it.
                    if !is_taken && lock.exists() {
                        fs::create_dir_all(&path)
                            .map_err(Error::io("making the spill folder", &path))?;
                        return Ok(Self { path, _lock: file });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("making the spill folder", &lock)(error)),
            }
            number += 1;
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(self.path.with_extension(LOCK));
    }
}

/// Removes folders whose process holds no lock any more; what cannot be removed stays for another time.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let lock = entry.path();
        if lock.extension().is_none_or(|ending| ending != LOCK) {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(&lock) else {
            continue;
        };
        if file.try_lock().is_ok() {
            let _ = fs::remove_dir_all(lock.with_extension(""));
            let _ = fs::remove_file(&lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_others_hold_stays() {
        let folder = tempfile::tempdir().unwrap();
        let parent = folder.path().join("spill");
        fs::create_dir_all(parent.join("7-0/datafusion-x")).unwrap();
        fs::write(parent.join("7-0.lock"), "").unwrap();
        let first = SpillFolder::make(&parent).unwrap();
        fs::write(first.path().join("rows"), "rows").unwrap();
        let own = std::process::id();
        assert_eq!(
            names(&parent),
            [format!("{own}-0"), format!("{own}-0.lock")]
        );
        let second = SpillFolder::make(&parent).unwrap();
        assert!(first.path().join("rows").is_file());
        assert_ne!(first.path(), second.path());
        drop(first);
        drop(second);
        assert_eq!(names(&parent), Vec::<String>::new());
    }
}
