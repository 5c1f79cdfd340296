//! An object's stored bytes → the stream of its text: decompressed by its name, looked at whether it is
//! what the name says, and cut off where it breaks a limit.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::listing::RawObject;
use crate::error::{Error, Result};
use crate::project::{FileFormat, Limits};

/// Bytes of a compressed object read at a time.
const READ_BYTES: usize = 1 << 17;
/// Bytes by which a file is known.
const HEAD_BYTES: usize = 256;

/// An object's stored bytes.
pub enum Stored {
    /// A file of the local disk, read as it is needed.
    File(File),
    /// All of them.
    Bytes(bytes::Bytes),
}

/// The text of an object.
pub(super) fn text(
    object: &RawObject,
    stored: Stored,
    limits: &Limits,
    format: &FileFormat,
) -> Result<Box<dyn Read>> {
    let mut raw: Box<dyn BufRead> = match stored {
        Stored::File(file) => Box::new(BufReader::with_capacity(READ_BYTES, file)),
        Stored::Bytes(bytes) => Box::new(Cursor::new(bytes)),
    };
    let head = raw
        .fill_buf()
        .map_err(|error| broken_off(&object.path, &error))?;
    let (packed, magic) = if object.path.ends_with(".gz") {
        (Some("gzip"), &b"\x1f\x8b"[..])
    } else if object.path.ends_with(".zst") {
        // Frames begin so, or (what may be skipped) with one of sixteen numbers that end alike.
        let is_skippable = head.get(1..4) == Some(&b"\x2a\x4d\x18"[..]);
        let frame = &b"\x28\xb5\x2f\xfd"[..];
        (Some("zstd"), if is_skippable { &head[..4] } else { frame })
    } else {
        (None, &b""[..])
    };
    if let Some(packed) = packed
        && !head.starts_with(magic)
    {
        let found = match head.is_empty() {
            true => "it is empty",
            false => kind_of(head).map_or("it begins otherwise", |kind| kind),
        };
        return Err(not_what_it_says(
            object,
            &format!("its name says {packed}, but {found}"),
        ));
    }
    let stored_bytes = Rc::new(Cell::new(0));
    let raw = Counted {
        inner: raw,
        bytes: Rc::clone(&stored_bytes),
    };
    let mut unpacked: Box<dyn Read> = match packed {
        Some("gzip") => Box::new(MultiGzDecoder::new(raw)),
        Some(_) => Box::new(
            zstd::stream::read::Decoder::with_buffer(raw)
                .map_err(|error| broken_off(&object.path, &error))?,
        ),
        None => Box::new(raw),
    };
    let mut head = Vec::with_capacity(HEAD_BYTES);
    unpacked
        .by_ref()
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(|error| broken_off(&object.path, &error))?;
    // Whatever a pattern matches may be its line.
    let may_be_markup = matches!(format, FileFormat::Regex(_));
    if let Some(kind) = kind_of(&head)
        && !(may_be_markup && kind == MARKUP)
    {
        return Err(not_what_it_says(
            object,
            &format!("{kind}, not the text of format {}", format.name()),
        ));
    }
    Ok(Box::new(Watched {
        inner: Cursor::new(head).chain(unpacked),
        read_bytes: 0,
        stored_bytes: packed.map(|_| stored_bytes),
        limits: *limits,
    }))
}

const MARKUP: &str = "it is a web page or XML";

/// What bytes begin like, if it is no plain text of UTF-8.
fn kind_of(head: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 11] = [
        (b"\x1f\x8b", "it is gzip"),
        (b"\x28\xb5\x2f\xfd", "it is zstd"),
        (b"PAR1", "it is Parquet"),
        (b"PK\x03\x04", "it is a zip archive"),
        (b"BZh", "it is bzip2"),
        (b"\xfd7zXZ\0", "it is xz"),
        (b"Obj\x01", "it is Avro"),
        (b"\xff\xfe", "it is text in UTF-16"),
        (b"\xfe\xff", "it is text in UTF-16"),
        (b"{\0", "it is text in UTF-16"),
        (b"\0{", "it is text in UTF-16"),
    ];
    let by_magic = KINDS.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, kind)) = by_magic {
        return Some(kind);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = text.trim_ascii_start();
    let begins = |tag: &[u8]| {
        text.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    [&b"<!doctype"[..], b"<html", b"<?xml", b"<error>"]
        .into_iter()
        .any(begins)
        .then_some(MARKUP)
}

fn not_what_it_says(object: &RawObject, what: &str) -> Error {
    Error::Object {
        object: object.path.clone(),
        cause: format!(
            "{what}; upload it again as it should be, name it as it is, or move it out of the source's folder"
        ),
    }
}

/// Counts the stored bytes that were made use of.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.bytes.set(self.bytes.get() + count as u64);
        self.inner.consume(count);
    }
}

/// Counts what is read and stops beyond a limit.
struct Watched<R> {
    inner: R,
    read_bytes: u64,
    /// The stored bytes behind it, where they are compressed.
    stored_bytes: Option<Rc<Cell<u64>>>,
    limits: Limits,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes += count as u64;
        if self.read_bytes > self.limits.object_bytes {
            return Err(told(format!(
                "it is larger than {}, the source's `limits: {{object: …}}`{LARGER}",
                bytes_text(self.limits.object_bytes),
            )));
        }
        if let Some(stored) = &self.stored_bytes
            && self.read_bytes > Limits::RATIO_FROM_BYTES
            && self.read_bytes / stored.get().max(1) >= self.limits.ratio
        {
            return Err(told(format!(
                "its bytes become more than {} times as many when unpacked, the source's `limits: {{ratio: …}}`{LARGER}",
                self.limits.ratio,
            )));
        }
        Ok(count)
    }
}

const LARGER: &str = "; if it is sound, allow more there, else move it out of the source's folder";

/// A number of bytes for people.
pub(super) fn bytes_text(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let exact = UNITS
        .iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match exact {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

/// A cause in its own words that goes through readers as their error.
#[derive(Debug)]
struct Told(String);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

/// An error that [`broken_off`] tells as it is.
pub(super) fn told(cause: String) -> std::io::Error {
    std::io::Error::other(Told(cause))
}

/// The error for an object at which reading stopped.
pub(super) fn broken_off(object: &str, error: &std::io::Error) -> Error {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Told>())
    {
        Some(Told(cause)) => Error::Object {
            object: object.to_string(),
            cause: cause.clone(),
        },
        None => unreadable(object, error),
    }
}

/// The error for an object whose bytes end or break in the middle.
pub(super) fn unreadable(object: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Object {
        object: object.to_string(),
        cause: format!(
            "cannot be read to its end ({error}); upload it again whole, or move it out of the source's folder"
        ),
    }
}
