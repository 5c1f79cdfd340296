//! A warehouse in an object store: what its log and its publication are made of.
//!
//! Everything here goes through an `ObjectStore` and a [`Clock`], so that a store that fails by a plan
//! and a clock that is told when to go on can stand in for the real ones. Time is only ever compared by
//! the store's own clock (`Last-Modified`).

pub(super) mod lease;
pub(super) mod probe;
pub(super) mod put;
pub(super) mod slots;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use object_store::{
    Attribute, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, UpdateVersion,
};

use crate::error::{Error, Result, is_absent};
use crate::project::StoreSettings;
use crate::store::Location;

/// Name of the object metadata that holds the SHA-256 of the bytes.
const HASH: &str = "sha256";

/// How often an operation of unknown outcome is tried, on top of the client's own repetitions.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What is needed of time and chance.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Lets time pass.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
    /// A text that no other writer ever has.
    fn nonce(&self) -> String;
    /// Time since the machine started, in which it may have slept.
    fn since_boot(&self) -> Duration;
}

/// The machine's.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn nonce(&self) -> String {
        use std::hash::{BuildHasher, RandomState};
        // Keys of the system's random numbers, with what else tells processes and moments apart.
        let place = (std::process::id(), std::time::SystemTime::now());
        let half = || RandomState::new().hash_one(place);
        format!("{:016x}{:016x}", half(), half())
    }

    /// `Instant` does not count the time that a machine sleeps; the system's own figure does.
    fn since_boot(&self) -> Duration {
        let read = || {
            let text = std::fs::read_to_string("/proc/uptime").ok()?;
            let secs: f64 = text.split(' ').next()?.parse().ok()?;
            Duration::try_from_secs_f64(secs).ok()
        };
        // Where there is no such file, the time of day must do.
        read().unwrap_or_else(|| {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default()
        })
    }
}

/// What writes of a store may be conditional on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// On the version that they replace.
    Conditional,
    /// Only on there being nothing.
    CreateOnly,
}

/// A warehouse in an object store.
#[derive(Debug)]
pub struct Remote {
    /// Its folder.
    pub location: Location,
    /// The same store as a client sees it that never overwrites, where that takes another one.
    pub creations: Option<Arc<dyn ObjectStore>>,
    /// What writes may be conditional on.
    pub writes: Writes,
    /// A run that has not been heard of for this long is taken for dead.
    pub lease: Duration,
    /// How long a request may take with its repetitions.
    pub longest_request: Duration,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
}

/// An object as it is there.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) version: UpdateVersion,
    pub(super) modified: DateTime<Utc>,
    /// The SHA-256 its writer put beside it; none if that was not this program.
    pub(super) hash: Option<String>,
}

impl Head {
    pub(super) fn is(&self, hash: &str, size: u64) -> bool {
        self.size == size && self.hash.as_deref() == Some(hash)
    }

    pub(super) fn tag(&self) -> Option<&str> {
        self.version.e_tag.as_deref()
    }
}

impl Remote {
    /// A folder of a store.
    pub fn new(location: Location, settings: &StoreSettings) -> Result<Self> {
        let creations = location.creations(settings)?;
        Ok(Self {
            writes: match creations {
                None => Writes::Conditional,
                Some(_) => Writes::CreateOnly,
            },
            location,
            creations,
            lease: settings.lease,
            longest_request: settings.retry_for + settings.timeout,
            clock: Arc::new(SystemClock),
        })
    }

    pub(super) fn name_of(&self, key: &str) -> String {
        format!("{}{key}", self.location.url)
    }

    /// Waits before the next try of an operation: each time longer.
    pub(super) async fn pause(&self, tried: u32) {
        self.clock
            .sleep(FIRST_PAUSE.saturating_mul(2u32.saturating_pow(tried)))
            .await;
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<bytes::Bytes>> {
        let fault = || Error::store(format!("reading {}", self.name_of(key)));
        match self.location.store.get(&self.location.key(key)).await {
            Ok(found) => found.bytes().await.map(Some).map_err(fault()),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(fault()(error)),
        }
    }

    pub(super) async fn read_text(&self, key: &str) -> Result<Option<String>> {
        let bytes = self.get(key).await?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(super) async fn head(&self, key: &str) -> Result<Option<Head>> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let path = self.location.key(key);
        match self.location.store.get_opts(&path, options).await {
            Ok(found) => Ok(Some(Head {
                size: found.meta.size,
                hash: found
                    .attributes
                    .get(&Attribute::Metadata(HASH.into()))
                    .map(|hash| hash.to_string()),
                version: UpdateVersion {
                    e_tag: found.meta.e_tag,
                    version: found.meta.version,
                },
                modified: found.meta.last_modified,
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::store(format!("looking for {}", self.name_of(key)))(
                error,
            )),
        }
    }

    /// Puts bytes under a condition; the store's own error comes back, since what it means is the caller's.
    pub(super) async fn put(
        &self,
        key: &str,
        bytes: PutPayload,
        mode: PutMode,
        hash: Option<&str>,
    ) -> object_store::Result<UpdateVersion> {
        let (store, mode) = match (&self.creations, mode) {
            // That client's requests say by themselves that they do not overwrite.
            (Some(creations), PutMode::Create) => (creations, PutMode::Overwrite),
            (_, mode) => (&self.location.store, mode),
        };
        let mut options = PutOptions::from(mode);
        if let Some(hash) = hash {
            options
                .attributes
                .insert(Attribute::Metadata(HASH.into()), hash.to_string().into());
        }
        let path = self.location.key(key);
        let put = store.put_opts(&path, bytes, options).await?;
        Ok(UpdateVersion {
            e_tag: put.e_tag,
            version: put.version,
        })
    }

    pub(super) async fn write_text(&self, key: &str, text: &str) -> Result<()> {
        let bytes = PutPayload::from(text.to_string());
        self.put(key, bytes, PutMode::Overwrite, None)
            .await
            .map(|_| ())
            .map_err(Error::store(format!("writing {}", self.name_of(key))))
    }

    /// The names of what lies below a folder.
    pub(super) async fn list_names(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = self.location.key(folder);
        self.location
            .store
            .list(Some(&prefix))
            .try_filter_map(|meta| async move { Ok(meta.location.filename().map(str::to_string)) })
            .try_collect()
            .await
            .map_err(Error::store(format!("listing {}", self.name_of(folder))))
    }

    /// The keys below a folder that were written so long ago, by the store's time.
    pub(super) async fn list_older(
        &self,
        folder: &str,
        now: DateTime<Utc>,
        age: Duration,
    ) -> Result<Vec<String>> {
        let prefix = self.location.key(folder);
        let is_old = |meta: &ObjectMeta| {
            let passed = (now - meta.last_modified).to_std();
            passed.is_ok_and(|passed| passed > age)
        };
        self.location
            .store
            .list(Some(&prefix))
            .try_filter_map(|meta| async move {
                let name = meta.location.filename().filter(|_| is_old(&meta));
                Ok(name.map(|name| format!("{folder}/{name}")))
            })
            .try_collect()
            .await
            .map_err(Error::store(format!("listing {}", self.name_of(folder))))
    }

    /// Removes what is there of these keys; many by one request, where the store has such.
    pub(super) async fn remove(&self, keys: Vec<String>) -> Result<()> {
        let paths: Vec<_> = keys.iter().map(|key| Ok(self.location.key(key))).collect();
        let paths = futures::stream::iter(paths).boxed();
        let mut removed = self.location.store.delete_stream(paths);
        while let Some(removed) = removed.next().await {
            match removed {
                Err(error) if !is_absent(&error) => {
                    let what = format!("removing objects of {}", self.location.url);
                    return Err(Error::store(what)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Copies one version of an object to a local file.
    pub(super) async fn download(&self, key: &str, tag: Option<&str>, to: &Path) -> Result<()> {
        let options = GetOptions {
            if_match: tag.map(str::to_string),
            ..GetOptions::default()
        };
        let fault = |error: object_store::Error| match error {
            object_store::Error::Precondition { .. } => Error::Locked(format!(
                "{} was replaced while this run was reading it; run again",
                self.name_of(key)
            )),
            error => Error::store(format!("reading {}", self.name_of(key)))(error),
        };
        let path = self.location.key(key);
        let found = self
            .location
            .store
            .get_opts(&path, options)
            .await
            .map_err(fault)?;
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io("making the folder", folder))?;
        }
        let part = to.with_extension("part");
        let mut file = std::fs::File::create(&part).map_err(Error::io("creating", &part))?;
        let mut bytes = found.into_stream();
        while let Some(bytes) = bytes.try_next().await.map_err(fault)? {
            file.write_all(&bytes)
                .map_err(Error::io("writing", &part))?;
        }
        drop(file);
        std::fs::rename(&part, to).map_err(Error::io("writing", to))
    }
}
