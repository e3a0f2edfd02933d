//! `push`: a circuit with its weights to a board, which keeps them when the host is gone.

use std::io::Write;

use chainrule::Purpose;
use serde::Serialize;

use super::progress::Progress;
use super::{Failure, Outcome, json, trained};
use crate::args::{On, Push};
use crate::board::port::is_device;
use crate::engine::open;

/// What `push --json` prints.
#[derive(Serialize)]
struct Told {
    on: String,
    training: bool,
    params_hash: String,
    /// Whether the board is there still.
    kept: bool,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run(asked: &Push, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let on = match &asked.on {
        On::Board(on) => on.as_str(),
        here => {
            return Err(Failure::Refused(format!("the {here} keeps nothing; name a board's port: --on /dev/ttyACM0")));
        }
    };
    let lowered = trained::read::<f32>(&asked.file, asked.weights.as_deref())?;
    let can_train = lowered.objective().is_some() && lowered.params.iter().any(|param| !param.frozen);
    let training = &lowered.training;
    let trains = can_train && !asked.inference;
    let purpose = if trains { training.optimiser.purpose(training.batch) } else { Purpose::Infer };
    let mut bar = Progress::new();
    let mut engine = open(on, lowered.view(), purpose, &mut |stage| bar.stage(stage))?;
    for param in &lowered.params {
        engine.set(param.wire, 0, &param.start)?;
    }
    // The board compares the hash of what arrived.
    engine.ready()?;
    let hash = engine.params_hash()?;
    drop(bar);
    let (training, kept) = (purpose != Purpose::Infer, is_device(on));
    if asked.json {
        json::line(out, &Told { on: on.to_owned(), training, params_hash: format!("{hash:016x}"), kept })?;
        return Ok(Outcome::Done);
    }
    let what = if training { "training" } else { "inference" };
    let weights: usize = lowered.params.iter().map(|param| param.start.len()).sum();
    writeln!(out, "{on} holds {} gates and {weights} weights for {what}", lowered.view().len())?;
    writeln!(out, "hash of the params: {hash:016x}")?;
    if !kept {
        writeln!(out, "an emulated board ends with this command: it has shown that all fits, and forgets it now")?;
    }
    Ok(Outcome::Done)
}
