//! Finds the raw objects of a source.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use futures::TryStreamExt;

use super::layout::Layout;
use super::store::Location;
use crate::error::{Error, Result};
use crate::project::Source;

/// One raw object as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawObject {
    /// Path below the source's base; identifies the object.
    pub path: String,
    /// Size in bytes as stored.
    pub size: u64,
    /// The store's tag of this content, where it gives one.
    pub etag: String,
    /// The layout's `{date}`, in the layout's zone.
    pub path_date: Option<NaiveDate>,
    /// The layout's `{hour}`.
    pub path_hour: Option<u8>,
}

/// Lists the objects whose path date lies within `dates` (inclusive), or all of them for `None` and
/// for layouts without a date. Sorted by path. A base folder that does not exist holds nothing.
pub async fn list(
    source: &Source,
    location: &Location,
    dates: Option<(NaiveDate, NaiveDate)>,
) -> Result<Vec<RawObject>> {
    let layout = Layout::parse(&source.layout);
    let mut prefixes = Vec::new();
    match dates {
        Some((from, to)) if layout.lists_by_date() => {
            let mut date = from;
            while date <= to {
                prefixes.push(layout.prefix(Some(date)));
                match date.checked_add_days(Days::new(1)) {
                    Some(next) => date = next,
                    None => break,
                }
            }
        }
        _ => prefixes.push(layout.prefix(None)),
    }
    let mut found = BTreeMap::new();
    let base_length = location.base.parts().count();
    for prefix in prefixes {
        let key = location.key(&prefix);
        let metas = location
            .store
            .list(Some(&key))
            .try_collect::<Vec<_>>()
            .await
            .map_err(Error::store(format!("listing {}{prefix}", source.from)))?;
        for meta in metas {
            let path = meta
                .location
                .parts()
                .skip(base_length)
                .map(|part| part.as_ref().to_string())
                .collect::<Vec<_>>()
                .join("/");
            let Some(time) = layout.matches(&path) else {
                continue;
            };
            let in_range = match (dates, time.date) {
                (Some((from, to)), Some(date)) => from <= date && date <= to,
                _ => true,
            };
            if in_range {
                found.insert(
                    path.clone(),
                    RawObject {
                        path,
                        size: meta.size,
                        etag: meta.e_tag.unwrap_or_default(),
                        path_date: time.date,
                        path_hour: time.hour,
                    },
                );
            }
        }
    }
    Ok(found.into_values().collect())
}
