//! The standard normal distribution.

/// The 97.5% quantile: half the width of a 95% interval, in standard deviations.
pub const Z_95: f64 = 1.959_963_984_540_054;
