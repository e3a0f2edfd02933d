//! Why a training did not happen or did not end, and the words for it.

use crate::data::DataError;
use crate::data::error::DataErrorKind;
use crate::engine::{EngineError, OpenError};
use crate::lower::{RowsError, Training};

use std::fmt;

/// Why a training did not happen or did not end.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// The text says neither `minimize` nor `maximize`.
    NoObjective,
    /// There is nothing to train.
    NoParams {
        /// There are params, but all are frozen.
        frozen: bool,
    },
    /// The learning rate is not finite.
    Rate {
        /// The scalar in use.
        scalar: &'static str,
    },
    /// A batch of no samples.
    EmptyBatch,
    /// A share to hold out that is not from 0 to below 1.
    Share {
        /// The share.
        share: f64,
    },
    /// The data.
    Rows(RowsError),
    /// A saved training was another run.
    OtherRun {
        /// What differs.
        what: String,
        /// What it was.
        there: String,
        /// What it would be now.
        here: String,
    },
    /// A saved training has made as many steps as are asked for.
    AllDone {
        /// Its steps.
        steps: u64,
        /// The steps asked for.
        asked: u64,
    },
    /// All rows are held out.
    NothingLeft {
        /// How many there are.
        rows: usize,
    },
    /// The engine did not open.
    Open(OpenError),
    /// The engine gave up.
    Engine(EngineError),
    /// A step would have left the finite numbers, or a loss was not a number.
    Diverged {
        /// The step, from 1.
        step: u64,
        /// Where; empty for the objective.
        wire: String,
        /// The learning rate.
        lr: String,
    },
}

impl TrainError {
    pub(super) fn data<T>(training: &Training<T>, kind: DataErrorKind) -> TrainError {
        let path = training.data.clone().unwrap_or_default();
        TrainError::Rows(RowsError::Data(DataError { path, kind }))
    }

    /// What would be right.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            TrainError::NoObjective => {
                "say what to lower or to raise, for example `minimize cross_entropy(logits, digit)`".into()
            }
            TrainError::NoParams { frozen: true } => "leave something out of `freeze`".into(),
            TrainError::NoParams { frozen: false } => {
                "give it weights: `layer fc1 = dense(32)`, or `param w = 0`; to move inputs, use `climb`".into()
            }
            TrainError::Rate { .. } => "write a number such as `--lr 0.05`".into(),
            TrainError::EmptyBatch => "a batch has at least one sample: `--batch 1`".into(),
            TrainError::Share { .. } => "hold out a share from 0 to below 1: `--split 0.2`".into(),
            TrainError::OtherRun { what, there, .. } if what == "schedule" => {
                format!("say in the text how long it takes, before and after: `schedule = {there}`")
            }
            TrainError::OtherRun { what, .. } if what == "data" || what == "rows to train on" => {
                "go on with the data and the split that it began with; to begin anew from its weights, use `--load`"
                    .into()
            }
            TrainError::OtherRun { what, .. } if what == "frozen" => {
                "say what was frozen then, in the text or as `--freeze fc1,fc2.bias`; to begin anew from its weights, \
                 use `--load`"
                    .into()
            }
            TrainError::OtherRun { what, there, .. } => {
                format!("go on with `{what} = {there}`; to begin anew from its weights, use `--load`")
            }
            TrainError::AllDone { steps, .. } => {
                format!("steps and epochs count from the beginning: ask for more, `--steps {}`", 2 * steps)
            }
            TrainError::NothingLeft { .. } => "hold out a smaller share: `--split 0.2`".into(),
            TrainError::Diverged { lr, .. } => format!(
                "lower the learning rate (it is {lr}: try `--lr {}`), or scale the inputs to about -1 to 1",
                tenth(lr)
            ),
            TrainError::Rows(_) | TrainError::Open(_) | TrainError::Engine(_) => return None,
        })
    }

    /// The error as text for a terminal or a file.
    pub fn report(&self) -> String {
        match (self, self.help()) {
            (TrainError::Rows(error), _) => error.report(),
            (_, Some(help)) => format!("error: {self}\n  = help: {help}"),
            (_, None) => format!("error: {self}"),
        }
    }
}

/// A tenth, without the digits that binary division leaves.
fn tenth(lr: &str) -> f64 {
    let lr: f64 = lr.parse().unwrap_or_default();
    format!("{:.1e}", lr / 10.0).parse().unwrap_or(lr)
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainError::NoObjective => f.write_str("the circuit has no objective to train for"),
            TrainError::NoParams { frozen: true } => f.write_str("there is nothing to train: all params are frozen"),
            TrainError::NoParams { frozen: false } => f.write_str("there is nothing to train: no params"),
            TrainError::Rate { scalar } => write!(f, "the learning rate is not a finite {scalar}"),
            TrainError::EmptyBatch => f.write_str("a batch of 0 samples"),
            TrainError::Share { share } => write!(f, "{share} is no share of the rows"),
            TrainError::Rows(error) => error.fmt(f),
            TrainError::OtherRun { what, there, here } => {
                write!(f, "the saved training is another run: {what} was {there}, and is {here}")
            }
            TrainError::AllDone { steps, asked } => {
                write!(f, "the saved training has made {steps} steps, and {asked} are asked for")
            }
            TrainError::NothingLeft { rows } => {
                write!(f, "no row is left to train on: all {rows} are held out")
            }
            TrainError::Open(error) => error.fmt(f),
            TrainError::Engine(error) => error.fmt(f),
            TrainError::Diverged { step, wire, .. } if wire.is_empty() => {
                write!(f, "the training diverged at step {step}: the objective is not a number")
            }
            TrainError::Diverged { step, wire, .. } => {
                write!(f, "the training diverged at step {step}: `{wire}` would leave the finite numbers")
            }
        }
    }
}

impl std::error::Error for TrainError {}

impl From<RowsError> for TrainError {
    fn from(error: RowsError) -> Self {
        TrainError::Rows(error)
    }
}

impl From<OpenError> for TrainError {
    fn from(error: OpenError) -> Self {
        TrainError::Open(error)
    }
}

impl From<EngineError> for TrainError {
    fn from(error: EngineError) -> Self {
        TrainError::Engine(error)
    }
}
