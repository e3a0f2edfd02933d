//! How far something is, on standard error, if that is a terminal and it takes more than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::Stage;

/// What takes less is not told.
const QUIET: Duration = Duration::from_secs(1);
/// The bar's whole length.
const WHOLE: u64 = 1000;

/// A line that tells how far something is; it vanishes when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    since: Instant,
    shown: bool,
}

impl Progress {
    /// Nothing to see yet.
    pub fn new() -> Progress {
        let bar = ProgressBar::with_draw_target(Some(WHOLE), ProgressDrawTarget::hidden());
        Progress { bar, since: Instant::now(), shown: false }
    }

    /// Says what is under way, and the share of it that is done if that is known.
    pub fn tell(&mut self, what: &str, share: Option<f64>) {
        if !self.shown {
            if self.since.elapsed() < QUIET {
                return;
            }
            // Draws nothing when standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
        }
        let style = if share.is_some() { "{wide_bar} {msg} {elapsed}" } else { "{spinner} {wide_msg} {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.bar.set_style(style);
        }
        self.bar.set_position((share.unwrap_or(0.0).clamp(0.0, 1.0) * WHOLE as f64) as u64);
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }

    /// Says what is under way while an engine opens.
    pub fn stage(&mut self, stage: Stage<'_>) {
        match stage {
            Stage::Building(line) => self.tell(&format!("building the firmware: {line}"), None),
            Stage::Starting(board) => self.tell(&format!("starting {board}"), None),
            Stage::Sending(share) => self.tell("sending the circuit", Some(share)),
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Progress::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
