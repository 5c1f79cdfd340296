//! Pages of the real report files on small tables.

mod change;
mod checks;
mod fixture;
mod fixture_behaviour;
mod numbers;
mod pages;
mod parts;
mod parts_rows;
mod sections;
