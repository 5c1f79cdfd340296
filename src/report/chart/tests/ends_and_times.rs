use proptest::prelude::*;

use super::marks::Marks;
use crate::report::chart::{
    End, EndKind, EndsStep, FunnelEnds, TimeRange, TimeRanges, Whisker, ticks, time_axis::place,
};

const KINDS: [EndKind; 6] = [
    EndKind::Elsewhere,
    EndKind::Gone,
    EndKind::TimedOut,
    EndKind::Excluded,
    EndKind::Open,
    EndKind::Converted,
];

fn said() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 %<&\"步骤转向他处]{0,24}"
}

fn figure() -> impl Strategy<Value = String> {
    "[0-9,.%未到期]{0,12}"
}

prop_compose! {
    fn step()(
        (name, reached, overall) in (said(), figure(), "[0-9.%]{0,6}"),
        share in proptest::option::of(any::<f64>()),
        stopped in said(),
        weights in proptest::collection::vec(-1e3..1e12_f64, 0..6),
        texts in proptest::collection::vec("[a-z转向他处 %0-9]{1,20}", 6),
        led_to in proptest::collection::vec("[a-z看优惠券 %0-9]{1,20}", 0..5),
    ) -> EndsStep {
        EndsStep {
            name, reached, overall, share, stopped, led_to,
            title: String::new(),
            ends: weights.iter().zip(KINDS).zip(texts).map(|((weight, kind), text)| End {
                kind, weight: *weight, text, title: String::new(),
            }).collect(),
        }
    }
}

proptest! {
    #[test]
    fn ends_fill_their_bar_and_nothing_overlaps(steps in proptest::collection::vec(step(), 0..5)) {
        let drawn = FunnelEnds { title: "a".to_owned(), description: "b".to_owned(), steps };
        let marks = Marks::of(&drawn.draw());
        marks.assert_tidy();
        // The bars of 100%: 10 high. Their parts with the hairs between them take the whole width.
        let mut bars: Vec<(f64, f64)> = Vec::new();
        for (class, (left, top, right, bottom)) in &marks.rects {
            if !class.starts_with("end-") || bottom - top < 8.5 {
                continue;
            }
            let inset = (10.0 - (bottom - top)) / 2.0;
            match bars.iter_mut().find(|(at, _)| (*at - (top - inset)).abs() < 0.1) {
                Some((_, width)) => *width += right - left,
                None => bars.push((top - inset, right - left)),
            }
        }
        let shown = drawn.steps.iter().filter(|step| step.ends.iter().any(|end| end.weight > 0.0));
        prop_assert_eq!(bars.len(), shown.count());
        for (_, width) in bars {
            prop_assert!((315.0..=328.05).contains(&width), "{}", width);
        }
    }

    #[test]
    fn times_lie_on_the_axis(times in proptest::collection::vec((0.0..1e15_f64, 0.0..1e15_f64), 0..7)) {
        let shown = ticks(times.iter().flat_map(|(a, b)| [*a, *b]));
        let drawn = TimeRanges {
            title: "a".to_owned(),
            description: "b".to_owned(),
            rows: times.iter().map(|(a, b)| TimeRange {
                name: "到加入购物车 and more words".to_owned(),
                times_us: Some((a.min(*b), a.max(*b))),
                median: "10 分 20 秒".to_owned(),
                p90: "19 小时 27 分".to_owned(),
                title: String::new(),
            }).collect(),
            ticks: shown.iter().map(|tick| (*tick, "10 min".to_owned())).collect(),
            median_key: "一半人在此之前".to_owned(),
            p90_key: "九成人在此之前".to_owned(),
        };
        Marks::of(&drawn.draw()).assert_tidy();
        prop_assert!(shown.len() >= 2 && shown.is_sorted());
        for time in times.iter().flat_map(|(a, b)| [*a, *b]) {
            prop_assert!((0.0..=1.0).contains(&place(shown, time)));
        }
    }

    #[test]
    fn a_whisker_lies_in_its_cell(low in any::<f64>(), rate in any::<f64>(), high in any::<f64>()) {
        let drawn = Whisker { title: "a".to_owned(), description: "b".to_owned(), low, rate, high };
        Marks::of(&drawn.draw()).assert_tidy();
    }
}

#[test]
fn ticks_enclose_the_times() {
    let us = |seconds: f64| seconds * 1e6;
    assert_eq!(ticks([us(4.0), us(41.0)]), [1e6, 10e6, 60e6]);
    assert_eq!(ticks([us(60.0), us(60.0)]), [10e6, 60e6]);
    // Shorter than every tick, longer than every tick, none at all.
    assert_eq!(ticks([us(0.0), us(0.2)]), [1e6, 10e6]);
    assert_eq!(ticks([us(1e9)]).last(), Some(&31_536_000e6));
    assert_eq!(ticks([]), [1e6, 10e6]);
    // Each tenfold is equally far.
    let axis = [1e6, 10e6, 100e6];
    assert!((place(&axis, 10e6) - 0.5).abs() < 1e-12);
    assert_eq!(place(&axis, 0.0), 0.0);
    assert_eq!(place(&axis, 1e12), 1.0);
}

#[test]
fn a_step_where_nobody_stopped_has_no_second_bar() {
    let step = |ends: Vec<End>| EndsStep {
        name: "支付".to_owned(),
        reached: "600".to_owned(),
        overall: "6.0%".to_owned(),
        share: Some(0.06),
        title: String::new(),
        stopped: String::new(),
        ends,
        led_to: Vec::new(),
    };
    let drawn = |steps| {
        let drawn = FunnelEnds {
            title: "a".to_owned(),
            description: "b".to_owned(),
            steps,
        };
        Marks::of(&drawn.draw())
    };
    let marks = drawn(vec![step(Vec::new())]);
    assert_eq!(marks.of_class("fill"), [(0.0, 20.0, 20.4, 36.0)]);
    assert_eq!(marks.rects.len(), 2);
    // A quarter and three quarters of 328, a hair between them.
    let part = |kind, weight| End {
        kind,
        weight,
        text: "x".to_owned(),
        title: String::new(),
    };
    let marks = drawn(vec![step(vec![
        part(EndKind::Elsewhere, 1.0),
        part(EndKind::Gone, 3.0),
    ])]);
    assert_eq!(marks.of_class("end-elsewhere")[0].2, 93.0);
    assert_eq!(marks.of_class("end-gone")[0].0, 94.0);
    // A sliver of an outlined state stays inside.
    let sliver = [part(EndKind::Gone, 1e6), part(EndKind::Excluded, 1.0)];
    drawn(vec![step(sliver.to_vec())]).assert_tidy();
    drawn(Vec::new()).assert_tidy();
}
