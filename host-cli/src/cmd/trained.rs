//! A circuit with trained weights, for the verbs that carry both away.

use std::path::Path;

use super::Failure;
use crate::lower::{Lowered, lower};
use crate::text::literal::Readable;
use crate::text::source;
use crate::weights;

/// Reads a circuit and lets its params start from the weights, or from its seed.
///
/// # Errors
/// [`Failure`]; among them an input that is normalized by figures which only a training finds.
pub fn read<T: Readable>(file: &str, path: Option<&Path>) -> Result<Lowered<T>, Failure> {
    let mut lowered = lower::<T>(&source::read(file)?, &[], None)?;
    if let Some(path) = path {
        weights::load(path, &mut lowered)?;
    }
    match lowered.normalized.first() {
        None => Ok(lowered),
        Some(open) => Err(Failure::Refused(format!(
            "`{}` is normalized by figures that only a training finds; train with `--save W.safetensors` and \
             give `--weights W.safetensors`",
            lowered.name(open.input)
        ))),
    }
}
