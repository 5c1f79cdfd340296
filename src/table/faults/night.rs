//! A night in small: sources and models whose bytes are a function of the raw data, published by the same
//! log and publication as whole nights are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use object_store::path::Path as Key;

use super::store::{Ask, Seen};
use super::world::{BASE, Profile};
use crate::error::{Error, Result};
use crate::store::Location;
use crate::table::log::RunLog;
use crate::table::publish::{Ready, TableCommit, publish, recover};
use crate::table::remote::{Remote, Writes};
use crate::table::restatement::{Cause, CauseKind, ChangeKind, Restatement};
use crate::table::warehouse::Warehouse;
use crate::table::write::{Written, hash_text};

/// A run that has not been heard of for this long is taken for dead.
pub(super) const LEASE: Duration = Duration::from_secs(360);

/// Event ids by day.
pub(super) type Raw = BTreeMap<NaiveDate, Vec<String>>;

/// Ids `first..last` of a day.
pub(super) fn day(raw: &mut Raw, date: &str, version: u32, ids: u32) {
    let ids = (0..ids)
        .map(|id| format!("{date}-{version}-{id}"))
        .collect();
    raw.insert(date.parse().unwrap(), ids);
}

/// A warehouse in a store as a run sees it.
pub(super) fn warehouse(asked: Arc<dyn Ask>, actor: usize, profile: Profile) -> Warehouse {
    let seen = Seen { asked, actor };
    Warehouse::remote(Remote {
        location: Location {
            store: Arc::new(seen.clone()),
            base: Key::from(BASE),
            url: format!("s3://b/{BASE}/"),
        },
        creations: None,
        writes: match profile {
            Profile::CreateOnly => Writes::CreateOnly,
            _ => Writes::Conditional,
        },
        lease: LEASE,
        longest_request: Duration::from_secs(300),
        clock: Arc::new(seen),
    })
}

/// One night: takes the log, verifies, publishes what is not as it should be, writes a page, lets go.
pub(super) async fn night(
    warehouse: Warehouse,
    raw: Raw,
    scratch: PathBuf,
    who: String,
) -> Result<()> {
    std::fs::create_dir_all(&scratch).map_err(Error::io("making the folder", &scratch))?;
    let mut log = RunLog::acquire(&warehouse, &who, "now").await?;
    let outcome = steps(&warehouse, &mut log, &raw, &scratch).await;
    match outcome {
        Ok(()) => log.release().await,
        Err(error) => {
            if !matches!(error, Error::Locked(_)) {
                let _ = log.release().await;
            }
            Err(error)
        }
    }
}

async fn steps(warehouse: &Warehouse, log: &mut RunLog, raw: &Raw, scratch: &Path) -> Result<()> {
    recover(warehouse, log).await?;
    let events: BTreeMap<Option<NaiveDate>, (String, String)> = raw
        .iter()
        .map(|(date, ids)| {
            let text = ids.iter().map(|id| format!("{id}\n")).collect();
            (Some(*date), (ids.join(" "), text))
        })
        .collect();
    table(warehouse, log, "events", events, scratch).await?;
    // What comes after reads what is published.
    let mut daily = BTreeMap::new();
    let mut total = String::new();
    for (date, partition) in log.state.table("events").partitions {
        let path = warehouse.local_file(&partition, scratch).await?;
        let text = std::fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
        let count = text.lines().count();
        let row = format!("{date} {count} {}\n", hash_text(&text));
        total.push_str(&row);
        daily.insert(date.parse().ok(), (partition.hash.clone(), row));
    }
    table(warehouse, log, "daily", daily, scratch).await?;
    let whole = BTreeMap::from([(None, (hash_text(&total), total.clone()))]);
    table(warehouse, log, "total", whole, scratch).await?;
    log.note_complete_through(*raw.keys().last().unwrap_or(&NaiveDate::MIN))
        .await?;
    warehouse
        .replace_text(log, "reports/page.html", &total)
        .await
}

/// Publishes the partitions whose inputs are not those of what is published.
async fn table(
    warehouse: &Warehouse,
    log: &mut RunLog,
    name: &str,
    wanted: BTreeMap<Option<NaiveDate>, (String, String)>,
    scratch: &Path,
) -> Result<()> {
    let published = log.state.table(name);
    let mut commit = TableCommit {
        table: name.to_string(),
        definition: "d".to_string(),
        ..TableCommit::default()
    };
    for (date, (inputs, text)) in wanted {
        let before = published.partition(date);
        if before.is_some_and(|before| before.inputs == inputs) {
            continue;
        }
        let path = scratch.join(format!("{name}-{}", hash_text(&text)));
        std::fs::write(&path, &text).map_err(Error::io("writing", &path))?;
        commit.ready.push(Ready {
            date,
            written: Written {
                path,
                rows: text.lines().count() as u64,
                bytes: text.len() as u64,
                hash: hash_text(&text),
            },
            inputs,
        });
        if before.is_some() {
            commit.restated.push(Restatement {
                table: name.to_string(),
                date,
                kind: ChangeKind::Restatement,
                run: log.epoch(),
                recorded_at: "now".to_string(),
                declared: false,
                figures: Vec::new(),
                more_figures: 0,
                causes: vec![Cause::of_kind(CauseKind::Definition)],
            });
        }
    }
    if commit.ready.is_empty() {
        return Ok(());
    }
    publish(warehouse, log, commit).await.map(|_| ())
}
