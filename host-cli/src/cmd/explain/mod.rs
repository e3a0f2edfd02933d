//! `explain`: the lesson of backpropagation for one circuit and its numbers.
//!
//! Forward gate by gate; backward from the objective, each gradient as local × upstream, summed where
//! several gates read a wire; then in [`words`] which way each input must move. What is told is
//! gathered in [`lesson`]; [`rule`] writes local gradients as people do, and
//! [`whole`] those that are more than a product; [`page`] sets it in lines.

mod lesson;
mod page;
mod record;
mod rule;
mod whole;
mod words;

use std::io::Write;

use chainrule::{Purpose, Wire};

use super::case::Case;
use super::climb::{Climber, Pace};
use super::progress::Progress;
use super::{Failure, Outcome, json};
use crate::args::{Explain, GradientBy, On};
use crate::engine::{Engine, EngineError, Host};
use crate::text::literal::Readable;
use lesson::Lesson;

/// The step that the lesson ends with, as in the note that the project comes from.
const STEP: f64 = 0.01;

/// A step along the gradient, and what came of it.
struct Tried<T> {
    step: T,
    moved: Vec<Wire>,
    value: T,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run<T: Readable>(asked: &Explain, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let case = Case::<T>::read(&asked.circuit)?;
    let objective = case.objective()?;
    let mut host = Host::new(case.lowered.view(), Purpose::Inspect)?;
    case.set_all(&mut host, &mut Progress::new())?;
    host.forward()?;
    host.backward(objective.wire()).map_err(|error| case.named(error))?;
    let looked = Lesson::look(&case, objective, &mut host).map_err(EngineError::Run);
    let mut lesson = looked.map_err(|error| case.named(error))?;
    let tried = if asked.at.on == On::Host {
        try_step(&lesson, &mut host)
    } else {
        // Elsewhere the numbers are those of that engine; only local gradients are taken here.
        let mut engine = case.open(asked.at.at())?;
        engine.forward()?;
        engine.backward(objective.wire()).map_err(|error| case.named(error))?;
        lesson.take_from(&mut *engine)?;
        try_step(&lesson, &mut *engine)
    };
    let tried = match tried {
        Ok(tried) => Some(tried),
        // A step that cannot be made is no reason to withhold the lesson.
        Err(EngineError::Run(_)) => None,
        Err(error) => return Err(case.named(error)),
    };
    if asked.at.json {
        json::line(out, &record::record(&lesson, &asked.at.on, tried.as_ref()))?;
    } else {
        page::print(&lesson, &asked.at.on, tried.as_ref(), out)?;
    }
    Ok(Outcome::Done)
}

fn try_step<T: Readable>(lesson: &Lesson<'_, T>, engine: &mut dyn Engine<T>) -> Result<Tried<T>, EngineError> {
    let case = lesson.case;
    let movable = case.movable();
    let moves = |wire: &Wire| movable.contains(wire) && !case.is_frozen(*wire) && lesson.of(*wire).matters;
    let at: Vec<(Wire, Vec<T>)> =
        case.settable().filter(|(wire, _)| moves(wire)).map(|(wire, values)| (wire, values.to_vec())).collect();
    let moved = at.iter().map(|(wire, _)| *wire).collect();
    let mut climber = Climber::new(engine, lesson.objective, at)?;
    let step = T::from_f64(STEP);
    climber.step(Pace { step, by: GradientBy::Analytic, h: T::ONE })?;
    Ok(Tried { step, moved, value: climber.value })
}
