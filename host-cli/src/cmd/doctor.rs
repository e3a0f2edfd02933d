//! `doctor`: what is installed, what is missing for which board, and the command that mends it.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

use serde::Serialize;

use super::{Failure, Outcome, json};
use crate::args::Doctor;
use crate::board::emulator::is_installed;
use crate::board::{BOARDS, Board, BoardError, image};

/// The first emulator that has every board.
const EMULATOR: [u32; 2] = [9, 1];

/// Something that is needed.
#[derive(Serialize)]
struct Check {
    what: String,
    found: bool,
    /// Its version, or what is wrong with it.
    told: String,
    /// What it is needed for.
    needed_for: Vec<&'static str>,
    /// Whether boards cannot run without it.
    must: bool,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

/// What `doctor --json` prints.
#[derive(Serialize)]
struct Told {
    well: bool,
    checks: Vec<Check>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure::Output`].
pub fn run(asked: &Doctor, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut checks = compilers();
    checks.extend(emulators());
    checks.push(probe());
    checks.extend(ports());
    checks.push(valgrind());
    let well = checks.iter().all(|check| check.found || !check.must);
    let outcome = if well { Outcome::Done } else { Outcome::CheckFailed };
    if asked.json {
        json::line(out, &Told { well, checks })?;
        return Ok(outcome);
    }
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    for check in &checks {
        let mark = match (check.found, check.must) {
            (true, _) => "ok",
            (false, true) => "MISSING",
            (false, false) => "-",
        };
        let what = &check.what;
        writeln!(out, "  {mark:7}  {what:width$}  {}", check.told)?;
        if !check.found {
            writeln!(out, "  {:7}  {:width$}  for {}", "", "", check.needed_for.join(", "))?;
            if let Some(mend) = &check.mend {
                writeln!(
                    out,
                    "  {:7}  {:width$}  {}",
                    "",
                    "",
                    mend.replace('\n', &format!("\n  {:7}  {:width$}", "", ""))
                )?;
            }
        }
    }
    writeln!(out, "{}", if well { "\nevery board can be built for and emulated" } else { "\nsome boards cannot run" })?;
    Ok(outcome)
}

/// Whether a checkout is at hand, whose script installs what is missing.
fn setup(or: String) -> String {
    match image::firmware_folder() {
        Ok(folder) if folder.with_file_name("tests").join("setup").exists() => {
            folder.with_file_name("tests").join("setup").display().to_string()
        }
        _ => or,
    }
}

fn users(is_user: impl Fn(&Board) -> bool) -> Vec<&'static str> {
    BOARDS.iter().filter(|board| is_user(board)).map(|board| board.name).collect()
}

/// One for each processor.
fn compilers() -> Vec<Check> {
    let mut targets: Vec<&'static str> = BOARDS.iter().map(|board| board.target).collect();
    targets.sort_unstable();
    targets.dedup();
    let check = |target: &'static str| {
        let cargo = image::cargo(target);
        let (told, mend) = match &cargo {
            Ok(command) if command.get_program() == "/usr/bin/cargo" => {
                (version("/usr/bin/rustc").unwrap_or_default() + ", with the sources of core", None)
            }
            Ok(_) => ("by rustup".to_owned(), None),
            Err(BoardError::NoFirmware { folder }) => {
                let told = format!("the firmware's sources are not in {}", folder.display());
                (told, Some("run this from a checkout, or give an image with --image FILE".to_owned()))
            }
            Err(_) => ("no compiler builds for it".to_owned(), Some(setup(format!("rustup target add {target}")))),
        };
        let needed_for = users(|board| board.target == target);
        Check { what: target.to_owned(), found: cargo.is_ok(), told, needed_for, must: true, mend }
    };
    targets.into_iter().map(check).collect()
}

fn emulators() -> Vec<Check> {
    let mut programs: Vec<&'static str> = BOARDS.iter().map(|board| board.emulator).collect();
    programs.sort_unstable();
    programs.dedup();
    let check = |program: &'static str| {
        let told = is_installed(program).then(|| version(program)).flatten();
        let new = told.as_deref().and_then(numbers).is_some_and(|version| version >= EMULATOR);
        let told = match told {
            Some(told) if new => told,
            Some(told) => format!("{told}: older than {}.{}", EMULATOR[0], EMULATOR[1]),
            None => "not installed".to_owned(),
        };
        let by_hand = BoardError::NoEmulator { program }.to_string();
        let mend = (!new).then(|| setup(by_hand.lines().last().unwrap_or_default().trim().to_owned()));
        let needed_for = users(|board| board.emulator == program);
        Check { what: program.to_owned(), found: new, told, needed_for, must: true, mend }
    };
    programs.into_iter().map(check).collect()
}

fn probe() -> Check {
    let told = is_installed("probe-rs").then(|| version("probe-rs").unwrap_or_default());
    Check {
        what: "probe-rs".to_owned(),
        found: told.is_some(),
        mend: told.is_none().then(super::flash::mend),
        told: told.unwrap_or_else(|| "not installed".to_owned()),
        needed_for: vec!["flash"],
        must: false,
    }
}

fn ports() -> Vec<Check> {
    let mut paths: Vec<String> =
        serialport::available_ports().unwrap_or_default().into_iter().map(|port| port.port_name).collect();
    paths.sort();
    let check = |path: &String| {
        let open = OpenOptions::new().read(true).write(true).open(path);
        let denied = open.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        let mend = denied.then(|| "sudo usermod -aG dialout $USER, and log in again".to_owned());
        let told = if denied { "you may not open it" } else { "a serial device" }.to_owned();
        Check { what: path.clone(), found: !denied, told, needed_for: vec!["--on PORT"], must: false, mend }
    };
    if paths.is_empty() {
        let told = "nothing is plugged in".to_owned();
        let needed_for = vec!["--on PORT"];
        return vec![Check { what: "serial port".to_owned(), found: false, told, needed_for, must: false, mend: None }];
    }
    paths.iter().map(check).collect()
}

fn valgrind() -> Check {
    let told = is_installed("valgrind").then(|| version("valgrind").unwrap_or_default());
    Check {
        what: "valgrind".to_owned(),
        found: told.is_some(),
        mend: told.is_none().then(|| "sudo apt install valgrind".to_owned()),
        told: told.unwrap_or_else(|| "not installed".to_owned()),
        needed_for: vec!["counting the host's instructions"],
        must: false,
    }
}

/// The first line that a program says of its version.
fn version(program: &str) -> Option<String> {
    let out = Command::new(program).arg("--version").output().ok()?;
    String::from_utf8_lossy(&out.stdout).lines().next().map(str::to_owned)
}

/// `QEMU emulator version 10.0.2 (Debian …)` → 10, 0.
fn numbers(version: &str) -> Option<[u32; 2]> {
    let word = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = word.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::{EMULATOR, numbers};

    #[test]
    fn versions_compare_by_their_numbers() {
        assert_eq!(numbers("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)"), Some([10, 0]));
        assert!(numbers("QEMU emulator version 7.2.17").is_some_and(|version| version < EMULATOR));
        assert_eq!(numbers("no number"), None);
    }
}
