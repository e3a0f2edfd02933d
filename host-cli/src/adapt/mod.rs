//! Adapting: a trained circuit learns from a few samples of where it is used, one by one.
//!
//! The samples are taken from a recording, which is all rows or those with one value in a column. Of
//! each class, whose rows are numbered 0 to n − 1 in the order of the recording, the rows
//! i·(n − 1) / (k − 1), rounded, i from 0 to k − 1, are learned from: k rows spread evenly over the
//! recording, its first and its last among them (one alone is the middle one). With a label that is a number, all rows are one class. The other rows of the
//! recording are what is measured on, before and after; no row is in both parts.
//!
//! Each pass goes over the samples in a new order, shuffled by the seed, with a step after each
//! sample.

use chainrule::{Random, RunError};

use crate::data::Table;
use crate::data::columns::Steering;
use crate::data::error::DataErrorKind;
use crate::data::{self, DataError};
use crate::engine::{At, Engine, EngineError, Stage, Work, open};
use crate::lower::{Adapting, Holdout, Lowered, Pick, RowsError, Training};
use crate::score::{Answer, Asks, Sides};
use crate::text::literal::Readable;
use crate::train::{Seen, TrainError, has_classes, over, samples};

/// What happens while a circuit adapts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The engine opens.
    Opening(Stage<'a>),
    /// The samples go to the engine; the share that is there.
    Sending(f64),
    /// The rows that are not learned from are looked at.
    Measuring,
    /// A pass is over.
    Pass {
        /// The pass, from 1.
        pass: u32,
        /// How many there will be.
        of: u32,
        /// What it gave, each sample before its step.
        seen: Seen,
    },
}

/// What came of adapting.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted<T> {
    /// Rows of the recording.
    pub rows: usize,
    /// The rows of the data that were learned from, counted from 0.
    pub learned: Vec<usize>,
    /// Steps of the optimiser.
    pub steps: u64,
    /// What the other rows gave before; nothing if there are none.
    pub before: Option<Seen>,
    /// What they gave after.
    pub after: Option<Seen>,
    /// What the rows that were learned from gave after.
    pub fitted: Seen,
    /// Whether the objective tells classes apart.
    pub has_classes: bool,
    /// The hash over all params.
    pub params_hash: u64,
    /// The params, in the order of [`Lowered::params`].
    pub params: Vec<Vec<T>>,
}

/// The rows with the picked value, or all rows, of a file of data, and the table.
///
/// # Errors
/// [`RowsError`].
pub fn recording<T: Readable>(
    lowered: &Lowered<T>,
    training: &Training<T>,
    pick: Option<&Pick>,
) -> Result<(Table<T>, Vec<usize>), RowsError> {
    let path = training.data.as_deref().ok_or(RowsError::NoData)?;
    let mut passed_over = training.ignore.clone();
    if let Holdout::Groups { column, .. } | Holdout::Value { column, .. } = &training.split {
        passed_over.push(column.clone());
    }
    let by = pick.map(|pick| pick.column.clone());
    let steering = Steering { by, ignore: Vec::new(), passed_over };
    let table: Table<T> = data::read(path, &lowered.columns(), &steering).map_err(RowsError::Data)?;
    let picked = |row: &usize| pick.is_none_or(|pick| table.groups().get(*row) == Some(&pick.value));
    let rows: Vec<usize> = (0..table.rows()).filter(picked).collect();
    match pick {
        Some(Pick { column, value }) if rows.is_empty() => {
            let kind = DataErrorKind::NoSuchGroup { column: column.clone(), value: value.clone() };
            Err(RowsError::Data(DataError { path: path.to_owned(), kind }))
        }
        _ => Ok((table, rows)),
    }
}

/// The places in `rows` of each class's `samples` rows that are spread over the recording, and those
/// of all others.
fn part<T: Readable>(lowered: &Lowered<T>, table: &Table<T>, rows: &[usize], samples: u32) -> (Vec<usize>, Vec<usize>) {
    let answer = Answer::of(lowered);
    let class = |row: usize| {
        let label = answer.and_then(|answer| table.values(answer.label?, row).first().copied());
        match (answer.map(|answer| answer.asks), label) {
            (Some(Asks::Class(_)), Some(label)) => label.to_index().map_or(0, |class| class as usize),
            (Some(Asks::Side(_)), Some(label)) => Sides::is(label),
            _ => 0,
        }
    };
    let classes: Vec<usize> = rows.iter().map(|&row| class(row)).collect();
    let mut learned = vec![false; rows.len()];
    for class in 0..=classes.iter().copied().max().unwrap_or(0) {
        let own: Vec<usize> = (0..rows.len()).filter(|&at| classes[at] == class).collect();
        let count = (samples as usize).min(own.len());
        for i in 0..count {
            learned[own[spread(i, count, own.len())]] = true;
        }
    }
    (0..rows.len()).partition(|&at| learned[at])
}

/// The place of sample `i` of `k` that are spread over `n` rows.
fn spread(i: usize, k: usize, n: usize) -> usize {
    // Rounded, without leaving whole numbers: a half goes up.
    if k == 1 { n / 2 } else { (2 * i * (n - 1) + (k - 1)) / (2 * (k - 1)) }
}

/// Adapts a circuit whose params start where [`Lowered::params`] says; what they freeze is frozen.
///
/// # Errors
/// [`TrainError`]; nothing is kept then.
pub fn adapt<'a, T: Readable>(
    lowered: &Lowered<T>,
    adapting: &Adapting<T>,
    at: impl Into<At<'a>>,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Adapted<T>, TrainError> {
    check(lowered, adapting.training.optimiser.rate)?;
    let (table, rows) = recording(lowered, &adapting.training, adapting.rows.as_ref())?;
    let (mut order, others) = part(lowered, &table, &rows, adapting.samples);
    let learned: Vec<usize> = order.iter().map(|&at| rows[at]).collect();
    let all_steps = order.len() as u64 * u64::from(adapting.passes);
    let optimiser = over(&adapting.training.optimiser, all_steps);
    let mut engine = open(at, lowered.view(), optimiser.purpose(1), &mut |stage| watch(Event::Opening(stage)))?;
    for param in &lowered.params {
        engine.set(param.wire, 0, &param.start)?;
    }
    engine.ready()?;
    // The recording alone, so that a small board has room for it.
    let all = samples(lowered, &table);
    let width = all.len() / table.rows().max(1);
    let kept = rows.iter().flat_map(|row| all.iter().skip(row * width).take(width).copied()).collect();
    engine.keep(kept, &mut |share| watch(Event::Sending(share)))?;

    let before = measure(engine.as_mut(), &others, watch)?;
    engine.train(chainrule::Training::new(optimiser, 1).with_seed(adapting.training.seed))?;
    let mut random = Random::new(adapting.training.seed);
    let mut steps = 0;
    for pass in 1..=adapting.passes {
        random.shuffle(&mut order);
        let seen = walk(engine.as_mut(), &order)
            .map_err(|(error, done)| told(lowered, optimiser.rate, steps + done, error))?;
        steps += order.len() as u64;
        watch(Event::Pass { pass, of: adapting.passes, seen });
    }
    let after = measure(engine.as_mut(), &others, watch)?;
    order.sort_unstable();
    let fitted = measure(engine.as_mut(), &order, watch)?.unwrap_or_default();
    let params_hash = engine.params_hash()?;
    let params = lowered.params.iter().map(|param| engine.value(param.wire)).collect::<Result<_, _>>()?;
    let has_classes = has_classes(lowered);
    Ok(Adapted { rows: rows.len(), learned, steps, before, after, fitted, has_classes, params_hash, params })
}

/// What is wrong before any file is read.
fn check<T: Readable>(lowered: &Lowered<T>, lr: T) -> Result<(), TrainError> {
    if lowered.objective().is_none() {
        return Err(TrainError::NoObjective);
    }
    if lowered.params.iter().all(|param| param.frozen) {
        return Err(TrainError::NoParams { frozen: !lowered.params.is_empty() });
    }
    if lr.is_finite() { Ok(()) } else { Err(TrainError::Rate { scalar: T::NAME }) }
}

fn measure<T: Readable>(
    engine: &mut dyn Engine<T>,
    rows: &[usize],
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Option<Seen>, EngineError> {
    if rows.is_empty() {
        return Ok(None);
    }
    watch(Event::Measuring);
    let mut sum = 0.0;
    let correct = engine.run(Work::Evaluate, rows, &mut |objective| sum += objective.to_f64())?;
    Ok(Some(Seen { samples: rows.len() as u64, sum, correct }))
}

/// One pass; or why it stopped, and after how many steps. No error: an objective was no number.
fn walk<T: Readable>(engine: &mut dyn Engine<T>, rows: &[usize]) -> Result<Seen, (Option<EngineError>, u64)> {
    let (mut sum, mut done, mut wrong) = (0.0, 0, None);
    let correct = engine.run(Work::Train, rows, &mut |objective: T| {
        sum += objective.to_f64();
        if objective.is_nan() {
            wrong = wrong.or(Some(done));
        }
        done += 1;
    });
    let correct = correct.map_err(|error| (Some(error), done))?;
    match wrong {
        Some(at) => Err((None, at)),
        None => Ok(Seen { samples: done, sum, correct }),
    }
}

fn told<T: Readable>(lowered: &Lowered<T>, lr: T, done: u64, error: Option<EngineError>) -> TrainError {
    let diverged = |wire: &str| TrainError::Diverged { step: done + 1, wire: wire.to_owned(), lr: lr.to_string() };
    match error {
        None => diverged(""),
        Some(EngineError::Run(RunError::NotFinite(wire))) => {
            diverged(lowered.view().wire(usize::from(wire)).map_or("", |wire| lowered.name(wire)))
        }
        Some(error) => TrainError::Engine(error),
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn samples_are_spread_evenly_and_never_twice() {
        let places = |k: usize, n: usize| (0..k).map(|i| spread(i, k, n)).collect::<Vec<_>>();
        assert_eq!(places(5, 9), [0, 2, 4, 6, 8]);
        assert_eq!(places(5, 40), [0, 10, 20, 29, 39]);
        assert_eq!((places(1, 7), places(2, 7), places(3, 3)), (vec![3], vec![0, 6], vec![0, 1, 2]));
        for n in 1..30 {
            for k in 1..=n {
                assert!(places(k, n).is_sorted_by(|a, b| a < b) && places(k, n).iter().all(|&at| at < n), "{k} of {n}");
            }
        }
    }
}
