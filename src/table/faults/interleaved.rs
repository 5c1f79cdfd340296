//! A run that is silent at any of its requests while another takes over and works, with a fault before the
//! silence: the schedules in which updates are lost.

use super::exhaustive::{before, raws, recorded};
use super::plans::{At, Chance};
use super::scenario::{
    Histogram, Scenario, add, complaints_after_healing, complaints_on_the_way, table, undisturbed,
};
use super::schedule::{Begin, End, Kind};
use super::world::PROFILES;
use super::{on_one_thread, rounds, seed};

const FAULTS: [Kind; 5] = [
    Kind::ErrorBefore,
    Kind::AnswerLost,
    Kind::AppliedLate,
    Kind::Conflict,
    Kind::StaleList,
];

/// All schedules, or one in so many; the first that is wrong.
pub(super) async fn search(
    share: Option<&mut Chance>,
    one_in: usize,
) -> (Histogram, Option<String>) {
    let mut histogram = Histogram::new();
    let mut chance = share;
    let raws = raws();
    for profile in PROFILES {
        let expected = undisturbed(profile, &raws[2]).await;
        let world = before(profile, true).await;
        let recorder = recorded(&world, &raws[1]).await;
        let last = recorder.operations.len();
        let mut faults: Vec<Option<(usize, Kind)>> = vec![None];
        for (number, kinds) in recorder.fitting.iter().enumerate() {
            let operation = &recorder.operations[number];
            let is_grave = operation.starts_with("put ") && !operation.ends_with("beat")
                || operation == "list data";
            faults.extend(
                FAULTS
                    .into_iter()
                    .filter(|kind| is_grave && kinds.contains(kind))
                    .map(|kind| Some((number, kind))),
            );
        }
        for fault in faults {
            // Soon after the fault, and anywhere where there was none.
            let silences = match fault {
                None => 0..last + 1,
                Some((at, _)) => at + 1..at + 7,
            };
            for silence in silences {
                if let Some(chance) = &mut chance
                    && !chance.one_in(one_in)
                {
                    continue;
                }
                let mut plan = At {
                    actor: 0,
                    fault,
                    silence: Some(silence),
                    late_by: silence,
                    is_lagging: matches!(fault, Some((_, Kind::ErrorBefore | Kind::AppliedLate))),
                };
                let scenario = Scenario::on(world.clone());
                let actors = vec![
                    scenario.actor(Begin::Now, &raws[1]),
                    // It has seen what came in since.
                    scenario.actor(Begin::WhenSilent, &raws[2]),
                ];
                // Silent for longer than the lease, and the other begins when that is over.
                let trace = scenario.play(actors, &mut plan).await;
                add(&mut histogram, &trace.fired);
                let mut complaints = complaints_on_the_way(&scenario, &trace);
                // Unless the first entered the log after it, with what it had seen.
                let last = trace
                    .lines
                    .iter()
                    .rfind(|line| line.contains("put acquire Proceed"));
                let is_last = last.is_some_and(|line| line.starts_with('1'));
                if scenario.is_conditional() && is_last && trace.ends.get(1).is_some_and(End::is_ok)
                {
                    let world = scenario.world();
                    complaints.extend(world.differences_from_log());
                    if world.data() != expected {
                        complaints.push("what the second run published is not there".to_string());
                    }
                }
                complaints.extend(complaints_after_healing(&scenario, &raws[2], &expected).await);
                if !complaints.is_empty() {
                    let what = format!(
                        "{profile:?}, {fault:?}, silent before request {silence}:\n  {}\n{:?}\n{}",
                        complaints.join("\n  "),
                        trace.ends,
                        trace.lines.join("\n")
                    );
                    return (histogram, Some(what));
                }
            }
        }
    }
    (histogram, None)
}

#[test]
fn a_run_is_silent_anywhere_while_another_works() {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let share = (rounds() <= 1).then_some(&mut chance);
    let (histogram, wrong) = on_one_thread(search(share, 6));
    println!("seed {seed}\n{}", table(&histogram));
    if let Some(wrong) = wrong {
        panic!("{wrong}");
    }
    assert!(histogram.keys().any(|(kind, _)| *kind == Kind::Pause));
}
