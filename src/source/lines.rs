//! Cuts a decompressed byte stream into lines with their offsets.

use std::io::Read;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 18;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its bytes (a `\r` before the `\n` is cut off).
    Text(&'a [u8]),
    /// Longer than allowed; its first bytes.
    TooLong(&'a [u8]),
}

/// Calls `each(line number from 1, byte offset, line)` for every line. A byte-order mark at the very
/// start is skipped. A line of more than `max_line_bytes` is not held in memory as a whole.
pub fn for_each_line(
    mut reader: impl Read,
    max_line_bytes: usize,
    mut each: impl FnMut(u64, u64, Line<'_>),
) -> std::io::Result<()> {
    let mut buffer = vec![0u8; CHUNK_BYTES];
    // buffer[start..filled] is read but not yet consumed; its first byte is at `offset`.
    let (mut start, mut filled) = (0usize, 0usize);
    let mut offset = 0u64;
    let mut line_number = 0u64;
    let mut skipping = false;
    let mut searched = 0usize;
    let mut at_beginning = true;
    loop {
        while let Some(found) = memchr::memchr(b'\n', &buffer[start + searched..filled]) {
            let end = start + searched + found;
            if skipping {
                skipping = false;
            } else {
                line_number += 1;
                let line = match end - start > max_line_bytes {
                    true => Line::TooLong(first_bytes(&buffer[start..end])),
                    false => Line::Text(trim(&buffer[start..end])),
                };
                each(line_number, offset, line);
            }
            offset += (end + 1 - start) as u64;
            start = end + 1;
            searched = 0;
        }
        searched = filled - start;
        if searched > max_line_bytes {
            if !skipping {
                line_number += 1;
                each(
                    line_number,
                    offset,
                    Line::TooLong(first_bytes(&buffer[start..filled])),
                );
                skipping = true;
            }
            offset += searched as u64;
            start = filled;
            searched = 0;
        }
        if start > 0 {
            buffer.copy_within(start..filled, 0);
            filled -= start;
            start = 0;
        }
        if buffer.len() - filled < CHUNK_BYTES / 2 {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = match reader.read(&mut buffer[filled..]) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 {
            if filled > 0 && !skipping {
                // Not longer than allowed: that was looked at before reading on.
                each(line_number + 1, offset, Line::Text(trim(&buffer[..filled])));
            }
            return Ok(());
        }
        filled += read;
        if at_beginning && (filled >= 3 || offset > 0) {
            at_beginning = false;
            if offset == 0 && buffer[..3] == [0xef, 0xbb, 0xbf] {
                start = 3;
                offset = 3;
                searched = 0;
            }
        }
    }
}

fn first_bytes(line: &[u8]) -> &[u8] {
    &line[..line.len().min(1_000)]
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 1 << 20;

    /// Gives a few bytes at a time, as decompressors do.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines(text: &[u8], step: usize) -> Vec<(u64, u64, Vec<u8>)> {
        let mut found = Vec::new();
        for_each_line(
            Dribble(text, step),
            MAX,
            |number, offset, line| match line {
                Line::Text(text) => found.push((number, offset, text.to_vec())),
                Line::TooLong(_) => found.push((number, offset, b"<too long>".to_vec())),
            },
        )
        .unwrap();
        found
    }

    #[test]
    fn ends_offsets_and_marks() {
        let found = lines(b"\xef\xbb\xbfa\r\n\nbc", 2);
        assert_eq!(
            found,
            [
                (1, 3, b"a".to_vec()),
                (2, 6, b"".to_vec()),
                (3, 7, b"bc".to_vec())
            ]
        );
        for step in 1..9 {
            assert_eq!(
                lines(b"\xef\xbb\xbf\na", step),
                [(1, 3, b"".to_vec()), (2, 4, b"a".to_vec())]
            );
            // Only at the very start.
            let inside = lines(b"a\n\xef\xbb\xbfb", step);
            assert_eq!(inside[1], (2, 2, b"\xef\xbb\xbfb".to_vec()));
        }
        assert_eq!(lines(b"", 1), []);
        assert_eq!(lines(b"a\n", 1), [(1, 0, b"a".to_vec())]);
    }

    #[test]
    fn an_endless_line_is_set_aside_and_the_next_one_read() {
        let mut text = vec![b'x'; MAX + CHUNK_BYTES * 2];
        text.extend_from_slice(b"\nok\n");
        let found = lines(&text, usize::MAX);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].2, b"<too long>");
        assert_eq!(found[1], (2, (text.len() - 3) as u64, b"ok".to_vec()));
    }

    proptest! {
        #[test]
        fn equals_split(text in "[ab\n]{0,40}", step in 1usize..7) {
            let mut expected: Vec<Vec<u8>> =
                text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            let found: Vec<Vec<u8>> = lines(text.as_bytes(), step).into_iter().map(|line| line.2).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
