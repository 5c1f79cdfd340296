//! Asks a store, before anything is written, whether it keeps the conditions that writing relies on. One
//! that ignores them would let two writers in.

use chrono::{DateTime, Utc};
use object_store::{PutMode, PutPayload, UpdateVersion};
use serde_json::json;

use super::{Remote, TRIES, Writes, lease, slots};
use crate::error::{Error, Result};

const MEND: &str = "use a store with conditional writes (Amazon S3, Azure, Google, MinIO, R2), `conditional_writes` of `stores:` for OSS and COS, or a warehouse on the local disk";
const MEND_OF_HEADER: &str = "it does not honour the header that `conditional_writes` of `stores:` names; for Amazon S3, MinIO and R2 leave that out, else use a warehouse on the local disk";
const FOLDER: &str = "_loudou/probe";

/// Tries the conditions on a key of its own and removes it; gives the store's time.
pub(in crate::table) async fn probe(remote: &Remote) -> Result<DateTime<Utc>> {
    let nonce = remote.clock.nonce();
    let key = format!("{FOLDER}/{nonce}");
    let tried = try_conditions(remote, &key, &nonce).await;
    // Nobody else knows the key. Where this fails, a later run removes it.
    let _ = remote.remove(vec![key]).await;
    let now = tried?;
    let _ = remove_old(remote, now).await;
    Ok(now)
}

async fn try_conditions(remote: &Remote, key: &str, nonce: &str) -> Result<DateTime<Utc>> {
    let text =
        |number: u8| PutPayload::from(json!({ "nonce": nonce, "number": number }).to_string());
    let refuse = |what: &str| {
        Error::Usage(format!(
            "the store of {} {what}: two runs could publish at once; {}",
            remote.location.url,
            match remote.writes {
                Writes::Conditional => MEND,
                Writes::CreateOnly => MEND_OF_HEADER,
            }
        ))
    };
    if !slots::create(remote, key, &text(1), nonce).await? {
        return Err(refuse("gave back other bytes than were written"));
    }
    let first = remote
        .get(key)
        .await?
        .ok_or_else(|| refuse("does not have what was written just now"))?;
    // The second must fail, whatever it says, and must change nothing.
    let second = remote.put(key, text(2), PutMode::Create, None).await;
    let other_tag = UpdateVersion {
        e_tag: Some("\"00000000000000000000000000000000\"".to_string()),
        version: Some("1".to_string()),
    };
    let update = match remote.writes {
        Writes::CreateOnly => None,
        Writes::Conditional => Some(
            remote
                .put(key, text(3), PutMode::Update(other_tag), None)
                .await,
        ),
    };
    let mut now = None;
    let mut failure = None;
    for tried in 0..TRIES {
        match remote.head(key).await {
            Ok(head) => {
                now = head.map(|head| head.modified);
                break;
            }
            Err(error) => failure = Some(error),
        }
        remote.pause(tried).await;
    }
    let is_first = remote.get(key).await?.is_some_and(|bytes| bytes == first);
    if matches!(
        update,
        Some(Err(
            object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }
        ))
    ) {
        return Err(refuse("has no conditional writes"));
    }
    if second.is_ok() || matches!(update, Some(Ok(_))) || !is_first {
        return Err(refuse("ignores the conditions of writes"));
    }
    let now = match (now, failure) {
        (Some(now), _) => now,
        (None, Some(failure)) => return Err(failure),
        (None, None) => return Err(refuse("does not have what was written just now")),
    };
    Ok(now)
}

/// Removes what runs left behind that were cut off: their trials, and signs of life that are too old to say
/// anything.
async fn remove_old(remote: &Remote, now: DateTime<Utc>) -> Result<()> {
    let mut old = Vec::new();
    for folder in [FOLDER, lease::FOLDER] {
        old.extend(remote.list_older(folder, now, remote.lease).await?);
    }
    match old.is_empty() {
        true => Ok(()),
        false => remote.remove(old).await,
    }
}
