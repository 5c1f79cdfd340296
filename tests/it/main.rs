//! The integration tests, one binary.

mod broken;
mod layers;
