//! Line charts: what happened over the steps of training or climbing.
//!
//! Each measure has a panel of its own over one common axis of steps, since a
//! loss and an accuracy share no scale. Lines are told apart by dashes as well
//! as by colour, and bear their names.

use core::fmt::Write;

use super::letters::{self, Weight};
use super::paint::{self, Palette, Theme};
use super::svg::{escape, open, r};

/// A line of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is, such as `train`.
    pub name: String,
    /// Steps and values, steps ascending; a value that is not finite leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// One measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is measured, such as `loss`.
    pub name: String,
    /// At most three are told apart well.
    pub lines: Vec<Line>,
    /// Lowest and highest value, if they are known beforehand.
    pub range: Option<(f64, f64)>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Above everything; may be empty.
    pub title: String,
    /// What is counted along the bottom, such as `step`.
    pub axis: String,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 22.0;
const BETWEEN: f64 = 46.0;
const SMALL: f64 = 12.5;

/// Round numbers, about `count` of them, from `low` to `high` (Heckbert, "Nice
/// Numbers for Graph Labels", Graphics Gems 1990).
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) || count == 0 {
        return vec![low];
    }
    let raw = span / count as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= raw * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    (0..=(last - first) as usize).map(|k| (first + k as f64) * step).collect()
}

/// The chart as SVG.
pub fn svg(chart: &Chart, theme: Theme) -> String {
    let head = if chart.title.is_empty() { TOP } else { TOP + 30.0 };
    let panels = chart.panels.len().max(1) as f64;
    let height = head + panels * HEIGHT + (panels - 1.0) * BETWEEN + 58.0;
    let rules = format!(
        "{}.line{{fill:none;stroke-width:2;stroke-linejoin:round}}\n.b{{stroke-dasharray:7 4}}\n.c{{stroke-dasharray:2 4}}\n\
         .rule,.axis{{stroke-width:1}}\ntext{{font-size:{SMALL}px}}\n.title{{font-size:16px;font-weight:600}}\n.name{{font-weight:600}}\n",
        letters::font_faces()
    );
    let mut out = open(WIDTH, height, &paint::style(theme, &rules, colours));
    if !chart.title.is_empty() {
        words(&mut out, "title", LEFT, TOP + 8.0, &chart.title, 0.0);
    }
    let steps = bounds(chart.panels.iter().flat_map(|p| &p.lines).flat_map(|l| &l.points).map(|p| p.0));
    let (first, last) = steps.unwrap_or((0.0, 1.0));
    let last = if last > first { last } else { first + 1.0 };
    let x = |step: f64| LEFT + (step - first) / (last - first) * (WIDTH - LEFT - RIGHT);
    for (at, panel) in chart.panels.iter().enumerate() {
        let top = head + at as f64 * (HEIGHT + BETWEEN) + 18.0;
        let foot = at + 1 == chart.panels.len();
        draw(&mut out, panel, top, top + HEIGHT - 18.0, &x);
        let bottom = top + HEIGHT - 18.0;
        for step in ticks(first, last, 8) {
            let _ = writeln!(out, "<path class=\"axis\" d=\"M{0} {1}v5\"/>", r(x(step)), r(bottom));
            words(&mut out, "tick", x(step), bottom + 19.0, &letters::number(step), 0.5);
        }
        if foot {
            words(&mut out, "tick", (LEFT + WIDTH - RIGHT) / 2.0, bottom + 40.0, &chart.axis, 0.5);
        }
    }
    out += "</svg>\n";
    out
}

/// One panel between two heights.
fn draw(out: &mut String, panel: &Panel, top: f64, bottom: f64, x: &impl Fn(f64) -> f64) {
    let values = panel.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    let (low, high) = panel.range.or_else(|| bounds(values)).unwrap_or((0.0, 1.0));
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
    // Whole steps of the axis, so that no line runs along the edge.
    let marks = ticks(low, high, 5);
    let step = if marks.len() > 1 { marks[1] - marks[0] } else { high - low };
    let (low, high) = match panel.range {
        Some(range) => range,
        None => ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step),
    };
    let y = |value: f64| bottom - (value - low) / (high - low) * (bottom - top);
    for mark in ticks(low, high, 5) {
        let _ = writeln!(out, "<path class=\"rule\" d=\"M{} {}H{}\"/>", r(LEFT), r(y(mark)), r(WIDTH - RIGHT));
        words(out, "tick", LEFT - 10.0, y(mark) + 4.5, &letters::number(mark), 1.0);
    }
    let _ = writeln!(out, "<path class=\"axis\" d=\"M{} {}H{}\"/>", r(LEFT), r(bottom), r(WIDTH - RIGHT));
    words(out, "name", LEFT, top - 11.0, &panel.name, 0.0);
    let mut key = WIDTH - RIGHT;
    for (line, class) in panel.lines.iter().zip(["a", "b", "c"].into_iter().cycle()) {
        let data = path(&line.points, x, &y, top, bottom);
        let _ = writeln!(out, "<path class=\"line {class}\" d=\"{data}\"/>");
    }
    if panel.lines.len() > 1 {
        for (at, line) in panel.lines.iter().enumerate().rev() {
            let class = ["a", "b", "c"][at % 3];
            key -= letters::width(&line.name, Weight::Regular, SMALL);
            words(out, "tick", key, top - 11.0, &line.name, 0.0);
            key -= 34.0;
            let _ = writeln!(out, "<path class=\"line {class}\" d=\"M{} {}h28\"/>", r(key), r(top - 15.5));
            key -= 20.0;
        }
    }
}

/// The path of a line; where there are more points than pixels, the lowest and
/// the highest of each pixel.
fn path(points: &[(f64, f64)], x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64, top: f64, bottom: f64) -> String {
    let mut data = String::new();
    let mut pen = false;
    let mut put = |point: (f64, f64)| {
        if point.1.is_finite() {
            let height = y(point.1).clamp(top, bottom);
            let _ = write!(data, "{}{} {}", if pen { "L" } else { "M" }, r(x(point.0)), r(height));
        }
        pen = point.1.is_finite();
    };
    if points.len() as f64 <= 2.0 * WIDTH {
        points.iter().copied().for_each(put);
        return data;
    }
    for group in points.chunk_by(|a, b| x(a.0).floor() == x(b.0).floor()) {
        let finite = || group.iter().filter(|point| point.1.is_finite());
        let least = finite().min_by(|a, b| a.1.total_cmp(&b.1));
        let most = finite().max_by(|a, b| a.1.total_cmp(&b.1));
        match (least, most) {
            (Some(a), Some(b)) if a.0 <= b.0 => [*a, *b].into_iter().for_each(&mut put),
            (Some(a), Some(b)) => [*b, *a].into_iter().for_each(&mut put),
            _ => put(group[0]),
        }
    }
    data
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |so_far, value| {
        let (low, high) = so_far.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// A text that begins `share` of its width before `x`.
fn words(out: &mut String, class: &str, x: f64, y: f64, text: &str, share: f64) {
    let (weight, size) = match class {
        "title" => (Weight::SemiBold, 16.0),
        "name" => (Weight::SemiBold, SMALL),
        _ => (Weight::Regular, SMALL),
    };
    let width = letters::width(text, weight, size);
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" textLength=\"{}\">{}</text>",
        r(x - share * width),
        r(y),
        r(width),
        escape(text)
    );
}

fn colours(p: &Palette) -> String {
    let Palette { paper, rule, faint, ink, second, gradient, value, .. } = p;
    format!(
        ".paper{{fill:{paper}}}\n.rule{{stroke:{rule}}}\n.axis{{stroke:{faint}}}\n.tick{{fill:{faint}}}\n\
         .name,.title{{fill:{ink}}}\n.a{{stroke:{second}}}\n.b{{stroke:{gradient}}}\n.c{{stroke:{value}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 1.0, 5).len(), 6);
        assert_eq!(ticks(0.0, 922.0, 8), [0.0, 200.0, 400.0, 600.0, 800.0]);
        for (low, high) in [(-3.7, 12.9), (0.001, 0.0042), (99.0, 100.0), (1e-7, 3e6)] {
            let ticks = ticks(low, high, 5);
            assert!((2..=8).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks.iter().all(|t| *t >= low - 1e-6 && *t <= high * (1.0 + 1e-9)));
        }
        assert_eq!(ticks(2.0, 2.0, 5), [2.0]);
    }

    #[test]
    fn gaps_and_flat_lines_are_drawn() {
        let line = |values: &[f64]| Line {
            name: "train".into(),
            points: values.iter().enumerate().map(|(k, v)| (k as f64, *v)).collect(),
        };
        for values in [&[][..], &[1.0], &[2.0, 2.0], &[1.0, f64::NAN, 3.0], &[f64::INFINITY; 3]] {
            let chart = Chart {
                title: String::new(),
                axis: "step".into(),
                panels: vec![Panel { name: "loss".into(), lines: vec![line(values)], range: None }],
            };
            let svg = svg(&chart, Theme::Auto);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?}");
        }
    }
}
