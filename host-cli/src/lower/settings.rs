//! The `train` block, and what an `adapt` block has in common with it.

use std::path::{Path, PathBuf};

use chainrule::{Method, Optimiser};

use super::arguments::Signature;
use super::error::LowerError;
use super::optimisers;
use crate::data::columns::Steering;
use crate::text::ast::{Document, Expr, ExprId, Name, Setting, Statement};
use crate::text::literal::Readable;
use crate::text::nearest::nearest;

/// The settings of a block.
const SETTINGS: &[&str] = &[
    "data",
    "split",
    "ignore",
    "optimizer",
    "weight_decay",
    "clip",
    "schedule",
    "warmup",
    "batch",
    "epochs",
    "steps",
    "patience",
    "keep",
    "seed",
    "freeze",
];
/// What `keep` may be.
const KEEPS: &[&str] = &["last", "best"];
/// The share that `by(column)` holds out when it does not say.
const SHARE: f64 = 0.2;

/// What is held out of the data.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Holdout {
    /// Nothing.
    #[default]
    Nothing,
    /// A share of the rows: `split = 0.2`.
    Rows(f64),
    /// A share of the different values of a column, each with all of its rows:
    /// `split = by(subject)`, `by(subject, 0.3)`.
    Groups {
        /// The column.
        column: String,
        /// The share.
        share: f64,
    },
    /// The rows with one value in a column: `split = by(subject, hold = 7)`.
    Value {
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
}

/// Which params a training ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Those after the last step.
    #[default]
    Last,
    /// Those after the epoch with the least loss.
    Best,
}

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Training<T> {
    /// The file of data, as seen from where the program runs.
    pub data: Option<PathBuf>,
    /// What is held out.
    pub split: Holdout,
    /// Columns that are no inputs.
    pub ignore: Vec<String>,
    /// How a step is made; a cosine of 0 steps takes those of the whole training.
    pub optimiser: Optimiser<T>,
    /// Samples a step.
    pub batch: u32,
    /// Walks over the data.
    pub epochs: u32,
    /// Steps, if they are counted instead of epochs.
    pub steps: Option<u64>,
    /// Epochs without a smaller loss after which the training ends early.
    pub patience: Option<u32>,
    /// Which params it ends with.
    pub keep: Keep,
    /// What the weights and shuffles come from.
    pub seed: u64,
    /// Layers and params to leave alone.
    pub freeze: Vec<Name>,
    /// After so many steps, and at the end, a board keeps what it learned in its flash.
    pub keep_every: Option<u32>,
}

impl<T: Readable> Default for Training<T> {
    fn default() -> Self {
        Training {
            data: None,
            split: Holdout::Nothing,
            ignore: Vec::new(),
            optimiser: Optimiser::new(Method::Sgd, T::from_f64(0.01)),
            batch: 1,
            epochs: 1,
            steps: None,
            patience: None,
            keep: Keep::Last,
            seed: 1,
            freeze: Vec::new(),
            keep_every: None,
        }
    }
}

impl<T> Training<T> {
    /// Columns that only steer.
    pub fn steering(&self) -> Steering {
        let by = match &self.split {
            Holdout::Groups { column, .. } | Holdout::Value { column, .. } => Some(column.clone()),
            _ => None,
        };
        Steering { by, ignore: self.ignore.clone(), passed_over: Vec::new() }
    }
}

/// The `train` block, if there is one; `folder` is where its file names start.
pub(super) fn block<T: Readable>(document: &Document, folder: &Path) -> Result<Option<Training<T>>, Vec<LowerError>> {
    each_setting(document, "train", Training::default(), |training, setting| set(document, training, setting, folder))
}

/// What the settings of the block of this name make of `start`; nothing if there is no such block.
pub(super) fn each_setting<B>(
    document: &Document,
    name: &str,
    mut start: B,
    mut set: impl FnMut(&mut B, &Setting) -> Result<(), LowerError>,
) -> Result<Option<B>, Vec<LowerError>> {
    let mut blocks = document.statements.iter().filter_map(|statement| match statement {
        Statement::Block { name: own, settings } if own.text == name => Some((own, settings)),
        _ => None,
    });
    let Some((_, settings)) = blocks.next() else { return Ok(None) };
    let mut errors = Vec::new();
    errors.extend(blocks.map(|(own, _)| LowerError::BlockTwice { name: name.to_owned(), span: own.span }));
    // An optimiser may have a decay of its own, which the setting then replaces.
    let mut order: Vec<usize> = (0..settings.len()).collect();
    order.sort_by_key(|at| settings[*at].key.text != "optimizer");
    for at in order {
        let setting = &settings[at];
        let key = &setting.key;
        if settings[..at].iter().any(|other| other.key.text == key.text) {
            errors.push(LowerError::SettingTwice { name: key.text.clone(), span: key.span });
        } else if let Err(error) = set(&mut start, setting) {
            errors.push(error);
        }
    }
    if errors.is_empty() { Ok(Some(start)) } else { Err(errors) }
}

pub(super) fn set<T: Readable>(
    document: &Document,
    training: &mut Training<T>,
    setting: &Setting,
    folder: &Path,
) -> Result<(), LowerError> {
    let value = setting.value;
    let span = document.span(value);
    let wanted = |what| LowerError::Wanted { what, span };
    let count = |what| document.whole_number(value).filter(|n| *n > 0).ok_or(wanted(what));
    let small = |what| at_least_one(document, value, what);
    match setting.key.text.as_str() {
        "data" => match &document.node(value).kind {
            Expr::Quoted(path) => training.data = Some(folder.join(path)),
            _ => return Err(wanted("a file name in quotes: `\"digits.csv\"`")),
        },
        "split" => training.split = holdout(document, value)?,
        "ignore" => training.ignore = names(document, value)?.into_iter().map(|name| name.text).collect(),
        "optimizer" => optimisers::optimiser(document, value, &mut training.optimiser)?,
        "weight_decay" => training.optimiser.weight_decay = optimisers::weight_decay(document, value)?,
        "clip" => training.optimiser.clip = optimisers::clip(document, value)?,
        "schedule" => training.optimiser.schedule = optimisers::schedule(document, value)?,
        "warmup" => training.optimiser.warmup = small("a number of steps, at least 1")?,
        "batch" => training.batch = small("a number of samples, at least 1")?,
        "epochs" => training.epochs = small("a number of epochs, at least 1")?,
        "steps" => training.steps = Some(count("a number of steps, at least 1")?),
        "patience" => training.patience = Some(small("a number of epochs, at least 1")?),
        "keep" => {
            let name = word(document, value)?;
            training.keep = match name.text.as_str() {
                "last" => Keep::Last,
                "best" => Keep::Best,
                _ => {
                    let Name { text: name, span } = name;
                    return Err(LowerError::UnknownWord { what: "epoch", name, span, known: KEEPS });
                }
            }
        }
        "seed" => training.seed = document.whole_number(value).ok_or(wanted("a whole number"))?,
        "freeze" => training.freeze = names(document, value)?,
        _ => return Err(unknown(setting, SETTINGS)),
    }
    Ok(())
}

/// A setting that its block does not have.
pub(super) fn unknown(setting: &Setting, known: &'static [&'static str]) -> LowerError {
    let name = setting.key.text.as_str();
    let (name, nearest) = (name.to_owned(), nearest(name, known.iter().copied()));
    LowerError::UnknownSetting { name, span: setting.key.span, nearest, known }
}

/// A whole number, at least 1.
pub(super) fn at_least_one(document: &Document, id: ExprId, what: &'static str) -> Result<u32, LowerError> {
    let n = document.whole_number(id).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    n.ok_or(LowerError::Wanted { what, span: document.span(id) })
}

/// A value of a column, as it is written in the data.
pub(super) fn column_value(document: &Document, id: ExprId) -> Result<String, LowerError> {
    match document.figure(id) {
        Some(_) => Ok(document.written(id)),
        None => Ok(word(document, id)?.text),
    }
}

/// A number from 0 to 1, both outside of the range.
fn share(document: &Document, id: ExprId) -> Result<f64, LowerError> {
    let share: Option<f64> = document.figure(id).and_then(|figure| figure.read().ok());
    share
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or(LowerError::Wanted { what: "a share from 0 to below 1, such as `0.2`", span: document.span(id) })
}

fn holdout(document: &Document, id: ExprId) -> Result<Holdout, LowerError> {
    let wanted = |id| LowerError::Wanted { what: "a share such as `0.2`, or `by(column)`", span: document.span(id) };
    let call = match &document.node(id).kind {
        Expr::Call(call) if call.name.text == "by" => call,
        Expr::Call(_) | Expr::Name(_) | Expr::Quoted(_) => return Err(wanted(id)),
        _ => return share(document, id).map(Holdout::Rows),
    };
    let bound = Signature { needed: &["column"], optional: &["share", "hold"] }.bind(document, call)?;
    let &[Some(column), part, hold] = bound.as_slice() else { return Err(wanted(id)) };
    let column = word(document, column)?.text;
    match (part, hold) {
        (_, Some(hold)) => {
            let value = column_value(document, hold)?;
            Ok(Holdout::Value { column, value })
        }
        (Some(part), None) => Ok(Holdout::Groups { column, share: share(document, part)? }),
        (None, None) => Ok(Holdout::Groups { column, share: SHARE }),
    }
}

/// A name, or text in quotes where a name would not do.
pub(super) fn word(document: &Document, id: ExprId) -> Result<Name, LowerError> {
    let node = document.node(id);
    match &node.kind {
        Expr::Name(text) | Expr::Quoted(text) => Ok(Name { text: text.clone(), span: node.span }),
        _ => Err(LowerError::Wanted { what: "a name", span: node.span }),
    }
}

fn names(document: &Document, id: ExprId) -> Result<Vec<Name>, LowerError> {
    match &document.node(id).kind {
        Expr::List(items) => items.iter().map(|item| word(document, *item)).collect(),
        _ => Ok(vec![
            word(document, id)
                .map_err(|_| LowerError::Wanted { what: "a list of names: `[id, name]`", span: document.span(id) })?,
        ]),
    }
}

impl Document {
    /// A number in the scalar in use, when an expression is nothing but that.
    pub(super) fn number<T: Readable>(&self, id: ExprId) -> Result<T, LowerError> {
        let figure = self.figure(id).ok_or(LowerError::Wanted { what: "a number", span: self.span(id) })?;
        Ok(figure.read()?)
    }

    /// A whole number that is not negative.
    pub(super) fn whole_number(&self, id: ExprId) -> Option<u64> {
        self.figure(id).filter(|figure| !figure.negative)?.text.parse().ok()
    }
}
