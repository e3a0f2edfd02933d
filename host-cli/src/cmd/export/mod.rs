//! `export`: a circuit with its weights as a source file for a firmware.

mod rust;

use std::io::Write;

use super::{Failure, Outcome};
use crate::args::Export;
use crate::lower::lower;
use crate::text::literal::Readable;
use crate::text::source;
use crate::weights::{self, Place};

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; no file is written then.
pub fn run<T: Readable>(asked: &Export, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let written = source::read(&asked.file)?;
    let mut lowered = lower::<T>(&written, &[], None)?;
    if let Some(path) = &asked.weights {
        weights::load(path, &mut lowered)?;
    }
    if let Some(open) = lowered.normalized.first() {
        let name = lowered.name(open.input);
        return Err(Failure::Refused(format!(
            "`{name}` is normalized by figures that only a training finds; train with `--save W.safetensors` \
             and give `--weights W.safetensors`"
        )));
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
    Ok(Outcome::Done)
}
