//! From the word behind `--on` to an engine that holds the circuit.

use super::{Client, Engine, EngineError, Heard, Host, Listener, Loopback};
use crate::board::log::Decoded;
use crate::board::{BoardError, Count, Port, port::Opening};
use chainrule::{CircuitRef, Purpose, Scalar};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

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

/// Lines that several may read.
pub type Lines = Rc<RefCell<Vec<String>>>;

/// Where what a board logs is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogTo<'a> {
    /// Nowhere.
    #[default]
    Nowhere,
    /// To standard error.
    StandardError,
    /// Behind these lines.
    Behind(&'a Lines),
}

impl LogTo<'_> {
    /// What takes a line; nothing if nobody reads it.
    fn taker(self) -> Option<Box<dyn FnMut(String)>> {
        match self {
            LogTo::Nowhere => None,
            // A closed standard error is no reason not to run.
            LogTo::StandardError => Some(Box::new(|line| drop(writeln!(io::stderr(), "{line}")))),
            LogTo::Behind(lines) => {
                let lines = lines.clone();
                Some(Box::new(move |line| lines.borrow_mut().push(line)))
            }
        }
    }
}

/// Where a circuit is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At<'a> {
    /// `host`, `loopback`, a board by its name or a serial device by its path.
    pub on: &'a str,
    /// Where what a board logs is written.
    pub log: LogTo<'a>,
    /// The board's image, instead of the one that is built here.
    pub image: Option<&'a Path>,
    /// Whether the emulated processor's instructions are counted.
    pub count: Count<'a>,
}

impl<'a> From<&'a str> for At<'a> {
    fn from(on: &'a str) -> Self {
        At { on, ..At::default() }
    }
}

/// Opens an engine with the circuit sent and its memory planned. All inputs and params are zero.
///
/// # Errors
/// [`OpenError`].
pub fn open<'c, 'a, T: Scalar>(
    at: impl Into<At<'a>>,
    circuit: CircuitRef<'c, T>,
    purpose: Purpose,
    progress: &mut dyn FnMut(Stage<'_>),
) -> Result<Box<dyn Engine<T> + 'c>, OpenError> {
    let at = at.into();
    let mut taker = at.log.taker();
    if let Some(taker) = &mut taker
        && ["host", "loopback"].contains(&at.on)
    {
        taker(format!("{}: no board, so no log", at.on));
    }
    match at.on {
        "host" => Ok(Box::new(Host::new(circuit, purpose)?)),
        "loopback" => Ok(Box::new(Client::new(Loopback::<T>::new(), circuit, purpose, &mut |_| {})?)),
        _ => {
            let port = Port::open(at.on, T::BYTES == 8, at.image, at.count, &mut |opening| match opening {
                Opening::Building(_, line) => progress(Stage::Building(line)),
                Opening::Starting(board) => progress(Stage::Starting(board)),
            })?;
            let silent = port.silent();
            let log = taker.map(|taker| {
                let image = at.image.or(port.image()).map(Path::to_owned);
                let mut log = Decoded::new(image, taker);
                Box::new(move |heard: Heard<'_>| log.hear(heard)) as Listener
            });
            let sending = &mut |share| progress(Stage::Sending(share));
            match Client::listening(port, log, circuit, purpose, sending) {
                Ok(client) => Ok(Box::new(client)),
                Err(EngineError::Silent { .. }) => Err(OpenError::Board(silent)),
                Err(error) => Err(error.into()),
            }
        }
    }
}
