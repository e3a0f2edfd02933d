//! A circuit as a picture: what is to be drawn, apart from how.
//!
//! [`Picture`] is a plain description: nodes with their operands, what is to be
//! read off each wire, and the moves of the backward walk. [`layout`] gives
//! every part its place, [`svg`], [`png`] and [`text`] put it on paper.

pub mod animate;
pub mod block;
pub mod canvas;
pub mod layers;
pub mod layout;
pub mod legend;
pub mod letters;
pub mod order;
pub mod paint;
pub mod picture;
pub mod place;
pub mod plot;
pub mod png;
pub mod route;
pub mod steps;
pub mod strips;
pub mod svg;
pub mod text;

use core::fmt;

/// Beyond this many nodes a drawing is wallpaper, and [`Picture::check`] says so.
pub const MOST_NODES: usize = 3000;

/// What a node is; each kind has a shape of its own, so that colour is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Set by the caller: a pill.
    Input,
    /// The wanted answer of a sample: a dashed pill.
    Label,
    /// Trained: a hexagon.
    Param,
    /// Fixed: bare text.
    Const,
    /// One operation: a circle for a sign, a rounded box for a name.
    Gate,
    /// A gate with its weights inside: a box of several lines.
    Layer,
    /// A wire that comes from another strip of a long drawing: its name between brackets.
    Tag,
}

/// What is written on a wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// A scalar.
    Number(f64),
    /// A tensor, shown by its Euclidean norm between double bars.
    Norm(f64),
    /// Anything else, as it stands.
    Text(String),
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(v) => f.write_str(&letters::number(*v)),
            Self::Norm(v) => write!(f, "‖{}‖", letters::number(*v)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What a layer holds, as a line in its box.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Such as `weight [10, 32]`.
    pub name: String,
    /// The values, usually their norm.
    pub value: Option<Quantity>,
    /// Their gradients.
    pub gradient: Option<Quantity>,
}

/// One node and the wire that it drives.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its kind.
    pub kind: Kind,
    /// The wire's name; empty if it has none worth showing.
    pub name: String,
    /// What stands in the box: `×`, `sigmoid`, `dense 64 → 32`, the constant.
    /// Empty: the name stands there.
    pub symbol: String,
    /// The line under a gate, such as `q = x + y`; the name, if it is too long.
    pub formula: String,
    /// What a layer holds.
    pub weights: Vec<Weights>,
    /// The shape of the wire, such as `[10, 32]`; empty for a scalar.
    pub shape: String,
    /// Above the wire.
    pub value: Option<Quantity>,
    /// Below the wire.
    pub gradient: Option<Quantity>,
    /// The nodes that it reads, first operand first; all of a smaller index.
    pub operands: Vec<usize>,
    /// Whether exchanging operands changes the result, so that their arrows
    /// must arrive from top to bottom.
    pub ordered: bool,
}

impl Node {
    /// An input, label or param of this name.
    pub fn source(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.into(),
            symbol: String::new(),
            formula: String::new(),
            weights: Vec::new(),
            shape: String::new(),
            value: None,
            gradient: None,
            operands: Vec::new(),
            ordered: false,
        }
    }

    /// A gate or layer that reads `operands`.
    pub fn gate(kind: Kind, symbol: &str, name: &str, operands: &[usize]) -> Self {
        let ordered = !matches!(symbol, "+" | "×" | "min" | "max" | "dot" | "mse" | "mae");
        Self { symbol: symbol.into(), operands: operands.to_vec(), ordered, ..Self::source(kind, name) }
    }

    /// The text in a box of one line.
    pub fn face(&self) -> &str {
        if self.symbol.is_empty() { &self.name } else { &self.symbol }
    }
}

/// Which way the objective is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Up.
    Maximize,
    /// Down.
    Minimize,
}

impl Goal {
    /// The word and its arrow.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Maximize => "▲ maximize",
            Self::Minimize => "▼ minimize",
        }
    }
}

/// One move of the backward walk: a gate hands its gradient to its operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The gate that moves.
    pub gate: usize,
    /// What stands under the wires that it changed.
    pub gradients: Vec<(usize, Quantity)>,
}

/// A circuit to be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The nodes; operands come before their readers.
    pub nodes: Vec<Node>,
    /// The objective's node and the way it is to go.
    pub objective: Option<(usize, Goal)>,
    /// The backward walk, for [`Picture::after`] and the animation; may be empty.
    pub moves: Vec<Move>,
    /// The gate whose move was the last.
    pub current: Option<usize>,
    /// Whether a line at the foot says what the marks mean.
    pub legend: bool,
}

/// Why there is no drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrawError {
    /// There is nothing to draw.
    Empty,
    /// More nodes than [`MOST_NODES`].
    TooMany {
        /// How many there are.
        nodes: usize,
    },
    /// A node reads one that does not come before it.
    Operand {
        /// The reader.
        node: usize,
    },
    /// The picture is larger than a PNG can sensibly be.
    TooLarge {
        /// Its width and height in units of the drawing.
        size: (u32, u32),
    },
    /// The drawing could not be turned into pixels.
    Pixels,
}

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing to draw: the circuit has no gates"),
            Self::TooMany { nodes } => write!(
                f,
                "{nodes} nodes are more than a drawing can show ({MOST_NODES}); \
                 use layers instead of single gates, or draw without -o for a list"
            ),
            Self::Operand { node } => {
                write!(f, "node {node} reads one that does not come before it")
            }
            Self::TooLarge { size: (w, h) } => {
                write!(f, "a PNG of {w} x {h} is too large; write an .svg, which has no such limit")
            }
            Self::Pixels => f.write_str("the drawing could not be turned into pixels"),
        }
    }
}

impl core::error::Error for DrawError {}

impl Picture {
    /// Whether the picture can be drawn.
    ///
    /// # Errors
    /// [`DrawError::Empty`], [`DrawError::TooMany`], [`DrawError::Operand`].
    pub fn check(&self) -> Result<(), DrawError> {
        if self.nodes.is_empty() {
            return Err(DrawError::Empty);
        }
        if self.nodes.len() > MOST_NODES {
            return Err(DrawError::TooMany { nodes: self.nodes.len() });
        }
        for (node, n) in self.nodes.iter().enumerate() {
            if n.operands.iter().any(|&operand| operand >= node) {
                return Err(DrawError::Operand { node });
            }
        }
        Ok(())
    }

    /// The picture of some of its nodes, given in ascending order; what they
    /// read must be among them.
    #[must_use]
    pub fn part(&self, ids: &[usize]) -> Self {
        let place = |node: usize| ids.binary_search(&node).ok();
        let mut nodes: Vec<Node> = ids.iter().map(|&id| self.nodes[id].clone()).collect();
        for node in &mut nodes {
            node.operands = node.operands.iter().filter_map(|&operand| place(operand)).collect();
        }
        let objective = self.objective.and_then(|(node, goal)| Some((place(node)?, goal)));
        Self { nodes, objective, ..Self::default() }
    }

    /// The picture as it is after `count` moves of the backward walk: values
    /// everywhere, gradients as far as the walk has come (before the first
    /// move only the objective has one). More moves than there are is the end.
    #[must_use]
    pub fn after(&self, count: usize) -> Self {
        let mut picture = self.clone();
        for (index, node) in picture.nodes.iter_mut().enumerate() {
            if self.objective.map(|(objective, _)| objective) != Some(index) {
                node.gradient = None;
            }
            for weights in &mut node.weights {
                weights.gradient = None;
            }
        }
        picture.current = None;
        for step in self.moves.iter().take(count) {
            for (node, quantity) in &step.gradients {
                picture.nodes[*node].gradient = Some(quantity.clone());
            }
            // A layer's own weights have their gradients when it has moved.
            picture.nodes[step.gate].weights.clone_from(&self.nodes[step.gate].weights);
            picture.current = Some(step.gate);
        }
        picture
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
