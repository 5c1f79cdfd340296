//! What the constant arguments say: the rules of one funnel.

use std::sync::Arc;

use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::physical_expr::PhysicalExpr;

use crate::functions::constant;

/// The most steps a funnel may have: a row's steps are the bits of a u32.
pub const STEPS_AT_MOST: usize = 32;

const MODES: &str = "default, strict_once, strict_increase, strict_order, strict_deduplication";

/// The rules by which a level is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long after its first step a chain may last, inclusive; in the unit of `time`.
    pub window: i64,
    /// The number of steps, 1 to 32.
    pub steps: usize,
    /// How strict the chain is.
    pub mode: Mode,
}

impl Rules {
    /// Reads the constant arguments. `time_is_integer` tells that times have no unit.
    pub fn read(
        window: &Arc<dyn PhysicalExpr>,
        mode: &Arc<dyn PhysicalExpr>,
        time_is_integer: bool,
        steps: usize,
    ) -> Result<Self> {
        let window = constant::value(window, "window_funnel: window")?;
        let mode = constant::value(mode, "window_funnel: mode")?;
        Ok(Self {
            window: self::window(window, time_is_integer)?,
            steps,
            mode: Mode::parse(mode)?,
        })
    }
}

/// The modes that were named; none of them is the default mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mode {
    /// A row fills at most one step.
    pub once: bool,
    /// Times rise from step to step.
    pub increase: bool,
    /// No other event stands between two steps.
    pub order: bool,
    /// A repeated step ends the search.
    pub deduplication: bool,
}

impl Mode {
    /// Reads a comma list of modes.
    pub fn parse(value: &ScalarValue) -> Result<Self> {
        let mut mode = Self::default();
        for name in constant::text(value, "window_funnel: mode")?.split(',') {
            match name.trim() {
                "default" => {}
                "strict_once" => mode.once = true,
                "strict_increase" => mode.increase = true,
                "strict_order" => mode.order = true,
                "strict_deduplication" => mode.deduplication = true,
                other => {
                    return plan_err!(
                        "window_funnel: unknown mode '{other}'; known are {MODES}, also as a comma list"
                    );
                }
            }
        }
        Ok(mode)
    }
}

/// Reads the window. `time_is_integer` tells that times have no unit, so that an INTERVAL would
/// have no meaning.
pub fn window(value: &ScalarValue, time_is_integer: bool) -> Result<i64> {
    const WHAT: &str = "window_funnel: window";
    let window = match value {
        ScalarValue::Int64(Some(window)) => *window,
        ScalarValue::Int64(None) => return plan_err!("{WHAT} must not be null"),
        _ if time_is_integer => {
            return plan_err!(
                "{WHAT} must be a whole number where time is one, got {}",
                value.data_type()
            );
        }
        _ => constant::interval_us(value, WHAT)?,
    };
    if window < 0 {
        return plan_err!("{WHAT} must not be negative, got {window}");
    }
    Ok(window)
}
