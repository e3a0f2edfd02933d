//! `export`: a circuit with its weights as a source file for a firmware.

mod rust;

use std::io::Write;

use super::{Failure, Outcome, apart, json, trained};
use crate::args::Export;
use crate::text::literal::Readable;
use crate::train::over;
use crate::weights::Place;
use chainrule::Schedule;
use serde::Serialize;

/// What `export --json` prints.
#[derive(Serialize)]
struct Told {
    file: String,
    gates: usize,
    /// Weights that lie in flash.
    frozen: usize,
    /// Weights that start in RAM.
    trained: usize,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; no file is written then.
pub fn run<T: Readable>(asked: &Export, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let read = [Some(asked.file.as_ref()), asked.weights.as_deref()];
    apart::check(asked.output.as_deref(), read.into_iter().flatten())?;
    let mut lowered = trained::read::<T>(&asked.file, asked.weights.as_deref())?;
    let training = &mut lowered.training;
    if let (Schedule::Cosine { steps: 0, .. }, false) = (training.optimiser.schedule, asked.inference) {
        let Some(steps) = training.steps else {
            return Err(Failure::Refused(
                "the cosine takes as long as the training, which a firmware cannot know; say it in the `train` block: \
                 schedule = cosine(5000)"
                    .to_owned(),
            ));
        };
        training.optimiser = over(&training.optimiser, steps);
    }
    let base = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = format!("chainrule export {}", base(asked.file.as_ref()));
    if let Some(path) = &asked.weights {
        command += &format!(" --weights {}", base(path));
    }
    command += if asked.inference { " --rust --inference" } else { " --rust" };
    let text = rust::write(&lowered, &base(asked.file.as_ref()), &command, asked.inference)
        .map_err(|error| Failure::Refused(format!("the circuit cannot be planned for a firmware: {error}")))?;
    match &asked.output {
        Some(path) => Place::new(path)?.write(text.as_bytes())?,
        None => out.write_all(text.as_bytes())?,
    }
    if let (Some(path), true) = (&asked.output, asked.json) {
        let count = |is_frozen: bool| {
            let some = lowered.params.iter().filter(|param| (param.frozen || asked.inference) == is_frozen);
            some.map(|param| param.start.len()).sum()
        };
        let (file, gates) = (path.display().to_string(), lowered.view().len());
        json::line(out, &Told { file, gates, frozen: count(true), trained: count(false) })?;
    }
    Ok(Outcome::Done)
}
