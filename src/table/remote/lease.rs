//! Who holds a warehouse in an object store: the last that entered the log, has not released it, and was
//! heard of within the lease. Times are the store's own.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Remote, probe, slots};
use crate::error::{Error, Result};
use crate::table::state::{Entry, State};

/// Beats within a lease: some may be lost.
const BEATS_IN_A_LEASE: u32 = 6;

pub(super) const FOLDER: &str = "_loudou/beat";

fn beat_key(epoch: u64) -> String {
    format!("{FOLDER}/{epoch:020}")
}

/// Enters the log as its only writer, or says who holds it; gives the state with the entry folded in.
pub(in crate::table) async fn acquire(remote: &Remote, holder: &str, at: &str) -> Result<State> {
    let mut state = slots::read_state(remote).await?;
    if state.slot == 0 {
        slots::refuse_tables(remote).await?;
    }
    loop {
        let now = probe::probe(remote).await?;
        if let Some(other) = &state.holder {
            let last = match remote.head(&beat_key(other.epoch)).await? {
                Some(beat) => Some(beat.modified),
                // It has not said a word yet, but has entered the log.
                None => remote
                    .head(&slots::slot_key(other.slot))
                    .await?
                    .map(|slot| slot.modified),
            };
            let silent_for = last.and_then(|last| (now - last).to_std().ok());
            let is_dead = match last {
                Some(_) => silent_for.is_some_and(|silent| silent > remote.lease),
                None => true,
            };
            if !is_dead {
                return Err(held(remote, &other.holder, &other.at, silent_for));
            }
        }
        let entry = Entry::Acquire {
            epoch: state.epoch + 1,
            holder: holder.to_string(),
            at: at.to_string(),
        };
        let slot = state.slot + 1;
        if slots::create_slot(remote, slot, &entry).await? {
            state.fold(slot, &entry);
            // Should it fail, the entry itself is heard of, and beats follow.
            let _ = beat(remote, state.epoch).await;
            return Ok(state);
        }
        // Somebody else wrote: another run that begins, or the one that seemed dead.
        slots::follow(remote, &mut state).await?;
    }
}

fn held(remote: &Remote, holder: &str, at: &str, silent_for: Option<Duration>) -> Error {
    let heard = silent_for.unwrap_or_default().as_secs();
    Error::Held(format!(
        "another run holds this warehouse ({holder}, since {at}; heard of {heard} s ago); try again when it has ended. If it was cut off, it is taken over {} s after it was last heard of",
        remote.lease.as_secs()
    ))
}

/// Lets others hear of this run.
pub(in crate::table) async fn beat(remote: &Remote, epoch: u64) -> Result<()> {
    remote.write_text(&beat_key(epoch), "").await
}

/// Takes the sign of life away of a run that has let go.
pub(in crate::table) async fn forget_beat(remote: &Remote, epoch: u64) {
    let _ = remote.remove(vec![beat_key(epoch)]).await;
}

/// Beats from time to time, until it is dropped.
#[derive(Debug)]
pub(in crate::table) struct Beats(JoinHandle<()>);

impl Beats {
    pub(in crate::table) fn begin(remote: &Arc<Remote>, epoch: u64) -> Self {
        let remote = Arc::clone(remote);
        Self(tokio::spawn(async move {
            loop {
                remote.clock.sleep(remote.lease / BEATS_IN_A_LEASE).await;
                // One that fails is made good by the next; after too many another run takes over, and this
                // one learns it from the log.
                let _ = beat(&remote, epoch).await;
            }
        }))
    }
}

impl Drop for Beats {
    fn drop(&mut self) {
        self.0.abort();
    }
}
