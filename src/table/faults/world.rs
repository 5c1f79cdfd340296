//! A store in memory with a clock of its own: what it holds, and what every write to it must keep.
//!
//! It answers requests one at a time and remembers what breaks a rule of the protocol at the moment it
//! happens: bytes that no commit names, a slot that changes, a published object that goes away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, Error, ObjectMeta, PutMode};

use crate::table::state::{Entry, State};
use crate::table::write::hash_bytes;

/// Where the warehouse lies in the store.
pub(super) const BASE: &str = "w";

/// What kind of store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Profile {
    /// Conditional writes; tags tell contents (Amazon S3).
    ContentTags,
    /// Conditional writes; each write has a tag of its own (Azure).
    FreshTags,
    /// Only creation can be conditional (OSS, COS).
    CreateOnly,
}

pub(super) const PROFILES: [Profile; 3] = [
    Profile::ContentTags,
    Profile::FreshTags,
    Profile::CreateOnly,
];

/// What is asked of a store.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Put {
        key: Key,
        bytes: Bytes,
        mode: PutMode,
        attributes: Attributes,
    },
    Get {
        key: Key,
        is_head: bool,
        if_match: Option<String>,
    },
    List {
        prefix: Key,
    },
    Delete {
        key: Key,
    },
}

impl Request {
    /// Verb and class of the key: what faults are counted by.
    pub(super) fn operation(&self) -> String {
        let (verb, key) = match self {
            Self::Put { key, .. } => ("put", key),
            Self::Get {
                key, is_head: true, ..
            } => ("head", key),
            Self::Get { key, .. } => ("get", key),
            Self::List { prefix } => ("list", prefix),
            Self::Delete { key } => ("delete", key),
        };
        let below = key.as_ref().strip_prefix("w/").unwrap_or("");
        let class = match below.strip_prefix("_loudou/") {
            Some(rest) => rest.split('/').next().unwrap_or(rest),
            None if below.starts_with("reports") => "page",
            None => "data",
        };
        match self {
            // What the entry is matters: a lost commit is not a lost release.
            Self::Put { bytes, .. } if class == "log" => format!("put {}", kind_of_entry(bytes)),
            _ => format!("{verb} {class}"),
        }
    }

    pub(super) fn is_put(&self) -> bool {
        matches!(self, Self::Put { .. })
    }
}

fn kind_of_entry(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Entry>(bytes) {
        Ok(Entry::Acquire { .. }) => "acquire",
        Ok(Entry::Commit(_)) => "commit",
        Ok(Entry::Done { .. }) => "done",
        Ok(Entry::CompleteThrough { .. }) => "complete-through",
        Ok(Entry::Release { .. }) => "release",
        Err(_) => "other entry",
    }
    .to_string()
}

/// What a store answers.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Put(String),
    Get(Object),
    List(Vec<ObjectMeta>),
    Deleted,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) meta: ObjectMeta,
    pub(super) bytes: Bytes,
    pub(super) attributes: Attributes,
}

/// A write that takes effect long after its writer gave it up.
#[derive(Debug, Clone)]
struct Late {
    request: Request,
    /// Whether another run has entered the log since.
    is_armed: bool,
    /// Requests of others after that.
    wait: usize,
}

/// The store.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) profile: Profile,
    pub(super) now: DateTime<Utc>,
    pub(super) objects: BTreeMap<Key, Object>,
    /// What the log says, entry by entry.
    pub(super) state: State,
    /// Rules that were broken, with what broke them.
    pub(super) violations: Vec<String>,
    /// What a listing that lags behind shows.
    old_listing: Vec<ObjectMeta>,
    committed: BTreeMap<Key, BTreeSet<String>>,
    late: Vec<Late>,
    writes: u64,
}

fn key_of_slot(slot: u64) -> Key {
    Key::from(format!("{BASE}/_loudou/log/{slot:020}.json"))
}

fn refused(key: &Key, mode: &PutMode) -> Error {
    match mode {
        PutMode::Create => Error::AlreadyExists {
            path: key.to_string(),
            source: "412".into(),
        },
        _ => Error::Precondition {
            path: key.to_string(),
            source: "412".into(),
        },
    }
}

impl World {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            profile,
            now: Utc.with_ymd_and_hms(2026, 11, 22, 19, 0, 0).unwrap(),
            objects: BTreeMap::new(),
            state: State::default(),
            violations: Vec::new(),
            old_listing: Vec::new(),
            committed: BTreeMap::new(),
            late: Vec::new(),
            writes: 0,
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// From here on a listing that lags behind shows what is there now.
    pub(super) fn remember_listing(&mut self) {
        self.old_listing = self
            .objects
            .values()
            .map(|object| object.meta.clone())
            .collect();
    }

    /// The objects that are no part of `_loudou`, by key.
    pub(super) fn data(&self) -> BTreeMap<String, Bytes> {
        let internal = Key::from(format!("{BASE}/_loudou"));
        self.objects
            .iter()
            .filter(|(key, _)| !key.prefix_matches(&internal))
            .map(|(key, object)| (key.to_string(), object.bytes.clone()))
            .collect()
    }

    /// Puts a write aside that will take effect after another run has entered the log, and after some
    /// requests more.
    pub(super) fn defer(&mut self, request: Request, wait: usize) {
        self.late.push(Late {
            request,
            is_armed: false,
            wait,
        });
    }

    /// Lets everything that was put aside take effect now.
    pub(super) fn flush_late(&mut self) {
        for late in std::mem::take(&mut self.late) {
            let _ = self.apply(&late.request);
        }
    }

    /// Carries a request out, and after it what its time has come for.
    pub(super) fn carry_out(&mut self, request: &Request) -> Result<Answer, Error> {
        let epoch = self.state.epoch;
        let answer = self.apply(request);
        let mut due = Vec::new();
        for late in &mut self.late {
            match late.is_armed {
                true => late.wait = late.wait.saturating_sub(1),
                false => late.is_armed = self.state.epoch > epoch,
            }
        }
        self.late.retain(|late| {
            let is_due = late.is_armed && late.wait == 0;
            if is_due {
                due.push(late.request.clone());
            }
            !is_due
        });
        for request in due {
            let _ = self.apply(&request);
        }
        answer
    }

    fn apply(&mut self, request: &Request) -> Result<Answer, Error> {
        match request {
            Request::Put {
                key,
                bytes,
                mode,
                attributes,
            } => {
                self.check_condition(key, mode)?;
                self.writes += 1;
                let tag = match self.profile {
                    Profile::FreshTags => format!("\"0x{:016X}\"", self.writes),
                    _ => format!("\"{}\"", &hash_bytes(bytes)[..32]),
                };
                self.look_at_write(key, bytes, attributes);
                let meta = ObjectMeta {
                    location: key.clone(),
                    last_modified: self.now,
                    size: bytes.len() as u64,
                    e_tag: Some(tag.clone()),
                    version: None,
                };
                let object = Object {
                    meta,
                    bytes: bytes.clone(),
                    attributes: attributes.clone(),
                };
                self.objects.insert(key.clone(), object);
                Ok(Answer::Put(tag))
            }
            Request::Get { key, if_match, .. } => {
                let object = self.objects.get(key).ok_or_else(|| Error::NotFound {
                    path: key.to_string(),
                    source: "404".into(),
                })?;
                match if_match {
                    Some(tag) if object.meta.e_tag.as_ref() != Some(tag) => {
                        Err(refused(key, &PutMode::Overwrite))
                    }
                    _ => Ok(Answer::Get(object.clone())),
                }
            }
            Request::List { prefix } => {
                let below = |(key, _): &(&Key, &Object)| key.prefix_matches(prefix);
                let found = self.objects.iter().filter(below);
                Ok(Answer::List(
                    found.map(|(_, object)| object.meta.clone()).collect(),
                ))
            }
            Request::Delete { key } => {
                if self.objects.remove(key).is_some() && self.committed.contains_key(key) {
                    self.violations
                        .push(format!("{key}, which is published, was deleted"));
                }
                Ok(Answer::Deleted)
            }
        }
    }

    /// A listing as it was some time ago.
    pub(super) fn list_late(&self, prefix: &Key) -> Answer {
        let below = |meta: &&ObjectMeta| meta.location.prefix_matches(prefix);
        Answer::List(self.old_listing.iter().filter(below).cloned().collect())
    }

    fn check_condition(&self, key: &Key, mode: &PutMode) -> Result<(), Error> {
        let there = self.objects.get(key);
        let is_met = match mode {
            PutMode::Overwrite => true,
            PutMode::Create => there.is_none(),
            PutMode::Update(_) if self.profile == Profile::CreateOnly => {
                return Err(Error::NotImplemented {
                    operation: "a conditional put".to_string(),
                    implementer: "this store".to_string(),
                });
            }
            PutMode::Update(version) => {
                there.is_some_and(|object| object.meta.e_tag == version.e_tag)
            }
        };
        match is_met {
            true => Ok(()),
            false => Err(refused(key, mode)),
        }
    }

    /// The rules that hold at every moment.
    fn look_at_write(&mut self, key: &Key, bytes: &Bytes, attributes: &Attributes) {
        let text = String::from_utf8_lossy(bytes);
        if key.prefix_matches(&Key::from(format!("{BASE}/_loudou/log"))) {
            self.look_at_slot(key, &text);
        } else if key.as_ref().ends_with(".parquet") {
            let hash = hash_bytes(bytes);
            let told = attributes.get(&Attribute::Metadata("sha256".into()));
            if told.is_none_or(|told| told.as_ref() != hash) {
                self.violations
                    .push(format!("{key} does not carry the hash of its bytes"));
            }
            let is_committed = |hashes: &BTreeSet<String>| hashes.contains(&hash);
            if !self.committed.get(key).is_some_and(is_committed) {
                self.violations
                    .push(format!("{key} was given bytes that no commit names"));
            }
        }
    }

    fn look_at_slot(&mut self, key: &Key, text: &str) {
        if let Some(before) = self.objects.get(key)
            && before.bytes != text.as_bytes()
        {
            self.violations.push(format!("{key} was changed"));
            return;
        }
        let slot = self.state.slot + 1;
        if *key != key_of_slot(slot) {
            self.violations.push(format!("{key} is not the next slot"));
            return;
        }
        let entry: Entry = match serde_json::from_str(text) {
            Ok(entry) => entry,
            Err(error) => {
                self.violations.push(format!("{key} is no entry: {error}"));
                return;
            }
        };
        match &entry {
            Entry::Acquire { epoch, .. } if *epoch != self.state.epoch + 1 => {
                self.violations.push(format!("{key} repeats an epoch"));
            }
            Entry::Commit(commit) => {
                if commit.epoch != self.state.epoch {
                    self.violations
                        .push(format!("{key} is a commit of a run that was taken over"));
                }
                for partition in &commit.partitions {
                    let data = Key::from(format!("{BASE}/{}", partition.key));
                    let hashes = self.committed.entry(data).or_default();
                    hashes.insert(partition.hash.clone());
                }
            }
            _ => {}
        }
        self.state.fold(slot, &entry);
    }

    /// Writes runs that did nothing, so that a checkpoint is near.
    pub(super) fn fill_log(&mut self, slots: u64) {
        for slot in 1..=slots {
            let epoch = slot.div_ceil(2);
            let entry = match slot.is_multiple_of(2) {
                true => Entry::Release { epoch },
                false => Entry::Acquire {
                    epoch,
                    holder: "earlier".into(),
                    at: "earlier".into(),
                },
            };
            let text = serde_json::to_string(&entry).unwrap();
            self.apply(&Request::Put {
                key: key_of_slot(slot),
                bytes: Bytes::from(text),
                mode: PutMode::Create,
                attributes: Attributes::new(),
            })
            .unwrap();
        }
        // Runs begin to read here.
        let state = serde_json::to_string(&self.state).unwrap();
        self.apply(&Request::Put {
            key: Key::from(format!("{BASE}/_loudou/checkpoint/{slots:020}.json")),
            bytes: Bytes::from(state),
            mode: PutMode::Create,
            attributes: Attributes::new(),
        })
        .unwrap();
    }

    /// What is not as the log says, now that nobody writes.
    pub(super) fn differences_from_log(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.state.unfinished.is_empty() {
            found.push(format!("{} commits are open", self.state.unfinished.len()));
        }
        for table in self.state.tables.values() {
            for partition in table.partitions.values() {
                let key = Key::from(format!("{BASE}/{}", partition.key));
                match self.objects.get(&key) {
                    None => found.push(format!("{key} is not there")),
                    Some(object) => {
                        if hash_bytes(&object.bytes) != partition.hash {
                            found.push(format!("{key} is not what the log says"));
                        }
                        if partition.etag != object.meta.e_tag {
                            found.push(format!("{key} has another tag than the log says"));
                        }
                    }
                }
            }
        }
        found
    }

    /// Objects that nobody will ever need.
    pub(super) fn garbage(&self) -> Vec<String> {
        let is_passing = |key: &&Key| {
            ["probe", "beat"]
                .iter()
                .any(|folder| key.prefix_matches(&Key::from(format!("{BASE}/_loudou/{folder}"))))
        };
        let found = self.objects.keys().filter(is_passing);
        found.map(Key::to_string).collect()
    }
}

/// A world that several may use.
pub(super) type SharedWorld = Arc<std::sync::Mutex<World>>;
