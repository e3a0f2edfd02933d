//! Why a verb failed, from whichever layer, and the words for it.

use std::fmt;
use std::io;

use crate::board::BoardError;
use crate::engine::{EngineError, OpenError};
use crate::lower::RowsError;
use crate::text::SourceError;
use crate::train::TrainError;
use crate::weights::WeightsError;

/// Why a verb failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The text, or a value on the command line, is wrong.
    Source(SourceError),
    /// The data is wrong.
    Rows(RowsError),
    /// The training did not end well.
    Train(Box<TrainError>),
    /// The weights could not be loaded or saved.
    Weights(Box<WeightsError>),
    /// The board cannot be had.
    Board(BoardError),
    /// The engine failed.
    Engine(EngineError),
    /// What was asked cannot be done; why, and what to do.
    Refused(String),
    /// The output could not be written.
    Output(io::Error),
}

impl Failure {
    /// The failure as text for a terminal (`styled`) or a file.
    pub fn report(&self, styled: bool) -> String {
        match self {
            Failure::Source(error) => error.report(styled),
            Failure::Rows(error) => error.report(),
            Failure::Train(error) => error.report(),
            Failure::Weights(error) => error.report(),
            _ => format!("error: {self}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Source(error) => f.write_str(&error.report(false)),
            Failure::Rows(error) => error.fmt(f),
            Failure::Train(error) => error.fmt(f),
            Failure::Weights(error) => error.fmt(f),
            Failure::Board(error) => error.fmt(f),
            Failure::Engine(error) => error.fmt(f),
            Failure::Refused(why) => f.write_str(why),
            Failure::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Failure::Source(error)
    }
}

impl From<RowsError> for Failure {
    fn from(error: RowsError) -> Self {
        Failure::Rows(error)
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        Failure::Train(Box::new(error))
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        Failure::Weights(Box::new(error))
    }
}

impl From<BoardError> for Failure {
    fn from(error: BoardError) -> Self {
        Failure::Board(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Board(error) => Failure::Board(error),
            OpenError::Engine(error) => Failure::Engine(error),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::Engine(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}
