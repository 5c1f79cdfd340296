//! Every request of a night × every fault that fits it × every kind of store.

use std::time::Duration;

use super::night::{Raw, day};
use super::plans::{At, Chance};
use super::scenario::{
    Histogram, Scenario, add, complaints_after_healing, complaints_on_the_way, table, undisturbed,
};
use super::schedule::{Begin, Decision, KINDS, Kind, Plan, Step};
use super::world::{PROFILES, Profile, World};
use super::{on_one_thread, rounds, seed};

/// Raw data of the first night, of the second (a day is new, one has changed), and of a later one.
pub(super) fn raws() -> [Raw; 3] {
    let mut first = Raw::new();
    day(&mut first, "2026-11-20", 1, 3);
    day(&mut first, "2026-11-21", 1, 4);
    let mut second = first.clone();
    day(&mut second, "2026-11-21", 2, 5);
    day(&mut second, "2026-11-22", 1, 2);
    let mut third = second.clone();
    day(&mut third, "2026-11-22", 2, 6);
    [first, second, third]
}

/// The world that a night begins in: the first, or the second. A checkpoint falls into it.
pub(super) async fn before(profile: Profile, is_second: bool) -> World {
    let mut world = World::new(profile);
    world.fill_log(if is_second { 86 } else { 96 });
    if is_second {
        let scenario = Scenario::on(world);
        let trace = scenario.quiet_night(&raws()[0]).await;
        assert!(trace.ends[0].is_ok(), "{:?}", trace.ends);
        world = scenario.world();
        assert_eq!(world.violations, Vec::<String>::new());
    }
    world.pass(Duration::from_secs(86_400));
    world.remember_listing();
    world
}

/// Notes which faults fit each request.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) fitting: Vec<Vec<Kind>>,
    pub(super) operations: Vec<String>,
}

impl Plan for Recorder {
    fn choose(&mut self, _: usize) -> usize {
        0
    }

    fn decide(&mut self, step: &Step<'_>) -> Decision {
        let fits = |kind: &Kind| kind.fits(step.request);
        self.fitting.push(KINDS.into_iter().filter(fits).collect());
        self.operations.push(step.request.operation());
        Decision::Proceed
    }

    fn takes(&mut self) -> Duration {
        Duration::from_secs(1)
    }

    fn late_by(&mut self) -> usize {
        0
    }
}

/// What a night asks for, when nothing goes wrong.
pub(super) async fn recorded(world: &World, raw: &Raw) -> Recorder {
    let scenario = Scenario::on(world.clone());
    let mut recorder = Recorder::default();
    let actor = scenario.actor(Begin::Now, raw);
    let trace = scenario.play(vec![actor], &mut recorder).await;
    assert!(trace.ends[0].is_ok(), "{:?}", trace.ends);
    assert_eq!(
        scenario.world().differences_from_log(),
        Vec::<String>::new()
    );
    recorder
}

/// A case, and what is wrong with it. The first that is wrong ends the search.
pub(super) async fn search(
    share: Option<&mut Chance>,
    one_in: usize,
) -> (Histogram, Option<String>) {
    let mut histogram = Histogram::new();
    let mut chance = share;
    let raws = raws();
    for profile in PROFILES {
        let expected = [
            undisturbed(profile, &raws[1]).await,
            undisturbed(profile, &raws[2]).await,
            undisturbed(profile, &raws[0]).await,
        ];
        for is_second in [false, true] {
            let world = before(profile, is_second).await;
            let now = if is_second { &raws[1] } else { &raws[0] };
            let recorder = recorded(&world, now).await;
            let mut case = 0;
            for (number, kinds) in recorder.fitting.iter().enumerate() {
                for kind in kinds {
                    let lates: &[usize] = match kind {
                        Kind::AppliedLate => &[0, 12, 40],
                        _ => &[0],
                    };
                    for late_by in lates {
                        case += 1;
                        if let Some(chance) = &mut chance
                            && !chance.one_in(one_in)
                        {
                            continue;
                        }
                        let mut plan = At {
                            actor: 0,
                            fault: Some((number, *kind)),
                            silence: None,
                            late_by: *late_by,
                            is_lagging: false,
                        };
                        let scenario = Scenario::on(world.clone());
                        let actor = scenario.actor(Begin::Now, now);
                        let trace = scenario.play(vec![actor], &mut plan).await;
                        let mut complaints = complaints_on_the_way(&scenario, &trace);
                        if trace.ends[0].is_ok() {
                            complaints.extend(scenario.world().differences_from_log());
                        }
                        add(&mut histogram, &trace.fired);
                        // The night that heals has the same raw data, or newer.
                        let (raw, expected) = match (case % 2, is_second) {
                            (0, _) => (&raws[2], &expected[1]),
                            (_, true) => (&raws[1], &expected[0]),
                            (_, false) => (&raws[0], &expected[2]),
                        };
                        complaints.extend(complaints_after_healing(&scenario, raw, expected).await);
                        if !complaints.is_empty() {
                            let what = format!(
                                "{profile:?}, {kind:?} (late by {late_by}) at request {number} ({}) of the {} night:\n  {}\n{}",
                                recorder.operations[number],
                                if is_second { "second" } else { "first" },
                                complaints.join("\n  "),
                                trace.lines.join("\n")
                            );
                            return (histogram, Some(what));
                        }
                    }
                }
            }
        }
    }
    (histogram, None)
}

#[test]
fn every_request_fails_in_every_way() {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let is_whole = rounds() > 1;
    let share = (!is_whole).then_some(&mut chance);
    let (histogram, wrong) = on_one_thread(search(share, 6));
    println!("seed {seed}\n{}", table(&histogram));
    if let Some(wrong) = wrong {
        panic!("{wrong}");
    }
    if is_whole {
        // What fits and never fired would be a hole in the plan.
        let fired = |kind, operation: &str| histogram.contains_key(&(kind, operation.to_string()));
        for operation in [
            "put commit",
            "put done",
            "put acquire",
            "put release",
            "put data",
        ] {
            for kind in [
                Kind::ErrorBefore,
                Kind::AnswerLost,
                Kind::AppliedLate,
                Kind::CrashBefore,
                Kind::CrashAfter,
                Kind::Conflict,
                Kind::Busy,
                Kind::Pause,
            ] {
                assert!(fired(kind, operation), "{kind:?} at {operation}");
            }
        }
        assert!(fired(Kind::Truncated, "get log") && fired(Kind::StaleList, "list data"));
    }
}
