//! The text format: a formula or a `.circuit` file becomes a [`Document`],
//! or [diagnostics](diagnostic) that say where and what would be right.

pub mod ast;

pub use ast::{Document, Expr, ExprId, Span, Statement};
