//! Curves: what `--plot` draws of a climb and of a training.

use chainrule::Scalar;

use super::{Failure, paper};
use crate::args::Sheet;
use crate::draw::paint::Theme;
use crate::draw::plot::{self, Chart, Line, Panel};
use crate::train::{Event, Seen};

/// Draws a chart onto a sheet.
///
/// # Errors
/// As [`paper::write`].
pub fn put(sheet: &Sheet, chart: &Chart) -> Result<(), Failure> {
    paper::write(sheet, plot::svg(chart, paper::theme(sheet, Theme::Auto))).map(|_| ())
}

/// The objective before the first step and after each.
pub fn climb<T: Scalar>(name: &str, before: T, trace: &[T]) -> Chart {
    let values = std::iter::once(&before).chain(trace);
    let points = values.enumerate().map(|(step, value)| (step as f64, value.to_f64())).collect();
    let line = Line { name: name.to_owned(), points };
    let panel = Panel { name: name.to_owned(), lines: vec![line], range: None };
    Chart { title: String::new(), axis: "step".to_owned(), panels: vec![panel] }
}

/// About so many points show a training; each is a mean over the samples since the one before.
const POINTS: u64 = 100;

/// What is gathered of a training while it runs.
#[derive(Debug)]
pub struct Course {
    batch: u64,
    has_classes: bool,
    /// Samples between two points.
    width: u64,
    /// How many samples there were at the last point, in all epochs and in this one.
    last: (u64, Seen),
    epoch: u32,
    loss: Vec<(f64, f64)>,
    accuracy: Vec<(f64, f64)>,
}

impl Course {
    /// Nothing yet, of a training with so many samples a step.
    pub fn new(batch: u32, has_classes: bool) -> Course {
        let (loss, accuracy) = (Vec::new(), Vec::new());
        let (batch, last) = (u64::from(batch.max(1)), (0, Seen::default()));
        Course { batch, has_classes, width: 1, last, epoch: 0, loss, accuracy }
    }

    /// Takes note of an event.
    pub fn see(&mut self, event: &Event<'_>) {
        match *event {
            Event::Begins { samples, .. } => self.width = (samples / POINTS).max(1),
            Event::Steps { epoch, samples, seen } => {
                if epoch != self.epoch {
                    // What an epoch gave is counted from its own beginning.
                    (self.epoch, self.last.1) = (epoch, Seen::default());
                }
                self.point(samples, seen);
            }
            _ => {}
        }
    }

    fn point(&mut self, samples: u64, seen: Seen) {
        let (before, old) = self.last;
        let new = seen.samples.saturating_sub(old.samples);
        if samples - before < self.width || new == 0 {
            return;
        }
        let step = samples as f64 / self.batch as f64;
        self.loss.push((step, (seen.sum - old.sum) / new as f64));
        self.accuracy.push((step, seen.correct.saturating_sub(old.correct) as f64 / new as f64));
        self.last = (samples, seen);
    }

    /// The chart; `title` stands above it.
    pub fn chart(self, title: String) -> Chart {
        let panel = |name: &str, points, range| {
            let line = Line { name: "training".to_owned(), points };
            Panel { name: name.to_owned(), lines: vec![line], range }
        };
        let mut panels = vec![panel("loss in training", self.loss, None)];
        if self.has_classes {
            panels.push(panel("accuracy in training", self.accuracy, Some((0.0, 1.0))));
        }
        Chart { title, axis: "step".to_owned(), panels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_in_two_epochs_is_one_line() {
        let mut course = Course::new(2, true);
        course.see(&Event::Begins { rows: 400, held: 0, samples: 400 });
        let seen = |samples: u64, sum: f64, correct: u64| Seen { samples, sum, correct };
        // A point needs four samples; the second is the mean over those since the first.
        for (epoch, samples, seen) in [
            (1, 2, seen(2, 9.0, 0)),
            (1, 4, seen(4, 10.0, 1)),
            (1, 8, seen(8, 12.0, 3)),
            (2, 402, seen(2, 0.5, 2)),
            (2, 404, seen(4, 3.0, 3)),
        ] {
            course.see(&Event::Steps { epoch, samples, seen });
        }
        let chart = course.chart(String::new());
        assert_eq!(chart.panels[0].lines[0].points, [(2.0, 2.5), (4.0, 0.5), (201.0, 0.25)]);
        assert_eq!(chart.panels[1].lines[0].points, [(2.0, 0.25), (4.0, 0.5), (201.0, 1.0)]);
    }

    #[test]
    fn a_climb_begins_before_its_first_step() {
        let chart = climb("f", -12.0f32, &[-11.5]);
        assert_eq!(chart.panels[0].lines[0].points, [(0.0, -12.0), (1.0, -11.5)]);
    }
}
