//! The verbs that show: a circuit as a picture, its size, what it costs, the boards there are.

use clap::{Args, ValueEnum};

use super::shared::{Circuit, ScalarName};
use super::sheet::Sheet;
use crate::draw::paint;

/// `chainrule draw`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule draw \"(x + y) * z\" x=-2 y=5 z=-4
  chainrule draw digits.circuit -o digits.svg
  chainrule draw \"(x + y) * z\" x=-2 y=5 z=-4 --step 1 -o step1.png

Values stand above the wires, gradients below. Without values, the circuit alone is drawn.
Without -o, the drawing is text.")]
pub struct Draw {
    /// The circuit and its values.
    #[command(flatten)]
    pub circuit: Circuit,
    /// Draw into this file: .svg or .png
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<Sheet>,
    /// The colours of the file
    #[arg(long, value_enum, value_name = "THEME", default_value_t = Theme::Auto)]
    pub theme: Theme,
    /// Draw the state after this many gates have passed their gradient back
    #[arg(long, value_name = "N")]
    pub step: Option<usize>,
    /// Write an SVG that plays the way back
    #[arg(long, requires = "output", conflicts_with = "step")]
    pub animate: bool,
    /// The numbers it computes with
    #[arg(long, value_enum, value_name = "SCALAR", default_value_t = ScalarName::F32)]
    pub scalar: ScalarName,
    /// Print one line of JSON about the drawing
    #[arg(long)]
    pub json: bool,
}

/// Dark on light, or the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// Dark on light
    Light,
    /// Light on dark
    Dark,
    /// As the viewer prefers; light in a PNG
    Auto,
}

impl From<Theme> for paint::Theme {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Light => paint::Theme::Light,
            Theme::Dark => paint::Theme::Dark,
            Theme::Auto => paint::Theme::Auto,
        }
    }
}

/// `chainrule size`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule size digits.circuit
  chainrule size digits.circuit --freeze fc1
  chainrule size digits.circuit --json | jq .boards.microbit

Values are not needed. The bytes are those of f32, as boards compute; training is sample by
sample, or by batches if the file's `train` block says so.")]
pub struct Size {
    /// A .circuit file, or a formula such as "(x + y) * z"
    #[arg(value_name = "CIRCUIT", allow_hyphen_values = true, value_parser = super::shared::circuit)]
    pub circuit: String,
    /// Layers and params to leave alone: fc1,fc2.bias; `weights` leaves only biases to train
    #[arg(long, value_name = "NAMES")]
    pub freeze: Option<String>,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `chainrule bench`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule bench digits.circuit
  chainrule bench digits.circuit --on mps2-an386 --json
  chainrule bench digits.circuit --on microbit --profile

The mean over the first 100 steps of seed 1. Instructions are counted exactly on emulated boards that
have a counter (mps2-an386, mps2-an505, riscv-virt); a time is told on the host, inputs set included.
Without data, a step is forward and backward at the values of the text. A profile follows every
instruction of an emulated board, with or without a counter; that takes a minute and more.")]
pub struct Bench {
    /// A .circuit file
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Tell too in which functions of its image an emulated board does the instructions of a step
    #[arg(long)]
    pub profile: bool,
    /// Where it runs.
    #[command(flatten)]
    pub at: super::shared::Where,
}

/// `chainrule boards`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule boards
  chainrule boards --json | jq -r '.boards[].name'

A board's name goes behind --on: it runs in the emulator, and its image is built when it is
first needed. A board on a cable is named by its port.")]
pub struct Boards {
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}
