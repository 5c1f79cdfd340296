//! Raw objects: from a URL to rows.
//!
//! [`store`] opens a URL, [`listing`] finds the objects a layout names, [`decode`] turns one object
//! into record batches of the source's [`RowSchema`] plus the lines that had to be set aside.

mod csv_rows;
pub mod decode;
pub mod inventory;
mod json;
pub mod layout;
mod lines;
pub mod listing;
mod ndjson;
mod parquet_rows;
mod rows;
pub mod store;
mod time;
mod value;

pub use decode::{DecodeContext, Decoded, decode_object};
pub use listing::RawObject;
pub use rows::{BadLine, RowSchema, arrow_type, user_key};
