//! Options that verbs share: the circuit with its values, and where it runs.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::engine::{At, LogTo};
use crate::text::source::{self, Given, SourceError, Written};

/// The circuit and the values of its wires.
#[derive(Args, Clone, Debug)]
pub struct Circuit {
    /// A .circuit file, or a formula such as "(x + y) * z"
    #[arg(value_name = "CIRCUIT", allow_hyphen_values = true, value_parser = circuit)]
    pub circuit: String,

    /// Values of inputs, labels and params: x=-2 or x="[1, 2, 3]"
    #[arg(value_name = "NAME=VALUE")]
    pub values: Vec<String>,

    /// Take inputs and label from this row of the data, counted from 0
    #[arg(long, value_name = "N")]
    pub row: Option<usize>,
}

/// A formula may begin with a sign, but an option that is not known is none.
pub(super) fn circuit(argument: &str) -> Result<String, String> {
    let option = argument.strip_prefix("--").is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic()));
    if option {
        return Err("there is no such option; a formula that begins with two signs takes brackets: -(-x)".into());
    }
    Ok(argument.to_owned())
}

impl Circuit {
    /// Reads the text and the values.
    ///
    /// # Errors
    ///
    /// [`SourceError`] for the first text that cannot be read.
    pub fn read(&self) -> Result<(Written, Vec<Given>), SourceError> {
        let written = source::read(&self.circuit)?;
        let given = self.values.iter().map(|value| source::read_given(value)).collect::<Result<_, _>>()?;
        Ok((written, given))
    }
}

/// Where a circuit runs, in which numbers, and who reads the output.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// Where it runs: host, loopback, a board's name, or a port such as /dev/ttyACM0
    #[arg(long, value_name = "WHERE", default_value = "host")]
    pub on: On,

    /// The numbers it computes with; f64 on host and loopback
    #[arg(long, value_enum, value_name = "SCALAR", default_value_t = ScalarName::F32)]
    pub scalar: ScalarName,

    /// Show what the board logs, on standard error
    #[arg(long)]
    pub log: bool,

    /// The board's image, instead of the one that is built here; it holds the texts of the log
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

impl Where {
    /// The place by its name.
    pub fn at<'a>(&'a self) -> At<'a> {
        let log = if self.log { LogTo::StandardError } else { LogTo::Nowhere };
        At { on: self.on.name(), log, image: self.image.as_deref(), ..At::default() }
    }
}

/// A number that circuits compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScalarName {
    /// 32 bits
    F32,
    /// 64 bits
    F64,
}

impl fmt::Display for ScalarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScalarName::F32 => "f32",
            ScalarName::F64 => "f64",
        })
    }
}

/// Where a circuit runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// In this process.
    Host,
    /// In this process, behind the link.
    Loopback,
    /// A board's name or a port; who knows the boards says which.
    Board(String),
}

impl FromStr for On {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "host" => On::Host,
            "loopback" => On::Loopback,
            board => On::Board(board.to_owned()),
        })
    }
}

impl On {
    /// As it was written.
    pub fn name(&self) -> &str {
        match self {
            On::Host => "host",
            On::Loopback => "loopback",
            On::Board(board) => board,
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
