//! A scenario: nights before, nights with faults, a night that heals, and what must hold after it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;

use super::night::{LEASE, Raw, night, warehouse};
use super::plans::Undisturbed;
use super::schedule::{Actor, Begin, End, Kind, Plan, Trace, play};
use super::store::Shared;
use super::world::{Profile, World};

/// Faults that fired, by kind and operation.
pub(super) type Histogram = BTreeMap<(Kind, String), u64>;

/// A store with nights to be played on it.
pub(super) struct Scenario {
    pub(super) shared: Shared,
    profile: Profile,
    scratch: tempfile::TempDir,
    next_actor: AtomicUsize,
}

impl Scenario {
    pub(super) fn on(world: World) -> Self {
        Self {
            profile: world.profile,
            shared: Shared::new(Arc::new(Mutex::new(world))),
            scratch: tempfile::tempdir().unwrap(),
            next_actor: AtomicUsize::new(0),
        }
    }

    /// A run over raw data.
    pub(super) fn actor(&self, begin: Begin, raw: &Raw) -> Actor {
        let number = self.next_actor.fetch_add(1, Ordering::Relaxed);
        let scratch: PathBuf = self.scratch.path().join(number.to_string());
        let warehouse = warehouse(Arc::new(self.shared.clone()), number, self.profile);
        Actor {
            number,
            begin,
            night: Some(
                night(warehouse, raw.clone(), scratch, format!("run {number}")).boxed_local(),
            ),
        }
    }

    pub(super) async fn play(&self, actors: Vec<Actor>, plan: &mut dyn Plan) -> Trace {
        play(&self.shared, actors, plan).await
    }

    /// One run without faults, long after whatever was before.
    pub(super) async fn quiet_night(&self, raw: &Raw) -> Trace {
        self.shared.world.lock().unwrap().pass(LEASE * 60);
        let actor = self.actor(Begin::Now, raw);
        self.play(vec![actor], &mut Undisturbed).await
    }

    /// Whether replacements are conditional: then what a run published stays, whatever comes late.
    pub(super) fn is_conditional(&self) -> bool {
        self.profile != Profile::CreateOnly
    }

    pub(super) fn world(&self) -> World {
        self.shared.world.lock().unwrap().clone()
    }
}

/// What is published when nothing ever goes wrong.
pub(super) async fn undisturbed(profile: Profile, raw: &Raw) -> BTreeMap<String, Bytes> {
    let scenario = Scenario::on(World::new(profile));
    let trace = scenario.quiet_night(raw).await;
    assert!(trace.ends[0].is_ok(), "{:?}", trace.ends);
    scenario.world().data()
}

/// What does not hold: rules broken on the way, and what a run that ended well left behind.
pub(super) fn complaints_on_the_way(scenario: &Scenario, trace: &Trace) -> Vec<String> {
    let world = scenario.world();
    let mut complaints = world.violations.clone();
    if trace.ends.iter().any(|end| matches!(end, End::Panicked)) {
        complaints.push("a run panicked".to_string());
    }
    complaints
}

/// Heals, and compares with what would be published if nothing had gone wrong. With conditional writes one night
/// heals, and nothing that comes late disturbs it; without them the second may.
pub(super) async fn complaints_after_healing(
    scenario: &Scenario,
    raw: &Raw,
    expected: &BTreeMap<String, Bytes>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut heal = scenario.quiet_night(raw).await;
    scenario.shared.world.lock().unwrap().flush_late();
    if !scenario.is_conditional() {
        heal = scenario.quiet_night(raw).await;
    }
    match &heal.ends[0] {
        End::Ended(Ok(())) => {}
        other => complaints.push(format!("the night after does not heal: {other:?}")),
    }
    let world = scenario.world();
    complaints.extend(world.differences_from_log());
    let found = world.data();
    if found != *expected {
        for (key, bytes) in expected {
            if found.get(key) != Some(bytes) {
                complaints.push(format!("{key} is not what it would be"));
            }
        }
        for key in found.keys().filter(|key| !expected.contains_key(*key)) {
            complaints.push(format!("{key} should not be there"));
        }
    }
    let mut ids: Vec<String> = found
        .iter()
        .filter(|(key, _)| key.contains("/events/"))
        .flat_map(|(_, bytes)| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines().map(str::to_string).collect::<Vec<_>>()
        })
        .collect();
    let mut wanted: Vec<String> = raw.values().flatten().cloned().collect();
    ids.sort();
    wanted.sort();
    if ids != wanted {
        complaints.push(format!("{} ids instead of {}", ids.len(), wanted.len()));
    }
    // Whatever a trial left behind goes away with time.
    scenario
        .shared
        .world
        .lock()
        .unwrap()
        .pass(Duration::from_secs(86_400));
    scenario.quiet_night(raw).await;
    complaints.extend(
        scenario
            .world()
            .garbage()
            .into_iter()
            .map(|key| format!("{key} stays behind")),
    );
    complaints.extend(scenario.world().violations);
    complaints
}

/// Adds up.
pub(super) fn add(histogram: &mut Histogram, fired: &Histogram) {
    for (cell, count) in fired {
        *histogram.entry(cell.clone()).or_default() += count;
    }
}

/// As a table: operations down, kinds across.
pub(super) fn table(histogram: &Histogram) -> String {
    let mut kinds: Vec<Kind> = histogram.keys().map(|(kind, _)| *kind).collect();
    kinds.sort();
    kinds.dedup();
    let mut operations: Vec<&String> = histogram.keys().map(|(_, operation)| operation).collect();
    operations.sort();
    operations.dedup();
    let mut text = format!("{:<22}", "");
    for kind in &kinds {
        text.push_str(&format!("{:>13}", format!("{kind:?}")));
    }
    for operation in operations {
        text.push_str(&format!("\n{operation:<22}"));
        for kind in &kinds {
            let count = histogram.get(&(*kind, operation.clone()));
            text.push_str(&format!(
                "{:>13}",
                count.map_or("-".to_string(), u64::to_string)
            ));
        }
    }
    let total: u64 = histogram.values().sum();
    text.push_str(&format!("\n{total} faults fired"));
    text
}
