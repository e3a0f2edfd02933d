//! `predict`: what a saved model says of rows or values, as CSV.

use std::fs;
use std::io::Write;
use std::path::Path;

use chainrule::Wire;
use serde::Serialize;

use super::figures::{counted, exact};
use super::json::{self, Numbers};
use super::progress::Progress;
use super::{Failure, Outcome, apart};
use crate::args::Predict;
use crate::data::columns::{Field, Role, Steering};
use crate::data::{DataError, Table, table};
use crate::engine::Engine;
use crate::lower::{Holdout, Lowered, RowsError, lower};
use crate::score::answer::{Answer, Asks, Sides, highest, probabilities, probability};
use crate::score::ask::{ask, fed, open_for, up_to};
use crate::text::literal::Readable;
use crate::text::{Source, SourceError, source};
use crate::weights;

/// What `predict --json` prints.
#[derive(Serialize)]
#[serde(bound = "")]
struct Told<T: chainrule::Scalar> {
    on: String,
    rows: usize,
    /// A class, a number, or a list of numbers for each row.
    predicted: Vec<Numbers<T>>,
    /// Of the class told, for each row; with `--probabilities` of all classes.
    probability: Option<Vec<json::Numbers<f64>>>,
    output: Option<String>,
}

/// One row's answer.
struct Said<T> {
    predicted: Vec<T>,
    probability: Option<Vec<f64>>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; nothing is written then.
pub fn run<T: Readable>(asked: &Predict, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let written = source::read(&asked.model.file)?;
    let given: Vec<_> = asked.values.iter().map(|value| source::read_given(value)).collect::<Result<_, _>>()?;
    let mut lowered: Lowered<T> = lower(&written, &given, None)?;
    weights::load(&asked.model.weights, &mut lowered)?;
    let answer = Answer::of(&lowered).ok_or_else(|| Failure::Refused("the circuit computes nothing".into()))?;
    let circuit = up_to(&lowered, answer.wire);
    let rows = Rows::read(asked, &lowered, &written.source)?;
    let data = asked.data.as_deref().or(lowered.training.data.as_deref());
    let read = [Some(asked.model.file.as_ref()), Some(asked.model.weights.as_path()), data];
    apart::check(asked.output.as_deref(), read.into_iter().flatten())?;

    let mut progress = Progress::new();
    let mut engine = open_for(&lowered, circuit, &[answer.wire], asked.at.at(), &mut |stage| progress.stage(stage))?;
    let fed = rows.table.as_ref().map(|table| fed(&lowered, &circuit, table)).unwrap_or_default();
    let count = rows.places.len();
    let mut said = Vec::with_capacity(count);
    for (done, &row) in rows.places.iter().enumerate() {
        progress.tell("predicting", Some(done as f64 / count as f64));
        set_given(engine.as_mut(), &rows.given)?;
        let empty = Table::empty();
        let table = rows.table.as_ref().unwrap_or(&empty);
        let told = ask(engine.as_mut(), &fed, table, row, &[answer.wire])?;
        said.push(say(answer.asks, told.first().map_or(&[][..], Vec::as_slice), asked.probabilities));
    }
    drop(progress);

    let csv = rows.csv(asked.keep, &said)?;
    if let Some(path) = &asked.output {
        fs::write(path, &csv).map_err(|error| cannot(path, &error.to_string()))?;
    }
    if asked.at.json {
        let scalar = |numbers: &[T]| Numbers { scalar: numbers.len() == 1, values: numbers.to_vec() };
        let shares = |said: &Said<T>| {
            let values = said.probability.clone()?;
            Some(Numbers { scalar: !asked.probabilities, values })
        };
        let probability: Option<Vec<_>> = said.iter().map(shares).collect();
        let predicted = said.iter().map(|said| scalar(&said.predicted)).collect();
        let output = asked.output.as_ref().map(|path| path.display().to_string());
        json::line(out, &Told { on: asked.at.on.to_string(), rows: count, predicted, probability, output })?;
    } else if let Some(path) = &asked.output {
        writeln!(out, "{} written to {}", counted(count, "row"), path.display())?;
    } else {
        out.write_all(&csv)?;
    }
    Ok(Outcome::Done)
}

fn cannot(path: &Path, why: &str) -> Failure {
    Failure::Refused(format!("cannot write {}: {why}", path.display()))
}

/// Inputs with a value of their own; before each row, since a plan may write over them.
fn set_given<T: Readable>(engine: &mut dyn Engine<T>, given: &[(Wire, Vec<T>)]) -> Result<(), Failure> {
    for (wire, values) in given {
        engine.set(*wire, 0, values)?;
    }
    Ok(())
}

fn say<T: Readable>(asks: Asks, told: &[T], all: bool) -> Said<T> {
    match asks {
        Asks::Class(_) => {
            let class = highest(told);
            let shares = probabilities(told);
            let own = shares.get(class).copied().unwrap_or(f64::NAN);
            let probability = if all { shares } else { vec![own] };
            Said { predicted: vec![T::from_u32(class as u32)], probability: Some(probability) }
        }
        Asks::Side(sides) => {
            let first = told.first().copied().unwrap_or(T::NAN);
            let side = sides.told(first);
            let low = if sides == Sides::Sign { -T::ONE } else { T::ZERO };
            let share = probability(first);
            let both = [1.0 - share, share];
            let shares = if all { both.to_vec() } else { vec![both[side]] };
            let probability = (sides == Sides::Logit).then_some(shares);
            Said { predicted: vec![if side == 1 { T::ONE } else { low }], probability }
        }
        Asks::Number => Said { predicted: told.to_vec(), probability: None },
    }
}

/// What is predicted for.
struct Rows<T> {
    /// The data as it was written, its header first.
    written: Vec<csv::StringRecord>,
    /// The data as numbers; none if all inputs were given.
    table: Option<Table<T>>,
    given: Vec<(Wire, Vec<T>)>,
    /// The rows of the table.
    places: Vec<usize>,
}

impl<T: Readable> Rows<T> {
    fn read(asked: &Predict, lowered: &Lowered<T>, text: &Source) -> Result<Rows<T>, Failure> {
        let inputs = || lowered.fields.iter().filter(|field| field.role == Role::Input);
        let given: Vec<(Wire, Vec<T>)> =
            inputs().filter_map(|field| Some((field.wire, field.value.clone()?))).collect();
        let wants_data = asked.data.is_some() || asked.row.is_some();
        if given.len() == inputs().count() && !wants_data {
            return Ok(Rows { written: Vec::new(), table: None, given, places: vec![0] });
        }
        if !asked.values.is_empty() && !wants_data {
            let open: Vec<_> = lowered.without_value();
            let is_input = |error: &&crate::lower::LowerError| {
                inputs()
                    .any(|field| matches!(error, crate::lower::LowerError::NoValue { span, .. } if *span == field.span))
            };
            let errors = open.iter().filter(is_input).map(|error| error.diagnostic()).collect();
            return Err(SourceError::Text { source: text.clone(), errors }.into());
        }
        let training = &lowered.training;
        let path = asked.data.as_deref().or(training.data.as_deref()).ok_or(RowsError::NoData)?;
        let is_open = |field: &Field| !lowered.fields.iter().any(|fed| fed.name == field.name && fed.value.is_some());
        let (mut fields, mut passed_over): (Vec<Field>, Vec<String>) = (Vec::new(), training.ignore.clone());
        for field in lowered.columns() {
            if field.role == Role::Input && is_open(&field) {
                fields.push(field);
            } else {
                passed_over.extend((0..field.width()).map(|element| format!("{}{element}", field.name)));
                passed_over.push(field.name);
            }
        }
        if let Holdout::Groups { column, .. } | Holdout::Value { column, .. } = &training.split {
            passed_over.push(column.clone());
        }
        let wrong = |kind| Failure::Rows(RowsError::Data(DataError { path: path.to_owned(), kind }));
        let bytes = table::bytes(path).map_err(RowsError::Data)?;
        let written = table::written(&bytes).map_err(wrong)?;
        let steering = Steering { passed_over, ..Steering::default() };
        let table = table::read_from(&bytes, &fields, &steering).map_err(wrong)?;
        let places = match asked.row {
            None => (0..table.rows()).collect(),
            Some(row) if row < table.rows() => vec![row],
            Some(row) => return Err(RowsError::NoSuchRow { row, rows: table.rows() }.into()),
        };
        Ok(Rows { written, table: Some(table), given, places })
    }

    /// The answers as CSV, after the columns of the data if they are kept.
    fn csv(&self, keep: bool, said: &[Said<T>]) -> Result<Vec<u8>, Failure> {
        let width = said.first().map_or(0, |said| said.predicted.len());
        let shares = said.first().and_then(|said| said.probability.as_ref()).map_or(0, Vec::len);
        let names = |name: &str, count: usize| match count {
            1 => vec![name.to_owned()],
            _ => (0..count).map(|at| format!("{name}{at}")).collect(),
        };
        let own = [names("predicted", width), names("probability", shares)].concat();
        let header = self.written.first().filter(|_| keep);
        if let Some(twice) = own.iter().find(|name| header.is_some_and(|header| header.iter().any(|c| c == *name))) {
            return Err(Failure::Refused(format!(
                "the data has a column `{twice}` already: leave out --keep, or rename that column"
            )));
        }
        let mut csv = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| Failure::Output(error.into());
        csv.write_record(header.iter().flat_map(|header| header.iter()).chain(own.iter().map(String::as_str)))
            .map_err(failed)?;
        for (&place, said) in self.places.iter().zip(said) {
            let kept = self.written.get(place + 1).filter(|_| keep);
            let figures: Vec<String> = said.predicted.iter().map(|&number| exact(number)).collect();
            let shares: Vec<String> = said.probability.iter().flatten().map(|share| format!("{share:.6}")).collect();
            let own = figures.iter().chain(&shares).map(String::as_str);
            csv.write_record(kept.iter().flat_map(|row| row.iter()).chain(own)).map_err(failed)?;
        }
        csv.into_inner().map_err(|error| Failure::Output(std::io::Error::other(error.to_string())))
    }
}
