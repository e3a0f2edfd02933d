//! Where a drawing goes: a file, whose ending says whether it is an SVG or a PNG.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A file to draw into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    path: PathBuf,
    pixels: bool,
}

/// A name that says neither SVG nor PNG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASheet;

impl fmt::Display for NotASheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a file that ends in .svg or .png")
    }
}

impl std::error::Error for NotASheet {}

impl FromStr for Sheet {
    type Err = NotASheet;

    fn from_str(text: &str) -> Result<Self, NotASheet> {
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let pixels = match ending.as_deref() {
            Some("svg") => false,
            Some("png") => true,
            _ => return Err(NotASheet),
        };
        Ok(Sheet { path, pixels })
    }
}

impl Sheet {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a PNG; otherwise an SVG.
    pub fn is_png(&self) -> bool {
        self.pixels
    }
}
