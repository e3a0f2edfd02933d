//! The verbs between desk and board: a circuit into a firmware, into a board and back.

use std::path::PathBuf;

use clap::Args;

use super::models::{hold_out, pick};
use super::shared::{On, ScalarName};
use super::verbs::share;
use crate::lower::{Pick, Training};

/// `chainrule export`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule train digits.circuit --save digits.safetensors
  chainrule export digits.circuit --weights digits.safetensors --rust -o src/digits.rs

The file is a module for a firmware that depends on the crate `chainrule`: the circuit, its plans and
its frozen weights lie in flash, checked when it is compiled; the others start in RAM from what was
trained. `freeze` in the text says which are which; with --inference all are frozen. The constant
TRAINING holds optimiser, batch and seed of the text, and `train` plans the memory that they take.")]
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
    /// Print one line of JSON about the file
    #[arg(long, requires = "output")]
    pub json: bool,
}

/// `chainrule push`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule push digits.circuit --weights digits.safetensors --on /dev/ttyACM0
  chainrule push digits.circuit --state half.state --on /dev/ttyACM0

The board keeps circuit and weights when the host goes, until it is sent others; what is kept in its flash
(train --keep-every) survives its power too. With --state it has optimiser, moments and count of steps of
that training as well.")]
pub struct Push {
    /// A .circuit file
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The weights, a safetensors file; otherwise the first ones, by the file's seed
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// A saved training (train --save-state, pull --save-state): weights, moments and steps
    #[arg(long, value_name = "FILE", conflicts_with_all = ["weights", "inference"])]
    pub state: Option<PathBuf>,
    /// What was frozen beside what the text says, as for `train`
    #[arg(long, value_name = "NAMES")]
    pub freeze: Option<String>,
    /// Plan the board's memory for forward only, which takes less
    #[arg(long)]
    pub inference: bool,
    /// The board's port, such as /dev/ttyACM0
    #[arg(long, value_name = "PORT")]
    pub on: On,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `chainrule pull`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule pull digits.circuit --on /dev/ttyACM0 --save learned.safetensors
  chainrule pull digits.circuit --on /dev/ttyACM0 --save-state half.state
  chainrule train digits.circuit --resume half.state --epochs 60

The board must hold the circuit of this file, by `push` or by `train`; nothing on it changes. The file is
needed: a board holds gates and numbers, compared here by hash, but no names, no text and no data, so that
it cannot say what a weight is called.

--save-state writes the optimiser's moments and the count of steps too: `train --resume` goes on from there,
here or on another board, to the bits of a training that never stopped. What a board does not know is the
host's to say again: the data, the split and what was frozen, where `train` was told by options. Figures of
the epoch under way and the best epoch so far begin anew.")]
pub struct Pull {
    /// The .circuit file that the board holds
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The board's port, such as /dev/ttyACM0
    #[arg(long, value_name = "PORT")]
    pub on: On,
    /// Write what the board has learned into this safetensors file
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Write all that is needed to go on with the board's training into this file
    #[arg(long, value_name = "FILE")]
    pub save_state: Option<PathBuf>,
    /// What was frozen beside what the text says, as for `train`
    #[arg(long, value_name = "NAMES")]
    pub freeze: Option<String>,
    /// The CSV file of samples, as for `train`
    #[arg(long, value_name = "CSV", requires = "save_state")]
    pub data: Option<PathBuf>,
    /// The share of the rows that is held out, as for `train`
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "save_state")]
    pub split: Option<f64>,
    /// What is held out by value, as for `train`
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pick, conflicts_with = "split", requires = "save_state")]
    pub hold_out: Option<Pick>,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

impl Pull {
    /// Puts what the options say over what the text says.
    pub fn settle<T>(&self, training: &mut Training<T>) {
        if let Some(data) = &self.data {
            training.data = Some(data.clone());
        }
        hold_out(&mut training.split, self.split, self.hold_out.as_ref());
    }
}

/// `chainrule doctor`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule doctor
  chainrule doctor --json | jq -r '.checks[] | select(.found | not) | .mend'

Exit code 1 when a board cannot be built for or emulated; a missing probe or port is told, no more.")]
pub struct Doctor {
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `chainrule image`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule image --board microbit --out chainrule.hex
  chainrule image --board b-l475e-iot01a --out chainrule.uf2
  chainrule image --board microbit --no-keep --out small.hex")]
pub struct WriteImage {
    /// The board
    #[arg(long, value_name = "BOARD")]
    pub board: String,
    /// The file: .elf, .hex or .uf2
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// An image (ELF) that was built elsewhere, instead of building it here
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Build it without what keeps the learned in flash: 6 KB smaller, and a reset forgets
    #[arg(long, conflicts_with = "image")]
    pub no_keep: bool,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `chainrule flash`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:
  chainrule flash --board microbit

Builds the board's image and has the installed probe-rs write it and reset the board.")]
pub struct Flash {
    /// The board
    #[arg(long, value_name = "BOARD")]
    pub board: String,
    /// An image (ELF) that was built elsewhere, instead of building it here
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Build it without what keeps the learned in flash: 6 KB smaller, and a reset forgets
    #[arg(long, conflicts_with = "image")]
    pub no_keep: bool,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}
