//! Which gradient stands under which wire after how many moves of the backward walk.

use super::Picture;
use super::layout::{Layout, Role, Words};

/// Words that are there from one step to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The first step at which they are there.
    pub from: usize,
    /// The first at which they are not; `usize::MAX` if they stay.
    pub until: usize,
    /// The words, in place.
    pub words: Words,
}

/// Whether words of this role come and go with the steps.
pub fn changes(role: Role) -> bool {
    matches!(role, Role::Gradient | Role::HeldGradient)
}

/// For each node, the width of the widest gradient that ever stands under its wire.
pub fn rooms(picture: &Picture) -> Vec<f64> {
    let mut rooms = vec![0.0f64; picture.nodes.len()];
    for (node, gradient) in picture.moves.iter().flat_map(|step| &step.gradients) {
        rooms[*node] = rooms[*node].max(Role::Gradient.measure(&gradient.to_string()));
    }
    rooms
}

/// All words that come and go. Before the first move only the objective has a
/// gradient; what a layer holds has one when the layer has moved.
pub fn stages(layout: &Layout) -> Vec<Stage> {
    let picture = &layout.picture;
    let objective = picture.objective.map(|(node, _)| node);
    let mut stages = Vec::new();
    for words in layout.words.iter().filter(|words| changes(words.role)) {
        let node = words.node;
        let moves = picture.moves.iter().enumerate();
        if picture.moves.is_empty() || objective == Some(node) && words.role == Role::Gradient {
            stages.push(Stage { from: 0, until: usize::MAX, words: words.clone() });
        } else if words.role == Role::HeldGradient {
            let moved = moves.filter(|(_, step)| step.gate == node).map(|(at, _)| at + 1).next_back();
            let from = moved.unwrap_or(picture.moves.len());
            stages.push(Stage { from, until: usize::MAX, words: words.clone() });
        } else {
            let first = stages.len();
            for (at, step) in moves {
                for (_, gradient) in step.gradients.iter().filter(|(changed, _)| *changed == node) {
                    let text = gradient.to_string();
                    let width = words.role.measure(&text);
                    if let Some(before) = stages[first..].last_mut() {
                        before.until = at + 1;
                    }
                    let words = Words { text, width, ..words.clone() };
                    stages.push(Stage { from: at + 1, until: usize::MAX, words });
                }
            }
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::layout::layout;
    use crate::draw::samples;

    #[test]
    fn a_shared_wire_adds_up_step_by_step() {
        let stages = stages(&layout(&samples::shared()).unwrap());
        // x, the first node, gets 7 from r = q + x and 32 more from q = x · y.
        let x: Vec<(usize, usize, &str)> = stages
            .iter()
            .filter(|stage| stage.words.node == 0)
            .map(|stage| (stage.from, stage.until, stage.words.text.as_str()))
            .collect();
        assert_eq!(x, [(3, 4, "7"), (4, usize::MAX, "39")]);
    }
}
