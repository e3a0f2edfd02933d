//! A circuit of the corpus on an engine: its cases, all that comes out of them,
//! and some training, told in bits.

use std::fmt::Debug;
use std::path::Path;

use chainrule::{CircuitRef, Method, Op, Optimiser, Purpose, Random, Training, Wire};
use chainrule_cli::data::columns::Role;
use chainrule_cli::engine::{self, Engine, EngineError, Side};
use chainrule_cli::lower::{Lowered, lower};
use chainrule_cli::text::literal::Readable;
use chainrule_cli::text::read;

use crate::corpus::{Case, Entry, Expected, Kind, Scalar};

/// Steps of the training that engines are compared by.
pub const STEPS: usize = 24;
/// Rows that it goes over.
const ROWS: usize = 6;
/// Its batches: the last one is smaller.
const BATCHES: [&[usize]; 4] = [&[0, 1, 2], &[3, 4, 5], &[5, 0, 3], &[1, 2]];

/// A scalar that the corpus runs in.
pub trait Number: Readable {
    /// Which one.
    const SCALAR: Scalar;
}

impl Number for f32 {
    const SCALAR: Scalar = Scalar::F32;
}

impl Number for f64 {
    const SCALAR: Scalar = Scalar::F64;
}

/// Its bits, all NaNs alike.
pub fn bits<T: Number>(number: T) -> u64 {
    if number.is_nan() { T::NAN.to_bits() } else { number.to_bits() }
}

/// An entry as a circuit of the core.
///
/// # Errors
///
/// The report that a user would see.
pub fn lowered<T: Number>(entry: &Entry) -> Result<Lowered<T>, String> {
    let written = read(&entry.path.display().to_string()).map_err(|error| error.report(false))?;
    lower(&written, &[], None).map_err(|error| error.report(false))
}

/// A circuit of the corpus, or one that is there to be measured only, with the params that seed 1 begins
/// with.
///
/// # Errors
///
/// The report that a user would see.
pub fn begun<T: Readable>(name: &str) -> Result<Lowered<T>, String> {
    let file = |folder: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name).with_extension("circuit");
    let path = ["bench", "corpus"].map(file).into_iter().find(|path| path.exists()).unwrap_or_else(|| name.into());
    let written = read(&path.display().to_string()).map_err(|error| error.report(false))?;
    lower(&written, &[], Some(1)).map_err(|error| error.report(false))
}

/// What each input, label and param is set to in a case.
///
/// # Errors
///
/// A wire without a value, or with too many.
pub fn settings<T: Number>(lowered: &Lowered<T>, case: &Case) -> Result<Vec<(Wire, Vec<T>)>, String> {
    let mut settings = Vec::new();
    let told = |name: &str, count: usize| {
        let numbers = case.inputs.get(name).map(|given| given.numbers(count)).transpose();
        let numbers = numbers.map_err(|error| format!("`{name}`: {error}"))?;
        Ok::<_, String>(numbers.map(|numbers| numbers.into_iter().map(T::from_f64).collect::<Vec<T>>()))
    };
    for field in &lowered.fields {
        let value = told(&field.name, field.shape.len())?.or_else(|| field.value.clone());
        settings.push((field.wire, value.ok_or_else(|| format!("`{}` has no value", field.name))?));
    }
    for param in &lowered.params {
        let value = told(&param.name, param.start.len())?.map(|value| param.from_file(&value));
        settings.push((param.wire, value.unwrap_or_else(|| param.start.clone())));
    }
    let is_set = |name: &String| lowered.wire(name).is_some_and(|wire| settings.iter().any(|(set, _)| *set == wire));
    match case.inputs.keys().find(|name| !is_set(name)) {
        Some(name) => Err(format!("`{name}` cannot be set")),
        None => Ok(settings),
    }
}

/// Sets what a case says and runs forward and backward.
///
/// # Errors
///
/// What cannot be set, or what the engine refused.
pub fn run<T: Number>(lowered: &Lowered<T>, case: &Case, engine: &mut dyn Engine<T>) -> Result<(), String> {
    for (wire, values) in settings(lowered, case)? {
        engine.set(wire, 0, &values).map_err(|error| format!("set `{}`: {error}", lowered.name(wire)))?;
    }
    engine.forward().map_err(words)?;
    if let Some(wire) = start(lowered, case)? {
        engine.backward(wire).map_err(words)?;
    }
    Ok(())
}

/// The wire whose gradients a case tells, if there is one.
pub fn start<T: Number>(lowered: &Lowered<T>, case: &Case) -> Result<Option<Wire>, String> {
    match &case.of {
        Some(of) => lowered.wire(of).map(Some).ok_or_else(|| format!("there is no wire `{of}`")),
        None => Ok(lowered.objective().map(|objective| objective.wire())),
    }
}

/// Trains on the samples of a case as the circuit's block says, on an engine planned for that; the
/// last batch may hold less. The losses.
///
/// # Errors
///
/// What cannot be set, or what the engine refused.
pub fn train<T: Number>(lowered: &Lowered<T>, case: &Case, engine: &mut dyn Engine<T>) -> Result<Vec<T>, String> {
    for (wire, values) in settings(lowered, case)? {
        if lowered.params.iter().any(|param| param.wire == wire) {
            engine.set(wire, 0, &values).map_err(words)?;
        }
    }
    engine.ready().map_err(words)?;
    let mut rows = Vec::new();
    for sample in &case.samples {
        let mut one = case.clone();
        one.inputs.extend(sample.clone());
        let mut wires = settings(lowered, &one)?;
        wires.retain(|(wire, _)| lowered.fields.iter().any(|field| field.wire == *wire));
        wires.sort_by_key(|(wire, _)| *wire);
        wires.into_iter().for_each(|(_, values)| rows.extend(values));
    }
    engine.keep(rows, &mut |_| ()).map_err(words)?;
    engine.train(Training::new(lowered.training.optimiser, lowered.training.batch)).map_err(words)?;
    let (mut losses, order) = (Vec::new(), (0..case.samples.len()).collect::<Vec<usize>>());
    engine.run(engine::Work::Train, &order, &mut |loss| losses.push(loss)).map_err(words)?;
    engine.end_batch().map_err(words)?;
    Ok(losses)
}

/// What a circuit's block says a training needs.
pub fn purpose<T: Number>(lowered: &Lowered<T>) -> Purpose {
    lowered.training.optimiser.purpose(lowered.training.batch)
}

/// The losses, params and moments after the samples of each case that has some.
///
/// # Errors
///
/// As [`train`].
pub fn trainings<T: Number>(entry: &Entry, lowered: &Lowered<T>, engine: &mut dyn Engine<T>) -> Result<Shown, String> {
    let mut shown = Shown::default();
    for case in entry.cases.iter().filter(|case| !case.samples.is_empty()) {
        let after = format!("samples of case {}", case.number);
        shown.bits(format!("{after}: losses"), &train(lowered, case, engine)?);
        show_params(lowered, &after, engine, &mut shown)?;
        shown.bits(format!("{after}: moments"), &engine.moments().map_err(words)?);
    }
    Ok(shown)
}

/// Compares the params after a case's samples with what they must be, and gives all that is not
/// right.
pub fn judge_params<T: Number>(lowered: &Lowered<T>, case: &Case, engine: &mut dyn Engine<T>) -> Vec<String> {
    let one = |expected: &Expected| {
        let got = got(lowered, Kind::Value, expected, engine);
        got.and_then(|got| case.judge.compare(T::SCALAR, Kind::Value, expected, &got)).err()
    };
    case.params.iter().filter_map(one).collect()
}

/// Compares a case with what an engine got, and gives all that is not right.
pub fn judge<T: Number>(lowered: &Lowered<T>, case: &Case, engine: &mut dyn Engine<T>) -> Vec<String> {
    let mut wrong = Vec::new();
    let values = case.values.iter().map(|expected| (Kind::Value, expected));
    let gradients = case.gradients.iter().map(|expected| (Kind::Gradient, expected));
    for (kind, expected) in values.chain(gradients) {
        let judged =
            got(lowered, kind, expected, engine).and_then(|got| case.judge.compare(T::SCALAR, kind, expected, &got));
        wrong.extend(judged.err());
    }
    wrong
}

/// All elements of a wire, in the order of the text.
fn got<T: Number>(
    lowered: &Lowered<T>,
    kind: Kind,
    expected: &Expected,
    engine: &mut dyn Engine<T>,
) -> Result<Vec<f64>, String> {
    let name = &expected.wire;
    let wire = lowered.wire(name).ok_or_else(|| format!("there is no wire `{name}`"))?;
    let got = match kind {
        Kind::Value => Some(engine.value(wire).map_err(words)?),
        Kind::Gradient => engine.gradient(wire).map_err(words)?,
    };
    let got = got.ok_or_else(|| format!("`{name}` has no gradient"))?;
    let got = match lowered.params.iter().find(|param| param.wire == wire) {
        Some(param) => param.to_file(&got),
        None => got,
    };
    Ok(got.into_iter().map(|number| number.to_f64()).collect())
}

/// Everything a circuit's engine shows, by name, so that two of them can be held
/// against each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown(Vec<(String, Told)>);

/// What one thing is.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Bits(Vec<u64>),
    Words(String),
}

impl Shown {
    fn bits<T: Number>(&mut self, name: String, numbers: &[T]) {
        self.0.push((name, Told::Bits(numbers.iter().map(|&number| bits(number)).collect())));
    }

    fn words(&mut self, name: String, words: impl Debug) {
        self.0.push((name, Told::Words(format!("{words:?}"))));
    }

    /// What is not the same, each with its name; nothing if all is.
    pub fn differences(&self, other: &Shown) -> Vec<String> {
        let one = |(ours, theirs): (&(String, Told), &(String, Told))| match (ours, theirs) {
            _ if ours == theirs => None,
            ((name, Told::Bits(ours)), (same, Told::Bits(theirs))) if name == same && ours.len() == theirs.len() => {
                let at = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs)?;
                Some(format!("{name}[{at}]: bits {:x}, not {:x}", theirs[at], ours[at]))
            }
            (ours, theirs) => Some(format!("{theirs:?}, not {ours:?}")),
        };
        let mut all: Vec<String> = self.0.iter().zip(&other.0).filter_map(one).collect();
        if self.0.len() != other.0.len() {
            all.push(format!("{} things shown, not {}", other.0.len(), self.0.len()));
        }
        all
    }

    /// How many numbers are in it.
    pub fn numbers(&self) -> usize {
        let count = |(_, told): &(String, Told)| if let Told::Bits(bits) = told { bits.len() } else { 0 };
        self.0.iter().map(count).sum()
    }
}

/// The values and gradients of all wires after each case.
///
/// # Errors
///
/// As [`run`], and what reading them back met.
pub fn all_cases<T: Number>(entry: &Entry, lowered: &Lowered<T>, engine: &mut dyn Engine<T>) -> Result<Shown, String> {
    let mut shown = Shown::default();
    for case in &entry.cases {
        let at = |error| format!("case {}: {error}", case.number);
        run(lowered, case, engine).map_err(at)?;
        let started = start(lowered, case)?.is_some();
        let mut asked: Vec<(Wire, Side)> = lowered.view().wires().map(|wire| (wire, Side::Value)).collect();
        if started {
            asked.extend(lowered.view().wires().map(|wire| (wire, Side::Gradient)));
        }
        let seen = engine.look(&asked).map_err(|error| at(words(error)))?;
        for ((wire, side), numbers) in asked.into_iter().zip(seen) {
            let name = format!("case {}: {side:?} of `{}`", case.number, lowered.name(wire));
            match numbers {
                Some(numbers) => shown.bits(name, &numbers),
                None => shown.words(name, "none"),
            }
        }
    }
    Ok(shown)
}

/// The objective, and what else nobody reads, by a plan that keeps nothing longer
/// than it must; for each case.
///
/// # Errors
///
/// As [`run`].
pub fn results<T: Number>(entry: &Entry, lowered: &Lowered<T>, engine: &mut dyn Engine<T>) -> Result<Shown, String> {
    let mut shown = Shown::default();
    let view = lowered.view();
    let is_read = |wire: &Wire| view.gates().iter().any(|gate| view.operands(gate).any(|operand| operand == *wire));
    let objective = lowered.objective().map(|objective| objective.wire());
    let unread: Vec<Wire> = view.wires().filter(|wire| objective == Some(*wire) || !is_read(wire)).collect();
    for case in &entry.cases {
        for (wire, values) in settings(lowered, case)? {
            engine.set(wire, 0, &values).map_err(|error| format!("set `{}`: {error}", lowered.name(wire)))?;
        }
        engine.forward().map_err(words)?;
        for &wire in &unread {
            let name = format!("case {}: result `{}`", case.number, lowered.name(wire));
            shown.bits(name, &engine.value(wire).map_err(words)?);
        }
    }
    Ok(shown)
}

/// What a circuit is put on an engine for, and what it then shows.
pub type Work<T> = (Purpose, fn(&Entry, &Lowered<T>, &mut dyn Engine<T>) -> Result<Shown, String>);

/// All that engines are compared by.
pub fn works<T: Number>(entry: &Entry, lowered: &Lowered<T>) -> Vec<Work<T>> {
    let mut all: Vec<Work<T>> = vec![(Purpose::Inspect, all_cases), (Purpose::Infer, results)];
    if trains(lowered) {
        all.extend([(Purpose::Train, steps as _), (Purpose::Accumulate, batches as _)]);
    }
    if entry.cases.iter().any(|case| !case.samples.is_empty()) {
        all.push((purpose(lowered), trainings));
    }
    all
}

/// Whether there is something to train.
pub fn trains<T: Number>(lowered: &Lowered<T>) -> bool {
    lowered.objective().is_some() && lowered.params.iter().any(|param| !param.frozen)
}

/// Rows to train on: of the circuit's data, or those of its cases, moved a
/// little.
///
/// # Errors
///
/// Data that cannot be read, a case that cannot be set.
pub fn rows<T: Number>(entry: &Entry, lowered: &Lowered<T>) -> Result<Vec<T>, String> {
    let mut rows = Vec::new();
    if lowered.training.data.is_some() {
        let table = lowered.table(&lowered.training).map_err(|error| error.report())?;
        for row in 0..ROWS {
            let mut wires: Vec<(Wire, &[T])> = Vec::new();
            for (field, fed) in lowered.fields.iter().enumerate() {
                wires.push((fed.wire, table.values(field, row % table.rows())));
            }
            wires.sort_by_key(|(wire, _)| *wire);
            wires.iter().for_each(|(_, values)| rows.extend_from_slice(values));
        }
        return Ok(rows);
    }
    let mut random = Random::new(7);
    for row in 0..ROWS {
        let case = &entry.cases[row % entry.cases.len()];
        let mut wires = settings(lowered, case)?;
        wires.sort_by_key(|(wire, _)| *wire);
        for (wire, values) in wires {
            let Some(field) = lowered.fields.iter().find(|field| field.wire == wire) else { continue };
            match field.role {
                Role::Class(classes) => {
                    let class = (values.first().map_or(0.0, |class| class.to_f64()) as usize + row) % classes;
                    rows.push(T::from_f64(class as f64));
                }
                _ => rows.extend(values.into_iter().map(|x| x + T::from_f64(0.25) * random.uniform::<T>())),
            }
        }
    }
    Ok(rows)
}

fn put_params<T: Number>(lowered: &Lowered<T>, entry: &Entry, engine: &mut dyn Engine<T>) -> Result<(), String> {
    for (wire, values) in settings(lowered, &entry.cases[0])? {
        if lowered.params.iter().any(|param| param.wire == wire) {
            engine.set(wire, 0, &values).map_err(words)?;
        }
    }
    engine.ready().map_err(words)
}

fn show_params<T: Number>(
    lowered: &Lowered<T>,
    after: &str,
    engine: &mut dyn Engine<T>,
    shown: &mut Shown,
) -> Result<(), String> {
    for param in &lowered.params {
        shown.bits(format!("{after}: `{}`", param.name), &engine.value(param.wire).map_err(words)?);
    }
    shown.words(format!("{after}: hash"), engine.params_hash().map_err(words)?);
    Ok(())
}

/// Plain steps after so many samples.
fn sgd<T: Number>(batch: u32) -> Training<T> {
    Training::new(Optimiser::new(Method::Sgd, T::from_f64(0.05)), batch).with_seed(7)
}

/// [`STEPS`] fused steps, their losses and the params after them.
///
/// # Errors
///
/// What the engine refused; a step that is refused is no error but shown.
pub fn steps<T: Number>(entry: &Entry, lowered: &Lowered<T>, engine: &mut dyn Engine<T>) -> Result<Shown, String> {
    let mut shown = Shown::default();
    put_params(lowered, entry, engine)?;
    engine.keep(rows(entry, lowered)?, &mut |_| ()).map_err(words)?;
    let order: Vec<usize> = (0..STEPS).map(|step| step * 5 % ROWS).collect();
    engine.train(sgd(1)).map_err(words)?;
    let mut losses = Vec::new();
    let done = engine.run(engine::Work::Train, &order, &mut |loss| losses.push(loss));
    shown.bits("losses".into(), &losses);
    shown.words("steps".into(), done);
    show_params(lowered, "steps", engine, &mut shown)?;
    let mut losses = Vec::new();
    let done = engine.run(engine::Work::Evaluate, &[0, 1, 2, 3, 4, 5], &mut |loss| losses.push(loss));
    shown.bits("evaluations".into(), &losses);
    shown.words("evaluations".into(), done);
    Ok(shown)
}

/// Some batches, the last one smaller, their losses and the params after them.
///
/// # Errors
///
/// As [`steps`].
pub fn batches<T: Number>(entry: &Entry, lowered: &Lowered<T>, engine: &mut dyn Engine<T>) -> Result<Shown, String> {
    let mut shown = Shown::default();
    put_params(lowered, entry, engine)?;
    engine.keep(rows(entry, lowered)?, &mut |_| ()).map_err(words)?;
    engine.train(sgd(3)).map_err(words)?;
    for (at, batch) in BATCHES.iter().enumerate() {
        let mut losses = Vec::new();
        let done = engine.run(engine::Work::Train, batch, &mut |loss| losses.push(loss));
        let done = done.and_then(|right| engine.end_batch().map(|()| right));
        shown.bits(format!("losses of batch {at}"), &losses);
        shown.words(format!("batch {at}"), done);
    }
    show_params(lowered, "batches", engine, &mut shown)?;
    Ok(shown)
}

fn words(error: EngineError) -> String {
    error.to_string()
}

/// The operations that occur in a circuit.
pub fn ops<T: Copy>(circuit: &CircuitRef<'_, T>) -> Vec<Op> {
    circuit.gates().iter().map(|gate| gate.op()).collect()
}
