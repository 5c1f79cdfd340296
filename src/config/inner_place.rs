//! From a place inside a YAML text to its place in the file.

use crate::diagnostic::Place;

/// Where the character at `inner` (line and column in `text`, from 1) of a YAML scalar stands in
/// `source`, the file it was read from; `content` is where the scalar's text begins there.
///
/// Text and source are walked side by side: a block's indentation, folded lines and doubled or escaped
/// quotes are what they may differ in. Where they cannot be brought together, the place reached so far
/// is given.
pub fn place_within(source: &str, content: Place, text: &str, inner: Place) -> Place {
    let lines: Vec<Vec<char>> = source
        .trim_start_matches('\u{feff}')
        .lines()
        .map(|line| line.chars().collect())
        .collect();
    let before = content
        .column
        .checked_sub(2)
        .and_then(|at| lines.get(content.line.checked_sub(1)?)?.get(at).copied());
    let mut walk = Walk {
        lines: &lines,
        line: content.line.saturating_sub(1),
        column: content.column.saturating_sub(1),
        indentation: content.column.saturating_sub(1),
        quote: before.filter(|character| matches!(character, '\'' | '"')),
    };
    let (mut line, mut column) = (1, 1);
    for character in text.chars() {
        walk.find(character);
        if (line, column) == (inner.line, inner.column) {
            break;
        }
        walk.pass(character);
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    Place::new(walk.line + 1, walk.column + 1)
}

struct Walk<'a> {
    lines: &'a [Vec<char>],
    line: usize,
    column: usize,
    indentation: usize,
    quote: Option<char>,
}

impl Walk<'_> {
    /// The character here; `\n` at a line's end.
    fn here(&self) -> Option<char> {
        let line = self.lines.get(self.line)?;
        Some(line.get(self.column).copied().unwrap_or('\n'))
    }

    fn step(&mut self) {
        if self.here() == Some('\n') {
            self.line += 1;
            self.column = 0;
            // At most the block's indentation: what is more belongs to the text.
            while self.column < self.indentation && self.here() == Some(' ') {
                self.column += 1;
            }
        } else {
            self.column += 1;
        }
    }

    /// Goes to where a character of the text stands: past the blanks that folding took away.
    fn find(&mut self, character: char) {
        if !character.is_whitespace() {
            while self.here().is_some_and(char::is_whitespace) {
                self.step();
            }
        }
    }

    /// Goes past a character of the text.
    fn pass(&mut self, character: char) {
        let here = self.here();
        let is_escaped = self.quote == Some('"') && here == Some('\\');
        let is_doubled = self.quote == Some('\'') && character == '\'';
        self.step();
        if is_escaped || is_doubled {
            self.step();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `x` of a text is found in its source by the order in which they stand.
    fn check(source: &str, content: (usize, usize), text: &str) {
        let places = |text: &str| -> Vec<Place> {
            let lines = text.lines().enumerate();
            lines
                .flat_map(|(line, content)| {
                    let characters = content.chars().enumerate();
                    characters
                        .filter(|(_, character)| *character == 'x')
                        .map(move |(column, _)| Place::new(line + 1, column + 1))
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let expected = places(source);
        assert!(!expected.is_empty());
        let found: Vec<Place> = places(text)
            .into_iter()
            .map(|inner| place_within(source, Place::new(content.0, content.1), text, inner))
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn every_way_to_write_a_text() {
        check("a: 1 = x and x", (1, 4), "1 = x and x");
        check("a: '值 = ''x'' and x'", (1, 5), "值 = 'x' and x");
        check("a: \"b = \\\"x\\\" and x\"", (1, 5), "b = \"x\" and x");
        check(
            "a: |\n  1 =\n    x\n\n  or x\n",
            (2, 3),
            "1 =\n  x\n\nor x\n",
        );
        check("a: >\n  1 =\n  x\n  or x\n", (2, 3), "1 = x or x\n");
        check("a: 1 =\n   x or\n     x\n", (1, 4), "1 = x or x");
        check("- {a: '1\n    or x', b: 2}", (1, 8), "1 or x");
    }
}
