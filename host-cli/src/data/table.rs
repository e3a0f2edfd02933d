//! Rows of numbers, read from a CSV file straight into the scalar in use.

use std::io::Read;
use std::path::Path;

use super::columns::{Columns, Field, Role, Steering, find};
use super::error::{Cell, DataError, DataErrorKind};
use crate::text::literal::Readable;

/// The numbers of a circuit's fields, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<T> {
    fields: Vec<Field>,
    /// For each field, its elements, row after row.
    numbers: Vec<Vec<T>>,
    /// The values that stay together, a row each; empty when none do.
    groups: Vec<String>,
    rows: usize,
}

impl<T> Table<T> {
    /// No fields and no rows.
    pub fn empty() -> Table<T> {
        Table { fields: Vec::new(), numbers: Vec::new(), groups: Vec::new(), rows: 0 }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The fields, as they were asked for.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The elements of a field in a row; none past the last row or field.
    pub fn values(&self, field: usize, row: usize) -> &[T] {
        let width = self.fields.get(field).map_or(0, Field::width);
        self.numbers.get(field).and_then(|numbers| numbers.get(row * width..(row + 1) * width)).unwrap_or(&[])
    }

    /// For each row the value of the `by` column; empty without one.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
}

/// Reads the columns of `fields` from a file.
///
/// # Errors
///
/// A [`DataError`] at the first thing that is wrong.
pub fn read<T: Readable>(path: &Path, fields: &[Field], steering: &Steering) -> Result<Table<T>, DataError> {
    let in_file = |kind| DataError { path: path.to_owned(), kind };
    let csv = bytes(path)?;
    read_from(&csv, fields, steering).map_err(in_file)
}

/// The bytes of a file, or of standard input where it is named `-`.
///
/// # Errors
///
/// [`DataErrorKind::File`].
pub fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut all = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut all).map(|_| all)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| DataError { path: path.to_owned(), kind: DataErrorKind::File(error) })
}

/// The header and all rows of CSV text, as written.
///
/// # Errors
///
/// As [`read`], for what is no CSV.
pub fn written(csv: &[u8]) -> Result<Vec<csv::StringRecord>, DataErrorKind> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).has_headers(false).from_reader(csv);
    reader.records().collect::<Result<_, _>>().map_err(csv_error)
}

/// Reads the columns of `fields` from CSV text.
///
/// # Errors
///
/// As [`read`].
pub fn read_from<T: Readable>(csv: &[u8], fields: &[Field], steering: &Steering) -> Result<Table<T>, DataErrorKind> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(csv);
    let header: Vec<String> = reader.headers().map_err(csv_error)?.iter().map(str::to_owned).collect();
    if header.iter().all(String::is_empty) {
        return Err(DataErrorKind::NoHeader);
    }
    let columns = find(&header, fields, steering)?;
    let mut table =
        Table { fields: fields.to_vec(), numbers: vec![Vec::new(); fields.len()], groups: Vec::new(), rows: 0 };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(csv_error)? {
        let line = || line_of(csv, &record);
        if record.len() != header.len() {
            let open = rest(csv, &record).iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            return Err(DataErrorKind::Ragged { line: line(), header: header.len(), row: record.len(), open });
        }
        table.push(&record, &header, &columns, &line)?;
    }
    if table.rows == 0 {
        return Err(DataErrorKind::NoRows);
    }
    Ok(table)
}

impl<T: Readable> Table<T> {
    fn push(
        &mut self,
        record: &csv::StringRecord,
        header: &[String],
        columns: &Columns,
        line: &dyn Fn() -> u64,
    ) -> Result<(), DataErrorKind> {
        for (field, (own, numbers)) in self.fields.iter().zip(columns.fields.iter().zip(&mut self.numbers)) {
            for &column in own {
                let text = record.get(column).unwrap_or("");
                numbers.push(number(text, field.role).map_err(|wrong| {
                    let cell =
                        Cell { line: line(), column: column + 1, name: header[column].clone(), text: text.to_owned() };
                    match wrong {
                        Wrong::Number => DataErrorKind::NotANumber(cell),
                        Wrong::Infinite => DataErrorKind::NotFinite { cell, scalar: T::NAME },
                        Wrong::Class(classes) => DataErrorKind::NotAClass { cell, classes },
                    }
                })?);
            }
        }
        if let Some(by) = columns.by {
            self.groups.push(record.get(by).unwrap_or("").to_owned());
        }
        self.rows += 1;
        Ok(())
    }
}

/// The line on which a record's text begins: the reader's own count stands
/// before the blank lines that it passes over.
fn line_of(csv: &[u8], record: &csv::StringRecord) -> u64 {
    let after = rest(csv, record);
    let start = csv.len() - after.len();
    let blank = after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let newlines = csv[..start + blank].iter().filter(|byte| **byte == b'\n');
    newlines.count() as u64 + 1
}

/// The file from a record's text on.
fn rest<'a>(csv: &'a [u8], record: &csv::StringRecord) -> &'a [u8] {
    let start = record.position().map_or(0, csv::Position::byte);
    usize::try_from(start).ok().and_then(|start| csv.get(start..)).unwrap_or_default()
}

enum Wrong {
    Number,
    Infinite,
    Class(usize),
}

fn number<T: Readable>(text: &str, role: Role) -> Result<T, Wrong> {
    let number: T = text.parse().map_err(|_| Wrong::Number)?;
    if !number.is_finite() {
        return Err(Wrong::Infinite);
    }
    if let Role::Class(classes) = role {
        // `3` and `3.0` are classes, `3.5` and `-1` are not.
        let class: f64 = text.parse().map_err(|_| Wrong::Number)?;
        if class.fract() != 0.0 || !(0.0..classes as f64).contains(&class) {
            return Err(Wrong::Class(classes));
        }
    }
    Ok(number)
}

fn csv_error(error: csv::Error) -> DataErrorKind {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => DataErrorKind::File(error),
        csv::ErrorKind::Utf8 { .. } => DataErrorKind::NotText { line },
        other => DataErrorKind::File(std::io::Error::other(format!("{other:?}"))),
    }
}
