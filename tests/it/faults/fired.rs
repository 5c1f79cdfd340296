//! Which faults have met which operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Counts by (fault, operation); threads share it.
#[derive(Debug, Default)]
pub struct Fired(Mutex<BTreeMap<(String, String), usize>>);

impl Fired {
    /// One more.
    pub fn count(&self, fault: &str, operation: &str) {
        let cell = (fault.to_string(), operation.to_string());
        *self.0.lock().unwrap().entry(cell).or_default() += 1;
    }

    /// Whether there was one.
    pub fn has(&self, fault: &str, operation: &str) -> bool {
        let cell = (fault.to_string(), operation.to_string());
        self.0.lock().unwrap().contains_key(&cell)
    }

    /// As a table: a line for each operation, a column for each fault.
    pub fn table(&self) -> String {
        let counts = self.0.lock().unwrap();
        let faults: BTreeSet<&str> = counts.keys().map(|(fault, _)| fault.as_str()).collect();
        let operations: BTreeSet<&str> = counts.keys().map(|(_, of)| of.as_str()).collect();
        let width = operations.iter().map(|of| of.len()).max().unwrap_or(0);
        let mut text = " ".repeat(width);
        for fault in &faults {
            text += &format!("  {fault:>5}");
        }
        for operation in operations {
            text += &format!("\n{operation:<width$}");
            for fault in &faults {
                let cell = (fault.to_string(), operation.to_string());
                let count = counts.get(&cell).map_or("-".into(), usize::to_string);
                text += &format!("  {count:>0$}", fault.len().max(5));
            }
        }
        let sum: usize = counts.values().sum();
        format!("{text}\n{sum} in all")
    }

    /// Tells what was counted. If it must be complete, none of these cells may be empty.
    pub fn tell(&self, what: &str, cells: &[(String, String)], must_be_complete: bool) {
        println!("{what}, fired faults by operation:\n{}", self.table());
        let counts = self.0.lock().unwrap();
        let empty: Vec<_> = cells
            .iter()
            .filter(|cell| !counts.contains_key(*cell))
            .collect();
        assert!(
            !must_be_complete || empty.is_empty(),
            "these never met: {empty:?}"
        );
    }
}
