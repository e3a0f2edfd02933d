//! Which columns a circuit's inputs and labels take.
//!
//! A label takes the column of its name; a scalar input the column of its
//! name; a vector input the columns `name0, name1, …` or, when it is the only
//! input, all columns that nothing else takes, in order.

use super::error::DataErrorKind;
use crate::text::nearest::nearest;

/// An input or label that rows of data fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the circuit.
    pub name: String,
    /// Its elements; none for a scalar.
    pub elements: Option<usize>,
    /// Input or label.
    pub role: Role,
}

/// What a field is to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something to compute from.
    Input,
    /// A number that should come out.
    Target,
    /// A class, one of so many, that should come out.
    Class(usize),
}

impl Field {
    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.elements.unwrap_or(1)
    }

    fn needed_by(&self) -> String {
        match self.role {
            Role::Input => format!("input `{}`", self.name),
            Role::Target | Role::Class(_) => format!("label `{}`", self.name),
        }
    }
}

/// Columns that only steer: they are never inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steering {
    /// The column whose equal values stay together: `split = by(subject)`.
    pub by: Option<String>,
    /// Columns to leave out: `ignore = [id]`.
    pub ignore: Vec<String>,
    /// Columns to leave out where they are there: those that other uses of a circuit need, such as
    /// the label of rows that are to be predicted.
    pub passed_over: Vec<String>,
}

/// The columns that were found, by their place in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// For each field, the columns of its elements.
    pub fields: Vec<Vec<usize>>,
    /// The column whose equal values stay together.
    pub by: Option<usize>,
}

/// Finds the columns of all fields in a header.
///
/// # Errors
///
/// [`DataErrorKind::TwoColumns`], [`DataErrorKind::MissingColumn`],
/// [`DataErrorKind::ColumnCount`].
pub fn find(header: &[String], fields: &[Field], steering: &Steering) -> Result<Columns, DataErrorKind> {
    for (at, name) in header.iter().enumerate() {
        if let Some(first) = header[..at].iter().position(|other| other == name) {
            return Err(DataErrorKind::TwoColumns { name: name.clone(), at: [first + 1, at + 1] });
        }
    }
    let mut taken = vec![false; header.len()];
    let mut take = |name: &str, needed_by: &dyn Fn() -> String| {
        let at = header.iter().position(|column| column == name).ok_or_else(|| missing(header, name, needed_by()))?;
        taken[at] = true;
        Ok(at)
    };
    let by = match &steering.by {
        Some(name) => Some(take(name, &|| "`split = by(…)`".into())?),
        None => None,
    };
    for name in &steering.ignore {
        take(name, &|| "`ignore`".into())?;
    }
    for name in &steering.passed_over {
        if header.contains(name) {
            take(name, &String::new)?;
        }
    }
    let only_input = fields.iter().filter(|field| field.role == Role::Input).count() == 1;
    let mut found = vec![Vec::new(); fields.len()];
    let mut rest = None;
    for (at, field) in fields.iter().enumerate() {
        let Some(elements) = field.elements else {
            found[at] = vec![take(&field.name, &|| field.needed_by())?];
            continue;
        };
        let numbered = header.contains(&format!("{}0", field.name));
        if only_input && field.role == Role::Input && !numbered {
            rest = Some(at);
            continue;
        }
        for element in 0..elements {
            let name = format!("{}{element}", field.name);
            found[at].push(take(&name, &|| field.needed_by())?);
        }
    }
    if let Some(at) = rest {
        let left: Vec<usize> = (0..header.len()).filter(|column| !taken[*column]).collect();
        if left.len() != fields[at].width() {
            return Err(DataErrorKind::ColumnCount {
                input: fields[at].name.clone(),
                needed: fields[at].width(),
                left: left.iter().map(|column| header[*column].clone()).collect(),
            });
        }
        found[at] = left;
    }
    Ok(Columns { fields: found, by })
}

fn missing(header: &[String], name: &str, needed_by: String) -> DataErrorKind {
    DataErrorKind::MissingColumn {
        name: name.to_owned(),
        needed_by,
        nearest: nearest(name, header.iter().map(String::as_str)).map(str::to_owned),
        there: header.to_vec(),
    }
}
