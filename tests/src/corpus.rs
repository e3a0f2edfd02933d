//! The corpus: circuits with what they must give, found by reading the folder.
//!
//! The format of the expectations is told in `corpus/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chainrule_cli::text::ast::Document;
use chainrule_cli::text::{Form, parse};
use toml::Table;

mod judge;
mod rows;
mod sidecar;

pub use judge::{Expected, Judge, Kind, Scalar};

/// A circuit of the corpus and what it must give.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file's name without its ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its text, read.
    pub document: Document,
    /// What it must give.
    pub cases: Vec<Case>,
}

/// One set of inputs, and the numbers that come of them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which of its file's cases it is, from 1.
    pub number: usize,
    /// What it shows.
    pub note: String,
    /// Where its numbers come from.
    pub origin: String,
    /// Inputs, labels and params that are set; all others are as the file says.
    pub inputs: BTreeMap<String, Given>,
    /// The wire whose gradients are told, if not the objective's.
    pub of: Option<String>,
    /// Values that must come out.
    pub values: Vec<Expected>,
    /// Gradients that must come out.
    pub gradients: Vec<Expected>,
    /// Samples to train on, one after the other, as the circuit's `train` block says; inputs and labels
    /// that a sample does not name are as in the case.
    pub samples: Vec<BTreeMap<String, Given>>,
    /// Params that must come out of that.
    pub params: Vec<Expected>,
    /// How they are compared.
    pub judge: Judge,
    /// Whether the derivative is a convention here, which no oracle can know.
    pub kink: bool,
}

/// What a wire is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// These numbers, last dimension fastest.
    Numbers(Vec<f64>),
    /// Element k is ((k·step) mod modulus − (modulus − 1)/2) / divide.
    Pattern {
        /// What k is multiplied by.
        step: u64,
        /// The count of different numbers.
        modulus: u64,
        /// Their distance is one over this.
        divide: f64,
    },
}

impl Given {
    /// The numbers of a wire of this many elements.
    ///
    /// # Errors
    ///
    /// When there are more or fewer.
    pub fn numbers(&self, count: usize) -> Result<Vec<f64>, String> {
        match *self {
            Given::Numbers(ref numbers) if numbers.len() == count => Ok(numbers.clone()),
            Given::Numbers(ref numbers) => Err(format!("{} numbers for {count} elements", numbers.len())),
            Given::Pattern { step, modulus, divide } => Ok((0..count as u64)
                .map(|k| ((k * step % modulus) as f64 - ((modulus - 1) / 2) as f64) / divide)
                .collect()),
        }
    }
}

/// The folder of the corpus.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// All circuits of the corpus, by name.
///
/// # Errors
///
/// A file that cannot be read, a circuit without expectations or the reverse,
/// a key that means nothing, and an empty folder.
pub fn read() -> Result<Vec<Entry>, String> {
    read_folder(&folder())
}

/// All circuits of a folder, by name.
///
/// # Errors
///
/// As [`read`].
pub fn read_folder(folder: &Path) -> Result<Vec<Entry>, String> {
    let listing = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut circuits = Vec::new();
    let mut sidecars = Vec::new();
    for file in listing {
        let path = file.map_err(|error| error.to_string())?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(name) = name.strip_suffix(".circuit") {
            circuits.push((name.to_owned(), path.clone()));
        } else if let Some(name) = name.strip_suffix(".expect.toml") {
            sidecars.push(name.to_owned());
        }
    }
    circuits.sort();
    if let Some(alone) = sidecars.iter().find(|name| !circuits.iter().any(|(circuit, _)| circuit == *name)) {
        return Err(format!("{alone}.expect.toml has no {alone}.circuit beside it"));
    }
    if circuits.is_empty() {
        return Err(format!("{} has no circuits", folder.display()));
    }
    circuits.into_iter().map(|(name, path)| entry(name, path)).collect()
}

fn entry(name: String, path: PathBuf) -> Result<Entry, String> {
    let text = fs::read_to_string(&path).map_err(|error| format!("{name}.circuit: {error}"))?;
    let document = parse(&text, Form::File).map_err(|mistakes| format!("{name}.circuit: {mistakes:?}"))?;
    let beside = path.with_extension("expect.toml");
    let sidecar = fs::read_to_string(&beside)
        .map_err(|error| format!("{name}.circuit has no expectations: {}: {error}", beside.display()))?;
    let table: Table = sidecar.parse().map_err(|error| format!("{name}.expect.toml: {error}"))?;
    let cases = sidecar::cases(&table, &document, &path).map_err(|error| format!("{name}.expect.toml: {error}"))?;
    Ok(Entry { name, path, text, document, cases })
}

#[cfg(test)]
mod tests;
