//! What a circuit answers, and how good its answers are.
//!
//! The road: [`answer`] (which wire answers, and to which question), [`ask`] (rows through an
//! engine), [`confusion`] (classes against classes), [`errors`] (numbers against numbers).

pub mod answer;
pub mod ask;
pub mod confusion;
pub mod errors;

pub use answer::{Answer, Asks, Sides};
pub use confusion::Confusion;
pub use errors::Errors;
