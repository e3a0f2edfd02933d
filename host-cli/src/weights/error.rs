//! Why weights were not loaded or saved, and the words for it.

use crate::text::literal::shape_words;
use safetensors::SafeTensorError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file of weights was not read or written.
#[derive(Debug)]
pub struct WeightsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub kind: Kind,
}

/// What is wrong with a file of weights.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// It cannot be read.
    Read(io::Error),
    /// It cannot be written.
    Write(io::Error),
    /// What is there is no file of weights, and would be lost.
    Taken,
    /// It is not in the format.
    Format(SafeTensorError),
    /// It holds weights, but no training to go on with.
    NoState,
    /// A param is not there.
    Missing {
        /// The param.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// What is there.
        there: Vec<String>,
    },
    /// The circuit has no such param.
    Extra {
        /// The first of them.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// A param has another shape.
    Shape {
        /// The param.
        name: String,
        /// In the circuit.
        here: Vec<usize>,
        /// In the file.
        there: Vec<usize>,
    },
    /// A param is in another scalar.
    Scalar {
        /// The param.
        name: String,
        /// The scalar in use.
        here: &'static str,
        /// The file's.
        there: String,
    },
    /// A weight is NaN or infinite.
    NotFinite {
        /// The param.
        name: String,
        /// Which of its elements.
        at: usize,
    },
    /// The params fit, but they were trained in another circuit.
    Circuit {
        /// The hash of the circuit.
        here: String,
        /// The hash of the file's.
        there: String,
        /// The first line that differs, in the file and here.
        differs: Option<(String, String)>,
    },
}

impl From<SafeTensorError> for Kind {
    fn from(error: SafeTensorError) -> Self {
        Kind::Format(error)
    }
}

impl WeightsError {
    /// What would be right.
    pub fn help(&self) -> Option<String> {
        Some(match &self.kind {
            Kind::Read(_) | Kind::Write(_) => return None,
            Kind::Taken => "save under another name, such as `trained.safetensors`, or remove the file first".into(),
            Kind::Format(_) => "weights are safetensors files, as `train --save` writes them".into(),
            Kind::NoState => "`train --save-state` and `pull --save-state` write such a file; weights alone go with \
                              `train --load` and `push --weights`"
                .into(),
            Kind::Missing { nearest: Some(meant), .. } => {
                format!("the file has `{meant}`; name the layer as the file does")
            }
            Kind::Missing { there, .. } => format!("the file has {}", there.join(", ")),
            Kind::Extra { .. } => "load the weights into the circuit that they were trained in".into(),
            Kind::Shape { .. } => "make the layer as large as it was when the weights were saved".into(),
            Kind::Scalar { there, .. } if there == "f32" || there == "f64" => {
                format!("run in that: `--scalar {there}`")
            }
            Kind::Scalar { .. } => "save the weights as f32".into(),
            Kind::NotFinite { .. } => "take weights from before the training diverged".into(),
            Kind::Circuit { .. } => "load the weights into the circuit that they were trained in".into(),
        })
    }

    /// The error as text for a terminal or a file.
    pub fn report(&self) -> String {
        let path = self.path.display();
        let help = self.help().map(|help| format!("\n  = help: {help}")).unwrap_or_default();
        format!("error: {self}\n --> {path}{help}")
    }
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Read(error) if error.kind() == io::ErrorKind::NotFound => {
                f.write_str("there is no such file of weights")
            }
            Kind::Read(error) if error.kind() == io::ErrorKind::IsADirectory => {
                f.write_str("this is a folder, and no file of weights")
            }
            Kind::Read(error) => write!(f, "the weights cannot be read: {error}"),
            Kind::Write(error) if error.kind() == io::ErrorKind::NotFound => {
                f.write_str("this file cannot be written: the folder does not exist")
            }
            Kind::Write(error) => write!(f, "this file cannot be written: {error}"),
            Kind::Taken => f.write_str("this file is there already and holds something else than weights"),
            Kind::Format(error) => write!(f, "this is no whole safetensors file: {error}"),
            Kind::NoState => f.write_str("this is no saved training"),
            Kind::Missing { name, .. } => write!(f, "the weights have no `{name}`"),
            Kind::Extra { name, count: 1 } => write!(f, "the circuit has no `{name}`, which the weights have"),
            Kind::Extra { name, count } => {
                write!(f, "the circuit has no `{name}`, which the weights have, and {} more", count - 1)
            }
            Kind::Shape { name, here, there } => {
                write!(f, "`{name}` is {} in the circuit, {} in the file", shape_words(here), shape_words(there))
            }
            Kind::Scalar { name, here, there } => write!(f, "`{name}` is saved in {there}, this run is in {here}"),
            Kind::NotFinite { name, at } => write!(f, "number {at} of `{name}` is not finite"),
            Kind::Circuit { here, there, differs } => {
                write!(f, "the weights were trained in another circuit (hash {there}, this one has {here})")?;
                match differs {
                    Some((theirs, own)) => write!(f, ": there `{theirs}`, here `{own}`"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for WeightsError {}
