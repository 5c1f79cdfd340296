//! An axis of times on a log scale: seconds to months read on one line, with ticks that people say.

/// Ticks in microseconds: 1 s, 10 s, 1 min, 10 min, 1 h, 6 h, 1 d, 7 d, 30 d, a year.
const TICKS: [f64; 10] = [
    1e6,
    10e6,
    60e6,
    600e6,
    3600e6,
    21_600e6,
    86_400e6,
    604_800e6,
    2_592_000e6,
    31_536_000e6,
];

/// The ticks from the last one at or before the shortest time to the first at or after the longest, two
/// at least. Times outside of all ticks stand at the end of the axis.
pub fn ticks(times_us: impl IntoIterator<Item = f64>) -> &'static [f64] {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for time in times_us.into_iter().filter(|time| time.is_finite()) {
        low = low.min(time);
        high = high.max(time);
    }
    let last = TICKS.len() - 1;
    let to = TICKS
        .iter()
        .position(|tick| *tick >= high)
        .unwrap_or(last)
        .max(1);
    let from = TICKS
        .iter()
        .rposition(|tick| *tick <= low)
        .unwrap_or(0)
        .min(to - 1);
    TICKS.get(from..=to).unwrap_or(&TICKS)
}

/// Place of a time between the first and the last tick, 0..=1.
pub fn place(ticks: &[f64], time_us: f64) -> f64 {
    let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else {
        return 0.0;
    };
    let share = (time_us.max(1.0) / first).ln() / (last / first).ln();
    if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    }
}
