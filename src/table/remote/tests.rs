//! Log and publication over a store whose answers go astray.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutResult,
};

use super::*;
use crate::table::log::{Marks, RunLog, read_state};
use crate::table::publish::{Ready, TableCommit, publish, recover};
use crate::table::state::Commit;
use crate::table::warehouse::Warehouse;
use crate::table::write::{Written, hash_text};

/// What a put does instead of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Done, but the answer is lost.
    AnswerLost,
    /// Not done, and nobody knows.
    Lost,
    /// "It exists", although nothing does.
    Conflict,
    /// Done without regard to its condition.
    ConditionIgnored,
}

/// A store in memory; puts of keys that hold a text go wrong by a list.
#[derive(Debug)]
struct Astray {
    store: Arc<InMemory>,
    of: &'static str,
    faults: Mutex<VecDeque<Fault>>,
}

impl fmt::Display for Astray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("astray")
    }
}

fn lost() -> object_store::Error {
    object_store::Error::Generic {
        store: "astray",
        source: "no answer".into(),
    }
}

#[async_trait]
impl ObjectStore for Astray {
    async fn put_opts(
        &self,
        key: &Key,
        bytes: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let fault = match key.as_ref().contains(self.of) {
            true => self.faults.lock().unwrap().pop_front(),
            false => None,
        };
        match fault {
            None => self.store.put_opts(key, bytes, options).await,
            Some(Fault::AnswerLost) => {
                let _ = self.store.put_opts(key, bytes, options).await;
                Err(lost())
            }
            Some(Fault::Lost) => Err(lost()),
            Some(Fault::Conflict) => Err(object_store::Error::AlreadyExists {
                path: key.to_string(),
                source: "409".into(),
            }),
            Some(Fault::ConditionIgnored) => {
                let options = PutOptions {
                    mode: PutMode::Overwrite,
                    ..options
                };
                self.store.put_opts(key, bytes, options).await
            }
        }
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> object_store::Result<GetResult> {
        self.store.get_opts(key, options).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Key,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(key, options).await
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, object_store::Result<Key>>,
    ) -> BoxStream<'static, object_store::Result<Key>> {
        self.store.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> object_store::Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, how: CopyOptions) -> object_store::Result<()> {
        self.store.copy_opts(from, to, how).await
    }
}

/// No time passes while it waits.
#[derive(Debug)]
struct Impatient;

impl Clock for Impatient {
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        match time < FIRST_PAUSE || time > Duration::from_secs(9) {
            // There are no beats.
            true => Box::pin(std::future::pending()),
            false => Box::pin(std::future::ready(())),
        }
    }

    fn nonce(&self) -> String {
        SystemClock.nonce()
    }

    fn since_boot(&self) -> Duration {
        SystemClock.since_boot()
    }
}

fn warehouse(
    store: &Arc<InMemory>,
    of: &'static str,
    faults: &[Fault],
    lease: Duration,
) -> Warehouse {
    let store = Astray {
        store: Arc::clone(store),
        of,
        faults: Mutex::new(faults.iter().copied().collect()),
    };
    Warehouse::remote(Remote {
        location: Location {
            store: Arc::new(store),
            base: Key::from("w"),
            url: "s3://b/w/".to_string(),
        },
        creations: None,
        writes: Writes::Conditional,
        lease,
        longest_request: Duration::from_secs(300),
        clock: Arc::new(Impatient),
    })
}

const LONG: Duration = Duration::from_secs(600);
const NONE: Duration = Duration::ZERO;

fn ready(folder: &Path, text: &str) -> TableCommit {
    let path = folder.join(hash_text(text));
    std::fs::write(&path, text).unwrap();
    let written = Written {
        path,
        rows: 1,
        bytes: text.len() as u64,
        hash: hash_text(text),
    };
    TableCommit {
        table: "t".into(),
        definition: "d".into(),
        ready: vec![Ready {
            date: None,
            written,
            inputs: "i".into(),
        }],
        ..TableCommit::default()
    }
}

async fn published(store: &Arc<InMemory>) -> String {
    let key = Key::from("w/t/data.parquet");
    let bytes = store.get(&key).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused() {
    for ignored in 1..=2 {
        let store = Arc::new(InMemory::new());
        // The first put of a probe is right in any case; of the others one is refused as it should be.
        let mut faults = vec![Fault::ConditionIgnored, Fault::Conflict, Fault::Conflict];
        faults[ignored] = Fault::ConditionIgnored;
        let warehouse = warehouse(&store, "/probe/", &faults, LONG);
        let error = RunLog::acquire(&warehouse, "one", "now").await.unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(
            error.to_string().contains("ignores the conditions"),
            "{error}"
        );
        assert_eq!(read_state(&warehouse).await.unwrap().slot, 0);
    }
}

#[tokio::test]
async fn a_slot_whose_answer_went_astray_is_read() {
    for faults in [
        vec![Fault::AnswerLost],
        vec![Fault::Lost, Fault::AnswerLost],
        vec![Fault::Conflict, Fault::Lost],
    ] {
        let store = Arc::new(InMemory::new());
        let warehouse = warehouse(&store, "/log/", &faults, LONG);
        let log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        assert_eq!((log.state.slot, log.epoch()), (1, 1), "{faults:?}");
        // And the second that comes is told who was first.
        let error = RunLog::acquire(&warehouse, "two", "now").await.unwrap_err();
        assert_eq!(error.exit_code(), 75);
        assert!(error.to_string().contains("one, since now"), "{error}");
        log.release().await.unwrap();
        RunLog::acquire(&warehouse, "two", "now").await.unwrap();
    }
}

#[tokio::test]
async fn a_slot_that_is_missing_is_no_end_and_tables_without_a_log_are_no_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let warehouse = warehouse(&store, "nothing", &[], LONG);
    let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
    publish(&warehouse, &mut log, ready(folder.path(), "first"))
        .await
        .unwrap();
    log.release().await.unwrap();
    let slot = |number: u64| Key::from(format!("w/{}", slots::slot_key(number)));
    store.delete(&slot(2)).await.unwrap();
    for error in [
        read_state(&warehouse).await.unwrap_err(),
        RunLog::acquire(&warehouse, "two", "now").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("slot 4 is there"), "{error}");
    }
    for number in [1, 3, 4] {
        store.delete(&slot(number)).await.unwrap();
    }
    let error = RunLog::acquire(&warehouse, "two", "now").await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("t/data.parquet, and no run log"), "{said}");
}

#[tokio::test]
async fn of_many_that_begin_at_once_one_gets_in() {
    let store = Arc::new(InMemory::new());
    let warehouse = warehouse(&store, "nothing", &[], LONG);
    let begin = (0..8).map(|number| {
        let warehouse = warehouse.clone();
        tokio::spawn(
            async move { RunLog::acquire(&warehouse, &format!("run {number}"), "now").await },
        )
    });
    let begun = futures::future::join_all(begin.collect::<Vec<_>>()).await;
    let logs: Vec<RunLog> = begun
        .into_iter()
        .filter_map(|outcome| match outcome.unwrap() {
            Ok(log) => Some(log),
            Err(error) => {
                assert_eq!(error.exit_code(), 75, "{error}");
                None
            }
        })
        .collect();
    assert_eq!(logs.len(), 1);
}

#[tokio::test]
async fn a_publication_whose_answer_went_astray_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for faults in [
        vec![Fault::AnswerLost],
        vec![Fault::Lost, Fault::Lost],
        vec![Fault::Conflict, Fault::AnswerLost],
    ] {
        let store = Arc::new(InMemory::new());
        let warehouse = warehouse(&store, "data.parquet", &faults, LONG);
        let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
        let first = ready(folder.path(), "first");
        publish(&warehouse, &mut log, first).await.unwrap();
        assert_eq!(published(&store).await, "first");
        assert!(log.state.unfinished.is_empty());
        assert_eq!(recover(&warehouse, &mut log).await.unwrap(), []);

        // Whatever a stranger put there is replaced, and only that.
        let key = Key::from("w/t/data.parquet");
        store.put(&key, PutPayload::from("stranger")).await.unwrap();
        let damaged = recover(&warehouse, &mut log).await.unwrap();
        assert_eq!(damaged.len(), 1, "{damaged:?}");
        let again = ready(folder.path(), "first");
        publish(&warehouse, &mut log, again).await.unwrap();
        assert_eq!(published(&store).await, "first");
    }
}

#[tokio::test]
async fn one_that_went_silent_is_taken_over_and_writes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let warehouse = warehouse(&store, "nothing", &[], NONE);
    let mut silent = RunLog::acquire(&warehouse, "silent", "now").await.unwrap();
    publish(&warehouse, &mut silent, ready(folder.path(), "first"))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut next = RunLog::acquire(&warehouse, "next", "now").await.unwrap();
    assert_eq!(next.epoch(), 2);
    assert!(silent.is_fenced().await.unwrap());
    publish(&warehouse, &mut next, ready(folder.path(), "second"))
        .await
        .unwrap();
    // It wakes up and goes on where it was.
    let error = publish(&warehouse, &mut silent, ready(folder.path(), "third"))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75);
    assert!(error.to_string().contains("taken over"), "{error}");
    assert!(silent.stop_if_fenced().await.is_err());
    assert_eq!(published(&store).await, "second");
    next.release().await.unwrap();
    assert_eq!(read_state(&warehouse).await.unwrap().holder, None);
}

#[tokio::test]
async fn one_that_is_taken_over_between_commit_and_publication_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let warehouse = warehouse(&store, "nothing", &[], NONE);
    let mut silent = RunLog::acquire(&warehouse, "silent", "now").await.unwrap();
    publish(&warehouse, &mut silent, ready(folder.path(), "first"))
        .await
        .unwrap();
    let crate::table::warehouse::Place::Remote(remote) = warehouse.place() else {
        unreachable!("it is one");
    };
    // Its commit is entered and the object seen; then it is silent, and the next run publishes.
    let seen = remote.head("t/data.parquet").await.unwrap();
    let commit = ready(folder.path(), "third");
    silent
        .commit(Commit {
            epoch: 1,
            table: "t".into(),
            definition: "d".into(),
            partitions: Vec::new(),
            objects: Vec::new(),
            gone: Vec::new(),
            restated: Vec::new(),
            undeclared: None,
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut next = RunLog::acquire(&warehouse, "next", "now").await.unwrap();
    publish(&warehouse, &mut next, ready(folder.path(), "second"))
        .await
        .unwrap();
    let written = &commit.ready[0].written;
    let upload = put::Upload {
        key: "t/data.parquet",
        content: put::Content::File(&written.path),
        hash: &written.hash,
        bytes: written.bytes,
    };
    let error = put::publish(remote, &upload, seen, &silent)
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75, "{error}");
    assert_eq!(published(&store).await, "second");
}

#[tokio::test]
async fn checkpoints_hold_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let warehouse = warehouse(&store, "nothing", &[], LONG);
    let mut log = RunLog::acquire(&warehouse, "one", "now").await.unwrap();
    for number in 0..120 {
        let text = format!("version {number}");
        publish(&warehouse, &mut log, ready(folder.path(), &text))
            .await
            .unwrap();
    }
    assert_eq!(read_state(&warehouse).await.unwrap(), log.state);
    let prefix = Key::from("w/_loudou/checkpoint");
    let listed: Vec<_> = store.list(Some(&prefix)).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    let mut marks = Marks::default();
    marks.etags.insert("t/data.parquet".into(), "x".into());
    // What an older commit's end says of a file that a newer one replaced does not count.
    log.done(2, marks).await.unwrap();
    let state = read_state(&warehouse).await.unwrap();
    assert_ne!(state.tables["t"].partitions[""].etag.as_deref(), Some("x"));
}
