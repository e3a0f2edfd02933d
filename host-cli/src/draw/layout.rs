//! The place of every box, wire and word of a drawing.
//!
//! A node's wire leaves its box through a stub as long as the words on it, so
//! box, stub and words are one block, and blocks do not overlap. Wires run level
//! through the columns and bend only in the gaps between, so they meet no block.

use super::block::{self, Block};
use super::layers::Grid;
use super::letters::{self, Weight};
use super::place::{self, Reach};
use super::route::{self, Wire};
use super::{DrawError, Kind, Picture, legend, order, steps, strips};

/// The outline of a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outline {
    /// A gate whose operation is a sign.
    Circle,
    /// A gate whose operation is a word.
    Round,
    /// An input.
    Pill,
    /// A label: a pill with a dashed line.
    Dashed,
    /// A param.
    Hexagon,
    /// A constant: no outline.
    #[default]
    Bare,
    /// A layer.
    Layer,
    /// A wire that comes from elsewhere.
    Tag,
}

/// A node's box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Frame {
    /// Its form.
    pub outline: Outline,
    /// The middle.
    pub x: f64,
    /// The middle; the node's wire leaves at this height.
    pub y: f64,
    /// The whole width.
    pub width: f64,
    /// The whole height.
    pub height: f64,
    /// How far a second outline is from the first; 0 if there is none.
    pub ring: f64,
}

/// What a word is for; sets its size, weight and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The sign of a gate, in its circle.
    Sign,
    /// The name in a box.
    Face,
    /// A further line in a layer's box, a constant, a tag.
    Note,
    /// The value of what a layer holds.
    HeldValue,
    /// The gradient of what a layer holds.
    HeldGradient,
    /// The formula under a gate.
    Caption,
    /// The goal over the objective.
    Goal,
    /// The shape of a wire.
    Shape,
    /// Above a wire.
    Value,
    /// Below a wire.
    Gradient,
    /// At the foot.
    Legend,
    /// At the foot: the word in the colour of values.
    LegendValue,
    /// At the foot: the word in the colour of gradients.
    LegendGradient,
}

impl Role {
    /// The size of its letters.
    pub fn size(self) -> f64 {
        match self {
            Self::Sign => 22.0,
            Self::Face => 15.0,
            Self::Value | Self::Gradient => 14.0,
            Self::Note | Self::Caption | Self::Goal | Self::HeldValue | Self::HeldGradient => 12.5,
            Self::Shape | Self::Legend | Self::LegendValue | Self::LegendGradient => 11.5,
        }
    }

    /// The weight of its letters.
    pub fn weight(self) -> Weight {
        match self {
            Self::Face
            | Self::Value
            | Self::Gradient
            | Self::HeldValue
            | Self::HeldGradient
            | Self::LegendValue
            | Self::LegendGradient
            | Self::Goal => Weight::SemiBold,
            _ => Weight::Regular,
        }
    }

    /// Whether the mark of gradients stands before it.
    pub fn marked(self) -> bool {
        matches!(self, Self::Gradient | Self::HeldGradient | Self::LegendGradient)
    }

    /// The width of a text in this role.
    pub fn measure(self, text: &str) -> f64 {
        letters::width(text, self.weight(), self.size())
    }
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// The node that it belongs to.
    pub node: usize,
    /// What it is for.
    pub role: Role,
    /// Where it begins.
    pub x: f64,
    /// Its baseline.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// What it says.
    pub text: String,
}

/// A drawing, every part in its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// The boxes, one a node.
    pub frames: Vec<Frame>,
    /// All words.
    pub words: Vec<Words>,
    /// The wires, one a node.
    pub wires: Vec<Wire>,
    /// Samples of outlines in the line at the foot.
    pub samples: Vec<Frame>,
    /// How many crossings the drawing has.
    pub crossings: usize,
    /// The picture, with the tags that its strips need.
    pub picture: Picture,
}

/// Room between the drawing and its edge.
pub const MARGIN: f64 = 26.0;
/// The mark before a gradient: a triangle that points back.
pub const MARK: f64 = 11.0;
/// Room between two strips.
const BETWEEN: f64 = 46.0;

/// Lays a picture out.
///
/// # Errors
/// Those of [`Picture::check`].
pub fn layout(picture: &Picture) -> Result<Layout, DrawError> {
    picture.check()?;
    let folded = strips::fold(picture);
    let nodes = folded.picture.nodes.len();
    let count = folded.strips.iter().max().map_or(1, |last| last + 1);
    let mut layout = Layout {
        height: MARGIN,
        frames: vec![Frame::default(); nodes],
        wires: vec![Wire::default(); nodes],
        ..Layout::default()
    };
    let rooms = steps::rooms(&folded.picture);
    for strip in 0..count {
        let ids: Vec<usize> = (0..nodes).filter(|&node| folded.strips[node] == strip).collect();
        lay_strip(&folded.picture, &ids, &rooms, &mut layout);
        layout.height += if strip + 1 < count { BETWEEN } else { MARGIN };
    }
    layout.width += MARGIN;
    if picture.legend {
        legend::add(&folded.picture, &mut layout);
    }
    layout.picture = folded.picture;
    Ok(layout)
}

/// Lays the nodes `ids` out, below what is there.
fn lay_strip(picture: &Picture, ids: &[usize], rooms: &[f64], layout: &mut Layout) {
    let part = picture.part(ids);
    let mut read = vec![false; ids.len()];
    for node in &part.nodes {
        node.operands.iter().for_each(|&operand| read[operand] = true);
    }
    let blocks: Vec<Block> =
        (0..ids.len()).map(|node| block::block(&part, node, read[node], rooms[ids[node]])).collect();

    let mut grid = Grid::new(&part);
    let ordered: Vec<bool> = part.nodes.iter().map(|node| node.ordered).collect();
    order::order(&mut grid, &ordered);
    let reach: Vec<Reach> = grid
        .slots
        .iter()
        .map(|slot| if slot.passes { Reach { up: 2.0, down: 2.0 } } else { blocks[slot.node].reach })
        .collect();
    let gap = |a: usize, b: usize| match (grid.slots[a].passes, grid.slots[b].passes) {
        (true, true) => 8.0,
        (false, false) => 20.0,
        _ => 12.0,
    };
    let light = |slot: usize| part.nodes[grid.slots[slot].node].kind == Kind::Const;
    let heights = place::heights(&grid, &reach, light, gap);
    let top = (0..grid.slots.len()).map(|slot| heights[slot] - reach[slot].up);
    let top = top.fold(f64::INFINITY, f64::min);
    let heights: Vec<f64> = heights.iter().map(|y| y - top + layout.height).collect();
    let bottom = (0..grid.slots.len()).map(|slot| heights[slot] + reach[slot].down);
    layout.height = bottom.fold(layout.height, f64::max);

    let mut columns = vec![route::Column::default(); grid.columns.len()];
    for (node, block) in blocks.iter().enumerate() {
        let column = &mut columns[grid.slots[node].layer];
        column.left = column.left.max(block.left);
        column.right = column.right.max(block.right);
    }
    layout.width = layout.width.max(route::columns(&grid, &heights, &mut columns, MARGIN));

    let mut frames: Vec<Frame> = Vec::with_capacity(ids.len());
    let mut wires: Vec<Wire> = Vec::with_capacity(ids.len());
    for (node, block) in blocks.iter().enumerate() {
        let x = columns[grid.slots[node].layer].x;
        let frame = Frame { x, y: heights[node], ..block.frame };
        layout.words.extend(block::words(&part, node, &frame).into_iter().map(|mut words| {
            words.node = ids[node];
            words
        }));
        let written = block.right > frame.width / 2.0 && block.stub;
        wires.push(Wire { stub: (!read[node] && written).then_some(x + block.right), ..Wire::default() });
        frames.push(frame);
    }
    route::wires(&grid, &heights, &columns, &ordered, &frames, &mut wires);
    for (node, mut wire) in wires.into_iter().enumerate() {
        wire.tips.iter_mut().for_each(|tip| tip.0 = ids[tip.0]);
        layout.wires[ids[node]] = wire;
        layout.frames[ids[node]] = frames[node];
    }
    layout.crossings += order::crossings(&grid, &ordered);
}
