//! Takes the rows of one object as they are decoded: counts them by day, keeps those of days that are
//! built.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::chunk::{Chunk, Head};
use super::store::RowStore;
use crate::error::Result;
use crate::project::{date32, from_date32};
use crate::source::{RowHead, RowSink};

/// One object's rows.
pub(super) struct ObjectRows<'a> {
    number: u32,
    store: &'a RowStore,
    wanted: &'a BTreeSet<NaiveDate>,
    days: Vec<Day>,
    /// The day of the last row; rows of one day come together.
    current: usize,
}

struct Day {
    date: i32,
    rows: u64,
    /// `None`: its rows are only counted.
    chunk: Option<Chunk>,
}

impl<'a> ObjectRows<'a> {
    /// For an object; rows of `wanted` days go to the store.
    pub fn new(store: &'a RowStore, object: &str, wanted: &'a BTreeSet<NaiveDate>) -> Self {
        Self {
            number: store.object_number(object),
            store,
            wanted,
            days: Vec::new(),
            current: 0,
        }
    }

    fn day(&mut self, date: i32) -> &mut Day {
        if self
            .days
            .get(self.current)
            .is_none_or(|day| day.date != date)
        {
            self.current = match self.days.iter().position(|day| day.date == date) {
                Some(at) => at,
                None => {
                    let is_wanted = self.wanted.iter().any(|wanted| date32(*wanted) == date);
                    self.days.push(Day {
                        date,
                        rows: 0,
                        chunk: is_wanted.then(Chunk::default),
                    });
                    self.days.len() - 1
                }
            };
        }
        &mut self.days[self.current]
    }

    /// Hands the rest on; gives the rows by day.
    pub fn finish(self) -> Result<BTreeMap<NaiveDate, u64>> {
        let mut rows_by_date = BTreeMap::new();
        for day in self.days {
            if let Some(date) = from_date32(day.date) {
                rows_by_date.insert(date, day.rows);
            }
            if let Some(chunk) = day.chunk {
                self.store.push(day.date, chunk)?;
            }
        }
        Ok(rows_by_date)
    }
}

impl RowSink for ObjectRows<'_> {
    fn object_number(&self) -> u32 {
        self.number
    }

    fn row(&mut self, head: RowHead, coded: &[u8]) -> Result<()> {
        let day = self.day(head.date);
        day.rows += 1;
        let Some(chunk) = &mut day.chunk else {
            return Ok(());
        };
        let place = Head {
            key: head.key,
            time_us: head.time_us,
            id_hash: head.id_hash,
            at: 0,
        };
        chunk.push(place, coded);
        if chunk.is_full() {
            let next = chunk.another();
            let full = std::mem::replace(chunk, next);
            self.store.push(head.date, full)?;
        }
        Ok(())
    }
}
