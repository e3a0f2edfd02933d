//! A node with everything that belongs to it: box, lines under and over it, words on its stub.

use super::layout::{Frame, MARK, Outline, Role, Words};
use super::letters;
use super::place::Reach;
use super::{Kind, Node, Picture};

const WIDEST: f64 = 190.0;
/// Before the words on a stub, and after them.
const LEAD: f64 = 9.0;
const TAIL: f64 = 9.0;
/// How far the objective's second outline is from its first.
const RING: f64 = 4.0;
/// Down to the line under a box and up to the one over it: clear of the glow around a gate that moves.
const CAPTION: f64 = 19.0;
const GOAL: f64 = 9.0;
/// Between the columns of what a layer holds.
const COLUMN_GAP: f64 = 14.0;

/// How much room a node takes around the middle of its box.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block {
    /// The box, about the origin.
    pub frame: Frame,
    /// Reach to the left.
    pub left: f64,
    /// Reach to the right.
    pub right: f64,
    /// Reach upwards and downwards.
    pub reach: Reach,
    /// Whether something is written on the stub.
    pub stub: bool,
}

/// The box and its surroundings; `read` says whether a gate reads the wire,
/// `room` how wide the widest gradient is that ever stands on it.
pub fn block(picture: &Picture, index: usize, read: bool, room: f64) -> Block {
    let node = &picture.nodes[index];
    let face = face(node).1;
    let sign = is_sign(node);
    let (outline, width, height) = match node.kind {
        Kind::Gate if sign => (Outline::Circle, 42.0, 42.0),
        Kind::Gate => (Outline::Round, face + 28.0, 40.0),
        Kind::Input => (Outline::Pill, (face + 30.0).max(44.0), 36.0),
        Kind::Label => (Outline::Dashed, (face + 30.0).max(44.0), 36.0),
        Kind::Param => (Outline::Hexagon, (face + 36.0).max(50.0), 36.0),
        Kind::Const => (Outline::Bare, face + 12.0, 26.0),
        Kind::Tag => (Outline::Tag, face + 24.0, 26.0),
        Kind::Layer => {
            let [a, b, c] = columns(node);
            let inside = face.max(Role::Note.measure(&node.symbol)).max(a + b + c);
            (Outline::Layer, inside + 36.0, 56.0 + 18.0 * node.weights.len() as f64)
        }
    };
    // Enough of the left side for every arrow that arrives.
    let height = height.max(12.0 * node.operands.len() as f64 + 14.0);
    let width = if sign { width.max(height) } else { width };
    let goal = goal(picture, index);
    let ring = if goal.is_empty() { 0.0 } else { RING };
    let frame = Frame { outline, x: 0.0, y: 0.0, width, height, ring };

    let half = width / 2.0 + ring;
    let mut block = Block { frame, left: half, right: half, ..Block::default() };
    (block.reach.up, block.reach.down) = (height / 2.0 + ring, height / 2.0 + ring);
    for words in around(picture, index, &frame).iter().chain(&stub(node, &frame)) {
        let mark = if words.role.marked() { MARK } else { 0.0 };
        block.left = block.left.max(mark - words.x);
        block.right = block.right.max(words.x + words.width);
        block.reach.up = block.reach.up.max(letters::CAPITAL * words.role.size() - words.y + 3.0);
        block.reach.down = block.reach.down.max(words.y + 4.0);
    }
    let written = stub(node, &frame);
    let end = written.iter().map(|words| words.x + words.width);
    let end = end.fold(if room > 0.0 { half + LEAD + MARK + room } else { 0.0 }, f64::max);
    block.stub = !written.is_empty();
    if block.stub {
        let arrow = if read { 0.0 } else { 10.0 };
        block.right = block.right.max(end + TAIL + arrow);
    } else if read {
        block.right = block.right.max(half + if node.kind == Kind::Const { 0.0 } else { 8.0 });
    }
    block
}

/// All words of a node, in place; its box's place is `frame`.
pub fn words(picture: &Picture, index: usize, frame: &Frame) -> Vec<Words> {
    let node = &picture.nodes[index];
    let mut words = around(picture, index, frame);
    let (text, width, role) = face(node);
    if node.kind == Kind::Layer {
        let top = frame.y - frame.height / 2.0;
        words.push(middle(index, role, frame.x, top + 24.0, &text));
        words.push(middle(index, Role::Note, frame.x, top + 42.0, &node.symbol));
        let [a, b, c] = columns(node);
        let left = frame.x - (a + b + c) / 2.0;
        for (line, weights) in node.weights.iter().enumerate() {
            let y = top + 62.0 + 18.0 * line as f64;
            let mut add = |role: Role, x: f64, text: String| {
                if !text.is_empty() {
                    words.push(Words { node: index, role, x, y, width: role.measure(&text), text });
                }
            };
            add(Role::Note, left, weights.name.clone());
            add(Role::HeldValue, left + a, shown(weights.value.as_ref()));
            add(Role::HeldGradient, left + a + b + MARK, shown(weights.gradient.as_ref()));
        }
    } else {
        let y = frame.y + letters::CAPITAL * role.size() / 2.0;
        words.push(Words { node: index, role, x: frame.x - width / 2.0, y, width, text });
    }
    words.extend(stub(node, frame).into_iter().map(|mut words| {
        words.node = index;
        words
    }));
    words.retain(|words| !words.text.is_empty());
    words
}

fn is_sign(node: &Node) -> bool {
    node.kind == Kind::Gate && node.face().chars().count() <= 2
}

fn shown(quantity: Option<&super::Quantity>) -> String {
    quantity.map(ToString::to_string).unwrap_or_default()
}

/// How wide the three columns of a layer's lines are, with the gaps between.
fn columns(node: &Node) -> [f64; 3] {
    let mut wide = [0.0f64; 3];
    for weights in &node.weights {
        wide[0] = wide[0].max(Role::Note.measure(&weights.name));
        wide[1] = wide[1].max(Role::HeldValue.measure(&shown(weights.value.as_ref())));
        if weights.gradient.is_some() {
            let gradient = Role::HeldGradient.measure(&shown(weights.gradient.as_ref()));
            wide[2] = wide[2].max(COLUMN_GAP + MARK + gradient);
        }
    }
    if wide[1] > 0.0 {
        wide[0] += COLUMN_GAP;
    }
    if wide[2] > 0.0 {
        wide[1] += COLUMN_GAP;
        wide[2] -= COLUMN_GAP;
    }
    wide
}

/// What stands in the box, how wide, and in what letters.
fn face(node: &Node) -> (String, f64, Role) {
    let role = match node.kind {
        Kind::Gate if is_sign(node) => Role::Sign,
        Kind::Const | Kind::Tag => Role::Note,
        _ => Role::Face,
    };
    let text = if node.kind == Kind::Layer { &node.name } else { node.face() };
    let text = letters::fit(text, role.weight(), role.size(), WIDEST);
    let width = role.measure(&text);
    (text, width, role)
}

fn goal(picture: &Picture, index: usize) -> &'static str {
    picture.objective.filter(|(node, _)| *node == index).map_or("", |(_, goal)| goal.mark())
}

fn middle(node: usize, role: Role, x: f64, y: f64, text: &str) -> Words {
    let width = role.measure(text);
    Words { node, role, x: x - width / 2.0, y, width, text: text.into() }
}

/// The lines over and under the box.
fn around(picture: &Picture, index: usize, frame: &Frame) -> Vec<Words> {
    let node = &picture.nodes[index];
    let mut words = Vec::new();
    let caption = if Role::Caption.measure(&node.formula) <= WIDEST {
        node.formula.clone()
    } else {
        letters::fit(&node.name, Role::Caption.weight(), Role::Caption.size(), WIDEST)
    };
    if !caption.is_empty() {
        let y = frame.y + frame.height / 2.0 + frame.ring + CAPTION;
        words.push(middle(index, Role::Caption, frame.x, y, &caption));
    }
    let goal = goal(picture, index);
    if !goal.is_empty() {
        let y = frame.y - frame.height / 2.0 - frame.ring - GOAL;
        words.push(middle(index, Role::Goal, frame.x, y, goal));
    }
    words
}

/// The words on the wire beside the box.
fn stub(node: &Node, frame: &Frame) -> Vec<Words> {
    let mut words = Vec::new();
    let left = frame.x + frame.width / 2.0 + frame.ring + LEAD;
    let mut add = |role: Role, x: f64, y: f64, text: String| {
        if !text.is_empty() {
            let width = role.measure(&text);
            words.push(Words { node: 0, role, x: left + x, y: frame.y + y, width, text });
        }
    };
    if !matches!(node.kind, Kind::Const | Kind::Tag) {
        let value = shown(node.value.as_ref());
        let shape = if value.is_empty() { -7.0 } else { -24.0 };
        add(Role::Value, 0.0, -7.0, value);
        add(Role::Shape, 0.0, shape, node.shape.clone());
        add(Role::Gradient, MARK, 18.0, shown(node.gradient.as_ref()));
    }
    words
}
