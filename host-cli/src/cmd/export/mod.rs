//! `export`: a circuit with its weights as a source file for a firmware.

mod rust;

use std::io::Write;

use super::{Failure, Outcome, apart, trained};
use crate::args::Export;
use crate::text::literal::Readable;
use crate::weights::Place;

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; no file is written then.
pub fn run<T: Readable>(asked: &Export, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let read = [Some(asked.file.as_ref()), asked.weights.as_deref()];
    apart::check(asked.output.as_deref(), read.into_iter().flatten())?;
    let lowered = trained::read::<T>(&asked.file, asked.weights.as_deref())?;
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
    Ok(Outcome::Done)
}
