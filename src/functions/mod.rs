//! To come.
/// Registers.
pub fn register(_context: &datafusion::prelude::SessionContext, _zone: chrono_tz::Tz) {}
