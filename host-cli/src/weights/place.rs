//! A place for a file that is written whole or not at all.

use super::error::{Kind, WeightsError};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a file will be written; looked at before a long run, so that the run is not for nothing.
#[derive(Clone, Debug)]
pub struct Place {
    path: PathBuf,
    beside: PathBuf,
}

impl Place {
    /// A place that can be written to.
    ///
    /// # Errors
    /// [`WeightsError`] if it cannot.
    pub fn new(path: &Path) -> Result<Place, WeightsError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let place = Place { path: path.to_owned(), beside };
        let there = if path.is_dir() {
            Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"))
        } else if path.exists() && !path.is_file() {
            // A rename would put a file in its stead.
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device or a pipe"))
        } else {
            File::create(&place.beside).and_then(|_| fs::remove_file(&place.beside))
        };
        there.map_err(|error| place.refuse(error))?;
        Ok(place)
    }

    /// A place for weights: an empty one, or one that holds weights; a circuit or data that was named by
    /// mistake is not written over.
    ///
    /// # Errors
    /// As [`Place::new`], and [`Kind::Taken`].
    pub fn for_weights(path: &Path) -> Result<Place, WeightsError> {
        let place = Place::new(path)?;
        let there = fs::read(path).unwrap_or_default();
        if there.is_empty() || safetensors::SafeTensors::read_metadata(&there).is_ok() {
            return Ok(place);
        }
        Err(place.refused(Kind::Taken))
    }

    /// Writes the file: first beside its place, then, once it is on the disk, into it.
    ///
    /// # Errors
    /// [`WeightsError`]; what was there before is there still.
    pub fn write(&self, bytes: &[u8]) -> Result<(), WeightsError> {
        let written = File::create(&self.beside).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&self.beside, &self.path)
        });
        written.map_err(|error| {
            let _ = fs::remove_file(&self.beside);
            self.refuse(error)
        })
    }

    fn refuse(&self, error: io::Error) -> WeightsError {
        self.refused(Kind::Write(error))
    }

    pub(super) fn refused(&self, kind: Kind) -> WeightsError {
        WeightsError { path: self.path.clone(), kind }
    }
}
