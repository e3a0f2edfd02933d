//! `check`: the analytic gradients against numerical ones, in f64 on the host.
//!
//! A central difference is wrong by about h²·f‴/6, and by the rounding of f, about ε·|f|/h. The check
//! passes if the two gradients differ by no more than [`TOLERANCE`], relative to the larger of them
//! and 1, beyond what that rounding explains.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use chainrule::{Difference, Op, Purpose, RunError, Tape, Wire, Worst};
use serde::Serialize;

use super::case::Case;
use super::figures::{counted, exact};
use super::json::{self, Number};
use super::progress::Progress;
use super::{Failure, Outcome};
use crate::args::Check;
use crate::engine::{Engine, EngineError, Host};

/// The width of the differences: near ∛ε, where both errors are small.
const H: f64 = 1e-5;
/// How far the two gradients may be apart.
const TOLERANCE: f64 = 1e-6;
/// Roundings of f that a difference may be wrong by, each ε·|f|: four for each of its two values.
const ROUNDINGS: f64 = 8.0;

/// What `check --json` prints.
#[derive(Serialize)]
struct Checked<'c> {
    pass: bool,
    worst: Option<CheckedElement<'c>>,
}

#[derive(Serialize)]
struct CheckedElement<'c> {
    wire: &'c str,
    index: usize,
    analytic: Number<f64>,
    numeric: Number<f64>,
    relative: Number<f64>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run(asked: &Check, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let case = Case::<f64>::read(&asked.circuit)?;
    let objective = case.objective()?.wire();
    let h = asked.h.as_ref().map_or(H, |h| h.read());
    if h.is_nan() || h <= 0.0 {
        return Err(Failure::Refused(format!("the width of the differences must be above 0, not {h}")));
    }
    let mut host = Host::new(case.lowered.view(), Purpose::Inspect)?;
    case.set_all(&mut host, &mut Progress::new())?;
    host.forward()?;
    let value = host.value(objective)?.first().copied().unwrap_or(f64::NAN);
    let mut tape = host.tape().map_err(EngineError::Run)?;
    let compared =
        |(wire, values): (Wire, &[f64])| (case.lowered.view().gate(wire)?.op() != Op::Label).then_some(values.len());
    let elements: usize = case.settable().filter_map(compared).sum();
    let worst = watched("nudging the inputs and params", || {
        let mut worst = tape.check_gradients(objective, h)?;
        if let Some(worst) = &mut worst {
            worst.near_kink = worst.near_kink && is_kink(&mut tape, objective, worst, h)?;
        }
        Ok(worst)
    });
    let worst = worst.map_err(|error: RunError| case.named(error.into()))?;
    let pass = worst.is_none_or(|worst| passes(&worst, value, h));
    if asked.json {
        let worst = worst.map(|worst| CheckedElement {
            wire: case.lowered.name(worst.wire),
            index: case.place(worst.wire, worst.index),
            analytic: Number(worst.analytic),
            numeric: Number(worst.numeric),
            relative: Number(worst.relative),
        });
        json::line(out, &Checked { pass, worst })?;
    } else {
        print(&case, elements, worst.as_ref(), pass, h, out)?;
    }
    Ok(if pass { Outcome::Done } else { Outcome::CheckFailed })
}

/// Whether the two gradients are as near as differences of width `h` can tell.
fn passes(worst: &Worst<f64>, value: f64, h: f64) -> bool {
    let scale = worst.analytic.abs().max(worst.numeric.abs()).max(1.0);
    let rounding = ROUNDINGS * f64::EPSILON * value.abs() / h / scale;
    worst.relative <= TOLERANCE + rounding
}

/// Whether the slopes to the left and to the right differ because of a kink and not because the
/// function bends: a bend's difference grows with the width, a kink's does not.
fn is_kink(tape: &mut Tape<'_, f64>, objective: Wire, worst: &Worst<f64>, h: f64) -> Result<bool, RunError> {
    let mut apart = |h: f64| {
        let right = tape.numeric_gradient(objective, worst.wire, worst.index, h, Difference::Forward)?;
        let left = tape.numeric_gradient(objective, worst.wire, worst.index, -h, Difference::Forward)?;
        Ok((right - left).abs())
    };
    Ok(apart(100.0 * h)? < 30.0 * apart(h)?)
}

fn print(
    case: &Case<f64>,
    elements: usize,
    worst: Option<&Worst<f64>>,
    pass: bool,
    h: f64,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let objective = case.lowered.name(case.objective()?.wire());
    let Some(worst) = worst else {
        writeln!(out, "pass: {objective} has no inputs and no params, so there is nothing to compare")?;
        return Ok(());
    };
    let element = case.element(worst.wire, case.place(worst.wire, worst.index));
    let gradients = counted(elements, "gradient");
    if pass {
        writeln!(out, "pass: analytic and numerical gradients of {objective} agree ({gradients}, f64, h = {h:e})\n")?;
    } else {
        writeln!(out, "FAIL: analytic and numerical gradients of {objective} differ ({gradients}, f64, h = {h:e})\n")?;
    }
    writeln!(out, "  worst     {element}")?;
    writeln!(out, "  analytic  {}", exact(worst.analytic))?;
    writeln!(out, "  numeric   {}", exact(worst.numeric))?;
    writeln!(out, "  relative  {:.1e}   (up to {TOLERANCE:e} passes)", worst.relative)?;
    let name = case.lowered.name(worst.wire);
    let nan = worst.analytic.is_nan() || worst.numeric.is_nan();
    let advice = if nan {
        "A gradient is NaN: `chainrule explain` shows the first gate that gives one.".to_owned()
    } else if worst.near_kink {
        format!(
            "{element} stands near a kink: the slopes to its left and to its right differ, so here neither number is \
             wrong. Move {name} by more than {h:e} and check again."
        )
    } else if !pass {
        "If the function bends sharply here, or if the input is very large, try another width: --h 1e-6 or --h 1e-3."
            .to_owned()
    } else {
        return Ok(());
    };
    writeln!(out, "\n{advice}")?;
    Ok(())
}

/// Does `work` on a thread of its own and tells that it is under way.
fn watched<R: Send>(what: &str, work: impl FnOnce() -> R + Send) -> R {
    let mut progress = Progress::new();
    std::thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        let working = scope.spawn(move || {
            let result = work();
            drop(done);
            result
        });
        // Comes back at once when the sender is dropped, after a panic too.
        while is_done.recv_timeout(Duration::from_millis(100)) == Err(mpsc::RecvTimeoutError::Timeout) {
            progress.tell(what, None);
        }
        working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
