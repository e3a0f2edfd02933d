//! Which column each node stands in, and the way of long wires through the columns between.
//!
//! A node stands as near to its first reader as its operands allow. A wire that
//! passes columns gets one *slot* in each of them, shared by all its readers: it
//! is drawn as one trunk from which readers branch off.

use super::Picture;

/// A place in a column: a node, or a wire passing through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The node, or the node whose wire passes.
    pub node: usize,
    /// Whether it is the wire only.
    pub passes: bool,
    /// Its column.
    pub layer: usize,
}

/// A piece of wire from a slot to one in the next column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The slot in the earlier column.
    pub from: usize,
    /// The slot in the next.
    pub to: usize,
    /// Which operand of the reader it is; 0 where the wire passes on.
    pub operand: usize,
}

/// The slots and links of a picture, before they are ordered.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// All slots; the first are the nodes, in their own order.
    pub slots: Vec<Slot>,
    /// All links.
    pub links: Vec<Link>,
    /// The slots of each column, top to bottom.
    pub columns: Vec<Vec<usize>>,
    /// For each slot the links that arrive.
    pub arriving: Vec<Vec<usize>>,
    /// For each slot the links that leave.
    pub leaving: Vec<Vec<usize>>,
}

/// The column of each node.
pub fn layers(picture: &Picture) -> Vec<usize> {
    let nodes = &picture.nodes;
    let mut layer = vec![0; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        layer[index] = node.operands.iter().map(|&operand| layer[operand] + 1).max().unwrap_or(0);
    }
    let mut first_reader = vec![usize::MAX; nodes.len()];
    for index in (0..nodes.len()).rev() {
        if first_reader[index] != usize::MAX {
            layer[index] = first_reader[index] - 1;
        }
        for &operand in &nodes[index].operands {
            first_reader[operand] = first_reader[operand].min(layer[index]);
        }
    }
    let least = layer.iter().copied().min().unwrap_or(0);
    layer.iter_mut().for_each(|l| *l -= least);
    layer
}

impl Grid {
    /// The grid of a picture, its columns in a first order that keeps trees
    /// free of crossings: a walk backwards from the ends, operands from top to
    /// bottom.
    pub fn new(picture: &Picture) -> Self {
        let nodes = &picture.nodes;
        let layer = layers(picture);
        let mut grid = Self::default();
        for (node, &layer) in layer.iter().enumerate() {
            grid.slots.push(Slot { node, passes: false, layer });
        }
        // trunks[n][k] is the slot of n's wire k columns after n.
        let mut trunks: Vec<Vec<usize>> = (0..nodes.len()).map(|n| vec![n]).collect();
        for (reader, node) in nodes.iter().enumerate() {
            for (operand, &source) in node.operands.iter().enumerate() {
                while trunks[source].len() < layer[reader] - layer[source] {
                    let to = grid.slots.len();
                    let before = trunks[source][trunks[source].len() - 1];
                    grid.slots.push(Slot { node: source, passes: true, layer: layer[source] + trunks[source].len() });
                    grid.links.push(Link { from: before, to, operand: 0 });
                    trunks[source].push(to);
                }
                let from = trunks[source][layer[reader] - layer[source] - 1];
                grid.links.push(Link { from, to: reader, operand });
            }
        }
        grid.arriving = vec![Vec::new(); grid.slots.len()];
        grid.leaving = vec![Vec::new(); grid.slots.len()];
        for (index, link) in grid.links.iter().enumerate() {
            grid.arriving[link.to].push(index);
            grid.leaving[link.from].push(index);
        }
        grid.first_order();
        grid
    }

    fn first_order(&mut self) {
        let depth = self.slots.iter().map(|slot| slot.layer + 1).max().unwrap_or(0);
        self.columns = vec![Vec::new(); depth];
        let mut seen = vec![false; self.slots.len()];
        let mut ends: Vec<usize> = (0..self.slots.len()).filter(|&slot| self.leaving[slot].is_empty()).collect();
        ends.sort_by_key(|&slot| core::cmp::Reverse(self.slots[slot].layer));
        for end in ends {
            let mut way = vec![end];
            while let Some(slot) = way.pop() {
                if core::mem::replace(&mut seen[slot], true) {
                    continue;
                }
                self.columns[self.slots[slot].layer].push(slot);
                let links = self.arriving[slot].iter().rev();
                way.extend(links.map(|&link| self.links[link].from));
            }
        }
    }

    /// Where each slot stands in its column.
    pub fn positions(&self) -> Vec<usize> {
        let mut positions = vec![0; self.slots.len()];
        for column in &self.columns {
            for (position, &slot) in column.iter().enumerate() {
                positions[slot] = position;
            }
        }
        positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Kind, Node};

    #[test]
    fn sources_stand_beside_their_first_reader() {
        let mut nodes = vec![Node::source(Kind::Input, "x")];
        for n in 0..4 {
            nodes.push(Node::gate(Kind::Gate, "tanh", "", &[n]));
        }
        nodes.push(Node::source(Kind::Param, "w"));
        nodes.push(Node::gate(Kind::Gate, "×", "f", &[4, 5]));
        let picture = Picture { nodes, ..Picture::default() };
        assert_eq!(layers(&picture), [0, 1, 2, 3, 4, 4, 5]);
    }

    #[test]
    fn a_long_wire_has_one_trunk() {
        let mut nodes = vec![Node::source(Kind::Input, "x")];
        for n in 0..4 {
            nodes.push(Node::gate(Kind::Gate, "+", "", &[n, 0]));
        }
        let grid = Grid::new(&Picture { nodes, ..Picture::default() });
        assert_eq!(grid.slots.iter().filter(|slot| slot.passes).count(), 3);
        for link in &grid.links {
            assert_eq!(grid.slots[link.from].layer + 1, grid.slots[link.to].layer);
        }
        assert_eq!(grid.columns.iter().map(Vec::len).sum::<usize>(), grid.slots.len());
    }
}
