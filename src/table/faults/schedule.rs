//! Lets the runs of a scenario go on, one request at a time, as a plan decides: in which order, which
//! request fails and how, who is cut off and who is silent for how long. The same plan gives the same trace.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use object_store::{Error, PutMode};
use tokio::task::JoinHandle;

use super::night::LEASE;
use super::store::{Outcome, Shared, Ticket, unknown};
use super::world::{Answer, Request};
use crate::error::Result;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Not done, and nobody knows.
    ErrorBefore,
    /// Done, but the answer is lost.
    AnswerLost,
    /// Given up by its writer; takes effect when another run is at work.
    AppliedLate,
    /// The run is cut off before the request.
    CrashBefore,
    /// The run is cut off after the request.
    CrashAfter,
    /// "It exists" or "it has changed", although nothing happened.
    Conflict,
    /// Busy, for longer than the client tries.
    Busy,
    /// The answer breaks off in the middle.
    Truncated,
    /// The run is silent for longer than its lease before the request.
    Pause,
    /// A listing shows what was there some time ago.
    StaleList,
}

pub(super) const KINDS: [Kind; 10] = [
    Kind::ErrorBefore,
    Kind::AnswerLost,
    Kind::AppliedLate,
    Kind::CrashBefore,
    Kind::CrashAfter,
    Kind::Conflict,
    Kind::Busy,
    Kind::Truncated,
    Kind::Pause,
    Kind::StaleList,
];

impl Kind {
    /// Whether it can happen to a request.
    pub(super) fn fits(self, request: &Request) -> bool {
        match self {
            Self::ErrorBefore | Self::Busy | Self::CrashBefore | Self::CrashAfter | Self::Pause => {
                true
            }
            Self::AnswerLost | Self::AppliedLate => {
                request.is_put() || matches!(request, Request::Delete { .. })
            }
            Self::Conflict => request.is_put(),
            Self::Truncated => matches!(request, Request::Get { is_head: false, .. }),
            Self::StaleList => matches!(request, Request::List { .. }),
        }
    }
}

/// How long a run is silent, in the plan's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Proceed,
    Fail(Kind),
    /// Silent for that long; then the request goes on.
    Silent(Duration),
}

/// A step that is about to be taken.
pub(super) struct Step<'a> {
    pub(super) actor: usize,
    /// Requests of this run before.
    pub(super) number: usize,
    pub(super) request: &'a Request,
}

/// Decides.
pub(super) trait Plan {
    /// Whose request is next: a place in the list of runs that wait.
    fn choose(&mut self, waiting: usize) -> usize;
    fn decide(&mut self, step: &Step<'_>) -> Decision;
    /// How long a request takes.
    fn takes(&mut self) -> Duration;
    /// After how many requests more a late write takes effect.
    fn late_by(&mut self) -> usize;
}

/// When a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// At once.
    Now,
    /// After so much time.
    After(Duration),
    /// When the run before it in the list has been silent for its lease, or ended so long ago.
    WhenSilent,
}

/// A run of the scenario.
pub(super) struct Actor {
    pub(super) number: usize,
    pub(super) begin: Begin,
    pub(super) night: Option<LocalBoxFuture<'static, Result<()>>>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum End {
    Ended(Result<()>),
    CutOff,
    Panicked,
}

impl End {
    pub(super) fn is_ok(&self) -> bool {
        matches!(self, Self::Ended(Ok(())))
    }
}

struct Running {
    number: usize,
    task: Option<JoinHandle<Result<()>>>,
    silent_until: Option<DateTime<Utc>>,
    /// Since when it has done nothing.
    quiet_since: Option<DateTime<Utc>>,
    requests: usize,
    end: Option<End>,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// A line for each request.
    pub(super) lines: Vec<String>,
    /// Faults that fired, by kind and operation.
    pub(super) fired: BTreeMap<(Kind, String), u64>,
    /// How each run ended, in their order.
    pub(super) ends: Vec<End>,
}

/// More requests than any scenario needs.
const MOST_STEPS: usize = 20_000;

/// Waits until nobody can go on by himself. One thread runs everything, each that is awake once before this
/// one is awake again.
async fn settle(shared: &Shared) {
    let mut quiet = 0;
    let mut entered = shared.queue.lock().unwrap().entered;
    while quiet < 6 {
        tokio::task::yield_now().await;
        let now = shared.queue.lock().unwrap().entered;
        quiet = if now == entered { quiet + 1 } else { 0 };
        entered = now;
    }
}

/// Runs a scenario to its end.
pub(super) async fn play(shared: &Shared, actors: Vec<Actor>, plan: &mut dyn Plan) -> Trace {
    let mut trace = Trace::default();
    let began = shared.world.lock().unwrap().now;
    let mut to_begin: Vec<Actor> = actors;
    let mut running: Vec<Running> = Vec::new();
    for _ in 0..MOST_STEPS {
        begin(shared, began, &mut to_begin, &mut running);
        settle(shared).await;
        collect_ends(shared, &mut running).await;
        wake(shared, &running);
        settle(shared).await;
        collect_ends(shared, &mut running).await;
        if running.iter().all(|run| run.end.is_some()) && to_begin.is_empty() {
            break;
        }
        let Some((number, ticket)) = next_ticket(shared, &running, plan) else {
            if !pass_time(shared, began, &running, &to_begin) {
                shared
                    .world
                    .lock()
                    .unwrap()
                    .violations
                    .push("nobody can go on".to_string());
                break;
            }
            continue;
        };
        take_step(shared, &mut running, plan, &mut trace, number, ticket);
    }
    if running.iter().any(|run| run.end.is_none()) {
        let mut world = shared.world.lock().unwrap();
        world
            .violations
            .push("a run does not come to an end".to_string());
        for run in &mut running {
            run.task.take().inspect(JoinHandle::abort);
        }
    }
    trace.ends = running
        .into_iter()
        .map(|run| run.end.unwrap_or(End::CutOff))
        .collect();
    trace
}

fn begin(
    shared: &Shared,
    began: DateTime<Utc>,
    to_begin: &mut Vec<Actor>,
    running: &mut Vec<Running>,
) {
    let now = shared.world.lock().unwrap().now;
    while let Some(actor) = to_begin.first_mut() {
        let is_due = match actor.begin {
            Begin::Now => true,
            Begin::After(time) => now >= began + time,
            Begin::WhenSilent => running
                .last()
                .and_then(takeover)
                .is_some_and(|time| now >= time),
        };
        if !is_due {
            return;
        }
        let night = actor.night.take().unwrap();
        running.push(Running {
            number: actor.number,
            task: Some(tokio::task::spawn_local(night)),
            silent_until: None,
            quiet_since: None,
            requests: 0,
            end: None,
        });
        to_begin.remove(0);
    }
}

/// From when on another may take a run for dead.
fn takeover(run: &Running) -> Option<DateTime<Utc>> {
    run.quiet_since.map(|since| since + LEASE * 21 / 20)
}

async fn collect_ends(shared: &Shared, running: &mut [Running]) {
    for run in running {
        if run.task.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(task) = run.task.take()
        {
            run.quiet_since = Some(shared.world.lock().unwrap().now);
            run.end = Some(match task.await {
                Ok(result) => End::Ended(result),
                Err(error) if error.is_panic() => End::Panicked,
                Err(_) => End::CutOff,
            });
        }
    }
}

/// Whether a run takes part now.
fn is_awake(running: &[Running], actor: usize, now: DateTime<Utc>) -> bool {
    running.iter().any(|run| {
        run.number == actor
            && run.end.is_none()
            && run.silent_until.is_none_or(|until| until <= now)
    })
}

fn wake(shared: &Shared, running: &[Running]) {
    let now = shared.world.lock().unwrap().now;
    let mut queue = shared.queue.lock().unwrap();
    let due: Vec<u64> = queue
        .sleepers
        .iter()
        .filter(|(_, sleeper)| sleeper.until <= now && is_awake(running, sleeper.actor, now))
        .map(|(number, _)| *number)
        .collect();
    for number in due {
        if let Some(sleeper) = queue.sleepers.remove(&number) {
            queue.entered += 1;
            let _ = sleeper.wake.send(());
        }
    }
}

fn next_ticket(shared: &Shared, running: &[Running], plan: &mut dyn Plan) -> Option<(u64, usize)> {
    let now = shared.world.lock().unwrap().now;
    let mut queue = shared.queue.lock().unwrap();
    // Those whose run has ended or was cut off will not be missed.
    queue
        .tickets
        .retain(|_, ticket| !ticket.answer.is_canceled());
    queue
        .sleepers
        .retain(|_, sleeper| !sleeper.wake.is_canceled());
    let waiting: Vec<(u64, usize)> = queue
        .tickets
        .iter()
        .filter(|(_, ticket)| is_awake(running, ticket.actor, now))
        .map(|(number, ticket)| (*number, ticket.actor))
        .collect();
    if waiting.is_empty() {
        return None;
    }
    // Whoever goes on, goes on with his oldest request.
    let mut actors: Vec<usize> = waiting.iter().map(|(_, actor)| *actor).collect();
    actors.sort_unstable();
    actors.dedup();
    let chosen = actors[plan.choose(actors.len()) % actors.len()];
    waiting.into_iter().find(|(_, actor)| *actor == chosen)
}

/// Lets time pass until somebody can go on; false if nobody ever can.
fn pass_time(
    shared: &Shared,
    began: DateTime<Utc>,
    running: &[Running],
    to_begin: &[Actor],
) -> bool {
    let mut world = shared.world.lock().unwrap();
    let queue = shared.queue.lock().unwrap();
    let silences = running
        .iter()
        .filter(|run| run.end.is_none())
        .filter_map(|run| run.silent_until);
    let sleepers = queue
        .sleepers
        .values()
        .filter(|sleeper| is_awake(running, sleeper.actor, world.now))
        .map(|sleeper| sleeper.until);
    let begins = to_begin.iter().filter_map(|actor| match actor.begin {
        Begin::After(time) => Some(began + time),
        Begin::WhenSilent => running.last().and_then(takeover),
        Begin::Now => None,
    });
    let now = world.now;
    match silences
        .chain(sleepers)
        .chain(begins)
        .filter(|time| *time > now)
        .min()
    {
        Some(time) => {
            world.now = time;
            true
        }
        None => false,
    }
}

fn take_step(
    shared: &Shared,
    running: &mut [Running],
    plan: &mut dyn Plan,
    trace: &mut Trace,
    number: u64,
    actor: usize,
) {
    let Some(run) = running.iter_mut().find(|run| run.number == actor) else {
        return;
    };
    let mut world = shared.world.lock().unwrap();
    let mut queue = shared.queue.lock().unwrap();
    let Some(ticket) = queue.tickets.remove(&number) else {
        return;
    };
    run.silent_until = None;
    run.quiet_since = None;
    let step = Step {
        actor,
        number: run.requests,
        request: &ticket.request,
    };
    let decision = plan.decide(&step);
    let operation = ticket.request.operation();
    trace
        .lines
        .push(format!("{actor} {operation} {decision:?}"));
    let mut fired = |kind: Kind| {
        *trace.fired.entry((kind, operation.clone())).or_default() += 1;
    };
    if let Decision::Silent(time) = decision {
        fired(Kind::Pause);
        run.silent_until = Some(world.now + time);
        run.quiet_since = Some(world.now);
        run.requests += 1;
        queue.tickets.insert(number, ticket);
        return;
    }
    run.requests += 1;
    world.pass(plan.takes());
    let Ticket {
        request, answer, ..
    } = ticket;
    let kind = match decision {
        Decision::Fail(kind) => {
            fired(kind);
            Some(kind)
        }
        _ => None,
    };
    queue.entered += 1;
    let outcome = match kind {
        None | Some(Kind::Pause) => Outcome::Answered(world.carry_out(&request)),
        Some(Kind::ErrorBefore) => Outcome::Answered(Err(unknown("no answer"))),
        Some(Kind::Busy) => Outcome::Answered(Err(unknown("503 SlowDown"))),
        Some(Kind::AnswerLost) => {
            let _ = world.carry_out(&request);
            Outcome::Answered(Err(unknown("no answer")))
        }
        Some(Kind::AppliedLate) => {
            world.defer(request, plan.late_by());
            Outcome::Answered(Err(unknown("no answer")))
        }
        Some(Kind::Conflict) => Outcome::Answered(Err(conflict(&request))),
        Some(Kind::Truncated) => match world.carry_out(&request) {
            Ok(Answer::Get(object)) => Outcome::Cut(object),
            other => Outcome::Answered(other),
        },
        Some(Kind::StaleList) => match &request {
            Request::List { prefix } => Outcome::Answered(Ok(world.list_late(prefix))),
            _ => Outcome::Answered(world.carry_out(&request)),
        },
        Some(kind @ (Kind::CrashBefore | Kind::CrashAfter)) => {
            if kind == Kind::CrashAfter {
                let _ = world.carry_out(&request);
            }
            run.task.take().inspect(JoinHandle::abort);
            run.end = Some(End::CutOff);
            run.quiet_since = Some(world.now);
            return;
        }
    };
    let _ = answer.send(outcome);
}

pub(super) fn conflict(request: &Request) -> Error {
    match request {
        Request::Put {
            key,
            mode: PutMode::Create,
            ..
        } => Error::AlreadyExists {
            path: key.to_string(),
            source: "409".into(),
        },
        Request::Put { key, .. } => Error::Precondition {
            path: key.to_string(),
            source: "409".into(),
        },
        _ => unknown("409"),
    }
}
