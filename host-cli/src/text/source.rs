//! What the command line names: a file or a formula, and values for wires.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ast::{Document, Name, Span, Statement};
use super::literal::Literal;
use super::mistake::Mistake;
use super::parse::{Form, parse};
use super::report::{Diagnostic, Source};

/// A circuit's text, read, and where it came from.
#[derive(Clone, Debug)]
pub struct Written {
    /// The text and its name.
    pub source: Source,
    /// What it says.
    pub document: Document,
    /// File or formula.
    pub form: Form,
    /// The folder that file names in it are relative to.
    pub folder: PathBuf,
}

/// A wire's value from the command line: `x=-2`, `x=[1, 2, 3]`.
#[derive(Clone, Debug)]
pub struct Given {
    /// The argument, for reports.
    pub source: Source,
    /// The wire.
    pub name: Name,
    /// Its value.
    pub value: Literal,
}

/// Why an argument could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceError {
    /// The file could not be read.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no text.
    NotText {
        /// Which.
        path: PathBuf,
        /// The first line that is none, from 1 on.
        line: usize,
    },
    /// The text is wrong.
    Text {
        /// The text.
        source: Source,
        /// What is wrong with it.
        errors: Vec<Diagnostic>,
    },
}

impl SourceError {
    /// The error as text for a terminal (`styled`) or a file.
    pub fn report(&self, styled: bool) -> String {
        match self {
            SourceError::File { path, error } => {
                let path = path.display();
                match error.kind() {
                    io::ErrorKind::NotFound => format!(
                        "error: there is no file {path}\n  a circuit is a file that exists, \
                         or a formula such as \"(x + y) * z\""
                    ),
                    io::ErrorKind::IsADirectory => format!(
                        "error: {path} is a folder\n  a circuit is a file that exists, or a formula such as \
                         \"(x + y) * z\""
                    ),
                    _ => format!("error: cannot read {path}: {error}"),
                }
            }
            SourceError::NotText { path, line } => {
                let path = path.display();
                format!("error: this line is not text (UTF-8)\n --> {path}:{line}\n  = help: save the file as UTF-8")
            }
            SourceError::Text { source, errors } => source.report(errors, styled),
        }
    }
}

/// Reads a file if `argument` exists or ends in `.circuit`; else takes
/// it as a formula.
///
/// # Errors
///
/// [`SourceError::File`], [`SourceError::NotText`] or [`SourceError::Text`].
pub fn read(argument: &str) -> Result<Written, SourceError> {
    let path = Path::new(argument);
    if path.exists() || argument.ends_with(".circuit") { read_file(path) } else { read_formula(argument) }
}

/// Reads a `.circuit` file.
///
/// # Errors
///
/// As [`read`].
pub fn read_file(path: &Path) -> Result<Written, SourceError> {
    let bytes = fs::read(path).map_err(|error| SourceError::File { path: path.to_owned(), error })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let text = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        SourceError::NotText { path: path.to_owned(), line: 1 + text.filter(|&&byte| byte == b'\n').count() }
    })?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    read_source(Source::new(path.display().to_string(), text), Form::File, folder)
}

/// Reads text as that of a `.circuit` file of this name.
///
/// # Errors
///
/// [`SourceError::Text`].
pub fn read_text(name: &str, text: &str) -> Result<Written, SourceError> {
    read_source(Source::new(name, text), Form::File, PathBuf::new())
}

/// Reads a formula.
///
/// # Errors
///
/// [`SourceError::Text`].
pub fn read_formula(text: &str) -> Result<Written, SourceError> {
    read_source(Source::new("formula", text), Form::Formula, PathBuf::new())
}

fn read_source(source: Source, form: Form, folder: PathBuf) -> Result<Written, SourceError> {
    match parse(&source.text, form) {
        Ok(document) => Ok(Written { source, document, form, folder }),
        Err(mistakes) => Err(SourceError::Text { source, errors: mistakes.iter().map(Mistake::diagnostic).collect() }),
    }
}

/// Reads `name=value`.
///
/// # Errors
///
/// [`SourceError::Text`].
pub fn read_given(argument: &str) -> Result<Given, SourceError> {
    let source = Source::new("argument", argument);
    let whole = Span::new(0, argument.len());
    match read_assignment(argument) {
        Ok((name, value)) => Ok(Given { source, name, value }),
        Err(errors) if errors.is_empty() => Err(SourceError::Text {
            source,
            errors: vec![
                Diagnostic::new("expected a value for a wire", whole, "sets nothing")
                    .help("write `name=value`, for example `x=-2` or `x=[1, 2, 3]`"),
            ],
        }),
        Err(errors) => Err(SourceError::Text { source, errors }),
    }
}

/// No errors in the list: the text is right but sets nothing.
fn read_assignment(argument: &str) -> Result<(Name, Literal), Vec<Diagnostic>> {
    let document = parse(argument, Form::Formula)
        .map_err(|mistakes| mistakes.iter().map(Mistake::diagnostic).collect::<Vec<_>>())?;
    match document.statements.as_slice() {
        [Statement::Define { name, value }] => match document.literal(*value) {
            Ok(literal) => Ok((name.clone(), literal)),
            Err(error) => Err(vec![error.diagnostic()]),
        },
        _ => Err(Vec::new()),
    }
}
