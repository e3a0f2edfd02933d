//! `eval`: values and gradients of every wire.

use std::io::Write;

use chainrule::{Objective, Op, Wire};
use serde::Serialize;

use super::case::Case;
use super::json::{self, Numbers};
use super::{Failure, Outcome, figures};
use crate::args::Eval;
use crate::text::literal::Readable;

/// What `eval --json` prints.
#[derive(Serialize)]
#[serde(bound = "")]
struct Evaluated<'c, T: chainrule::Scalar> {
    scalar: &'static str,
    on: String,
    objective: Option<&'c str>,
    value: Option<json::Number<T>>,
    wires: Vec<EvaluatedWire<'c, T>>,
}

#[derive(Serialize)]
#[serde(bound = "")]
struct EvaluatedWire<'c, T: chainrule::Scalar> {
    name: &'c str,
    kind: &'static str,
    shape: Vec<usize>,
    value: Numbers<T>,
    gradient: Option<Numbers<T>>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run<T: Readable>(asked: &Eval, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let case = Case::<T>::read(&asked.circuit)?;
    let mut engine = case.open(asked.at.at())?;
    engine.forward()?;
    let view = case.lowered.view();
    // A constant objective has no gradient, and then nothing has one.
    let objective = view.objective();
    let begins = objective.map(Objective::wire).filter(|&wire| has_gradient(&case, wire));
    if let Some(objective) = begins {
        engine.backward(objective).map_err(|error| case.named(error))?;
    }
    let mut wires = Vec::with_capacity(view.len());
    for wire in view.wires() {
        let scalar = view.shape(wire).is_scalar();
        let numbers = |values| Numbers { scalar, values: case.in_order(wire, values) };
        let value = numbers(engine.value(wire)?);
        let gradient =
            if begins.is_some() && has_gradient(&case, wire) { engine.gradient(wire)?.map(numbers) } else { None };
        let (name, kind) = (case.lowered.name(wire), case.lowered.kind(wire));
        wires.push(EvaluatedWire { name, kind, shape: case.dims(wire), value, gradient });
    }
    let value = objective.and_then(|objective| wires.get(objective.wire().index()));
    let value = value.and_then(|wire| wire.value.values.first().copied());
    let evaluated = Evaluated {
        scalar: T::NAME,
        on: asked.at.on.to_string(),
        objective: objective.map(|objective| case.lowered.name(objective.wire())),
        value: value.map(json::Number),
        wires,
    };
    if asked.at.json {
        json::line(out, &evaluated)?;
    } else {
        print(&evaluated, objective, out)?;
    }
    Ok(Outcome::Done)
}

/// Whether a wire can have a gradient at all.
fn has_gradient<T: Readable>(case: &Case<T>, wire: Wire) -> bool {
    case.lowered.view().gate(wire).is_some_and(|gate| !matches!(gate.op(), Op::Const | Op::Label))
}

fn print<T: Readable>(
    evaluated: &Evaluated<'_, T>,
    objective: Option<Objective>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let where_ = format!("{} on {}", evaluated.scalar, evaluated.on);
    match (evaluated.objective, evaluated.value, objective) {
        (Some(name), Some(json::Number(value)), Some(objective)) => {
            let aim = if matches!(objective, Objective::Maximize(_)) { "maximize" } else { "minimize" };
            writeln!(out, "{name} = {}   ({aim} {name}; {where_})\n", figures::exact(value))?;
        }
        _ => writeln!(out, "no objective, so no gradients   ({where_})\n")?,
    }
    let head = ["wire", "kind", "value", "gradient"].map(str::to_owned);
    let rows = evaluated.wires.iter().map(|wire| {
        let numbers = |numbers: &Numbers<T>| figures::numbers(&wire.shape, &numbers.values, figures::exact);
        let gradient = wire.gradient.as_ref().map_or_else(|| "-".to_owned(), numbers);
        [wire.name.to_owned(), wire.kind.to_owned(), numbers(&wire.value), gradient]
    });
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [name, kind, value, _] = [0, 1, 2, 3].map(width);
    for row in &rows {
        writeln!(out, "  {:name$}  {:kind$}  {:value$}  {}", row[0], row[1], row[2], row[3])?;
    }
    Ok(())
}
