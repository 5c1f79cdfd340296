//! What ingesting a source would do: which objects are new, changed or gone, which dates they touch.
//! Lists and compares; reads no object.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate};
use chrono_tz::Tz;

use crate::error::{Error, Result};
use crate::project::{LayoutZone, Source, layout_dates, local_to_us};
use crate::source::RawObject;
use crate::source::layout::Layout;
use crate::source::listing;
use crate::store::Location;
use crate::table::state::{ObjectRecord, TableState};
use crate::table::write::hash_text;

/// As many vanished objects as this are not taken for single deletions.
const MANY_GONE: usize = 10;

/// Why an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadReason {
    /// Not seen before.
    New,
    /// Its tag or size is not what was read.
    Changed,
}

/// An object to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The object.
    pub object: RawObject,
    /// Why.
    pub reason: ReadReason,
}

/// What ingesting would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestPlan {
    /// Objects to read, by path.
    pub read: Vec<Read>,
    /// Objects that were read once and are no longer there.
    pub gone: BTreeSet<String>,
    /// Complete dates asked for.
    pub requested: BTreeSet<NaiveDate>,
    /// Dates published already.
    pub published: BTreeSet<NaiveDate>,
    /// Published dates to rebuild from all their objects, with the reason.
    pub rebuild: BTreeSet<NaiveDate>,
    /// The layout's dates that requested days touch and that have no object.
    pub without_object: BTreeSet<NaiveDate>,
    /// The local day on which the first raw object that is known begins, where paths tell it.
    pub first_day: Option<NaiveDate>,
    /// The first local day of which all objects were listed; of days before it nothing is known here.
    pub listed_from: NaiveDate,
    read_paths: BTreeSet<String>,
}

/// What is asked of a source.
#[derive(Debug, Clone)]
pub struct Request {
    /// Days are days of this zone.
    pub zone: Tz,
    /// Complete dates that should be published, first and last.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Look at every object, not only those near the dates.
    pub rescan: bool,
    /// Rebuild the dates even if nothing changed.
    pub full_refresh: bool,
    /// Go on although most objects are gone.
    pub accept_vanished: bool,
}

impl IngestPlan {
    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
            && self.gone.is_empty()
            && self.rebuild.is_empty()
            && self.new_dates().next().is_none()
    }

    /// Requested dates that are not published.
    pub fn new_dates(&self) -> impl Iterator<Item = NaiveDate> {
        self.requested
            .iter()
            .filter(|date| !self.published.contains(date))
            .copied()
    }

    /// What an operator should know although a run goes on.
    pub fn warnings(&self) -> Vec<String> {
        let mut found: Vec<String> = self
            .without_object
            .iter()
            .map(|date| format!("there is no raw object of {date}"))
            .collect();
        if let Some(first) = self.gone.first() {
            found.push(format!(
                "{} raw objects that were read before are gone ({first}, …); their rows go, too",
                self.gone.len()
            ));
        }
        found
    }

    /// Whether an object is read in this ingest, or gone.
    pub fn is_read_or_gone(&self, path: &str) -> bool {
        self.read_paths.contains(path) || self.gone.contains(path)
    }
}

/// Compares the store with what was read.
pub async fn plan(source: &Source, state: &TableState, request: &Request) -> Result<IngestPlan> {
    let location = Location::open(&source.from, &source.store)?;
    let has_date = Layout::parse(&source.layout).has_date();
    let range = request
        .dates
        .filter(|_| has_date && !request.rescan)
        .map(|(from, to)| listing_range(source, from, to));
    if request.dates.is_none() && !request.rescan {
        return Ok(IngestPlan::default());
    }
    let listed = listing::list(source, &location, range).await?;
    if listed.is_empty() && state.objects.is_empty() {
        listing::explain_nothing(source, &location).await?;
    }
    let plan = compare(source, state, request, listed, range);
    if !request.accept_vanished {
        refuse_mass_loss(source, state, &plan, range)?;
    }
    Ok(plan)
}

/// Path dates whose objects may hold rows of the dates: `late` either way, and a day more where the
/// layout's days are not the project's.
fn listing_range(source: &Source, from: NaiveDate, to: NaiveDate) -> (NaiveDate, NaiveDate) {
    let reach = u64::from(source.late.days_ceil())
        + match source.layout_zone {
            LayoutZone::Project => 0,
            LayoutZone::Utc => 1,
        };
    (
        from.checked_sub_days(Days::new(reach))
            .unwrap_or(NaiveDate::MIN),
        to.checked_add_days(Days::new(reach))
            .unwrap_or(NaiveDate::MAX),
    )
}

/// An unmounted disk or a changed layout looks like a day on which all logs were deleted. Following it
/// would empty every table, so that it needs a word from a person.
fn refuse_mass_loss(
    source: &Source,
    state: &TableState,
    plan: &IngestPlan,
    range: Option<(NaiveDate, NaiveDate)>,
) -> Result<()> {
    let known = state
        .objects
        .values()
        .filter(|known| is_listed(known, range))
        .count();
    let gone = plan.gone.len();
    let is_loss = gone > 0 && (gone == known || (gone >= MANY_GONE && gone * 2 > known));
    if !is_loss {
        return Ok(());
    }
    Err(Error::Failed(format!(
        "{gone} of {known} raw objects that were read before are no longer under {} (layout {}); nothing of it is changed. Is the disk there, is the layout right? If they were deleted on purpose: `loudou run --accept-vanished`",
        source.from, source.layout
    )))
}

/// Whether a known object lies within what was listed.
fn is_listed(known: &ObjectRecord, range: Option<(NaiveDate, NaiveDate)>) -> bool {
    match (range, known.path_date) {
        (Some((from, to)), Some(date)) => from <= date && date <= to,
        _ => true,
    }
}

fn compare(
    source: &Source,
    state: &TableState,
    request: &Request,
    listed: Vec<RawObject>,
    range: Option<(NaiveDate, NaiveDate)>,
) -> IngestPlan {
    let published: BTreeSet<NaiveDate> = state.dates().collect();
    // A damaged partition has no inputs; one that was blocked while its objects changed has other ones.
    let known = Fingerprints::of(state.objects.values());
    let mut rebuild: BTreeSet<NaiveDate> = published
        .iter()
        .filter(|date| {
            state
                .partition(Some(**date))
                .is_some_and(|partition| partition.inputs != known.at(**date))
        })
        .copied()
        .collect();
    let mut read = Vec::new();
    let by_path: BTreeMap<&str, &RawObject> = listed
        .iter()
        .map(|object| (object.path.as_str(), object))
        .collect();
    for object in &listed {
        let reason = match state.objects.get(&object.path) {
            None => ReadReason::New,
            Some(known) if known.etag == object.etag && known.size == object.size => continue,
            Some(known) => {
                rebuild.extend(
                    known
                        .rows_by_date
                        .keys()
                        .filter(|date| published.contains(date)),
                );
                ReadReason::Changed
            }
        };
        read.push(Read {
            object: object.clone(),
            reason,
        });
    }
    let gone: BTreeSet<String> = state
        .objects
        .values()
        .filter(|known| is_listed(known, range))
        .filter(|known| !by_path.contains_key(known.path.as_str()))
        .map(|known| known.path.clone())
        .collect();
    for path in &gone {
        if let Some(known) = state.objects.get(path) {
            rebuild.extend(
                known
                    .rows_by_date
                    .keys()
                    .filter(|date| published.contains(date)),
            );
        }
    }
    let mut requested = BTreeSet::new();
    let mut first_day = None;
    if let Some((from, to)) = request.dates {
        // Days before the first object there ever was are not days without rows. It begins on a local
        // day that may be another one than its path's date.
        let layout_zone = source.layout_zone.zone(request.zone);
        let begins_on = |date: Option<NaiveDate>, hour: Option<u8>| {
            let wall = date?.and_hms_opt(hour.unwrap_or(0).into(), 0, 0)?;
            let instant = DateTime::from_timestamp_micros(local_to_us(layout_zone, wall))?;
            Some(instant.with_timezone(&request.zone).date_naive())
        };
        let first_path_date = state
            .objects
            .values()
            .filter_map(|known| begins_on(known.path_date, known.path_hour))
            .chain(
                listed
                    .iter()
                    .filter_map(|object| begins_on(object.path_date, object.path_hour)),
            )
            .min();
        first_day = first_path_date;
        // Paths without dates do not tell before they are read; ingesting then trims what is asked.
        let is_unread = read.iter().any(|read| read.object.path_date.is_none());
        let first_known = match first_path_date {
            Some(date) => Some(date),
            None if is_unread => Some(from),
            None => first_row_date(state.objects.values()),
        };
        let mut date = from.max(first_known.unwrap_or(from));
        while date <= to && first_known.is_some() {
            requested.insert(date);
            match date.checked_add_days(Days::new(1)) {
                Some(next) => date = next,
                None => break,
            }
        }
    }
    if request.full_refresh {
        rebuild.extend(requested.intersection(&published).copied());
    }
    let delivered: BTreeSet<NaiveDate> = listed
        .iter()
        .filter_map(|object| object.path_date)
        .collect();
    let first_delivered = delivered.first().copied();
    let first_delivered = state
        .objects
        .values()
        .filter_map(|known| known.path_date)
        .chain(first_delivered)
        .min();
    let without_object = match delivered.is_empty() {
        true => BTreeSet::new(),
        false => requested
            .iter()
            .flat_map(|date| layout_dates(request.zone, source.layout_zone, *date))
            .filter(|date| first_delivered <= Some(*date) && !delivered.contains(date))
            .collect(),
    };
    let read_paths = read.iter().map(|read| read.object.path.clone()).collect();
    IngestPlan {
        read,
        gone,
        requested,
        published,
        rebuild,
        without_object,
        first_day,
        listed_from: range.map_or(NaiveDate::MIN, |(from, _)| match source.layout_zone {
            LayoutZone::Project => from,
            // Its first hours stand under the date before.
            LayoutZone::Utc => from.succ_opt().unwrap_or(from),
        }),
        read_paths,
    }
}

/// The first date that any object has rows of.
pub(super) fn first_row_date<'a>(
    objects: impl Iterator<Item = &'a ObjectRecord>,
) -> Option<NaiveDate> {
    objects
        .filter_map(|object| object.rows_by_date.keys().next())
        .min()
        .copied()
}

/// For each date, which versions of which objects hold rows of it.
#[derive(Debug, Default)]
pub(super) struct Fingerprints(BTreeMap<NaiveDate, String>);

impl Fingerprints {
    /// `objects` come by path.
    pub(super) fn of<'a>(objects: impl Iterator<Item = &'a ObjectRecord>) -> Self {
        let mut texts: BTreeMap<NaiveDate, String> = BTreeMap::new();
        for object in objects {
            for date in object.rows_by_date.keys() {
                let line = format!("{} {} {}\n", object.path, object.etag, object.size);
                texts.entry(*date).or_default().push_str(&line);
            }
        }
        Self(texts)
    }

    /// One hash for a date.
    pub(super) fn at(&self, date: NaiveDate) -> String {
        hash_text(self.0.get(&date).map_or("", String::as_str))
    }
}
