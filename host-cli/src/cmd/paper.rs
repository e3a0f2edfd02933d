//! A drawing onto its sheet: the SVG as it is, or its pixels.

use std::fs;

use super::Failure;
use crate::args::Sheet;
use crate::draw::paint::Theme;
use crate::draw::png::png;

/// Pixels for each unit of a drawing: sharp on a slide.
const SCALE: f64 = 2.0;

/// The theme that a sheet can show: a PNG cannot ask its viewer.
pub fn theme(sheet: &Sheet, asked: Theme) -> Theme {
    if sheet.is_png() && asked == Theme::Auto { Theme::Light } else { asked }
}

/// Refuses a sheet that could not be written, before a long run.
///
/// # Errors
/// [`Failure::Refused`] if its folder is not there.
pub fn ready(sheet: &Sheet) -> Result<(), Failure> {
    let folder = sheet.path().parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let why = format!("cannot write {}: there is no folder {}", sheet.path().display(), folder.display());
            Err(Failure::Refused(why))
        }
        _ => Ok(()),
    }
}

/// Writes an SVG, or its pixels, and tells the bytes.
///
/// # Errors
/// [`Failure::Refused`] if the drawing is too large for a PNG, or if the file cannot be written.
pub fn write(sheet: &Sheet, svg: String) -> Result<usize, Failure> {
    let bytes = if sheet.is_png() {
        png(&svg, SCALE).map_err(|error| Failure::Refused(error.to_string()))?
    } else {
        svg.into_bytes()
    };
    let cannot = |error| Failure::Refused(format!("cannot write {}: {error}", sheet.path().display()));
    ready(sheet)?;
    fs::write(sheet.path(), &bytes).map_err(cannot)?;
    Ok(bytes.len())
}
