//! A strict JSON scanner over one line: finds where values begin and end and checks the grammar
//! (RFC 8259) on the way, without building a tree. The line must be valid UTF-8.

use crate::project::Limits;

/// Objects and arrays may nest this deep: they are scanned by recursion.
const MAX_DEPTH: u32 = Limits::MOST_NESTING;

/// What kind of value a span holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string; the span lies inside the quotes.
    String {
        /// Whether it has backslashes.
        escaped: bool,
    },
    /// An object or array; the span includes the brackets.
    Nested,
}

/// A value's place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// Why a line is not JSON, and at which byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Byte in the line.
    pub at: usize,
    /// What was expected.
    pub expected: &'static str,
}

/// What is expected of a value that lies too deep.
pub const TOO_DEEP: &str = "fewer levels of nesting";

type Scan<T> = Result<T, Malformed>;

/// Skips blanks.
#[inline]
pub fn skip_blanks(line: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = line.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn expect(line: &[u8], at: usize, byte: u8, expected: &'static str) -> Scan<usize> {
    if line.get(at) == Some(&byte) {
        Ok(at + 1)
    } else {
        Err(Malformed { at, expected })
    }
}

/// Walks the members of the object that begins at `at` (which must be `{`), calling `member` with
/// each key's span and its value's span. Returns the byte after `}`.
#[inline]
pub fn walk_object(line: &[u8], at: usize, member: impl FnMut(Span, Span)) -> Scan<usize> {
    walk_object_within(line, at, MAX_DEPTH, member)
}

/// The same where no more than so many levels may nest.
#[inline]
pub fn walk_object_within(
    line: &[u8],
    at: usize,
    nesting: u32,
    mut member: impl FnMut(Span, Span),
) -> Scan<usize> {
    // Levels are counted up to the most there are: fewer of them begin further up.
    walk_object_at(line, at, MAX_DEPTH.saturating_sub(nesting), &mut member)
}

fn walk_object_at(
    line: &[u8],
    at: usize,
    depth: u32,
    member: &mut impl FnMut(Span, Span),
) -> Scan<usize> {
    let mut at = skip_blanks(line, expect(line, at, b'{', "an object")?);
    if line.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        if line.get(at) != Some(&b'"') {
            return Err(Malformed {
                at,
                expected: "a key in double quotes",
            });
        }
        let key = scan_string(line, at)?;
        let colon = skip_blanks(line, key.end + 1);
        let value_at = skip_blanks(line, expect(line, colon, b':', "`:` after the key")?);
        let (value, after) = scan_value(line, value_at, depth + 1)?;
        member(key, value);
        at = skip_blanks(line, after);
        match line.get(at) {
            Some(b',') => at = skip_blanks(line, at + 1),
            Some(b'}') => return Ok(at + 1),
            _ => {
                return Err(Malformed {
                    at,
                    expected: "`,` or `}`",
                });
            }
        }
    }
}

/// Scans one value at `at`; returns its span and the byte after it.
pub fn scan_value(line: &[u8], at: usize, depth: u32) -> Scan<(Span, usize)> {
    if depth > MAX_DEPTH {
        return Err(Malformed {
            at,
            expected: TOO_DEEP,
        });
    }
    match line.get(at) {
        Some(b'"') => {
            let span = scan_string(line, at)?;
            Ok((span, span.end + 1))
        }
        Some(b'-' | b'0'..=b'9') => {
            let end = scan_number(line, at)?;
            Ok((span(at, end, Kind::Number), end))
        }
        Some(b'{') => {
            let end = walk_object_at(line, at, depth, &mut |_, _| {})?;
            Ok((span(at, end, Kind::Nested), end))
        }
        Some(b'[') => {
            let end = scan_array(line, at, depth)?;
            Ok((span(at, end, Kind::Nested), end))
        }
        Some(b't') => scan_word(line, at, b"true", Kind::Bool),
        Some(b'f') => scan_word(line, at, b"false", Kind::Bool),
        Some(b'n') => scan_word(line, at, b"null", Kind::Null),
        _ => Err(Malformed {
            at,
            expected: "a value",
        }),
    }
}

fn span(start: usize, end: usize, kind: Kind) -> Span {
    Span { start, end, kind }
}

fn scan_word(line: &[u8], at: usize, word: &'static [u8], kind: Kind) -> Scan<(Span, usize)> {
    if line[at..].starts_with(word) {
        let end = at + word.len();
        Ok((span(at, end, kind), end))
    } else {
        Err(Malformed {
            at,
            expected: "a value",
        })
    }
}

fn scan_array(line: &[u8], at: usize, depth: u32) -> Scan<usize> {
    let mut at = skip_blanks(line, at + 1);
    if line.get(at) == Some(&b']') {
        return Ok(at + 1);
    }
    loop {
        let (_, after) = scan_value(line, at, depth + 1)?;
        at = skip_blanks(line, after);
        match line.get(at) {
            Some(b',') => at = skip_blanks(line, at + 1),
            Some(b']') => return Ok(at + 1),
            _ => {
                return Err(Malformed {
                    at,
                    expected: "`,` or `]`",
                });
            }
        }
    }
}

/// Scans the string whose opening quote is at `at`; the span excludes the quotes.
#[inline]
fn scan_string(line: &[u8], at: usize) -> Scan<Span> {
    let start = at + 1;
    let mut at = start;
    let mut escaped = false;
    loop {
        at += plain_bytes(&line[at..]);
        match line.get(at) {
            Some(b'"') => return Ok(span(start, at, Kind::String { escaped })),
            Some(b'\\') => {
                escaped = true;
                match line.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                    Some(b'u') if is_hex4(line, at + 2) => at += 6,
                    _ => {
                        return Err(Malformed {
                            at,
                            expected: "a known escape",
                        });
                    }
                }
            }
            Some(0..=0x1f) => {
                return Err(Malformed {
                    at,
                    expected: "no control characters in a string",
                });
            }
            Some(_) => at += 1,
            None => {
                return Err(Malformed {
                    at,
                    expected: "the string's closing quote",
                });
            }
        }
    }
}

/// How many bytes from the start on are neither quote, backslash nor control character; may stop short
/// of the truth near the end. Eight bytes at a time.
#[inline]
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut plain = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        let quotes = word ^ (ONES * b'"' as u64);
        let backslashes = word ^ (ONES * b'\\' as u64);
        // The lowest mark is exact: a borrow only falsifies marks above a true one.
        let marks = (quotes.wrapping_sub(ONES) & !quotes)
            | (backslashes.wrapping_sub(ONES) & !backslashes)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if marks & HIGH != 0 {
            return plain + ((marks & HIGH).trailing_zeros() / 8) as usize;
        }
        plain += 8;
    }
    plain
}

fn is_hex4(line: &[u8], at: usize) -> bool {
    line.get(at..at + 4)
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn scan_number(line: &[u8], at: usize) -> Scan<usize> {
    let digits = |mut at: usize| {
        let start = at;
        while line.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at).ok_or(Malformed {
            at,
            expected: "a digit",
        })
    };
    let mut at = at;
    if line.get(at) == Some(&b'-') {
        at += 1;
    }
    if line.get(at) == Some(&b'0') {
        at += 1;
    } else {
        at = digits(at)?;
    }
    if line.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = line.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = line.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

/// Resolves a string's escapes into `out`. A lone surrogate becomes U+FFFD.
pub fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        let mut used = 2;
        match escape {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let high = hex4(rest, at + 2);
                used = 6;
                let low = (0xd800..0xdc00)
                    .contains(&high)
                    .then(|| rest.get(at + 6..at + 8))
                    .flatten()
                    .filter(|start| *start == "\\u")
                    .map(|_| hex4(rest, at + 8))
                    .filter(|low| (0xdc00..0xe000).contains(low));
                let code = match low {
                    Some(low) => {
                        used = 12;
                        0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                    }
                    None => high,
                };
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            other => out.push(char::from(other)),
        }
        rest = rest.get(at + used..).unwrap_or_default();
    }
    out.push_str(rest);
}

fn hex4(text: &str, at: usize) -> u32 {
    text.get(at..at + 4)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or(0xfffd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepts(text: &str) -> bool {
        let line = text.as_bytes();
        walk_object(line, skip_blanks(line, 0), |_, _| {})
            .is_ok_and(|end| skip_blanks(line, end) == line.len())
    }

    #[test]
    fn accepts_and_refuses_what_the_grammar_does() {
        for text in [
            "{}",
            r#"{"a":1}"#,
            r#" { "a" : [ 1 , {"b":null} ] , "c":"\u4e2d\"" } "#,
            r#"{"a":-0.5e+10,"b":true,"c":false}"#,
        ] {
            assert!(accepts(text), "{text}");
        }
        for text in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":+1}"#,
            r#"{"a":tru}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            "{\"a\":\"\u{1}\"}",
            r#"{"a":"b}"#,
            r#"{"a":1} x"#,
            r#"{"a":[1,]}"#,
            r#"{"a":NaN}"#,
        ] {
            assert!(!accepts(text), "{text}");
        }
        let deep =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(accepts(&deep(100)));
        assert!(!accepts(&deep(100_000)));
    }

    #[test]
    fn every_byte_ends_a_run_of_plain_ones_or_does_not() {
        for byte in 0..=255u8 {
            for before in 0..9 {
                let mut text = vec![b'x'; before];
                text.push(byte);
                text.extend_from_slice(b"yyyyyyyyyyyyyyyy\"");
                let is_plain = !matches!(byte, b'"' | b'\\' | 0..=0x1f);
                let found = plain_bytes(&text);
                let first = if is_plain { before + 17 } else { before };
                assert!(found <= first, "{byte} after {before}: {found}");
                assert!(
                    found == first || found >= text.len() - 8,
                    "{byte} after {before}: {found}"
                );
            }
        }
    }

    proptest! {
        /// The judge is serde_json, which knows nothing of this scanner.
        #[test]
        fn agrees_with_serde_json(text in r#"[{}\[\]",:0-9a-ce\\u \-.+tfn]{0,12}"#) {
            let line = format!("{{\"k\":{text}}}");
            let judged = serde_json::from_str::<serde_json::Value>(&line).is_ok();
            // serde_json refuses lone surrogates and numbers beyond f64; the grammar allows both.
            if judged || !(line.contains("\\u") || line.contains(['e', 'E'])) {
                prop_assert_eq!(accepts(&line), judged, "{}", line);
            }
        }

        #[test]
        fn unescapes_as_serde_json_does(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).unwrap();
            let mut out = String::new();
            unescape(&quoted[1..quoted.len() - 1], &mut out);
            prop_assert_eq!(out, text);
        }
    }

    #[test]
    fn unescapes_surrogates() {
        let mut out = String::new();
        unescape(r"a\ud83d\ude00b\ud800c\/\n", &mut out);
        assert_eq!(out, "a😀b\u{fffd}c/\n");
    }
}
