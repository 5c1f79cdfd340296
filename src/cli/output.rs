//! Writes to standard output and error. A closed pipe (`loudou query … | head`) is no fault.

use std::io::{self, Write};

use crate::error::{Error, Result};

/// A line on standard output.
pub(crate) fn line(text: &str) -> Result<()> {
    bytes(format!("{text}\n").as_bytes())
}

/// Bytes on standard output.
pub(crate) fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::Failed(format!(
            "writing to standard output: {error}"
        ))),
    }
}

/// A line on standard error; nobody can be told if that fails.
pub(crate) fn error_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Rows of cells as aligned columns. Width is counted as terminals show it: two for CJK.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            widths[at] = widths[at].max(width(cell));
        }
    }
    let write = |cells: Vec<&str>| {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            line.push_str(cell);
            if at + 1 < cells.len() {
                line.push_str(&" ".repeat(widths[at] - width(cell) + 2));
            }
        }
        line.trim_end().to_string()
    };
    let mut text = write(header.to_vec());
    for row in rows {
        text.push('\n');
        text.push_str(&write(row.iter().map(String::as_str).collect()));
    }
    text
}

fn width(text: &str) -> usize {
    text.chars()
        .map(|character| match character as u32 {
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff => 2,
            _ => 1,
        })
        .sum()
}
