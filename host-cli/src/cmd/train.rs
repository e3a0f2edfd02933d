//! `train`: the params of a circuit, trained on data and kept in a file.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use super::curve::{self, Course};
use super::figures::{self, short};
use super::json::{self, Number};
use super::paper;
use super::progress::Progress;
use super::{Failure, Outcome};
use crate::args::{On, Train};
use crate::engine::{At, EngineError, Memory};
use crate::lower::optimisers;
use crate::lower::{Lowered, Training, lower};
use crate::text::literal::Readable;
use crate::text::source;
use crate::train::{Event, Now, Seen, State, Trained, Watch, go_on, has_classes};
use crate::weights::{self, Place};

/// Lines for epochs where standard error is no terminal, about.
const LINES: u32 = 20;

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; nothing is saved then.
pub fn run<T: Readable>(asked: &Train, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let run: Run<'_, T> = Run::of(asked)?;
    let mut shown = Shown::new(has_classes(&run.lowered));
    let trained = run.train(asked.at.at(), &mut shown)?;
    drop(shown);
    run.tell(&trained, out)?;
    Ok(Outcome::Done)
}

/// A training as the command line asks for it: looked at, and not begun.
pub struct Run<'a, T> {
    asked: &'a Train,
    /// The circuit.
    pub lowered: Lowered<T>,
    /// How it is trained.
    pub training: Training<T>,
    from: Option<State<T>>,
    /// Where the weights go.
    pub place: Option<Place>,
    state_place: Option<Place>,
}

impl<'a, T: Readable> Run<'a, T> {
    /// Reads the files that are named, and looks at the places for those to write.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn of(asked: &'a Train) -> Result<Run<'a, T>, Failure> {
        let written = source::read(&asked.file)?;
        let mut lowered: Lowered<T> = lower(&written, &[], asked.seed)?;
        let mut training = lowered.training.clone();
        asked.settle(&mut training);
        if let Some(names) = &asked.freeze {
            lowered.freeze_told(names)?;
        }
        if let Some(path) = &asked.load {
            weights::load(path, &mut lowered)?;
        }
        let from = asked.resume.as_deref().map(|path| weights::load_state(path, &lowered)).transpose()?;
        if asked.save.is_some() && asked.save == asked.save_state {
            return Err(Failure::Refused(
                "--save and --save-state name one file; a state holds the weights too".into(),
            ));
        }
        if asked.keep_every.is_some() && !matches!(asked.at.on, On::Board(_)) {
            return Err(Failure::Refused(format!(
                "--keep-every is for boards, and {} has no flash; --save keeps the weights in a file",
                asked.at.on
            )));
        }
        let place = asked.save.as_deref().map(Place::for_weights).transpose()?;
        let state_place = asked.save_state.as_deref().map(Place::for_weights).transpose()?;
        asked.plot.as_ref().map_or(Ok(()), paper::ready)?;
        Ok(Run { asked, lowered, training, from, place, state_place })
    }

    /// Trains, and writes the files that are asked for.
    ///
    /// # Errors
    /// [`Failure`]; nothing is saved then.
    pub fn train(&self, at: At<'_>, watch: &mut dyn Watch<T>) -> Result<Trained<T>, Failure> {
        let course = Course::new(self.training.batch, has_classes(&self.lowered));
        let mut plotted = Plotted { course, watch };
        let (trained, state) = go_on(&self.lowered, &self.training, self.from.as_ref(), at, &mut plotted)?;
        if let Some(place) = &self.place {
            weights::save(place, &self.lowered, &trained.params, trained.params_hash)?;
        }
        if let Some(place) = &self.state_place {
            weights::save_state(place, &self.lowered, &state)?;
        }
        if let Some(sheet) = &self.asked.plot {
            curve::put(sheet, &plotted.course.chart(title(&trained)))?;
        }
        Ok(trained)
    }

    /// Says what came of it.
    ///
    /// # Errors
    /// What the output says.
    pub fn tell(&self, trained: &Trained<T>, out: &mut dyn Write) -> io::Result<()> {
        if self.asked.at.json {
            return json::line(out, &Told::of(trained));
        }
        summary(out, trained, self.training.batch)?;
        if let Some(path) = &self.asked.save {
            writeln!(out, "saved to {}", path.display())?;
        }
        if let Some(path) = &self.asked.save_state {
            writeln!(out, "state saved to {}", path.display())?;
        }
        Ok(())
    }
}

/// Watches for the sake of the plot, and for another.
struct Plotted<'w, T> {
    course: Course,
    watch: &'w mut dyn Watch<T>,
}

impl<T> Watch<T> for Plotted<'_, T> {
    fn see(&mut self, event: Event<'_>) {
        self.course.see(&event);
        self.watch.see(event);
    }

    fn pace(&self, steps: u64) -> u64 {
        self.watch.pace(steps)
    }

    fn look(&mut self, now: Now<'_, T>) -> Result<ControlFlow<()>, EngineError> {
        self.watch.look(now)
    }
}

/// The line of JSON.
#[derive(Serialize)]
struct Told {
    epochs: u32,
    steps: u64,
    loss: Option<Number<f64>>,
    accuracy: Option<Number<f64>>,
    params_hash: String,
    optimizer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_decay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clip: Option<String>,
    schedule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    warmup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<u32>,
    ended_early: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flash: Option<InFlash>,
}

/// What the board keeps.
#[derive(Serialize)]
pub(super) struct InFlash {
    steps: u32,
    saves: u32,
    wear: u32,
}

impl Told {
    fn of<T: Readable>(trained: &Trained<T>) -> Told {
        let mut extras = optimisers::extras(&trained.optimiser);
        let mut extra = |key: &str| extras.iter().position(|(own, _)| *own == key).map(|at| extras.remove(at).1);
        Told {
            epochs: trained.epochs,
            steps: trained.steps,
            loss: trained.loss().map(Number),
            accuracy: trained.accuracy().map(Number),
            params_hash: format!("{:016x}", trained.params_hash),
            optimizer: optimisers::written(&trained.optimiser),
            weight_decay: extra("weight_decay"),
            clip: extra("clip"),
            schedule: extra("schedule").unwrap_or_else(|| "constant".to_owned()),
            warmup: extra("warmup"),
            kept: trained.kept,
            ended_early: trained.ended_early,
            in_flash: trained.memory.and_then(InFlash::of),
        }
    }
}

impl InFlash {
    pub(super) fn of(memory: Memory) -> Option<InFlash> {
        memory.kept.map(|kept| InFlash { steps: kept.steps, saves: kept.counter, wear: kept.wear })
    }

    pub(super) fn words(&self) -> String {
        let InFlash { steps, saves, wear } = *self;
        format!("in the board's flash: {steps} steps, saved {saves} times, erased {wear} times at most")
    }
}

/// What stands above the curves: how it ended.
fn title<T>(trained: &Trained<T>) -> String {
    let end = match (trained.kept, trained.ended_early) {
        (Some(epoch), true) => format!("by the params of epoch {epoch}, after an early end"),
        (Some(epoch), false) => format!("by the params of epoch {epoch}"),
        (None, true) => "at an early end".to_owned(),
        (None, false) => "at the end".to_owned(),
    };
    match (trained.loss(), trained.accuracy()) {
        (Some(loss), Some(accuracy)) => format!("held out {end}: loss {loss:.4}, accuracy {accuracy:.4}"),
        (Some(loss), None) => format!("held out {end}: loss {loss:.4}"),
        (None, _) => String::new(),
    }
}

/// What a person wants to know at the end.
fn summary<T: Readable>(out: &mut dyn Write, trained: &Trained<T>, batch: u32) -> io::Result<()> {
    let Trained { epochs, steps, rows, .. } = *trained;
    let counted = |n: u64, noun: &str| figures::counted(usize::try_from(n).unwrap_or(usize::MAX), noun);
    let epochs = counted(u64::from(epochs), "epoch");
    let (steps, of) = (counted(steps, "step"), counted(u64::from(batch), "row"));
    writeln!(out, "trained on {}: {epochs}, {steps} of {of} each", figures::counted(rows, "row"))?;
    let extras = optimisers::extras(&trained.optimiser);
    let extras: String = extras.iter().map(|(key, value)| format!(", {key} = {value}")).collect();
    if trained.stopped {
        writeln!(out, "stopped by the one who watched")?;
    }
    if trained.ended_early {
        writeln!(out, "ended early: no smaller loss within the patience")?;
    }
    if let Some(epoch) = trained.kept {
        writeln!(out, "kept the params of epoch {epoch}, the best")?;
    }
    match trained.held {
        None => {
            writeln!(out, "in the last epoch: {}", words(trained.last, trained.has_classes))?;
            writeln!(out, "nothing was held out to measure on; `--split 0.2` holds out a fifth")?;
        }
        Some(held) => {
            write!(out, "on {} held-out rows: {}", held.samples, words(held, trained.has_classes))?;
            let right = if trained.has_classes { format!(" ({} right)", held.correct) } else { String::new() };
            writeln!(out, "{right}")?;
        }
    }
    writeln!(out, "steps by {}{extras}", optimisers::written(&trained.optimiser))?;
    if let Some(kept) = trained.memory.and_then(InFlash::of) {
        writeln!(out, "{}", kept.words())?;
    }
    writeln!(out, "hash of the params: {:016x}", trained.params_hash)
}

fn words(seen: Seen, has_classes: bool) -> String {
    let accuracy = if has_classes { format!(", accuracy {:.4}", seen.accuracy()) } else { String::new() };
    format!("loss {}{accuracy}", short(seen.loss()))
}

/// Shows a training's events on standard error: a bar on a terminal, some lines elsewhere.
#[derive(Debug)]
struct Shown {
    bar: Progress,
    is_terminal: bool,
    has_classes: bool,
    /// Samples in all epochs.
    samples: u64,
}

impl<T> Watch<T> for Shown {
    fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Opening(stage) => self.bar.stage(stage),
            Event::Sending(share) => self.bar.tell("sending the samples", Some(share)),
            Event::Begins { samples, .. } => self.samples = samples.max(1),
            Event::Steps { epoch, samples, seen } => {
                self.bar.tell(&self.words(epoch, seen), Some(samples as f64 / self.samples as f64));
            }
            Event::Epoch { epoch, of, seen } => {
                let line = |epoch: u32| u64::from(epoch) * u64::from(LINES) / u64::from(of.max(1));
                if !self.is_terminal && (of <= LINES || line(epoch) != line(epoch - 1)) {
                    // A closed standard error is no reason to stop a training.
                    let _ = writeln!(io::stderr(), "{}", self.words(epoch, seen));
                }
            }
            Event::Measuring => self.bar.tell("measuring on the held-out rows", None),
        }
    }
}

impl Shown {
    fn new(has_classes: bool) -> Shown {
        Shown { bar: Progress::new(), is_terminal: io::stderr().is_terminal(), has_classes, samples: 1 }
    }

    fn words(&self, epoch: u32, seen: Seen) -> String {
        format!("epoch {epoch}: {}", words(seen, self.has_classes))
    }
}
