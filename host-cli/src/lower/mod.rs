//! Lowering: what a text says becomes a circuit of the core, with the names that
//! the core does not know.
//!
//! The road: [`scope`](mod@scope) (what each name stands for), `gates`
//! (expressions to gates, operands first), `layers` (a layer's params and how
//! they start), [`settings`] (`train` and `adapt` blocks), [`error`] (what is
//! wrong, in words).

mod arguments;
mod build;
pub mod circuit;
pub mod error;
mod gates;
mod layers;
mod scope;
pub mod settings;
#[cfg(test)]
mod tests;

pub use build::lower;
pub use circuit::{Fed, HostCircuit, Lowered, Param};
pub use error::LowerError;
pub use settings::{Holdout, Optimizer, Training};
