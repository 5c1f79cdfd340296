//! Counts into a few even steps of a colour scale.

/// Steps of the scale; the style sheet has a colour for each, equally far apart to the eye.
pub const LEVELS: usize = 6;

/// The smallest count of each step, from 1 to `most`: even on a square-root scale, since a few places
/// of a page take most of the taps. Fewer steps where there are fewer counts.
pub fn lowest_of_levels(most: i64) -> Vec<i64> {
    let mut lowest: Vec<i64> = Vec::with_capacity(LEVELS);
    for level in 0..LEVELS {
        let share = level as f64 / LEVELS as f64;
        let from = ((most as f64) * share * share).ceil() as i64;
        let from = from.max(lowest.last().map_or(1, |before| before + 1));
        if from <= most {
            lowest.push(from);
        }
    }
    lowest
}

/// Step of a count: 0 for none, else from 1.
pub fn level(lowest: &[i64], count: i64) -> usize {
    lowest.iter().filter(|from| **from <= count).count()
}

/// Colour of a step where there are `steps` of them: the last one is always the strongest.
pub fn colour(step: usize, steps: usize) -> usize {
    (step * LEVELS).div_ceil(steps.max(1)).min(LEVELS)
}
