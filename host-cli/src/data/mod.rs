//! Data from CSV files: which columns a circuit takes, its rows as numbers, and
//! what is held out.
//!
//! The road: [`columns`] (header to columns), [`table`] (rows to numbers),
//! [`split`] (rows to those trained on and those held out).

pub mod columns;
pub mod error;
pub mod split;
pub mod table;

#[cfg(test)]
mod tests;

pub use columns::Field;
pub use error::DataError;
pub use split::Split;
pub use table::{Table, read};
