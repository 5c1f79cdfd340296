//! Clients of the three kinds of object stores.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::pace::PacedConnector;
use super::profile;
use crate::error::{Error, Result};
use crate::project::StoreSettings;

/// A client for a bucket (or container) of the URL's kind.
pub(super) fn remote(
    url: &str,
    bucket: &str,
    settings: &StoreSettings,
) -> Result<Arc<dyn ObjectStore>> {
    let wrong = |cause: object_store::Error| {
        Error::Usage(format!(
            "{url} cannot be opened: {}",
            crate::error::store_cause(&cause)
        ))
    };
    let connector = PacedConnector::new(settings.concurrency);
    let store: Arc<dyn ObjectStore> = match url.split_once("://") {
        Some(("s3", _)) => Arc::new(
            s3(bucket, settings)?
                .with_http_connector(connector)
                .build()
                .map_err(wrong)?,
        ),
        Some(("az", _)) => Arc::new(
            azure(bucket, settings)
                .with_http_connector(connector)
                .build()
                .map_err(wrong)?,
        ),
        _ => Arc::new(
            google(bucket, settings)
                .with_http_connector(connector)
                .build()
                .map_err(wrong)?,
        ),
    };
    Ok(store)
}

/// A client of an S3-like store whose writes all carry a header by which they never overwrite.
pub(super) fn creations(
    bucket: &str,
    settings: &StoreSettings,
    header: &'static str,
) -> Result<Arc<dyn ObjectStore>> {
    let store = s3(bucket, settings)?
        .with_conditional_put(S3ConditionalPut::Disabled)
        .with_http_connector(PacedConnector::new(settings.concurrency).with_put_header(header))
        .build()
        .map_err(|cause| {
            Error::Usage(format!(
                "s3://{bucket}/ cannot be opened: {}",
                crate::error::store_cause(&cause)
            ))
        })?;
    Ok(Arc::new(store))
}

fn s3(bucket: &str, settings: &StoreSettings) -> Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_virtual_hosted_style_request(settings.is_virtual_hosted)
        .with_retry(retries(settings))
        .with_client_options(client(settings));
    // Keys in the environment go before a profile of the environment, as everywhere else.
    let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    let of_environment = || std::env::var("AWS_PROFILE").ok().filter(|_| !has_keys);
    if let Some(name) = settings.profile.clone().or_else(of_environment) {
        let profile = profile::read(&name)?;
        builder = builder
            .with_access_key_id(profile.key_id.reveal())
            .with_secret_access_key(profile.secret.reveal());
        builder = match profile.token {
            Some(token) => builder.with_token(token.reveal()),
            None => builder,
        };
        if let Some(region) = profile.region {
            builder = builder.with_region(region);
        }
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if builder
        .get_config_value(&AmazonS3ConfigKey::Region)
        .is_none()
    {
        builder = builder.with_region("us-east-1");
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(match settings.is_virtual_hosted {
            // The client takes the endpoint of a virtual host as that of the bucket.
            true => with_bucket(endpoint, bucket),
            false => endpoint.clone(),
        });
    }
    Ok(builder)
}

/// `https://host` → `https://bucket.host`
fn with_bucket(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{bucket}.{host}"),
        None => endpoint.to_string(),
    }
}

fn azure(container: &str, settings: &StoreSettings) -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_retry(retries(settings))
        .with_client_options(client(settings));
    if let Some(account) = &settings.account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    builder
}

fn google(bucket: &str, settings: &StoreSettings) -> GoogleCloudStorageBuilder {
    let builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retries(settings))
        .with_client_options(client(settings));
    match &settings.endpoint {
        Some(endpoint) => builder.with_base_url(endpoint),
        None => builder,
    }
}

fn retries(settings: &StoreSettings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: settings.retries,
        retry_timeout: settings.retry_for,
    }
}

fn client(settings: &StoreSettings) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(settings.allow_http)
        .with_timeout(settings.timeout)
        .with_connect_timeout(settings.connect_timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_goes_before_the_host() {
        assert_eq!(
            with_bucket("https://cos.example.com:9000", "logs"),
            "https://logs.cos.example.com:9000"
        );
    }
}
