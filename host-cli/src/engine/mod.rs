//! Engines: where a circuit runs. The host runs a tape directly; loopback and boards answer over the
//! link. All give the same bits.

mod client;
mod facts;
mod host;
mod line;
mod loopback;
mod open;

pub use chainrule::link::{Memory, Vitals, Work};
pub use client::Client;
pub use facts::BoardFacts;
pub use host::Host;
pub use line::{Heard, Listener, Pipe, Traffic};
pub use loopback::Loopback;
pub use open::{At, Lines, LogTo, OpenError, Stage, open};

use chainrule::link::{NotKept, Refusal};
use chainrule::{CircuitRef, Layout, Op, PlanError, RunError, Scalar, Training, Wire};
use std::fmt;

/// Runs a circuit.
pub trait Engine<T: Scalar> {
    /// Sets elements of an input, label or param from element `start` on.
    fn set(&mut self, wire: Wire, start: usize, values: &[T]) -> Result<(), EngineError>;

    /// All values, first to last.
    fn forward(&mut self) -> Result<(), EngineError>;

    /// All gradients of a scalar wire.
    fn backward(&mut self, wire: Wire) -> Result<(), EngineError>;

    /// Values and gradients of many wires at once, which a line carries faster than one by one;
    /// nothing where a wire has no gradient.
    fn look(&mut self, wires: &[(Wire, Side)]) -> Result<Vec<Option<Vec<T>>>, EngineError>;

    /// The value of a wire.
    fn value(&mut self, wire: Wire) -> Result<Vec<T>, EngineError> {
        Ok(self.look(&[(wire, Side::Value)])?.pop().flatten().unwrap_or_default())
    }

    /// The gradient of a wire; nothing if it has none.
    fn gradient(&mut self, wire: Wire) -> Result<Option<Vec<T>>, EngineError> {
        Ok(self.look(&[(wire, Side::Gradient)])?.pop().flatten())
    }

    /// Declares the params set: from here on training is allowed.
    fn ready(&mut self) -> Result<(), EngineError>;

    /// The hash over all params.
    fn params_hash(&mut self) -> Result<u64, EngineError>;

    /// Has the board keep what it has learned in its flash, through resets and power cuts; nothing
    /// where there is no board.
    fn save(&mut self) -> Result<Option<Memory>, EngineError> {
        Ok(None)
    }

    /// Has the board do so by itself whenever so many steps were made since the last time: the more,
    /// the longer its flash lasts. 0: only when asked.
    fn save_every(&mut self, steps: u32) -> Result<Option<Memory>, EngineError> {
        let _ = steps;
        Ok(None)
    }

    /// What the board keeps, and what it has learned since.
    fn memory(&mut self) -> Result<Option<Memory>, EngineError> {
        Ok(None)
    }

    /// How the processor is, as far as it tells; with `anew`, it measures from here on.
    fn vitals(&mut self, anew: bool) -> Result<Option<Vitals>, EngineError> {
        let _ = anew;
        Ok(None)
    }

    /// How the memory is divided. A board walks samples together if its arena has room.
    fn layout(&self) -> Result<Layout, EngineError>;

    /// What the line to it has carried; nothing where there is no line.
    fn traffic(&self) -> Option<Traffic> {
        None
    }

    /// Takes samples to work on: row after row, each the values of all inputs and labels in the
    /// order of their wires. `progress` is told the share that is done.
    fn keep(&mut self, rows: Vec<T>, progress: &mut dyn FnMut(f64)) -> Result<(), EngineError>;

    /// Takes on how to train from here on; params and moments stay as they are.
    fn train(&mut self, training: Training<T>) -> Result<(), EngineError>;

    /// Works on these rows in this order and tells of each its objective and how many of those so
    /// far had the right class. Training makes a step whenever a batch is full.
    fn run(&mut self, work: Work, rows: &[usize], each: &mut dyn FnMut(T)) -> Result<u64, EngineError>;

    /// Makes the step of a batch that is not full; nothing if none has begun.
    fn end_batch(&mut self) -> Result<(), EngineError>;

    /// The optimiser's moments.
    fn moments(&mut self) -> Result<Vec<T>, EngineError>;

    /// Sets all of the optimiser's moments.
    fn set_moments(&mut self, moments: &[T]) -> Result<(), EngineError>;
}

/// What to look at in a wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// What forward gave it.
    Value,
    /// What backward gave it.
    Gradient,
}

/// The wires that make up a sample, in order.
pub fn sample_wires<T: Copy>(circuit: &CircuitRef<'_, T>) -> Vec<Wire> {
    let is_sample = |wire: &Wire| circuit.gate(*wire).is_some_and(|gate| matches!(gate.op(), Op::Input | Op::Label));
    circuit.wires().filter(is_sample).collect()
}

/// Why an engine did not do what was asked.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum EngineError {
    /// The circuit needs more of something than the board has.
    TooLarge {
        /// The board.
        board: String,
        /// What it has too little of.
        what: &'static str,
        /// How much the circuit needs: bytes for memory, else a count.
        needed: u64,
        /// How much there is.
        had: u64,
    },
    /// The memory could not be planned.
    Plan(PlanError),
    /// The tape refused.
    Run(RunError),
    /// The board refused for another reason.
    Refused(Refusal),
    /// The board computes with other numbers.
    Scalar {
        /// The board.
        board: String,
        /// Bytes of its numbers.
        bytes: u8,
    },
    /// The board holds another circuit, or none.
    OtherCircuit {
        /// The board.
        board: String,
        /// Whether it holds none.
        empty: bool,
    },
    /// No answer came in time.
    Silent {
        /// Requests sent without an answer.
        tries: u32,
    },
    /// The line broke.
    Line(String),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::TooLarge { board, what, needed, had } => {
                write!(f, "the circuit is too large for {board}: it needs {needed} {what}, the board has {had}")
            }
            EngineError::Plan(error) => error.fmt(f),
            EngineError::Run(error) => error.fmt(f),
            EngineError::Refused(Refusal::Version(version)) => {
                let own = chainrule::link::VERSION;
                write!(
                    f,
                    "the board speaks version {version} of the link, this program version {own}; flash the board with the firmware of this version"
                )
            }
            EngineError::Refused(Refusal::NotVerified(hash)) => {
                write!(f, "the board holds other weights than were sent (hash {hash:016x}); send them again")
            }
            EngineError::Refused(Refusal::Build(gate, error)) => write!(f, "the board refused gate {gate}: {error}"),
            EngineError::Refused(Refusal::NotKept(NotKept::NoFlash)) => {
                f.write_str("the board has no flash to keep what it learns in")
            }
            EngineError::Refused(Refusal::NotKept(NotKept::NoRoom(needed, had))) => {
                write!(f, "what the board learned does not fit into its flash: {needed} bytes, a slot has {had}")
            }
            EngineError::Refused(Refusal::NotKept(_)) => {
                f.write_str("the board's flash failed; what it kept before is still there")
            }
            EngineError::Refused(refusal) => write!(f, "the board refused: {refusal:?}"),
            EngineError::Scalar { board, bytes } => {
                let (own, other) = if *bytes == 4 { ("f32", "f64") } else { ("f64", "f32") };
                write!(f, "{board} computes in {own}; leave out --scalar {other}, or run on the host")
            }
            EngineError::OtherCircuit { board, empty: true } => {
                write!(f, "{board} holds no circuit; send it one with `push` or `train`")
            }
            EngineError::OtherCircuit { board, empty: false } => write!(
                f,
                "{board} holds another circuit than this file says; name the file that was pushed or trained there, and with \
                 --freeze what was frozen by that option"
            ),
            EngineError::Silent { tries } => write!(
                f,
                "the board answers no more: it was asked {tries} times; check its power and its cable. What it learned \
                 is there as long as it has power, and what it kept in its flash (`train --keep-every`) after that \
                 too: `pull` fetches it"
            ),
            EngineError::Line(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<RunError> for EngineError {
    fn from(error: RunError) -> Self {
        EngineError::Run(error)
    }
}

impl From<PlanError> for EngineError {
    fn from(error: PlanError) -> Self {
        EngineError::Plan(error)
    }
}
