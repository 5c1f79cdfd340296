//! Pure mathematics on numbers and slices: it knows nothing of Arrow, projects or files.

pub mod normal;
pub mod regression;
pub mod student_t;
pub mod wilson;
