//! The command line: the verbs, each with its options, and the options they share.

pub mod desk;
pub mod models;
pub mod number;
pub mod pictures;
pub mod shared;
pub mod sheet;
#[cfg(test)]
mod tests;
pub mod verbs;

pub use desk::{Doctor, Export, Flash, Pull, Push, WriteImage};
pub use models::{Adapt, Model, Predict, Test};
pub use number::Number;
pub use pictures::{Bench, Boards, Draw, Size, Theme};
pub use shared::{Circuit, On, ScalarName, Where};
pub use sheet::Sheet;
pub use verbs::{Check, Climb, Command, Eval, Explain, GradientBy, Monitor, Train, Verb};
