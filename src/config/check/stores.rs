//! `stores` of the project file: how stores are reached.

use std::time::Duration;

use url::Url;

use super::Checker;
use crate::config::paths;
use crate::config::raw::{AddressingWord, ConditionalWritesWord, Ordered, StoreFile};
use crate::config::tree::Node;
use crate::diagnostic::Place;
use crate::project::{ConditionalWrites, StoreSettings, Stores};

/// Checks all of them.
pub fn stores(raw: &Ordered<StoreFile>, node: &Node, checker: &mut Checker<'_>) -> Stores {
    let mut found = Stores::default();
    for (beginning, file) in &raw.0 {
        let Some(entry) = node.entry(beginning) else {
            continue;
        };
        match paths::store(beginning) {
            Ok(url) => {
                let settings = store(file, &entry.value, checker);
                if settings.conditional_writes.header().is_some() && !url.starts_with("s3://") {
                    checker.tell(
                        entry.value.place_of("conditional_writes"),
                        "`conditional_writes` names a header of S3-like stores, and this is none",
                        "leave it out, or write the store as `s3://<bucket>/` with its S3 `endpoint`",
                    );
                }
                found.0.push((url, settings));
            }
            Err(wrong) => checker.tell(
                entry.key_place,
                format!("a name below `stores` {}", wrong.cause),
                wrong.mend,
            ),
        }
    }
    found
}

fn store(raw: &StoreFile, node: &Node, checker: &mut Checker<'_>) -> StoreSettings {
    let default = StoreSettings::default();
    let time = |key: &str, text: &Option<String>, default: Duration, checker: &mut Checker<'_>| {
        let Some(text) = text else { return default };
        let read = checker.duration(node.place_of(key), key, text);
        Duration::from_micros(u64::try_from(read.us()).unwrap_or(0)).max(Duration::from_millis(1))
    };
    let settings = StoreSettings {
        endpoint: raw
            .endpoint
            .as_deref()
            .and_then(|text| endpoint(node.place_of("endpoint"), text, raw, checker)),
        region: raw.region.clone(),
        account: raw.account.clone(),
        profile: raw.profile.clone(),
        is_virtual_hosted: matches!(raw.addressing, Some(AddressingWord::VirtualHost)),
        allow_http: raw.allow_http.unwrap_or(false),
        timeout: time("timeout", &raw.timeout, default.timeout, checker),
        connect_timeout: time(
            "connect_timeout",
            &raw.connect_timeout,
            default.connect_timeout,
            checker,
        ),
        retries: number(
            node.place_of("retries"),
            "retries",
            raw.retries,
            (0, 100),
            checker,
        )
        .unwrap_or(default.retries),
        retry_for: time("retry_for", &raw.retry_for, default.retry_for, checker),
        concurrency: number(
            node.place_of("concurrency"),
            "concurrency",
            raw.concurrency,
            (1, 1024),
            checker,
        )
        .unwrap_or(default.concurrency),
        lease: time("lease", &raw.lease, default.lease, checker),
        conditional_writes: match raw.conditional_writes {
            None | Some(ConditionalWritesWord::IfMatch) => ConditionalWrites::IfMatch,
            Some(ConditionalWritesWord::OssForbidOverwrite) => {
                ConditionalWrites::OssForbidOverwrite
            }
            Some(ConditionalWritesWord::CosForbidOverwrite) => {
                ConditionalWrites::CosForbidOverwrite
            }
        },
    };
    let longest = settings.retry_for + settings.timeout;
    if settings.lease <= longest {
        checker.tell(
            node.place_of("lease"),
            format!(
                "`lease` ({}s) is not longer than a request may take with its repetitions (`retry_for` and `timeout`: {}s)",
                settings.lease.as_secs(),
                longest.as_secs()
            ),
            "give a longer `lease`, or shorten the other two: a run that still waits for an answer must not be taken for dead",
        );
    }
    settings
}

fn number(
    place: Place,
    key: &str,
    written: Option<i64>,
    (least, most): (usize, usize),
    checker: &mut Checker<'_>,
) -> Option<usize> {
    let written = written?;
    match usize::try_from(written) {
        Ok(number) if (least..=most).contains(&number) => Some(number),
        _ => {
            checker.tell(
                place,
                format!("`{key}: {written}` is not from {least} to {most}"),
                format!("write a whole number from {least} to {most}"),
            );
            None
        }
    }
}

/// Messages do not repeat it: it may hold a password.
fn endpoint(
    place: Place,
    text: &str,
    raw: &StoreFile,
    checker: &mut Checker<'_>,
) -> Option<String> {
    let such = "write where the service answers, such as `endpoint: https://minio.example.com`";
    let url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ => {
            checker.tell(place, "`endpoint` is no http or https URL", such);
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        checker.tell(
            place,
            "`endpoint` holds more than an address: a user, a password or a `?`",
            format!("{such}; {}", paths::USE_THE_ENVIRONMENT),
        );
        return None;
    }
    if url.scheme() == "http" && raw.allow_http != Some(true) {
        checker.tell(
            place,
            "`endpoint` is plain http: requests and rows would travel unencrypted",
            "use https, or add `allow_http: true` for a server of this machine or network",
        );
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}
