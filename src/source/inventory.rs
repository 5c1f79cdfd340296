//! What is there of a source, as far as the completeness of its days asks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use object_store::ObjectStoreExt;

use super::layout::Layout;
use super::listing;
use crate::error::{Error, Result};
use crate::project::{LayoutZone, Needs, Source, date_folder, layout_dates, layout_hours};
use crate::store::Location;

/// A date and hour of a layout; hour 0 where the layout has none.
pub type PathHour = (NaiveDate, u8);

/// The objects and markers of a source around some local days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The first hour that any object is known of: before it nothing is missing.
    first: Option<PathHour>,
    hours: BTreeSet<PathHour>,
    markers: BTreeSet<NaiveDate>,
}

impl Inventory {
    /// Lists what the local days `from` to `to` ask for. `known_first` is the first hour among the objects
    /// read before. A source that waits for nothing is not listed.
    pub async fn list(
        source: &Source,
        zone: Tz,
        (from, to): (NaiveDate, NaiveDate),
        known_first: Option<PathHour>,
    ) -> Result<Self> {
        let mut found = Self {
            first: known_first,
            ..Self::default()
        };
        if source.complete_when.needs == Needs::Nothing || from > to {
            return Ok(found);
        }
        let location = Location::open(&source.from, &source.store)?;
        // A day to either side: the layout's zone may be another one, and what was there a day before
        // tells whether the objects begin here.
        let dates = (
            from.checked_sub_days(Days::new(1)).unwrap_or(from),
            to.checked_add_days(Days::new(1)).unwrap_or(to),
        );
        for object in listing::list(source, &location, Some(dates)).await? {
            if let Some(date) = object.path_date {
                found.hours.insert((date, object.path_hour.unwrap_or(0)));
            }
        }
        let first_listed = found.hours.first().copied();
        found.first = match (found.first, first_listed) {
            (Some(known), Some(listed)) => Some(known.min(listed)),
            (known, listed) => known.or(listed),
        };
        if let Needs::Marker(name) = &source.complete_when.needs {
            let asked: BTreeSet<NaiveDate> = from
                .iter_days()
                .take_while(|date| *date <= to)
                .flat_map(|date| layout_dates(zone, source.layout_zone, date))
                .collect();
            for date in asked {
                let path = marker_path(source, name, date);
                match location.store.head(&location.key(&path)).await {
                    Ok(_) => {
                        found.markers.insert(date);
                    }
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => {
                        return Err(Error::store(format!("looking for {}{path}", source.from))(
                            error,
                        ));
                    }
                }
            }
        }
        Ok(found)
    }

    /// What a local day still lacks, in words; `None` if it is complete. Days and hours before the first
    /// object lack nothing.
    pub fn lacks(&self, source: &Source, zone: Tz, date: NaiveDate) -> Option<String> {
        let first = self.first?;
        let is_utc = source.layout_zone == LayoutZone::Utc && zone != Tz::UTC;
        match &source.complete_when.needs {
            Needs::Nothing => None,
            Needs::Hours { may_be_empty } => {
                let missing: Vec<PathHour> =
                    layout_hours(zone, source.layout_zone.zone(zone), date)
                        .iter()
                        .map(|expected| (expected.date, expected.hour))
                        .filter(|expected| *expected >= first)
                        .filter(|expected| !may_be_empty.contains(&expected.1))
                        .filter(|expected| !self.hours.contains(expected))
                        .collect();
                (!missing.is_empty()).then(|| hours_in_words(&missing, is_utc))
            }
            Needs::Marker(name) => {
                let missing: Vec<String> = layout_dates(zone, source.layout_zone, date)
                    .into_iter()
                    .filter(|date| *date >= first.0 && !self.markers.contains(date))
                    .map(|date| marker_path(source, name, date))
                    .collect();
                (!missing.is_empty()).then(|| format!("{} is not there", missing.join(", ")))
            }
        }
    }
}

/// The dates for which a source has a folder, by one listing that does not look into them. None where the
/// layout's date is no folder.
pub async fn path_dates(source: &Source) -> Result<BTreeSet<NaiveDate>> {
    let layout = Layout::parse(&source.layout);
    if !layout.lists_by_date() {
        return Ok(BTreeSet::new());
    }
    let location = Location::open(&source.from, &source.store)?;
    let folder = layout.prefix(None);
    let listed = location
        .store
        .list_with_delimiter(Some(&location.key(&folder)))
        .await
        .map_err(Error::store(format!("listing {}{folder}", source.from)))?;
    Ok(listed
        .common_prefixes
        .iter()
        .filter_map(|prefix| {
            let name = prefix.parts().next_back()?.as_ref().to_string();
            let wanted = format!("{folder}{name}/");
            // The date may stand anywhere in the folder's name.
            (0..name.len())
                .filter_map(|at| NaiveDate::parse_from_str(name.get(at..at + 10)?, "%Y-%m-%d").ok())
                .find(|date| layout.prefix(Some(*date)).starts_with(&wanted))
        })
        .collect())
}

fn marker_path(source: &Source, name: &str, date: NaiveDate) -> String {
    let folder = date_folder(&source.layout).unwrap_or_default();
    folder.replace("{date}", &date.to_string()) + name
}

/// `no object of hours 03, 04`; where the layout is in UTC: `no object of hours 22, 23 of 2026-11-20 and
/// hour 00 of 2026-11-21 (UTC)`.
fn hours_in_words(missing: &[PathHour], is_utc: bool) -> String {
    let mut by_date: BTreeMap<NaiveDate, Vec<u8>> = BTreeMap::new();
    for (date, hour) in missing {
        by_date.entry(*date).or_default().push(*hour);
    }
    let parts: Vec<String> = by_date
        .iter()
        .map(|(date, hours)| {
            let plural = if hours.len() == 1 { "hour" } else { "hours" };
            let hours = ranges(hours);
            match is_utc {
                true => format!("{plural} {hours} of {date}"),
                false => format!("{plural} {hours}"),
            }
        })
        .collect();
    let zone = if is_utc { " (UTC)" } else { "" };
    format!("no object of {}{zone}", parts.join(" and "))
}

/// `03, 04, 09 to 23`
fn ranges(hours: &[u8]) -> String {
    let mut found: Vec<(u8, u8)> = Vec::new();
    for hour in hours {
        match found.last_mut() {
            Some((_, end)) if *end + 1 == *hour => *end = *hour,
            _ => found.push((*hour, *hour)),
        }
    }
    found
        .iter()
        .map(|(start, end)| match end - start {
            0 => format!("{start:02}"),
            1 => format!("{start:02}, {end:02}"),
            _ => format!("{start:02} to {end:02}"),
        })
        .collect::<Vec<_>>()
        .join(", ")
}
