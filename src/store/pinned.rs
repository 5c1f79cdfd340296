//! Reads one version of an object only: every request carries its tag, so that bytes of two versions are
//! never mixed. The engine reads ranges without it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store of which one version of objects is read, and nothing else is done.
#[derive(Debug, Clone)]
pub struct Pinned {
    store: Arc<dyn ObjectStore>,
    tag: Option<String>,
}

impl Pinned {
    /// Reads of `store` what has this tag; anything, where the tag is not known.
    pub fn new(store: Arc<dyn ObjectStore>, tag: Option<String>) -> Self {
        Self { store, tag }
    }

    fn refused<T>(&self, operation: &str) -> Result<T> {
        Err(object_store::Error::NotImplemented {
            operation: operation.to_string(),
            implementer: self.to_string(),
        })
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one version of {}", self.store)
    }
}

#[async_trait]
impl ObjectStore for Pinned {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let options = GetOptions {
            if_match: self.tag.clone(),
            ..options
        };
        self.store.get_opts(location, options).await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        self.refused("put")
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.refused("put_multipart")
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        Box::pin(futures::stream::iter([self.refused("delete")]))
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Box::pin(futures::stream::iter([self.refused("list")]))
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        self.refused("list")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        self.refused("copy")
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::*;

    #[tokio::test]
    async fn another_version_is_not_read() {
        let store = Arc::new(InMemory::new());
        let key = Path::from("a");
        let first = store.put(&key, PutPayload::from("one")).await.unwrap();
        let pinned = Pinned::new(store.clone(), first.e_tag);
        assert_eq!(pinned.get_range(&key, 0..2).await.unwrap(), "on".as_bytes());
        store.put(&key, PutPayload::from("two")).await.unwrap();
        for result in [
            pinned.get_range(&key, 0..2).await.map(|_| ()),
            pinned.get_ranges(&key, &[0..1, 2..3]).await.map(|_| ()),
        ] {
            assert!(matches!(
                result,
                Err(object_store::Error::Precondition { .. })
            ));
        }
    }
}
