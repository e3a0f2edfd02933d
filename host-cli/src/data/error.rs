//! What can be wrong with data, with line and column, and the words for it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A value's place in a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: usize,
    /// The column's name.
    pub name: String,
    /// What stands there.
    pub text: String,
}

/// Why data could not be read; [`DataError::path`] says which file.
#[derive(Debug)]
pub struct DataError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: DataErrorKind,
}

/// What is wrong with a file of data.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataErrorKind {
    /// The file could not be read.
    File(io::Error),
    /// A line is not UTF-8.
    NotText {
        /// The line, from 1.
        line: u64,
    },
    /// There is no header line.
    NoHeader,
    /// There is a header, but no rows.
    NoRows,
    /// Two columns have one name.
    TwoColumns {
        /// The name.
        name: String,
        /// The columns, from 1.
        at: [usize; 2],
    },
    /// No column has this name.
    MissingColumn {
        /// The name.
        name: String,
        /// What needs it.
        needed_by: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// The columns there are.
        there: Vec<String>,
    },
    /// The columns that are left do not fill the input.
    ColumnCount {
        /// The input.
        input: String,
        /// Its elements.
        needed: usize,
        /// The columns that nothing else takes.
        left: Vec<String>,
    },
    /// A row has more or fewer values than the header.
    Ragged {
        /// The row's line, from 1.
        line: u64,
        /// Values in the header.
        header: usize,
        /// Values in the row.
        row: usize,
        /// Whether a quote is opened in it and never closed, so that the rest of the file is one value.
        open: bool,
    },
    /// A value is no number.
    NotANumber(Cell),
    /// A value is NaN or infinite, or too large for the scalar in use.
    NotFinite {
        /// Where.
        cell: Cell,
        /// The scalar's name.
        scalar: &'static str,
    },
    /// A label is not a whole number below the number of classes.
    NotAClass {
        /// Where.
        cell: Cell,
        /// How many classes there are.
        classes: usize,
    },
    /// A value to hold out that no row has.
    NoSuchGroup {
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
}

/// The first few names of a list, quoted.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut listed: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        listed.push(format!("and {} more", names.len() - SHOWN));
    }
    if listed.is_empty() {
        listed.push("none".into());
    }
    listed.join(", ")
}

impl DataError {
    /// The line and column, both from 1, where they are known.
    pub fn place(&self) -> Option<(u64, Option<usize>)> {
        match &self.kind {
            DataErrorKind::NotText { line } | DataErrorKind::Ragged { line, .. } => Some((*line, None)),
            DataErrorKind::TwoColumns { at, .. } => Some((1, Some(at[1]))),
            DataErrorKind::MissingColumn { .. } | DataErrorKind::ColumnCount { .. } => Some((1, None)),
            DataErrorKind::NotANumber(cell)
            | DataErrorKind::NotFinite { cell, .. }
            | DataErrorKind::NotAClass { cell, .. } => Some((cell.line, Some(cell.column))),
            _ => None,
        }
    }

    /// What would be right.
    pub fn help(&self) -> Option<String> {
        Some(match &self.kind {
            DataErrorKind::File(error) if error.kind() == io::ErrorKind::NotFound => {
                "file names in a circuit are relative to its file; --data names another".into()
            }
            DataErrorKind::File(_) => return None,
            DataErrorKind::NotText { .. } => "save the file as UTF-8".into(),
            DataErrorKind::NoHeader => "the first line names the columns, for example `x,y,label`".into(),
            DataErrorKind::NoRows => "put one sample on each line below the header".into(),
            DataErrorKind::TwoColumns { .. } => "rename one of them".into(),
            DataErrorKind::MissingColumn { nearest, there, .. } => match nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => match there.as_slice() {
                    [all] if all.contains([';', '\t']) => {
                        format!("the header is one column, `{}`; put commas between values", all.escape_default())
                    }
                    _ => format!("the columns are {}", some_of(there)),
                },
            },
            DataErrorKind::ColumnCount { left, .. } => {
                format!("left are {}; name columns that are no input: `ignore = [id]`", some_of(left))
            }
            DataErrorKind::Ragged { open: true, .. } => "close the quote".into(),
            DataErrorKind::Ragged { header, row, .. } if row < header => {
                "fill the missing values or remove the line".into()
            }
            DataErrorKind::Ragged { .. } => "remove what is too much; text with a comma goes in quotes".into(),
            DataErrorKind::NotANumber(cell) if cell.text.contains(',') => "decimals are written with a point".into(),
            DataErrorKind::NotANumber(cell) => {
                format!("mend the value, or leave the column out: `ignore = [{}]`", cell.name)
            }
            DataErrorKind::NotFinite { .. } => "mend the value or remove the line".into(),
            DataErrorKind::NotAClass { cell, classes } => {
                let numbered = format!("classes are whole numbers from 0 to {}", classes.saturating_sub(1));
                match cell.text.parse::<f64>() {
                    Ok(class) if class.fract() == 0.0 && class > 0.0 => {
                        format!("{numbered}; if there are more: `class({})`", class + 1.0)
                    }
                    _ => numbered,
                }
            }
            DataErrorKind::NoSuchGroup { column, .. } => {
                format!("name a value that column `{column}` has")
            }
        })
    }

    /// The error as text for a terminal or a file.
    pub fn report(&self) -> String {
        let place = match self.place() {
            Some((line, Some(column))) => format!(":{line}, column {column}"),
            Some((line, None)) => format!(":{line}"),
            None => String::new(),
        };
        let path = self.path.display();
        match self.help() {
            Some(help) => format!("error: {self}\n --> {path}{place}\n  = help: {help}"),
            None => format!("error: {self}\n --> {path}{place}"),
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DataErrorKind::File(error) if error.kind() == io::ErrorKind::NotFound => {
                f.write_str("there is no such data file")
            }
            DataErrorKind::File(error) => write!(f, "the data cannot be read: {error}"),
            DataErrorKind::NotText { .. } => f.write_str("this line is not text (UTF-8)"),
            DataErrorKind::NoHeader => f.write_str("the data has no header"),
            DataErrorKind::NoRows => f.write_str("the data has no rows"),
            DataErrorKind::TwoColumns { name, at } => {
                write!(f, "columns {} and {} are both named `{name}`", at[0], at[1])
            }
            DataErrorKind::MissingColumn { name, needed_by, .. } => {
                write!(f, "there is no column `{name}`, which {needed_by} needs")
            }
            DataErrorKind::ColumnCount { input, needed, left } => {
                write!(f, "input `{input}` takes {needed} columns, but {} are left for it", left.len())
            }
            DataErrorKind::Ragged { open: true, .. } => {
                f.write_str("a quote that is opened in this row is never closed")
            }
            DataErrorKind::Ragged { header, row, .. } => {
                write!(f, "this row has {row} value{}, the header has {header}", if *row == 1 { "" } else { "s" })
            }
            DataErrorKind::NotANumber(cell) if cell.text.is_empty() => {
                write!(f, "a value is missing in column `{}`", cell.name)
            }
            DataErrorKind::NotANumber(cell) => {
                write!(f, "`{}` in column `{}` is not a number", cell.text, cell.name)
            }
            DataErrorKind::NotFinite { cell, scalar } => {
                write!(f, "`{}` in column `{}` is not a finite {scalar}", cell.text, cell.name)
            }
            DataErrorKind::NotAClass { cell, classes } => {
                write!(f, "label `{}` is `{}`, not one of {classes} classes", cell.name, cell.text)
            }
            DataErrorKind::NoSuchGroup { column, value } => {
                write!(f, "no row has `{value}` in column `{column}`")
            }
        }
    }
}

impl std::error::Error for DataError {}
