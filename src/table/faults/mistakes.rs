//! The plans find mistakes that are planted, each by its name: a plan that finds none of them would prove
//! nothing.

use super::{exhaustive, interleaved, local, on_one_thread};
use crate::table::planted::{Mistake, with};

/// What a plan says of a mistake; it must say something.
fn caught(mistake: Mistake, by: &str, search: impl FnOnce() -> Option<String>) -> String {
    let what = with(Some(mistake), search);
    let what = what.unwrap_or_else(|| panic!("{mistake:?} is not found by the {by} plan"));
    println!(
        "{mistake:?}, found by the {by} plan: {}",
        what.lines().take(2).collect::<Vec<_>>().join("")
    );
    what
}

fn exhaustively() -> Option<String> {
    on_one_thread(exhaustive::search(None, 1)).1
}

fn interleaving() -> Option<String> {
    on_one_thread(interleaved::search(None, 1)).1
}

#[test]
fn the_log_looked_at_before_the_object() {
    let what = caught(Mistake::LogBeforeObject, "interleaved", interleaving);
    assert!(what.contains("is not what the log says"), "{what}");
}

#[test]
fn no_verification() {
    let what = caught(Mistake::NoVerification, "exhaustive", exhaustively);
    assert!(what.contains("Crash"), "{what}");
}

#[test]
fn publication_before_the_commit() {
    let what = caught(Mistake::PublishBeforeCommit, "exhaustive", exhaustively);
    assert!(what.contains("bytes that no commit names"), "{what}");
}

#[test]
fn a_refusal_taken_as_success() {
    let what = caught(Mistake::RefusalTakenAsSuccess, "exhaustive", exhaustively);
    assert!(what.contains("put data"), "{what}");
}

#[test]
fn syncs_left_out() {
    let what = caught(Mistake::SyncLeftOut, "local", || {
        on_one_thread(local::search(None, 1)).1
    });
    assert!(what.contains("Stop") || what.contains("stopped"), "{what}");
}

#[test]
fn the_tail_looked_for_in_a_listing() {
    let what = caught(Mistake::TailByListing, "interleaved", interleaving);
    assert!(what.contains("is not what"), "{what}");
}

#[test]
fn an_object_of_unknown_outcome_deleted() {
    let what = caught(Mistake::DeletionOnUnknown, "exhaustive", exhaustively);
    assert!(what.contains("was deleted"), "{what}");
}
