//! What the run log says is published: its entries, and the state they fold into.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::date_text;
use super::restatement::{ChangeKind, Restatement};

/// One slot of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A run begins.
    Acquire {
        /// Counts runs of this warehouse.
        epoch: u64,
        /// Who.
        holder: String,
        /// When, RFC 3339.
        at: String,
    },
    /// Partitions are about to be published; from here on they will be.
    Commit(Commit),
    /// Everything of the commit in slot `of` is published.
    Done {
        /// The commit's slot.
        of: u64,
        /// When each replaced file was last modified, by key, in nanoseconds since 1970.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        modified_ns: BTreeMap<String, u64>,
        /// The store's tag of each file, by key; none on the local disk.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        etags: BTreeMap<String, String>,
    },
    /// Days up to this one have been complete for a run.
    CompleteThrough {
        /// The day.
        #[serde(with = "date_text::option")]
        date: Option<NaiveDate>,
    },
    /// The run ended by itself.
    Release {
        /// The run's epoch.
        epoch: u64,
    },
}

/// What one model (or source) publishes together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The run's epoch.
    pub epoch: u64,
    /// Table.
    pub table: String,
    /// Hash of the definitions that built it.
    pub definition: String,
    /// What it publishes, by date.
    pub partitions: Vec<CommitPartition>,
    /// Raw objects read for it (sources only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectRecord>,
    /// Raw objects that are gone (sources only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// What it says of partitions that were published before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restated: Vec<Restatement>,
    /// Names of undeclared fields that were not known (sources only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undeclared: Option<BTreeSet<String>>,
}

/// One partition of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitPartition {
    /// Its local day; absent for an unpartitioned table.
    #[serde(with = "date_text::option")]
    pub date: Option<NaiveDate>,
    /// Key below the warehouse.
    pub key: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes.
    pub hash: String,
    /// The hash it replaces, if one was published.
    pub previous: Option<String>,
    /// The store's tag of what lay there before; none on the local disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_etag: Option<String>,
    /// Fingerprint of everything it was computed from, the definitions apart.
    pub inputs: String,
}

/// A raw object as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Path below the source's base.
    pub path: String,
    /// The store's tag.
    pub etag: String,
    /// Bytes as stored.
    pub size: u64,
    /// The layout's date.
    #[serde(with = "date_text::option")]
    pub path_date: Option<NaiveDate>,
    /// The layout's hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hour: Option<u8>,
    /// Lines that are not blank.
    pub lines: u64,
    /// Lines set aside.
    pub bad_lines: u64,
    /// Rows by local day of their time.
    #[serde(with = "date_text::map")]
    pub rows_by_date: BTreeMap<NaiveDate, u64>,
}

/// A published partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    /// Key below the warehouse.
    pub key: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256.
    pub hash: String,
    /// Fingerprint of its inputs.
    pub inputs: String,
    /// Hash of the definitions that built it.
    pub definition: String,
    /// Slot of the commit it comes from.
    pub commit: u64,
    /// Slot of the commit that published the date first.
    #[serde(default)]
    pub first: u64,
    /// Slot of the last commit that gave it other bytes.
    #[serde(default)]
    pub changed: u64,
    /// Slot of the last commit that restated it, 0 if none did: it changed otherwise than by maturing.
    #[serde(default)]
    pub restated: u64,
    /// When the file was last modified as it was published, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_ns: Option<u64>,
    /// The store's tag of the file as it was published; none on the local disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Partitions by date; the empty key is the one of an unpartitioned table.
    pub partitions: BTreeMap<String, PartitionState>,
    /// Raw objects by path (sources only).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, ObjectRecord>,
    /// Names of undeclared fields that were ever seen (sources only); `None` before the first were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undeclared: Option<BTreeSet<String>>,
}

impl TableState {
    /// The partition of a date.
    pub fn partition(&self, date: Option<NaiveDate>) -> Option<&PartitionState> {
        self.partitions.get(&date_key(date))
    }

    /// Published dates in order.
    pub fn dates(&self) -> impl Iterator<Item = NaiveDate> {
        self.partitions.keys().filter_map(|date| date.parse().ok())
    }
}

/// How a date stands in the state's maps.
pub fn date_key(date: Option<NaiveDate>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// The run that entered the log last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its epoch.
    pub epoch: u64,
    /// Who.
    pub holder: String,
    /// When, RFC 3339.
    pub at: String,
    /// The slot of its entry.
    pub slot: u64,
}

/// Everything published, folded from the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last slot folded in; 0 before the first.
    pub slot: u64,
    /// The last epoch.
    pub epoch: u64,
    /// The last day that was ever complete for a run: time does not go back in what has matured.
    #[serde(
        default,
        with = "date_text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub complete_through: Option<NaiveDate>,
    /// The run that entered the log last and has not released it: it goes on, or was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// By table.
    pub tables: BTreeMap<String, TableState>,
    /// Commits without their `done`: their slot.
    pub unfinished: BTreeMap<u64, Commit>,
}

impl State {
    /// Folds the entry of the next slot in.
    pub fn fold(&mut self, slot: u64, entry: &Entry) {
        self.slot = slot;
        match entry {
            Entry::Acquire { epoch, holder, at } => {
                self.epoch = *epoch;
                self.holder = Some(Holder {
                    epoch: *epoch,
                    holder: holder.clone(),
                    at: at.clone(),
                    slot,
                });
            }
            Entry::Commit(commit) => {
                self.apply(slot, commit);
                self.unfinished.insert(slot, commit.clone());
            }
            Entry::Done {
                of,
                modified_ns,
                etags,
            } => {
                self.unfinished.remove(of);
                for table in self.tables.values_mut() {
                    for partition in table.partitions.values_mut() {
                        if let Some(modified) = modified_ns.get(&partition.key) {
                            partition.modified_ns = Some(*modified);
                        }
                        if let Some(etag) = etags.get(&partition.key)
                            && partition.commit == *of
                        {
                            partition.etag = Some(etag.clone());
                        }
                    }
                }
                self.close_replaced(*of);
            }
            Entry::CompleteThrough { date } => {
                self.complete_through = self.complete_through.max(*date);
            }
            Entry::Release { epoch } => {
                self.holder.take_if(|holder| holder.epoch == *epoch);
            }
        }
    }

    /// Open commits before that one, all of whose partitions come from later commits by now, are history.
    fn close_replaced(&mut self, before: u64) {
        let Self {
            unfinished, tables, ..
        } = self;
        unfinished.retain(|slot, commit| {
            let table = tables.get(&commit.table);
            let is_replaced = |partition: &CommitPartition| {
                table
                    .and_then(|table| table.partitions.get(&date_key(partition.date)))
                    .is_none_or(|current| current.commit != *slot)
            };
            *slot > before
                || commit.partitions.is_empty()
                || !commit.partitions.iter().all(is_replaced)
        });
    }

    fn apply(&mut self, slot: u64, commit: &Commit) {
        let table = self.tables.entry(commit.table.clone()).or_default();
        for partition in &commit.partitions {
            // A table that was whole and is now by date (or the reverse) is not both.
            table
                .partitions
                .retain(|date, _| date.is_empty() == partition.date.is_none());
            let date = date_key(partition.date);
            let before = table.partitions.get(&date);
            let is_restated = commit.restated.iter().any(|restated| {
                restated.date == partition.date && restated.kind == ChangeKind::Restatement
            });
            let slots = match before {
                None => (slot, slot, 0),
                Some(before) => (
                    before.first,
                    match before.hash == partition.hash {
                        true => before.changed,
                        false => slot,
                    },
                    match is_restated {
                        true => slot,
                        false => before.restated,
                    },
                ),
            };
            let (first, changed, restated) = slots;
            table.partitions.insert(
                date,
                PartitionState {
                    first,
                    changed,
                    restated,
                    key: partition.key.clone(),
                    rows: partition.rows,
                    bytes: partition.bytes,
                    hash: partition.hash.clone(),
                    inputs: partition.inputs.clone(),
                    definition: commit.definition.clone(),
                    commit: slot,
                    modified_ns: None,
                    etag: None,
                },
            );
        }
        for object in &commit.objects {
            table.objects.insert(object.path.clone(), object.clone());
        }
        for path in &commit.gone {
            table.objects.remove(path);
        }
        if let Some(names) = &commit.undeclared {
            let known = table.undeclared.get_or_insert_default();
            known.extend(names.iter().cloned());
        }
    }

    /// A table; an empty one if nothing of it is published.
    pub fn table(&self, name: &str) -> TableState {
        self.tables.get(name).cloned().unwrap_or_default()
    }
}
