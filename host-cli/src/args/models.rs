//! The verbs for what has been trained: test it, let it predict, let it adapt.

use std::path::PathBuf;

use clap::Args;

use super::number::{Number, from_one, rate};
use super::shared::Where;
use crate::lower::{Adapting, Holdout, Pick, Training};
use crate::text::literal::Readable;

/// A saved model: a circuit with its weights.
#[derive(Args, Clone, Debug)]
pub struct Model {
    /// A .circuit file
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The weights: a safetensors file, as `train --save` writes it
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
}

/// `chainrule test`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule test digits.circuit --weights digits.safetensors
  chainrule test watch.circuit --weights watch.safetensors --rows subject=7 --json | jq .accuracy

Without --data and --rows, the rows are those that the file's `train` block holds out; seed, split
and --hold-out must then be those of the training. For classes it prints loss, accuracy and how often
each class was taken for which; for numbers mae, rmse and r².")]
pub struct Test {
    /// What is tested.
    #[command(flatten)]
    pub model: Model,
    /// A CSV file whose rows are all tested; - for standard input
    #[arg(long, value_name = "CSV")]
    pub data: Option<PathBuf>,
    /// The rows with this value in a column
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pick)]
    pub rows: Option<Pick>,
    /// The seed of the training
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The share that the training held out
    #[arg(long, value_name = "SHARE", value_parser = super::verbs::share, conflicts_with = "data")]
    pub split: Option<f64>,
    /// What the training held out by value
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pick, conflicts_with_all = ["split", "data"])]
    pub hold_out: Option<Pick>,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

/// `chainrule predict`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule predict digits.circuit --weights digits.safetensors --data new.csv -o told.csv
  chainrule predict digits.circuit --weights digits.safetensors --row 3
  chainrule predict line.circuit --weights line.safetensors x=0.5

It writes CSV: `predicted` and, for classes, `probability`; `predicted0, predicted1, …` for several
numbers. The data needs no column for the label.")]
pub struct Predict {
    /// What predicts.
    #[command(flatten)]
    pub model: Model,
    /// Values of inputs: x=-2 or x="[1, 2, 3]"; an input that has one takes no column
    #[arg(value_name = "NAME=VALUE")]
    pub values: Vec<String>,
    /// A CSV file, - for standard input; else the file that the circuit names
    #[arg(long, value_name = "CSV")]
    pub data: Option<PathBuf>,
    /// Only this row of the data, counted from 0
    #[arg(long, value_name = "N")]
    pub row: Option<usize>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "CSV")]
    pub output: Option<PathBuf>,
    /// Keep the columns of the data, before what is predicted
    #[arg(long)]
    pub keep: bool,
    /// Tell the probability of every class
    #[arg(long)]
    pub probabilities: bool,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

/// `chainrule adapt`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule adapt watch.circuit --weights watch.safetensors --rows subject=7 --save mine.safetensors
  chainrule adapt watch.circuit --weights watch.safetensors --freeze fc1 --on mps2-an386

What the options leave open is as the file's `adapt` block says, then as its `train` block does. Of
each class, a few rows spread over the recording are learned from, one by one; accuracy before and
after is over all its other rows.")]
pub struct Adapt {
    /// What adapts.
    #[command(flatten)]
    pub model: Model,
    /// A CSV file: the recording; - for standard input
    #[arg(long, value_name = "CSV")]
    pub data: Option<PathBuf>,
    /// The rows with this value in a column are the recording
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pick)]
    pub rows: Option<Pick>,
    /// Learn from so many rows of each class
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one::<u32>)]
    pub samples: Option<u32>,
    /// Walks over these rows
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one::<u32>)]
    pub passes: Option<u32>,
    /// The learning rate
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, value_parser = rate)]
    pub lr: Option<Number>,
    /// What the order of the rows comes from
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Layers and params to leave alone: fc1,fc2.bias; `weights` leaves only biases to learn
    #[arg(long, value_name = "NAMES")]
    pub freeze: Option<String>,
    /// Write the weights to this safetensors file
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

impl Test {
    /// Puts what the options say over what the text says.
    pub fn settle<T: Readable>(&self, training: &mut Training<T>) {
        training.data = self.data.clone().or(training.data.take());
        training.seed = self.seed.unwrap_or(training.seed);
        hold_out(&mut training.split, self.split, self.hold_out.as_ref());
    }
}

impl Adapt {
    /// Puts what the options say over what the text says; `freeze` apart.
    pub fn settle<T: Readable>(&self, adapting: &mut Adapting<T>) {
        let training = &mut adapting.training;
        training.data = self.data.clone().or(training.data.take());
        training.seed = self.seed.unwrap_or(training.seed);
        if let Some(lr) = &self.lr {
            training.optimiser.rate = lr.read();
        }
        adapting.rows = self.rows.clone().or(adapting.rows.take());
        adapting.samples = self.samples.unwrap_or(adapting.samples);
        adapting.passes = self.passes.unwrap_or(adapting.passes);
    }
}

/// Puts `--split` and `--hold-out` over what the text holds out.
pub(super) fn hold_out(split: &mut Holdout, share: Option<f64>, value: Option<&Pick>) {
    if let Some(Pick { column, value }) = value {
        *split = Holdout::Value { column: column.clone(), value: value.clone() };
    }
    match (share, split) {
        (None, _) => {}
        (Some(new), Holdout::Groups { share, .. }) => *share = new,
        (Some(new), split) => *split = Holdout::Rows(new),
    }
}

/// `subject=7`
pub(super) fn pick(text: &str) -> Result<Pick, String> {
    match text.split_once('=') {
        Some((column, value)) if !column.trim().is_empty() && !value.trim().is_empty() => {
            Ok(Pick { column: column.trim().to_owned(), value: value.trim().to_owned() })
        }
        _ => Err("expected a column and one of its values, such as subject=7".into()),
    }
}
