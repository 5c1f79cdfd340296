//! Where published tables lie: a folder of the local disk, or one of an object store.
//!
//! On the local disk everything is written durably by `table::durable` and guarded by a lock of the
//! operating system; elsewhere by conditional requests ([`super::remote`]).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;

use super::durable;
use super::log::RunLog;
use super::remote::Remote;
use super::remote::put::{self, Content, Upload};
use super::state::PartitionState;
use super::write::hash_text;
use crate::engine::{PartitionFile, Pin};
use crate::error::{Error, Result};
use crate::project::StoreSettings;
use crate::store::Location;

/// A warehouse.
#[derive(Debug, Clone)]
pub struct Warehouse {
    place: Place,
    /// The warehouse below a sandbox, where that is no local one: keys that begin with its URL lie there.
    below: Option<Arc<Remote>>,
}

/// Where a warehouse lies.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A folder.
    Local(PathBuf),
    /// A folder of a store.
    Remote(Arc<Remote>),
}

impl Warehouse {
    /// The warehouse of a URL; nothing is read yet.
    pub fn open(url: &str, settings: &StoreSettings) -> Result<Self> {
        let location = Location::open(url, settings)?;
        Ok(match location.local_path() {
            Some(folder) => Self::local(folder),
            None => Self::remote(Remote::new(location, settings)?),
        })
    }

    /// One on the local disk.
    pub fn local(folder: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::Local(folder.into()),
            below: None,
        }
    }

    /// One in a store.
    pub fn remote(remote: Remote) -> Self {
        Self {
            place: Place::Remote(Arc::new(remote)),
            below: None,
        }
    }

    /// A local one of a sandbox over another.
    pub fn over(folder: PathBuf, below: &Self) -> Self {
        Self {
            place: Place::Local(folder),
            below: match &below.place {
                Place::Local(_) => None,
                Place::Remote(remote) => Some(Arc::clone(remote)),
            },
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The folder, if it is one of the local disk.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(folder) => Some(folder),
            Place::Remote(_) => None,
        }
    }

    /// What a key is called outside: a path, or a URL.
    pub fn name_of(&self, key: &str) -> String {
        match &self.place {
            Place::Local(folder) => folder.join(key).display().to_string(),
            Place::Remote(remote) => format!("{}{key}", remote.location.url),
        }
    }

    /// What a key is called in a sandbox over this warehouse.
    pub fn key_from_above(&self, key: &str) -> Result<String> {
        match &self.place {
            Place::Remote(_) => Ok(self.name_of(key)),
            Place::Local(folder) => {
                folder
                    .join(key)
                    .to_str()
                    .map(str::to_string)
                    .ok_or_else(|| {
                        Error::Usage(format!(
                            "the warehouse's path {} is not UTF-8",
                            folder.display()
                        ))
                    })
            }
        }
    }

    /// The store that a key lies in with the key there, if that is no local disk.
    fn elsewhere<'a>(&'a self, key: &'a str) -> Option<(&'a Remote, &'a str)> {
        let below = self.below.as_deref().and_then(|below| {
            let key = key.strip_prefix(&below.location.url)?;
            Some((below, key))
        });
        below.or_else(|| match &self.place {
            // What lies on scratch has an absolute path.
            Place::Remote(remote) if !key.starts_with('/') => Some((remote, key)),
            _ => None,
        })
    }

    /// The path of a key on the local disk. An absolute one stands for itself.
    fn path(&self, key: &str) -> PathBuf {
        match &self.place {
            Place::Local(folder) => folder.join(key),
            Place::Remote(_) => PathBuf::from(key),
        }
    }

    /// A published partition as the engine reads it.
    pub fn file(
        &self,
        date: Option<NaiveDate>,
        partition: &PartitionState,
    ) -> Option<PartitionFile> {
        let (path, pin) = match self.elsewhere(&partition.key) {
            Some((remote, key)) => {
                let pin = Pin {
                    store: Arc::clone(&remote.location.store),
                    tag: partition.etag.clone(),
                };
                (remote.location.key(key), Some(pin))
            }
            None => {
                let path = self.path(&partition.key);
                (
                    object_store::path::Path::from_absolute_path(path).ok()?,
                    None,
                )
            }
        };
        Some(PartitionFile {
            date,
            path,
            size: partition.bytes,
            pin,
        })
    }

    /// A published partition as a local file: itself, or a copy in `scratch`.
    pub async fn local_file(&self, partition: &PartitionState, scratch: &Path) -> Result<PathBuf> {
        match self.elsewhere(&partition.key) {
            None => Ok(self.path(&partition.key)),
            Some((remote, key)) => {
                let copy = scratch.join(format!("published-{}.parquet", partition.hash));
                if !copy.is_file() {
                    remote
                        .download(key, partition.etag.as_deref(), &copy)
                        .await?;
                }
                Ok(copy)
            }
        }
    }

    /// A text that is no table, such as a page; `None` if it is not there.
    pub async fn read_text(&self, key: &str) -> Result<Option<String>> {
        match &self.place {
            Place::Local(folder) => Ok(std::fs::read_to_string(folder.join(key)).ok()),
            Place::Remote(remote) => remote.read_text(key).await,
        }
    }

    /// Writes such a text as part of a run. In a store only what was seen before the last look at the log is
    /// replaced: a run that was taken over must not put its page over that of the next.
    pub async fn replace_text(&self, log: &RunLog, key: &str, text: &str) -> Result<()> {
        let Place::Remote(remote) = &self.place else {
            return self.write_text(key, text).await;
        };
        let seen = remote.head(key).await?;
        log.stop_if_fenced().await?;
        let upload = Upload {
            key,
            content: Content::Text(text),
            hash: &hash_text(text),
            bytes: text.len() as u64,
        };
        put::publish(remote, &upload, seen, log).await.map(|_| ())
    }

    /// Writes such a text, whoever else may do so.
    pub async fn write_text(&self, key: &str, text: &str) -> Result<()> {
        match &self.place {
            Place::Local(folder) => durable::replace_with_text(text, &folder.join(key)),
            Place::Remote(remote) => remote.write_text(key, text).await,
        }
    }

    /// The same, while the task that waits for it goes on with other things: a disk takes its time.
    pub async fn write_text_beside(&self, key: &str, text: String) -> Result<()> {
        match &self.place {
            Place::Local(folder) => {
                let path = folder.join(key);
                tokio::task::spawn_blocking(move || durable::replace_with_text(&text, &path))
                    .await
                    .map_err(|error| Error::Failed(format!("writing {key} stopped: {error}")))?
            }
            Place::Remote(remote) => remote.write_text(key, &text).await,
        }
    }

    /// Whether a key is there.
    pub async fn is_there(&self, key: &str) -> Result<bool> {
        match &self.place {
            Place::Local(folder) => Ok(folder.join(key).is_file()),
            Place::Remote(remote) => Ok(remote.head(key).await?.is_some()),
        }
    }

    /// The texts of a folder whose names end in `.<extension>`, in their order.
    pub async fn list_texts(&self, folder: &str, extension: &str) -> Result<Vec<String>> {
        let mut names = match &self.place {
            Place::Local(base) => {
                let path = base.join(folder);
                match std::fs::read_dir(&path) {
                    Ok(entries) => entries
                        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                        .collect(),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                    Err(error) => return Err(Error::io("listing", &path)(error)),
                }
            }
            Place::Remote(remote) => remote.list_names(folder).await?,
        };
        let ending = format!(".{extension}");
        names.retain(|name| name.ends_with(&ending));
        names.sort();
        Ok(names
            .into_iter()
            .map(|name| format!("{folder}/{name}"))
            .collect())
    }

    /// Removes texts, those that are there.
    pub async fn remove_texts(&self, keys: Vec<String>) -> Result<()> {
        match &self.place {
            Place::Local(folder) => keys.iter().try_for_each(|key| {
                let path = folder.join(key);
                match std::fs::remove_file(&path) {
                    Ok(()) => Ok(()),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(Error::io("removing", &path)(error)),
                }
            }),
            Place::Remote(remote) => remote.remove(keys).await,
        }
    }
}

impl fmt::Display for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local(folder) => write!(f, "{}", folder.display()),
            Place::Remote(remote) => f.write_str(&remote.location.url),
        }
    }
}
