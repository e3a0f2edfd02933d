//! `climb`: moves inputs and params along the gradient, on any engine, with the same bits.
//!
//! The order of operations is that of the core's `Tape::climb_step`, so both give the same numbers:
//! g = backward's gradient, or (f(x + h) − f(x)) / h, or (f(x + h) − f(x − h)) / (h + h); then
//! x + step·g, with −step when the objective is to be lowered.

use std::io::Write;

use chainrule::{Objective, RunError, Scalar, Wire};
use serde::Serialize;

use super::case::Case;
use super::figures::{self, counted, exact};
use super::json::{self, Named, Number, Numbers};
use super::progress::Progress;
use super::{Failure, Outcome, curve, paper};
use crate::args::{Climb, GradientBy};
use crate::engine::{Engine, EngineError};
use crate::text::literal::Readable;
use crate::text::nearest::nearest;

/// How far, and by which gradient.
#[derive(Clone, Copy, Debug)]
pub struct Pace<T> {
    /// What a gradient is multiplied with.
    pub step: T,
    /// How the gradient is found.
    pub by: GradientBy,
    /// The width of its differences.
    pub h: T,
}

/// A climber on an engine: where it stands and what it may move.
pub struct Climber<'e, T> {
    engine: &'e mut dyn Engine<T>,
    objective: Objective,
    /// What moves, and where it stands.
    pub at: Vec<(Wire, Vec<T>)>,
    /// The objective there.
    pub value: T,
}

impl<'e, T: Readable> Climber<'e, T> {
    /// Starts where the engine stands.
    ///
    /// # Errors
    /// What the engine says.
    pub fn new(
        engine: &'e mut dyn Engine<T>,
        objective: Objective,
        at: Vec<(Wire, Vec<T>)>,
    ) -> Result<Climber<'e, T>, EngineError> {
        let mut climber = Climber { engine, objective, at, value: T::NAN };
        climber.value = climber.probe()?;
        Ok(climber)
    }

    /// One step; the objective after it is [`Climber::value`].
    ///
    /// # Errors
    /// [`RunError::NotFinite`] if something would not stay finite: nothing was moved then. Else what
    /// the engine says.
    pub fn step(&mut self, pace: Pace<T>) -> Result<(), EngineError> {
        let step = match self.objective {
            Objective::Maximize(_) => pace.step,
            Objective::Minimize(_) => -pace.step,
        };
        if pace.by == GradientBy::Analytic {
            self.engine.backward(self.objective.wire())?;
        }
        let mut moved = Vec::with_capacity(self.at.len());
        for i in 0..self.at.len() {
            let gradient = self.gradient(i, pace)?;
            let Some((wire, values)) = self.at.get(i) else { continue };
            let to: Vec<T> = values.iter().zip(&gradient).map(|(&x, &g)| x + step * g).collect();
            if !to.iter().all(|x| x.is_finite()) {
                return Err(EngineError::Run(RunError::NotFinite(wire.index() as u16)));
            }
            moved.push((*wire, to));
        }
        for (wire, values) in &moved {
            self.engine.set(*wire, 0, values)?;
        }
        self.at = moved;
        self.value = self.probe()?;
        Ok(())
    }

    /// The gradient of what moves as number `i`.
    fn gradient(&mut self, i: usize, pace: Pace<T>) -> Result<Vec<T>, EngineError> {
        let Some((wire, values)) = self.at.get(i).cloned() else { return Ok(Vec::new()) };
        if pace.by == GradientBy::Analytic {
            return Ok(self.engine.gradient(wire)?.unwrap_or_else(|| vec![T::ZERO; values.len()]));
        }
        let mut gradient = Vec::with_capacity(values.len());
        for (index, &x) in values.iter().enumerate() {
            let right = self.nudged(wire, index, x + pace.h)?;
            gradient.push(if pace.by == GradientBy::Central {
                (right - self.nudged(wire, index, x - pace.h)?) / (pace.h + pace.h)
            } else {
                (right - self.value) / pace.h
            });
            self.engine.set(wire, index, &[x])?;
        }
        Ok(gradient)
    }

    fn nudged(&mut self, wire: Wire, index: usize, x: T) -> Result<T, EngineError> {
        self.engine.set(wire, index, &[x])?;
        self.probe()
    }

    fn probe(&mut self) -> Result<T, EngineError> {
        self.engine.forward()?;
        Ok(self.engine.value(self.objective.wire())?.first().copied().unwrap_or(T::NAN))
    }
}

/// What `climb --json` prints.
#[derive(Serialize)]
#[serde(bound = "")]
struct Climbed<'c, T: Scalar> {
    steps: u64,
    value: Number<T>,
    wires: Named<'c, Numbers<T>>,
    trace: Vec<Number<T>>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run<T: Readable>(asked: &Climb, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let case = Case::<T>::read(&asked.circuit)?;
    let objective = case.objective()?;
    let held = held(&case, &asked.hold)?;
    let moves = |wire: &Wire| !case.is_frozen(*wire) && !held.contains(wire);
    let moving: Vec<Wire> = case.movable().into_iter().filter(moves).collect();
    if moving.is_empty() {
        return Err(Failure::Refused("nothing can move: every input and param is held or frozen".into()));
    }
    let pace: Pace<T> = Pace { step: asked.step.read(), by: asked.gradient, h: asked.h.read() };
    if pace.by != GradientBy::Analytic && (pace.h.is_nan() || pace.h <= T::ZERO || !pace.h.is_finite()) {
        return Err(Failure::Refused(format!("--h must be above 0 in {}, not {}", T::NAME, asked.h)));
    }
    asked.plot.as_ref().map_or(Ok(()), paper::ready)?;
    let until: Option<T> = asked.until.as_ref().map(|until| until.read());
    let mut engine = case.open(asked.at.at())?;
    let start = case.settable().filter(|(wire, _)| moving.contains(wire));
    let start = start.map(|(wire, values)| (wire, values.to_vec())).collect();
    let mut climber = Climber::new(&mut *engine, objective, start).map_err(|error| case.named(error))?;
    let (before, most) = (climber.value, asked.most_steps());
    let (mut trace, mut gain, mut enough) = (Vec::new(), T::ZERO, false);
    let mut progress = Progress::new();
    for done in 0..most {
        progress.tell("climbing", asked.steps.map(|_| done as f64 / most as f64));
        let from = climber.value;
        climber.step(pace).map_err(|error| after(case.named(error), done))?;
        trace.push(climber.value);
        gain = match objective {
            Objective::Maximize(_) => climber.value - from,
            Objective::Minimize(_) => from - climber.value,
        };
        // A gain that is NaN is none.
        if let Some(until) = until
            && !matches!(gain.partial_cmp(&until), Some(std::cmp::Ordering::Greater | std::cmp::Ordering::Equal))
        {
            enough = true;
            break;
        }
    }
    drop(progress);
    let (value, at) = (climber.value, climber.at);
    let wires = final_wires(&case, &at);
    if let Some(sheet) = &asked.plot {
        curve::put(sheet, &curve::climb(case.lowered.name(objective.wire()), before, &trace))?;
    }
    if asked.at.json {
        let numbers = |wire: Wire, values: &[T]| Numbers {
            scalar: case.dims(wire).is_empty(),
            values: case.in_order(wire, values.to_vec()),
        };
        let named = wires.iter().map(|&(wire, values)| (case.lowered.name(wire), numbers(wire, values)));
        let climbed = Climbed {
            steps: trace.len() as u64,
            value: Number(value),
            wires: Named(named.collect()),
            trace: trace.into_iter().map(Number).collect(),
        };
        json::line(out, &climbed)?;
        return Ok(Outcome::Done);
    }
    let name = case.lowered.name(objective.wire());
    writeln!(out, "{name} = {} after {}, from {}\n", exact(value), counted(trace.len(), "step"), exact(before))?;
    let width = wires.iter().map(|(wire, _)| case.lowered.name(*wire).chars().count()).max().unwrap_or(0);
    for (wire, values) in &wires {
        let numbers = |values: &[T]| figures::numbers(&case.dims(*wire), &case.in_order(*wire, values.to_vec()), exact);
        let start = case.settable().find(|(other, _)| other == wire).map(|(_, start)| numbers(start));
        let how = match start {
            Some(start) if moving.contains(wire) => format!("(from {start})"),
            _ => "(held)".to_owned(),
        };
        writeln!(out, "  {:width$} = {}   {how}", case.lowered.name(*wire), numbers(values))?;
    }
    let (gained, small) = (exact(gain), figures::short(pace.step));
    match (asked.until.as_ref(), enough) {
        (Some(until), true) => writeln!(out, "\nstopped: the last step gained {gained}, less than {until}")?,
        (Some(until), false) => writeln!(
            out,
            "\nstopped: {} were not enough; the last one gained {gained}, not less than {until}",
            counted(trace.len(), "step")
        )?,
        (None, _) => {}
    }
    if gain < T::ZERO {
        writeln!(out, "\nThe last step lost {}: it went too far. Try a step below {small}.", exact(-gain))?;
    }
    Ok(Outcome::Done)
}

/// A failure on the way says how far it came.
fn after(failure: Failure, done: u64) -> Failure {
    match failure {
        Failure::Refused(why) => Failure::Refused(format!("after {}: {why}", counted(done as usize, "step"))),
        failure => failure,
    }
}

/// All inputs and params at the final point, in the order of the text.
fn final_wires<'a, T: Readable>(case: &'a Case<T>, at: &'a [(Wire, Vec<T>)]) -> Vec<(Wire, &'a [T])> {
    let movable = case.movable();
    let all = case.settable().filter(|(wire, _)| movable.contains(wire));
    let now = |wire: Wire| at.iter().find(|(other, _)| *other == wire).map(|(_, values)| values.as_slice());
    all.map(|(wire, start)| (wire, now(wire).unwrap_or(start))).collect()
}

/// The wires that `--hold` names; a layer's name holds all of its params.
fn held<T: Readable>(case: &Case<T>, names: &[String]) -> Result<Vec<Wire>, Failure> {
    let movable: Vec<(Wire, &str)> = case.settable().map(|(wire, _)| (wire, case.lowered.name(wire))).collect();
    let mut held = Vec::new();
    for name in names {
        let of_layer = |wire: &str| wire.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        let meant: Vec<Wire> =
            movable.iter().filter(|(_, wire)| wire == name || of_layer(wire)).map(|(wire, _)| *wire).collect();
        if meant.is_empty() {
            return Err(Failure::Refused(if case.lowered.wire(name).is_some() {
                format!("--hold {name}: a gate drives `{name}`; hold inputs and params")
            } else {
                let all = movable.iter().map(|(_, name)| *name);
                let meant = nearest(name, all).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
                format!("--hold {name}: there is no input, param or layer of this name{meant}")
            }));
        }
        held.extend(meant);
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Circuit;
    use crate::engine::Host;
    use chainrule::{Difference, Purpose};

    fn case(text: &str, values: &[&str]) -> Case<f64> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Case::read(&Circuit { circuit: text.to_owned(), values, row: None }).expect("reads")
    }

    /// Each way to a gradient, on the host and behind the link, as the core's own climbing does it.
    #[test]
    fn the_same_bits_as_the_core_on_every_engine() {
        let text = "sigmoid(a*x + b*y) + tanh(sum(v * v)) - a*a";
        let values = ["a=1.25", "x=-0.5", "b=2", "y=0.3", "v=[0.1, -0.7, 0.3]"];
        let ways = [
            (GradientBy::Analytic, None),
            (GradientBy::Forward, Some((Difference::Forward, 1e-4))),
            (GradientBy::Central, Some((Difference::Central, 1e-4))),
        ];
        for (by, difference) in ways {
            let case = case(text, &values);
            let mut own = Host::new(case.lowered.view(), Purpose::Inspect).expect("fits");
            case.set_all(&mut own, &mut Progress::new()).expect("sets");
            let mut tape = own.tape().expect("a tape");
            for on in ["host", "loopback"] {
                let mut engine = case.open(on).expect("opens");
                let at = case.settable().map(|(wire, values)| (wire, values.to_vec())).collect();
                let objective = case.objective().expect("has one");
                let mut climber = Climber::new(&mut *engine, objective, at).expect("starts");
                case.settable().for_each(|(wire, values)| tape.set(wire, values).expect("sets"));
                for _ in 0..20 {
                    climber.step(Pace { step: 0.05, by, h: 1e-4 }).expect("steps");
                    let core = tape.climb_step(0.05, difference, &[]).expect("steps");
                    assert_eq!(climber.value.to_bits(), core.to_bits(), "{by:?} on {on}");
                }
                for (wire, values) in &climber.at {
                    assert_eq!(tape.value(*wire).expect("is kept"), values, "{by:?} on {on}");
                }
            }
        }
    }
}
