//! Somebody who reads published files all the time, without asking the log: what is seen must be whole,
//! and be what the log says was published at some time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loudou::table::state::Entry;

use super::oracle::hash;
use super::room::Room;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Reads while `work` goes on; how many files were read.
pub fn reading_while<T>(room: &Room<'_>, work: impl FnOnce() -> T) -> (T, usize) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reader = Reader::default();
            while !is_over.load(Ordering::SeqCst) {
                reader.look(room);
                std::thread::sleep(PAUSE);
            }
            reader.look(room);
            reader.files
        });
        // Also if the work fails: a scope waits for its threads.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_over.store(true, Ordering::SeqCst);
        let files = reader.join().unwrap();
        match result {
            Ok(result) => (result, files),
            Err(failure) => std::panic::resume_unwind(failure),
        }
    })
}

#[derive(Default)]
struct Reader {
    slots: u64,
    /// Hashes of all commits so far.
    known: BTreeSet<String>,
    /// Files read.
    files: usize,
}

impl Reader {
    /// Reads every published file, then the log: whatever was there must have been told before.
    fn look(&mut self, room: &Room<'_>) {
        let keys = room.keys("warehouse");
        let is_data = |key: &&String| key.ends_with(".parquet");
        let seen: Vec<(&String, String)> = keys
            .iter()
            .filter(is_data)
            .map(|key| (key, hash(&room.get(key))))
            .collect();
        for entry in room.entries(self.slots + 1) {
            self.slots += 1;
            if let Entry::Commit(commit) = entry {
                let hashes = commit
                    .partitions
                    .into_iter()
                    .map(|partition| partition.hash);
                self.known.extend(hashes);
            }
        }
        for (key, hash) in seen {
            assert!(
                self.known.contains(&hash),
                "{key} is nothing that was committed"
            );
            self.files += 1;
        }
    }
}
