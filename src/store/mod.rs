//! Object stores: from a URL and its settings to a client.
//!
//! [`Location`] is a folder of a store. Credentials come from the environment, the machine's role or a
//! named profile (`profile`); requests are bounded and become fewer while a store says that it is busy
//! (`pace`); [`Pinned`] reads one version of an object only.

mod open;
mod pace;
mod pinned;
mod profile;
mod secret;

use std::path::PathBuf;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use url::Url;

use crate::error::{Error, Result};
use crate::project::StoreSettings;

pub use pinned::Pinned;

/// A store and the folder in it that a URL names.
#[derive(Debug, Clone)]
pub struct Location {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The folder inside it.
    pub base: Path,
    /// The URL of the folder, ending in `/`.
    pub url: String,
}

impl Location {
    /// Opens the folder a URL names; asks nothing of the store yet.
    pub fn open(url: &str, settings: &StoreSettings) -> Result<Self> {
        if let Some(("s3" | "az" | "gs", rest)) = url.split_once("://") {
            let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
            return Ok(Self {
                store: open::remote(url, bucket, settings)?,
                base: Path::from_iter(folder.split('/').filter(|part| !part.is_empty())),
                url: url.to_string(),
            });
        }
        let parsed = Url::parse(url)
            .map_err(|cause| Error::Usage(format!("{url} is not a URL: {cause}")))?;
        if parsed.scheme() != "file" {
            return Err(Error::Usage(format!(
                "stores of the kind {}:// are not known",
                parsed.scheme()
            )));
        }
        let base = Path::from_url_path(parsed.path())
            .map_err(|cause| Error::Usage(format!("{url} is not a path of a store: {cause}")))?;
        Ok(Self {
            store: Arc::new(LocalFileSystem::new()),
            base,
            url: url.to_string(),
        })
    }

    /// A client of the same store whose writes never overwrite, where the store has a header of its own for
    /// that; `None` where conditions do it.
    pub fn creations(&self, settings: &StoreSettings) -> Result<Option<Arc<dyn ObjectStore>>> {
        let bucket = self
            .url
            .strip_prefix("s3://")
            .and_then(|rest| rest.split('/').next());
        match (settings.conditional_writes.header(), bucket) {
            (Some(header), Some(bucket)) => open::creations(bucket, settings, header).map(Some),
            _ => Ok(None),
        }
    }

    /// The store's key of a path below the folder. `relative` is taken literally, segment by segment.
    pub fn key(&self, relative: &str) -> Path {
        let mut path = self.base.clone();
        for part in relative.split('/').filter(|part| !part.is_empty()) {
            path = path.join(part);
        }
        path
    }

    /// The store's key of an object as a listing named it (already encoded).
    pub fn object_key(&self, path: &str) -> Result<Path> {
        let whole = match self.base.as_ref().is_empty() {
            true => path.to_string(),
            false => format!("{}/{path}", self.base),
        };
        Path::parse(whole).map_err(|cause| Error::Object {
            object: path.to_string(),
            cause: format!("its name is not a key of this store: {cause}"),
        })
    }

    /// The folder on the local disk, if it is there.
    pub fn local_path(&self) -> Option<PathBuf> {
        let url = Url::parse(&self.url).ok()?;
        (url.scheme() == "file")
            .then(|| url.to_file_path().ok())
            .flatten()
    }

    /// What tells one version of an object from another. The local store's tag holds the inode, which a
    /// copy or a restored backup changes although the bytes are the same: there, size and time must do.
    pub fn tag(&self, meta: &ObjectMeta) -> String {
        match &meta.e_tag {
            Some(tag) if !self.url.starts_with("file:") => bare(tag).to_string(),
            _ => format!(
                "{:x}-{:x}",
                meta.last_modified.timestamp_micros(),
                meta.size
            ),
        }
    }
}

/// A tag without its quotes: some stores quote it in one answer and not in another.
pub fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}
