//! The verbs, each with its options and an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::desk::{Doctor, Export, Flash, Pull, Push, WriteImage};
use super::models::{Adapt, Predict, Test, hold_out, pick};
use super::number::{Number, from_one, rate};
use super::pictures::{Bench, Boards, Draw, Size};
use super::shared::{Circuit, Where};
use super::sheet::Sheet;
use crate::lower::{Keep, Pick, Training};
use crate::text::literal::Readable;

/// Backpropagation in circuits of gates, on laptops and on microcontrollers.
#[derive(Parser, Clone, Debug)]
#[command(name = "chainrule", version, about, arg_required_else_help = true)]
#[command(after_help = "Example:
  chainrule explain \"(x + y) * z\" x=-2 y=5 z=-4")]
pub struct Command {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with a circuit.
#[derive(Subcommand, Clone, Debug)]
pub enum Verb {
    /// Values and gradients of every wire
    Eval(Eval),
    /// Forward and backward gate by gate, in words
    Explain(Explain),
    /// Analytic against numerical gradients, in f64 on the host
    Check(Check),
    /// Move inputs and params along the gradient
    Climb(Climb),
    /// Train the params on data
    Train(Train),
    /// Train, and watch it: curves, norms, memory, the link and the log
    Monitor(Monitor),
    /// How good a trained circuit is on data
    Test(Test),
    /// What a trained circuit says: CSV in, CSV out
    Predict(Predict),
    /// Let a trained circuit learn from a few samples of where it is used
    Adapt(Adapt),
    /// The circuit as a picture, with its values and gradients
    Draw(Draw),
    /// Bytes of flash and RAM, and the boards that it fits on
    Size(Size),
    /// Instructions, time and memory of a forward and of a training step
    Bench(Bench),
    /// The boards there are
    Boards(Boards),
    /// A circuit with its weights as a source file for a firmware
    Export(Export),
    /// Circuit and weights to a board, which keeps them
    Push(Push),
    /// What a board has learned
    Pull(Pull),
    /// A board's firmware as a file for its tools
    Image(WriteImage),
    /// A board's firmware onto the board, through a debug probe
    Flash(Flash),
    /// What is installed, what is missing for which board, and how to mend it
    Doctor(Doctor),
}

/// `chainrule eval`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule eval \"(x + y) * z\" x=-2 y=5 z=-4
  chainrule eval digits.circuit --row 0 --on loopback --json")]
pub struct Eval {
    /// The circuit and its values.
    #[command(flatten)]
    pub circuit: Circuit,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

/// `chainrule explain`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:
  chainrule explain \"sigmoid(a*x + b*y + c)\" a=1 b=2 c=-3 x=-1 y=3")]
pub struct Explain {
    /// The circuit and its values.
    #[command(flatten)]
    pub circuit: Circuit,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

/// `chainrule check`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:
  chainrule check \"max(x, y) * exp(x)\" x=2 y=1

Exit code 1 when a gradient is wrong.")]
pub struct Check {
    /// The circuit and its values.
    #[command(flatten)]
    pub circuit: Circuit,
    /// The width of the differences
    #[arg(long = "h", value_name = "H")]
    pub h: Option<Number>,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// How a gradient is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GradientBy {
    /// By backpropagation
    Analytic,
    /// (f(x + h) - f(x)) / h
    Forward,
    /// (f(x + h) - f(x - h)) / 2h
    Central,
}

/// `chainrule climb`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule climb \"(x + y) * z\" x=-2 y=5 z=-4 --step 0.01 --steps 1
  chainrule climb \"100 - (x - y)^2\" x=3 y=4 --scalar f64 --gradient forward --until 0.000005")]
pub struct Climb {
    /// The circuit and its values.
    #[command(flatten)]
    pub circuit: Circuit,
    /// How far a step goes along the gradient
    #[arg(long, value_name = "STEP", default_value = "0.001")]
    pub step: Number,
    /// Stop after so many steps [default: 1, with --until 100000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one::<u64>)]
    pub steps: Option<u64>,
    /// Stop after the first step that gains less
    #[arg(long, value_name = "GAIN")]
    pub until: Option<Number>,
    /// How the gradient is found
    #[arg(long, value_enum, value_name = "HOW", default_value_t = GradientBy::Analytic)]
    pub gradient: GradientBy,
    /// The width of the differences
    #[arg(long = "h", value_name = "H", default_value = "1e-4")]
    pub h: Number,
    /// Keep this wire where it is; may be given several times
    #[arg(long, value_name = "NAME")]
    pub hold: Vec<String>,
    /// Plot the objective over the steps: .svg or .png
    #[arg(long, value_name = "FILE")]
    pub plot: Option<Sheet>,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

/// The most steps of `climb --until`, when `--steps` does not say.
const CLIMB_STEPS: u64 = 100_000;

impl Climb {
    /// The greatest number of steps.
    pub fn most_steps(&self) -> u64 {
        self.steps.unwrap_or(if self.until.is_some() { CLIMB_STEPS } else { 1 })
    }
}

/// Which params a training ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kept {
    /// Those after the last step
    Last,
    /// Those after the epoch with the least loss
    Best,
}

/// `chainrule train`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule train digits.circuit --epochs 10 --save digits.safetensors
  chainrule train digits.circuit --epochs 10 --save-state half.state
  chainrule train digits.circuit --epochs 20 --resume half.state
  chainrule train digits.circuit --on /dev/ttyACM0 --keep-every 1000

What the options leave open is as the file's `train` block says.")]
pub struct Train {
    /// A .circuit file
    #[arg(value_name = "FILE")]
    pub file: String,
    /// A CSV file of samples
    #[arg(long, value_name = "CSV")]
    pub data: Option<PathBuf>,
    /// Walks over the data
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one::<u32>, conflicts_with = "steps")]
    pub epochs: Option<u32>,
    /// Steps, instead of epochs
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one::<u64>)]
    pub steps: Option<u64>,
    /// The learning rate
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, value_parser = rate)]
    pub lr: Option<Number>,
    /// Samples a step
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one::<u32>)]
    pub batch: Option<u32>,
    /// What the first weights and the shuffles come from
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The share of the rows to hold out, from 0 to below 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub split: Option<f64>,
    /// Hold out the rows with this value in a column
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pick, conflicts_with = "split")]
    pub hold_out: Option<Pick>,
    /// Layers and params to leave alone: fc1,fc2.bias; `weights` leaves only biases to train
    #[arg(long, value_name = "NAMES")]
    pub freeze: Option<String>,
    /// End early after so many epochs without a smaller loss, held-out if rows are held out
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true, value_parser = from_one::<u32>)]
    pub patience: Option<u32>,
    /// Which params to end with: those of the last step or of the epoch with the least loss
    #[arg(long, value_enum, value_name = "WHICH")]
    pub keep: Option<Kept>,
    /// Write the weights to this safetensors file
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Write all that is needed to go on later to this file
    #[arg(long, value_name = "FILE")]
    pub save_state: Option<PathBuf>,
    /// Have the board keep what it learned in its flash after every STEPS steps, and at the end; the more,
    /// the longer its flash lasts
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true, value_parser = from_one::<u32>)]
    pub keep_every: Option<u32>,
    /// Go on from a file of --save-state; epochs and steps count from the beginning of that run
    #[arg(long, value_name = "FILE", conflicts_with = "load")]
    pub resume: Option<PathBuf>,
    /// Start from the weights of this safetensors file
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Plot loss and accuracy over the steps: .svg or .png
    #[arg(long, value_name = "FILE")]
    pub plot: Option<Sheet>,
    /// Where it runs.
    #[command(flatten)]
    pub at: Where,
}

impl Train {
    /// Puts what the options say over what the text says.
    pub fn settle<T: Readable>(&self, training: &mut Training<T>) {
        if let Some(data) = &self.data {
            training.data = Some(data.clone());
        }
        if let Some(epochs) = self.epochs {
            (training.epochs, training.steps) = (epochs, None);
        }
        training.steps = self.steps.or(training.steps);
        if let Some(lr) = &self.lr {
            training.optimiser.rate = lr.read();
        }
        training.batch = self.batch.unwrap_or(training.batch);
        training.patience = self.patience.or(training.patience);
        training.keep = match self.keep {
            Some(Kept::Best) => Keep::Best,
            Some(Kept::Last) => Keep::Last,
            None => training.keep,
        };
        training.seed = self.seed.unwrap_or(training.seed);
        training.keep_every = self.keep_every;
        hold_out(&mut training.split, self.split, self.hold_out.as_ref());
    }
}

/// `chainrule monitor`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  chainrule monitor digits.circuit
  chainrule monitor digits.circuit --steps 2000 --on mps2-an386
  chainrule monitor digits.circuit --json | jq .gradient_norms

It trains as `train` does, to the same bits. On a terminal it draws; keys: q, Esc or Ctrl-C end the
training here (what --save and --save-state name is written), and so do SIGTERM and SIGHUP; p pauses and
goes on, s saves to --save, Tab and arrows show other plots. Elsewhere it prints a line a round, with
--json one of JSON:
  step, of, epoch
  loss, accuracy            of this round's samples, each before its step
  held_loss, held_accuracy  of the held-out rows, in rounds by which twice as many rows were trained on
  steps_per_second          without the time that looking takes
  gradient_norms            by param: the norm of (before - after) / (sum of the rates), the round's
                            mean gradient; plain sgd only
  update_norms              otherwise: the norm of (before - after) / steps
  ram                       bytes by region
  stack, free               of a board: the deepest stack, and bytes that nothing has used
  link                      requests, those asked again, and damaged answers
What is not known is null; norms are while reading the params takes over a quarter of the time, and over
a second. The last line is that of `train --json`.")]
pub struct Monitor {
    /// How it trains.
    #[command(flatten)]
    pub train: Train,
    /// Steps in a round [default: a fiftieth of all]
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true, value_parser = from_one::<u64>)]
    pub every: Option<u64>,
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| "expected a share from 0 to below 1, such as 0.2".into())
}
