//! A training between two of its steps: all that is needed to go on as if it had never stopped.
//!
//! Orders of rows are not kept: they are drawn again from the seed, epoch by epoch, up to the step.

use super::epochs::Seen;
use super::error::TrainError;
use crate::lower::{Lowered, Training, lower, optimisers};
use crate::text::literal::Readable;
use crate::text::source;
use chainrule::{Optimiser, ParamsHash};

/// A training between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State<T> {
    /// What the steps follow from, as lines of a key and a value; a run goes on under the same only.
    pub run: Vec<(String, String)>,
    /// Steps so far.
    pub steps: u64,
    /// What the epoch gave that is under way.
    pub begun: Seen,
    /// The params, in the order of [`Lowered::params`](crate::lower::Lowered::params).
    pub params: Vec<Vec<T>>,
    /// The optimiser's moments, one after the other.
    pub moments: Vec<T>,
    /// The best epoch so far, if that was watched.
    pub best: Option<Best<T>>,
}

/// An epoch better than all before.
#[derive(Clone, Debug, PartialEq)]
pub struct Best<T> {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The mean objective after it, of the held-out rows if there are some.
    pub loss: f64,
    /// The params after it, if they are to be kept.
    pub params: Option<Vec<Vec<T>>>,
}

/// What the steps of a run follow from. `samples` are all rows as an engine takes them, `rows` how
/// many of them are trained on.
pub(super) fn run<T: Readable>(
    lowered: &Lowered<T>,
    training: &Training<T>,
    optimiser: &Optimiser<T>,
    samples: &[T],
    rows: usize,
) -> Vec<(String, String)> {
    let mut data = ParamsHash::new();
    data.add(samples);
    let mut run = vec![("optimizer".to_owned(), optimisers::written(optimiser))];
    run.extend(optimisers::extras(optimiser).into_iter().map(|(key, value)| (key.to_owned(), value)));
    let counts = [("batch", training.batch.to_string()), ("seed", training.seed.to_string())];
    run.extend(counts.map(|(key, value)| (key.to_owned(), value)));
    run.push(("rows to train on".to_owned(), rows.to_string()));
    run.push(("data".to_owned(), format!("{:016x}", data.finish())));
    run.extend(frozen(lowered).map(|names| (FROZEN.to_owned(), names)));
    run
}

/// The line of a run that names the params it leaves alone.
const FROZEN: &str = "frozen";

/// The params that a training of this circuit leaves alone, if there are some.
fn frozen<T>(lowered: &Lowered<T>) -> Option<String> {
    let names: Vec<&str> =
        lowered.params.iter().filter(|param| param.frozen).map(|param| param.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The lines of a run that say how a step is made.
const STEPS: [&str; 7] = ["optimizer", "weight_decay", "clip", "schedule", "warmup", "batch", "seed"];

impl<T: Readable> State<T> {
    /// Whether this circuit trains the same params as this training did.
    ///
    /// # Errors
    /// [`TrainError::OtherRun`].
    pub fn trains_the_same(&self, lowered: &Lowered<T>) -> Result<(), TrainError> {
        let there = self.run.iter().find(|(key, _)| key == FROZEN).map(|(_, names)| names.clone());
        let here = frozen(lowered);
        if there == here {
            return Ok(());
        }
        let [there, here] = [there, here].map(|names| names.unwrap_or_else(|| "nothing".to_owned()));
        Err(TrainError::OtherRun { what: FROZEN.to_owned(), there, here })
    }

    /// How its steps are made and how many were; nothing if its lines do not say.
    pub fn training(&self) -> Option<chainrule::Training<T>> {
        // They are lines of a `train` block, and read as such.
        let told = self.run.iter().filter(|(key, _)| STEPS.contains(&key.as_str()));
        let lines: String = told.map(|(key, value)| format!("{key} = {value}\n")).collect();
        let written = source::read_text("state", &format!("input x\ntrain {{\n{lines}}}\n")).ok()?;
        let Training { optimiser, batch, seed, .. } = lower::<T>(&written, &[], None).ok()?.training;
        let steps = u32::try_from(self.steps).ok()?;
        Some(chainrule::Training::new(optimiser, batch).with_seed(seed).after(steps))
    }
}

impl<T> State<T> {
    /// Whether it may go on as this run, up to `most_steps`.
    ///
    /// # Errors
    /// [`TrainError::OtherRun`] with the first difference; [`TrainError::AllDone`].
    pub(super) fn may_go_on(&self, run: &[(String, String)], most_steps: u64) -> Result<(), TrainError> {
        let of = |run: &[(String, String)], key: &str| {
            let value = run.iter().find(|(own, _)| own == key).map(|(_, value)| value.clone());
            value.unwrap_or_else(|| "not set".to_owned())
        };
        for (key, _) in self.run.iter().chain(run).filter(|(key, _)| key != FROZEN) {
            let (there, here) = (of(&self.run, key), of(run, key));
            if there != here {
                return Err(TrainError::OtherRun { what: key.clone(), there, here });
            }
        }
        if self.steps >= most_steps {
            return Err(TrainError::AllDone { steps: self.steps, asked: most_steps });
        }
        Ok(())
    }
}
