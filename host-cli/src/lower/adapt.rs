//! The `adapt` block: how a trained circuit learns from a few samples of where it is used.
//!
//! | key | says | left open |
//! |---|---|---|
//! | `data`, `ignore`, `seed`, `optimizer` and what goes with it | as in `train` | as `train` says |
//! | `rows = where(subject = 7)` | the rows of the recording | all rows |
//! | `samples = 5` | how many of each class to learn from, spread over the recording | 5 |
//! | `passes = 30` | walks over these | 1 |
//! | `freeze = [fc1]` | what stays as it is | nothing |

use std::path::Path;

use super::error::LowerError;
use super::settings::{self, Training, each_setting};
use crate::text::ast::{Document, Expr, ExprId, Name, Setting};
use crate::text::literal::Readable;

/// The settings of the block.
const SETTINGS: &[&str] = &[
    "data",
    "ignore",
    "rows",
    "optimizer",
    "weight_decay",
    "clip",
    "schedule",
    "warmup",
    "samples",
    "passes",
    "seed",
    "freeze",
];
/// Those that mean what they mean in a `train` block.
const SHARED: &[&str] =
    &["data", "ignore", "optimizer", "weight_decay", "clip", "schedule", "warmup", "seed", "freeze"];
/// Samples of each class where the block does not say.
const SAMPLES: u32 = 5;

/// Rows that have one value in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The column.
    pub column: String,
    /// Its value, as written in the data.
    pub value: String,
}

/// How to adapt.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapting<T> {
    /// Data, columns, optimiser and seed, as for training.
    pub training: Training<T>,
    /// Which rows are the recording.
    pub rows: Option<Pick>,
    /// How many samples of each class are learned from.
    pub samples: u32,
    /// Walks over them.
    pub passes: u32,
    /// Layers and params to leave alone.
    pub freeze: Vec<Name>,
}

impl<T: Readable> Adapting<T> {
    /// What holds when nothing is said: data, columns, optimiser and seed of the training.
    pub fn after(training: &Training<T>) -> Adapting<T> {
        let training = Training { freeze: Vec::new(), ..training.clone() };
        Adapting { training, rows: None, samples: SAMPLES, passes: 1, freeze: Vec::new() }
    }
}

/// The `adapt` block, if there is one; `folder` is where its file names start.
pub(super) fn block<T: Readable>(
    document: &Document,
    training: Option<&Training<T>>,
    folder: &Path,
) -> Result<Option<Adapting<T>>, Vec<LowerError>> {
    let start = Adapting::after(&training.cloned().unwrap_or_default());
    let block = each_setting(document, "adapt", start, |adapting, setting| set(document, adapting, setting, folder))?;
    Ok(block.map(|mut adapting| {
        adapting.freeze = std::mem::take(&mut adapting.training.freeze);
        adapting
    }))
}

fn set<T: Readable>(
    document: &Document,
    adapting: &mut Adapting<T>,
    setting: &Setting,
    folder: &Path,
) -> Result<(), LowerError> {
    let value = setting.value;
    let count = |what| settings::at_least_one(document, value, what);
    match setting.key.text.as_str() {
        key if SHARED.contains(&key) => settings::set(document, &mut adapting.training, setting, folder)?,
        "rows" => adapting.rows = Some(pick(document, value)?),
        "samples" => adapting.samples = count("a number of samples of each class, at least 1")?,
        "passes" => adapting.passes = count("a number of passes, at least 1")?,
        _ => return Err(settings::unknown(setting, SETTINGS)),
    }
    Ok(())
}

/// `where(subject = 7)`
fn pick(document: &Document, id: ExprId) -> Result<Pick, LowerError> {
    let wanted = LowerError::Wanted { what: "rows by a column's value: `where(subject = 7)`", span: document.span(id) };
    let Expr::Call(call) = &document.node(id).kind else { return Err(wanted) };
    let [argument] = call.arguments.as_slice() else { return Err(wanted) };
    let Some(column) = argument.name.as_ref().filter(|_| call.name.text == "where") else { return Err(wanted) };
    let value = settings::column_value(document, argument.value)?;
    Ok(Pick { column: column.text.clone(), value })
}
