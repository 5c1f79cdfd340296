//! Slots of the log in an object store: each is created once and never changed.

use futures::{StreamExt, TryStreamExt};
use object_store::{PutMode, PutPayload};
use serde::Deserialize;

use super::{Remote, TRIES};
use crate::error::{Error, Result};
use crate::table::log::{damaged_checkpoint, damaged_slot, no_log};
use crate::table::planted::{self, Mistake};
use crate::table::state::{Entry, State};

/// Slots that are asked for at once.
const AT_ONCE: usize = 8;

pub(in crate::table) fn slot_key(slot: u64) -> String {
    format!("_loudou/log/{slot:020}.json")
}

pub(in crate::table) fn checkpoint_key(slot: u64) -> String {
    format!("_loudou/checkpoint/{slot:020}.json")
}

/// Beside the entry: who wrote the slot.
#[derive(Deserialize)]
struct Nonce {
    nonce: Option<String>,
}

fn parse<T: serde::de::DeserializeOwned>(remote: &Remote, key: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| damaged_slot(&remote.name_of(key), &error.to_string()))
}

/// Reads a slot; `None` if it is not written yet.
pub(in crate::table) async fn read_slot(remote: &Remote, slot: u64) -> Result<Option<Entry>> {
    let key = slot_key(slot);
    match remote.get(&key).await? {
        Some(bytes) => parse(remote, &key, &bytes).map(Some),
        None => Ok(None),
    }
}

/// Whether a slot is written.
pub(in crate::table) async fn is_written(remote: &Remote, slot: u64) -> Result<bool> {
    if planted::is(Mistake::TailByListing) {
        let names = remote.list_names("_loudou/log").await?;
        return Ok(names.contains(&format!("{slot:020}.json")));
    }
    Ok(remote.get(&slot_key(slot)).await?.is_some())
}

/// The state that the log folds into. The tail is found by asking for slot after slot, never by listing.
pub(in crate::table) async fn read_state(remote: &Remote) -> Result<State> {
    let mut state = newest_checkpoint(remote).await?;
    // Listed before: what is there then must be found slot by slot.
    let last = last_listed(remote, state.slot).await?;
    follow(remote, &mut state).await?;
    match last {
        Some(last) if last > state.slot => {
            let missing = remote.name_of(&slot_key(state.slot + 1));
            let why = format!("it is missing, and slot {last} is there");
            Err(damaged_slot(&missing, &why))
        }
        _ => Ok(state),
    }
}

/// The last slot behind one that a listing shows; it may show fewer than there are.
async fn last_listed(remote: &Remote, behind: u64) -> Result<Option<u64>> {
    let folder = remote.location.key("_loudou/log");
    let offset = remote.location.key(&slot_key(behind));
    remote
        .location
        .store
        .list_with_offset(Some(&folder), &offset)
        .try_filter_map(|meta| async move {
            let name = meta.location.filename();
            Ok(name.and_then(|name| name.strip_suffix(".json")?.parse().ok()))
        })
        .try_fold(None, |last, slot| async move { Ok(last.max(Some(slot))) })
        .await
        .map_err(Error::store(format!(
            "listing {}",
            remote.name_of("_loudou/log")
        )))
}

/// Refuses to begin a log beside tables that one must have published.
pub(in crate::table) async fn refuse_tables(remote: &Remote) -> Result<()> {
    let base = remote.location.base.clone();
    let internal = remote.location.key("_loudou");
    let mut objects = remote.location.store.list(Some(&base));
    while let Some(meta) = objects.next().await {
        let meta = meta.map_err(Error::store(format!("listing {}", remote.location.url)))?;
        let is_table = meta.location.filename() == Some("data.parquet")
            && !meta.location.prefix_matches(&internal);
        if is_table {
            let name = meta.location.as_ref();
            let below = name.strip_prefix(base.as_ref()).unwrap_or(name);
            return Err(no_log(&remote.location.url, below.trim_start_matches('/')));
        }
    }
    Ok(())
}

/// Folds in what has been written since.
pub(in crate::table) async fn follow(remote: &Remote, state: &mut State) -> Result<()> {
    loop {
        // Slots have no gaps: what lies behind the first that is missing is not there either.
        let next = state.slot + 1;
        let slots = next..next + AT_ONCE as u64;
        let mut entries = futures::stream::iter(slots)
            .map(|slot| read_slot(remote, slot))
            .buffered(AT_ONCE);
        while let Some(entry) = entries.next().await {
            match entry? {
                Some(entry) => state.fold(state.slot + 1, &entry),
                None => return Ok(()),
            }
        }
    }
}

/// The newest checkpoint. Found by listing, which is safe here: an older one, or none, only means more
/// slots to read.
async fn newest_checkpoint(remote: &Remote) -> Result<State> {
    let names = remote.list_names("_loudou/checkpoint").await?;
    let slots = names
        .iter()
        .filter_map(|name| name.strip_suffix(".json")?.parse().ok());
    let newest: Option<u64> = slots.max();
    let Some(slot) = newest else {
        return Ok(State::default());
    };
    let key = checkpoint_key(slot);
    match remote.get(&key).await? {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| damaged_checkpoint(&remote.name_of(&key), &error.to_string())),
        None => Ok(State::default()),
    }
}

/// Creates a slot; `false` if another writer has it. After anything but a clear success the slot is read:
/// with our own nonce in it the answer was only lost, and where nothing is there the same bytes are sent
/// again.
pub(in crate::table) async fn create_slot(
    remote: &Remote,
    slot: u64,
    entry: &Entry,
) -> Result<bool> {
    let key = slot_key(slot);
    let nonce = remote.clock.nonce();
    let mut value = serde_json::to_value(entry)
        .map_err(|error| Error::Failed(format!("writing the run log: {error}")))?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("nonce".to_string(), nonce.clone().into());
    }
    let bytes = PutPayload::from(value.to_string());
    create(remote, &key, &bytes, &nonce).await
}

/// Creates a key whose JSON holds `nonce`.
pub(in crate::table) async fn create(
    remote: &Remote,
    key: &str,
    bytes: &PutPayload,
    nonce: &str,
) -> Result<bool> {
    let fault = || Error::store(format!("writing {}", remote.name_of(key)));
    let mut tried = 0;
    loop {
        let failure = match remote.put(key, bytes.clone(), PutMode::Create, None).await {
            Ok(_) => return Ok(true),
            Err(error) => fault()(error),
        };
        let failure = match remote.get(key).await {
            Ok(Some(found)) => {
                let found: Nonce = parse(remote, key, &found)?;
                return Ok(found.nonce.as_deref() == Some(nonce));
            }
            Ok(None) => failure,
            Err(error) => error,
        };
        tried += 1;
        if tried >= TRIES || matches!(failure, Error::Usage(_)) {
            return Err(failure);
        }
        remote.pause(tried).await;
    }
}
