//! Lowering: what a text says becomes a circuit of the core, with the names that
//! the core does not know.
//!
//! The road: `scope` (what each name stands for), `sources` (inputs, labels,
//! params), `gates` (expressions to gates, operands first), `kinds` and `layers`
//! (what layers there are, their params and how they start), [`settings`] and
//! [`optimisers`] (`train` and `adapt` blocks), [`rows`] (the data), [`error`]
//! (what is wrong) and `words` for it.

mod arguments;
mod arrange;
mod build;
pub mod circuit;
pub mod error;
mod gates;
mod kinds;
mod layers;
mod normalize;
pub mod optimisers;
pub mod rows;
mod scope;
pub mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod words;

pub use build::lower;
pub use circuit::{Fed, HostCircuit, Lowered, Param};
pub use error::LowerError;
pub use normalize::Normalized;
pub use rows::RowsError;
pub use settings::{Holdout, Keep, Training};
