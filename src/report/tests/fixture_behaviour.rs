//! Tables beside those of `fixture`: where those who stopped went, taps and depths of the product page.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::fixture::{StepRow, Tables, add, dates, ints, ratio, reals, texts};

/// Wilson's interval for 95% of a part of a whole.
pub fn wilson(part: Option<i64>, whole: Option<i64>) -> Option<(f64, f64)> {
    let rate = ratio(part, whole)?;
    let (whole, z) = (whole? as f64, 1.959964);
    let middle = (rate + z * z / (2.0 * whole)) / (1.0 + z * z / whole);
    let half =
        z * ((rate * (1.0 - rate) + z * z / (4.0 * whole)) / whole).sqrt() / (1.0 + z * z / whole);
    Some((middle - half, middle + half))
}

/// Half of those who reach a step need a minute for the first, four times as long for each further one.
pub fn median_us(row: &StepRow) -> Option<i64> {
    (row.step_no > 1 && row.reached? > 0).then(|| 60_000_000 * 4_i64.pow(row.step_no as u32 - 2))
}

/// One row of `funnel_ends`.
struct EndRow<'t> {
    of: &'t StepRow,
    state: &'static str,
    event: &'static str,
    entities: i64,
}

/// Of those who stop two fifths look at another page; where the window is open nobody is judged.
fn ends(steps: &[StepRow]) -> Vec<EndRow<'_>> {
    type Key<'t> = (NaiveDate, &'t str, &'t str, &'t str, &'t str);
    let mut chains: BTreeMap<Key<'_>, Vec<&StepRow>> = BTreeMap::new();
    for row in steps {
        let key = (
            row.date,
            row.funnel,
            row.breakdown,
            row.segment.as_str(),
            row.basis,
        );
        chains.entry(key).or_default().push(row);
    }
    let mut ends = Vec::new();
    for chain in chains.values() {
        for (at, of) in chain.iter().copied().enumerate() {
            let mut end = |state, event, entities| {
                if entities > 0 {
                    ends.push(EndRow {
                        of,
                        state,
                        event,
                        entities,
                    });
                }
            };
            match (of.reached, chain.get(at + 1).map(|next| next.reached)) {
                (None, _) if at == 0 => end("open", "(none)", of.entrants),
                (Some(reached), Some(Some(next))) => {
                    let elsewhere = (reached - next) * 2 / 5;
                    end("elsewhere", "page_view", elsewhere);
                    end("gone", "(none)", reached - next - elsewhere);
                }
                (Some(reached), None) => end("converted", "(none)", reached),
                _ => {}
            }
        }
    }
    ends
}

/// Block, where it begins and ends in percent, share of views that come to it.
const BLOCKS: [(&str, i64, i64, f64); 3] = [
    ("gallery", 0, 30, 1.0),
    ("specification", 30, 62, 0.8),
    ("reviews", 62, 100, 0.31),
];

/// Percent of the page, share of views that come so far.
const DEPTHS: [(i64, f64); 6] = [
    (0, 1.0),
    (20, 0.92),
    (40, 0.7),
    (60, 0.32),
    (80, 0.25),
    (100, 0.1),
];

/// Registers them for the days that `tables` has pages of.
pub fn register(tables: &Tables, context: &SessionContext) {
    let ends = ends(&tables.steps);
    add(
        context,
        "funnel_ends",
        vec![
            ("date", dates(ends.iter().map(|end| end.of.date))),
            ("funnel", texts(ends.iter().map(|end| end.of.funnel))),
            ("breakdown", texts(ends.iter().map(|end| end.of.breakdown))),
            (
                "segment",
                texts(ends.iter().map(|end| end.of.segment.as_str())),
            ),
            ("basis", texts(ends.iter().map(|end| end.of.basis))),
            ("step_no", ints(ends.iter().map(|end| Some(end.of.step_no)))),
            ("end_state", texts(ends.iter().map(|end| end.state))),
            ("next_event", texts(ends.iter().map(|end| end.event))),
            ("entities", ints(ends.iter().map(|end| Some(end.entities)))),
        ],
    );
    let pages: Vec<_> = tables
        .pages
        .iter()
        .filter(|row| row.page == "product")
        .collect();
    let blocks: Vec<_> = pages
        .iter()
        .flat_map(|row| (1..).zip(BLOCKS).map(move |(no, block)| (row, no, block)))
        .collect();
    add(
        context,
        "scroll_blocks",
        vec![
            ("date", dates(blocks.iter().map(|(row, ..)| row.date))),
            ("page", texts(blocks.iter().map(|_| "product"))),
            ("block_no", ints(blocks.iter().map(|(_, no, _)| Some(*no)))),
            ("block", texts(blocks.iter().map(|(_, _, block)| block.0))),
            (
                "from_pct",
                ints(blocks.iter().map(|(_, _, block)| Some(block.1))),
            ),
            (
                "to_pct",
                ints(blocks.iter().map(|(_, _, block)| Some(block.2))),
            ),
            (
                "reached_share",
                reals(blocks.iter().map(|(_, _, block)| Some(block.3))),
            ),
        ],
    );
    let depths: Vec<_> = pages
        .iter()
        .flat_map(|row| DEPTHS.map(|depth| (row, depth)))
        .collect();
    add(
        context,
        "scroll_depth",
        vec![
            ("date", dates(depths.iter().map(|(row, _)| row.date))),
            ("page", texts(depths.iter().map(|_| "product"))),
            (
                "scroll_pct",
                ints(depths.iter().map(|(_, depth)| Some(depth.0))),
            ),
            (
                "views_reaching",
                ints(
                    depths
                        .iter()
                        .map(|(row, depth)| Some((row.views as f64 * depth.1) as i64)),
                ),
            ),
            (
                "share",
                reals(depths.iter().map(|(_, depth)| Some(depth.1))),
            ),
        ],
    );
    // A diagonal of taps on two classes of screens.
    let taps: Vec<_> = pages
        .iter()
        .flat_map(|row| ["regular", "compact"].map(|screen| (row.date, screen)))
        .flat_map(|(date, screen)| (0..12_i64).map(move |at| (date, screen, at)))
        .collect();
    add(
        context,
        "tap_heat",
        vec![
            ("date", dates(taps.iter().map(|(date, ..)| *date))),
            ("page", texts(taps.iter().map(|_| "product"))),
            (
                "screen_class",
                texts(taps.iter().map(|(_, screen, _)| *screen)),
            ),
            ("grid_x", ints(taps.iter().map(|(.., at)| Some(*at)))),
            ("grid_y", ints(taps.iter().map(|(.., at)| Some(at * 2)))),
            (
                "taps",
                ints(taps.iter().map(|(_, screen, at)| {
                    let size = if *screen == "regular" { 90 } else { 20 };
                    Some(size * (at + 1))
                })),
            ),
        ],
    );
}
