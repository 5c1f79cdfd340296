//! How values are written.

use super::fixture::{files, operations};
use crate::project::{Format, Locale};
use crate::report::number::{Writer, clean, percent, short};
use crate::report::section::Cell;

fn with_writer(locale: Locale, currency: &str, test: impl FnOnce(Writer)) {
    let report = operations();
    let files = files(&report);
    test(Writer {
        words: &files.words[&locale],
        currency,
    });
}

#[test]
fn counts_are_short_on_cards() {
    for (value, zh, en) in [
        (0.0, "0", "0"),
        (9_999.0, "9,999", "9,999"),
        (10_000.0, "1.00万", "10.0K"),
        (48_210.0, "4.82万", "48.2K"),
        (99_996.0, "10.0万", "100.0K"),
        (1_284_213.5, "128.4万", "1.28M"),
        // Rounds up into the next unit.
        (999_960.0, "100.0万", "1.00M"),
        (99_999_999.0, "1.00亿", "100.00M"),
        (1_234_500_000.0, "12.35亿", "1.23B"),
        (-48_210.0, "−4.82万", "−48.2K"),
        (-0.3, "0", "0"),
    ] {
        assert_eq!(short(value, Locale::ZhCn), zh, "{value}");
        assert_eq!(short(value, Locale::En), en, "{value}");
    }
}

#[test]
fn percents_keep_a_digit_that_counts() {
    for (ratio, text) in [
        (0.0, "0%"),
        (0.0023, "0.23%"),
        (0.00996, "1.0%"),
        (0.317, "31.7%"),
        (1.0, "100%"),
        (12.345, "1,234.5%"),
        (-0.05, "−5.0%"),
    ] {
        assert_eq!(percent(ratio), text, "{ratio}");
    }
}

#[test]
fn money_is_exact_in_tables() {
    let cell = |unscaled, scale| Cell::Decimal { unscaled, scale };
    with_writer(Locale::ZhCn, "CNY", |writer| {
        let full = |cell: &Cell| writer.full(cell, "paid_gmv", Format::Money).unwrap();
        assert_eq!(full(&cell(128_421_350, 2)), "¥1,284,213.50");
        assert_eq!(full(&cell(5, 2)), "¥0.05");
        assert_eq!(full(&cell(-1_255, 3)), "−¥1.26");
        assert_eq!(full(&cell(7, 0)), "¥7.00");
        assert_eq!(
            full(&cell(i128::MAX, 2)),
            "¥1,701,411,834,604,692,317,316,873,037,158,841,057.27"
        );
        assert_eq!(
            writer.short(&cell(1_260, 2), Format::Money).unwrap(),
            "¥12.60"
        );
        assert_eq!(
            writer.short(&cell(128_421_350, 2), Format::Money).unwrap(),
            "¥128.4万"
        );
        assert_eq!(writer.full(&Cell::Null, "paid_gmv", Format::Money), None);
    });
    with_writer(Locale::En, "SGD", |writer| {
        let text = writer.full(&cell(-128_421_350, 2), "paid_gmv", Format::Money);
        assert_eq!(text.unwrap(), "−SGD 1,284,213.50");
    });
}

#[test]
fn durations_are_in_units_people_use() {
    for (us, zh, en) in [
        (0.0, "0 毫秒", "0 ms"),
        (840_000.0, "840 毫秒", "840 ms"),
        (999_600.0, "1.0 秒", "1.0 s"),
        (8_260_000.0, "8.3 秒", "8.3 s"),
        (59_400_000.0, "59 秒", "59 s"),
        (59_600_000.0, "1 分 0 秒", "1 min 0 s"),
        (205_000_000.0, "3 分 25 秒", "3 min 25 s"),
        (3_599_600_000.0, "1 小时 0 分", "1 h 0 min"),
        (3_899_000_000.0, "1 小时 5 分", "1 h 5 min"),
    ] {
        for (locale, text) in [(Locale::ZhCn, zh), (Locale::En, en)] {
            with_writer(locale, "CNY", |writer| {
                let written = writer.full(&Cell::Real(us), "median_dwell_us", Format::DurationUs);
                assert_eq!(written.unwrap(), text, "{us}");
            });
        }
    }
}

#[test]
fn points_are_never_percent() {
    with_writer(Locale::ZhCn, "CNY", |writer| {
        let full = |ratio| {
            writer
                .full(&Cell::Real(ratio), "exit_rate_change", Format::Points)
                .unwrap()
        };
        assert_eq!(full(0.168), "▲16.8\u{a0}个百分点");
        assert_eq!(full(-0.0123), "▼1.2\u{a0}个百分点");
        assert_eq!(full(0.0002), "持平");
    });
}

#[test]
fn names_are_translated_for_their_column_only() {
    with_writer(Locale::ZhCn, "CNY", |writer| {
        let text = |column, format| {
            writer
                .full(&Cell::Text("product".to_owned()), column, format)
                .unwrap()
        };
        assert_eq!(text("page", Format::Word), "商品页");
        assert_eq!(text("page", Format::Text), "product");
        assert_eq!(text("campaign", Format::Word), "product");
    });
}

#[test]
fn text_is_cut_at_characters() {
    assert_eq!(clean("一二三", 3), "一二三");
    assert_eq!(clean("一二三四", 3), "一二…");
    assert_eq!(clean("a\nb\u{0}c", 9), "a bc");
}
