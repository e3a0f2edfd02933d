//! `test`: a saved model on data it has not seen: loss, accuracy and confusion, or errors.

use std::io::Write;

use chainrule::Objective;
use serde::Serialize;

use super::figures::{counted, short};
use super::json::{self, Number};
use super::progress::Progress;
use super::{Failure, Outcome};
use crate::adapt::recording;
use crate::args::Test;
use crate::data::{DataError, Table};
use crate::lower::{Holdout, Lowered, RowsError, Training, lower};
use crate::score::answer::{Answer, Asks, Sides, highest};
use crate::score::ask::{ask, fed, open_for};
use crate::score::{Confusion, Errors};
use crate::text::literal::Readable;
use crate::text::source;
use crate::weights;

/// What `test --json` prints.
#[derive(Serialize)]
struct Told {
    on: String,
    rows: usize,
    loss: Option<Number<f64>>,
    accuracy: Option<Number<f64>>,
    /// A row for each true class, a column for each class told.
    confusion: Option<Vec<Vec<u64>>>,
    mae: Option<Number<f64>>,
    rmse: Option<Number<f64>>,
    r2: Option<Number<f64>>,
}

/// Which rows these are, for people.
const UNSEEN: &str = "held-out ";
const ALL_SEEN: &str = "nothing was held out, so these are the rows that it was trained on";

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run<T: Readable>(asked: &Test, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let written = source::read(&asked.model.file)?;
    let mut lowered: Lowered<T> = lower(&written, &[], asked.seed)?;
    weights::load(&asked.model.weights, &mut lowered)?;
    let mut training = lowered.training.clone();
    asked.settle(&mut training);
    let is_given = asked.data.is_some() || asked.rows.is_some();
    let (table, rows) =
        if is_given { recording(&lowered, &training, asked.rows.as_ref())? } else { held_out(&lowered, &training)? };
    let answer = Answer::of(&lowered).ok_or_else(|| Failure::Refused("the circuit computes nothing".into()))?;
    let objective = lowered.objective().map(Objective::wire);
    let mut wires = vec![answer.wire];
    wires.extend(objective);

    let mut progress = Progress::new();
    let circuit = lowered.view();
    let mut engine = open_for(&lowered, circuit, &wires, asked.at.at(), &mut |stage| progress.stage(stage))?;
    let fed = fed(&lowered, &circuit, &table);
    let mut tally = Tally::new(answer, &table, &rows);
    let mut loss = 0.0;
    for (done, &row) in rows.iter().enumerate() {
        progress.tell("testing", Some(done as f64 / rows.len() as f64));
        let seen = ask(engine.as_mut(), &fed, &table, row, &wires)?;
        loss += seen.get(1).and_then(|objective| objective.first()).map_or(0.0, |objective| objective.to_f64());
        if let (Some(told), Some(label)) = (seen.first(), answer.label) {
            tally.add(told, table.values(label, row));
        }
    }
    drop(progress);
    let Tally { confusion, errors, .. } = tally;
    let told = Told {
        on: asked.at.on.to_string(),
        rows: rows.len(),
        loss: objective.map(|_| Number(loss / rows.len() as f64)),
        accuracy: confusion.as_ref().map(|confusion| Number(confusion.accuracy())),
        confusion: confusion.as_ref().map(|confusion| confusion.counts().to_vec()),
        mae: errors.as_ref().map(|errors| Number(errors.mae())),
        rmse: errors.as_ref().map(|errors| Number(errors.rmse())),
        r2: errors.as_ref().and_then(|errors| errors.r2()).map(Number),
    };
    if asked.at.json {
        json::line(out, &told)?;
    } else {
        let is_seen = !is_given && training.split == Holdout::Nothing;
        print(&told, confusion.as_ref(), if is_given || is_seen { "" } else { UNSEEN }, out)?;
        if is_seen {
            writeln!(out, "{ALL_SEEN}")?;
        }
    }
    Ok(Outcome::Done)
}

/// The rows that a training of this seed holds out, in their order; all rows if it holds out none.
fn held_out<T: Readable>(lowered: &Lowered<T>, training: &Training<T>) -> Result<(Table<T>, Vec<usize>), RowsError> {
    let table = lowered.table(training)?;
    let wrong = |kind| RowsError::Data(DataError { path: training.data.clone().unwrap_or_default(), kind });
    let split = training.part(&table, &mut lowered.random.clone()).map_err(wrong)?;
    Ok((table, if split.held.is_empty() { split.train } else { split.held }))
}

/// What is counted for a circuit's answers.
struct Tally {
    asks: Asks,
    /// The sides that numbers mean, if they mean any.
    sides: Option<Sides>,
    confusion: Option<Confusion>,
    errors: Option<Errors>,
}

impl Tally {
    fn new<T: Readable>(answer: Answer, table: &Table<T>, rows: &[usize]) -> Tally {
        let sides = match (answer.asks, answer.label) {
            (Asks::Side(sides), Some(_)) => Some(sides),
            (Asks::Number, Some(label)) if table.fields().get(label).is_some_and(|field| field.width() == 1) => {
                Sides::of(rows.iter().filter_map(|&row| table.values(label, row).first().copied()))
            }
            _ => None,
        };
        let names = match (answer.asks, sides) {
            (Asks::Class(classes), _) if answer.label.is_some() => {
                (0..classes).map(|class| class.to_string()).collect()
            }
            (_, Some(sides)) => sides.names().map(str::to_owned).to_vec(),
            _ => Vec::new(),
        };
        let has_errors = answer.asks == Asks::Number && answer.label.is_some();
        Tally {
            asks: answer.asks,
            sides,
            confusion: (!names.is_empty()).then(|| Confusion::new(names)),
            errors: has_errors.then(Errors::default),
        }
    }

    fn add<T: Readable>(&mut self, told: &[T], is: &[T]) {
        if let Some(errors) = &mut self.errors {
            errors.add(told, is);
        }
        let (Some(confusion), Some(&first), Some(&label)) = (&mut self.confusion, told.first(), is.first()) else {
            return;
        };
        match (self.asks, self.sides) {
            (Asks::Class(_), _) => {
                confusion.count(label.to_index().map_or(0, |class| class as usize), highest(told));
            }
            (_, Some(sides)) => confusion.count(Sides::is(label), sides.told(first)),
            _ => {}
        }
    }
}

fn print(told: &Told, confusion: Option<&Confusion>, kind: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let noun = format!("{kind}row");
    write!(out, "on {}", counted(told.rows, &noun))?;
    let mut before = ": ";
    let mut figure = |name: &str, figure: Option<String>| match figure {
        Some(figure) => write!(out, "{}{name} {figure}", std::mem::replace(&mut before, ", ")),
        None => Ok(()),
    };
    let in_short = |number: Option<Number<f64>>| number.map(|Number(number)| short(number));
    figure("loss", in_short(told.loss))?;
    let right =
        |Number(accuracy): Number<f64>| format!("{accuracy:.4} ({} right)", confusion.map_or(0, Confusion::right));
    figure("accuracy", told.accuracy.map(right))?;
    figure("mae", in_short(told.mae))?;
    figure("rmse", in_short(told.rmse))?;
    figure("r²", in_short(told.r2))?;
    writeln!(out)?;
    if let Some(confusion) = confusion {
        writeln!(out, "\n{}", confusion.table())?;
    }
    Ok(())
}
