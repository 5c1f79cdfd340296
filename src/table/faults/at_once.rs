//! A store for whole nights: the engine asks from several threads, so that requests are answered as they
//! come, and fail by their number.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::night::{LEASE, warehouse};
use super::plans::Chance;
use super::scenario::{Histogram, add, table};
use super::schedule::{KINDS, Kind};
use super::store::{Ask, Outcome, unknown};
use super::world::{Answer, PROFILES, Profile, Request, SharedWorld, World};
use crate::table::warehouse::Warehouse;

/// A store in memory that lasts over nights.
pub(crate) struct Nights {
    world: SharedWorld,
    profile: Profile,
    histogram: Mutex<Histogram>,
    runs: AtomicUsize,
}

/// A run's way to the store.
struct AtOnce {
    world: SharedWorld,
    /// By the number of the request; one that does not fit waits for the next that does.
    faults: Mutex<BTreeMap<usize, usize>>,
    chance: Mutex<Chance>,
    requests: AtomicUsize,
    nonces: AtomicUsize,
    fired: Mutex<Histogram>,
    is_cut_off: AtomicBool,
    cut_off: Notify,
}

/// A run's warehouse, and what happens to it.
pub(crate) struct Disturbed {
    pub(crate) warehouse: Warehouse,
    asked: Arc<AtOnce>,
}

impl Nights {
    /// On one of the kinds of store.
    pub(crate) fn on(profile: usize) -> Self {
        let profile = PROFILES[profile % PROFILES.len()];
        Self {
            world: Arc::new(Mutex::new(World::new(profile))),
            profile,
            histogram: Mutex::default(),
            runs: AtomicUsize::new(0),
        }
    }

    /// For a run, long after the one before, whose requests of these numbers fail.
    pub(crate) fn run(&self, faults: &[usize], seed: u64) -> Disturbed {
        let mut world = self.world.lock().unwrap();
        world.pass(LEASE * 60);
        world.remember_listing();
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let asked = Arc::new(AtOnce {
            world: Arc::clone(&self.world),
            faults: Mutex::new(faults.iter().map(|number| (*number, 0)).collect()),
            chance: Mutex::new(Chance::new(seed)),
            requests: AtomicUsize::new(0),
            nonces: AtomicUsize::new(0),
            fired: Mutex::default(),
            is_cut_off: AtomicBool::new(false),
            cut_off: Notify::new(),
        });
        Disturbed {
            warehouse: warehouse(asked.clone(), number, self.profile),
            asked,
        }
    }

    /// Counts what fired in a run.
    pub(crate) fn count(&self, run: &Disturbed) {
        add(
            &mut self.histogram.lock().unwrap(),
            &run.asked.fired.lock().unwrap(),
        );
    }

    /// What is published, by key.
    pub(crate) fn data(&self) -> BTreeMap<String, Bytes> {
        self.world.lock().unwrap().data()
    }

    /// Lets what was given up take effect.
    pub(crate) fn flush_late(&self) {
        self.world.lock().unwrap().flush_late();
    }

    /// Whether only creation can be conditional.
    pub(crate) fn is_create_only(&self) -> bool {
        self.profile == Profile::CreateOnly
    }

    /// What was broken on the way, or is not as the log says.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let mut complaints = world.violations.clone();
        complaints.extend(world.differences_from_log());
        complaints
    }

    /// Rules that were broken on the way.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.world.lock().unwrap().violations.clone()
    }

    /// Adds what fired here to a table's cells.
    pub(crate) fn add_to(&self, cells: &mut Histogram) {
        add(cells, &self.histogram.lock().unwrap());
    }
}

/// Faults that fired, by kind and operation.
pub(crate) type Cells = Histogram;

/// As a table.
pub(crate) fn shown(cells: &Cells) -> String {
    table(cells)
}

impl Disturbed {
    /// Comes to an end when the run is to be cut off.
    pub(crate) async fn cut_off(&self) {
        self.asked.cut_off.notified().await;
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.asked.requests.load(Ordering::Relaxed)
    }

    /// What fired, in words.
    pub(crate) fn fired(&self) -> String {
        format!("{:?}", self.asked.fired.lock().unwrap())
    }
}

impl AtOnce {
    /// The fault that this request meets.
    fn fault(&self, request: &Request) -> Option<Kind> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut faults = self.faults.lock().unwrap();
        let due = *faults.range(..=number).next()?.0;
        let fitting: Vec<Kind> = KINDS
            .into_iter()
            .filter(|kind| *kind != Kind::Pause && kind.fits(request))
            .collect();
        let mut chance = self.chance.lock().unwrap();
        let kind = fitting[chance.below(fitting.len())];
        faults.remove(&due);
        *self
            .fired
            .lock()
            .unwrap()
            .entry((kind, request.operation()))
            .or_default() += 1;
        Some(kind)
    }

    fn answer(&self, request: &Request) -> Option<Outcome> {
        if self.is_cut_off.load(Ordering::Acquire) {
            return None;
        }
        let fault = self.fault(request);
        let mut world = self.world.lock().unwrap();
        world.pass(Duration::from_millis(50));
        Some(match fault {
            None | Some(Kind::Pause) => Outcome::Answered(world.carry_out(request)),
            Some(Kind::ErrorBefore) => Outcome::Answered(Err(unknown("no answer"))),
            Some(Kind::Busy) => Outcome::Answered(Err(unknown("503 SlowDown"))),
            Some(Kind::Conflict) => Outcome::Answered(Err(super::schedule::conflict(request))),
            Some(Kind::AnswerLost) => {
                let _ = world.carry_out(request);
                Outcome::Answered(Err(unknown("no answer")))
            }
            Some(Kind::AppliedLate) => {
                let late_by = self.chance.lock().unwrap().below(60);
                world.defer(request.clone(), late_by);
                Outcome::Answered(Err(unknown("no answer")))
            }
            Some(Kind::Truncated) => match world.carry_out(request) {
                Ok(Answer::Get(object)) => Outcome::Cut(object),
                other => Outcome::Answered(other),
            },
            Some(Kind::StaleList) => match request {
                Request::List { prefix } => Outcome::Answered(Ok(world.list_late(prefix))),
                _ => Outcome::Answered(world.carry_out(request)),
            },
            Some(kind @ (Kind::CrashBefore | Kind::CrashAfter)) => {
                if kind == Kind::CrashAfter {
                    let _ = world.carry_out(request);
                }
                self.is_cut_off.store(true, Ordering::Release);
                self.cut_off.notify_one();
                return None;
            }
        })
    }
}

impl Ask for AtOnce {
    fn ask(&self, _: usize, request: Request) -> BoxFuture<'static, Outcome> {
        match self.answer(&request) {
            Some(outcome) => std::future::ready(outcome).boxed(),
            None => std::future::pending().boxed(),
        }
    }

    fn sleep(&self, _: usize, time: Duration) -> BoxFuture<'static, ()> {
        // Nights take no time here: beats do not come due.
        match time >= LEASE / 10 {
            true => std::future::pending().boxed(),
            false => std::future::ready(()).boxed(),
        }
    }

    fn nonce(&self, actor: usize) -> String {
        let number = self.nonces.fetch_add(1, Ordering::Relaxed);
        format!("nonce-{actor}-{number}")
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.lock().unwrap().now
    }
}
