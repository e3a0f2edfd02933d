//! What all suites share: the corpus, the oracle, the engines.

pub mod corpus;
pub mod oracle;
