//! What a verb writes stands apart from what it reads.

use std::fs;
use std::path::Path;

use super::Failure;

/// Whether an output is none of the files that are read, under whatever name.
///
/// # Errors
/// [`Failure::Refused`] if it is one of them and would be lost.
pub fn check<'a>(output: Option<&Path>, read: impl IntoIterator<Item = &'a Path>) -> Result<(), Failure> {
    let Some((output, place)) = output.and_then(|output| Some((output, fs::canonicalize(output).ok()?))) else {
        return Ok(());
    };
    match read.into_iter().find(|path| fs::canonicalize(path).is_ok_and(|path| path == place)) {
        None => Ok(()),
        Some(_) => Err(Failure::Refused(format!(
            "{} is read here, so it is not written over; give the output another name",
            output.display()
        ))),
    }
}
