//! What all suites share: the corpus, the oracle, and cases on engines.

pub mod corpus;
pub mod faults;
pub mod flash;
pub mod oracle;
pub mod run;

/// The README's example compiles and does what it says.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
