//! Feeds the rows of one window partition, in order, to [`SessionBoundary`] and names sessions.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::PartitionEvaluator;
use twox_hash::XxHash3_128;

use super::boundary::{BoundaryError, SessionBoundary};

/// The columns that arrive: the constant gap is not among them.
const USER_ID: usize = 0;
const EVENT_TIME: usize = 1;
const EVENT_ID: usize = 2;
const CAMPAIGN: usize = 3;

/// One user's sessions.
#[derive(Debug)]
pub struct SessionEvaluator {
    boundary: SessionBoundary,
    user_id: Option<String>,
    session_id: String,
}

impl SessionEvaluator {
    /// Before the partition's first row.
    pub fn new(boundary: SessionBoundary) -> Self {
        Self {
            boundary,
            user_id: None,
            session_id: String::new(),
        }
    }

    /// The session of the next row.
    fn session_of(&mut self, values: &[ArrayRef], row: usize) -> Result<Option<&str>> {
        let Some(user_id) = text_at(values, USER_ID, row)? else {
            return Ok(None);
        };
        match &self.user_id {
            Some(known) if known == user_id => {}
            Some(_) => {
                return exec_err!(
                    "sessionize needs `over (partition by user_id …)`: one partition holds two users"
                );
            }
            None => self.user_id = Some(user_id.to_owned()),
        }
        let times = values
            .get(EVENT_TIME)
            .and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| exec_datafusion_err!("sessionize: event_time is not a timestamp"))?;
        if times.is_null(row) {
            return Ok(None);
        }
        let time_us = times.value(row);
        let campaign = if values.len() > CAMPAIGN {
            text_at(values, CAMPAIGN, row)?
        } else {
            None
        };
        match self.boundary.begins_session(time_us, campaign) {
            Ok(true) => {
                self.session_id = session_id(user_id, time_us, text_at(values, EVENT_ID, row)?)
            }
            Ok(false) => {}
            Err(BoundaryError::Backwards) => {
                return exec_err!(
                    "sessionize needs `over (… order by event_time, …)`, ascending: a time follows a later one"
                );
            }
            Err(BoundaryError::OutsideCalendar) => {
                return exec_err!(
                    "sessionize: {time_us} microseconds since 1970 lie outside the calendar"
                );
            }
        }
        Ok(Some(&self.session_id))
    }
}

impl PartitionEvaluator for SessionEvaluator {
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let session_id = self.session_of(values, range.start)?;
        Ok(ScalarValue::Utf8(session_id.map(str::to_owned)))
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let mut sessions = StringBuilder::new();
        for row in 0..num_rows {
            sessions.append_option(self.session_of(values, row)?);
        }
        Ok(Arc::new(sessions.finish()))
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    /// Rows to come change nothing, so each row's session is told at once.
    fn is_causal(&self) -> bool {
        true
    }
}

/// XXH3-128 as 32 hexadecimal digits over `length of user id (u64), user id, start in UTC
/// microseconds (i64), 0 or 1 for whether there is an event id, event id`, integers little-endian:
/// no two sessions share these bytes.
fn session_id(user_id: &str, start_us: i64, event_id: Option<&str>) -> String {
    let mut bytes = Vec::with_capacity(user_id.len() + event_id.map_or(0, str::len) + 17);
    bytes.extend_from_slice(&(user_id.len() as u64).to_le_bytes());
    bytes.extend_from_slice(user_id.as_bytes());
    bytes.extend_from_slice(&start_us.to_le_bytes());
    bytes.push(u8::from(event_id.is_some()));
    bytes.extend_from_slice(event_id.unwrap_or_default().as_bytes());
    format!("{:032x}", XxHash3_128::oneshot(&bytes))
}

fn text_at(values: &[ArrayRef], column: usize, row: usize) -> Result<Option<&str>> {
    let Some(array) = values.get(column) else {
        return exec_err!("sessionize: argument {column} did not arrive");
    };
    if array.is_null(row) {
        return Ok(None);
    }
    match array.data_type() {
        DataType::Utf8 => Ok(Some(array.as_string::<i32>().value(row))),
        DataType::LargeUtf8 => Ok(Some(array.as_string::<i64>().value(row))),
        DataType::Utf8View => Ok(Some(array.as_string_view().value(row))),
        other => exec_err!("sessionize: argument {column} arrived as {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::session_id;

    #[test]
    fn the_parts_of_an_id_do_not_run_into_each_other() {
        let ids = [
            session_id("ab", 1, Some("c")),
            session_id("a", 1, Some("bc")),
            session_id("ab", 1, None),
            session_id("ab", 1, Some("")),
            session_id("ab", 2, Some("c")),
        ];
        for (position, id) in ids.iter().enumerate() {
            assert_eq!(id.len(), 32);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(!ids[..position].contains(id));
        }
        assert_eq!(session_id("ab", 1, Some("c")), ids[0]);
    }
}
