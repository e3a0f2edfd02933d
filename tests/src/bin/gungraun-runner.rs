//! The program that gungraun's benches hand their works to. Installed apart it would have to be of the
//! very version of the library in the lock file; here it always is.

use std::process::ExitCode;

fn main() -> ExitCode {
    match gungraun_runner::runner::run::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
