//! `push`: a circuit with its weights to a board, which keeps them when the host is gone.

use std::io::Write;
use std::path::Path;

use chainrule::{Purpose, Training};
use serde::Serialize;

use super::figures::counted;
use super::progress::Progress;
use super::{Failure, Outcome, json, trained};
use crate::args::{On, Push};
use crate::board::port::is_device;
use crate::engine::open;
use crate::lower::{Lowered, lower};
use crate::text::source;
use crate::weights;

/// What `push --json` prints.
#[derive(Serialize)]
struct Told {
    on: String,
    training: bool,
    params_hash: String,
    /// Whether the board is there still.
    kept: bool,
    /// Steps that had been made, of a training that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<u32>,
}

/// A saved training that is to go on.
struct Going {
    training: Training<f32>,
    params: Vec<Vec<f32>>,
    moments: Vec<f32>,
}

impl Going {
    /// Reads it.
    fn read(path: &Path, lowered: &Lowered<f32>) -> Result<Going, Failure> {
        let state = weights::load_state(path, lowered)?;
        state.trains_the_same(lowered)?;
        let refused = |why: String| Failure::Refused(format!("{}: {why}", path.display()));
        let training = state.training().ok_or_else(|| {
            refused(
                "this saved training does not say how its steps are made; save it again with `train --save-state`"
                    .into(),
            )
        })?;
        let wanted = lowered.trained_len() * usize::from(training.optimiser().method.moments());
        if state.moments.len() != wanted {
            let had = state.moments.len();
            return Err(refused(format!(
                "it has {had} moments, and its optimizer keeps {wanted}; save it again with `train --save-state`"
            )));
        }
        Ok(Going { training, params: state.params, moments: state.moments })
    }
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
    let mut lowered = match &asked.state {
        Some(_) => lower::<f32>(&source::read(&asked.file)?, &[], None)?,
        None => trained::read::<f32>(&asked.file, asked.weights.as_deref())?,
    };
    if let Some(names) = &asked.freeze {
        lowered.freeze_told(names)?;
    }
    let state = asked.state.as_deref().map(|path| Going::read(path, &lowered)).transpose()?;
    let can_train = lowered.objective().is_some() && lowered.params.iter().any(|param| !param.frozen);
    let training = &lowered.training;
    let trains = can_train && !asked.inference;
    let purpose = match &state {
        Some(state) => state.training.purpose(),
        None if trains => training.optimiser.purpose(training.batch),
        None => Purpose::Infer,
    };
    let mut bar = Progress::new();
    let mut engine = open(on, lowered.view(), purpose, &mut |stage| bar.stage(stage))?;
    for (at, param) in lowered.params.iter().enumerate() {
        let there = state.as_ref().and_then(|state| state.params.get(at));
        engine.set(param.wire, 0, there.unwrap_or(&param.start))?;
    }
    // The board compares the hash of what arrived.
    engine.ready()?;
    if let Some(state) = &state {
        engine.train(state.training)?;
        engine.set_moments(&state.moments)?;
    }
    let hash = engine.params_hash()?;
    drop(bar);
    let (training, kept) = (purpose != Purpose::Infer, is_device(on));
    if asked.json {
        let (on, steps) = (on.to_owned(), state.map(|state| state.training.steps()));
        json::line(out, &Told { on, training, params_hash: format!("{hash:016x}"), kept, steps })?;
        return Ok(Outcome::Done);
    }
    let what = if training { "training" } else { "inference" };
    let weights: usize = lowered.params.iter().map(|param| param.start.len()).sum();
    let (gates, weights) = (counted(lowered.view().len(), "gate"), counted(weights, "weight"));
    writeln!(out, "{on} holds {gates} and {weights} for {what}")?;
    if let Some(state) = &state {
        writeln!(out, "its training goes on after {}", counted(state.training.steps() as usize, "step"))?;
    }
    writeln!(out, "hash of the params: {hash:016x}")?;
    if !kept {
        writeln!(out, "an emulated board ends with this command: it has shown that all fits, and forgets it now")?;
    }
    Ok(Outcome::Done)
}
