//! What the machine has.

use std::fs;

/// Memory where it cannot be found out.
const UNKNOWN_MACHINE_BYTES: u64 = 8 << 30;

/// Bytes of memory of this machine, or of the container where that may have less (cgroup v1 and v2).
pub fn memory_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total_of(&text))
        .unwrap_or(UNKNOWN_MACHINE_BYTES);
    [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .filter_map(|path| fs::read_to_string(path).ok())
    .filter_map(|text| text.trim().parse::<u64>().ok())
    .fold(machine, u64::min)
}

fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib = line.split_whitespace().nth(1)?.parse::<u64>().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let text = "MemFree: 1 kB\nMemTotal:       16384 kB\nSwapTotal: 0 kB\n";
        assert_eq!(total_of(text), Some(16 << 20));
        assert_eq!(total_of("MemFree: 1 kB"), None);
        assert!(memory_bytes() > 0);
    }
}
