//! The rules of a funnel, read from the constant text that is the function's first argument.
//!
//! Parts stand between semicolons, in any order; each step and exclusion is named by its number.

use datafusion::common::{Result, plan_err};

/// The most steps a funnel may have: a row's steps are the bits of a u32.
pub const STEPS_AT_MOST: usize = 32;
/// The most exclusions.
pub const EXCLUSIONS_AT_MOST: usize = 8;

const WHAT: &str = "funnel_path: rules";
const PARTS: &str = "`window 24h`, `ordered`, `strict`, `any`, `step 2 within 30m`, `step 3 optional`, \
                     `exclusion 1 after step 1 before step 3 keep` (or `drop`)";

/// Which events may stand between the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Any.
    Ordered,
    /// None but repeats of the step reached last.
    Strict,
    /// Steps count in whatever order they come.
    Any,
}

/// An event that ends chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// It ends chains of at least so many required steps,
    pub from_level: usize,
    /// and of fewer than so many.
    pub to_level: usize,
    /// Whether the entity leaves the funnel altogether.
    pub drops: bool,
}

/// How chains are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How long after its first step a chain may last, inclusive.
    pub window_us: i64,
    /// What may stand between.
    pub order: Order,
    /// The number of steps, optional ones too.
    pub steps: usize,
    /// Positions of the required steps: `required[k]` makes a chain of k + 1.
    pub required: Vec<usize>,
    /// The same as bits.
    pub required_bits: u32,
    /// Per step: how long after the required step before it, inclusive.
    pub within_us: Vec<Option<i64>>,
    /// Events that end chains.
    pub exclusions: Vec<Exclusion>,
}

impl Rules {
    /// Reads the text; `conditions` is the number of steps and exclusions together.
    pub fn read(text: &str, conditions: usize) -> Result<Self> {
        let mut window_us = None;
        let mut order = None;
        let mut within = Vec::new();
        let mut optional = Vec::new();
        let mut exclusions: Vec<(usize, RawExclusion)> = Vec::new();
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words.as_slice() {
                ["window", duration] if window_us.is_none() => {
                    window_us = Some(self::duration(duration)?)
                }
                ["ordered"] if order.is_none() => order = Some(Order::Ordered),
                ["strict"] if order.is_none() => order = Some(Order::Strict),
                ["any"] if order.is_none() => order = Some(Order::Any),
                ["step", step, "within", duration] => {
                    within.push((number(step)?, self::duration(duration)?));
                }
                ["step", step, "optional"] => optional.push(number(step)?),
                ["exclusion", exclusion, rest @ ..] => {
                    exclusions.push((number(exclusion)?, RawExclusion::read(part, rest)?));
                }
                _ => {
                    return plan_err!(
                        "{WHAT}: `{part}` is not known, or stands twice; parts are {PARTS}"
                    );
                }
            }
        }
        let Some(window_us) = window_us else {
            return plan_err!("{WHAT}: there is no window, such as `window 24h`");
        };
        exclusions.sort_by_key(|(at, _)| *at);
        if !exclusions.iter().map(|(at, _)| *at).eq(0..exclusions.len()) {
            return plan_err!("{WHAT}: exclusions are numbered 1, 2, 3 …, each once");
        }
        let Some(steps) = conditions
            .checked_sub(exclusions.len())
            .filter(|steps| *steps > 0)
        else {
            return plan_err!(
                "funnel_path takes the conditions of 1 to {STEPS_AT_MOST} steps, then those of its exclusions; \
                 here are {conditions}, and the rules name {} exclusions",
                exclusions.len()
            );
        };
        if steps > STEPS_AT_MOST || exclusions.len() > EXCLUSIONS_AT_MOST {
            return plan_err!(
                "funnel_path takes at most {STEPS_AT_MOST} steps and {EXCLUSIONS_AT_MOST} exclusions, \
                 got {steps} and {}",
                exclusions.len()
            );
        }
        let order = order.unwrap_or(Order::Ordered);
        let mut within_us = vec![None; steps];
        for (step, duration) in within {
            let Some(slot) = within_us.get_mut(step).filter(|slot| slot.is_none()) else {
                return plan_err!(
                    "{WHAT}: `step {} within` stands twice, or there is no such step",
                    step + 1
                );
            };
            *slot = Some(duration);
        }
        let mut is_optional = vec![false; steps];
        for step in optional {
            let Some(slot) = is_optional.get_mut(step) else {
                return plan_err!("{WHAT}: there is no step {}", step + 1);
            };
            *slot = true;
        }
        if is_optional[0] {
            return plan_err!("{WHAT}: step 1 begins the chains and cannot be optional");
        }
        if within_us[0].is_some() {
            return plan_err!("{WHAT}: step 1 has no step before it, so `within` says nothing");
        }
        if order == Order::Any
            && (is_optional.contains(&true) || within_us.iter().any(Option::is_some))
        {
            return plan_err!(
                "{WHAT}: with `any` no step comes before another, so none is `optional` or `within`"
            );
        }
        let required: Vec<usize> = (0..steps).filter(|step| !is_optional[*step]).collect();
        let level_of = |step: usize| match required.iter().position(|at| *at == step) {
            Some(at) => Ok(at + 1),
            None => plan_err!(
                "{WHAT}: an exclusion stands between required steps, and step {} is none",
                step + 1
            ),
        };
        let exclusions = exclusions
            .into_iter()
            .map(|(_, raw)| {
                let from_level = raw.after.map_or(Ok(1), level_of)?;
                let to_level = raw.before.map_or(Ok(required.len()), level_of)?;
                if order == Order::Any && (raw.after.is_some() || raw.before.is_some()) {
                    return plan_err!(
                        "{WHAT}: with `any` an exclusion has no `after` and `before`"
                    );
                }
                Ok(Exclusion {
                    from_level,
                    to_level,
                    drops: raw.drops,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            window_us,
            order,
            steps,
            required_bits: required.iter().fold(0, |bits, step| bits | 1 << step),
            required,
            within_us,
            exclusions,
        })
    }

    /// Required steps.
    pub fn levels(&self) -> usize {
        self.required.len()
    }

    /// How long after a chain of `level` steps the next may come.
    pub fn next_within_us(&self, level: usize) -> Option<i64> {
        self.required
            .get(level)
            .and_then(|step| self.within_us[*step])
    }

    /// Whether an event with these exclusions ends chains of `level` steps.
    pub fn ends(&self, exclusions: u32, level: usize) -> bool {
        self.ending(exclusions, level).next().is_some()
    }

    /// The exclusions among these that end chains of `level` steps.
    pub fn ending(&self, exclusions: u32, level: usize) -> impl Iterator<Item = &Exclusion> {
        self.exclusions
            .iter()
            .enumerate()
            .filter(move |(at, exclusion)| {
                exclusions >> at & 1 == 1
                    && (exclusion.from_level..exclusion.to_level).contains(&level)
            })
            .map(|(_, exclusion)| exclusion)
    }
}

struct RawExclusion {
    after: Option<usize>,
    before: Option<usize>,
    drops: bool,
}

impl RawExclusion {
    fn read(part: &str, words: &[&str]) -> Result<Self> {
        let mut raw = Self {
            after: None,
            before: None,
            drops: false,
        };
        let mut words = words;
        loop {
            words = match words {
                [] => return Ok(raw),
                ["after", "step", step, rest @ ..] => {
                    raw.after = Some(number(step)?);
                    rest
                }
                ["before", "step", step, rest @ ..] => {
                    raw.before = Some(number(step)?);
                    rest
                }
                ["keep"] => return Ok(raw),
                ["drop"] => {
                    raw.drops = true;
                    return Ok(raw);
                }
                _ => return plan_err!("{WHAT}: `{part}` is not known; parts are {PARTS}"),
            };
        }
    }
}

/// A number from 1 on, as a position from 0 on.
fn number(text: &str) -> Result<usize> {
    match text
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(1))
    {
        Some(position) => Ok(position),
        None => plan_err!("{WHAT}: `{text}` is not a number from 1 on"),
    }
}

/// A duration such as `30m`, `24h`, `7d`, `90s`, `1500us`; a day is 24 hours.
fn duration(text: &str) -> Result<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (amount, unit) = text.split_at(digits);
    let unit_us = match unit {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        "m" => Some(60_000_000),
        "h" => Some(3_600_000_000),
        "d" => Some(86_400_000_000),
        _ => None,
    };
    match amount
        .parse::<i64>()
        .ok()
        .zip(unit_us)
        .and_then(|(amount, unit)| amount.checked_mul(unit))
    {
        Some(duration) => Ok(duration),
        None => plan_err!("{WHAT}: `{text}` is not a duration such as 90s, 30m, 24h or 7d"),
    }
}
