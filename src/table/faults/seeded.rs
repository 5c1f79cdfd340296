//! Two runs at once, silences and two to four faults, all by chance.

use super::exhaustive::{before, raws};
use super::night::LEASE;
use super::plans::{ByChance, Chance};
use super::scenario::{
    Histogram, Scenario, add, complaints_after_healing, complaints_on_the_way, table, undisturbed,
};
use super::schedule::{Begin, Trace};
use super::world::PROFILES;
use super::{on_one_thread, rounds, seed};

/// Plays the scenario of a seed; its trace and what is wrong.
pub(super) async fn play(seed: u64) -> (Trace, Vec<String>) {
    let mut chance = Chance::new(seed);
    let profile = PROFILES[chance.below(PROFILES.len())];
    let raws = raws();
    let world = before(profile, !chance.one_in(4)).await;
    let expected = undisturbed(profile, &raws[2]).await;
    let scenario = Scenario::on(world);
    let second = match chance.below(3) {
        0 => Begin::Now,
        1 => Begin::After(LEASE * u32::try_from(chance.below(30)).unwrap_or(0) / 10),
        _ => Begin::WhenSilent,
    };
    let newer = 1 + chance.below(2);
    let actors = vec![
        scenario.actor(Begin::Now, &raws[1]),
        scenario.actor(second, &raws[newer]),
        scenario.actor(Begin::WhenSilent, &raws[2]),
    ];
    let trace = scenario
        .play(actors, &mut ByChance::new(seed ^ 0x5eed))
        .await;
    let mut complaints = complaints_on_the_way(&scenario, &trace);
    complaints.extend(complaints_after_healing(&scenario, &raws[2], &expected).await);
    (trace, complaints)
}

/// The first seed of so many that is wrong.
pub(super) fn search(seed: u64, count: u64) -> (Histogram, Option<String>) {
    let mut histogram = Histogram::new();
    for number in 0..count {
        let seed = seed.wrapping_add(number);
        let (trace, complaints) = on_one_thread(play(seed));
        add(&mut histogram, &trace.fired);
        if !complaints.is_empty() {
            let what = format!(
                "LOUDOU_FAULT_SEED={seed}:\n  {}\n{:?}\n{}",
                complaints.join("\n  "),
                trace.ends,
                trace.lines.join("\n")
            );
            return (histogram, Some(what));
        }
    }
    (histogram, None)
}

#[test]
fn two_runs_meet_by_chance() {
    let seed = seed();
    let (histogram, wrong) = search(seed, 300 * rounds());
    println!("seeds from {seed}\n{}", table(&histogram));
    if let Some(wrong) = wrong {
        panic!("{wrong}");
    }
    let total: u64 = histogram.values().sum();
    assert!(total >= 300 * rounds(), "{total} faults fired");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..6 {
        let (first, _) = on_one_thread(play(seed));
        let (second, _) = on_one_thread(play(seed));
        assert!(first.lines.len() > 20);
        assert_eq!(first.lines, second.lines);
    }
}
