//! Path layouts such as `dt={date}/hour={hour}/*.ndjson.gz`.

use chrono::NaiveDate;

/// A parsed layout.
#[derive(Debug, Clone)]
pub struct Layout {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(String),
    Date,
    Hour,
    Star,
}

/// What a path says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathTime {
    /// `{date}`
    pub date: Option<NaiveDate>,
    /// `{hour}`, 0–23
    pub hour: Option<u8>,
}

impl Layout {
    /// Parses a layout; `{date}` and `{hour}` may repeat (they must then agree).
    pub fn parse(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        let mut literal = String::new();
        while let Some(next) = rest.chars().next() {
            let (token, used) = if rest.starts_with("{date}") {
                (Some(Token::Date), 6)
            } else if rest.starts_with("{hour}") {
                (Some(Token::Hour), 6)
            } else if next == '*' {
                (Some(Token::Star), 1)
            } else {
                (None, next.len_utf8())
            };
            match token {
                Some(token) => {
                    if !literal.is_empty() {
                        tokens.push(Token::Literal(std::mem::take(&mut literal)));
                    }
                    tokens.push(token);
                }
                None => literal.push(next),
            }
            rest = &rest[used..];
        }
        if !literal.is_empty() {
            tokens.push(Token::Literal(literal));
        }
        Self { tokens }
    }

    /// Whether paths carry a date.
    pub fn has_date(&self) -> bool {
        self.tokens.contains(&Token::Date)
    }

    /// The folder to list for one date (or for all, where the date is not reached by literals
    /// alone), ending in `/` or empty.
    pub fn prefix(&self, date: Option<NaiveDate>) -> String {
        let mut prefix = String::new();
        for token in &self.tokens {
            match (token, date) {
                (Token::Literal(text), _) => prefix.push_str(text),
                (Token::Date, Some(date)) => prefix.push_str(&date.to_string()),
                _ => break,
            }
        }
        match prefix.rfind('/') {
            Some(end) => prefix.truncate(end + 1),
            None => prefix.clear(),
        }
        prefix
    }

    /// Whether one date's objects can be listed alone: the date lies within a folder's name.
    pub fn lists_by_date(&self) -> bool {
        let probe = NaiveDate::default();
        self.prefix(Some(probe)) != self.prefix(None)
    }

    /// The date and hour a path carries; `None` if the path does not fit the layout.
    pub fn matches(&self, path: &str) -> Option<PathTime> {
        matches_from(&self.tokens, path, PathTime::default())
    }
}

fn matches_from(tokens: &[Token], path: &str, found: PathTime) -> Option<PathTime> {
    let Some((token, rest)) = tokens.split_first() else {
        return path.is_empty().then_some(found);
    };
    match token {
        Token::Literal(text) => matches_from(rest, path.strip_prefix(text.as_str())?, found),
        Token::Date => {
            let date = path.get(..10)?;
            if !date.is_ascii() {
                return None;
            }
            let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
            if found.date.is_some_and(|earlier| earlier != date) {
                return None;
            }
            let found = PathTime {
                date: Some(date),
                ..found
            };
            matches_from(rest, &path[10..], found)
        }
        Token::Hour => {
            let hour = path.get(..2)?;
            if !hour.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let hour = hour.parse::<u8>().ok().filter(|hour| *hour < 24)?;
            if found.hour.is_some_and(|earlier| earlier != hour) {
                return None;
            }
            let found = PathTime {
                hour: Some(hour),
                ..found
            };
            matches_from(rest, &path[2..], found)
        }
        Token::Star => {
            let segment_end = path.find('/').unwrap_or(path.len());
            (0..=segment_end)
                .filter(|end| path.is_char_boundary(*end))
                .find_map(|end| matches_from(rest, &path[end..], found))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_date_and_hour_from_a_path() {
        let layout = Layout::parse("dt={date}/hour={hour}/*.ndjson.gz");
        let found = layout
            .matches("dt=2026-11-21/hour=08/part-0.ndjson.gz")
            .unwrap();
        assert_eq!(found.date.unwrap().to_string(), "2026-11-21");
        assert_eq!(found.hour, Some(8));
        for path in [
            "dt=2026-11-31/hour=08/a.ndjson.gz",
            "dt=2026-11-21/hour=24/a.ndjson.gz",
            "dt=2026-11-21/hour=08/a/b.ndjson.gz",
            "dt=2026-11-21/hour=08/a.ndjson",
            "x/dt=2026-11-21/hour=08/a.ndjson.gz",
        ] {
            assert_eq!(layout.matches(path), None, "{path}");
        }
    }

    #[test]
    fn only_the_star_is_special() {
        let layout = Layout::parse("a?[1]{x}/{date}-*.csv");
        assert!(layout.matches("a?[1]{x}/2026-11-21-a.csv").is_some());
        for path in ["ab[1]{x}/2026-11-21-a.csv", "a?1{x}/2026-11-21-a.csv"] {
            assert_eq!(layout.matches(path), None, "{path}");
        }
    }

    #[test]
    fn lists_as_little_as_it_can() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 21);
        let by_folder = Layout::parse("dt={date}/hour={hour}/*.gz");
        assert!(by_folder.lists_by_date());
        assert_eq!(by_folder.prefix(date), "dt=2026-11-21/");
        let by_name = Layout::parse("spend/{date}.csv");
        assert!(!by_name.lists_by_date());
        assert_eq!(by_name.prefix(date), "spend/");
        assert_eq!(Layout::parse("*.csv").prefix(date), "");
    }
}
