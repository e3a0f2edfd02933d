//! What all suites share: the corpus, the oracle, the engines.
