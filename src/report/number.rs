//! How values are written: short on cards (万/亿, K/M), in full in tables.
//!
//! Percent and percentage point are different things with different functions; nothing here turns one
//! into the other.

use chrono::{Datelike, NaiveDate, Weekday};

use super::section::Cell;
use super::words::{Key, Words};
use crate::project::{Format, Locale};

/// A name longer than this many characters is cut with an ellipsis.
pub const LONGEST_TEXT: usize = 60;

/// Writes values in one language and currency.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Words of the language.
    pub words: &'a Words,
    /// ISO 4217 code.
    pub currency: &'a str,
}

impl Writer<'_> {
    /// A value as a card or a sentence shows it; `None` where there is no value.
    pub fn short(&self, cell: &Cell, format: Format) -> Option<String> {
        match format {
            Format::Count => cell.number().map(|n| short(n, self.words.locale)),
            Format::Money => cell.number().map(|n| self.short_money(n)),
            _ => self.full(cell, "", format),
        }
    }

    /// A value as a table shows it; `None` where there is no value. `column` finds the name of a word.
    pub fn full(&self, cell: &Cell, column: &str, format: Format) -> Option<String> {
        Some(match (format, cell) {
            (_, Cell::Null) => return None,
            (Format::Word, Cell::Text(text)) => clean(self.words.name(column, text), LONGEST_TEXT),
            (_, Cell::Text(text)) => clean(text, LONGEST_TEXT),
            (_, Cell::Date(date)) => month_day(*date),
            (_, Cell::Flag(flag)) => self
                .words
                .get(if *flag { Key::Yes } else { Key::No })
                .to_owned(),
            (Format::Percent, _) => percent(cell.number()?),
            (Format::Points, _) => self.signed_points(cell.number()? * 100.0),
            (Format::DurationUs, _) => self.duration(cell.number()?),
            (Format::Money, Cell::Decimal { unscaled, scale }) => sign_and(
                self.symbol(),
                *unscaled < 0,
                &decimal(unscaled.unsigned_abs(), *scale, 2),
            ),
            (_, Cell::Decimal { unscaled, scale }) => sign_and(
                "",
                *unscaled < 0,
                &decimal(unscaled.unsigned_abs(), *scale, (*scale).clamp(0, 4) as u32),
            ),
            (_, Cell::Int(n)) => sign_and("", *n < 0, &group(&n.unsigned_abs().to_string())),
            (_, Cell::Real(n)) => plain(*n),
        })
    }

    /// Money without its last digits.
    pub fn short_money(&self, amount: f64) -> String {
        let size = amount.abs();
        let text = if size > 0.0 && size < 99.995 {
            format!("{size:.2}")
        } else {
            short(size, self.words.locale)
        };
        sign_and(self.symbol(), amount < 0.0 && size >= 0.005, &text)
    }

    /// The currency's sign, or its code and a space.
    fn symbol(&self) -> &str {
        match self.currency {
            "CNY" | "JPY" => "¥",
            "USD" => "$",
            "EUR" => "€",
            "GBP" => "£",
            "HKD" => "HK$",
            other => other,
        }
    }

    /// Percentage points, without sign.
    pub fn points(&self, points: f64) -> String {
        self.words
            .fill(Key::Points, &[("n", &one_decimal(points.abs()))])
    }

    /// Percentage points with their sign.
    fn signed_points(&self, points: f64) -> String {
        if one_decimal(points.abs()) == "0.0" {
            return self.words.get(Key::Flat).to_owned();
        }
        let sign = if points < 0.0 { '▼' } else { '▲' };
        format!("{sign}{}", self.points(points))
    }

    /// Microseconds in units that people use.
    fn duration(&self, us: f64) -> String {
        let seconds = (us / 1e6).max(0.0);
        let whole = seconds.round() as u64;
        if seconds < 0.9995 {
            let n = format!("{:.0}", us / 1e3);
            return self.words.fill(Key::Milliseconds, &[("n", &n)]);
        }
        if seconds < 9.95 {
            return self
                .words
                .fill(Key::Seconds, &[("s", &format!("{seconds:.1}"))]);
        }
        if whole < 60 {
            return self.words.fill(Key::Seconds, &[("s", &whole.to_string())]);
        }
        if whole < 3600 {
            return self.words.fill(
                Key::MinutesSeconds,
                &[
                    ("m", &(whole / 60).to_string()),
                    ("s", &(whole % 60).to_string()),
                ],
            );
        }
        let minutes = (seconds / 60.0).round() as u64;
        self.words.fill(
            Key::HoursMinutes,
            &[
                ("h", &group(&(minutes / 60).to_string())),
                ("m", &(minutes % 60).to_string()),
            ],
        )
    }

    /// Day of the week.
    pub fn weekday(&self, date: NaiveDate) -> &str {
        self.words.get(match date.weekday() {
            Weekday::Mon => Key::Monday,
            Weekday::Tue => Key::Tuesday,
            Weekday::Wed => Key::Wednesday,
            Weekday::Thu => Key::Thursday,
            Weekday::Fri => Key::Friday,
            Weekday::Sat => Key::Saturday,
            Weekday::Sun => Key::Sunday,
        })
    }
}

/// `11-21`
pub fn month_day(date: NaiveDate) -> String {
    date.format("%m-%d").to_string()
}

/// Percent with one decimal; two below 1%, so that small rates keep a digit that counts.
pub fn percent(ratio: f64) -> String {
    let value = ratio * 100.0;
    let size = value.abs();
    let text = if size == 0.0 {
        "0%".to_owned()
    } else if size < 0.995 {
        format!("{size:.2}%")
    } else if size == 100.0 {
        "100%".to_owned()
    } else {
        format!("{}%", grouped_decimals(size, 1))
    };
    sign_and("", value < 0.0, &text)
}

/// A relative change without its sign, as percent with one decimal.
pub fn relative(change: f64) -> String {
    format!("{}%", grouped_decimals(change.abs() * 100.0, 1))
}

/// Whole numbers below ten thousand in full, else 万/亿 or K/M/B.
pub fn short(value: f64, locale: Locale) -> String {
    let size = value.abs();
    // From how many units on, the unit, its name, decimals: three or more digits that count.
    let units: &[(f64, f64, &str, usize)] = match locale {
        Locale::ZhCn => &[
            (1.0, 1e8, "亿", 2),
            (10.0, 1e4, "万", 1),
            (1.0, 1e4, "万", 2),
        ],
        Locale::En => &[(1.0, 1e9, "B", 2), (1.0, 1e6, "M", 2), (1.0, 1e3, "K", 1)],
    };
    let text = if size.round() < 1e4 {
        grouped_decimals(size, 0)
    } else {
        units
            .iter()
            // A size that rounds up to the next unit is written in it: 1.00亿, not 10000.0万.
            .find(|(from, unit, _, decimals)| {
                let scale = 10f64.powi(*decimals as i32);
                (size / unit * scale).round() >= from * scale
            })
            .map_or_else(
                || grouped_decimals(size, 0),
                |(_, unit, name, decimals)| {
                    format!("{}{name}", grouped_decimals(size / unit, *decimals))
                },
            )
    };
    sign_and("", value < 0.0 && size.round() > 0.0, &text)
}

/// One decimal, grouped.
pub fn one_decimal(value: f64) -> String {
    grouped_decimals(value, 1)
}

/// Text fit to be shown: control and direction-changing characters out, cut with an ellipsis.
pub fn clean(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for c in text.chars() {
        let c = match c {
            '\t' | '\n' | '\r' => ' ',
            // A name that turns the writing direction could rewrite the line it stands in.
            '\u{200e}'
            | '\u{200f}'
            | '\u{061c}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => continue,
            c if c.is_control() => continue,
            c => c,
        };
        if count == longest {
            out.pop();
            out.push('…');
            return out;
        }
        out.push(c);
        count += 1;
    }
    out
}

/// A plain decimal number: as many decimals as say something.
fn plain(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 100.0 || size.fract() == 0.0 {
        0
    } else {
        2
    };
    sign_and("", value < 0.0, &grouped_decimals(size, decimals))
}

/// Puts a minus before and the currency's sign between.
fn sign_and(symbol: &str, negative: bool, digits: &str) -> String {
    let space = if symbol.len() > 2 && symbol.chars().all(|c| c.is_ascii_alphabetic()) {
        " "
    } else {
        ""
    };
    format!("{}{symbol}{space}{digits}", if negative { "−" } else { "" })
}

fn grouped_decimals(size: f64, decimals: usize) -> String {
    group(&format!("{size:.decimals$}"))
}

/// Digits of `unscaled / 10^scale` with `decimals` decimals, half away from zero, exact.
fn decimal(unscaled: u128, scale: i8, decimals: u32) -> String {
    let scale = i64::from(scale) - i64::from(decimals);
    let scaled = if scale > 0 {
        let divisor = 10u128.saturating_pow(scale as u32);
        let (whole, rest) = (unscaled / divisor, unscaled % divisor);
        whole + u128::from(rest >= divisor - rest)
    } else {
        unscaled.saturating_mul(10u128.saturating_pow(scale.unsigned_abs() as u32))
    };
    if decimals == 0 {
        return group(&scaled.to_string());
    }
    let unit = 10u128.pow(decimals);
    group(&format!(
        "{}.{:0width$}",
        scaled / unit,
        scaled % unit,
        width = decimals as usize
    ))
}

/// Thousands apart: `1,234,567.5`.
pub fn group(digits: &str) -> String {
    let (whole, rest) = digits
        .split_once('.')
        .map_or((digits, ""), |(a, _)| (a, &digits[a.len()..]));
    let mut out = String::with_capacity(digits.len() + whole.len() / 3);
    for (at, c) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out.push_str(rest);
    out
}
