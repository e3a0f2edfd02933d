//! What a person sees while a training runs: a bar on a terminal, some plain lines elsewhere, all
//! on standard error.

use super::{Event, Seen};
use crate::engine::Stage;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};

/// Lines for epochs that a training without a terminal prints, about.
const LINES: u32 = 20;

/// Shows a training's events.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    has_classes: bool,
    /// What was said last without a terminal.
    said: String,
    epochs: u32,
}

impl Progress {
    /// Shows on standard error; accuracy only if there are classes.
    pub fn new(has_classes: bool) -> Progress {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
            bar
        });
        Progress { bar, has_classes, said: String::new(), epochs: 1 }
    }

    /// Takes the next event.
    pub fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Opening(Stage::Building(line)) => self.stage("building the image", line),
            Event::Opening(Stage::Starting(board)) => self.stage("starting", board),
            Event::Opening(Stage::Sending(share)) => self.stage("sending the circuit", &percent(share)),
            Event::Sending(share) => self.stage("sending the samples", &percent(share)),
            Event::Begins { samples, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_length(samples);
                    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
                        bar.set_style(style);
                    }
                }
            }
            Event::Steps { epoch, samples, seen } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(samples);
                    bar.set_message(self.words(epoch, seen));
                }
            }
            Event::Epoch { epoch, of, seen } => {
                let line = |epoch: u32| u64::from(epoch) * u64::from(LINES) / u64::from(of.max(1));
                self.epochs = of;
                if self.bar.is_none() && (of <= LINES || line(epoch) != line(epoch - 1)) {
                    self.print(&self.words(epoch, seen));
                }
            }
            Event::Measuring => {}
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn words(&self, epoch: u32, seen: Seen) -> String {
        let accuracy = if self.has_classes { format!("  accuracy {:.4}", seen.accuracy()) } else { String::new() };
        format!("epoch {epoch}  loss {:.4}{accuracy}", seen.loss())
    }

    fn stage(&mut self, what: &str, more: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{what} {more}")),
            None if self.said != what => {
                self.print(&format!("{what} …"));
                what.clone_into(&mut self.said);
            }
            None => {}
        }
    }

    /// A closed standard error is no reason to stop a training.
    fn print(&self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
