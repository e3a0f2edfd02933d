//! A training that is watched: what is measured of it while it runs, and the live view of that.
//!
//! The road: [`rounds`] (between two steps, figures from the engine), [`view`] (figures to a picture in
//! the terminal), [`screen`] (the terminal, its keys, and its state of before).

pub mod rounds;
pub mod screen;
pub mod view;

pub use rounds::{Round, Rounds};
pub use screen::{Key, Screen};
pub use view::{State, View};
