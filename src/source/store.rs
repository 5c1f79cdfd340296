//! Opens URLs as object stores.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use crate::error::{Error, Result};

/// A store and the folder in it that a URL names.
#[derive(Debug, Clone)]
pub struct Location {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The folder inside it.
    pub base: Path,
    /// The URL of the folder, ending in `/`.
    pub url: Url,
}

impl Location {
    /// Opens the folder a URL names. Only `file://` for now.
    pub fn open(url: &str) -> Result<Self> {
        let parsed = Url::parse(url)
            .map_err(|cause| Error::Usage(format!("{url} is not a URL: {cause}")))?;
        match parsed.scheme() {
            "file" => {
                let base = Path::from_url_path(parsed.path()).map_err(|cause| {
                    Error::Usage(format!("{url} is not a path of a store: {cause}"))
                })?;
                Ok(Self {
                    store: Arc::new(LocalFileSystem::new()),
                    base,
                    url: parsed,
                })
            }
            scheme => Err(Error::Usage(format!(
                "{url}: stores of the kind {scheme}:// are not supported yet; use a local path"
            ))),
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

    /// The store's key of an object as [`super::listing`] named it (already encoded).
    pub fn object_key(&self, path: &str) -> Result<Path> {
        Path::parse(format!("{}/{path}", self.base)).map_err(|cause| Error::Object {
            object: path.to_string(),
            cause: format!("its name is not a key of this store: {cause}"),
        })
    }

    /// The folder on the local disk, if it is there.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.url.scheme() == "file")
            .then(|| self.url.to_file_path().ok())
            .flatten()
    }
}
