//! Lowering: what a text says becomes a circuit of the core, with the names that
//! the core does not know.
//!
//! The road: `scope` (what each name stands for), `sources` (inputs, labels,
//! params), `gates` (expressions to gates, operands first), `kinds` and `layers`
//! (what layers there are, their params and how they start), `freeze` (what does
//! not train), [`settings`], [`optimisers`] and [`adapt`] (the blocks), [`rows`]
//! (the data), [`error`] (what is wrong) and `words` for it.

pub mod adapt;
mod arguments;
mod arrange;
mod build;
pub mod circuit;
pub mod error;
mod freeze;
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

pub use adapt::{Adapting, Pick};
pub use build::lower;
pub use circuit::{Fed, HostCircuit, Lowered, Param};
pub use error::LowerError;
pub use normalize::Normalized;
pub use rows::RowsError;
pub use settings::{Holdout, Keep, Training};
