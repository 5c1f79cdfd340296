//! Finds the raw objects of a source.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use futures::TryStreamExt;

use super::layout::Layout;
use crate::error::{Error, Result};
use crate::project::{Needs, Source};
use crate::store::Location;

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

/// Says why a source has no objects at all: nothing is there, or nothing fits the layout. `Ok` if
/// there are objects of other dates.
pub async fn explain_nothing(source: &Source, location: &Location) -> Result<()> {
    let layout = Layout::parse(&source.layout);
    let mut files = location.store.list(Some(&location.base));
    let mut other = None;
    let base_length = location.base.parts().count();
    while let Some(meta) = files
        .try_next()
        .await
        .map_err(Error::store(format!("listing {}", source.from)))?
    {
        let path = relative_path(&meta.location, base_length);
        if layout.matches(&path).is_some() && !is_marker(source, &path) {
            return Ok(());
        }
        other.get_or_insert(path);
    }
    Err(Error::Failed(match other {
        None => format!(
            "there are no raw logs under {}; put them there, or correct `from` of source {}",
            source.from, source.name
        ),
        Some(path) => format!(
            "no file under {} fits the layout {}; there is {path}, for example. Correct `layout` of source {}",
            source.from, source.layout, source.name
        ),
    }))
}

/// Whether a path is that of a marker, which holds no rows although it may fit the layout.
fn is_marker(source: &Source, path: &str) -> bool {
    match &source.complete_when.needs {
        Needs::Marker(name) => path.rsplit('/').next() == Some(name),
        _ => false,
    }
}

fn relative_path(location: &object_store::path::Path, base_length: usize) -> String {
    location
        .parts()
        .skip(base_length)
        .map(|part| part.as_ref().to_string())
        .collect::<Vec<_>>()
        .join("/")
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
            let path = relative_path(&meta.location, base_length);
            let Some(time) = layout.matches(&path).filter(|_| !is_marker(source, &path)) else {
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
                        etag: location.tag(&meta),
                        path_date: time.date,
                        path_hour: time.hour,
                    },
                );
            }
        }
    }
    Ok(found.into_values().collect())
}
