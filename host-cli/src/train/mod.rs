//! Training on data: rows become an engine's samples, epochs become steps.
//!
//! The road: `rows` (table to samples, inputs brought to scale), `epochs` (samples to steps),
//! [`error`] (what can go wrong, in words).
//!
//! # What is drawn, in which order
//!
//! One generator, seeded once, gives everything, always on the host, so that no engine can change
//! it. It draws, in this order:
//!
//! 1. the params' first values, in the order of their wires (lowering does this, also when loaded
//!    weights then take their place);
//! 2. one shuffle of all rows, of which the first share is held out;
//! 3. with `by(column)`, one shuffle of the column's different values;
//! 4. before each epoch, the first included, a shuffle of the rows that are trained on, going on
//!    from their last order.

mod epochs;
pub mod error;
mod rows;

pub use epochs::Seen;
pub use error::TrainError;
pub(crate) use rows::samples;

use crate::engine::{At, Stage, open};
use crate::lower::{Holdout, Lowered, Optimizer, Training};
use crate::text::literal::Readable;
use chainrule::Purpose;
use epochs::Epochs;

/// What happens while a training runs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The engine opens.
    Opening(Stage<'a>),
    /// The samples go to the engine; the share that is there.
    Sending(f64),
    /// Everything is there.
    Begins {
        /// Rows to train on.
        rows: usize,
        /// Rows held out.
        held: usize,
        /// Samples in all epochs.
        samples: u64,
    },
    /// Some steps were made.
    Steps {
        /// The epoch, from 1.
        epoch: u32,
        /// Samples so far, in all epochs.
        samples: u64,
        /// What this epoch gave so far.
        seen: Seen,
    },
    /// An epoch is over.
    Epoch {
        /// The epoch, from 1.
        epoch: u32,
        /// How many there will be.
        of: u32,
        /// What it gave.
        seen: Seen,
    },
    /// The held-out rows are looked at.
    Measuring,
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained<T> {
    /// Whole epochs.
    pub epochs: u32,
    /// Steps of the optimiser.
    pub steps: u64,
    /// What the last epoch's steps gave, each before it moved the params.
    pub last: Seen,
    /// What the held-out rows gave; nothing if none were held out.
    pub held: Option<Seen>,
    /// The hash over all params.
    pub params_hash: u64,
    /// The params, in the order of [`Lowered::params`].
    pub params: Vec<Vec<T>>,
    /// Rows that were trained on.
    pub rows: usize,
    /// Whether the objective tells classes apart.
    pub has_classes: bool,
}

impl<T> Trained<T> {
    /// The mean objective of the held-out rows.
    pub fn loss(&self) -> Option<f64> {
        self.held.map(|seen| seen.loss())
    }

    /// The share of held-out rows whose class was right.
    pub fn accuracy(&self) -> Option<f64> {
        self.held.filter(|_| self.has_classes).map(|seen| seen.accuracy())
    }
}

/// Trains a circuit as `training` says, which is its own [`Lowered::training`] with what the
/// command line puts over it; its params start where [`Lowered::params`] says.
///
/// # Errors
/// [`TrainError`]; nothing is kept then.
pub fn train<'a, T: Readable>(
    lowered: &Lowered<T>,
    training: &Training<T>,
    at: impl Into<At<'a>>,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Trained<T>, TrainError> {
    check(lowered, training)?;
    let Optimizer::Sgd { lr } = training.optimizer;
    let mut random = lowered.random.clone();
    let table = lowered.table(training)?;
    let split = training.part(&table, &mut random).map_err(|kind| TrainError::data(training, kind))?;
    if split.train.is_empty() {
        return Err(TrainError::NothingLeft { rows: table.rows() });
    }
    let circuit = lowered.view();
    let purpose = if training.batch == 1 { Purpose::Train } else { Purpose::Accumulate };
    let mut engine = open(at, circuit, purpose, &mut |stage| watch(Event::Opening(stage)))?;
    for param in &lowered.params {
        engine.set(param.wire, 0, &param.start)?;
    }
    for (wire, values) in rows::fit(lowered, &table, &split.train) {
        engine.set(wire, 0, &values)?;
    }
    engine.ready()?;
    engine.keep(rows::samples(lowered, &table), &mut |share| watch(Event::Sending(share)))?;

    let rows = split.train.len();
    let a_walk = rows.div_ceil(training.batch as usize) as u64;
    let most_steps = training.steps.unwrap_or(a_walk * u64::from(training.epochs));
    let walks = u32::try_from(most_steps.div_ceil(a_walk)).unwrap_or(u32::MAX);
    let (whole, rest) = (most_steps / a_walk, most_steps % a_walk);
    let samples = whole * rows as u64 + (rest * u64::from(training.batch)).min(rows as u64);
    watch(Event::Begins { rows, held: split.held.len(), samples });
    let mut epochs = Epochs::new(engine.as_mut(), lr, training.batch, split.train, random);
    let (mut before, mut last) = (0, Seen::default());
    for epoch in 1..=walks {
        let seen = epochs
            .walk(most_steps, &mut |seen| {
                watch(Event::Steps { epoch, samples: before + seen.samples, seen });
            })
            .map_err(|stop| stop.told(lowered, lr))?;
        before += seen.samples;
        last = seen;
        watch(Event::Epoch { epoch, of: walks, seen });
    }
    let steps = epochs.steps();
    let held = if split.held.is_empty() {
        None
    } else {
        watch(Event::Measuring);
        Some(epochs.measure(&split.held)?)
    };
    let params_hash = engine.params_hash()?;
    let params = lowered.params.iter().map(|param| engine.value(param.wire)).collect::<Result<_, _>>()?;
    let epochs = u32::try_from(steps / a_walk).unwrap_or(u32::MAX);

    let has_classes = has_classes(lowered);
    Ok(Trained { epochs, steps, last, held, params_hash, params, rows, has_classes })
}

/// Whether a circuit's objective tells classes apart, so that there is an accuracy.
pub fn has_classes<T: Readable>(lowered: &Lowered<T>) -> bool {
    lowered.view().class_gate().is_some()
}

/// What is wrong before any file is read.
fn check<T: Readable>(lowered: &Lowered<T>, training: &Training<T>) -> Result<(), TrainError> {
    let Optimizer::Sgd { lr } = training.optimizer;
    if lowered.objective().is_none() {
        return Err(TrainError::NoObjective);
    }
    if lowered.params.iter().all(|param| param.frozen) {
        return Err(TrainError::NoParams { frozen: !lowered.params.is_empty() });
    }
    if !lr.is_finite() {
        return Err(TrainError::Rate { scalar: T::NAME });
    }
    if training.batch == 0 {
        return Err(TrainError::EmptyBatch);
    }
    match training.split {
        Holdout::Rows(share) | Holdout::Groups { share, .. } if !(0.0..1.0).contains(&share) => {
            Err(TrainError::Share { share })
        }
        _ => Ok(()),
    }
}
