//! `monitor`: a training, watched while it runs.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use chainrule::{Bytes, ParamsHash};
use serde::Serialize;

use super::figures::{count, short};
use super::json::{self, Named, Number, Regions};
use super::progress::Progress;
use super::train::Run;
use super::{Failure, Outcome};
use crate::args::Monitor;
use crate::engine::{At, Engine, EngineError, Lines, LogTo};
use crate::lower::Lowered;
use crate::monitor::view::Plot;
use crate::monitor::{Key, Round, Rounds, Screen, State, View};
use crate::text::literal::Readable;
use crate::train::{Event, Now, Seen, Watch, has_classes};
use crate::weights::{self, Place};

/// The picture is drawn anew, and keys are heard, after so long at the earliest.
const FRAME: Duration = Duration::from_millis(40);
/// A round of the picture takes no longer.
const ROUND: Duration = Duration::from_secs(1);

/// Runs the verb.
///
/// # Errors
/// [`Failure`]; the terminal is as it was then.
pub fn run<T: Readable>(asked: &Monitor, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let run: Run<'_, T> = Run::of(&asked.train)?;
    let way = run.training.optimiser.purpose(1);
    let live = !asked.train.at.json && io::stdout().is_terminal() && io::stdin().is_terminal();
    let rounds = Rounds::new(&run.lowered, asked.every, live.then_some(ROUND), way);
    let lines = Lines::default();
    let at = asked.train.at.at();
    let log = if live && !["host", "loopback"].contains(&at.on) { LogTo::Behind(&lines) } else { at.log };
    let names = rounds.names();
    let has_classes = has_classes(&run.lowered);
    let file = Path::new(&asked.train.file).file_name().unwrap_or_default().to_string_lossy();
    let face = if live {
        let view = View {
            title: format!("{file} on {}", at.on),
            has_classes,
            norm: rounds.norm(),
            names,
            ram: Bytes::default(),
            rounds: Vec::new(),
            at: (0, 0, 1),
            state: State::Running,
            plot: Plot::Both,
            note: String::new(),
            log: Vec::new(),
        };
        Face::Live(Box::new(Live { view, screen: None, lines: &lines, drawn: Instant::now() }))
    } else {
        let words = Words { json: asked.train.at.json, names, ram: Bytes::default(), norm: rounds.norm(), has_classes };
        Face::Plain(Plain { out: &mut *out, words })
    };
    let bar = Some(Progress::new());
    let mut watching = Watching { lowered: &run.lowered, place: run.place.as_ref(), rounds, face, bar, failed: None };
    let trained = run.train(At { log, ..at }, &mut watching);
    if let Some(failure) = watching.failed.take() {
        return Err(failure);
    }
    let trained = trained?;
    if let Face::Live(live) = &mut watching.face {
        live.stay(&trained.held, trained.stopped)?;
    }
    // Gives the terminal back.
    drop(watching);
    run.tell(&trained, out)?;
    Ok(Outcome::Done)
}

/// Watches a training, measures it and shows it.
struct Watching<'w, T> {
    lowered: &'w Lowered<T>,
    place: Option<&'w Place>,
    rounds: Rounds<'w, T>,
    face: Face<'w>,
    /// How far what comes before the first step is.
    bar: Option<Progress>,
    /// What went wrong here and not on the engine.
    failed: Option<Failure>,
}

impl<T: Readable> Watching<'_, T> {
    /// Asks once how many bytes of RAM the training takes.
    fn measure(&mut self, engine: &dyn Engine<T>) -> Result<(), EngineError> {
        let ram = match &mut self.face {
            Face::Live(live) => &mut live.view.ram,
            Face::Plain(plain) => &mut plain.words.ram,
        };
        if *ram == Bytes::default() {
            *ram = engine.layout()?.bytes(&self.lowered.view(), T::BYTES);
        }
        Ok(())
    }
}

/// How a training is shown.
enum Face<'w> {
    /// As a picture.
    Live(Box<Live<'w>>),
    /// Line by line.
    Plain(Plain<'w>),
}

impl<T: Readable> Watch<T> for Watching<'_, T> {
    fn see(&mut self, event: Event<'_>) {
        let Some(bar) = &mut self.bar else { return };
        match event {
            Event::Opening(stage) => bar.stage(stage),
            Event::Sending(share) => bar.tell("sending the samples", Some(share)),
            _ => self.bar = None,
        }
    }

    fn pace(&self, steps: u64) -> u64 {
        self.rounds.every(steps)
    }

    fn look(&mut self, mut now: Now<'_, T>) -> Result<ControlFlow<()>, EngineError> {
        self.measure(now.engine)?;
        let round = self.rounds.look(&mut now)?;
        let shown = match &mut self.face {
            Face::Plain(plain) => round.map_or(Ok(()), |round| plain.tell(&round)).map(|()| ControlFlow::Continue(())),
            Face::Live(live) => {
                live.view.at = (now.steps, now.of, now.epoch);
                round.into_iter().for_each(|round| live.view.see(round));
                let (lowered, place) = (self.lowered, self.place);
                live.attend(&mut || save(lowered, place, now.engine))
            }
        };
        self.rounds.go_on();
        Ok(shown.unwrap_or_else(|error| {
            self.failed = Some(error.into());
            ControlFlow::Break(())
        }))
    }
}

/// Saves the weights as they are; says what came of it.
fn save<T: Readable>(lowered: &Lowered<T>, place: Option<&Place>, engine: &mut dyn Engine<T>) -> String {
    let Some(place) = place else { return "nowhere to save: start with --save FILE".to_owned() };
    let read = lowered.params.iter().map(|param| engine.value(param.wire)).collect::<Result<Vec<_>, _>>();
    let params = match read {
        Ok(params) => params,
        Err(error) => return format!("not saved: {error}"),
    };
    let mut hash = ParamsHash::new();
    params.iter().for_each(|values| hash.add(values));
    match weights::save(place, lowered, &params, hash.finish()) {
        Ok(()) => "weights saved".to_owned(),
        Err(error) => format!("not saved: {error}"),
    }
}

/// The picture, once the training begins; before that, the terminal is left alone.
struct Live<'w> {
    view: View,
    screen: Option<Screen>,
    lines: &'w Lines,
    drawn: Instant,
}

impl Live<'_> {
    /// Draws and hears keys, if it is time; stays here while the training is paused.
    fn attend(&mut self, save: &mut dyn FnMut() -> String) -> io::Result<ControlFlow<()>> {
        if self.screen.is_none() {
            self.screen = Some(Screen::open()?);
        } else if self.drawn.elapsed() < FRAME {
            return Ok(ControlFlow::Continue(()));
        }
        loop {
            self.draw()?;
            let within = if self.view.state == State::Paused { Duration::from_secs(3600) } else { Duration::ZERO };
            match self.key(within)? {
                Some(Key::Quit) => return Ok(ControlFlow::Break(())),
                Some(Key::Save) => self.view.note = format!("{}, step {}", save(), count(self.view.at.0 as usize)),
                Some(_) => {}
                None if self.view.state == State::Paused => {}
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    }

    /// Shows how it ended until a key says that it was seen.
    fn stay(&mut self, held: &Option<Seen>, stopped: bool) -> io::Result<()> {
        if stopped {
            return Ok(());
        }
        self.view.state = State::Over;
        if let Some(last) = self.view.rounds.last_mut() {
            last.held = *held;
        }
        loop {
            self.draw()?;
            if self.key(Duration::from_secs(3600))? == Some(Key::Quit) {
                return Ok(());
            }
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        self.view.hear(self.lines.borrow_mut().drain(..));
        self.drawn = Instant::now();
        self.screen.as_mut().map_or(Ok(()), |screen| screen.draw(&self.view))
    }

    /// A key; those that only change the picture are done with here.
    fn key(&mut self, within: Duration) -> io::Result<Option<Key>> {
        let Some(screen) = &mut self.screen else { return Ok(Some(Key::Quit)) };
        let key = screen.key(within)?;
        match key {
            Some(Key::Next) => self.view.plot = self.view.plot.next(),
            Some(Key::Back) => self.view.plot = self.view.plot.back(),
            Some(Key::Pause) => {
                self.view.state = match self.view.state {
                    State::Running => State::Paused,
                    State::Paused => State::Running,
                    State::Over => State::Over,
                };
            }
            Some(Key::Quit | Key::Save) | None => {}
        }
        Ok(key)
    }
}

/// Lines for people, or for programs.
struct Plain<'w> {
    out: &'w mut dyn Write,
    words: Words,
}

/// What is in them.
struct Words {
    json: bool,
    names: Vec<String>,
    ram: Bytes,
    norm: &'static str,
    has_classes: bool,
}

/// A line of `monitor --json`.
#[derive(Serialize)]
struct Told<'n> {
    step: u64,
    of: u64,
    epoch: u32,
    loss: Option<Number<f64>>,
    accuracy: Option<Number<f64>>,
    held_loss: Option<Number<f64>>,
    held_accuracy: Option<Number<f64>>,
    steps_per_second: Option<Number<f64>>,
    gradient_norms: Option<Named<'n, Number<f64>>>,
    update_norms: Option<Named<'n, Number<f64>>>,
    ram: Regions,
    stack: Option<u32>,
    free: Option<u32>,
    link: Option<Link>,
}

/// The link in it.
#[derive(Serialize)]
struct Link {
    requests: u64,
    again: u64,
    damaged: u64,
}

impl Plain<'_> {
    fn tell(&mut self, round: &Round) -> io::Result<()> {
        if self.words.json {
            json::line(self.out, &self.words.told(round))?;
        } else if round.seen.samples > 0 || round.held.is_some() {
            writeln!(self.out, "{}", self.words.line(round))?;
        }
        // Who reads it live waits for no buffer.
        self.out.flush()
    }
}

impl Words {
    fn told<'n>(&'n self, round: &Round) -> Told<'n> {
        let loss = |seen: Seen| (seen.samples > 0).then(|| Number(seen.loss()));
        let accuracy = |seen: Seen| (seen.samples > 0 && self.has_classes).then(|| Number(seen.accuracy()));
        let norms = |name| {
            let norms = round.norms.as_ref().filter(|_| self.norm == name)?;
            Some(Named(self.names.iter().map(String::as_str).zip(norms.iter().copied().map(Number)).collect()))
        };
        Told {
            step: round.steps,
            of: round.of,
            epoch: round.epoch,
            loss: loss(round.seen),
            accuracy: accuracy(round.seen),
            held_loss: round.held.and_then(loss),
            held_accuracy: round.held.and_then(accuracy),
            steps_per_second: round.speed.map(Number),
            gradient_norms: norms("gradient"),
            update_norms: norms("update"),
            ram: Regions::from(self.ram),
            stack: round.vitals.and_then(|vitals| vitals.stack),
            free: round.vitals.and_then(|vitals| vitals.free),
            link: round.traffic.map(|traffic| Link {
                requests: traffic.requests,
                again: traffic.again,
                damaged: traffic.damaged,
            }),
        }
    }

    fn line(&self, round: &Round) -> String {
        let mut line = format!("step {}", count(round.steps as usize));
        let mut words = |before: &str, seen: Seen| {
            if seen.samples > 0 {
                line += &format!("  {before}loss {}", short(seen.loss()));
                if self.has_classes {
                    line += &format!(" accuracy {:.4}", seen.accuracy());
                }
            }
        };
        words("", round.seen);
        if let Some(held) = round.held {
            words("held out: ", held);
        }
        if let Some(norms) = &round.norms {
            let all = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
            line += &format!("  {} norm {}", self.norm, short(all as f32));
        }
        if let Some(speed) = round.speed {
            line += &format!("  {} steps/s", count(speed.round() as usize));
        }
        if let Some(stack) = round.vitals.and_then(|vitals| vitals.stack) {
            line += &format!("  stack {} B", count(stack as usize));
        }
        if let Some(again) = round.traffic.map(|traffic| traffic.again).filter(|again| *again > 0) {
            line += &format!("  {} asked again", count(again as usize));
        }
        line
    }
}
