//! Training on data: rows become an engine's samples, epochs become steps.
//!
//! The road: `rows` (table to samples, inputs brought to scale), `epochs` (samples to steps), `state`
//! (what a training goes on from), [`error`] (what can go wrong, in words).
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
//!
//! What dropout leaves out is not drawn from it: that is found from the seed, the number of the sample
//! and the place in the wire, on the engine, with nothing stored ([`chainrule::Noise`]).

mod epochs;
pub mod error;
mod rows;
mod state;

pub use epochs::{Epochs, Seen, measure};
pub use error::TrainError;
pub(crate) use rows::samples;
pub use state::{Best, State};

use crate::data::{Split, Table};
use crate::engine::{At, Engine, EngineError, Memory, Stage, open};
use crate::lower::{Holdout, Keep, Lowered, Training};
use crate::text::literal::Readable;
use chainrule::{Objective, Optimiser, Random, Schedule};
use std::ops::ControlFlow;

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

/// Watches a training.
pub trait Watch<T> {
    /// Takes note of what happens.
    fn see(&mut self, event: Event<'_>);

    /// It looks, of so many steps in all, at the multiples of these; besides whenever that is no effort.
    fn pace(&self, steps: u64) -> u64 {
        steps
    }

    /// Looks, before the first step and between steps; breaks off to end the training here. Nothing
    /// that it asks of the engine may change params or moments.
    ///
    /// # Errors
    /// The engine's; the training ends with it.
    fn look(&mut self, now: Now<'_, T>) -> Result<ControlFlow<()>, EngineError> {
        let _ = now;
        Ok(ControlFlow::Continue(()))
    }
}

/// A training between two steps.
pub struct Now<'n, T> {
    /// Where it runs.
    pub engine: &'n mut dyn Engine<T>,
    /// How params move.
    pub optimiser: &'n Optimiser<T>,
    /// Steps so far.
    pub steps: u64,
    /// Steps that there will be.
    pub of: u64,
    /// The epoch, from 1.
    pub epoch: u32,
    /// What this epoch gave so far.
    pub seen: Seen,
    /// The rows held out.
    pub held: &'n [usize],
}

/// Watches events alone.
struct Events<'w>(&'w mut dyn FnMut(Event<'_>));

impl<T> Watch<T> for Events<'_> {
    fn see(&mut self, event: Event<'_>) {
        (self.0)(event);
    }
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
    /// How steps were made.
    pub optimiser: Optimiser<T>,
    /// The epoch whose params these are, if the best were to be kept.
    pub kept: Option<u32>,
    /// Whether it ended early, for lack of progress.
    pub ended_early: bool,
    /// Whether who watched it stopped it.
    pub stopped: bool,
    /// Whether the objective tells classes apart.
    pub has_classes: bool,
    /// What a board keeps in its flash, if it was to.
    pub memory: Option<Memory>,
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
    go_on(lowered, training, None, at, &mut Events(watch)).map(|(trained, _)| trained)
}

/// As [`train`], from where a training was left, and with the state that it is left in now: so many
/// steps, saved, and so many more are the same bits as all of them at once. Steps and epochs count
/// from the beginning.
///
/// # Errors
/// As [`train`]; [`TrainError::OtherRun`] if what the steps follow from has changed since.
pub fn go_on<'a, T: Readable>(
    lowered: &Lowered<T>,
    training: &Training<T>,
    from: Option<&State<T>>,
    at: impl Into<At<'a>>,
    watch: &mut dyn Watch<T>,
) -> Result<(Trained<T>, State<T>), TrainError> {
    let Start { mut engine, random, rows: order, held: held_rows, optimiser, run, most_steps } =
        start(lowered, training, from, at, &mut |event| watch.see(event))?;
    let rows = order.len();
    let a_walk = rows.div_ceil(training.batch as usize) as u64;
    let before = from.map_or(0, |from| from.steps);
    let walks = u32::try_from(most_steps.div_ceil(a_walk)).unwrap_or(u32::MAX);
    let (whole, rest) = (most_steps / a_walk, most_steps % a_walk);
    let all = whole * rows as u64 + (rest * u64::from(training.batch)).min(rows as u64);
    watch.see(Event::Begins { rows, held: held_rows.len(), samples: all });
    let mut epochs = Epochs::new(engine.as_mut(), training.batch, order, random);
    let mut last = from.map_or(Seen::default(), |from| from.begun);
    epochs.skip(before, last);
    let mut progress = Progress::new(lowered, training, from.and_then(|from| from.best.clone()));
    let first = u32::try_from(before / a_walk).unwrap_or(u32::MAX);
    let mut ended_early = false;
    epochs.tell_at(watch.pace(most_steps));
    let (optimiser, held, of) = (&optimiser, held_rows.as_slice(), most_steps);
    let begins = first.saturating_add(1);
    let now = Now { engine: epochs.engine(), optimiser, steps: before, of, epoch: begins, seen: last, held };
    let mut stopped = watch.look(now)?.is_break();
    for epoch in begins..=walks {
        if stopped {
            break;
        }
        let earlier = u64::from(epoch - 1) * rows as u64;
        last = epochs
            .walk(most_steps, &mut |engine, steps, seen| {
                watch.see(Event::Steps { epoch, samples: earlier + seen.samples, seen });
                let flow = watch.look(Now { engine, optimiser, steps, of, epoch, seen, held })?;
                stopped = flow.is_break();
                Ok(flow)
            })
            .map_err(|stop| stop.told(lowered, optimiser.rate))?;
        if !stopped {
            watch.see(Event::Epoch { epoch, of: walks, seen: last });
        }
        let is_whole = epochs.steps().is_multiple_of(a_walk);
        if progress.watches && is_whole {
            let seen = if held_rows.is_empty() { last } else { epochs.measure(&held_rows)? };
            ended_early = progress.is_stuck(lowered, epoch, seen.loss(), epochs.engine())?;
        }
        if ended_early {
            break;
        }
    }
    let steps = epochs.steps();
    let begun = if steps.is_multiple_of(a_walk) { Seen::default() } else { last };
    let state = State {
        run,
        steps,
        begun,
        params: params(lowered, engine.as_mut())?,
        moments: engine.moments()?,
        best: progress.best,
    };
    let mut kept = None;
    if let Some(Best { epoch, params: Some(params), .. }) = &state.best
        && training.keep == Keep::Best
    {
        kept = Some(*epoch);
        put(lowered, params, engine.as_mut())?;
        engine.ready()?;
    }
    let memory = if training.keep_every.is_some() { engine.save()? } else { None };
    let held = if held_rows.is_empty() {
        None
    } else {
        watch.see(Event::Measuring);
        Some(measure(engine.as_mut(), &held_rows)?)
    };
    let params_hash = engine.params_hash()?;
    let params = params(lowered, engine.as_mut())?;
    let epochs = u32::try_from(steps / a_walk).unwrap_or(u32::MAX);
    let has_classes = has_classes(lowered);
    let trained = Trained {
        epochs,
        steps,
        last,
        held,
        params_hash,
        params,
        rows,
        optimiser: *optimiser,
        kept,
        ended_early,
        stopped,
        has_classes,
        memory,
    };
    Ok((trained, state))
}

/// The state of a training that another host began on a board, which `board` tells of; `lowered` comes
/// from the board's seed, and `training` says with it which rows it is trained on. Best epoch and
/// figures of the epoch under way are not known there, and begin anew.
///
/// # Errors
/// [`TrainError`].
pub fn taken<T: Readable>(
    lowered: &Lowered<T>,
    training: &Training<T>,
    board: &chainrule::Training<T>,
    params: Vec<Vec<T>>,
    moments: Vec<T>,
) -> Result<State<T>, TrainError> {
    let training = &Training { batch: board.batch(), seed: board.seed(), ..training.clone() };
    check(lowered, training)?;
    let (table, split) = parted(lowered, training, &mut lowered.random.clone())?;
    let run = state::run(lowered, training, board.optimiser(), &rows::samples(lowered, &table), split.train.len());
    Ok(State { run, steps: u64::from(board.steps()), begun: Seen::default(), params, moments, best: None })
}

/// A training that can begin or go on: the engine holds the circuit, its params and all rows.
pub struct Start<'l, T> {
    /// Where it runs.
    pub engine: Box<dyn Engine<T> + 'l>,
    /// What the rows are shuffled by, before each walk.
    pub random: Random,
    /// The rows to train on.
    pub rows: Vec<usize>,
    /// The rows held out.
    pub held: Vec<usize>,
    /// How params move.
    pub optimiser: Optimiser<T>,
    /// What all steps follow from.
    run: Vec<(String, String)>,
    /// Steps in all.
    most_steps: u64,
}

/// Brings everything to where it is to run.
///
/// # Errors
/// As [`go_on`].
pub fn start<'l, 'a, T: Readable>(
    lowered: &'l Lowered<T>,
    training: &Training<T>,
    from: Option<&State<T>>,
    at: impl Into<At<'a>>,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Start<'l, T>, TrainError> {
    check(lowered, training)?;
    let mut random = lowered.random.clone();
    let (table, split) = parted(lowered, training, &mut random)?;
    let rows = split.train.len();
    let a_walk = rows.div_ceil(training.batch as usize) as u64;
    let most_steps = training.steps.unwrap_or(a_walk * u64::from(training.epochs));
    let optimiser = over(&training.optimiser, most_steps);
    let samples = rows::samples(lowered, &table);
    let run = state::run(lowered, training, &optimiser, &samples, rows);
    if let Some(from) = from {
        from.trains_the_same(lowered)?;
        from.may_go_on(&run, most_steps)?;
    }
    let circuit = lowered.view();
    let mut engine = open(at, circuit, optimiser.purpose(training.batch), &mut |stage| watch(Event::Opening(stage)))?;
    match from {
        Some(from) => put(lowered, &from.params, engine.as_mut())?,
        None => {
            for param in &lowered.params {
                engine.set(param.wire, 0, &param.start)?;
            }
            for (wire, values) in rows::fit(lowered, &table, &split.train) {
                engine.set(wire, 0, &values)?;
            }
        }
    }
    engine.ready()?;
    engine.keep(samples, &mut |share| watch(Event::Sending(share)))?;
    let before = from.map_or(0, |from| from.steps);
    let steps = chainrule::Training::new(optimiser, training.batch).with_seed(training.seed);
    engine.train(steps.after(u32::try_from(before).unwrap_or(u32::MAX)))?;
    if let Some(from) = from {
        engine.set_moments(&from.moments)?;
    }
    if let Some(every) = training.keep_every {
        engine.save_every(every)?;
    }
    Ok(Start { engine, random, rows: split.train, held: split.held, optimiser, run, most_steps })
}

/// The data, and which of its rows are trained on.
fn parted<T: Readable>(
    lowered: &Lowered<T>,
    training: &Training<T>,
    random: &mut Random,
) -> Result<(Table<T>, Split), TrainError> {
    let table = lowered.table(training)?;
    let split = training.part(&table, random).map_err(|kind| TrainError::data(training, kind))?;
    if split.train.is_empty() {
        return Err(TrainError::NothingLeft { rows: table.rows() });
    }
    Ok((table, split))
}

/// All params as they are now.
fn params<T: Readable>(lowered: &Lowered<T>, engine: &mut dyn Engine<T>) -> Result<Vec<Vec<T>>, EngineError> {
    lowered.params.iter().map(|param| engine.value(param.wire)).collect()
}

fn put<T: Readable>(lowered: &Lowered<T>, params: &[Vec<T>], engine: &mut dyn Engine<T>) -> Result<(), EngineError> {
    lowered.params.iter().zip(params).try_for_each(|(param, values)| engine.set(param.wire, 0, values))
}

/// Watches the loss after each epoch.
struct Progress<T> {
    watches: bool,
    patience: Option<u32>,
    keeps: bool,
    /// The greatest objective is the best.
    raise: bool,
    best: Option<Best<T>>,
}

impl<T: Readable> Progress<T> {
    fn new(lowered: &Lowered<T>, training: &Training<T>, best: Option<Best<T>>) -> Progress<T> {
        let (patience, keeps) = (training.patience, training.keep == Keep::Best);
        let raise = matches!(lowered.objective(), Some(Objective::Maximize(_)));
        Progress { watches: patience.is_some() || keeps, patience, keeps, raise, best }
    }

    /// Takes note of the loss after an epoch; tells whether patience is at its end.
    fn is_stuck(
        &mut self,
        lowered: &Lowered<T>,
        epoch: u32,
        loss: f64,
        engine: &mut dyn Engine<T>,
    ) -> Result<bool, EngineError> {
        let is_better = |best: &Best<T>| if self.raise { loss > best.loss } else { loss < best.loss };
        if !loss.is_nan() && self.best.as_ref().is_none_or(is_better) {
            let params = if self.keeps { Some(params(lowered, engine)?) } else { None };
            self.best = Some(Best { epoch, loss, params });
        }
        let since = epoch - self.best.as_ref().map_or(0, |best| best.epoch);
        Ok(self.patience.is_some_and(|patience| since >= patience))
    }
}
/// Whether a circuit's objective tells classes apart, so that there is an accuracy.
pub fn has_classes<T: Readable>(lowered: &Lowered<T>) -> bool {
    lowered.view().class_gate().is_some()
}

/// The optimiser with the steps of the training where its schedule does not say how many it takes.
pub(crate) fn over<T: Readable>(optimiser: &Optimiser<T>, steps: u64) -> Optimiser<T> {
    let mut optimiser = *optimiser;
    if let Schedule::Cosine { steps: all @ 0, .. } = &mut optimiser.schedule {
        *all = u32::try_from(steps).unwrap_or(u32::MAX).saturating_sub(optimiser.warmup).max(1);
    }
    optimiser
}

/// What is wrong before any file is read.
fn check<T: Readable>(lowered: &Lowered<T>, training: &Training<T>) -> Result<(), TrainError> {
    if lowered.objective().is_none() {
        return Err(TrainError::NoObjective);
    }
    if lowered.params.iter().all(|param| param.frozen) {
        return Err(TrainError::NoParams { frozen: !lowered.params.is_empty() });
    }
    if !training.optimiser.rate.is_finite() {
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
