//! How much memory a run may hold.

use std::fmt;

/// A run's memory budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Memory {
    /// So many bytes.
    Bytes(u64),
    /// A share (0 to 1) of what the machine, or the container, has.
    Share(f64),
}

/// Less than this cannot hold one row group being sorted and encoded.
pub const LEAST_MEMORY_BYTES: u64 = 256 << 20;

const UNITS: [(&str, u64); 6] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

impl Memory {
    /// Half of the machine.
    pub const DEFAULT: Self = Self::Share(0.5);

    /// Reads `4GiB`, `512MiB`, `8GB` or `25%`; `None` if it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(percent) = text.strip_suffix('%') {
            let share = percent.trim().parse::<f64>().ok()? / 100.0;
            return (share > 0.0 && share <= 1.0).then_some(Self::Share(share));
        }
        let (number, unit) = UNITS
            .iter()
            .find_map(|(name, bytes)| text.strip_suffix(name).map(|number| (number, *bytes)))?;
        let number = number.trim();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().ok()?;
        let bytes = match fraction {
            "" if number.ends_with('.') => return None,
            "" => whole.checked_mul(unit)?,
            fraction => {
                let scale = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
                let digits: u64 = fraction.parse().ok()?;
                let part = u128::from(digits) * u128::from(unit) / u128::from(scale);
                whole
                    .checked_mul(unit)?
                    .checked_add(u64::try_from(part).ok()?)?
            }
        };
        Some(Self::Bytes(bytes))
    }

    /// Bytes on a machine that has `machine_bytes`; never less than [`LEAST_MEMORY_BYTES`].
    pub fn bytes(self, machine_bytes: u64) -> u64 {
        let bytes = match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(share) => (machine_bytes as f64 * share) as u64,
        };
        bytes.max(LEAST_MEMORY_BYTES)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{}MiB", bytes >> 20),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_and_shares() {
        for (text, expected) in [
            ("4GiB", Some(Memory::Bytes(4 << 30))),
            ("512 MiB", Some(Memory::Bytes(512 << 20))),
            ("1.5GiB", Some(Memory::Bytes(3 << 29))),
            ("8GB", Some(Memory::Bytes(8_000_000_000))),
            ("25%", Some(Memory::Share(0.25))),
            ("100%", Some(Memory::Share(1.0))),
            ("0%", None),
            ("120%", None),
            ("4", None),
            ("4G", None),
            ("1.GiB", None),
            ("-1GiB", None),
            ("99999999999999TiB", None),
            ("", None),
        ] {
            assert_eq!(Memory::parse(text), expected, "{text}");
        }
        assert_eq!(Memory::Share(0.5).bytes(24 << 30), 12 << 30);
        assert_eq!(Memory::Share(0.5).bytes(1), LEAST_MEMORY_BYTES);
    }
}
