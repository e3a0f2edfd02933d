//! The verbs, a file each, and what they share: [`case`] (a circuit with its values), [`figures`]
//! (numbers for people), [`json`] (numbers for programs), [`paper`] and [`curve`] (drawings and charts
//! into files), [`progress`], [`failure`], [`apart`] (no output over what is read).

pub mod adapt;
pub mod apart;
pub mod bench;
pub mod boards;
pub mod case;
pub mod check;
pub mod climb;
pub mod curve;
pub mod doctor;
pub mod draw;
pub mod eval;
pub mod explain;
pub mod export;
pub mod failure;
pub mod figures;
pub mod flash;
pub mod image;
pub mod json;
pub mod monitor;
pub mod paper;
pub mod predict;
pub mod progress;
pub mod pull;
pub mod push;
pub mod size;
pub mod test;
pub mod train;
pub mod trained;

use std::io::Write;

use crate::args::{ScalarName, Verb};

pub use failure::Failure;

/// How a verb ended that did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It did what was asked.
    Done,
    /// It compared, and the comparison failed.
    CheckFailed,
}

/// Runs a verb; its result goes to `out`, progress to standard error.
///
/// # Errors
/// [`Failure`].
pub fn run(verb: &Verb, out: &mut dyn Write) -> Result<Outcome, Failure> {
    match verb {
        Verb::Eval(asked) => match asked.at.scalar {
            ScalarName::F32 => eval::run::<f32>(asked, out),
            ScalarName::F64 => eval::run::<f64>(asked, out),
        },
        Verb::Explain(asked) => match asked.at.scalar {
            ScalarName::F32 => explain::run::<f32>(asked, out),
            ScalarName::F64 => explain::run::<f64>(asked, out),
        },
        Verb::Check(asked) => check::run(asked, out),
        Verb::Climb(asked) => match asked.at.scalar {
            ScalarName::F32 => climb::run::<f32>(asked, out),
            ScalarName::F64 => climb::run::<f64>(asked, out),
        },
        Verb::Train(asked) => match asked.at.scalar {
            ScalarName::F32 => train::run::<f32>(asked, out),
            ScalarName::F64 => train::run::<f64>(asked, out),
        },
        Verb::Monitor(asked) => match asked.train.at.scalar {
            ScalarName::F32 => monitor::run::<f32>(asked, out),
            ScalarName::F64 => monitor::run::<f64>(asked, out),
        },
        Verb::Test(asked) => match asked.at.scalar {
            ScalarName::F32 => test::run::<f32>(asked, out),
            ScalarName::F64 => test::run::<f64>(asked, out),
        },
        Verb::Predict(asked) => match asked.at.scalar {
            ScalarName::F32 => predict::run::<f32>(asked, out),
            ScalarName::F64 => predict::run::<f64>(asked, out),
        },
        Verb::Adapt(asked) => match asked.at.scalar {
            ScalarName::F32 => adapt::run::<f32>(asked, out),
            ScalarName::F64 => adapt::run::<f64>(asked, out),
        },
        Verb::Draw(asked) => match asked.scalar {
            ScalarName::F32 => draw::run::<f32>(asked, out),
            ScalarName::F64 => draw::run::<f64>(asked, out),
        },
        Verb::Size(asked) => size::run(asked, out),
        Verb::Bench(asked) => match asked.at.scalar {
            ScalarName::F32 => bench::run::<f32>(asked, out),
            ScalarName::F64 => bench::run::<f64>(asked, out),
        },
        Verb::Boards(asked) => boards::run(asked, out),
        Verb::Doctor(asked) => doctor::run(asked, out),
        Verb::Image(asked) => image::run(asked, out),
        Verb::Flash(asked) => flash::run(asked, out),
        Verb::Push(asked) => push::run(asked, out),
        Verb::Pull(asked) => pull::run(asked, out),
        Verb::Export(asked) => match asked.scalar {
            ScalarName::F32 => export::run::<f32>(asked, out),
            ScalarName::F64 => export::run::<f64>(asked, out),
        },
    }
}
