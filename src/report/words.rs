//! The words people read, one file per language: `reports/_shared/locales/<tag>.yaml`.
//!
//! Words that the code says are named by [`Key`], so a file that lacks one, or that lacks one of its
//! `{holes}`, is refused when it is read; a page never shows a key or a gap.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::project::{LocalText, Locale};

macro_rules! keys {
    ($($key:ident = $name:literal [$($hole:literal),*];)*) => {
        /// A text that the code says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Key { $(#[doc = $name] $key,)* }

        impl Key {
            /// Every key, in the order of their indices.
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// Its name under `words:`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)* }
            }

            /// The `{holes}` its text must have, no more and no fewer.
            pub fn holes(self) -> &'static [&'static str] {
                match self { $(Self::$key => &[$($hole),*],)* }
            }
        }
    };
}

keys! {
    // days
    Monday = "monday" [];
    Tuesday = "tuesday" [];
    Wednesday = "wednesday" [];
    Thursday = "thursday" [];
    Friday = "friday" [];
    Saturday = "saturday" [];
    Sunday = "sunday" [];
    // numbers
    Points = "points" ["n"];
    Milliseconds = "milliseconds" ["n"];
    Seconds = "seconds" ["s"];
    MinutesSeconds = "minutes_seconds" ["m", "s"];
    HoursMinutes = "hours_minutes" ["h", "m"];
    // changes
    Flat = "flat" [];
    Up = "up" ["n"];
    Down = "down" ["n"];
    More = "more" ["n"];
    Less = "less" ["n"];
    Better = "better" [];
    Worse = "worse" [];
    Higher = "higher" [];
    Lower = "lower" [];
    VsYesterday = "vs_yesterday" [];
    VsSameWeekday = "vs_same_weekday" [];
    NoComparison = "no_comparison" [];
    // states
    NoValue = "no_value" [];
    NoValueWhy = "no_value_why" [];
    NotYetDue = "not_yet_due" [];
    NoRows = "no_rows" [];
    NoDay = "no_day" ["date"];
    MoreRows = "more_rows" ["n"];
    Yes = "yes" [];
    No = "no" [];
    // the first sentence
    LeadMoved = "lead_moved" ["metric", "value", "change"];
    LeadMovedMoney = "lead_moved_money" ["metric", "value", "change", "difference"];
    LeadAlone = "lead_alone" ["metric", "value"];
    BiggestMover = "biggest_mover" ["metric", "change"];
    StepMoved = "step_moved" ["funnel", "step", "value", "change"];
    Calm = "calm" ["limit"];
    NoLead = "no_lead" ["date"];
    NothingToSay = "nothing_to_say" ["date"];
    ClauseJoin = "clause_join" [];
    SentenceEnd = "sentence_end" [];
    // the state of the data
    DataThrough = "data_through" ["date"];
    Complete = "complete" [];
    Incomplete = "incomplete" [];
    StatusLines = "status_lines" ["n"];
    StatusDuplicates = "status_duplicates" ["share"];
    StatusQuarantined = "status_quarantined" ["n"];
    DayIncomplete = "day_incomplete" ["date"];
    MissingHours = "missing_hours" ["source", "hours"];
    NoObject = "no_object" ["source"];
    MissingPartition = "missing_partition" ["table", "dates"];
    ListJoin = "list_join" [];
    SourceColumn = "source_column" [];
    HoursColumn = "hours_column" [];
    NoneMissing = "none_missing" [];
    // cards
    TrailingDays = "trailing_days" ["n"];
    SparkTitle = "spark_title" ["metric", "days"];
    SparkDescription = "spark_description" ["low", "high"];
    // funnel
    SameDayPanel = "same_day_panel" ["date"];
    MaturePanel = "mature_panel" ["date"];
    OverallRate = "overall_rate" ["rate"];
    FunnelDescription = "funnel_description" ["entrants", "steps", "rate"];
    FunnelStep = "funnel_step" ["rate", "lost", "lost_rate"];
    FunnelStepShort = "funnel_step_short" ["rate", "lost_rate"];
    FunnelStepMoved = "funnel_step_moved" ["rate", "change", "lost_rate"];
    FunnelTooltip = "funnel_tooltip" ["step", "reached", "rate"];
    MatureNotDue = "mature_not_due" [];
    SegmentColumn = "segment_column" [];
    MatrixNote = "matrix_note" ["date"];
    MatrixNoteMature = "matrix_note_mature" ["date"];
    MatrixIntervals = "matrix_intervals" [];
    IntervalOf = "interval_of" ["rate", "low", "high", "n"];
    // where people went
    EndsNote = "ends_note" [];
    EndsDescription = "ends_description" ["entrants", "converted", "rate"];
    StoppedHere = "stopped_here" ["n", "rate"];
    LedTo = "led_to" [];
    EndTooltip = "end_tooltip" ["step", "state", "n", "rate"];
    OfEntrants = "of_entrants" [];
    OtherName = "other_name" [];
    // how long it takes
    TimesNote = "times_note" [];
    TimesDescription = "times_description" ["times"];
    MedianLegend = "median_legend" [];
    P90Legend = "p90_legend" [];
    ToStep = "to_step" ["step"];
    TickSeconds = "tick_seconds" ["n"];
    TickMinutes = "tick_minutes" ["n"];
    TickHours = "tick_hours" ["n"];
    TickDays = "tick_days" ["n"];
    // flows
    FlowPanel = "flow_panel" ["from", "to"];
    FlowDescription = "flow_description" ["sources", "from", "to", "n"];
    FlowTooltip = "flow_tooltip" ["from", "to", "n", "share"];
    FlowFolded = "flow_folded" ["n", "share"];
    // pages
    HeatNote = "heat_note" [];
    HeatDescription = "heat_description" ["n", "most", "blocks"];
    HeatCell = "heat_cell" ["row", "column"];
    HeatLegend = "heat_legend" ["metric"];
    CellColumn = "cell_column" [];
    PlaceColumn = "place_column" [];
    ShareColumn = "share_column" [];
    MorePictures = "more_pictures" ["n"];
    ScrollPoint = "scroll_point" ["depth", "share", "n"];
    ScrollEnd = "scroll_end" ["depth", "share"];
    ScrollBlock = "scroll_block" ["share"];
    ScrollLoss = "scroll_loss" ["from", "to"];
    ScrollDescription = "scroll_description" ["end", "loss", "blocks"];
    CountShare = "count_share" ["n", "share"];
    DotPair = "dot_pair" ["a", "b"];
    // bars
    BarsDescription = "bars_description" ["metric", "n"];
    PairOf = "pair_of" ["label", "value"];
}

/// A locale file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LocaleFile {
    /// Texts of the code and of the templates.
    words: BTreeMap<String, String>,
    /// Labels of section columns.
    columns: BTreeMap<String, String>,
    /// Values of `word` columns, plain (`ios`) or for one column (`page.product`).
    names: BTreeMap<String, String>,
    /// What a number means, by column name.
    definitions: BTreeMap<String, String>,
}

/// One language, checked: every [`Key`] has its text.
#[derive(Debug, Clone)]
pub struct Words {
    /// Which language.
    pub locale: Locale,
    /// Texts in the order of [`Key::ALL`].
    said: Vec<String>,
    words: BTreeMap<String, String>,
    columns: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    definitions: BTreeMap<String, String>,
}

impl Words {
    /// Reads a locale file; `path` is for messages.
    pub fn parse(locale: Locale, path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        // By way of Value, which refuses a key written twice; a map would keep the last in silence.
        let file: LocaleFile = serde_yaml::from_str::<serde_yaml::Value>(text)
            .and_then(|_| serde_yaml::from_str(text))
            .map_err(|error| {
                let place = error.location();
                vec![Diagnostic {
                    file: path.to_owned(),
                    line: place.as_ref().map_or(0, serde_yaml::Location::line),
                    column: place.as_ref().map_or(0, serde_yaml::Location::column),
                    cause: {
                        let text = error.to_string();
                        let cause = text.split(" at line ").next().unwrap_or(&text);
                        format!("not a locale file: {cause}")
                    },
                    mend: "look for a bracket or quote that is not closed; it holds words, columns, names and definitions, each a map from key to text"
                        .to_owned(),
                }]
            })?;
        let mut problems = Vec::new();
        let mut said = Vec::new();
        for &key in Key::ALL {
            match file.words.get(key.name()) {
                None => problems.push(missing(path, "words", key.name())),
                Some(text) => {
                    let mut wanted: Vec<&str> = key.holes().to_vec();
                    let mut found = holes(text);
                    wanted.sort_unstable();
                    found.sort_unstable();
                    found.dedup();
                    if wanted != found {
                        problems.push(Diagnostic {
                            file: path.to_owned(),
                            line: 0,
                            column: 0,
                            cause: format!(
                                "words.{}: holes {found:?}, wanted {wanted:?}",
                                key.name()
                            ),
                            mend: "write each {hole} with exactly these names".to_owned(),
                        });
                    }
                    said.push(text.clone());
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            locale,
            said,
            words: file.words,
            columns: file.columns,
            names: file.names,
            definitions: file.definitions,
        })
    }

    /// The text of a key without holes.
    pub fn get(&self, key: Key) -> &str {
        self.said.get(key as usize).map_or("", String::as_str)
    }

    /// The text of a key with its holes filled.
    pub fn fill(&self, key: Key, values: &[(&str, &str)]) -> String {
        let mut rest = self.get(key);
        let mut out = String::with_capacity(rest.len() + 16);
        while let Some(start) = rest.find('{') {
            out.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else {
                break;
            };
            let hole = &rest[start + 1..start + length];
            for (name, value) in values {
                if *name == hole {
                    out.push_str(value);
                }
            }
            rest = &rest[start + length + 1..];
        }
        out.push_str(rest);
        out
    }

    /// A word that a template asks for by name.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.words.get(name).map(String::as_str)
    }

    /// Label of a column: as declared in the section, or this file's.
    pub fn label<'a>(
        &'a self,
        column: &'a str,
        declared: Option<&'a LocalText>,
    ) -> Option<&'a str> {
        declared
            .map(|text| text.get(self.locale))
            .or_else(|| self.columns.get(column).map(String::as_str))
    }

    /// A value of a `word` column as people call it; unknown ones stay as they are.
    pub fn name<'a>(&'a self, column: &str, value: &'a str) -> &'a str {
        self.names
            .get(&format!("{column}.{value}"))
            .or_else(|| self.names.get(value))
            .map_or(value, String::as_str)
    }

    /// What the number of a column means.
    pub fn definition(&self, column: &str) -> Option<&str> {
        self.definitions.get(column).map(String::as_str)
    }

    /// Every key, as `group.key`, for comparing two languages.
    pub fn keys(&self) -> Vec<String> {
        let groups = [
            ("words", &self.words),
            ("columns", &self.columns),
            ("names", &self.names),
            ("definitions", &self.definitions),
        ];
        groups
            .iter()
            .flat_map(|(group, map)| map.keys().map(move |key| format!("{group}.{key}")))
            .collect()
    }
}

/// A key that a locale file lacks.
pub fn missing(path: &str, group: &str, key: &str) -> Diagnostic {
    Diagnostic {
        file: path.to_owned(),
        line: 0,
        column: 0,
        cause: format!("{group}.{key} is missing"),
        mend: format!("add `{key}:` with its text under `{group}:`"),
    }
}

/// Names between braces.
fn holes(text: &str) -> Vec<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}').map(|(hole, _)| hole))
        .collect()
}
