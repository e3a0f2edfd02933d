//! The command line: the verbs, each with its options, and the options they share.

pub mod number;
pub mod shared;
#[cfg(test)]
mod tests;
pub mod verbs;

pub use number::Number;
pub use shared::{Circuit, On, ScalarName, Where};
pub use verbs::{Check, Climb, Command, Eval, Explain, GradientBy, Train, Verb};
