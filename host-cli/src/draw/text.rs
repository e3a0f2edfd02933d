//! The drawing in a terminal: boxes and lines for small circuits, a list for others.
//!
//! Wires run on a canvas of characters. In the gap between two columns each wire
//! that climbs has an upright track of its own; where wires cross, the upright
//! one is drawn through. If no order of the tracks keeps two wires from lying
//! on each other, there is a list.

use core::fmt::Write;

use super::canvas::{Canvas, Ink};
use super::layers::Grid;
use super::place::{self, Reach};
use super::{DrawError, Kind, Node, Picture, order};

/// A circuit of more nodes is listed.
const MOST_BOXES: usize = 40;

/// The picture as text at most `width` characters wide; with colours if
/// `colours`, which a pipe does not want.
///
/// # Errors
/// [`DrawError::Empty`], [`DrawError::Operand`].
pub fn text(picture: &Picture, width: usize, colours: bool) -> Result<String, DrawError> {
    match picture.check() {
        Err(DrawError::TooMany { .. }) | Ok(()) => {}
        Err(error) => return Err(error),
    }
    let boxes = (picture.nodes.len() <= MOST_BOXES).then(|| boxes(picture, width)).flatten();
    Ok(boxes.map_or_else(|| list(picture, colours), |canvas| canvas.text(colours)))
}

/// A node's box: its lines, the row of its wire, the rows where operands arrive.
struct Shape {
    lines: Vec<String>,
    middle: usize,
    ports: Vec<usize>,
}

fn shape(picture: &Picture, index: usize) -> Shape {
    let node = &picture.nodes[index];
    let face = node.face();
    let line = match node.kind {
        Kind::Input => format!("( {face} )"),
        Kind::Label => format!("{{ {face} }}"),
        Kind::Param => format!("< {face} >"),
        Kind::Const | Kind::Tag => face.to_string(),
        Kind::Gate | Kind::Layer => {
            let rows = (2 * node.operands.len()).saturating_sub(1).max(1);
            let mut words = vec![face.to_string()];
            if node.kind == Kind::Layer {
                words = vec![node.name.clone(), node.symbol.clone()];
            }
            let inside = words.iter().map(|word| word.chars().count()).max().unwrap_or(0) + 2;
            let rows = rows.max(words.len());
            let double = picture.objective.is_some_and(|(objective, _)| objective == index);
            let [tl, tr, bl, br, h, v] = if double {
                ['╔', '╗', '╚', '╝', '═', '║']
            } else {
                ['┌', '┐', '└', '┘', '─', '│']
            };
            let bar: String = core::iter::repeat_n(h, inside).collect();
            let mut lines = vec![format!("{tl}{bar}{tr}")];
            let above = (rows - words.len()) / 2;
            for row in 0..rows {
                let word = row.checked_sub(above).and_then(|at| words.get(at)).map_or("", |w| w);
                lines.push(format!("{v}{word:^inside$}{v}"));
            }
            lines.push(format!("{bl}{bar}{br}"));
            let middle = lines.len() / 2;
            let count = node.operands.len();
            let first = middle + 1 - count.min(middle + 1);
            let ports = (0..count).map(|k| first.max(1) + 2 * k).collect();
            let ports = if count == 1 { vec![middle] } else { ports };
            return Shape { lines, middle, ports };
        }
    };
    Shape { lines: vec![line], middle: 0, ports: Vec::new() }
}

/// The words above and below a node's wire.
fn notes(node: &Node) -> [String; 2] {
    let mut above = node.shape.clone();
    if let Some(value) = &node.value {
        above = if above.is_empty() { value.to_string() } else { format!("{value} {above}") };
    }
    let below = node.gradient.as_ref().map_or(String::new(), |gradient| format!("◀ {gradient}"));
    if node.kind == Kind::Const { [String::new(), String::new()] } else { [above, below] }
}

fn boxes(picture: &Picture, width: usize) -> Option<Canvas> {
    let nodes = &picture.nodes;
    let mut grid = Grid::new(picture);
    let ordered: Vec<bool> = nodes.iter().map(|node| node.ordered).collect();
    order::order(&mut grid, &ordered);
    let shapes: Vec<Shape> = (0..nodes.len()).map(|node| shape(picture, node)).collect();
    let notes: Vec<[String; 2]> = nodes.iter().map(notes).collect();
    let caption = |node: usize| nodes[node].kind == Kind::Gate && !nodes[node].formula.is_empty();
    let reach: Vec<Reach> = grid
        .slots
        .iter()
        .map(|slot| {
            if slot.passes {
                return Reach::default();
            }
            let shape = &shapes[slot.node];
            let goal = picture.objective.is_some_and(|(objective, _)| objective == slot.node);
            let up = shape.middle.max(1) + usize::from(goal);
            let down = shape.lines.len() - 1 - shape.middle + usize::from(caption(slot.node));
            Reach { up: up as f64, down: down.max(1) as f64 }
        })
        .collect();
    let light = |slot: usize| nodes[grid.slots[slot].node].kind == Kind::Const;
    let heights = place::heights(&grid, &reach, light, |_, _| 1.0);
    let rows = whole(&grid, &heights, &reach);

    // Columns: the widest box, its words, then the tracks of the gap.
    let ports = ports(&grid, &rows, &shapes, &ordered);
    let mut canvas = Canvas::default();
    let mut left = 0;
    for column in &grid.columns {
        let real = column.iter().copied().filter(|&slot| !grid.slots[slot].passes);
        let mut wide = 0;
        let mut stub = 0;
        for slot in real.clone() {
            let lines = shapes[slot].lines.iter().map(|line| line.chars().count());
            wide = wide.max(lines.max().unwrap_or(0)).max(if caption(slot) {
                nodes[slot].formula.chars().count()
            } else {
                0
            });
            if picture.objective.is_some_and(|(objective, _)| objective == slot) {
                wide = wide.max(picture.objective.map_or(0, |(_, goal)| goal.mark().chars().count()));
            }
            stub = stub.max(notes[slot].iter().map(|note| note.chars().count()).max().unwrap_or(0));
        }
        let end = left + wide + if stub > 0 { stub + 2 } else { 1 };
        for slot in real {
            let (node, shape) = (&nodes[slot], &shapes[slot]);
            let own = shape.lines[0].chars().count();
            let x = left + (wide - own) / 2;
            let top = rows[slot] - shape.middle;
            let ink = Ink::Plain;
            for (k, line) in shape.lines.iter().enumerate() {
                canvas.write(x, top + k, line, ink);
            }
            if caption(slot) {
                let long = node.formula.chars().count();
                canvas.write(left + (wide - long) / 2, top + shape.lines.len(), &node.formula, Ink::Faint);
            }
            if let Some((_, goal)) = picture.objective.filter(|(objective, _)| *objective == slot) {
                let long = goal.mark().chars().count();
                canvas.write(left + (wide - long) / 2, top.checked_sub(1)?, goal.mark(), Ink::Plain);
            }
            canvas.write(x + own + 1, rows[slot].checked_sub(1)?, &notes[slot][0], Ink::Value);
            canvas.write(x + own + 1, rows[slot] + 1, &notes[slot][1], Ink::Gradient);
            let arrives = !grid.leaving[slot].is_empty();
            if arrives || !notes[slot][0].is_empty() {
                canvas.level(slot, x + own, end, rows[slot]);
            }
            for &link in &grid.arriving[slot] {
                let row = ports[link];
                canvas.level(grid.slots[grid.links[link].from].node, left, x - 1, row);
                canvas.write(x - 1, row, "▶", Ink::Plain);
            }
        }
        for &slot in column.iter().filter(|&&slot| grid.slots[slot].passes) {
            canvas.level(grid.slots[slot].node, left, end, rows[slot]);
        }
        left = gap(&grid, column, &rows, &ports, end, &mut canvas)?;
        if canvas.width() > width {
            return None;
        }
    }
    Some(canvas)
}

/// Rows for heights, rounded so that slots stay apart, the first at 0.
fn whole(grid: &Grid, heights: &[f64], reach: &[Reach]) -> Vec<usize> {
    let top = (0..heights.len()).map(|slot| heights[slot] - reach[slot].up);
    let top = top.fold(f64::INFINITY, f64::min);
    let mut rows = vec![0usize; heights.len()];
    for column in &grid.columns {
        let mut free = 0usize;
        for &slot in column {
            let up = reach[slot].up as usize;
            let wish = (heights[slot] - top).round() as usize;
            rows[slot] = wish.max(free + up);
            free = rows[slot] + reach[slot].down as usize + 1;
        }
    }
    rows
}

/// The row at which each link arrives.
fn ports(grid: &Grid, rows: &[usize], shapes: &[Shape], ordered: &[bool]) -> Vec<usize> {
    let mut ports = vec![0; grid.links.len()];
    for (slot, arriving) in grid.arriving.iter().enumerate() {
        let mut links = arriving.clone();
        if grid.slots[slot].passes {
            links.iter().for_each(|&link| ports[link] = rows[slot]);
            continue;
        }
        links.sort_by_key(|&link| {
            let height = if ordered[slot] { 0 } else { rows[grid.links[link].from] };
            (height, grid.links[link].operand)
        });
        let top = rows[slot] - shapes[slot].middle;
        for (&link, port) in links.iter().zip(&shapes[slot].ports) {
            ports[link] = top + port;
        }
    }
    ports
}

/// Draws the wires between a column that ends at `start` and the next; gives
/// where that one begins, or nothing if wires would lie on each other.
fn gap(
    grid: &Grid,
    column: &[usize],
    rows: &[usize],
    ports: &[usize],
    start: usize,
    canvas: &mut Canvas,
) -> Option<usize> {
    struct Net {
        wire: usize,
        from: usize,
        to: Vec<usize>,
    }
    let nets: Vec<Net> = column
        .iter()
        .filter(|&&slot| !grid.leaving[slot].is_empty())
        .map(|&slot| Net {
            wire: grid.slots[slot].node,
            from: rows[slot],
            to: grid.leaving[slot].iter().map(|&link| ports[link]).collect(),
        })
        .collect();
    let mut waiting: Vec<&Net> = nets.iter().filter(|net| net.to.iter().any(|&to| to != net.from)).collect();
    let tracks = waiting.len();
    let end = start + tracks + usize::from(tracks > 0);
    for net in nets.iter().filter(|net| net.to.contains(&net.from)) {
        canvas.level(net.wire, start, end, net.from);
    }
    let mut track = start;
    while !waiting.is_empty() {
        // A wire must have left a row before another arrives in it.
        let next = waiting.iter().position(|net| {
            net.to.iter().all(|to| {
                let mut others = waiting.iter().filter(|other| !core::ptr::eq(**other, *net));
                !others.any(|other| other.from == *to)
            })
        })?;
        let net = waiting.remove(next);
        canvas.level(net.wire, start, track, net.from);
        for &to in &net.to {
            canvas.upright(net.wire, track, net.from, to);
            canvas.level(net.wire, track, end, to);
        }
        track += 1;
    }
    Some(end)
}

/// Whether a gate's sign shows its operand as an x, as in `x²` or `1/x`.
fn has_blank(sign: &str) -> bool {
    sign.chars().filter(|c| c.is_alphabetic()).eq(['x'])
}

/// One line a node.
fn list(picture: &Picture, colours: bool) -> String {
    let name = |index: usize| {
        let node = &picture.nodes[index];
        match node.kind {
            Kind::Const => node.symbol.clone(),
            _ if node.name.is_empty() => format!("#{index}"),
            _ => node.name.clone(),
        }
    };
    let mut table: Vec<[String; 5]> = Vec::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        let what = match node.kind {
            Kind::Const | Kind::Tag => continue,
            Kind::Input => "input".into(),
            Kind::Label => "label".into(),
            Kind::Param => "param".into(),
            Kind::Gate | Kind::Layer => {
                let operands: Vec<String> = node.operands.iter().map(|&o| name(o)).collect();
                match &operands[..] {
                    [a, b] if node.face().chars().count() == 1 => format!("{a} {} {b}", node.face()),
                    [a] if has_blank(node.face()) => node.face().replace('x', a),
                    _ => format!("{}({})", node.face(), operands.join(", ")),
                }
            }
        };
        let goal = picture.objective.filter(|(objective, _)| *objective == index);
        let mark = goal.map_or(String::new(), |(_, goal)| format!("  {}", goal.mark()));
        let show = |q: &Option<super::Quantity>| q.as_ref().map(ToString::to_string).unwrap_or_default();
        table.push([name(index), node.shape.clone(), format!("{what}{mark}"), show(&node.value), show(&node.gradient)]);
    }
    let heads = ["wire", "shape", "gate", "value", "gradient"];
    let wide: Vec<usize> = (0..5)
        .map(|k| {
            let cells = table.iter().map(|line| line[k].chars().count()).max().unwrap_or(0);
            if cells == 0 { 0 } else { cells.max(heads[k].len()) }
        })
        .collect();
    let mut out = String::new();
    let heads = heads.map(String::from);
    for (row, line) in core::iter::once(&heads).chain(&table).enumerate() {
        let mut text = String::new();
        for (k, cell) in line.iter().enumerate().filter(|(k, _)| wide[*k] > 0) {
            let pad: String = core::iter::repeat_n(' ', wide[k] - cell.chars().count()).collect();
            let ink = match (row, k) {
                (0, _) => Ink::Faint,
                (_, 3) => Ink::Value,
                (_, 4) => Ink::Gradient,
                _ => Ink::Plain,
            };
            let cell = ink.paint(cell, colours);
            let _ = if k >= 3 { write!(text, "{pad}{cell}  ") } else { write!(text, "{cell}{pad}  ") };
        }
        out += text.trim_end();
        out.push('\n');
    }
    out
}
