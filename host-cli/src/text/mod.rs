//! The text format: a formula or a `.circuit` file becomes a [`Document`],
//! or [`Diagnostic`]s that say where and what would be right.
//!
//! The road: [`source`] (argument to text), [`token`] (text to tokens),
//! [`mod@parse`], `expression` and `cursor` (tokens to [`ast`]), `write` (back to text);
//! [`mistake`] says what is wrong, [`report`] shows it.

pub mod ast;
mod cursor;
mod expression;
pub mod literal;
pub mod mistake;
pub mod nearest;
pub mod parse;
pub mod report;
pub mod source;
pub mod token;
mod write;

#[cfg(test)]
mod tests;

pub use ast::{Document, Expr, ExprId, Span, Statement};
pub use parse::{Form, parse};
pub use report::{Diagnostic, Source};
pub use source::{Given, SourceError, Written, read, read_given};
