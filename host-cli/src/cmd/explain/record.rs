//! The lesson as one line of JSON, nothing left out.

use chainrule::{Objective, Op, Scalar, Wire};
use serde::Serialize;

use super::Tried;
use super::lesson::Lesson;
use super::words::Sign;
use crate::args::On;
use crate::cmd::json::{Number, Numbers};
use crate::text::literal::Readable;

/// What `explain --json` prints.
#[derive(Serialize)]
#[serde(bound = "")]
pub struct Record<'c, T: Scalar> {
    scalar: &'static str,
    on: String,
    objective: &'c str,
    goal: &'static str,
    value: Numbers<T>,
    forward: Vec<Forward<'c, T>>,
    backward: Vec<Backward<'c, T>>,
    moves: Vec<Move<'c, T>>,
    step: Option<Step<'c, T>>,
}

/// A gate on the way forward: its formula, and the formula with numbers put in.
#[derive(Serialize)]
#[serde(bound = "")]
struct Forward<'c, T: Scalar> {
    wire: &'c str,
    formula: Option<String>,
    numbers: Option<String>,
    value: Numbers<T>,
}

/// A wire on the way back: its gradient and what each reader adds.
#[derive(Serialize)]
#[serde(bound = "")]
struct Backward<'c, T: Scalar> {
    wire: &'c str,
    gradient: Numbers<T>,
    terms: Vec<Term<'c, T>>,
}

/// What one reader passes back; numbers where both factors are one number.
#[derive(Serialize)]
#[serde(bound = "")]
struct Term<'c, T: Scalar> {
    through: &'c str,
    rule: String,
    local: Option<Number<T>>,
    upstream: Option<Number<T>>,
}

/// Which way to move; `way` is null for a tensor, whose elements may go different ways.
#[derive(Serialize)]
#[serde(bound = "")]
struct Move<'c, T: Scalar> {
    wire: &'c str,
    gradient: Option<Numbers<T>>,
    way: Option<&'static str>,
    words: String,
}

/// One step along the gradient, and the objective after it.
#[derive(Serialize)]
#[serde(bound = "")]
struct Step<'c, T: Scalar> {
    size: Number<T>,
    moved: Vec<&'c str>,
    value: Number<T>,
}

/// The lesson as a record.
pub fn record<'c, T: Readable>(lesson: &Lesson<'c, T>, on: &On, tried: Option<&Tried<T>>) -> Record<'c, T> {
    let view = lesson.case.lowered.view();
    let objective = lesson.objective.wire();
    let numbers = |wire: Wire, values: &[T]| Numbers {
        scalar: lesson.case.dims(wire).is_empty(),
        values: lesson.case.in_order(wire, values.to_vec()),
    };
    let forward = |wire| {
        let formula = lesson.case.lowered.formula(wire);
        Forward {
            wire: lesson.name(wire),
            formula: (!formula.is_empty()).then_some(formula),
            numbers: lesson.numbers_in(wire),
            value: numbers(wire, &lesson.of(wire).value),
        }
    };
    let backward = |wire: Wire| {
        let gate = lesson.of(wire);
        let gradient =
            gate.gradient.as_deref().filter(|_| gate.matters && !matches!(gate.op, Op::Const | Op::Label))?;
        let terms = lesson.parts(wire).map(|part| Term {
            through: lesson.name(part.through),
            rule: lesson.rule(part.through, part.operand),
            local: part.factors.map(|(local, _)| Number(local)),
            upstream: part.factors.map(|(_, upstream)| Number(upstream)),
        });
        Some(Backward { wire: lesson.name(wire), gradient: numbers(wire, gradient), terms: terms.collect() })
    };
    let one = |wire: Wire| {
        let slope = lesson.slope(wire).filter(|_| lesson.case.dims(wire).is_empty());
        Move {
            wire: lesson.name(wire),
            gradient: lesson.of(wire).gradient.as_deref().map(|gradient| numbers(wire, gradient)),
            way: slope.map(|slope| Sign::of(slope).towards(lesson.objective).verb()),
            words: lesson.words(wire),
        }
    };
    Record {
        scalar: T::NAME,
        on: on.to_string(),
        objective: lesson.name(objective),
        goal: if matches!(lesson.objective, Objective::Maximize(_)) { "maximize" } else { "minimize" },
        value: numbers(objective, &lesson.of(objective).value),
        forward: view.wires().map(forward).collect(),
        backward: view.wires().collect::<Vec<_>>().into_iter().rev().filter_map(backward).collect(),
        moves: lesson.case.movable().into_iter().map(one).collect(),
        step: tried.map(|tried| Step {
            size: Number(tried.step),
            moved: tried.moved.iter().map(|&wire| lesson.name(wire)).collect(),
            value: Number(tried.value),
        }),
    }
}
