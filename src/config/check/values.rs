//! Single values: names, lengths of time, shares, types, field paths.

use super::Checker;
use crate::config::raw::{LocalTextFile, Ratio};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{DAY_US, DataType, Duration, LocalText, Locale};

/// Longest length of time that any key takes; dates stay far from the calendar's ends.
const LONGEST_DAYS: u32 = 3_660;

/// Whether a text is a name: a small letter, then small letters, digits, `_`.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What stands in a type that is meant as a list: `list(x)`, `array<x>`, `x[]`.
fn list_element(text: &str) -> Option<&str> {
    let text = text.trim();
    if let Some(element) = text.strip_suffix("[]") {
        return Some(element.trim());
    }
    let inside = ["list", "array", "List", "Array"]
        .iter()
        .find_map(|name| text.strip_prefix(name))?
        .trim_start();
    let inside = inside.strip_prefix(['(', '<', '['])?.trim_end();
    Some(
        inside
            .strip_suffix([')', '>', ']'])
            .unwrap_or(inside)
            .trim(),
    )
}

/// Our name of a type that other systems know by this one.
fn usual_type(text: &str) -> Option<&'static str> {
    Some(match text.to_lowercase().as_str() {
        "int" | "integer" | "bigint" | "long" | "i64" | "int32" => "int64",
        "float" | "double" | "real" | "f64" => "float64",
        "text" | "str" | "varchar" | "utf8" | "enum" => "string",
        "boolean" => "bool",
        "datetime" | "time" | "timestamptz" => "timestamp",
        "numeric" | "money" => "decimal(12,2)",
        "array" | "list" | "json" => "list(string)",
        _ => return None,
    })
}

/// A length of time as we write it, from one in words: `1 day` is `1d`.
fn meant_length(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().trim_end_matches('.').to_lowercase();
    let unit = match unit.as_str() {
        "sec" | "secs" | "second" | "seconds" | "秒" => "s",
        "min" | "mins" | "minute" | "minutes" | "分" | "分钟" => "m",
        "hr" | "hrs" | "hour" | "hours" | "时" | "小时" => "h",
        "day" | "days" | "天" | "日" => "d",
        "week" | "weeks" | "周" => "w",
        short @ ("s" | "m" | "h" | "d" | "w") => short,
        _ => return None,
    };
    Some(format!("{}{unit}", number.parse::<u32>().ok()?))
}

impl Checker<'_> {
    /// Checks a name; `what` is what it names.
    pub fn name(&mut self, place: Place, what: &str, text: &str) {
        if text == "this" && ["a model", "a source"].contains(&what) {
            self.tell(
                place,
                format!("`this` cannot be the name of {what}: a contract's checks call their own table so"),
                "give it another name",
            );
        }
        if is_name(text) {
            return;
        }
        let mut mended = String::new();
        for character in text.chars() {
            if character.is_uppercase() && mended.ends_with(|c: char| c.is_ascii_lowercase()) {
                mended.push('_');
            }
            match character.to_ascii_lowercase() {
                small if small.is_ascii_lowercase() || small.is_ascii_digit() => mended.push(small),
                _ if mended.is_empty() || mended.ends_with('_') => {}
                _ => mended.push('_'),
            }
        }
        let mended = mended.trim_end_matches('_');
        let such = if is_name(mended) {
            format!(", such as `{mended}`")
        } else {
            String::new()
        };
        self.tell(
            place,
            format!("{} cannot be the name of {what}", words::quoted(text)),
            format!("use small letters, digits and `_`, beginning with a letter{such}"),
        );
    }

    /// Reads a length of time; zero after a problem.
    pub fn duration(&mut self, place: Place, key: &str, text: &str) -> Duration {
        let Some(read) = Duration::parse(text) else {
            self.tell(
                place,
                format!(
                    "`{key}` cannot be {}: that is not a length of time",
                    words::quoted(text)
                ),
                format!(
                    "{}write a whole number and a unit: `90s`, `30m`, `24h`, `3d` or `2w`",
                    meant_length(text)
                        .map_or_else(String::new, |meant| format!("did you mean `{meant}`? "))
                ),
            );
            return Duration::from_us(0);
        };
        if read > Duration::from_days(LONGEST_DAYS) {
            self.tell(
                place,
                format!("`{key}` is longer than ten years"),
                format!("write at most `{LONGEST_DAYS}d`"),
            );
            return Duration::from_us(0);
        }
        read
    }

    /// Reads a length of time that must be whole days.
    pub fn whole_days(&mut self, place: Place, key: &str, text: &str) -> Duration {
        let read = self.duration(place, key, text);
        if read.us() % DAY_US != 0 {
            self.tell(
                place,
                format!(
                    "`{key}` cannot be {}: it counts whole days",
                    words::quoted(text)
                ),
                format!("write it in days, such as `{key}: {}d`", read.days_ceil()),
            );
        }
        read
    }

    /// Reads a share from 0 to 1, written as percent or number; zero after a problem.
    pub fn ratio(&mut self, place: Place, key: &str, written: &Ratio) -> f64 {
        self.share(place, key, written, 100)
    }

    /// Reads a share that must be written as percent: of a plain number nobody knows whether `0.1` is a
    /// tenth or a thousandth. Zero after a problem.
    pub fn percent(&mut self, place: Place, key: &str, written: &Ratio) -> f64 {
        let Ratio::Number(number) = written else {
            return self.ratio(place, key, written);
        };
        let mend = match *number {
            number if number > 0.0 && number <= 1.0 => {
                // 0.07 × 100 is 7.000000000000001 in floats.
                let share = (number * 1e8).round() / 1e6;
                format!(
                    "write `{key}: {number}%` if {number} of a hundred is meant, `{key}: {share}%` if the share {number} is"
                )
            }
            number if (0.0..=100.0).contains(&number) => format!("write `{key}: {number}%`"),
            _ => format!("write a percent from 0% to 100%, such as `{key}: 0.1%`"),
        };
        self.tell(
            place,
            format!("`{key}` cannot be {number}: it is a percent, and the percent sign is missing"),
            mend,
        );
        0.0
    }

    /// Reads a share that may be more than the whole, as percent up to `most`; a plain number is still
    /// one from 0 to 1. Zero after a problem.
    pub fn share(&mut self, place: Place, key: &str, written: &Ratio, most: u32) -> f64 {
        let (text, read, largest) = match written {
            Ratio::Number(number) => (number.to_string(), Some(*number), 1.0),
            Ratio::Text(text) => {
                let percent = text
                    .trim()
                    .strip_suffix('%')
                    .and_then(|number| number.trim_end().parse::<f64>().ok());
                // Dividing gives 0.35 for `35%`; multiplying by 0.01 would not.
                let share = percent.map(|number| number / 100.0);
                (text.clone(), share, f64::from(most) / 100.0)
            }
        };
        match read.filter(|share| (0.0..=largest).contains(share)) {
            Some(share) => share,
            None => {
                let mend = match written {
                    Ratio::Number(number) if *number > 1.0 && *number <= 100.0 => {
                        format!(
                            "if percent is meant, write `{key}: {number}%`; a plain number is a share from 0 to 1"
                        )
                    }
                    _ => format!(
                        "write a percent from 0% to {most}%, such as `{key}: 35%`, or a number from 0 to 1"
                    ),
                };
                self.tell(
                    place,
                    format!(
                        "`{key}` cannot be {}: that is not a share",
                        words::quoted(&text)
                    ),
                    mend,
                );
                0.0
            }
        }
    }

    /// Reads a column type.
    pub fn data_type(&mut self, place: Place, column: &str, text: &str) -> Option<DataType> {
        let read = DataType::parse(text);
        if read.is_none() {
            let mend = if text.starts_with("decimal") {
                "write `decimal(digits,decimals)`, such as `decimal(12,2)`: 1 to 38 digits, of them `decimals` behind the point".to_owned()
            } else if let Some(element) = list_element(text) {
                let hint = match DataType::parse(element) {
                    Some(element @ DataType::Timestamp) => {
                        format!("a list cannot hold `{element}`; ")
                    }
                    Some(DataType::List(_)) => "a list cannot hold lists; ".to_owned(),
                    Some(element) => format!("did you mean `list({element})`? "),
                    None if list_element(element).is_some() => {
                        "a list cannot hold lists; ".to_owned()
                    }
                    None => usual_type(element).map_or_else(String::new, |element| {
                        format!("did you mean `list({element})`? ")
                    }),
                };
                format!(
                    "{hint}write `list(type)`, such as `list(string)`; a list holds {}",
                    words::list(
                        DataType::NAMES
                            .iter()
                            .filter(|name| !matches!(**name, "timestamp" | "list(string)"))
                            .copied()
                    )
                )
            } else {
                let hint = usual_type(text).map_or_else(
                    || words::did_you_mean(text, DataType::NAMES.iter().copied()),
                    |name| format!("did you mean `{name}`? "),
                );
                format!(
                    "{hint}types are {}",
                    words::list(DataType::NAMES.iter().copied())
                )
            };
            self.tell(
                place,
                format!(
                    "column `{column}` has the unknown type {}",
                    words::quoted(text)
                ),
                mend,
            );
        }
        read
    }

    /// Reads the path of a field in a raw row; its parts are joined by `.` (in CSV a header is one
    /// name, points included).
    pub fn field(&mut self, place: Place, key: &str, text: &str, has_parts: bool) -> Vec<String> {
        let parts: Vec<String> = if has_parts {
            text.split('.').map(str::to_owned).collect()
        } else {
            vec![text.to_owned()]
        };
        if parts.iter().any(|part| part.trim().is_empty()) {
            self.tell(
                place,
                format!(
                    "`{key}` cannot be {}: a part of the field's path is empty",
                    words::quoted(text)
                ),
                "write the field's name, inside another one as `outer.inner`",
            );
        }
        parts
    }

    /// Reads the text in several languages that `holder` has at `key`; where nothing is written, `fallback` is shown.
    pub fn local_text(
        &mut self,
        holder: &Node,
        key: &str,
        written: Option<&LocalTextFile>,
        fallback: &str,
    ) -> LocalText {
        let mut read = LocalText {
            fallback: fallback.to_owned(),
            ..LocalText::default()
        };
        let Some(written) = written else {
            return read;
        };
        for (locale, text) in [(Locale::ZhCn, &written.zh_cn), (Locale::En, &written.en)] {
            match text {
                Some(text) if text.trim().is_empty() => self.tell(
                    holder
                        .get(key)
                        .map_or(holder.place, |node| node.place_of(locale.tag())),
                    format!("`{key}` has an empty text for `{}`", locale.tag()),
                    "write the text, or remove the language",
                ),
                Some(text) => {
                    read.by_locale.insert(locale, text.clone());
                }
                None => {}
            }
        }
        // A language that could not be read was told already.
        if holder
            .get(key)
            .is_some_and(|node| node.entries().is_empty())
        {
            self.tell(
                holder.place_of(key),
                format!("`{key}` has no text"),
                format!("write it in one language at least: `{key}: {{zh-CN: …, en: …}}`"),
            );
        }
        read
    }
}
