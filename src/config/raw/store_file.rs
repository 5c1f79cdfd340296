//! `stores` of the project file.

use schemars::JsonSchema;
use serde::Deserialize;

/// How a store is reached. Credentials are never written here: they come from the environment, the
/// machine's role or a named profile.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "store")]
pub struct StoreFile {
    /// Where the service answers, for other services than AWS, Azure and Google: MinIO, R2, a test server.
    #[schemars(example = &"https://minio.example.com")]
    pub endpoint: Option<String>,
    /// Region of the bucket (S3); `AWS_REGION` or `us-east-1` unless given.
    #[schemars(example = &"eu-central-1")]
    pub region: Option<String>,
    /// Storage account (Azure); `AZURE_STORAGE_ACCOUNT_NAME` unless given.
    #[schemars(example = &"shoplogs")]
    pub account: Option<String>,
    /// Profile of `~/.aws/credentials` to take credentials from (S3); `AWS_PROFILE` unless given.
    #[schemars(example = &"reporting")]
    pub profile: Option<String>,
    /// Where the bucket's name stands in requests (S3): `path` unless given.
    pub addressing: Option<AddressingWord>,
    /// Whether plain http is allowed; `false` unless given.
    pub allow_http: Option<bool>,
    /// For one request without an answer; `120s` unless given.
    #[schemars(example = &"120s")]
    pub timeout: Option<String>,
    /// For making a connection; `5s` unless given.
    #[schemars(example = &"5s")]
    pub connect_timeout: Option<String>,
    /// How often a request is tried again; 10 unless given.
    #[schemars(example = &10)]
    pub retries: Option<i64>,
    /// For how long a request is tried again; `180s` unless given.
    #[schemars(example = &"180s")]
    pub retry_for: Option<String>,
    /// Requests at once, at most; fewer while the store says that it is busy. 32 unless given.
    #[schemars(example = &32)]
    pub concurrency: Option<i64>,
    /// A run of another machine that has not been heard of for this long is taken for dead; longer than
    /// `retry_for` and `timeout` together. `360s` unless given.
    #[schemars(example = &"360s")]
    pub lease: Option<String>,
    /// How writes into a warehouse are kept from overwriting each other (S3): by `if_match` unless given.
    pub conditional_writes: Option<ConditionalWritesWord>,
}

/// How writes are kept from overwriting each other.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionalWritesWord {
    /// By the conditions of HTTP: Amazon S3, MinIO, R2.
    IfMatch,
    /// By `x-oss-forbid-overwrite` (Aliyun OSS); only creation is guarded.
    OssForbidOverwrite,
    /// By `x-cos-forbid-overwrite` (Tencent COS); only creation is guarded.
    CosForbidOverwrite,
}

/// Where a bucket's name stands.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddressingWord {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    VirtualHost,
}
