//! What all suites share: the corpus, the oracle, and cases on engines.

pub mod corpus;
pub mod oracle;
pub mod run;
