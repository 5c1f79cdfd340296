//! How a problem in a project's file is shown: where, what, how to mend it.

pub mod secrets;

use std::fmt;

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// 1-based; 0 where the whole file is meant.
    pub line: usize,
    /// 1-based, in characters; 0 where the whole file is meant.
    pub column: usize,
}

impl Place {
    /// The whole file.
    pub const FILE: Self = Self { line: 0, column: 0 };

    /// A line and a column, both 1-based.
    pub fn new(line: usize, column: usize) -> Self {
        Self { line, column }
    }
}

/// One problem at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Path relative to the project root.
    pub file: String,
    /// 1-based; 0 where the whole file is meant.
    pub line: usize,
    /// 1-based, in characters; 0 where the whole file is meant.
    pub column: usize,
    /// What is wrong.
    pub cause: String,
    /// How to mend it.
    pub mend: String,
}

/// Longest excerpt shown, in terminal cells; a longer line is cut around the caret.
const EXCERPT_CELLS: usize = 100;

impl Diagnostic {
    /// A problem at a place of a file.
    pub fn new(
        file: impl Into<String>,
        place: Place,
        cause: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line: place.line,
            column: place.column,
            cause: cause.into(),
            mend: mend.into(),
        }
    }

    /// The problem as a person reads it: with `source` (the file's text), the line it is about and
    /// a caret under the column stand between cause and mend; what may be a secret is masked. No
    /// trailing newline.
    pub fn render(&self, source: Option<&str>) -> String {
        let excerpt = source
            .filter(|_| self.line > 0)
            .and_then(|text| {
                text.trim_start_matches('\u{feff}')
                    .lines()
                    .nth(self.line - 1)
            })
            .filter(|line| !line.trim().is_empty())
            .map(|line| excerpt(&secrets::masked(line), self.line, self.column))
            .unwrap_or_default();
        format!("{}{excerpt}\n  mend: {}", Heading(self), self.mend)
    }
}

/// `file:line:column: cause`, or `file: cause` where the whole file is meant.
struct Heading<'a>(&'a Diagnostic);

impl fmt::Display for Heading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic {
            file,
            line,
            column,
            cause,
            ..
        } = self.0;
        if *line == 0 {
            write!(f, "{file}: {cause}")
        } else {
            write!(f, "{file}:{line}:{column}: {cause}")
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  mend: {}", Heading(self), self.mend)
    }
}

/// The line with its number in a margin, and the caret below; starts with a newline.
fn excerpt(line: &str, number: usize, column: usize) -> String {
    // A tab is one cell here, so that the caret does not depend on the terminal's tab stops.
    let characters: Vec<char> = line
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .collect();
    let at = column.saturating_sub(1).min(characters.len());
    let (first, cut_left) = window_start(&characters, at);

    let mut shown = String::new();
    let mut shown_cells = 0;
    let mut caret_cells = 0;
    let mut cut_right = "";
    for (index, character) in characters.iter().enumerate().skip(first) {
        if index < at {
            caret_cells += cells(*character);
        }
        shown_cells += cells(*character);
        if shown_cells > EXCERPT_CELLS {
            cut_right = "…";
            break;
        }
        shown.push(*character);
    }
    let left = if cut_left { "…" } else { "" };
    let margin = number.to_string();
    format!(
        "\n  {margin} | {left}{shown}{cut_right}\n  {blank} | {caret}^",
        blank = " ".repeat(margin.len()),
        caret = " ".repeat(caret_cells + usize::from(cut_left)),
    )
}

/// First character to show so that the caret's column stays in sight.
fn window_start(characters: &[char], at: usize) -> (usize, bool) {
    let before: usize = characters.iter().take(at).copied().map(cells).sum();
    if before < EXCERPT_CELLS * 4 / 5 {
        return (0, false);
    }
    let mut room = EXCERPT_CELLS / 2;
    let mut first = at;
    while first > 0 {
        let width = characters.get(first - 1).copied().map_or(1, cells);
        if width > room {
            break;
        }
        room -= width;
        first -= 1;
    }
    (first, first > 0)
}

/// Terminal cells of a character: 2 for East Asian wide and full-width ones and emoji, 0 for
/// combining marks, else 1 (the blocks of Unicode's EastAsianWidth.txt, coarsely).
fn cells(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036F | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0x33FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xA000..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF01..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F900..=0x1F9FF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: usize, column: usize) -> Diagnostic {
        Diagnostic::new("a.yaml", Place::new(line, column), "wrong", "do this")
    }

    #[test]
    fn a_whole_file_has_no_line() {
        assert_eq!(problem(0, 0).to_string(), "a.yaml: wrong\n  mend: do this");
        assert_eq!(
            problem(0, 0).render(Some("x: 1")),
            "a.yaml: wrong\n  mend: do this"
        );
    }

    #[test]
    fn the_caret_stands_under_the_column() {
        assert_eq!(
            problem(2, 4).render(Some("a: 1\nbb: x\n")),
            "a.yaml:2:4: wrong\n  2 | bb: x\n    |    ^\n  mend: do this"
        );
    }

    #[test]
    fn chinese_counts_two_cells() {
        // Column 8 is the `x` after `名称: 核心`: 4 wide characters and 3 narrow ones, 11 cells.
        let shown = problem(1, 8).render(Some("名称: 核心 x"));
        let caret = shown.lines().nth(2).unwrap();
        assert_eq!(caret, format!("    | {}^", " ".repeat(11)));
        let shown = problem(1, 1).render(Some("名称: 核心 x"));
        assert_eq!(shown.lines().nth(2).unwrap(), "    | ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let text = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let shown = problem(1, 301).render(Some(&text));
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[2].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[1].chars().nth(at), Some('X'), "{shown}");
        assert!(lines[1].chars().count() < 120, "{shown}");
    }

    #[test]
    fn a_place_past_the_text_shows_no_excerpt() {
        assert_eq!(
            problem(9, 1).render(Some("a: 1")),
            "a.yaml:9:1: wrong\n  mend: do this"
        );
    }
}
