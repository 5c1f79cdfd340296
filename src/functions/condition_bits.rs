//! Conditions as the bits of one number per row.

use arrow::array::{Array, ArrayRef, AsArray};
use datafusion::common::{Result, exec_datafusion_err};

/// Puts bit k of each row where `conditions[k]` is true; null counts as false. `function` is named in errors.
pub fn fill(
    bits: &mut Vec<u32>,
    rows: usize,
    conditions: &[ArrayRef],
    function: &str,
) -> Result<()> {
    bits.clear();
    bits.resize(rows, 0);
    for (at, condition) in conditions.iter().enumerate() {
        let condition = condition.as_boolean_opt().ok_or_else(|| {
            exec_datafusion_err!("{function}: condition {} is not boolean", at + 1)
        })?;
        let bit = 1 << at;
        match condition.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => condition
                .values()
                .set_indices()
                .for_each(|row| bits[row] |= bit),
            Some(nulls) => (condition.values() & nulls.inner())
                .set_indices()
                .for_each(|row| bits[row] |= bit),
        }
    }
    Ok(())
}
