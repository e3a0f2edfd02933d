//! The line at the foot that says what the marks mean.

use super::layout::{Frame, Layout, MARGIN, MARK, Outline, Role, Words};
use super::{Kind, Picture, Quantity};

const LINE: f64 = 19.0;
const SAMPLE: (f64, f64) = (20.0, 12.0);
const BETWEEN: f64 = 20.0;

/// Adds it, broken into as many lines as the drawing's width asks for; only
/// marks that occur are explained.
pub fn add(picture: &Picture, layout: &mut Layout) {
    let any = |kind: Kind| picture.nodes.iter().any(|node| node.kind == kind);
    let mut parts: Vec<(Option<Outline>, Role, &str)> = Vec::new();
    if picture.nodes.iter().any(|node| node.value.is_some()) {
        parts.push((None, Role::LegendValue, "above: value"));
    }
    if picture.nodes.iter().any(|node| node.gradient.is_some()) || !picture.moves.is_empty() {
        parts.push((None, Role::LegendGradient, "below: gradient of the objective"));
    }
    for (kind, outline, text) in [
        (Kind::Input, Outline::Pill, "input"),
        (Kind::Label, Outline::Dashed, "label"),
        (Kind::Param, Outline::Hexagon, "param"),
        (Kind::Tag, Outline::Tag, "wire from another row"),
    ] {
        if any(kind) {
            parts.push((Some(outline), Role::Legend, text));
        }
    }
    if picture.nodes.iter().any(|node| matches!(node.value, Some(Quantity::Norm(_)))) {
        parts.push((None, Role::Legend, "‖ ‖ norm"));
    }
    let most = layout.width - MARGIN;
    let mut x = MARGIN;
    layout.height += LINE + 2.0;
    for (outline, role, text) in parts {
        let width = role.measure(text);
        let before = match outline {
            Some(_) => SAMPLE.0 + 6.0,
            None if role.marked() => MARK,
            None => 0.0,
        };
        if x > MARGIN && x + before + width > most {
            x = MARGIN;
            layout.height += LINE;
        }
        let y = layout.height - MARGIN + 6.0;
        if let Some(outline) = outline {
            let (width, height) = SAMPLE;
            let x = x + width / 2.0;
            layout.samples.push(Frame { outline, x, y: y - 4.2, width, height, ring: 0.0 });
        }
        layout.words.push(Words { node: 0, role, x: x + before, y, width, text: text.into() });
        x += before + width + BETWEEN;
        layout.width = layout.width.max(x - BETWEEN + MARGIN);
    }
}
