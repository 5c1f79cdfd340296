//! One writer at a time: an OS lock on a file of the warehouse, held for the process's life.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use super::{durable, mounts};
use crate::error::{Error, Result};

/// How often, and after which pause, a lock that is held is tried again.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The lock; let go when dropped, or by the system when the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock or says who holds it. `holder` is one line about ourselves.
    pub(super) fn take(folder: &Path, holder: &str) -> Result<Self> {
        durable::make_folder(folder)?;
        if let Some(kind) = mounts::network_file_system(folder) {
            return Err(Error::Usage(format!(
                "the warehouse {} lies on a network file system ({kind}), where locks cannot be trusted; put it on a local disk",
                folder.display()
            )));
        }
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("opening", &path))?;
        let mut tried = file.try_lock();
        // A child that a process just made holds copies of its files until it becomes another program:
        // for a moment a lock may outlive its holder.
        for _ in 0..TRIES {
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(PAUSE);
            tried = file.try_lock();
        }
        match tried {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(Error::Held(format!(
                    "another run holds this warehouse ({}); try again when it has ended",
                    holder.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(Error::io("writing", &path))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), "process 7").unwrap();
        let error = Lock::take(folder.path(), "process 8").unwrap_err();
        assert_eq!(error.exit_code(), 75);
        assert!(error.to_string().contains("process 7"), "{error}");
        drop(first);
        Lock::take(folder.path(), "process 8").unwrap();
    }
}
