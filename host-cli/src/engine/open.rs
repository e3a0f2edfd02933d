//! From the word behind `--on` to an engine that holds the circuit.

use super::{Client, Engine, EngineError, Host, Loopback};
use crate::board::{BoardError, Port, port::Opening};
use chainrule::{CircuitRef, Purpose, Scalar};
use std::fmt;

/// What is under way while an engine opens.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Stage<'a> {
    /// The board's image is being built; the compiler's last line.
    Building(&'a str),
    /// The emulator starts.
    Starting(&'a str),
    /// The circuit goes to the board; the share that is there.
    Sending(f64),
}

/// Why an engine did not open.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such board, or no way to it.
    Board(BoardError),
    /// It is there and refused.
    Engine(EngineError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Board(error) => error.fmt(f),
            OpenError::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<BoardError> for OpenError {
    fn from(error: BoardError) -> Self {
        OpenError::Board(error)
    }
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        OpenError::Engine(error)
    }
}

/// Opens `host`, `loopback`, a board by its name or a serial device by its path, with the circuit
/// sent and its memory planned. All inputs and params are zero.
///
/// # Errors
/// [`OpenError`].
pub fn open<'c, T: Scalar>(
    on: &str,
    circuit: CircuitRef<'c, T>,
    purpose: Purpose,
    progress: &mut dyn FnMut(Stage<'_>),
) -> Result<Box<dyn Engine<T> + 'c>, OpenError> {
    open_with(on, circuit, purpose, false, progress)
}

/// As [`open`]; with `log`, what a board logs is written to standard error.
///
/// # Errors
/// [`OpenError`].
pub fn open_with<'c, T: Scalar>(
    on: &str,
    circuit: CircuitRef<'c, T>,
    purpose: Purpose,
    log: bool,
    progress: &mut dyn FnMut(Stage<'_>),
) -> Result<Box<dyn Engine<T> + 'c>, OpenError> {
    match on {
        "host" => Ok(Box::new(Host::new(circuit, purpose)?)),
        "loopback" => Ok(Box::new(Client::new(Loopback::<T>::new(), circuit, purpose, &mut |_| {})?)),
        _ => {
            let port = Port::open(on, T::BYTES == 8, log, &mut |opening| match opening {
                Opening::Building(_, line) => progress(Stage::Building(line)),
                Opening::Starting(board) => progress(Stage::Starting(board)),
            })?;
            let silent = port.silent();
            let opened = Client::new(port, circuit, purpose, &mut |share| progress(Stage::Sending(share)));
            match opened {
                Ok(client) => Ok(Box::new(client)),
                Err(EngineError::Silent { .. }) => Err(OpenError::Board(silent)),
                Err(error) => Err(error.into()),
            }
        }
    }
}
