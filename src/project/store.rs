//! How an object store is reached: everything but who one is, which is never written into a file.

use std::time::Duration;

/// Settings of one store, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where the service answers, for services other than the cloud's own.
    pub endpoint: Option<String>,
    /// Region (S3).
    pub region: Option<String>,
    /// Storage account (Azure).
    pub account: Option<String>,
    /// Profile of the shared credentials file (S3).
    pub profile: Option<String>,
    /// Whether the bucket stands in the host's name instead of the path (S3).
    pub is_virtual_hosted: bool,
    /// Whether plain http is allowed.
    pub allow_http: bool,
    /// For one request without an answer.
    pub timeout: Duration,
    /// For making a connection.
    pub connect_timeout: Duration,
    /// How often a request is tried again.
    pub retries: usize,
    /// For how long a request is tried again.
    pub retry_for: Duration,
    /// Requests at once, at most; fewer while the store says that it is busy.
    pub concurrency: usize,
    /// A run that has not been heard of for this long is taken for dead.
    pub lease: Duration,
    /// How writes are kept from overwriting what they should not.
    pub conditional_writes: ConditionalWrites,
}

/// How writes are kept from overwriting what they should not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConditionalWrites {
    /// By the conditions of HTTP: `If-None-Match` and `If-Match`.
    #[default]
    IfMatch,
    /// Creation alone, by the header of Aliyun OSS.
    OssForbidOverwrite,
    /// Creation alone, by the header of Tencent COS.
    CosForbidOverwrite,
}

impl ConditionalWrites {
    /// The header of a store's own, if it takes one.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::IfMatch => None,
            Self::OssForbidOverwrite => Some("x-oss-forbid-overwrite"),
            Self::CosForbidOverwrite => Some("x-cos-forbid-overwrite"),
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            account: None,
            profile: None,
            is_virtual_hosted: false,
            allow_http: false,
            timeout: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(5),
            retries: 10,
            retry_for: Duration::from_secs(180),
            concurrency: 32,
            lease: Duration::from_secs(360),
            conditional_writes: ConditionalWrites::IfMatch,
        }
    }
}

/// Settings by the beginning of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stores(pub Vec<(String, StoreSettings)>);

impl Stores {
    /// The settings of the longest beginning that a URL has; defaults where it has none.
    pub fn of(&self, url: &str) -> StoreSettings {
        self.0
            .iter()
            .filter(|(beginning, _)| url.starts_with(beginning))
            .max_by_key(|(beginning, _)| beginning.len())
            .map(|(_, settings)| settings.clone())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts() {
        let named = |region: &str| StoreSettings {
            region: Some(region.to_owned()),
            ..StoreSettings::default()
        };
        let stores = Stores(vec![
            ("s3://a/".to_owned(), named("one")),
            ("s3://a/b/".to_owned(), named("two")),
        ]);
        let region = |url: &str| stores.of(url).region;
        assert_eq!(region("s3://a/x/").as_deref(), Some("one"));
        assert_eq!(region("s3://a/b/c/").as_deref(), Some("two"));
        assert_eq!(region("s3://ab/"), None);
    }
}
