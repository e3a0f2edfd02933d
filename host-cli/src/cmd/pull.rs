//! `pull`: what a board holds and has learned, by hash and into a file.

use std::io::Write;

use chainrule::{Purpose, Training};
use serde::Serialize;

use super::figures::counted;
use super::train::InFlash;
use super::{Failure, Outcome, json};
use crate::args::{On, Pull};
use crate::board::Port;
use crate::board::port::is_device;
use crate::engine::{Client, Engine, EngineError};
use crate::lower::{Lowered, lower};
use crate::text::source::{self, Written};
use crate::train::{State, taken};
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
    /// Steps that it has made, where it trains.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<u32>,
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
    if asked.save.is_some() && asked.save == asked.save_state {
        return Err(Failure::Refused("--save and --save-state name one file; a state holds the weights too".into()));
    }
    let written = source::read(&asked.file)?;
    let lowered = read(asked, &written, None)?;
    let place = asked.save.as_deref().map(Place::for_weights).transpose()?;
    let state_place = asked.save_state.as_deref().map(Place::for_weights).transpose()?;
    let port = Port::device(on)?;
    let silent = port.silent();
    let (mut client, holds) = Client::attach(port, lowered.view()).map_err(|error| match error {
        EngineError::Silent { .. } => Failure::Board(silent),
        error => Failure::Engine(error),
    })?;
    let trains = client.training()?;
    if place.is_some() || state_place.is_some() {
        let params = lowered.params.iter().map(|param| client.value(param.wire));
        let params: Vec<Vec<f32>> = params.collect::<Result<_, _>>()?;
        let mut hash = chainrule::ParamsHash::new();
        params.iter().for_each(|values| hash.add(values));
        if hash.finish() != holds.params {
            return Err(Failure::Refused("the weights changed while they were read; nothing was saved".to_owned()));
        }
        let state = match &state_place {
            Some(_) => Some(state(asked, &written, &mut client, trains, params.clone())?),
            None => None,
        };
        if let Some(place) = &place {
            weights::save(place, &lowered, &params, holds.params)?;
        }
        if let (Some(place), Some(state)) = (&state_place, &state) {
            weights::save_state(place, &lowered, state)?;
        }
    }
    let kept = client.memory()?.and_then(InFlash::of);
    let (board, training) = (client.facts().name.clone(), holds.purpose != Purpose::Infer);
    let (hash, steps) = (format!("{:016x}", holds.params), trains.map(|(trains, _)| trains.steps()));
    if asked.json {
        json::line(out, &Told { on: on.to_owned(), board, training, params_hash: hash, in_flash: kept, steps })?;
        return Ok(Outcome::Done);
    }
    let what = if training { "training" } else { "inference" };
    writeln!(out, "{board} at {on} holds this circuit for {what}")?;
    writeln!(out, "hash of the params: {hash}")?;
    if let Some(steps) = steps {
        writeln!(out, "{} since its training began", counted(steps as usize, "step"))?;
    }
    if let Some(kept) = kept {
        writeln!(out, "{}", kept.words())?;
    }
    if let Some(path) = &asked.save {
        writeln!(out, "saved to {}", path.display())?;
    }
    if let Some(path) = &asked.save_state {
        writeln!(out, "state saved to {}", path.display())?;
    }
    Ok(Outcome::Done)
}

/// The circuit as the options say it, with what is drawn drawn from this seed.
fn read(asked: &Pull, written: &Written, seed: Option<u64>) -> Result<Lowered<f32>, Failure> {
    let mut lowered = lower::<f32>(written, &[], seed)?;
    if let Some(names) = &asked.freeze {
        lowered.freeze_told(names)?;
    }
    Ok(lowered)
}

/// What the board's training goes on from.
fn state(
    asked: &Pull,
    written: &Written,
    client: &mut Client<'_, f32, Port>,
    trains: Option<(Training<f32>, u32)>,
    params: Vec<Vec<f32>>,
) -> Result<State<f32>, Failure> {
    let board = &client.facts().name;
    let trains = match trains {
        Some((trains, 0)) => trains,
        Some((trains, begun)) => {
            return Err(Failure::Refused(format!(
                "{board} is between two steps: {begun} of {} rows of a batch are added up, which no file holds; \
                 --save fetches the weights, and a training that ends by itself ends its batch",
                trains.batch()
            )));
        }
        None => {
            return Err(Failure::Refused(format!(
                "{board} holds this circuit and was never told how to train it, so there is nothing to go on from; \
                 --save fetches the weights"
            )));
        }
    };
    // Its seed gives the rows that are held out.
    let lowered = read(asked, written, Some(trains.seed()))?;
    let mut training = lowered.training.clone();
    asked.settle(&mut training);
    let moments = client.moments()?;
    Ok(taken(&lowered, &training, &trains, params, moments)?)
}
