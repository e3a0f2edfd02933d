//! `chainrule train`: trains the params of a circuit on data.

use super::curve::{self, Course};
use super::paper;
use crate::args::{ScalarName, Train};
use crate::lower::{Lowered, lower};
use crate::text::literal::Readable;
use crate::text::source;
use crate::train::progress::Progress;
use crate::train::{Trained, has_classes, train};
use crate::weights::{self, Place, WeightsError};
use std::io::{self, IsTerminal};

/// Runs the verb; gives what goes to standard output.
///
/// # Errors
/// The report for standard error.
pub fn run(options: &Train) -> Result<String, String> {
    match options.at.scalar {
        ScalarName::F32 => run_in::<f32>(options),
        ScalarName::F64 => run_in::<f64>(options),
    }
}

fn run_in<T: Readable>(options: &Train) -> Result<String, String> {
    let styled = io::stderr().is_terminal();
    let written = source::read(&options.file).map_err(|error| error.report(styled))?;
    let mut lowered: Lowered<T> = lower(&written, &[], options.seed).map_err(|error| error.report(styled))?;
    let mut training = lowered.training.clone();
    options.settle(&mut training);
    if let Some(path) = &options.load {
        weights::load(path, &mut lowered).map_err(|error| error.report())?;
    }
    let place = options.save.as_deref().map(Place::new).transpose().map_err(|error| error.report())?;
    options.plot.as_ref().map_or(Ok(()), paper::ready).map_err(|error| error.report(styled))?;
    let mut course = Course::new(training.batch, has_classes(&lowered));
    let mut progress = Progress::new(has_classes(&lowered));
    let trained = train(&lowered, &training, &options.at.on.to_string(), &mut |event| {
        course.see(&event);
        progress.see(event);
    });
    progress.end();
    let trained = trained.map_err(|error| match &options.save {
        Some(path) => format!("{}\n  = note: {} was not written", error.report(), path.display()),
        None => error.report(),
    })?;
    if let Some(place) = &place {
        let saved = weights::encode(&lowered, &trained.params, trained.params_hash);
        let path = options.save.clone().unwrap_or_default();
        saved
            .map_err(|kind| WeightsError { path, kind })
            .and_then(|bytes| place.write(&bytes))
            .map_err(|error| error.report())?;
    }
    if let Some(sheet) = &options.plot {
        let chart = course.chart(title(&trained));
        curve::put(sheet, &chart).map_err(|error| error.report(styled))?;
    }
    if options.at.json {
        return Ok(json(&trained));
    }
    let mut told = summary(&trained, training.batch);
    if let Some(path) = &options.save {
        told += &format!("\nsaved to {}", path.display());
    }
    Ok(told)
}

/// What stands above the curves: how it ended.
fn title<T>(trained: &Trained<T>) -> String {
    match (trained.loss(), trained.accuracy()) {
        (Some(loss), Some(accuracy)) => format!("held out at the end: loss {loss:.4}, accuracy {accuracy:.4}"),
        (Some(loss), None) => format!("held out at the end: loss {loss:.4}"),
        (None, _) => String::new(),
    }
}

/// One line of JSON.
pub fn json<T>(trained: &Trained<T>) -> String {
    let number = |number: Option<f64>| match number {
        None => "null".to_owned(),
        Some(x) if x.is_nan() => "\"NaN\"".to_owned(),
        Some(x) if x.is_infinite() => (if x > 0.0 { "\"inf\"" } else { "\"-inf\"" }).to_owned(),
        Some(x) => format!("{x:?}"),
    };
    format!(
        "{{\"epochs\":{},\"steps\":{},\"loss\":{},\"accuracy\":{},\"params_hash\":\"{:016x}\"}}",
        trained.epochs,
        trained.steps,
        number(trained.loss()),
        number(trained.accuracy()),
        trained.params_hash,
    )
}

/// What a person wants to know at the end.
fn summary<T>(trained: &Trained<T>, batch: u32) -> String {
    let Trained { epochs, steps, rows, .. } = trained;
    let counted = |n: u64, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let epochs = counted(u64::from(*epochs), "epoch");
    let of = if batch == 1 { "a row".to_owned() } else { format!("{batch} rows") };
    let mut told = format!("trained: {epochs}, {} of {of} each, on {rows} rows", counted(*steps, "step"));
    match trained.held {
        None => told += "\nheld out: nothing (a `split` or `--split 0.2` holds out rows to measure on)",
        Some(held) => {
            told += &format!("\nheld out: {} rows, mean loss {:.4}", held.samples, held.loss());
            if let Some(accuracy) = trained.accuracy() {
                told += &format!(", accuracy {accuracy:.4} ({} right)", held.correct);
            }
        }
    }
    told + &format!("\nparams: hash {:016x}", trained.params_hash)
}
