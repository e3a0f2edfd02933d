//! The parts of the command line that tests use too.

pub mod args;
pub mod board;
pub mod cmd;
pub mod data;
pub mod draw;
pub mod engine;
pub mod lower;
pub mod text;
pub mod train;
pub mod weights;
