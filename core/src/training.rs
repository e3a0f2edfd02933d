//! The training loop: sample in, step out.
//!
//! The caller puts a sample into a tape's inputs and hands the tape over; how many samples make a
//! step, when it is made and at which rate is kept here. So a host, a board that a host trains over
//! the link, and a board that trains alone run the same loop and get the same bits.
//!
//! ```
//! use chainrule::{Circuit, Method, Optimiser, Shape, Slot, Tape, Training, plan};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // y = w·x + b, to be trained on y = 2x + 1
//! let mut circuit: Circuit<f32, 8> = Circuit::new();
//! let (x, target) = (circuit.input(Shape::SCALAR)?, circuit.input(Shape::SCALAR)?);
//! let (w, b) = (circuit.param(Shape::SCALAR)?, circuit.param(Shape::SCALAR)?);
//! let product = circuit.mul(w, x)?;
//! let y = circuit.add(product, b)?;
//! let loss = circuit.mse(y, target)?;
//! circuit.minimize(loss)?;
//!
//! let adam = Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
//! let mut training = Training::new(Optimiser::new(adam, 0.1), 4);
//! let mut slots = [Slot::EMPTY; 8];
//! let layout = plan(&circuit.view(), training.purpose(), false, &mut slots)?;
//! let mut arena = [0.0; 32]; // at least layout.arena_len() numbers, moments included
//! let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena)?;
//! for step in 0..1000 {
//!     let sample = (step % 5) as f32 - 2.0;
//!     tape.set(x, &[sample])?;
//!     tape.set(target, &[2.0 * sample + 1.0])?;
//!     training.sample(&mut tape)?; // every fourth makes a step
//! }
//! assert_eq!(training.steps(), 250);
//! assert!((tape.value(w)?[0] - 2.0).abs() < 0.05 && (tape.value(b)?[0] - 1.0).abs() < 0.05);
//! # Ok(())
//! # }
//! ```

use crate::dropout::Noise;
use crate::error::RunError;
use crate::optimiser::Optimiser;
use crate::plan::Purpose;
use crate::scalar::Scalar;
use crate::tape::Tape;

/// A training under way; the params and moments are in the tape's arena.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Training<T> {
    optimiser: Optimiser<T>,
    batch: u32,
    steps: u32,
    /// What dropout draws from.
    seed: u64,
    /// Samples of the batch that has begun.
    begun: u32,
    running: Running<T>,
}

/// What samples gave, from one [`Training::rest`] to the next.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Running<T> {
    /// How many there were.
    pub samples: u32,
    /// The objective, added up over them in their order.
    pub sum: T,
    /// How many had the right class.
    pub correct: u32,
}

/// What one sample gave.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Sample<T> {
    /// The objective, before any step that followed.
    pub objective: T,
    /// Whether the predicted class was the label's; no, if the objective tells no classes apart.
    pub correct: bool,
    /// Whether a step followed.
    pub stepped: bool,
}

impl<T: Scalar> Running<T> {
    /// The mean objective; NaN of no samples.
    pub fn loss(&self) -> T {
        self.sum / T::from_u32(self.samples)
    }

    /// The share whose class was right; NaN of no samples.
    pub fn accuracy(&self) -> T {
        T::from_u32(self.correct) / T::from_u32(self.samples)
    }
}

impl<T: Scalar> Training<T> {
    /// All zeros, so that a `static` of it takes no flash: plain steps of nothing.
    #[cfg(feature = "link")]
    pub(crate) const IDLE: Training<T> = Training {
        optimiser: Optimiser::new(crate::optimiser::Method::Sgd, T::ZERO),
        batch: 0,
        steps: 0,
        seed: 0,
        begun: 0,
        running: Running { samples: 0, sum: T::ZERO, correct: 0 },
    };

    /// A training that has not begun, with a step after every `batch` samples.
    pub const fn new(optimiser: Optimiser<T>, batch: u32) -> Training<T> {
        let running = Running { samples: 0, sum: T::ZERO, correct: 0 };
        Training { optimiser, batch, steps: 0, seed: 0, begun: 0, running }
    }

    /// The same training, `steps` steps after it began: with the params and moments of then, it
    /// goes on as if it had never stopped.
    pub const fn after(self, steps: u32) -> Training<T> {
        Training { steps, begun: 0, ..self }
    }

    /// The same training with another seed for what dropout leaves out; 0 if it is never told.
    pub const fn with_seed(self, seed: u64) -> Training<T> {
        Training { seed, ..self }
    }

    /// The seed for what dropout leaves out.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What the memory has to be planned for.
    pub fn purpose(&self) -> Purpose {
        self.optimiser.purpose(self.batch)
    }

    /// How steps are made.
    pub const fn optimiser(&self) -> &Optimiser<T> {
        &self.optimiser
    }

    /// Samples a step.
    pub const fn batch(&self) -> u32 {
        self.batch
    }

    /// Steps that were made.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// Samples of the batch that has begun; 0 between two batches.
    pub const fn begun(&self) -> u32 {
        self.begun
    }

    /// What the samples gave since the beginning, or since [`Training::rest`].
    pub const fn running(&self) -> Running<T> {
        self.running
    }

    /// Begins the running loss and accuracy anew, as at the end of an epoch.
    pub fn rest(&mut self) {
        self.running = Running::default();
    }

    /// Trains on the sample that the tape's inputs hold; when it is the last one of a batch, the
    /// step is made. Dropout gates leave out what the seed and the number of the sample say; they
    /// let everything through again when this returns.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the tape is planned for [`Training::purpose`];
    /// [`RunError::NotFinite`] and [`RunError::BadRate`] from the step. No param, moment or count
    /// has changed then, and the next sample begins a new batch.
    pub fn sample(&mut self, tape: &mut Tape<'_, T>) -> Result<Sample<T>, RunError> {
        self.sample_between(tape, &mut || ())
    }

    /// [`Training::sample`] that calls `between` between gates, to feed a watchdog.
    ///
    /// # Errors
    /// As [`Training::sample`].
    pub fn sample_between(&mut self, tape: &mut Tape<'_, T>, between: &mut dyn FnMut()) -> Result<Sample<T>, RunError> {
        let (objective, correct) = self.walk(tape, 1, between)?;
        Ok(Sample { objective, correct: correct > 0, stepped: self.begun == 0 })
    }

    /// How many samples [`Training::samples`] can take now: no more than the tape's plan has lanes, and no
    /// more than are left of the batch.
    pub fn room(&self, tape: &Tape<'_, T>) -> usize {
        let left = self.batch.saturating_sub(self.begun).max(1) as usize;
        tape.layout().lanes().min(left)
    }

    /// [`Training::sample`] of several samples at once, which [`Tape::set_in_lane`] has put into the first
    /// lanes: to the same bits as one after the other. How many had the right class; each one's objective
    /// is told by [`Tape::objective_in_lane`].
    ///
    /// ```
    /// # use chainrule::{Circuit, LANES, Method, Optimiser, Shape, Slot, Tape, Training, plan_lanes};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut circuit: Circuit<f32, 8> = Circuit::new();
    /// let (x, target) = (circuit.input(Shape::vector(2))?, circuit.input(Shape::vector(1))?);
    /// let (w, b) = (circuit.param(Shape::matrix(2, 1))?, circuit.param(Shape::vector(1))?);
    /// let y = circuit.dense(x, w, b)?;
    /// let loss = circuit.mse(y, target)?;
    /// circuit.minimize(loss)?;
    ///
    /// let mut training = Training::new(Optimiser::new(Method::Sgd, 0.1), 4);
    /// let mut slots = [Slot::EMPTY; 8];
    /// let layout = plan_lanes(&circuit.view(), training.purpose(), false, LANES, &mut slots)?;
    /// let mut arena = [0.0; 40];
    /// let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena)?;
    /// for _ in 0..300 {
    ///     let samples = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
    ///     for (lane, sample) in samples.iter().enumerate() {
    ///         tape.set_in_lane(lane, x, 0, sample)?;
    ///         tape.set_in_lane(lane, target, 0, &[1.0 + sample[0] - 2.0 * sample[1]])?;
    ///     }
    ///     training.samples(&mut tape, samples.len())?; // and so a step
    /// }
    /// assert!((tape.value(w)?[0] - 1.0).abs() < 0.01 && (tape.value(w)?[1] + 2.0).abs() < 0.01);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RunError::NotPlanned`], and nothing is done, if there are more than [`Training::room`] has; else as
    /// [`Training::sample`].
    /// Where the step is refused, all samples but the last count in [`Training::running`].
    pub fn samples(&mut self, tape: &mut Tape<'_, T>, samples: usize) -> Result<u32, RunError> {
        self.samples_between(tape, samples, &mut || ())
    }

    /// [`Training::samples`] that calls `between` between gates, to feed a watchdog.
    ///
    /// # Errors
    /// As [`Training::samples`].
    pub fn samples_between(
        &mut self,
        tape: &mut Tape<'_, T>,
        samples: usize,
        between: &mut dyn FnMut(),
    ) -> Result<u32, RunError> {
        Ok(self.walk(tape, samples, between)?.1)
    }

    /// [`Training::samples_between`]: the first one's objective too, as it was before any step.
    pub(crate) fn walk(
        &mut self,
        tape: &mut Tape<'_, T>,
        samples: usize,
        between: &mut dyn FnMut(),
    ) -> Result<(T, u32), RunError> {
        if samples == 0 || samples > self.room(tape) {
            return Err(RunError::NotPlanned);
        }
        // Of all samples of a training, no two have the same number, also when it is resumed.
        let sample = u64::from(self.steps) * u64::from(self.batch) + u64::from(self.begun);
        tape.set_noise(Some(Noise { seed: self.seed, sample }));
        tape.lanes = samples as u32;
        let done = self.with_noise(tape, between);
        tape.lanes = 1;
        tape.set_noise(None);
        done
    }

    fn with_noise(&mut self, tape: &mut Tape<'_, T>, between: &mut dyn FnMut()) -> Result<(T, u32), RunError> {
        let samples = tape.lanes;
        let fused = self.purpose() == Purpose::Train;
        let objective = if fused && tape.layout().purpose() == Purpose::Train {
            let objective = tape.train_step_between(self.optimiser.rate_after(self.steps), between)?;
            self.steps = self.steps.saturating_add(1);
            objective
        } else {
            if self.begun == 0 {
                tape.begin_batch()?;
            }
            let objective = tape.accumulate_between(between)?;
            self.begun += samples;
            if self.begun >= self.batch
                && let Err(error) = self.end_batch(tape)
            {
                if samples > 1 {
                    self.count(tape, samples - 1, objective);
                }
                return Err(error);
            }
            objective
        };
        Ok((objective, self.count(tape, samples, objective)))
    }

    /// Counts so many samples in, the first one's objective known; how many of them had the right class.
    fn count(&mut self, tape: &Tape<'_, T>, samples: u32, objective: T) -> u32 {
        let correct = tape.count_right(samples);
        self.running.samples = self.running.samples.saturating_add(samples);
        self.running.sum += objective;
        if samples > 1 {
            self.running.sum = tape.add_objectives(samples, self.running.sum).unwrap_or(T::NAN);
        }
        self.running.correct = self.running.correct.saturating_add(correct);
        correct
    }

    /// Ends a batch before it is full: a step along the mean over the samples that there were, or
    /// nothing if there were none. Gives whether a step was made.
    ///
    /// # Errors
    /// As [`Training::sample`].
    // Apart: what moments take of the stack would lie below every sample.
    #[inline(never)]
    pub fn end_batch(&mut self, tape: &mut Tape<'_, T>) -> Result<bool, RunError> {
        let samples = core::mem::take(&mut self.begun);
        if samples == 0 {
            return Ok(false);
        }
        tape.optimise(&self.optimiser, self.steps, samples)?;
        self.steps = self.steps.saturating_add(1);
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::build::Circuit;
    use crate::optimiser::Method;
    use crate::plan::{Slot, plan};
    use crate::shape::Shape;

    #[test]
    fn counts_stay_at_their_greatest() {
        let mut c: Circuit<f32, 8> = Circuit::new();
        let (x, w) = (c.input(Shape::vector(2)).unwrap(), c.param(Shape::vector(2)).unwrap());
        let (logits, label) = (c.add(x, w).unwrap(), c.label(2).unwrap());
        let loss = c.cross_entropy(logits, label).unwrap();
        c.minimize(loss).unwrap();
        let (mut slots, mut arena) = ([Slot::EMPTY; 8], [0.0; 32]);
        let layout = plan(&c.view(), Purpose::Accumulate, false, &mut slots).unwrap();
        let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
        tape.set(x, &[1.0, 0.0]).unwrap();
        let mut training = Training::new(Optimiser::new(Method::Sgd, 0.5), 2);
        training.running = Running { samples: u32::MAX, sum: 0.0, correct: u32::MAX };
        assert!(training.sample(&mut tape).unwrap().correct);
        assert_eq!((training.running.samples, training.running.correct), (u32::MAX, u32::MAX));
    }

    /// Where the objective is a param, the step moves it.
    #[test]
    fn a_sample_tells_the_objective_before_the_step() {
        let mut c: Circuit<f32, 8> = Circuit::new();
        let w = c.param(Shape::SCALAR).unwrap();
        c.minimize(w).unwrap();
        let (mut slots, mut arena) = ([Slot::EMPTY; 8], [0.0; 32]);
        let layout = plan(&c.view(), Purpose::Train, false, &mut slots).unwrap();
        let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
        tape.set(w, &[3.0]).unwrap();
        let mut training = Training::new(Optimiser::new(Method::Sgd, 0.5), 1);
        let objectives = [0; 2].map(|_| training.sample(&mut tape).unwrap().objective);
        assert_eq!((objectives, training.running.sum), ([3.0, 2.5], 5.5));
    }
}
