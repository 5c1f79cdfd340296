//! A warehouse on the local disk: every operation fails, or the process is killed or the machine stops
//! around it.

use std::collections::BTreeMap;
use std::path::Path;

use super::disk::{DISK_FAULTS, Disk, DiskFault, attach, detach};
use super::exhaustive::raws;
use super::night::{Raw, night};
use super::plans::Chance;
use super::{on_one_thread, rounds, seed};
use crate::error::Result;
use crate::table::warehouse::Warehouse;

/// Published files by name, with their bytes; what is internal left out.
fn published(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        // After a stop of the machine even the warehouse may be gone.
        for entry in std::fs::read_dir(&at).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() && name != "_loudou" {
                folders.push(path);
            } else if path.is_file() {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Names of temporaries anywhere.
fn temporaries(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(temporaries(&path)),
            false if path.to_string_lossy().ends_with(".loudou-tmp") => {
                found.push(path.display().to_string());
            }
            false => {}
        }
    }
    found
}

async fn quiet(folder: &Path, raw: &Raw) -> Result<()> {
    let scratch = tempfile::tempdir().unwrap();
    let warehouse = Warehouse::local(folder.join("w"));
    night(
        warehouse,
        raw.clone(),
        scratch.path().to_path_buf(),
        "quiet".into(),
    )
    .await
}

/// A night on a disk that fails; the disk afterwards.
async fn disturbed(
    folder: &Path,
    raw: &Raw,
    fault: Option<(usize, DiskFault)>,
) -> (Result<()>, Disk) {
    attach(folder, fault);
    let outcome = quiet(folder, raw).await;
    (outcome, detach())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}

/// All faults of all operations, or one in so many; the first that is wrong.
pub(super) async fn search(
    share: Option<&mut Chance>,
    one_in: usize,
) -> (BTreeMap<(DiskFault, &'static str), u64>, Option<String>) {
    let mut chance = share;
    let mut survival = Chance::new(7);
    let mut histogram = BTreeMap::new();
    let raws = raws();
    let whole = tempfile::tempdir().unwrap();
    quiet(whole.path(), &raws[2]).await.unwrap();
    let expected = published(&whole.path().join("w"));
    for is_second in [false, true] {
        let base = tempfile::tempdir().unwrap();
        if is_second {
            quiet(base.path(), &raws[0]).await.unwrap();
        }
        let now = if is_second { &raws[1] } else { &raws[0] };
        let tried = tempfile::tempdir().unwrap();
        copy(base.path(), tried.path());
        let (outcome, disk) = disturbed(tried.path(), now, None).await;
        outcome.unwrap();
        let operations = disk.operations;
        assert!(operations.len() > 40, "{operations:?}");
        for (number, operation) in operations.iter().enumerate() {
            for fault in DISK_FAULTS {
                // Of what was not synced nothing survives, all, or some.
                let fates = match fault {
                    DiskFault::StopBefore | DiskFault::StopAfter => 0..4,
                    _ => 0..1,
                };
                for fate in fates {
                    if let Some(chance) = &mut chance
                        && !chance.one_in(one_in)
                    {
                        continue;
                    }
                    *histogram.entry((fault, *operation)).or_default() += 1;
                    let complaints = one(
                        (base.path(), now, &raws[2], &expected),
                        (number, fault),
                        fate,
                        &mut survival,
                    )
                    .await;
                    if !complaints.is_empty() {
                        let what = format!(
                            "{fault:?} (fate {fate}) at operation {number} ({operation}) of the {} night:\n  {}",
                            if is_second { "second" } else { "first" },
                            complaints.join("\n  ")
                        );
                        return (histogram, Some(what));
                    }
                }
            }
        }
    }
    (histogram, None)
}

async fn one(
    (base, now, later, expected): (&Path, &Raw, &Raw, &BTreeMap<String, Vec<u8>>),
    (number, fault): (usize, DiskFault),
    fate: usize,
    survival: &mut Chance,
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    copy(base, folder.path());
    let (outcome, disk) = disturbed(folder.path(), now, Some((number, fault))).await;
    let mut complaints = Vec::new();
    if outcome.is_ok() {
        complaints.push("the run ended well all the same".to_string());
    }
    let after = tempfile::tempdir().unwrap();
    let healed = match fault {
        DiskFault::StopBefore | DiskFault::StopAfter => {
            disk.survivors(after.path(), || match fate {
                0 => false,
                1 => true,
                _ => survival.one_in(2),
            });
            after.path()
        }
        _ => folder.path(),
    };
    // The night that heals is on a disk, too: when it has ended well, a stop of the machine loses nothing.
    let (outcome, disk) = disturbed(healed, later, None).await;
    if let Err(error) = outcome {
        complaints.push(format!("the night after does not heal: {error}"));
        return complaints;
    }
    let kept = tempfile::tempdir().unwrap();
    disk.survivors(kept.path(), || false);
    for (what, folder) in [("", healed), (" after the machine stopped", kept.path())] {
        let found = published(&folder.join("w"));
        for (key, bytes) in expected {
            if found.get(key) != Some(bytes) {
                complaints.push(format!("{key} is not what it would be{what}"));
            }
        }
        for key in found.keys().filter(|key| !expected.contains_key(*key)) {
            complaints.push(format!("{key} should not be there{what}"));
        }
    }
    complaints.extend(
        temporaries(healed)
            .into_iter()
            .map(|name| format!("{name} stays behind")),
    );
    // And the night after that has nothing to do.
    let slots = |folder: &Path| {
        std::fs::read_dir(folder.join("w/_loudou/log"))
            .unwrap()
            .count()
    };
    let before = slots(healed);
    match quiet(healed, later).await {
        Ok(()) if slots(healed) == before + 2 => {}
        Ok(()) => complaints.push("a night with nothing to do published something".to_string()),
        Err(error) => complaints.push(format!("the second night after fails: {error}")),
    }
    complaints
}

#[test]
fn every_operation_of_the_disk_fails_in_every_way() {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let share = (rounds() <= 1).then_some(&mut chance);
    let (histogram, wrong) = on_one_thread(search(share, 4));
    let total: u64 = histogram.values().sum();
    println!("seed {seed}\n{histogram:#?}\n{total} faults fired");
    if let Some(wrong) = wrong {
        panic!("{wrong}");
    }
    if rounds() > 1 {
        for operation in [
            "create folder",
            "sync folder",
            "write",
            "sync file",
            "rename",
            "link",
            "remove",
        ] {
            for fault in DISK_FAULTS {
                assert!(
                    histogram.contains_key(&(fault, operation)),
                    "{fault:?} at {operation}"
                );
            }
        }
    }
}
