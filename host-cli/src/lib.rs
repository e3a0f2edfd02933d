//! The parts of the command line that tests use too.

pub mod engine;
pub mod data;
pub mod text;
pub mod draw;
