//! How a line of a text log is taken apart: the formats of web servers, and patterns of one's own.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Fields of a line in the combined format, in order. A common line ends behind `bytes`.
pub const COMBINED_FIELDS: [&str; 12] = [
    "ip",
    "ident",
    "auth_user",
    "time",
    "request",
    "method",
    "path",
    "protocol",
    "status",
    "bytes",
    "referrer",
    "user_agent",
];

/// How many of [`COMBINED_FIELDS`] a common line has.
pub const COMMON_FIELD_COUNT: usize = 10;

/// How web servers write times: `10/Oct/2000:13:55:36 -0700`.
pub const COMBINED_TIME: &str = "%d/%b/%Y:%H:%M:%S %z";

/// A compiled pattern may take as many bytes.
const MAX_COMPILED_BYTES: usize = 8 << 20;

/// A regular expression whose named groups are a line's fields. It must match the whole line.
#[derive(Clone)]
pub struct LinePattern {
    text: String,
    regex: Regex,
    names: Vec<String>,
    groups: Vec<usize>,
}

/// Why a text is no line pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// Line and character in the pattern, from 1, where one can be told.
    pub at: Option<(usize, usize)>,
    /// What is wrong.
    pub cause: String,
}

impl LinePattern {
    /// Compiles a pattern.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        // By itself first: what is put around it must not make it whole.
        compile(text)?;
        let regex = compile(&format!(r"\A(?:{text})\z")).map_err(|_| BadPattern {
            at: None,
            cause: "it ends in a comment that swallows what follows".to_owned(),
        })?;
        let named = regex.capture_names().enumerate();
        let (groups, names): (Vec<usize>, Vec<String>) = named
            .filter_map(|(group, name)| Some((group, name?.to_owned())))
            .unzip();
        if names.is_empty() {
            return Err(BadPattern {
                at: None,
                cause: "it has no named group, so that no field would be found".to_owned(),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            regex,
            names,
            groups,
        })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names of its groups, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of each named group in the expression.
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// The expression, which begins and ends with the line.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl fmt::Debug for LinePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for LinePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for LinePattern {}

fn compile(text: &str) -> Result<Regex, BadPattern> {
    RegexBuilder::new(text)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::Syntax(message) => syntax_problem(&message),
            regex::Error::CompiledTooBig(_) => BadPattern {
                at: None,
                cause: "it is too large; repeat less, such as `{1,100}` in place of `{1,10000}`"
                    .to_owned(),
            },
            other => BadPattern {
                at: None,
                cause: other.to_string(),
            },
        })
}

/// The crate tells a place only by a row of carets below the pattern: several where it has met a thing
/// twice, the last of them where it stands too much.
fn syntax_problem(message: &str) -> BadPattern {
    let lines: Vec<&str> = message.lines().collect();
    let is_marks = |line: &str| {
        line.contains('^') && line.chars().all(|character| matches!(character, ' ' | '^'))
    };
    let at = lines
        .iter()
        .rposition(|line| is_marks(line))
        .and_then(|at| {
            let marks = lines[at].trim_end_matches('^');
            let above = lines.get(at.checked_sub(1)?)?;
            // A pattern of several lines is shown with their numbers.
            let (line, margin) = match above.split_once(": ") {
                Some((number, _)) if number.trim().parse::<usize>().is_ok() => {
                    (number.trim().parse().ok()?, number.len() + 2)
                }
                _ => (1, 4),
            };
            let before = marks.chars().count().checked_sub(margin)?;
            Some((line, before + 1))
        });
    let cause = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or("it is no regular expression");
    BadPattern {
        at,
        cause: cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (Option<(usize, usize)>, String) {
        let bad = LinePattern::parse(text).unwrap_err();
        (bad.at, bad.cause)
    }

    #[test]
    fn groups_are_fields() {
        let pattern = LinePattern::parse(r"(\d+) (?P<a>\w+) (?<b.c>.*)").unwrap();
        assert_eq!(pattern.names(), ["a", "b.c"]);
        assert_eq!(pattern.groups(), [2, 3]);
        assert!(pattern.regex().is_match("1 x rest"));
        assert!(!pattern.regex().is_match("1 x rest\n"), "all of the line");
        assert!(!pattern.regex().is_match(" 1 x rest"));
        // A mode of the pattern's own does not reach what is put around it.
        let many = LinePattern::parse("(?m)^(?P<a>x)$").unwrap();
        assert!(!many.regex().is_match("x\ny"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(
            problem("(?P<a>x)(?P<a>y)"),
            (Some((1, 13)), "duplicate capture group name".to_owned())
        );
        assert_eq!(problem("a(?P<a>x").0, Some((1, 2)));
        assert_eq!(problem("(?x)\n(?P<a>x)\n[z").0, Some((3, 1)));
        assert_eq!(problem("上海(?P<a>x)*海)").0, Some((1, 13)));
        assert!(problem("(a)").1.contains("no named group"));
        assert!(problem(r"(?P<a>\w{1000}{1000})").1.contains("too large"));
        assert!(problem("a)(?P<a>b").0.is_some(), "not made whole by us");
        assert!(problem("(?x)(?P<a>b)#c").1.contains("comment"));
    }
}
