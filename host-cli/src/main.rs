//! The door: reads the command line, runs the verb, reports what went wrong in one place.
//!
//! Exit codes: 0 done, 1 failed (a check, a run, a text, data, a board), 2 a command line that is none.

use std::io::{self, Write};
use std::process::ExitCode;

use chainrule_cli::args::Command;
use chainrule_cli::cmd::{self, Failure, Outcome};
use clap::Parser;

fn main() -> ExitCode {
    let command = Command::parse();
    // Colours only where a person looks; buffered, so that ten thousand lines are quick.
    let mut out = io::BufWriter::new(anstream::stdout().lock());
    let outcome = cmd::run(&command.verb, &mut out).and_then(|outcome| {
        out.flush()?;
        Ok(outcome)
    });
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::CheckFailed) => ExitCode::FAILURE,
        // Whoever read the output has seen enough: `chainrule eval … | head`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // What was written before goes out first; if that fails too, the failure is still told.
            let _ = out.flush();
            let _ = writeln!(anstream::stderr(), "{}", failure.report(true));
            ExitCode::FAILURE
        }
    }
}
