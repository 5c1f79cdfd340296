//! Lines of web servers in the common and the combined log format.
//!
//! `ip ident auth_user [time] "request" status bytes "referrer" "user agent"`; `-` stands for nothing.
//! Inside quotes, servers write `"` and `\` with a backslash before them, and other bytes as `\xHH`.

use super::text_rows::{LineFields, State, TextField};
use crate::project::{COMBINED_FIELDS, COMMON_FIELD_COUNT};

const REQUEST: usize = 4;
const METHOD: usize = 5;
const PROTOCOL: usize = 7;

/// Finds the fields of a line.
pub(super) struct AccessLog {
    names: Vec<String>,
}

impl AccessLog {
    /// Of the combined format, or of the common one.
    pub fn new(is_combined: bool) -> Self {
        let count = match is_combined {
            true => COMBINED_FIELDS.len(),
            false => COMMON_FIELD_COUNT,
        };
        let names = COMBINED_FIELDS.iter().take(count);
        Self {
            names: names.map(|name| (*name).to_owned()).collect(),
        }
    }
}

type Found<T> = Result<T, (usize, &'static str)>;

impl LineFields for AccessLog {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, line: &str, fields: &mut [TextField]) -> Result<(), String> {
        self.take_apart(line, fields)
            .map_err(|(at, expected)| format!("byte {at} of the line: expected {expected}"))
    }

    /// A request that was taken apart is its method, path and protocol.
    fn is_told_by_others(&self, at: usize, fields: &[TextField]) -> bool {
        at == REQUEST
            && fields
                .get(METHOD)
                .is_some_and(|method| method.state != State::Missing)
    }
}

impl AccessLog {
    fn take_apart(&self, line: &str, fields: &mut [TextField]) -> Found<()> {
        let mut fields = fields.iter_mut();
        let mut set = |field: TextField| {
            if let Some(slot) = fields.next() {
                *slot = field;
            }
        };
        let bytes = line.as_bytes();
        let (ip, at) = word(line, 0, "the client's address")?;
        set(ip);
        let (ident, at) = word(line, blank(bytes, at)?, "the identity (usually `-`)")?;
        set(ident);
        let start = blank(bytes, at)?;
        // A user's name may hold blanks and brackets, but no bare quote: only the time is followed by
        // `] "`.
        let (user_end, time_end) = time_behind(line, start)?;
        set(field(line, start, user_end));
        set(field(line, user_end + 2, time_end));
        let (request, at) = quoted(line, time_end + 2)?;
        set(request);
        for part in request_parts(line, request) {
            set(part);
        }
        let (status, at) = word(line, blank(bytes, at)?, "the status")?;
        set(status);
        let (length, at) = word(line, blank(bytes, at)?, "the number of bytes")?;
        set(length);
        let mut at = at;
        if self.names.len() > COMMON_FIELD_COUNT {
            for _ in 0..2 {
                let (field, after) = quoted(line, blank(bytes, at)?)?;
                set(field);
                at = after;
            }
        }
        let rest = line.get(at..).unwrap_or_default();
        match rest.trim().is_empty() {
            true => Ok(()),
            false => Err((at, "the end of the line")),
        }
    }
}

fn blank(bytes: &[u8], at: usize) -> Found<usize> {
    match bytes.get(at) {
        Some(b' ') => Ok(at + 1),
        _ => Err((at, "a blank")),
    }
}

/// A field between two places: nothing if it is `-`, null if it is empty.
fn field(line: &str, start: usize, end: usize) -> TextField {
    let state = match line.get(start..end) {
        Some("-") | None => State::Missing,
        Some("") => State::Null,
        Some(_) => State::Text,
    };
    TextField::new(start, end, state)
}

/// A word that ends at a blank or with the line.
fn word(line: &str, start: usize, what: &'static str) -> Found<(TextField, usize)> {
    let rest = line.as_bytes().get(start..).unwrap_or_default();
    let length = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    match rest.first() {
        None | Some(b' ' | b'"' | b'[') => Err((start, what)),
        Some(_) => Ok((field(line, start, start + length), start + length)),
    }
}

/// Where the user's name ends and where the time does, which begins two bytes behind it.
fn time_behind(line: &str, start: usize) -> Found<(usize, usize)> {
    let bytes = line.as_bytes();
    let mut from = start;
    loop {
        let rest = line.get(from..).unwrap_or_default();
        let Some(open) = rest.find(" [").map(|open| from + open) else {
            return Err((start, "a user (or `-`) and the time in brackets"));
        };
        let close = memchr::memchr(b']', bytes.get(open + 2..).unwrap_or_default());
        let Some(close) = close.map(|close| open + 2 + close) else {
            return Err((open + 2, "the time's closing bracket"));
        };
        if bytes.get(close + 1..close + 3) == Some(br#" ""#) {
            return Ok((open, close));
        }
        from = open + 2;
    }
}

/// What stands in quotes; a backslash takes the next byte with it.
fn quoted(line: &str, start: usize) -> Found<(TextField, usize)> {
    let bytes = line.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        return Err((start, "an opening quote"));
    }
    let mut at = start + 1;
    let mut is_escaped = false;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
            return Err((line.len(), "the closing quote"));
        };
        at += found;
        if bytes.get(at) == Some(&b'"') {
            let mut found = field(line, start + 1, at);
            if is_escaped {
                found.state = State::Escaped;
            }
            return Ok((found, at + 1));
        }
        is_escaped = true;
        at += 2;
    }
}

/// Method, path and protocol of a request; of one that is not written so, nothing: then each may stand
/// anywhere in it.
fn request_parts(line: &str, request: TextField) -> [TextField; PROTOCOL - METHOD + 1] {
    let absent = TextField::new(request.start, request.end, State::Missing);
    let text = line.get(request.start..request.end).unwrap_or_default();
    let parts = text.split_once(' ').and_then(|(method, rest)| {
        let (path, protocol) = rest.rsplit_once(' ')?;
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic());
        (is_method && !path.is_empty() && protocol.starts_with("HTTP/"))
            .then_some((method.len(), path.len()))
    });
    let Some((method, path)) = parts else {
        return [absent; 3];
    };
    let path_at = request.start + method + 1;
    let state = request.state;
    [
        TextField::new(request.start, request.start + method, State::Text),
        TextField::new(path_at, path_at + path, state),
        TextField::new(path_at + path + 1, request.end, state),
    ]
}

/// Resolves `\"`, `\\` and `\xHH` into `out`. A text whose bytes would be no UTF-8 or hold control
/// characters stays as it is written.
pub(super) fn unescape(text: &str, out: &mut String) {
    let mut resolved = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte != b'\\' {
            resolved.push(byte);
            continue;
        }
        match bytes.get(at) {
            Some(mark @ (b'"' | b'\\')) => {
                resolved.push(*mark);
                at += 1;
            }
            Some(b'x') => {
                let digits = bytes.get(at + 1..at + 3).unwrap_or_default();
                let is_hex = digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
                let code = std::str::from_utf8(digits)
                    .ok()
                    .filter(|_| is_hex)
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match code {
                    Some(code) => {
                        resolved.push(code);
                        at += 3;
                    }
                    None => resolved.push(byte),
                }
            }
            _ => resolved.push(byte),
        }
    }
    match std::str::from_utf8(&resolved) {
        Ok(resolved) if !resolved.chars().any(char::is_control) => out.push_str(resolved),
        _ => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields as text: `None` is missing.
    fn fields(is_combined: bool, line: &str) -> Result<Vec<Option<String>>, String> {
        let mut log = AccessLog::new(is_combined);
        let mut fields = vec![TextField::default(); log.names().len()];
        log.read(line, &mut fields)?;
        Ok(fields
            .into_iter()
            .map(|field| {
                let text = &line[field.start..field.end];
                match field.state {
                    State::Missing => None,
                    State::Null => Some(String::new()),
                    State::Text => Some(text.to_owned()),
                    State::Escaped => {
                        let mut out = String::new();
                        unescape(text, &mut out);
                        Some(out)
                    }
                }
            })
            .collect())
    }

    /// The examples of Apache's own documentation of the two formats.
    #[test]
    fn documented_lines_are_taken_apart() {
        let common = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
        let expected = [
            Some("127.0.0.1"),
            None,
            Some("frank"),
            Some("10/Oct/2000:13:55:36 -0700"),
            Some("GET /apache_pb.gif HTTP/1.0"),
            Some("GET"),
            Some("/apache_pb.gif"),
            Some("HTTP/1.0"),
            Some("200"),
            Some("2326"),
            Some("http://www.example.com/start.html"),
            Some("Mozilla/4.08 [en] (Win98; I ;Nav)"),
        ]
        .map(|text| text.map(String::from));
        assert_eq!(fields(false, common).unwrap(), expected[..10]);
        let combined = format!(
            r#"{common} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)""#
        );
        assert_eq!(fields(true, &combined).unwrap(), expected);
        assert!(fields(true, common).is_err(), "it lacks the last two");
        assert!(fields(false, &combined).is_err(), "it has two more");
    }

    #[test]
    fn odd_lines_are_read_as_the_servers_meant_them() {
        let of = |user: &str, request: &str, agent: &str| {
            let line = format!(
                r#"::1 - {user} [10/Oct/2000:13:55:36 -0700] "{request}" 400 - "" "{agent}""#
            );
            fields(true, &line).unwrap()
        };
        let text = |text: &str| Some(text.to_owned());
        let row = of("-", "-", "-");
        assert_eq!((&row[2], &row[4], &row[5]), (&None, &None, &None));
        assert_eq!((&row[9], &row[10], &row[11]), (&None, &text(""), &None));
        // A name with blanks and brackets, even one that looks like a time.
        let user = r#"a b [c] [10/Oct/2000:13:55:36 -0700] \"x"#;
        assert_eq!(of(user, "-", "-")[2], text(user));
        assert_eq!(of("", "-", "-")[2], text(""), "two blanks in a row");
        // Blanks in a path, none in a request, a request of the old kind.
        assert_eq!(of("-", "GET /a b HTTP/1.1", "-")[6], text("/a b"));
        for request in [
            "GET",
            "GET /",
            r"\x16\x03\x01",
            "GET  HTTP/1.1",
            " / HTTP/1.1",
        ] {
            let row = of("-", request, "-");
            assert_eq!(row[4], text(request));
            assert_eq!(row[5..8], [None, None, None], "{request}");
        }
        for (written, read) in [
            (r#"a \"b\" \\ c"#, r#"a "b" \ c"#),
            (r"\xE4\xB8\xAD\xe6\x96\x87", "中文"),
            (r"\x22", "\""),
            // No UTF-8, control characters, no escape at all: as written.
            (r"\xE4 \\", r"\xE4 \\"),
            (r"\x1b[31m", r"\x1b[31m"),
            (r"a\nb \xZZ \x4", r"a\nb \xZZ \x4"),
            (r"\x+1", r"\x+1"),
            ("\\\\", "\\"),
        ] {
            assert_eq!(of("-", "-", written)[11], text(read), "{written}");
        }
    }

    #[test]
    fn what_breaks_a_line_is_told_with_its_place() {
        let whole = r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "x""#;
        assert!(fields(true, whole).is_ok());
        for cut in 0..whole.len() {
            assert!(fields(true, &whole[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(
            fields(true, &whole[..whole.len() - 1]).unwrap_err(),
            "byte 70 of the line: expected the closing quote"
        );
        for (line, problem) in [
            ("", "byte 0 of the line: expected the client's address"),
            ("<html>", "byte 6 of the line: expected a blank"),
            (
                "a b c d",
                "byte 4 of the line: expected a user (or `-`) and the time in brackets",
            ),
            (
                r#"a - - [t] "x" 1 2 "-" "y" "z""#,
                "byte 25 of the line: expected the end of the line",
            ),
            (
                r#"a - - [t] "say "hi"" 1 2 "-" "y""#,
                "byte 16 of the line: expected a blank",
            ),
        ] {
            assert_eq!(fields(true, line).unwrap_err(), problem, "{line}");
        }
    }
}
