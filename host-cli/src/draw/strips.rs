//! A long drawing in strips, one below the other, as a page breaks lines.
//!
//! Where a wire is read in a later strip, a tag with its name stands for it
//! there, and the line under its gate says in which strips.

use super::layers::layers;
use super::{Kind, Node, Picture};

/// A drawing at most this wide is one strip.
const WIDE: f64 = 2000.0;
/// What a column and a node take, roughly.
const COLUMN: f64 = 165.0;
const ROW: f64 = 68.0;

/// A picture with tags in it, and the strip of each node.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// The picture; moves and objective follow their nodes.
    pub picture: Picture,
    /// The strip of each of its nodes.
    pub strips: Vec<usize>,
}

/// Breaks a picture into as many strips as make a page of it.
pub fn fold(picture: &Picture) -> Folded {
    let layers = layers(picture);
    let long = strip_length(&layers);
    let strip: Vec<usize> = layers.iter().map(|layer| layer / long).collect();
    let mut folded = Folded::default();
    // Where each node has gone, and which tags stand for it in which strip.
    let mut moved: Vec<usize> = Vec::with_capacity(picture.nodes.len());
    let mut tags: Vec<Vec<(usize, usize)>> = vec![Vec::new(); picture.nodes.len()];
    for (index, node) in picture.nodes.iter().enumerate() {
        let mut node = node.clone();
        for operand in &mut node.operands {
            let source = *operand;
            if strip[source] == strip[index] {
                *operand = moved[source];
                continue;
            }
            let known = tags[source].iter().find(|(strip_of, _)| *strip_of == strip[index]);
            *operand = match known {
                Some(&(_, tag)) => tag,
                None => {
                    let tag = folded.picture.nodes.len();
                    let name = name(&picture.nodes[source], source);
                    folded.picture.nodes.push(Node::source(Kind::Tag, &name));
                    folded.strips.push(strip[index]);
                    tags[source].push((strip[index], tag));
                    tag
                }
            };
        }
        moved.push(folded.picture.nodes.len());
        folded.picture.nodes.push(node);
        folded.strips.push(strip[index]);
    }
    for (index, tags) in tags.iter().enumerate().filter(|(_, tags)| !tags.is_empty()) {
        let node = &mut folded.picture.nodes[moved[index]];
        let strips: Vec<String> = tags.iter().map(|(strip, _)| (strip + 1).to_string()).collect();
        let name = name(&picture.nodes[index], index);
        let formula = if node.formula.is_empty() { &name } else { &node.formula };
        node.formula = format!("{formula} → row {}", strips.join(", "));
    }
    folded.picture.objective = picture.objective.map(|(node, goal)| (moved[node], goal));
    folded.picture.current = picture.current.map(|node| moved[node]);
    folded.picture.legend = picture.legend;
    folded.picture.moves.clone_from(&picture.moves);
    for step in &mut folded.picture.moves {
        step.gate = moved[step.gate];
        step.gradients.iter_mut().for_each(|(node, _)| *node = moved[*node]);
    }
    folded
}

fn name(node: &Node, index: usize) -> String {
    if node.name.is_empty() { format!("#{index}") } else { node.name.clone() }
}

/// How many columns a strip has, so that the page is not much wider than high.
fn strip_length(layers: &[usize]) -> usize {
    let depth = layers.iter().max().map_or(1, |last| last + 1);
    let mut tall = vec![0usize; depth];
    layers.iter().for_each(|&layer| tall[layer] += 1);
    for count in 1..=depth {
        let long = depth.div_ceil(count);
        let rows: usize = tall.chunks(long).map(|strip| strip.iter().copied().max().unwrap_or(0) + 1).sum();
        let width = long as f64 * COLUMN;
        if width <= WIDE.max(1.9 * rows as f64 * ROW) {
            return long;
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::samples;

    #[test]
    fn short_pictures_stay_as_they_are() {
        let picture = samples::neuron();
        let folded = fold(&picture);
        assert_eq!(folded.picture, picture);
        assert!(folded.strips.iter().all(|strip| *strip == 0));
    }

    #[test]
    fn no_arrow_leaves_its_strip() {
        let folded = fold(&samples::random(200, 3));
        assert!(folded.strips.contains(&1) && folded.picture.check().is_ok());
        for (index, node) in folded.picture.nodes.iter().enumerate() {
            for &operand in &node.operands {
                assert_eq!(folded.strips[operand], folded.strips[index]);
            }
        }
    }
}
