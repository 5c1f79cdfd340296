//! Raw objects: from a URL to rows.
//!
//! [`listing`] finds the objects a layout names, [`decode`] turns one object
//! into coded rows ([`row_code`], [`columns`] makes batches of the source's [`RowSchema`] from
//! them) plus the lines that had to be set aside.

pub mod columns;
mod combined;
mod csv_rows;
pub mod decode;
pub mod inventory;
mod json;
pub mod layout;
mod lines;
mod list;
pub mod listing;
mod ndjson;
mod number;
mod parquet_rows;
pub mod row_code;
mod rows;
mod stored;
mod text_rows;
mod time;
pub mod value;

pub use decode::{BadKind, DecodeContext, Decoded, RowHead, RowSink, decode_object, decode_text};
pub use listing::RawObject;
pub use rows::{BadLine, RowSchema, arrow_type, user_key};
pub use stored::Stored;
