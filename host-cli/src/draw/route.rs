//! The way of the wires: level through the columns, bent in the gaps.

use super::layers::Grid;
use super::layout::{Frame, Outline};

/// A point of the drawing.
pub type Point = (f64, f64);

/// A column: where its boxes have their middle, and how far they reach.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Column {
    /// The middle of the boxes.
    pub x: f64,
    /// Reach to the left.
    pub left: f64,
    /// Reach to the right, stubs and their words included.
    pub right: f64,
}

/// A piece of a wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    /// Level from one place to another at a height.
    Level(f64, f64, f64),
    /// An S from a point to a point, level at both ends.
    Bend(Point, Point),
}

/// The wire of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    /// All pieces.
    pub pieces: Vec<Piece>,
    /// Where it arrives: the reader, which operand, the tip of the arrow.
    pub tips: Vec<(usize, usize, Point)>,
    /// For each tip, its pieces from the node on.
    pub ways: Vec<Vec<Piece>>,
    /// Where it branches.
    pub knots: Vec<Point>,
    /// Where it ends, if nothing reads it but something is written on it.
    pub stub: Option<f64>,
}

/// Sets the columns side by side from `start` on, wider apart where wires climb
/// more; gives where the last one ends.
pub fn columns(grid: &Grid, heights: &[f64], columns: &mut [Column], start: f64) -> f64 {
    let mut climbs = vec![0.0f64; columns.len()];
    for link in &grid.links {
        let climb = (heights[link.from] - heights[link.to]).abs();
        let at = grid.slots[link.from].layer;
        climbs[at] = climbs[at].max(climb);
    }
    let mut x = start;
    for (at, column) in columns.iter_mut().enumerate() {
        column.x = x + column.left;
        x = column.x + column.right;
        if at + 1 < climbs.len() {
            x += (24.0 + 0.22 * climbs[at]).min(130.0);
        }
    }
    x
}

/// Draws all wires.
pub fn wires(grid: &Grid, heights: &[f64], columns: &[Column], ordered: &[bool], frames: &[Frame], wires: &mut [Wire]) {
    let ports = ports(grid, heights, ordered, frames);
    // The pieces of each slot: through its column, and each link that leaves.
    let begin = |slot: usize| {
        let at = grid.slots[slot];
        let column = columns[at.layer];
        if at.passes {
            column.x - column.left
        } else {
            frames[at.node].x + frames[at.node].width / 2.0 + frames[at.node].ring
        }
    };
    let end = |slot: usize| {
        let column = columns[grid.slots[slot].layer];
        column.x + column.right
    };
    for node in 0..frames.len() {
        let wire = &mut wires[node];
        if let Some(stub) = wire.stub {
            wire.pieces.push(Piece::Level(begin(node), stub, heights[node]));
            continue;
        }
        let mut slot = Some(node);
        let mut way: Vec<Piece> = Vec::new();
        while let Some(at) = slot.take() {
            let links = &grid.leaving[at];
            if links.is_empty() {
                break;
            }
            let level = Piece::Level(begin(at), end(at), heights[at]);
            wire.pieces.push(level);
            way.push(level);
            if links.len() > 1 {
                wire.knots.push((end(at), heights[at]));
            }
            let trunk = way.clone();
            for &index in links {
                let link = grid.links[index];
                let target = grid.slots[link.to];
                let column = columns[target.layer];
                let edge = column.x - column.left;
                let from = (end(at), heights[at]);
                if target.passes {
                    let bend = Piece::Bend(from, (edge, heights[link.to]));
                    wire.pieces.push(bend);
                    way.push(bend);
                    slot = Some(link.to);
                } else {
                    let tip = (ports[index].0, ports[index].1);
                    let bend = Piece::Bend(from, (edge, tip.1));
                    let last = Piece::Level(edge, tip.0, tip.1);
                    wire.pieces.extend([bend, last]);
                    wire.tips.push((target.node, link.operand, tip));
                    wire.ways.push(trunk.iter().copied().chain([bend, last]).collect());
                }
            }
        }
    }
}

/// Where each link arrives at its reader's box: as level as the box allows, one
/// below the other.
fn ports(grid: &Grid, heights: &[f64], ordered: &[bool], frames: &[Frame]) -> Vec<Point> {
    let mut ports = vec![(0.0, 0.0); grid.links.len()];
    for (node, frame) in frames.iter().enumerate() {
        let mut links = grid.arriving[node].clone();
        links.sort_by(|&a, &b| {
            let (from_a, from_b) = (heights[grid.links[a].from], heights[grid.links[b].from]);
            let operands = grid.links[a].operand.cmp(&grid.links[b].operand);
            if ordered[node] { operands } else { from_a.total_cmp(&from_b).then(operands) }
        });
        if links.is_empty() {
            continue;
        }
        let room =
            if frame.outline == Outline::Circle { 0.29 * frame.height + frame.ring } else { frame.height / 2.0 - 9.0 };
        let count = links.len();
        let step = if count > 1 { (2.0 * room / (count - 1) as f64).min(11.0) } else { 0.0 };
        let mut offsets: Vec<f64> = Vec::with_capacity(count);
        for (at, &link) in links.iter().enumerate() {
            let wish = (heights[grid.links[link].from] - frame.y).clamp(-room, room);
            let wish = offsets.last().map_or(wish, |last| wish.max(last + step));
            offsets.push(wish.min(room - step * (count - 1 - at) as f64));
        }
        for (&link, dy) in links.iter().zip(offsets) {
            ports[link] = (frame.x - side(frame, dy), frame.y + dy);
        }
    }
    ports
}

/// How far the outline is from the middle, `dy` above or below it.
fn side(frame: &Frame, dy: f64) -> f64 {
    let half = frame.width / 2.0 + frame.ring;
    match frame.outline {
        Outline::Circle => (half * half - dy * dy).max(0.0).sqrt(),
        _ => half,
    }
}
