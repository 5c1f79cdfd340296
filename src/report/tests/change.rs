//! A value against an earlier one.

use super::fixture::{files, operations};
use crate::project::{Format, Good, Locale};
use crate::report::change::{Change, Tone};
use crate::report::number::Writer;
use crate::report::section::Cell;

fn signed(change: Change) -> String {
    let report = operations();
    let files = files(&report);
    change.signed(Writer {
        words: &files.words[&Locale::En],
        currency: "CNY",
    })
}

#[test]
fn amounts_change_relatively_and_ratios_by_points() {
    let amount = Change::between(Format::Count, &Cell::Int(94), &Cell::Int(100)).unwrap();
    assert_eq!(signed(amount), "▼6.0%");
    let ratio = Change::between(Format::Percent, &Cell::Real(0.33), &Cell::Real(0.30)).unwrap();
    assert_eq!(signed(ratio), "▲3.0\u{a0}pp");
    assert!((ratio.relative() - 0.1).abs() < 1e-12);
}

#[test]
fn there_is_no_change_from_nothing() {
    assert_eq!(
        Change::between(Format::Count, &Cell::Int(3), &Cell::Null),
        None
    );
    assert_eq!(
        Change::between(Format::Count, &Cell::Null, &Cell::Int(3)),
        None
    );
    // From zero an amount has no relative change; zero to zero is flat.
    assert_eq!(
        Change::between(Format::Count, &Cell::Int(3), &Cell::Int(0)),
        None
    );
    let none = Change::between(Format::Count, &Cell::Int(0), &Cell::Int(0)).unwrap();
    assert_eq!(signed(none), "flat");
    // A ratio from zero still moves by points.
    let ratio = Change::between(Format::Percent, &Cell::Real(0.02), &Cell::Real(0.0)).unwrap();
    assert_eq!(signed(ratio), "▲2.0\u{a0}pp");
}

#[test]
fn good_goes_with_the_metrics_direction() {
    let up = Change::between(Format::Count, &Cell::Int(110), &Cell::Int(100)).unwrap();
    let down = Change::between(Format::Count, &Cell::Int(90), &Cell::Int(100)).unwrap();
    let small = Change::between(Format::Count, &Cell::Int(104), &Cell::Int(100)).unwrap();
    assert_eq!(up.tone(Good::Up), Tone::Good);
    assert_eq!(up.tone(Good::Down), Tone::Bad);
    assert_eq!(up.tone(Good::Neutral), Tone::Quiet);
    assert_eq!(down.tone(Good::Up), Tone::Bad);
    assert_eq!(down.tone(Good::Down), Tone::Good);
    assert_eq!(small.tone(Good::Up), Tone::Quiet);
}
