//! Curves: what `--plot` draws of a climb.

use chainrule::Scalar;

use super::{Failure, paper};
use crate::args::Sheet;
use crate::draw::paint::Theme;
use crate::draw::plot::{self, Chart, Line, Panel};

/// Draws a chart onto a sheet.
///
/// # Errors
/// As [`paper::write`].
pub fn put(sheet: &Sheet, chart: &Chart) -> Result<(), Failure> {
    paper::write(sheet, plot::svg(chart, paper::theme(sheet, Theme::Auto))).map(|_| ())
}

/// The objective before the first step and after each.
pub fn climb<T: Scalar>(name: &str, before: T, trace: &[T]) -> Chart {
    let values = std::iter::once(&before).chain(trace);
    let points = values.enumerate().map(|(step, value)| (step as f64, value.to_f64())).collect();
    let line = Line { name: name.to_owned(), points };
    let panel = Panel { name: name.to_owned(), lines: vec![line], range: None };
    Chart { title: String::new(), axis: "step".to_owned(), panels: vec![panel] }
}
