//! `adapt`: a saved model learns from a few samples of where it is used.

use std::io::{self, Write};

use serde::Serialize;

use super::figures::{count, counted, short};
use super::json::{self, Number};
use super::progress::Progress;
use super::{Failure, Outcome};
use crate::adapt::{Adapted, Event, adapt};
use crate::args::Adapt;
use crate::lower::{Adapting, Lowered, lower};
use crate::text::literal::Readable;
use crate::text::source;
use crate::train::Seen;
use crate::weights::{self, Place};

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; nothing is saved then.
pub fn run<T: Readable>(asked: &Adapt, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let written = source::read(&asked.model.file)?;
    let mut lowered: Lowered<T> = lower(&written, &[], None)?;
    weights::load(&asked.model.weights, &mut lowered)?;
    let mut adapting = lowered.adapting.clone().unwrap_or_else(|| Adapting::after(&lowered.training));
    asked.settle(&mut adapting);
    match &asked.freeze {
        Some(names) => lowered.freeze_told(names)?,
        // The names were looked at when the text was read.
        None => lowered.freeze(&adapting.freeze).map_err(|error| Failure::Refused(error.diagnostic().title))?,
    }
    let place = asked.save.as_deref().map(Place::for_weights).transpose()?;
    let mut progress = Progress::new();
    let adapted = adapt(&lowered, &adapting, asked.at.at(), &mut |event| match event {
        Event::Opening(stage) => progress.stage(stage),
        Event::Sending(share) => progress.tell("sending the samples", Some(share)),
        Event::Measuring => progress.tell("measuring on the other rows", None),
        Event::Pass { pass, of, seen } => {
            let what = format!("pass {pass}: loss {}", short(seen.loss()));
            progress.tell(&what, Some(f64::from(pass) / f64::from(of)));
        }
    })?;
    drop(progress);
    if let Some(place) = &place {
        weights::save(place, &lowered, &adapted.params, adapted.params_hash)?;
    }
    if asked.at.json {
        json::line(out, &Told::of(&lowered, &adapting, &adapted))?;
    } else {
        summary(out, &lowered, &adapting, &adapted)?;
        if let Some(path) = &asked.save {
            writeln!(out, "saved to {}", path.display())?;
        }
    }
    Ok(Outcome::Done)
}

/// The line of JSON.
#[derive(Serialize)]
struct Told {
    /// Rows of the recording.
    rows: usize,
    /// Those learned from, by their number in the data, from 0.
    learned: Vec<usize>,
    passes: u32,
    steps: u64,
    /// Numbers that could change.
    trained: usize,
    before: Option<Figures>,
    after: Option<Figures>,
    /// After, over the rows that were learned from.
    fitted: Figures,
    params_hash: String,
}

/// Over the rows of the recording that were not learned from.
#[derive(Serialize)]
struct Figures {
    loss: Number<f64>,
    accuracy: Option<Number<f64>>,
}

impl Told {
    fn of<T: Readable>(lowered: &Lowered<T>, adapting: &Adapting<T>, adapted: &Adapted<T>) -> Told {
        let figures = |seen: Seen| Figures {
            loss: Number(seen.loss()),
            accuracy: adapted.has_classes.then(|| Number(seen.accuracy())),
        };
        Told {
            rows: adapted.rows,
            learned: adapted.learned.clone(),
            passes: adapting.passes,
            steps: adapted.steps,
            trained: lowered.trained_len(),
            before: adapted.before.map(figures),
            after: adapted.after.map(figures),
            fitted: figures(adapted.fitted),
            params_hash: format!("{:016x}", adapted.params_hash),
        }
    }
}

fn summary<T: Readable>(
    out: &mut dyn Write,
    lowered: &Lowered<T>,
    adapting: &Adapting<T>,
    adapted: &Adapted<T>,
) -> io::Result<()> {
    let all: usize = lowered.params.iter().map(|param| param.start.len()).sum();
    let scales: usize = lowered.params.iter().filter(|param| param.scales).map(|param| param.start.len()).sum();
    writeln!(
        out,
        "adapted on {} of {} spread over the recording, {}: {}; {} of {} trained",
        count(adapted.learned.len()),
        counted(adapted.rows, "row"),
        counted(adapting.passes as usize, "pass").replace("passs", "passes"),
        counted(usize::try_from(adapted.steps).unwrap_or(usize::MAX), "step"),
        count(lowered.trained_len()),
        counted(all - scales, "param"),
    )?;
    let words = |seen: Seen| {
        let accuracy = if adapted.has_classes { format!(", accuracy {:.4}", seen.accuracy()) } else { String::new() };
        format!("loss {}{accuracy}", short(seen.loss()))
    };
    match (adapted.before, adapted.after) {
        (Some(before), Some(after)) => {
            writeln!(out, "on the other {} before: {}", counted(before.samples as usize, "row"), words(before))?;
            writeln!(out, "on the other {} after:  {}", counted(after.samples as usize, "row"), words(after))?;
        }
        _ => writeln!(out, "no row is left to measure on; learn from fewer: `--samples 1`")?,
    }
    writeln!(out, "on the {} learned from, after: {}", count(adapted.learned.len()), words(adapted.fitted))?;
    writeln!(out, "hash of the params: {:016x}", adapted.params_hash)
}
