//! Replaces one published object, and only the version that was seen before the commit.

use std::path::Path;

use object_store::{PutMode, PutPayload, UpdateVersion};

use super::{Head, Remote, TRIES, Writes};
use crate::error::{Error, Result};
use crate::table::log::RunLog;
use crate::table::planted::{self, Mistake};

/// Bytes that stores take in one request; only single requests can be conditional.
const LARGEST_PUT_BYTES: u64 = 5_000 << 20;

/// Where the bytes are.
#[derive(Debug, Clone, Copy)]
pub(in crate::table) enum Content<'a> {
    File(&'a Path),
    Text(&'a str),
}

/// What is to be published.
#[derive(Debug, Clone, Copy)]
pub(in crate::table) struct Upload<'a> {
    pub(in crate::table) key: &'a str,
    pub(in crate::table) content: Content<'a>,
    pub(in crate::table) hash: &'a str,
    pub(in crate::table) bytes: u64,
}

/// Refuses what cannot be put by one request.
pub(in crate::table) fn refuse_too_large(remote: &Remote, upload: &Upload<'_>) -> Result<()> {
    if upload.bytes <= LARGEST_PUT_BYTES {
        return Ok(());
    }
    Err(Error::Failed(format!(
        "{} would have {} MiB, and a store replaces at most {} MiB in one piece; partition it finer: a model `by_date` instead of `whole`, fewer columns, or a source split in two",
        remote.name_of(upload.key),
        upload.bytes >> 20,
        LARGEST_PUT_BYTES >> 20
    )))
}

/// Publishes one object. `seen` is what was there before the commit. After any failure or doubt, in this
/// order: (a) see what is there — our own bytes are published; (b) see whether the log is still ours;
/// (c) replace what was seen in (a). To look at the log before the object would lose updates.
///
/// A store without such conditions is written to as long as no other run can have taken over; what reaches
/// it later all the same is found by the next run, which compares everything with the log.
pub(in crate::table) async fn publish(
    remote: &Remote,
    upload: &Upload<'_>,
    seen: Option<Head>,
    log: &RunLog,
) -> Result<UpdateVersion> {
    let mine = |head: &Option<Head>| match head {
        Some(head) if head.is(upload.hash, upload.bytes) => Some(head.version.clone()),
        _ => None,
    };
    if let Some(version) = mine(&seen) {
        return Ok(version);
    }
    let bytes = match upload.content {
        Content::File(path) => {
            PutPayload::from(std::fs::read(path).map_err(Error::io("reading", path))?)
        }
        Content::Text(text) => PutPayload::from(text.to_string()),
    };
    let fault = || Error::store(format!("publishing {}", remote.name_of(upload.key)));
    let mut seen = seen;
    let mut tried = 0;
    loop {
        let mode = match (&seen, remote.writes) {
            (_, Writes::CreateOnly) => {
                log.stop_if_late().await?;
                PutMode::Overwrite
            }
            (Some(head), Writes::Conditional) => PutMode::Update(head.version.clone()),
            (None, Writes::Conditional) => PutMode::Create,
        };
        let mut failure = match remote
            .put(upload.key, bytes.clone(), mode, Some(upload.hash))
            .await
        {
            Ok(version) if version.e_tag.is_some() => return Ok(version),
            Ok(_) => None,
            Err(
                object_store::Error::Precondition { .. }
                | object_store::Error::AlreadyExists { .. },
            ) if planted::is(Mistake::RefusalTakenAsSuccess) => {
                let there = remote.head(upload.key).await?;
                return Ok(there.map_or(
                    UpdateVersion {
                        e_tag: None,
                        version: None,
                    },
                    |it| it.version,
                ));
            }
            Err(error) => {
                if planted::is(Mistake::DeletionOnUnknown) {
                    remote.remove(vec![upload.key.to_string()]).await?;
                }
                Some(fault()(error))
            }
        };
        loop {
            tried += 1;
            match look_again(remote, upload, log).await {
                Ok(head) => {
                    if let Some(version) = mine(&head) {
                        return Ok(version);
                    }
                    seen = head;
                    break;
                }
                Err(error @ (Error::Locked(_) | Error::Usage(_))) => return Err(error),
                Err(error) => failure = Some(error),
            }
            if tried >= TRIES {
                break;
            }
            remote.pause(tried).await;
        }
        if tried >= TRIES || matches!(failure, Some(Error::Usage(_))) {
            return Err(failure.unwrap_or_else(|| {
                Error::Failed(format!(
                    "{} was replaced by somebody else again and again",
                    remote.name_of(upload.key)
                ))
            }));
        }
        remote.pause(tried).await;
    }
}

/// (a), then (b).
async fn look_again(remote: &Remote, upload: &Upload<'_>, log: &RunLog) -> Result<Option<Head>> {
    if planted::is(Mistake::LogBeforeObject) {
        return match log.is_fenced().await? {
            true => Err(fenced(remote)),
            false => remote.head(upload.key).await,
        };
    }
    let head = remote.head(upload.key).await?;
    if head
        .as_ref()
        .is_some_and(|head| head.is(upload.hash, upload.bytes))
    {
        return Ok(head);
    }
    match log.is_fenced().await? {
        true => Err(fenced(remote)),
        false => Ok(head),
    }
}

/// What a run is told that is no longer the writer.
pub(in crate::table) fn fenced(remote: &Remote) -> Error {
    Error::Locked(format!(
        "another run has taken over {} since this one was not heard of for {} s; this one stops and has published nothing since. Run again when the other has ended",
        remote.location.url,
        remote.lease.as_secs()
    ))
}
