//! A lowered circuit meets its data: the table, one row of it, what is held out.

use std::fmt;
use std::path::Path;

use chainrule::{Random, Scalar};

use super::circuit::Lowered;
use super::settings::{Holdout, Training};
use crate::data::{self, DataError, Split, Table, error::DataErrorKind, split};
use crate::text::literal::Readable;
use crate::text::source::Given;

/// Why a circuit did not get its data.
#[derive(Debug)]
#[non_exhaustive]
pub enum RowsError {
    /// Neither the text nor the command line names a file.
    NoData,
    /// The file is not right.
    Data(DataError),
    /// The data has fewer rows.
    NoSuchRow {
        /// The row, counted from 0.
        row: usize,
        /// How many there are.
        rows: usize,
    },
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowsError::NoData => {
                f.write_str("no data: name a file with --data, or in the text: train { data = \"…\" }")
            }
            RowsError::Data(error) => error.fmt(f),
            RowsError::NoSuchRow { row, rows } => {
                write!(f, "the data has no row {row}: its {rows} rows are 0 to {}", rows.saturating_sub(1))
            }
        }
    }
}

impl std::error::Error for RowsError {}

impl RowsError {
    /// The error as text for a terminal or a file.
    pub fn report(&self) -> String {
        match self {
            RowsError::Data(error) => error.report(),
            _ => format!("error: {self}"),
        }
    }
}

impl<T: Readable> Lowered<T> {
    /// Reads the data of a training, its columns as this circuit needs them.
    ///
    /// # Errors
    ///
    /// [`RowsError::NoData`], [`RowsError::Data`].
    pub fn table(&self, training: &Training<T>) -> Result<Table<T>, RowsError> {
        let path: &Path = training.data.as_deref().ok_or(RowsError::NoData)?;
        data::read(path, &self.columns(), &training.steering()).map_err(RowsError::Data)
    }

    /// Takes inputs and labels from a row of the data, except those that the
    /// command line gave.
    ///
    /// # Errors
    ///
    /// As [`Lowered::table`], and [`RowsError::NoSuchRow`].
    pub fn take_row(&mut self, row: usize, given: &[Given]) -> Result<(), RowsError> {
        let table = self.table(&self.training)?;
        if row >= table.rows() {
            return Err(RowsError::NoSuchRow { row, rows: table.rows() });
        }
        for (at, field) in self.fields.iter_mut().enumerate() {
            if !given.iter().any(|given| given.name.text == field.name) {
                field.value = Some(table.values(at, row).to_vec());
            }
        }
        Ok(())
    }
}

impl<T: Scalar> Training<T> {
    /// Shuffles the rows once and parts them. With groups, the groups are
    /// shuffled after the rows.
    ///
    /// # Errors
    ///
    /// [`DataErrorKind::NoSuchGroup`].
    pub fn part(&self, table: &Table<T>, random: &mut Random) -> Result<Split, DataErrorKind> {
        let mut order: Vec<usize> = (0..table.rows()).collect();
        random.shuffle(&mut order);
        match &self.split {
            Holdout::Nothing => Ok(split::by_share(&order, 0.0)),
            Holdout::Rows(share) => Ok(split::by_share(&order, *share)),
            Holdout::Groups { share, .. } => {
                let mut groups: Vec<usize> = (0..split::distinct(table.groups()).len()).collect();
                random.shuffle(&mut groups);
                Ok(split::by_group(&order, table.groups(), &groups, *share))
            }
            Holdout::Value { column, value } => split::by_value(&order, table.groups(), column, value),
        }
    }
}
