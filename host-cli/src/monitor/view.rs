//! The view: a training as a picture in the terminal.
//!
//! What is measured while training is a line, what is measured on held-out rows are points, so that
//! they can be told apart without colours; the colours are taken near Okabe and Ito's set for
//! colour-blind readers, from the 256 that terminals know.

use chainrule::Bytes;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, LegendPosition, Paragraph};

use super::rounds::Round;
use crate::cmd::figures::{count, short};
use crate::train::Seen;

/// Training.
const TRAINING: Color = Color::Indexed(214);
/// Held out.
const HELD: Color = Color::Indexed(75);
/// Params, one after the other.
const LINES: [Color; 6] = [TRAINING, HELD, Color::Indexed(36), Color::Indexed(175), Color::Indexed(166), Color::White];
/// Of the log, so many lines are kept.
const LOG: usize = 200;
/// So many rounds are drawn.
const ROUNDS: usize = 2000;
/// Columns of the figures beside the plots.
const BESIDE: u16 = 40;

/// How a training is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Steps are made.
    Running,
    /// It waits for a key.
    Paused,
    /// It is over.
    Over,
}

/// What is plotted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plot {
    /// Loss above accuracy.
    Both,
    /// Loss alone.
    Loss,
    /// Accuracy alone.
    Accuracy,
    /// Norms by param.
    Norms,
}

impl Plot {
    /// The one after it.
    pub fn next(self) -> Plot {
        match self {
            Plot::Both => Plot::Loss,
            Plot::Loss => Plot::Accuracy,
            Plot::Accuracy => Plot::Norms,
            Plot::Norms => Plot::Both,
        }
    }

    /// The one before it.
    pub fn back(self) -> Plot {
        self.next().next().next()
    }
}

/// All that the picture shows.
#[derive(Clone, Debug)]
pub struct View {
    /// What is trained, and where.
    pub title: String,
    /// Whether there is an accuracy.
    pub has_classes: bool,
    /// What norms are norms of: gradient or update.
    pub norm: &'static str,
    /// The params that they are told of.
    pub names: Vec<String>,
    /// RAM by region.
    pub ram: Bytes,
    /// The rounds so far.
    pub rounds: Vec<Round>,
    /// Steps so far, of how many, and the epoch, between rounds too.
    pub at: (u64, u64, u32),
    /// How it is.
    pub state: State,
    /// What is plotted.
    pub plot: Plot,
    /// What there is to say, such as that weights were saved.
    pub note: String,
    /// The board's log.
    pub log: Vec<String>,
}

impl View {
    /// Takes one more round; when there are too many, two become one.
    pub fn see(&mut self, round: Round) {
        self.rounds.push(round);
        if self.rounds.len() > ROUNDS {
            let mut old = std::mem::take(&mut self.rounds).into_iter();
            while let Some(round) = old.next() {
                self.rounds.push(match old.next() {
                    Some(next) => round.with(next),
                    None => round,
                });
            }
        }
    }

    /// Takes more lines of the log.
    pub fn hear(&mut self, lines: impl IntoIterator<Item = String>) {
        self.log.extend(lines);
        self.log.drain(..self.log.len().saturating_sub(LOG));
    }

    /// Draws.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let log = if self.log.is_empty() { 0 } else { (self.log.len() as u16 + 2).min(frame.area().height / 4).max(3) };
        let [head, middle, bottom, foot] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Min(0),
            Constraint::Length(log),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(Paragraph::new(self.head()), head);
        let beside = if middle.width >= 2 * BESIDE { BESIDE } else { 0 };
        let [plots, beside] = Layout::horizontal([Constraint::Min(0), Constraint::Length(beside)]).areas(middle);
        self.plots(frame, plots);
        self.beside(frame, beside);
        if log > 0 {
            let lines = self.log.len().saturating_sub(usize::from(log) - 2);
            let lines: Vec<Line<'_>> = self.log.iter().skip(lines).map(|line| Line::raw(line.as_str())).collect();
            frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" log ")), bottom);
        }
        let keys = if self.state == State::Over {
            "q leaves  Tab other plot"
        } else {
            "q ends  p pauses  s saves  Tab other plot"
        };
        frame.render_widget(
            Paragraph::new(Line::from(vec![Span::raw(keys).dim(), Span::raw("  "), Span::raw(self.note.as_str())])),
            foot,
        );
    }

    fn head(&self) -> Vec<Line<'_>> {
        let (steps, of, epoch) = self.at;
        let state = match self.state {
            State::Running => Span::raw("running"),
            State::Paused => Span::raw("paused").reversed(),
            State::Over => Span::raw("over").reversed(),
        };
        let figure = |n: u64| count(usize::try_from(n).unwrap_or(usize::MAX));
        let speed = self.rounds.iter().rev().find_map(|round| round.speed);
        let speed = speed.map_or(String::new(), |speed| format!(" · {} steps/s", count(speed.round() as usize)));
        let at = format!(" · step {} of {} · epoch {epoch}{speed}", figure(steps), figure(of));
        let mut words = vec![];
        if let Some(seen) = self.rounds.iter().rev().map(|round| round.seen).find(|seen| seen.samples > 0) {
            words.push(Span::styled("training ", Style::new().fg(TRAINING)));
            words.push(Span::raw(self.words(seen)));
        }
        if let Some(seen) = self.rounds.iter().rev().find_map(|round| round.held) {
            words.push(Span::styled("  held out ", Style::new().fg(HELD)));
            words.push(Span::raw(self.words(seen)));
        }
        vec![
            Line::from(vec![Span::raw(self.title.as_str()).bold(), Span::raw(" · "), state, Span::raw(at)]),
            Line::from(words),
        ]
    }

    fn words(&self, seen: Seen) -> String {
        if self.has_classes {
            format!("loss {}, accuracy {:.4}", short(seen.loss()), seen.accuracy())
        } else {
            format!("loss {}", short(seen.loss()))
        }
    }

    fn plots(&self, frame: &mut Frame<'_>, area: Rect) {
        let plot = if self.has_classes { self.plot } else { self.plot.without_classes() };
        match plot {
            Plot::Both => {
                let [above, below] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
                self.curves(frame, above, "loss", Seen::loss, None);
                self.curves(frame, below, "accuracy", Seen::accuracy, Some([0.0, 1.0]));
            }
            Plot::Loss => self.curves(frame, area, "loss", Seen::loss, None),
            Plot::Accuracy => self.curves(frame, area, "accuracy", Seen::accuracy, Some([0.0, 1.0])),
            Plot::Norms => self.norm_curves(frame, area),
        }
    }

    fn curves(&self, frame: &mut Frame<'_>, area: Rect, name: &str, of: fn(&Seen) -> f64, range: Option<[f64; 2]>) {
        let finite = |(_, y): &(f64, f64)| y.is_finite();
        let training = self.rounds.iter().filter(|round| round.seen.samples > 0);
        let training: Vec<_> = training.map(|round| (round.steps as f64, of(&round.seen))).filter(finite).collect();
        let held = self.rounds.iter().filter_map(|round| Some((round.steps as f64, of(&round.held?))));
        let held: Vec<_> = held.filter(finite).collect();
        let line = Dataset::default()
            .name("training")
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(TRAINING))
            .data(&training);
        let points = Dataset::default()
            .name("• held out")
            .marker(Marker::Dot)
            .graph_type(GraphType::Scatter)
            .style(Style::new().fg(HELD))
            .data(&held);
        let range = range.unwrap_or_else(|| bounds(training.iter().chain(&held).map(|point| point.1)));
        let sets = if held.is_empty() { vec![line] } else { vec![line, points] };
        self.chart(frame, area, name.to_owned(), sets, range);
    }

    fn norm_curves(&self, frame: &mut Frame<'_>, area: Rect) {
        let curve = |at: usize| -> Vec<(f64, f64)> {
            let points =
                self.rounds.iter().filter_map(|round| Some((round.steps as f64, *round.norms.as_ref()?.get(at)?)));
            points.filter(|(_, y)| y.is_finite()).collect()
        };
        let curves: Vec<Vec<(f64, f64)>> = (0..self.names.len()).map(curve).collect();
        let sets = self.names.iter().zip(&curves).zip(LINES.iter().cycle()).map(|((name, points), color)| {
            Dataset::default()
                .name(name.as_str())
                .marker(Marker::Braille)
                .graph_type(GraphType::Line)
                .style(Style::new().fg(*color))
                .data(points)
        });
        let range = bounds(curves.iter().flatten().map(|point| point.1));
        self.chart(frame, area, self.norms_are(), sets.collect(), range);
    }

    fn chart(&self, frame: &mut Frame<'_>, area: Rect, name: String, sets: Vec<Dataset<'_>>, range: [f64; 2]) {
        let (from, to) = (self.rounds.first().map_or(0, |round| round.steps), self.at.1.max(1));
        let chart = Chart::new(sets)
            .block(Block::bordered().title(format!(" {name} ")))
            .legend_position(Some(LegendPosition::TopRight))
            .hidden_legend_constraints((Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)))
            .x_axis(Axis::default().bounds([from as f64, to as f64]).labels([from, to].map(|n| count(n as usize))))
            .y_axis(Axis::default().bounds(range).labels(range.map(|y| tick(y, range[1]))));
        frame.render_widget(chart, area);
    }

    /// `gradient norm`
    fn norms_are(&self) -> String {
        match self.norm {
            "gradient" => "gradient norm, mean over the round".to_owned(),
            other => format!("{other} norm, a step"),
        }
    }

    fn beside(&self, frame: &mut Frame<'_>, area: Rect) {
        let figures = 12;
        let [norms, rest] = Layout::vertical([Constraint::Min(0), Constraint::Length(figures)]).areas(area);
        let block = Block::bordered().title(format!(" {} ", self.norms_are()));
        frame.render_widget(Paragraph::new(self.bars(norms.width.saturating_sub(2))).block(block), norms);
        frame.render_widget(Paragraph::new(self.figures()).block(Block::bordered().title(" memory and link ")), rest);
    }

    /// A bar for each param, the longest for the greatest norm.
    fn bars(&self, width: u16) -> Vec<Line<'_>> {
        let Some(norms) = self.rounds.iter().rev().find_map(|round| round.norms.as_ref()) else {
            return vec![Line::raw("after the first round").dim()];
        };
        let most = norms.iter().copied().filter(|norm| norm.is_finite()).fold(0.0, f64::max);
        let names = self.names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(16);
        let room = usize::from(width).saturating_sub(names + 12);
        let bar =
            |norm: f64| if most > 0.0 && norm.is_finite() { (norm / most * room as f64).round() as usize } else { 0 };
        let line = |(name, &norm): (&String, &f64)| {
            let name: String = name.chars().take(names).collect();
            Line::from(vec![
                Span::raw(format!("{name:names$} {norm:>10.3e} ")),
                Span::styled("■".repeat(bar(norm)), Style::new().fg(TRAINING)),
            ])
        };
        self.names.iter().zip(norms).map(line).collect()
    }

    fn figures(&self) -> Vec<Line<'_>> {
        let row = |name: &str, figure: String| Line::raw(format!("{name:22}{figure:>14}"));
        let ram = self.ram;
        let bytes = |n: usize| format!("{} B", count(n));
        let mut rows = vec![
            row("gates", bytes(ram.gates)),
            row("params", bytes(ram.params)),
            row("values, gradients", bytes(ram.values + ram.gradients)),
            row("optimiser", bytes(ram.optimiser)),
            row("all of these", bytes(ram.ram())),
        ];
        let last = self.rounds.last();
        let vitals = last.and_then(|round| round.vitals).unwrap_or_default();
        let told = |n: Option<u32>| n.map_or_else(|| "-".to_owned(), |n| bytes(n as usize));
        rows.push(row("deepest stack", told(vitals.stack)));
        rows.push(row("never used", told(vitals.free)));
        let traffic = last.and_then(|round| round.traffic);
        let told =
            |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| count(usize::try_from(n).unwrap_or(usize::MAX)));
        rows.push(row("requests", told(traffic.map(|traffic| traffic.requests))));
        rows.push(row("  asked again", told(traffic.map(|traffic| traffic.again))));
        rows.push(row("  answers damaged", told(traffic.map(|traffic| traffic.damaged))));
        rows
    }
}

impl Plot {
    fn without_classes(self) -> Plot {
        match self {
            Plot::Both | Plot::Loss | Plot::Accuracy => Plot::Loss,
            Plot::Norms => Plot::Norms,
        }
    }
}

/// A number at an axis that goes so far.
fn tick(y: f64, most: f64) -> String {
    if y == 0.0 || (0.1..1000.0).contains(&most) { format!("{y:.2}") } else { format!("{y:.1e}") }
}

/// From the least to the greatest, at least from 0 if none is below it.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (least, most) = values.fold((0.0f64, 0.0f64), |(least, most), y| (least.min(y), most.max(y)));
    if most > least { [least, most] } else { [least, least + 1.0] }
}

#[cfg(test)]
mod tests;
