//! `explain`
use super::{Failure, Outcome};
use crate::args::Explain;
use crate::text::literal::Readable;
use std::io::Write;
/// Runs the verb.
pub fn run<T: Readable>(asked: &Explain, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let _ = (asked, out);
    Ok(Outcome::Done)
}
