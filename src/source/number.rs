//! Decimal numbers read from their text, exactly: no float on the way.

/// `digits × 10^exponent`; the last digit is no zero, unless the number is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    digits: i128,
    exponent: i64,
}

/// Significant digits: fewer than 10^38 fits an i128, so that no step needs a look at overflow.
const MAX_DIGITS: u32 = 38;

impl Number {
    /// Reads `-12`, `+0.50`, `.5`, `5.`, `1.28E2`; `None` if the text is no such number or has more
    /// than 38 digits between its first and its last that is no zero.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (is_negative, mut at) = match bytes.first()? {
            b'-' => (true, 1),
            b'+' => (false, 1),
            _ => (false, 0),
        };
        let mut digits = 0i128;
        // Zeros read and not yet multiplied in: those at the end never are.
        let mut zeros = 0u32;
        let mut count = 0u32;
        let mut exponent = 0i64;
        let mut has_digit = false;
        let mut is_fraction = false;
        loop {
            match bytes.get(at) {
                Some(byte @ b'0'..=b'9') => {
                    has_digit = true;
                    exponent -= i64::from(is_fraction);
                    if *byte != b'0' {
                        count = count.saturating_add(zeros).saturating_add(1);
                        if count > MAX_DIGITS {
                            return None;
                        }
                        let shift = if zeros == 0 {
                            10
                        } else {
                            10i128.pow(zeros + 1)
                        };
                        digits = digits * shift + i128::from(byte - b'0');
                        zeros = 0;
                    } else if digits != 0 {
                        zeros = zeros.saturating_add(1);
                    }
                }
                Some(b'.') if !is_fraction => is_fraction = true,
                _ => break,
            }
            at += 1;
        }
        if !has_digit {
            return None;
        }
        exponent += i64::from(zeros);
        if let Some(b'e' | b'E') = bytes.get(at) {
            let (written, end) = exponent_at(bytes, at + 1)?;
            exponent = exponent.saturating_add(written);
            at = end;
        }
        (at == bytes.len()).then_some(Self {
            digits: if is_negative { -digits } else { digits },
            exponent,
        })
    }

    /// The number times 10^scale, where that is whole.
    pub fn times_power(self, scale: u8) -> Option<i128> {
        if self.digits == 0 {
            return Some(0);
        }
        let shift = self.exponent.saturating_add(i64::from(scale));
        let shift = 10i128.checked_pow(u32::try_from(shift).ok()?)?;
        self.digits.checked_mul(shift)
    }

    /// The whole number at or below the number times 10^scale.
    pub fn times_power_floor(self, scale: u8) -> Option<i128> {
        let shift = self.exponent.saturating_add(i64::from(scale));
        if shift >= 0 || self.digits == 0 {
            return self.times_power(scale);
        }
        let divisor = u32::try_from(-shift)
            .ok()
            .and_then(|shift| 10i128.checked_pow(shift));
        // Beyond 38 digits only the sign is left.
        Some(divisor.map_or(-i128::from(self.digits < 0), |divisor| {
            self.digits.div_euclid(divisor)
        }))
    }
}

/// The exponent behind an `e`, and where it ends; saturates.
fn exponent_at(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let (is_negative, first) = match bytes.get(at)? {
        b'-' => (true, at + 1),
        b'+' => (false, at + 1),
        _ => (false, at),
    };
    let mut at = first;
    let mut value = 0i64;
    while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
        value = value
            .saturating_mul(10)
            .saturating_add(i64::from(byte - b'0'));
        at += 1;
    }
    (at > first).then_some((if is_negative { -value } else { value }, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, scale, exact, floor) in [
            ("128", 2, Some(12_800), Some(12_800)),
            ("1.28E2", 2, Some(12_800), Some(12_800)),
            ("12800e-2", 2, Some(12_800), Some(12_800)),
            ("-0.05", 2, Some(-5), Some(-5)),
            (".5", 2, Some(50), Some(50)),
            ("5.", 2, Some(500), Some(500)),
            ("1.230", 2, Some(123), Some(123)),
            ("1.239", 2, None, Some(123)),
            ("-1.239", 2, None, Some(-124)),
            ("0e999999999999999999999", 2, Some(0), Some(0)),
            ("1e999999999999999999999", 2, None, None),
            ("1e-999999999999999999999", 2, None, Some(0)),
            ("-1e-999999999999999999999", 2, None, Some(-1)),
            ("1e36", 2, Some(10i128.pow(38)), Some(10i128.pow(38))),
            ("1e37", 2, None, None),
        ] {
            let read = Number::parse(text).unwrap();
            assert_eq!(read.times_power(scale), exact, "{text}");
            assert_eq!(read.times_power_floor(scale), floor, "{text}");
        }
        // More zeros than an i128 has digits, before, within and behind.
        let zeros = "0".repeat(60);
        let read = |text: &str| Number::parse(text).and_then(|read| read.times_power(1));
        assert_eq!(read(&format!("{zeros}7.5{zeros}")), Some(75));
        assert_eq!(read(&format!("75{zeros}e-61")), Some(75));
        assert_eq!(Number::parse(&format!("7{zeros}5")), None);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", ".", "-", "+.", "e5", "1e", "1e+", "1e5.", "1.2.3", "--1", "1,5", "1_000", " 1",
            "１", "0x1", "inf", "nan", "1 ",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(unscaled in any::<i64>(), scale in 0u8..20) {
            let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
            let sign = if unscaled < 0 { "-" } else { "" };
            let read = Number::parse(&format!("{sign}{whole}.{fraction}")).unwrap();
            prop_assert_eq!(read.times_power(scale), Some(i128::from(unscaled)));
            let read = Number::parse(&format!("{unscaled}e-{scale}")).unwrap();
            prop_assert_eq!(read.times_power(scale), Some(i128::from(unscaled)));
        }
    }
}
