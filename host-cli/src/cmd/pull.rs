//! `pull`: what a board holds and has learned, by hash and into a file.

use std::io::Write;

use chainrule::Purpose;
use serde::Serialize;

use super::train::InFlash;
use super::{Failure, Outcome, json};
use crate::args::{On, Pull};
use crate::board::Port;
use crate::board::port::is_device;
use crate::engine::{Client, Engine, EngineError};
use crate::lower::lower;
use crate::text::source;
use crate::weights::{self, Place};

/// What `pull --json` prints.
#[derive(Serialize)]
struct Told {
    on: String,
    board: String,
    training: bool,
    params_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flash: Option<InFlash>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; no file is written then.
pub fn run(asked: &Pull, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let on = match &asked.on {
        On::Board(on) if is_device(on) => on.as_str(),
        on => {
            return Err(Failure::Refused(format!(
                "{on} begins empty with this command and has learned nothing; name the port of a board that runs: \
                 --on /dev/ttyACM0"
            )));
        }
    };
    let lowered = lower::<f32>(&source::read(&asked.file)?, &[], None)?;
    let place = asked.save.as_deref().map(Place::for_weights).transpose()?;
    let port = Port::device(on)?;
    let silent = port.silent();
    let (mut client, holds) = Client::attach(port, lowered.view()).map_err(|error| match error {
        EngineError::Silent { .. } => Failure::Board(silent),
        error => Failure::Engine(error),
    })?;
    if let Some(place) = &place {
        let params = lowered.params.iter().map(|param| client.value(param.wire));
        let params: Vec<Vec<f32>> = params.collect::<Result<_, _>>()?;
        let mut hash = chainrule::ParamsHash::new();
        params.iter().for_each(|values| hash.add(values));
        if hash.finish() != holds.params {
            return Err(Failure::Refused("the weights changed while they were read; nothing was saved".to_owned()));
        }
        weights::save(place, &lowered, &params, holds.params)?;
    }
    let kept = client.memory()?.and_then(InFlash::of);
    let (board, training) = (client.facts().name.clone(), holds.purpose != Purpose::Infer);
    let hash = format!("{:016x}", holds.params);
    if asked.json {
        json::line(out, &Told { on: on.to_owned(), board, training, params_hash: hash, in_flash: kept })?;
        return Ok(Outcome::Done);
    }
    let what = if training { "training" } else { "inference" };
    writeln!(out, "{board} at {on} holds this circuit for {what}")?;
    writeln!(out, "hash of the params: {hash}")?;
    if let Some(kept) = kept {
        writeln!(out, "{}", kept.words())?;
    }
    if let Some(path) = &asked.save {
        writeln!(out, "saved to {}", path.display())?;
    }
    Ok(Outcome::Done)
}
