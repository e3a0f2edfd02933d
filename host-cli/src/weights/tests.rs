//! Weights that come back, weights that do not fit and what is said.
