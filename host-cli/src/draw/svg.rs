//! The drawing of a circuit as SVG, letters included.

use core::fmt::Write;

use super::layout::{self, Frame, Layout, MARK, Outline, Role, Words};
use super::letters;
use super::paint::{self, Theme};
use super::route::{Piece, Point};
use super::{DrawError, Picture, steps};

/// What does not depend on the colours.
const RULES: &str = "\
.wire,.back{fill:none;stroke-width:1.6}
.back{stroke-width:2.6}
.gate,.input,.label,.param,.layer{stroke-width:1.6}
.label{stroke-dasharray:5 3}
.tag{stroke-width:1.2}
.ring{stroke-width:1.6}
.glow{stroke-width:2.6}
";

/// The SVG of a picture.
///
/// # Errors
/// Those of [`Picture::check`].
pub fn svg(picture: &Picture, theme: Theme) -> Result<String, DrawError> {
    let layout = layout::layout(picture)?;
    Ok(write(&layout, theme, "", "", ""))
}

/// The SVG of a picture after `count` moves of the backward walk; its parts are
/// where they are in every other step.
///
/// # Errors
/// Those of [`Picture::check`].
pub fn svg_after(picture: &Picture, count: usize, theme: Theme) -> Result<String, DrawError> {
    let mut layout = layout::layout(picture)?;
    let stages = steps::stages(&layout);
    layout.words.retain(|words| !steps::changes(words.role));
    let seen = stages.into_iter().filter(|stage| stage.from <= count && count < stage.until);
    layout.words.extend(seen.map(|stage| stage.words));
    let last = count.min(layout.picture.moves.len()).checked_sub(1);
    layout.picture.current = last.map(|last| layout.picture.moves[last].gate);
    Ok(write(&layout, theme, "", "", ""))
}

/// Puts a layout on paper; `rules` go into the style sheet, `under` lies under
/// the boxes, `over` on top.
pub fn write(layout: &Layout, theme: Theme, rules: &str, under: &str, over: &str) -> String {
    let picture = &layout.picture;
    let sheet = format!("{}{RULES}{}{rules}", letters::font_faces(), sizes());
    let mut out = open(layout.width, layout.height, &paint::style(theme, &sheet, paint::circuit));
    for wire in &layout.wires {
        if wire.pieces.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<path class=\"wire\" d=\"{}\"/>", path(&wire.pieces));
        for (_, _, tip) in &wire.tips {
            arrow(&mut out, "tip", *tip);
        }
        if let (Some(x), Some(Piece::Level(_, _, y))) = (wire.stub, wire.pieces.first()) {
            arrow(&mut out, "tip", (x + 4.0, *y));
        }
        for (x, y) in &wire.knots {
            let _ = writeln!(out, "<circle class=\"knot\" cx=\"{}\" cy=\"{}\" r=\"3\"/>", r(*x), r(*y));
        }
    }
    if let Some(current) = picture.current {
        out += &moved(layout, current, "");
    }
    out += under;
    for frame in layout.frames.iter().chain(&layout.samples) {
        if frame.ring > 0.0 {
            out += &outline(frame, "ring", frame.ring);
        }
        out += &outline(frame, class(frame.outline), 0.0);
    }
    for words in &layout.words {
        out += &text(words, "");
    }
    out += over;
    out += "</svg>\n";
    out
}

/// The beginning of an SVG of this size.
pub fn open(width: f64, height: f64, style: &str) -> String {
    let (w, h) = (width.ceil(), height.ceil());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\">\n\
         <style>\n{style}</style>\n<rect class=\"paper\" width=\"{w}\" height=\"{h}\"/>\n"
    )
}

/// What is drawn for the last move: its gate shines, and its operands' wires
/// are red, with arrows that point back.
pub fn moved(layout: &Layout, gate: usize, more: &str) -> String {
    let mut out = String::new();
    for wire in &layout.wires {
        for ((reader, ..), way) in wire.tips.iter().zip(&wire.ways) {
            if *reader == gate {
                let _ = writeln!(out, "<path class=\"back{more}\" d=\"{}\"/>", path(way));
                if let Some(Piece::Level(x, _, y)) = way.first() {
                    let _ = writeln!(out, "<path class=\"backtip{more}\" d=\"M{} {}l9 -4.5v9z\"/>", r(x + 1.0), r(*y));
                }
            }
        }
    }
    out += &outline(&layout.frames[gate], &format!("glow{more}"), layout.frames[gate].ring + 5.0);
    out
}

fn class(outline: Outline) -> &'static str {
    match outline {
        Outline::Circle | Outline::Round => "gate",
        Outline::Pill => "input",
        Outline::Dashed => "label",
        Outline::Hexagon => "param",
        Outline::Bare => "const",
        Outline::Layer => "layer",
        Outline::Tag => "tag",
    }
}

/// A box's outline, `more` larger on every side.
fn outline(frame: &Frame, class: &str, more: f64) -> String {
    let (w, h) = (frame.width + 2.0 * more, frame.height + 2.0 * more);
    let (x, y) = (frame.x - w / 2.0, frame.y - h / 2.0);
    let rect = |radius: f64| {
        format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>\n",
            r(x),
            r(y),
            r(w),
            r(h),
            r(radius)
        )
    };
    match frame.outline {
        Outline::Circle => {
            format!("<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>\n", r(frame.x), r(frame.y), r(w / 2.0))
        }
        Outline::Round => rect(8.0 + more),
        Outline::Pill | Outline::Dashed => rect(h / 2.0),
        Outline::Layer => rect(4.0 + more),
        Outline::Hexagon => {
            let nose = 0.31 * h;
            let (side, half) = (r(w - 2.0 * nose), r(h / 2.0));
            format!(
                "<path class=\"{class}\" d=\"M{1} {2}h{side}l{0} {half}l-{0} {half}h-{side}l-{0} -{half}z\"/>\n",
                r(nose),
                r(x + nose),
                r(y)
            )
        }
        Outline::Tag => {
            let (side, half, nose) = (r(w - 0.35 * h), r(h / 2.0), r(0.35 * h));
            format!("<path class=\"{class}\" d=\"M{} {}h{side}l{nose} {half}l-{nose} {half}h-{side}z\"/>\n", r(x), r(y))
        }
        Outline::Bare => String::new(),
    }
}

/// A line of text, with the triangle before it if it is a gradient.
pub fn text(words: &Words, more: &str) -> String {
    let mut out = String::new();
    if words.role.marked() {
        let _ = writeln!(
            out,
            "<path class=\"mark{more}\" d=\"M{} {}l7 -4.5v9z\"/>",
            r(words.x - MARK),
            r(words.y - letters::CAPITAL * words.role.size() / 2.0)
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"{}{more}\" x=\"{}\" y=\"{}\" textLength=\"{}\" xml:space=\"preserve\">{}</text>",
        paint::class(words.role),
        r(words.x),
        r(words.y),
        r(words.width),
        escape(&words.text)
    );
    out
}

/// The rules for sizes and weights of letters.
fn sizes() -> String {
    use Role::{Caption, Face, Goal, Gradient, HeldGradient, HeldValue, Legend};
    use Role::{LegendGradient, LegendValue, Note, Shape, Sign, Value};
    let plain = [Sign, Face, Note, Caption, Goal, Shape, Value, Gradient, Legend];
    let twice = [HeldValue, HeldGradient, LegendValue, LegendGradient];
    plain
        .into_iter()
        .chain(twice)
        .map(|role| {
            let weight = if role.weight() == letters::Weight::SemiBold { 600 } else { 400 };
            format!(".{}{{font-size:{}px;font-weight:{weight}}}\n", paint::class(role).replace(' ', "."), role.size())
        })
        .collect()
}

/// The pieces as path data; a piece that begins where the last ended goes on.
fn path(pieces: &[Piece]) -> String {
    let mut data = String::new();
    let mut at: Option<Point> = None;
    for piece in pieces {
        let (from, to) = match *piece {
            Piece::Level(a, b, y) => ((a, y), (b, y)),
            Piece::Bend(from, to) => (from, to),
        };
        if at != Some(from) {
            let _ = write!(data, "M{} {}", r(from.0), r(from.1));
        }
        match piece {
            Piece::Level(..) => {
                let _ = write!(data, "H{}", r(to.0));
            }
            Piece::Bend(..) if (from.1 - to.1).abs() < 0.05 => {
                let _ = write!(data, "H{}", r(to.0));
            }
            Piece::Bend(..) => {
                let middle = (from.0 + to.0) / 2.0;
                let _ = write!(data, "C{0} {1} {0} {3} {2} {3}", r(middle), r(from.1), r(to.0), r(to.1));
            }
        }
        at = Some(to);
    }
    data
}

/// An arrowhead with its tip at a point, a hair before the box.
fn arrow(out: &mut String, class: &str, (x, y): Point) {
    let _ = writeln!(out, "<path class=\"{class}\" d=\"M{} {}l-9 -4.5v9z\"/>", r(x - 1.0), r(y));
}

/// A coordinate: a tenth is finer than any screen.
pub fn r(v: f64) -> String {
    let v = (v * 10.0).round() / 10.0;
    format!("{}", if v == 0.0 { 0.0 } else { v })
}

/// What XML minds.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c if (c as u32) < 0x20 => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
