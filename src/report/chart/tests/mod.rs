//! Geometry: sums, nothing outside, no text over another, whatever comes in.

mod ends_and_times;
mod flows;
mod marks;
mod pages;
