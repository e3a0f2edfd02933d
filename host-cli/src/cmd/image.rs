//! `image`: a board's firmware as a file for the board's own tools.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::figures::count;
use super::progress::Progress;
use super::{Failure, Outcome, json};
use crate::args::WriteImage;
use crate::board::elf::Contents;
use crate::board::{Board, BoardError, Image, files, table};
use crate::engine::Stage;
use crate::weights::Place;

/// What `image --json` prints.
#[derive(Serialize)]
struct Told {
    board: &'static str,
    file: String,
    flash: u64,
    ram: u64,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; no file is written then.
pub fn run(asked: &WriteImage, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let board = table::find(&asked.board)?;
    let ending = asked.out.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_lowercase();
    if !["elf", "hex", "uf2"].contains(&ending.as_str()) {
        let path = asked.out.display();
        return Err(Failure::Refused(format!("{path}: name a file that ends in .elf, .hex or .uf2")));
    }
    let place = Place::new(&asked.out)?;
    let path = built(board, asked.image.as_deref(), !asked.no_keep)?;
    let contents = Contents::read(&path)?;
    let bytes = match ending.as_str() {
        "hex" => files::hex(&contents).map_err(|error| Failure::Refused(error.to_string()))?.into_bytes(),
        "uf2" => files::uf2(&contents, files::chip(board).and_then(|chip| chip.family)),
        _ => std::fs::read(&path)?,
    };
    place.write(&bytes)?;
    let (file, flash, ram) = (asked.out.display().to_string(), contents.flash(), contents.ram);
    if asked.json {
        json::line(out, &Told { board: board.name, file, flash, ram })?;
    } else {
        let [flash, ram] = [flash, ram].map(|bytes| count(bytes as usize));
        writeln!(out, "{file}: the firmware of {}, {flash} bytes of flash, {ram} of RAM", board.name)?;
    }
    Ok(Outcome::Done)
}

/// The image that was given, or the one that is built here; without the sources, what to do.
pub(super) fn built(board: &'static Board, given: Option<&Path>, keeps: bool) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        Contents::read_for(board, path)?;
        return Ok(path.to_owned());
    }
    let mut bar = Progress::new();
    match (Image { keeps, ..Image::of(board) }).build(&mut |line| bar.stage(Stage::Building(line))) {
        Err(error @ BoardError::NoFirmware { .. }) => {
            Err(Failure::Refused(format!("{error}\n  or give an image that was built elsewhere: --image FILE")))
        }
        built => Ok(built?),
    }
}
