//! The parts of the command line that tests use too.
//!
//! Docs may link to private items: who reads them has the source beside them.
#![allow(rustdoc::private_intra_doc_links)]

pub mod adapt;
pub mod args;
pub mod bench;
pub mod board;
pub mod cmd;
pub mod data;
pub mod draw;
pub mod engine;
pub mod lower;
pub mod monitor;
pub mod score;
pub mod text;
pub mod train;
pub mod weights;
