//! `flash`: a board's firmware onto the board, by the installed probe-rs.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use serde::Serialize;

use super::image::built;
use super::{Failure, Outcome, json};
use crate::args::Flash;
use crate::board::elf::Contents;
use crate::board::emulator::is_installed;
use crate::board::{files, table};

/// What `flash --json` prints.
#[derive(Serialize)]
struct Told {
    board: &'static str,
    chip: &'static str,
    image: String,
    written: bool,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run(asked: &Flash, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let board = table::find(&asked.board)?;
    let Some(chip) = files::chip(board) else {
        return Err(Failure::Refused(format!(
            "{0} exists only in the emulator; nothing to flash: run with --on {0}",
            board.name
        )));
    };
    // What is named is looked at first; what has to be built is not built for nothing.
    if let Some(path) = &asked.image {
        Contents::read_for(board, path)?;
    }
    if !is_installed("probe-rs") {
        return Err(Failure::Refused(format!("probe-rs is not installed\n  {}", mend())));
    }
    let image = built(board, asked.image.as_deref(), !asked.no_keep)?;
    if !asked.json {
        writeln!(out, "{} ({}): {}", board.name, chip.probe, image.display())?;
        out.flush()?;
    }
    let probe = |arguments: &[&str]| -> Result<(), Failure> {
        let mut command = Command::new("probe-rs");
        command.args(arguments).args(["--chip", chip.probe]);
        if arguments == ["download"] {
            command.arg(&image);
        }
        // Its progress is for whoever looks; the output is ours.
        let status = command.stdin(Stdio::null()).stdout(io::stderr()).status()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "probe-rs {} failed ({status})\n  is the board plugged in, and does `probe-rs list` show its probe?\n  \
             if it may not be opened, {RULE}",
            arguments.join(" ")
        )))
    };
    probe(&["download"])?;
    probe(&["reset"])?;
    if asked.json {
        let image = image.display().to_string();
        json::line(out, &Told { board: board.name, chip: chip.probe, image, written: true })?;
    } else {
        writeln!(out, "written and started; its light blinks once a second")?;
    }
    Ok(Outcome::Done)
}

/// What lets everybody open the probes on these boards: DAPLink and ST-LINK.
pub(super) const RULE: &str = "put this line into /etc/udev/rules.d/70-probes.rules and plug the board in again:\n  \
     SUBSYSTEM==\"usb\", ATTRS{idVendor}==\"0d28|0483\", MODE=\"0666\"";

/// How to get probe-rs.
pub(super) fn mend() -> String {
    format!("install it: cargo install probe-rs-tools --locked\n  then, once, {RULE}")
}
