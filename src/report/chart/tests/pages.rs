use proptest::prelude::*;

use super::marks::Marks;
use crate::report::chart::heat_scale::{LEVELS, colour, level, lowest_of_levels};
use crate::report::chart::page_blocks::spread;
use crate::report::chart::{
    GRID_COLUMNS, GRID_ROWS, HeatCell, HeatMap, PageBlock, ScrollCurve, ScrollPoint, steepest,
};

prop_compose! {
    /// Blocks one below another, some of them flat.
    fn blocks()(
        mut edges in proptest::collection::vec(0..=100_i32, 0..14),
        names in proptest::collection::vec("[a-zA-Z首图规格参数 ]{1,20}", 14),
    ) -> Vec<PageBlock> {
        edges.sort_unstable();
        edges.windows(2).zip(names).map(|(pair, name)| PageBlock {
            name,
            note: "12,345 · 23.4%".to_owned(),
            from: f64::from(pair[0]) / 100.0,
            to: f64::from(pair[1]) / 100.0,
        }).collect()
    }
}

fn heat(counts: &[(usize, usize, i64)], blocks: Vec<PageBlock>) -> HeatMap {
    let most = counts.iter().map(|(.., count)| *count).max().unwrap_or(0);
    let mut bounds: Vec<String> = lowest_of_levels(most).iter().map(i64::to_string).collect();
    bounds.push(most.to_string());
    HeatMap {
        title: "a".to_owned(),
        description: "b".to_owned(),
        cells: counts
            .iter()
            .enumerate()
            .map(|(at, (column, row, count))| HeatCell {
                column: *column,
                row: *row,
                count: *count,
                rank: (at < 3).then_some(at + 1),
                title: String::new(),
            })
            .collect(),
        blocks,
        key: "每格点击次数".to_owned(),
        bounds,
    }
}

fn curve(points: &[(f64, f64)], blocks: Vec<PageBlock>) -> ScrollCurve {
    ScrollCurve {
        title: "a".to_owned(),
        description: "b".to_owned(),
        points: points
            .iter()
            .map(|(depth, share)| ScrollPoint {
                depth: *depth,
                share: *share,
                title: String::new(),
            })
            .collect(),
        blocks,
        ticks: ["0%", "25%", "50%", "75%", "100%"].map(str::to_owned),
        loss: ["流失最陡 30%→40%", "规格参数", "少 51.0 个百分点"]
            .map(str::to_owned)
            .to_vec(),
    }
}

proptest! {
    #[test]
    fn a_heat_map_is_tidy(
        counts in proptest::collection::btree_map((0..15_usize, 0..30_usize), -5..99_999_i64, 0..80),
        blocks in blocks(),
    ) {
        let counts: Vec<_> = counts.into_iter().map(|((x, y), n)| (x, y, n)).collect();
        let marks = Marks::of(&heat(&counts, blocks).draw());
        marks.assert_tidy();
        // A cell for each place with taps, none for others or outside.
        let cells = marks.rects.iter().filter(|(class, area)| class.starts_with("heat-") && area.2 - area.0 < 17.0);
        let tapped = counts.iter().filter(|(x, y, n)| *n > 0 && *x < GRID_COLUMNS && *y < GRID_ROWS);
        prop_assert_eq!(cells.count(), tapped.count());
    }

    #[test]
    fn a_scroll_curve_is_tidy(
        mut shares in proptest::collection::vec(0.0..=1.0_f64, 0..12),
        blocks in blocks(),
    ) {
        shares.sort_by(|a, b| b.total_cmp(a));
        let last = shares.len().max(2) - 1;
        let points: Vec<_> = shares.iter().enumerate()
            .map(|(at, share)| (at as f64 / last as f64, *share))
            .collect();
        Marks::of(&curve(&points, blocks).draw()).assert_tidy();
    }

    #[test]
    fn any_finite_point_is_drawn_inside(points in proptest::collection::vec((any::<f64>(), any::<f64>()), 0..6)) {
        let marks = Marks::of(&curve(&points, Vec::new()).draw());
        prop_assert!(marks.points.iter().all(|(x, y)| *x >= 0.0 && *x <= marks.width && *y >= 0.0 && *y <= marks.height));
    }

    #[test]
    fn levels_are_even_in_order_and_hold_every_count(most in 0..2_000_000_i64) {
        let lowest = lowest_of_levels(most);
        prop_assert!(lowest.len() <= LEVELS && lowest.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(lowest.first().copied(), (most > 0).then_some(1));
        prop_assert_eq!(level(&lowest, most), lowest.len());
        prop_assert_eq!(level(&lowest, 0), 0);
    }

    #[test]
    fn what_is_spread_lies_in_order_inside(mut middles in proptest::collection::vec(0.0..300.0_f64, 0..10)) {
        middles.sort_by(f64::total_cmp);
        let tops = spread(&middles, 30.0, 0.0, 300.0);
        prop_assert!(tops.iter().all(|top| (0.0..=270.001).contains(top)));
        prop_assert!(tops.windows(2).all(|pair| pair[1] - pair[0] >= 29.999));
    }
}

#[test]
fn the_strongest_colour_is_the_largest_count() {
    assert_eq!(lowest_of_levels(36), [1, 2, 4, 9, 16, 25]);
    assert_eq!(lowest_of_levels(3), [1, 2, 3]);
    assert_eq!(lowest_of_levels(0), [] as [i64; 0]);
    for steps in 1..=LEVELS {
        assert_eq!(colour(steps, steps), LEVELS);
        assert!((1..steps).all(|step| colour(step, steps) < colour(step + 1, steps)));
    }
}

#[test]
fn things_that_have_room_stay_where_they_belong() {
    assert_eq!(spread(&[50.0, 150.0], 30.0, 0.0, 300.0), [35.0, 135.0]);
    // The lower one gives way, then both before the end.
    assert_eq!(spread(&[50.0, 60.0], 30.0, 0.0, 300.0), [35.0, 65.0]);
    assert_eq!(spread(&[290.0, 295.0], 30.0, 0.0, 300.0), [240.0, 270.0]);
}

#[test]
fn the_steepest_loss_is_per_depth() {
    let points = |points: &[(f64, f64)]| curve(points, Vec::new()).points;
    // 30 points over half the page are less steep than 20 over a tenth.
    assert_eq!(
        steepest(&points(&[(0.0, 1.0), (0.5, 0.7), (0.6, 0.5), (1.0, 0.4)])),
        Some(1)
    );
    assert_eq!(steepest(&points(&[(0.0, 1.0), (1.0, 1.0)])), None);
    assert_eq!(steepest(&points(&[(0.0, 1.0)])), None);
    // Two rows of one depth tell no slope.
    assert_eq!(steepest(&points(&[(0.5, 1.0), (0.5, 0.2)])), None);
}

#[test]
fn a_page_without_taps_is_an_outline() {
    let marks = Marks::of(&heat(&[], Vec::new()).draw());
    marks.assert_tidy();
    assert_eq!(marks.rects.len(), 1);
    Marks::of(&curve(&[], Vec::new()).draw()).assert_tidy();
}
