//! A value against an earlier one: relative for amounts, percentage points for ratios, and whether
//! that is good.

use super::number::{self, Writer};
use super::section::Cell;
use super::words::Key;
use crate::project::{Format, Good};

/// Relative changes smaller than this are shown in grey and are not worth a sentence.
pub const NOTABLE: f64 = 0.05;

/// A change between two values of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Of an amount: `now / before − 1`.
    Relative(f64),
    /// Of a ratio: percentage points up or down, with the relative size for ranking only.
    Points {
        /// `(now − before) × 100`
        points: f64,
        /// `now / before − 1`; infinite from zero.
        relative: f64,
    },
}

/// What a change means for the business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// In the metric's good direction.
    Good,
    /// Against it.
    Bad,
    /// Small, or the metric has no direction.
    Quiet,
}

impl Tone {
    /// Class name in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

impl Change {
    /// Compares; `None` where a value is missing or an amount rose from zero.
    pub fn between(format: Format, now: &Cell, before: &Cell) -> Option<Self> {
        let (now, before) = (now.number()?, before.number()?);
        let relative = if now == before {
            0.0
        } else if before == 0.0 {
            f64::INFINITY
        } else {
            (now - before) / before.abs()
        };
        match format {
            Format::Percent => Some(Self::Points {
                points: (now - before) * 100.0,
                relative,
            }),
            Format::Count | Format::Money | Format::Number | Format::DurationUs => {
                relative.is_finite().then_some(Self::Relative(relative))
            }
            Format::Points | Format::Text | Format::Word | Format::Date | Format::Flag => None,
        }
    }

    /// Relative size with sign, whatever the kind.
    pub fn relative(self) -> f64 {
        match self {
            Self::Relative(relative) | Self::Points { relative, .. } => relative,
        }
    }

    /// Worth colour and a sentence.
    pub fn is_notable(self) -> bool {
        !self.is_flat() && self.relative().abs() >= NOTABLE
    }

    /// Zero as written.
    pub fn is_flat(self) -> bool {
        let written = match self {
            Self::Relative(relative) => relative * 100.0,
            Self::Points { points, .. } => points,
        };
        number::one_decimal(written.abs()) == "0.0"
    }

    /// Up or down.
    pub fn is_up(self) -> bool {
        self.relative() > 0.0
    }

    /// Good or bad by the metric's direction, where it is notable.
    pub fn tone(self, good: Good) -> Tone {
        match (good, self.is_notable()) {
            (_, false) | (Good::Neutral, _) => Tone::Quiet,
            (Good::Up, true) if self.is_up() => Tone::Good,
            (Good::Down, true) if !self.is_up() => Tone::Good,
            (Good::Up | Good::Down, true) => Tone::Bad,
        }
    }

    /// `▼6.2%`, `▲1.2 个百分点` or the word for no change.
    pub fn signed(self, writer: Writer) -> String {
        if self.is_flat() {
            return writer.words.get(Key::Flat).to_owned();
        }
        let sign = if self.is_up() { '▲' } else { '▼' };
        format!("{sign}{}", self.size(writer))
    }

    /// In words: `下降 6.2%`.
    pub fn said(self, writer: Writer) -> String {
        if self.is_flat() {
            return writer.words.get(Key::Flat).to_owned();
        }
        let key = if self.is_up() { Key::Up } else { Key::Down };
        writer.words.fill(key, &[("n", &self.size(writer))])
    }

    fn size(self, writer: Writer) -> String {
        match self {
            Self::Relative(relative) => number::relative(relative),
            Self::Points { points, .. } => writer.points(points),
        }
    }
}
