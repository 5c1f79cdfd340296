//! Durations as people write them in YAML: `30m`, `24h`, `3d`.

use std::fmt;

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds in an hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in a day of 24 hours.
pub const DAY_US: i64 = 24 * HOUR_US;

/// A length of time; a whole number of microseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    us: i64,
}

impl Duration {
    /// From microseconds; negative values become zero.
    pub fn from_us(us: i64) -> Self {
        Self { us: us.max(0) }
    }

    /// From whole days of 24 hours.
    pub fn from_days(days: u32) -> Self {
        Self {
            us: i64::from(days) * DAY_US,
        }
    }

    /// Reads `90s`, `30m`, `24h`, `3d`, `2w`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unit = text.chars().last()?;
        let number = text.get(..text.len() - unit.len_utf8())?.trim_end();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = match unit {
            's' => SECOND_US,
            'm' => MINUTE_US,
            'h' => HOUR_US,
            'd' => DAY_US,
            'w' => 7 * DAY_US,
            _ => return None,
        };
        let us = number.parse::<i64>().ok()?.checked_mul(scale)?;
        Some(Self { us })
    }

    /// Microseconds.
    pub fn us(self) -> i64 {
        self.us
    }

    /// Days of 24 hours, rounded up. How many local days a window reaches depends on the zone, too:
    /// [`super::days_reached`].
    pub fn days_ceil(self) -> u32 {
        u32::try_from(self.us.div_euclid(DAY_US) + i64::from(self.us % DAY_US != 0))
            .unwrap_or(u32::MAX)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scale, unit) in [
            (DAY_US, "d"),
            (HOUR_US, "h"),
            (MINUTE_US, "m"),
            (SECOND_US, "s"),
        ] {
            if self.us % scale == 0 && (self.us >= scale || scale == SECOND_US) {
                return write!(f, "{}{unit}", self.us / scale);
            }
        }
        write!(f, "{}us", self.us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_text() {
        for text in ["90s", "30m", "24h", "3d", "0s"] {
            let parsed = Duration::parse(text).unwrap();
            assert_eq!(Duration::parse(&parsed.to_string()), Some(parsed));
        }
        assert_eq!(Duration::parse("24h"), Duration::parse("1d"));
        for text in ["", "d", "1", "-1d", "1.5h", "1 month", "9999999999999999d"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_window_reaches_over_its_last_started_day() {
        assert_eq!(Duration::parse("24h").unwrap().days_ceil(), 1);
        assert_eq!(Duration::parse("25h").unwrap().days_ceil(), 2);
        assert_eq!(Duration::parse("30m").unwrap().days_ceil(), 1);
    }
}
