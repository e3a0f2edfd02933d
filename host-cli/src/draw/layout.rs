//! The place of every box, wire and word of a drawing.
//!
//! A node's wire leaves its box through a stub as long as the words on it, so
//! box, stub and words are one block, and blocks do not overlap. Wires run level
//! through the columns and bend only in the gaps between, so they meet no block.

use super::layers::Grid;
use super::letters::{self, Weight};
use super::order;
use super::place::{self, Reach};
use super::route::{self, Wire};
use super::{DrawError, Kind, Picture};

/// The outline of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// A gate whose operation is a sign.
    Circle,
    /// A gate whose operation is a word.
    Round,
    /// An input or label.
    Pill,
    /// A param.
    Hexagon,
    /// A constant: no outline.
    Bare,
    /// A layer.
    Layer,
}

/// A node's box.
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

/// What a word is for; sets its size, weight and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The sign of a gate, in its circle.
    Sign,
    /// The name in a box.
    Face,
    /// A further line in a layer's box.
    Note,
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
}

impl Role {
    /// The size of its letters.
    pub fn size(self) -> f64 {
        match self {
            Self::Sign => 22.0,
            Self::Face => 15.0,
            Self::Value | Self::Gradient => 14.0,
            Self::Note | Self::Caption | Self::Goal => 12.5,
            Self::Shape | Self::Legend => 11.5,
        }
    }

    /// The weight of its letters.
    pub fn weight(self) -> Weight {
        match self {
            Self::Face | Self::Value | Self::Gradient | Self::Goal => Weight::SemiBold,
            _ => Weight::Regular,
        }
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
    /// How many crossings the drawing has.
    pub crossings: usize,
    /// The column of each node.
    pub layers: Vec<usize>,
}

/// Room between the drawing and its edge.
pub const MARGIN: f64 = 26.0;
const WIDEST: f64 = 190.0;
/// Before the words on a stub, and after them.
const LEAD: f64 = 9.0;
const TAIL: f64 = 9.0;
/// The mark before a gradient: a triangle that points back.
pub const MARK: f64 = 11.0;

/// How much room a node takes around the middle of its box.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    outline: Option<Outline>,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    reach: Reach,
}

/// Lays a picture out.
///
/// # Errors
/// Those of [`Picture::check`].
pub fn layout(picture: &Picture) -> Result<Layout, DrawError> {
    picture.check()?;
    let mut read = vec![false; picture.nodes.len()];
    for node in &picture.nodes {
        node.operands.iter().for_each(|&operand| read[operand] = true);
    }
    let blocks: Vec<Block> =
        (0..picture.nodes.len()).map(|node| block(picture, node, read[node])).collect();

    let mut grid = Grid::new(picture);
    let ordered: Vec<bool> = picture.nodes.iter().map(|node| node.ordered).collect();
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
    let heights = place::heights(&grid, &reach, gap);

    let mut columns = vec![route::Column::default(); grid.columns.len()];
    for (node, block) in blocks.iter().enumerate() {
        let column = &mut columns[grid.slots[node].layer];
        column.left = column.left.max(block.left);
        column.right = column.right.max(block.right);
    }
    let top = (0..grid.slots.len()).map(|slot| heights[slot] - reach[slot].up);
    let top = top.fold(f64::INFINITY, f64::min);
    let heights: Vec<f64> = heights.iter().map(|y| y - top + MARGIN).collect();
    let bottom = (0..grid.slots.len()).map(|slot| heights[slot] + reach[slot].down);
    let bottom = bottom.fold(0.0, f64::max);

    let right = route::columns(&grid, &heights, &mut columns, MARGIN);
    let mut layout = Layout {
        width: right + MARGIN,
        height: bottom + MARGIN,
        crossings: order::crossings(&grid, &ordered),
        layers: (0..blocks.len()).map(|node| grid.slots[node].layer).collect(),
        ..Layout::default()
    };
    for (node, block) in blocks.iter().enumerate() {
        layout.frames.push(Frame {
            outline: block.outline.unwrap_or(Outline::Bare),
            x: columns[grid.slots[node].layer].x,
            y: heights[node],
            width: block.width,
            height: block.height,
        });
    }
    for (node, read) in read.iter().enumerate() {
        let end = layout.frames[node].x + blocks[node].right;
        let stub = (!read && end > layout.frames[node].x + blocks[node].width / 2.0).then_some(end);
        layout.words.extend(words(picture, node, &layout.frames[node]));
        layout.wires.push(Wire { stub, ..Wire::default() });
    }
    route::wires(&grid, &heights, &columns, &ordered, &layout.frames, &mut layout.wires);
    if picture.legend {
        legend(picture, &mut layout);
    }
    Ok(layout)
}

/// The box and its surroundings.
fn block(picture: &Picture, index: usize, read: bool) -> Block {
    let node = &picture.nodes[index];
    let face = face(picture, index);
    let (outline, width, height) = match node.kind {
        Kind::Gate if node.face().chars().count() <= 2 => (Outline::Circle, 42.0, 42.0),
        Kind::Gate => (Outline::Round, face.1 + 28.0, 40.0),
        Kind::Input | Kind::Label => (Outline::Pill, (face.1 + 30.0).max(44.0), 36.0),
        Kind::Param => (Outline::Hexagon, (face.1 + 36.0).max(50.0), 36.0),
        Kind::Const => (Outline::Bare, face.1 + 12.0, 26.0),
        Kind::Layer => {
            let lines = node.notes.iter().map(|note| Role::Note.measure(note));
            let title = Role::Note.measure(&node.symbol);
            let widest = lines.fold(face.1.max(title), f64::max);
            (Outline::Layer, widest + 32.0, 54.0 + 17.0 * node.notes.len() as f64)
        }
    };
    // Enough of the left side for every arrow that arrives.
    let height = height.max(14.0 * node.operands.len() as f64 + 14.0);
    let width = if outline == Outline::Circle { width.max(height) } else { width };
    let objective = picture.objective.is_some_and(|(objective, _)| objective == index);

    let mut block = Block { outline: Some(outline), width, height, ..Block::default() };
    (block.left, block.right) = (width / 2.0, width / 2.0);
    (block.reach.up, block.reach.down) = (height / 2.0, height / 2.0);
    let caption = Role::Caption.measure(&caption(picture, index));
    if caption > 0.0 {
        block.left = block.left.max(caption / 2.0);
        block.right = block.right.max(caption / 2.0);
        block.reach.down += 19.0;
    }
    if objective {
        let goal = picture.objective.map_or("", |(_, goal)| goal.mark());
        let half = Role::Goal.measure(goal) / 2.0;
        block.left = block.left.max(half);
        block.right = block.right.max(half);
        block.reach.up += 25.0;
        if caption > 0.0 {
            block.reach.down += 4.0;
        }
    }
    let labels = stub_words(picture, index);
    let longest = labels.iter().map(|label| label.width + if label.role == Role::Gradient { MARK } else { 0.0 });
    let longest = longest.fold(0.0, f64::max);
    if longest > 0.0 {
        block.right = block.right.max(width / 2.0 + LEAD + longest + TAIL);
    } else if read {
        block.right = block.right.max(width / 2.0 + if node.kind == Kind::Const { 2.0 } else { 8.0 });
    }
    if objective && !read {
        block.right += 10.0;
    }
    for label in &labels {
        let up = letters::CAPITAL * label.role.size() - label.y;
        block.reach.up = block.reach.up.max(up + 3.0);
        block.reach.down = block.reach.down.max(label.y + 4.0);
    }
    block
}

/// What stands in the box and how wide it is.
fn face(picture: &Picture, index: usize) -> (String, f64, Role) {
    let node = &picture.nodes[index];
    let sign = node.kind == Kind::Gate && node.face().chars().count() <= 2;
    let role = match node.kind {
        Kind::Gate if sign => Role::Sign,
        Kind::Const => Role::Note,
        _ => Role::Face,
    };
    let text = if node.kind == Kind::Layer { &node.name } else { node.face() };
    let text = letters::fit(text, role.weight(), role.size(), WIDEST);
    let width = role.measure(&text);
    (text, width, role)
}

/// The line under a gate.
fn caption(picture: &Picture, index: usize) -> String {
    let node = &picture.nodes[index];
    if node.kind != Kind::Gate {
        return String::new();
    }
    if Role::Caption.measure(&node.formula) <= WIDEST && !node.formula.is_empty() {
        return node.formula.clone();
    }
    letters::fit(&node.name, Role::Caption.weight(), Role::Caption.size(), WIDEST)
}

/// The words on a node's stub, their places relative to its beginning.
fn stub_words(picture: &Picture, index: usize) -> Vec<Words> {
    let node = &picture.nodes[index];
    let mut words = Vec::new();
    let mut add = |role: Role, x: f64, y: f64, text: String| {
        if !text.is_empty() {
            let width = role.measure(&text);
            words.push(Words { node: index, role, x, y, width, text });
        }
    };
    if node.kind != Kind::Const {
        // A later gradient may be longer than the one now shown; the stub has
        // room for each that ever stands on it, so that steps share a layout.
        let value = node.value.as_ref().map(|value| value.to_string()).unwrap_or_default();
        let shape = if value.is_empty() { -7.0 } else { -23.0 };
        add(Role::Value, 0.0, -7.0, value);
        add(Role::Shape, 0.0, shape, node.shape.clone());
        let gradient = node.gradient.as_ref().map(|gradient| gradient.to_string());
        add(Role::Gradient, MARK, 18.0, gradient.unwrap_or_default());
    }
    words
}

/// All words of a node, in place.
fn words(picture: &Picture, index: usize, frame: &Frame) -> Vec<Words> {
    let node = &picture.nodes[index];
    let mut words = Vec::new();
    let mut middle = |role: Role, y: f64, text: String| {
        if !text.is_empty() {
            let width = role.measure(&text);
            words.push(Words { node: index, role, x: frame.x - width / 2.0, y, width, text });
        }
    };
    let (text, _, role) = face(picture, index);
    if node.kind == Kind::Layer {
        let mut y = frame.y - frame.height / 2.0 + 23.0;
        middle(role, y, text);
        y += 18.0;
        middle(Role::Note, y, node.symbol.clone());
        y += 2.0;
        for note in &node.notes {
            y += 17.0;
            middle(Role::Note, y, note.clone());
        }
    } else {
        middle(role, frame.y + letters::CAPITAL * role.size() / 2.0, text);
    }
    let objective = picture.objective.filter(|(objective, _)| *objective == index);
    let ring = if objective.is_some() { 4.0 } else { 0.0 };
    middle(Role::Caption, frame.y + frame.height / 2.0 + 15.0 + ring, caption(picture, index));
    if let Some((_, goal)) = objective {
        middle(Role::Goal, frame.y - frame.height / 2.0 - 12.0, goal.mark().into());
    }
    for mut label in stub_words(picture, index) {
        label.x += frame.x + frame.width / 2.0 + LEAD;
        label.y += frame.y;
        words.push(label);
    }
    words
}

/// What the marks mean, at the foot, broken into as many lines as it needs.
fn legend(picture: &Picture, layout: &mut Layout) {
    let any = |kind: Kind| picture.nodes.iter().any(|node| node.kind == kind);
    let mut parts: Vec<&str> = Vec::new();
    if picture.nodes.iter().any(|node| node.value.is_some()) {
        parts.push("above a wire: value");
    }
    if picture.nodes.iter().any(|node| node.gradient.is_some()) || !picture.moves.is_empty() {
        parts.push("below, with ◀: gradient of the objective");
    }
    for (kind, part) in [
        (Kind::Input, "pill: input"),
        (Kind::Label, "dashed: label"),
        (Kind::Param, "hexagon: param"),
    ] {
        if any(kind) {
            parts.push(part);
        }
    }
    let tensors = picture.nodes.iter().any(|node| matches!(node.value, Some(super::Quantity::Norm(_))));
    if tensors {
        parts.push("‖ ‖: norm");
    }
    let most = layout.width - 2.0 * MARGIN;
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if Role::Legend.measure(&format!("{line}   ·   {part}")) <= most => {
                *line += "   ·   ";
                *line += part;
            }
            _ => lines.push(part.into()),
        }
    }
    layout.height += 4.0;
    for text in lines {
        let width = Role::Legend.measure(&text);
        layout.height += 16.0;
        layout.width = layout.width.max(width + 2.0 * MARGIN);
        let y = layout.height - 22.0;
        layout.words.push(Words { node: 0, role: Role::Legend, x: MARGIN, y, width, text });
    }
}
