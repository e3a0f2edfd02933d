//! Epochs: walks over the rows in a new order each, by fused steps or by batches.
//!
//! The core's loop makes a step whenever a batch is full; the last batch of an epoch holds what is
//! left and is averaged over that.

use super::error::TrainError;
use crate::engine::{Engine, EngineError, Work};
use crate::lower::Lowered;
use crate::text::literal::Readable;
use chainrule::{Random, RunError, Scalar};
use std::ops::ControlFlow;

/// Samples that an engine is given at once, in whole batches; between two such requests progress is
/// told.
const AT_ONCE: usize = 64;

/// What a walk over rows gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// How many rows.
    pub samples: u64,
    /// The objective, added up over them in their order.
    pub sum: f64,
    /// How many had the right class.
    pub correct: u64,
}

impl Seen {
    /// The mean objective.
    pub fn loss(&self) -> f64 {
        self.sum / self.samples as f64
    }

    /// The share whose class was right.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples as f64
    }
}

/// Why a walk stopped.
pub struct Stop {
    /// The engine's error; none if the objective was no number.
    error: Option<EngineError>,
    /// The step that was under way, from 1.
    step: u64,
}

impl Stop {
    /// The error in words of the text: a step that was refused and an objective that is no number
    /// mean that the training diverged.
    pub fn told<T: Readable>(self, lowered: &Lowered<T>, lr: T) -> TrainError {
        let diverged = |wire: &str| TrainError::Diverged { step: self.step, wire: wire.to_owned(), lr: lr.to_string() };
        match self.error {
            None => diverged(""),
            Some(EngineError::Run(RunError::NotFinite(wire))) => {
                diverged(lowered.view().wire(usize::from(wire)).map_or("", |wire| lowered.name(wire)))
            }
            Some(error) => TrainError::Engine(error),
        }
    }
}

/// Hears of steps that were made.
pub type Told<'t, T> = &'t mut dyn FnMut(&mut dyn Engine<T>, u64, Seen) -> Result<ControlFlow<()>, EngineError>;

/// A training under way.
pub struct Epochs<'e, T> {
    engine: &'e mut dyn Engine<T>,
    batch: usize,
    order: Vec<usize>,
    random: Random,
    steps: u64,
    /// Progress is told at the multiples of it.
    pace: u64,
    /// What the epoch that is under way gave so far; its rows are passed over.
    begun: Seen,
}

impl<'e, T: Scalar> Epochs<'e, T> {
    /// Batches of these rows, on an engine that knows how to train.
    pub fn new(engine: &'e mut dyn Engine<T>, batch: u32, rows: Vec<usize>, random: Random) -> Self {
        let (batch, pace) = (batch as usize, u64::MAX);
        Epochs { engine, batch, order: rows, random, steps: 0, pace, begun: Seen::default() }
    }

    /// From here on tells of progress whenever the steps are a multiple of so many, too.
    pub fn tell_at(&mut self, pace: u64) {
        self.pace = pace.max(1);
    }

    /// Steps in a walk over all rows.
    pub fn a_walk(&self) -> u64 {
        self.order.len().div_ceil(self.batch) as u64
    }

    /// Goes on after so many steps: the orders of the epochs before are drawn again. `begun` is what
    /// the epoch gave that is not over.
    pub fn skip(&mut self, steps: u64, begun: Seen) {
        for _ in 0..steps / self.a_walk() {
            self.random.shuffle(&mut self.order);
        }
        (self.steps, self.begun) = (steps, begun);
    }

    /// The engine that trains.
    pub fn engine(&mut self) -> &mut dyn Engine<T> {
        self.engine
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Walks over all rows once, or until there were `most_steps` in all, or until `told` breaks off,
    /// which it may after any step: it has the engine then, and is told the steps so far and what this
    /// walk gave.
    pub fn walk(&mut self, most_steps: u64, told: Told<'_, T>) -> Result<Seen, Stop> {
        self.random.shuffle(&mut self.order);
        let mut seen = std::mem::take(&mut self.begun);
        let at_once = self.batch * (AT_ONCE / self.batch).max(1);
        let passed = usize::try_from(self.steps % self.a_walk()).unwrap_or(usize::MAX).saturating_mul(self.batch);
        let mut ahead = self.order.get(passed..).unwrap_or_default();
        while !ahead.is_empty() && self.steps < most_steps {
            let steps = (most_steps - self.steps).min(self.pace - self.steps % self.pace);
            let samples = usize::try_from(steps).unwrap_or(usize::MAX).saturating_mul(self.batch);
            let (rows, behind) = ahead.split_at(samples.min(at_once).min(ahead.len()));
            ahead = behind;
            // The first row whose objective was no number, and how many were done.
            let (mut done, mut wrong) = (0, None);
            let mut each = |objective: T| {
                seen.sum += objective.to_f64();
                if objective.is_nan() {
                    wrong = wrong.or(Some(done));
                }
                done += 1;
            };
            let correct = self.engine.run(Work::Train, rows, &mut each);
            let step_of = |row: u64| self.steps + 1 + row / self.batch as u64;
            let stop = |done| move |error| Stop { error: Some(error), step: step_of(done) };
            let correct = correct.map_err(stop(done))?;
            if !rows.len().is_multiple_of(self.batch) {
                self.engine.end_batch().map_err(stop(done - 1))?;
            }
            if let Some(row) = wrong {
                return Err(Stop { error: None, step: step_of(row) });
            }
            seen.correct += correct;
            seen.samples += done;
            self.steps += rows.len().div_ceil(self.batch) as u64;
            let flow = told(self.engine, self.steps, seen);
            if flow.map_err(|error| Stop { error: Some(error), step: self.steps })?.is_break() {
                break;
            }
        }
        Ok(seen)
    }

    /// [`measure`] on the engine that trains.
    pub fn measure(&mut self, rows: &[usize]) -> Result<Seen, EngineError> {
        measure(self.engine, rows)
    }
}

/// Looks at these rows, without a step.
pub fn measure<T: Scalar>(engine: &mut dyn Engine<T>, rows: &[usize]) -> Result<Seen, EngineError> {
    let mut sum = 0.0;
    let correct = engine.run(Work::Evaluate, rows, &mut |objective| sum += objective.to_f64())?;
    Ok(Seen { samples: rows.len() as u64, sum, correct })
}
