//! The store and the clock as a run sees them: every request waits until its turn has come.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use super::world::{Answer, Object, Request, SharedWorld};
use crate::table::remote::Clock;

/// How a request was answered.
pub(super) enum Outcome {
    /// By the store.
    Answered(Result<Answer, Error>),
    /// The answer breaks off in the middle.
    Cut(Object),
}

/// A request that waits for its turn.
pub(super) struct Ticket {
    pub(super) actor: usize,
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// One that sleeps.
pub(super) struct Sleeper {
    pub(super) actor: usize,
    pub(super) until: DateTime<Utc>,
    pub(super) wake: oneshot::Sender<()>,
}

/// Who waits for what.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) tickets: BTreeMap<u64, Ticket>,
    pub(super) sleepers: BTreeMap<u64, Sleeper>,
    /// Counts what was ever put in: while it grows, somebody is still at work.
    pub(super) entered: u64,
    nonces: u64,
}

/// What the runs of one scenario share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) world: SharedWorld,
    pub(super) queue: Arc<Mutex<Queue>>,
}

impl Shared {
    pub(super) fn new(world: SharedWorld) -> Self {
        Self {
            world,
            queue: Arc::default(),
        }
    }
}

/// Who answers the requests of runs, and how time passes for them.
pub(super) trait Ask: Send + Sync + 'static {
    fn ask(&self, actor: usize, request: Request) -> BoxFuture<'static, Outcome>;
    fn sleep(&self, actor: usize, time: Duration) -> BoxFuture<'static, ()>;
    fn nonce(&self, actor: usize) -> String;
    fn now(&self) -> DateTime<Utc>;
}

/// What one run sees.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) asked: Arc<dyn Ask>,
    pub(super) actor: usize,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store as run {} sees it", self.actor)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

pub(super) fn unknown(why: &'static str) -> Error {
    Error::Generic {
        store: "planned",
        source: why.into(),
    }
}

impl Ask for Shared {
    fn ask(&self, actor: usize, request: Request) -> BoxFuture<'static, Outcome> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.queue.lock().unwrap();
        queue.entered += 1;
        let number = queue.entered;
        queue.tickets.insert(
            number,
            Ticket {
                actor,
                request,
                answer,
            },
        );
        async move {
            match answered.await {
                Ok(outcome) => outcome,
                // The run was cut off.
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn sleep(&self, actor: usize, time: Duration) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        let until = self.now() + time;
        let mut queue = self.queue.lock().unwrap();
        queue.entered += 1;
        let number = queue.entered;
        queue
            .sleepers
            .insert(number, Sleeper { actor, until, wake });
        async move {
            if woken.await.is_err() {
                std::future::pending().await
            }
        }
        .boxed()
    }

    fn nonce(&self, actor: usize) -> String {
        let mut queue = self.queue.lock().unwrap();
        queue.nonces += 1;
        format!("nonce-{actor}-{}", queue.nonces)
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.lock().unwrap().now
    }
}

impl Seen {
    fn ask(&self, request: Request) -> BoxFuture<'static, Outcome> {
        self.asked.ask(self.actor, request)
    }
}

#[async_trait]
impl ObjectStore for Seen {
    async fn put_opts(
        &self,
        key: &Key,
        bytes: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult, Error> {
        let request = Request::Put {
            key: key.clone(),
            bytes: bytes.into(),
            mode: options.mode,
            attributes: options.attributes,
        };
        match self.ask(request).await {
            Outcome::Answered(Ok(Answer::Put(tag))) => Ok(PutResult {
                e_tag: Some(tag),
                version: None,
            }),
            Outcome::Answered(Err(error)) => Err(error),
            _ => Err(unknown("another answer than was asked for")),
        }
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult, Error> {
        let request = Request::Get {
            key: key.clone(),
            is_head: options.head,
            if_match: options.if_match,
        };
        let (object, is_cut) = match self.ask(request).await {
            Outcome::Answered(Ok(Answer::Get(object))) => (object, false),
            Outcome::Cut(object) => (object, true),
            Outcome::Answered(Err(error)) => return Err(error),
            Outcome::Answered(Ok(_)) => return Err(unknown("another answer than was asked for")),
        };
        let size = object.meta.size;
        let range = match options.range {
            Some(range) => range
                .as_range(size)
                .map_err(|_| unknown("there is no such range"))?,
            None => 0..size,
        };
        let asked = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        let bytes = object.bytes.slice(asked);
        let half = bytes.slice(..bytes.len() / 2);
        let parts = match is_cut {
            true => vec![Ok(half), Err(unknown("the answer broke off"))],
            false => vec![Ok(bytes)],
        };
        Ok(GetResult {
            range,
            payload: GetResultPayload::Stream(stream::iter(parts).boxed()),
            meta: object.meta,
            attributes: object.attributes,
        })
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Result<Key, Error>>,
    ) -> BoxStream<'static, Result<Key, Error>> {
        let seen = self.clone();
        keys.then(move |key| {
            let seen = seen.clone();
            async move {
                let key = key?;
                match seen.ask(Request::Delete { key: key.clone() }).await {
                    Outcome::Answered(Err(error)) => Err(error),
                    _ => Ok(key),
                }
            }
        })
        .boxed()
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta, Error>> {
        let prefix = prefix.cloned().unwrap_or_default();
        let asked = self.ask(Request::List { prefix });
        asked
            .map(|outcome| {
                stream::iter(match outcome {
                    Outcome::Answered(Ok(Answer::List(found))) => {
                        found.into_iter().map(Ok).collect()
                    }
                    Outcome::Answered(Err(error)) => vec![Err(error)],
                    _ => vec![Err(unknown("another answer than was asked for"))],
                })
            })
            .flatten_stream()
            .boxed()
    }

    async fn put_multipart_opts(
        &self,
        _: &Key,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>, Error> {
        Err(unknown("a warehouse is not written in parts"))
    }

    async fn list_with_delimiter(&self, _: Option<&Key>) -> Result<ListResult, Error> {
        Err(unknown("a warehouse is not listed by folders"))
    }

    async fn copy_opts(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<(), Error> {
        Err(unknown("a warehouse copies nothing"))
    }
}

impl Clock for Seen {
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.asked.sleep(self.actor, time)
    }

    fn nonce(&self) -> String {
        self.asked.nonce(self.actor)
    }

    fn since_boot(&self) -> Duration {
        let millis = self.asked.now().timestamp_millis();
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}
