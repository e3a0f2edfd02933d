//! What a circuit costs: instructions, time and memory of a forward and of a step.
//!
//! A step is one step of the optimiser, without the link and without bringing in the sample: all
//! samples of a batch, or one sample where steps are fused. What is told is the mean over the first
//! [`STEPS`] steps of the training of seed 1, walking over the data again when it is short. A circuit
//! that names no data cannot train; a step is then forward and backward at the values that its text
//! gives.
//!
//! Instructions are those of an emulated processor that counts exactly; the firmware reads its
//! counter before and after the work, and what reading costs is taken off.

pub mod work;

use crate::board::elf::Contents;
use crate::board::trace::Trace;
use crate::board::{BoardError, Count, Image, table};
use crate::engine::{self, At, Engine, EngineError, OpenError, Vitals, Work};
use crate::lower::Lowered;
use crate::text::literal::Readable;
use crate::train::{Epochs, Event, Start, TrainError, start};
use chainrule::{Bytes, CircuitRef, Purpose};
use std::ops::ControlFlow;
use std::time::Instant;
use work::{Mac, Rows};

/// Steps that are measured.
pub const STEPS: u64 = 100;
/// How often they are timed on the host.
const TIMES: usize = 51;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Samples in a step.
    pub samples: u64,
    /// One forward.
    pub forward: Cost,
    /// One step.
    pub step: Cost,
    /// The share of dense gates' rows that were active.
    pub active: Option<f64>,
    /// Bytes of RAM by region.
    pub ram: Bytes,
    /// The greatest stack of the work alone, in bytes.
    pub stack: Option<u32>,
    /// The greatest stack, the session above the work included.
    pub stack_with_link: Option<u32>,
    /// Bytes of flash that the board's image takes.
    pub flash: Option<u64>,
}

/// What one forward or one step costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Instructions; nothing where they are not counted.
    pub instructions: Option<f64>,
    /// Multiply-adds.
    pub mac: u64,
    /// Nanoseconds on the host; nothing elsewhere.
    pub time: Option<Time>,
}

/// Nanoseconds, the least and the most of the middle eight tenths, and the median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// A tenth took less.
    pub least: f64,
    /// Half took less.
    pub median: f64,
    /// A tenth took more.
    pub most: f64,
}

/// Why nothing was measured.
#[derive(Debug)]
#[non_exhaustive]
pub enum BenchError {
    /// The training did not begin, or did not go on.
    Train(TrainError),
    /// There is no such place.
    Open(OpenError),
    /// The engine failed.
    Engine(EngineError),
    /// The board came to other params than the host.
    OtherBits {
        /// The hash over the host's.
        host: u64,
        /// The hash over the board's.
        board: u64,
    },
}

impl From<TrainError> for BenchError {
    fn from(error: TrainError) -> Self {
        BenchError::Train(error)
    }
}

impl From<OpenError> for BenchError {
    fn from(error: OpenError) -> Self {
        BenchError::Open(error)
    }
}

impl From<EngineError> for BenchError {
    fn from(error: EngineError) -> Self {
        BenchError::Engine(error)
    }
}

/// Measures a circuit.
///
/// # Errors
/// [`BenchError`].
pub fn measure<T: Readable>(
    lowered: &Lowered<T>,
    at: At<'_>,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Measured, BenchError> {
    let at = At { count: Count::Exactly, ..at };
    let trains = lowered.training.data.is_some();
    let mut engine = Trainer::begun(lowered, at, watch)?;
    let view = lowered.view();
    let counts = table::find(at.on).ok().and_then(|board| board.counts);
    let instructions = |vitals: Option<Vitals>, pieces: u64| {
        let vitals = vitals?;
        let counted = vitals.counted?.saturating_sub(u64::from(vitals.works) * u64::from(vitals.nothing));
        Some(counted as f64 * 1000.0 / f64::from(counts?) / pieces as f64)
    };

    engine.vitals(true)?;
    engine.forward()?;
    let forward = engine.vitals(true)?;
    engine.steps()?;
    let step = engine.vitals(false)?;
    let (mut active, mut time) = (Rows::default(), None);
    if at.on == "host" {
        time = Some(engine.time()?);
    } else if at.on != "loopback" && trains {
        let mut host = Trainer::new(lowered, "host".into(), &mut |_| ())?;
        host.steps()?;
        let (host, board) = (host.engine.params_hash()?, engine.engine.params_hash()?);
        if host != board {
            return Err(BenchError::OtherBits { host, board });
        }
    }
    if trains {
        Trainer::new(lowered, "host".into(), &mut |_| ())?.look(&view, &mut active)?;
    }
    let mac = Mac::of(&view);
    let samples = if trains { u64::from(lowered.training.batch) } else { 1 };
    let end = if trains && samples > 1 { mac.end } else { 0 };
    let board = table::find(at.on).ok();
    let image = board.and_then(|board| match at.image {
        Some(path) => Some(path.to_owned()),
        None => Image { f64: T::BYTES == 8, ..Image::of(board) }.path().ok(),
    });
    let flash = image.and_then(|image| Some(Contents::read(&image).ok()?.flash()));
    let (forward_time, step_time) = time.unzip();
    Ok(Measured {
        samples,
        forward: Cost { instructions: instructions(forward, STEPS), mac: mac.forward, time: forward_time },
        step: Cost { instructions: instructions(step, STEPS), mac: mac.both * samples + end, time: step_time },
        active: active.share(),
        ram: engine.engine.layout()?.bytes(&view, T::BYTES),
        stack: step.and_then(|vitals| vitals.work_stack),
        stack_with_link: step.and_then(|vitals| vitals.stack),
        flash,
    })
}

/// What a profile says, in lines for people: functions that do less than `least` of the whole are told together,
/// and what a board's own counter has `counted` beyond them.
pub fn profile_lines(functions: &[(String, f64)], counted: Option<f64>, least: f64) -> Vec<(f64, f64, String)> {
    let sum: f64 = functions.iter().map(|(_, instructions)| instructions).sum();
    let whole = counted.unwrap_or(sum).max(f64::MIN_POSITIVE);
    let (large, small): (Vec<_>, Vec<_>) = functions.iter().partition(|(_, n)| *n >= whole * least);
    let mut lines: Vec<_> = large.into_iter().map(|(name, n)| (*n, name.clone())).collect();
    if !small.is_empty() {
        lines.push((small.iter().map(|(_, n)| n).sum(), format!("{} others", small.len())));
    }
    if whole > sum {
        lines.push((whole - sum, "the session, between the two readings of the board's counter".to_owned()));
    }
    lines.into_iter().map(|(n, name)| (n, n * 100.0 / whole, name)).collect()
}

/// In which functions of its image an emulated board does the instructions of a step: the mean, the greatest
/// first. What the session does around them is in none.
///
/// # Errors
/// [`BenchError`]; [`BoardError::Unknown`] for what is no board that can be emulated here.
pub fn by_function<T: Readable>(
    lowered: &Lowered<T>,
    at: At<'_>,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<(String, f64)>, BenchError> {
    let board = table::find(at.on).map_err(OpenError::from)?;
    let trace = Trace::default();
    let at = At { count: Count::ByFunction(&trace), ..at };
    let mut trainer = Trainer::begun(lowered, at, watch)?;
    trainer.steps()?;
    // The trace is there when the emulator has ended.
    drop(trainer);
    let mut functions: Vec<_> =
        trace.take().into_iter().map(|(name, count)| (name, count as f64 / STEPS as f64)).collect();
    if functions.is_empty() {
        let said = "it told none of its instructions; a profile needs one that knows `-d exec`".to_owned();
        return Err(OpenError::from(BoardError::Emulator { board: board.name, said }).into());
    }
    functions.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Ok(functions)
}

/// A training, or a circuit without data, that is measured.
struct Trainer<'l, T> {
    lowered: &'l Lowered<T>,
    engine: Box<dyn Engine<T> + 'l>,
    /// What the training goes on from; nothing without data.
    run: Option<Run<T>>,
}

/// How a training goes on.
#[derive(Clone)]
struct Run<T> {
    training: chainrule::Training<T>,
    rows: Vec<usize>,
    random: chainrule::Random,
}

impl<'l, T: Readable> Trainer<'l, T> {
    fn new(lowered: &'l Lowered<T>, at: At<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Self, BenchError> {
        let Start { engine, random, rows, optimiser, .. } = start(lowered, &lowered.training, None, at, watch)?;
        let (batch, seed) = (lowered.training.batch, lowered.training.seed);
        let training = chainrule::Training::new(optimiser, batch).with_seed(seed);
        Ok(Trainer { lowered, engine, run: Some(Run { training, rows, random }) })
    }

    /// As the circuit can: with its data, or without.
    fn begun(lowered: &'l Lowered<T>, at: At<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Self, BenchError> {
        if lowered.training.data.is_some() { Self::new(lowered, at, watch) } else { Self::still(lowered, at, watch) }
    }

    /// A circuit at the values of its text.
    fn still(lowered: &'l Lowered<T>, at: At<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Self, BenchError> {
        let mut engine = engine::open(at, lowered.view(), Purpose::Inspect, &mut |stage| watch(Event::Opening(stage)))?;
        let params = lowered.params.iter().map(|param| (param.wire, param.start.as_slice()));
        let fields = lowered.fields.iter().map(|field| (field.wire, field.value.as_deref().unwrap_or_default()));
        for (wire, values) in params.chain(fields) {
            engine.set(wire, 0, values)?;
        }
        Ok(Trainer { lowered, engine, run: None })
    }

    fn vitals(&mut self, anew: bool) -> Result<Option<Vitals>, BenchError> {
        Ok(self.engine.vitals(anew)?)
    }

    /// The rows of the first steps, in their order, as often as they come.
    fn order(&self, run: &Run<T>) -> Vec<usize> {
        let (mut random, mut rows, mut order) = (run.random.clone(), run.rows.clone(), Vec::new());
        while order.len() < STEPS as usize && !rows.is_empty() {
            random.shuffle(&mut rows);
            order.extend(&rows);
        }
        order.truncate(STEPS as usize);
        order
    }

    /// As many forwards as steps.
    fn forward(&mut self) -> Result<(), BenchError> {
        let Some(run) = &self.run else {
            return Ok((0..STEPS).try_for_each(|_| self.engine.forward())?);
        };
        let order = self.order(run);
        self.engine.run(Work::Evaluate, &order, &mut |_| ())?;
        Ok(())
    }

    fn steps(&mut self) -> Result<(), BenchError> {
        let Some(run) = self.run.clone() else {
            let objective = self.lowered.objective().map(|objective| objective.wire());
            for _ in 0..STEPS {
                self.engine.forward()?;
                objective.map_or(Ok(()), |wire| self.engine.backward(wire))?;
            }
            return Ok(());
        };
        let mut epochs = Epochs::new(&mut *self.engine, run.training.batch(), run.rows, run.random);
        while epochs.steps() < STEPS {
            let walked = epochs.walk(STEPS, &mut |_, _, _| Ok(ControlFlow::Continue(())));
            walked.map_err(|stop| stop.told(self.lowered, run.training.optimiser().rate))?;
        }
        Ok(())
    }

    /// Puts the params back to where they began.
    fn again(&mut self) -> Result<(), BenchError> {
        for param in &self.lowered.params {
            self.engine.set(param.wire, 0, &param.start)?;
        }
        self.engine.ready()?;
        if let Some(run) = &self.run {
            self.engine.train(run.training)?;
            let none = vec![T::ZERO; self.engine.moments()?.len()];
            self.engine.set_moments(&none)?;
        }
        Ok(())
    }

    /// Times forwards and steps, each from the beginning again.
    fn time(&mut self) -> Result<(Time, Time), BenchError> {
        let (mut forwards, mut steps) = (Vec::new(), Vec::new());
        let each = |since: Instant| since.elapsed().as_secs_f64() * 1e9 / STEPS as f64;
        for _ in 0..TIMES {
            self.again()?;
            let since = Instant::now();
            self.forward()?;
            forwards.push(each(since));
            let since = Instant::now();
            self.steps()?;
            steps.push(each(since));
        }
        Ok((Time::of(forwards), Time::of(steps)))
    }

    /// Makes the steps one sample at a time and looks at the rows of each.
    fn look(&mut self, view: &CircuitRef<'_, T>, rows: &mut Rows) -> Result<(), BenchError> {
        let Some(run) = self.run.clone() else { return Ok(()) };
        for row in self.order(&run) {
            let work = if run.training.batch() == 1 { Work::Train } else { Work::Evaluate };
            self.engine.run(work, &[row], &mut |_| ())?;
            rows.add(view, &mut *self.engine)?;
        }
        Ok(())
    }
}

impl Time {
    fn of(mut times: Vec<f64>) -> Time {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get(times.len() * share / 10).copied().unwrap_or(0.0);
        Time { least: at(1), median: at(5), most: at(9) }
    }
}
