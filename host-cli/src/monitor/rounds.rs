//! Rounds: so many steps of a training, and what is measured between two of them.
//!
//! No engine gives the gradients of a training step away: the fused step keeps none, and batches sum
//! them where the next step overwrites them. What all engines show alike is the params. Over a round of
//! plain descent, w −= rate·g in each step, so that
//!
//! (w before − w after) / Σ rate = Σ rate·g / Σ rate,
//!
//! which is the round's mean gradient, each step weighted by its rate; its Euclidean norm is told for
//! each param, exact but for the rounding of w. Momentum, Adam, clipping and decay change more than
//! that, so there the length of the way that a param went, divided by the steps, is told instead, and
//! called by another name.
//!
//! Reading the params of a board takes its line: they are left unread as long as reading them has taken
//! more than a quarter of the time, and more than a second. Held-out rows are looked at once at least [`HELD_SHARE`] times as
//! many rows were trained on. Neither changes a param or a step.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use chainrule::Purpose;

use crate::engine::{EngineError, Side, Traffic, Vitals};
use crate::lower::Lowered;
use crate::text::literal::Readable;
use crate::train::{Now, Seen, measure};

/// About so many rounds show a training, if nothing else is asked for.
const ROUNDS: u64 = 50;
/// Held-out rows wait for so many times as many rows to train on.
const HELD_SHARE: u64 = 2;

/// Reading params may take so long in any case.
const READING: Duration = Duration::from_secs(1);

/// What one round showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// Steps so far.
    pub steps: u64,
    /// Steps that there will be.
    pub of: u64,
    /// The epoch, from 1.
    pub epoch: u32,
    /// What this round's samples gave, each before the step that it was part of.
    pub seen: Seen,
    /// What the held-out rows gave, if they were looked at.
    pub held: Option<Seen>,
    /// Steps a second; what looking takes is left out.
    pub speed: Option<f64>,
    /// For each trained param, the norm of its gradient or update, if they were read.
    pub norms: Option<Vec<f64>>,
    /// How the processor is, where it tells.
    pub vitals: Option<Vitals>,
    /// What the line has carried, where there is one.
    pub traffic: Option<Traffic>,
}

impl Round {
    /// This round and the one after it as one.
    pub fn with(self, next: Round) -> Round {
        let mut seen = self.seen;
        seen += next.seen;
        Round { seen, held: next.held.or(self.held), norms: next.norms.or(self.norms), ..next }
    }
}

/// Measures a training round by round.
pub struct Rounds<'l, T> {
    lowered: &'l Lowered<T>,
    every: Option<u64>,
    /// A round takes no longer, whatever its steps.
    within: Option<Duration>,
    /// Whether norms are those of gradients.
    gradients: bool,
    /// The step at whose end the next round is over; nothing before the first.
    due: Option<u64>,
    steps: u64,
    /// The epoch that was told last, and what it had given.
    told: (u32, Seen),
    /// What was trained on in this round, and since the held-out rows were looked at.
    seen: Seen,
    since_held: u64,
    params: Params<T>,
    clock: Clock,
}

/// The trained params as they were read last.
struct Params<T> {
    values: Vec<Vec<T>>,
    steps: u64,
    reading: Duration,
}

/// Where the time goes.
struct Clock {
    since: Instant,
    left: Instant,
    /// Training in this round.
    busy: Duration,
}

impl<'l, T: Readable> Rounds<'l, T> {
    /// Rounds of so many steps, or of as many as are made within some time; `way` is what the memory is
    /// planned for at one sample a step, which tells plain descent from all else.
    pub fn new(lowered: &'l Lowered<T>, every: Option<u64>, within: Option<Duration>, way: Purpose) -> Rounds<'l, T> {
        let now = Instant::now();
        Rounds {
            lowered,
            every,
            within,
            gradients: way == Purpose::Train,
            due: None,
            steps: 0,
            told: (0, Seen::default()),
            seen: Seen::default(),
            since_held: 0,
            params: Params { values: Vec::new(), steps: 0, reading: Duration::ZERO },
            clock: Clock { since: now, left: now, busy: Duration::ZERO },
        }
    }

    /// The params that norms are told of.
    pub fn names(&self) -> Vec<String> {
        self.trained().map(|param| param.name.clone()).collect()
    }

    /// What norms are norms of.
    pub fn norm(&self) -> &'static str {
        if self.gradients { "gradient" } else { "update" }
    }

    /// Steps in a round, of so many in all.
    pub fn every(&self, steps: u64) -> u64 {
        self.every.unwrap_or(steps.div_ceil(ROUNDS)).max(1)
    }

    fn trained(&self) -> impl Iterator<Item = &'l crate::lower::Param<T>> {
        self.lowered.params.iter().filter(|param| !param.frozen)
    }

    /// Looks at a training between two steps; gives what it showed when a round is over. The first,
    /// before the first step, shows how the training begins.
    ///
    /// # Errors
    /// The engine's.
    pub fn look(&mut self, now: &mut Now<'_, T>) -> Result<Option<Round>, EngineError> {
        self.clock.busy += self.clock.left.elapsed();
        self.take(now.epoch, now.seen);
        let is_late = self.within.is_some_and(|within| self.clock.busy >= within);
        let round = match self.due {
            Some(due) if now.steps < due && now.steps < now.of && !is_late => None,
            due => Some(self.round(now, due.is_none())?),
        };
        self.go_on();
        Ok(round)
    }

    /// What goes by from here on is training.
    pub fn go_on(&mut self) {
        self.clock.left = Instant::now();
    }

    /// Counts in what an epoch gave since it was told last.
    fn take(&mut self, epoch: u32, seen: Seen) {
        let (last, old) = self.told;
        let old = if last == epoch { old } else { Seen::default() };
        if self.due.is_some() {
            let new = Seen {
                samples: seen.samples.saturating_sub(old.samples),
                sum: seen.sum - old.sum,
                correct: seen.correct.saturating_sub(old.correct),
            };
            self.seen += new;
            self.since_held += new.samples;
        }
        self.told = (epoch, seen);
    }

    fn round(&mut self, now: &mut Now<'_, T>, first: bool) -> Result<Round, EngineError> {
        if first {
            self.clock.since = Instant::now();
        }
        let steps = now.steps - if first { now.steps } else { self.steps };
        let speed = (steps > 0).then(|| steps as f64 / self.clock.busy.as_secs_f64().max(1e-9));
        let norms = self.norms(now, first)?;
        let held = (first || self.since_held >= HELD_SHARE * now.held.len() as u64) && !now.held.is_empty();
        let held = if held { Some(measure(now.engine, now.held)?) } else { None };
        if held.is_some() {
            self.since_held = 0;
        }
        let round = Round {
            steps: now.steps,
            of: now.of,
            epoch: now.epoch,
            seen: std::mem::take(&mut self.seen),
            held,
            speed,
            norms,
            vitals: now.engine.vitals(false)?,
            traffic: now.engine.traffic(),
        };
        let every = self.every(now.of);
        self.due = Some((now.steps / every + 1).saturating_mul(every));
        self.steps = now.steps;
        self.clock.busy = Duration::ZERO;
        Ok(round)
    }

    /// The norm for each trained param since they were read last; nothing if they were not read.
    fn norms(&mut self, now: &mut Now<'_, T>, first: bool) -> Result<Option<Vec<f64>>, EngineError> {
        if self.params.reading > (self.clock.since.elapsed() / 4).max(READING) && !first {
            return Ok(None);
        }
        let begun = Instant::now();
        let wires: Vec<_> = self.trained().map(|param| (param.wire, Side::Value)).collect();
        let values = now.engine.look(&wires)?.into_iter().map(Option::unwrap_or_default).collect();
        self.params.reading += begun.elapsed();
        let before = std::mem::replace(&mut self.params.values, values);
        let from = std::mem::replace(&mut self.params.steps, now.steps);
        let way = if self.gradients {
            let rate = |step| now.optimiser.rate_after(u32::try_from(step).unwrap_or(u32::MAX)).to_f64();
            (from..now.steps).map(rate).sum()
        } else {
            (now.steps - from) as f64
        };
        if first || way <= 0.0 {
            return Ok(None);
        }
        Ok(Some(before.iter().zip(&self.params.values).map(|(old, new)| distance(old, new) / way).collect()))
    }
}

/// ‖old − new‖
fn distance<T: Readable>(old: &[T], new: &[T]) -> f64 {
    let square = |(old, new): (&T, &T)| (old.to_f64() - new.to_f64()).powi(2);
    old.iter().zip(new).map(square).sum::<f64>().sqrt()
}

impl AddAssign for Seen {
    fn add_assign(&mut self, more: Seen) {
        self.samples += more.samples;
        self.sum += more.sum;
        self.correct += more.correct;
    }
}
