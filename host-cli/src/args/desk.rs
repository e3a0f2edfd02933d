//! The verbs between desk and board: a circuit into a firmware, into a board and back.

use std::path::PathBuf;

use clap::Args;

use super::shared::ScalarName;

/// `chainrule export`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule train digits.circuit --save digits.safetensors
  chainrule export digits.circuit --weights digits.safetensors --rust -o src/digits.rs

The file is a module for a firmware that depends on the crate `chainrule`: the circuit, its plans and
its frozen weights lie in flash, checked when it is compiled; the others start in RAM from what was
trained. `freeze` in the text says which are which; with --inference all are frozen.")]
pub struct Export {
    /// A .circuit file
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The weights, a safetensors file; otherwise the first ones, by the file's seed
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Write Rust, for `mod`
    #[arg(long, required = true, action = clap::ArgAction::SetTrue)]
    pub rust: bool,
    /// Freeze every weight, for a firmware that does not train
    #[arg(long)]
    pub inference: bool,
    /// Write into this file, not to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The numbers it computes with
    #[arg(long, value_enum, value_name = "SCALAR", default_value_t = ScalarName::F32)]
    pub scalar: ScalarName,
}
