//! How high each slot stands: straight wires first, then balance.
//!
//! Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2001),
//! turned by a quarter: four times, slots are hung together with a median
//! neighbour into straight rows that are packed tightly, to the left or right
//! neighbour and from above or from below; each slot gets the mean of the two
//! middle heights. Rows are packed over the graph of neighbouring rows, which
//! avoids the paper's error in shifting classes. At the end each straight row
//! moves as far towards what it is joined to as its neighbours leave room.

use super::layers::Grid;

/// How much room a slot needs above and below its height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reach {
    /// Upwards.
    pub up: f64,
    /// Downwards.
    pub down: f64,
}

/// The height of each slot, smallest at the top; in each column a slot stands
/// at least `gap(a, b)` beyond what the two need. What `light` slots are joined
/// to does not count where a gate seeks the middle of its operands.
pub fn heights(
    grid: &Grid,
    reach: &[Reach],
    light: impl Fn(usize) -> bool,
    gap: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let positions = grid.positions();
    let conflicts = conflicts(grid, &positions);
    let apart = |a: usize, b: usize| reach[a].down + reach[b].up + gap(a, b);
    let mut drafts: Vec<Vec<f64>> = Vec::new();
    for rightwards in [true, false] {
        for from_top in [true, false] {
            let rows = rows(grid, &positions, &conflicts, rightwards, from_top);
            let mut draft = pack(grid, &rows, from_top, &apart);
            if !from_top {
                draft.iter_mut().for_each(|y| *y = -*y);
            }
            drafts.push(draft);
        }
    }
    let mut heights = balance(&mut drafts);
    settle(grid, &light, &apart, &mut heights);
    heights
}

/// For each link, whether it crosses a piece of a long wire's trunk; such a
/// link is not to be straight, so that the trunk can be.
fn conflicts(grid: &Grid, positions: &[usize]) -> Vec<bool> {
    let trunk = |link: usize| {
        let link = grid.links[link];
        grid.slots[link.from].passes && grid.slots[link.to].passes
    };
    let mut marked = vec![false; grid.links.len()];
    for column in &grid.columns {
        let links: Vec<usize> = column.iter().flat_map(|&slot| grid.leaving[slot].iter().copied()).collect();
        let trunks: Vec<usize> = links.iter().copied().filter(|&link| trunk(link)).collect();
        if trunks.is_empty() {
            continue;
        }
        let ends = |link: usize| {
            let link = grid.links[link];
            (positions[link.from], positions[link.to])
        };
        for &link in links.iter().filter(|&&link| !trunk(link)) {
            let (from, to) = ends(link);
            marked[link] = trunks.iter().any(|&other| {
                let (f, t) = ends(other);
                (from < f && to > t) || (from > f && to < t)
            });
        }
    }
    marked
}

/// The first slot of the straight row that each slot belongs to.
fn rows(grid: &Grid, positions: &[usize], conflicts: &[bool], rightwards: bool, from_top: bool) -> Vec<usize> {
    let mut root: Vec<usize> = (0..grid.slots.len()).collect();
    let mut taken = vec![false; grid.slots.len()];
    let depth = grid.columns.len();
    for step in 1..depth {
        let at = if rightwards { step } else { depth - 1 - step };
        let height = grid.columns[at].len();
        let mut last: Option<usize> = None;
        for place in 0..height {
            let slot = grid.columns[at][if from_top { place } else { height - 1 - place }];
            let links = if rightwards { &grid.arriving[slot] } else { &grid.leaving[slot] };
            let mut neighbours: Vec<(usize, usize, usize)> = links
                .iter()
                .map(|&link| {
                    let ends = grid.links[link];
                    let other = if rightwards { ends.from } else { ends.to };
                    (positions[other], other, link)
                })
                .collect();
            neighbours.sort_unstable();
            neighbours.dedup_by_key(|n| n.1);
            let count = neighbours.len();
            if count == 0 {
                continue;
            }
            let mut medians = [(count - 1) / 2, count / 2];
            if !from_top {
                medians.reverse();
            }
            for median in medians {
                let (position, other, link) = neighbours[median];
                let beyond = last.is_none_or(|last| if from_top { position > last } else { position < last });
                if !conflicts[link] && !taken[other] && beyond {
                    taken[other] = true;
                    root[slot] = root[other];
                    last = Some(position);
                    break;
                }
            }
        }
    }
    root
}

/// Packs rows as far up as they go, then lets each come down to its neighbours.
fn pack(grid: &Grid, root: &[usize], from_top: bool, apart: &impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let size = grid.slots.len();
    let mut after: Vec<Vec<(usize, f64)>> = vec![Vec::new(); size];
    let mut waits = vec![0usize; size];
    for column in &grid.columns {
        for pair in column.windows(2) {
            let distance = apart(pair[0], pair[1]);
            let (first, second) = if from_top { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
            after[root[first]].push((root[second], distance));
            waits[root[second]] += 1;
        }
    }
    let mut queue: Vec<usize> = (0..size).filter(|&s| root[s] == s && waits[s] == 0).collect();
    let mut y = vec![0.0f64; size];
    let mut next = 0;
    while next < queue.len() {
        let row = queue[next];
        next += 1;
        for &(other, distance) in &after[row] {
            y[other] = y[other].max(y[row] + distance);
            waits[other] -= 1;
            if waits[other] == 0 {
                queue.push(other);
            }
        }
    }
    for &row in queue.iter().rev() {
        let room = after[row].iter().map(|&(other, distance)| y[other] - distance);
        let room = room.fold(f64::INFINITY, f64::min);
        if room.is_finite() {
            y[row] = y[row].max(room);
        }
    }
    (0..size).map(|slot| y[root[slot]]).collect()
}

/// Lays the drafts over the flattest of them and takes the mean of the middle two.
fn balance(drafts: &mut [Vec<f64>]) -> Vec<f64> {
    let span = |draft: &[f64]| {
        let low = draft.iter().copied().fold(f64::INFINITY, f64::min);
        let high = draft.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let flattest =
        drafts.iter().map(|draft| span(draft)).min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0))).unwrap_or((0.0, 0.0));
    for (index, draft) in drafts.iter_mut().enumerate() {
        let (low, high) = span(draft);
        let shift = if index % 2 == 0 { flattest.0 - low } else { flattest.1 - high };
        draft.iter_mut().for_each(|y| *y += shift);
    }
    let size = drafts.first().map_or(0, Vec::len);
    (0..size)
        .map(|slot| {
            let mut four: Vec<f64> = drafts.iter().map(|draft| draft[slot]).collect();
            four.sort_by(f64::total_cmp);
            (four[1] + four[2]) / 2.0
        })
        .collect()
}

/// Two heights that are the same.
const LEVEL: f64 = 0.01;

/// Moves rows of slots that are joined by level links to the median of what
/// they are joined to outside, and single gates to the middle of their
/// operands, as far as there is room.
fn settle(grid: &Grid, light: &impl Fn(usize) -> bool, apart: &impl Fn(usize, usize) -> f64, y: &mut [f64]) {
    let rounds = if grid.slots.len() > 4000 { 4 } else { 16 };
    let mut above: Vec<Option<usize>> = vec![None; y.len()];
    let mut below = above.clone();
    for column in &grid.columns {
        for pair in column.windows(2) {
            above[pair[1]] = Some(pair[0]);
            below[pair[0]] = Some(pair[1]);
        }
    }
    for _ in 0..rounds {
        let mut moved = false;
        for row in level_rows(grid, y) {
            let mut wishes: Vec<f64> = Vec::new();
            let (mut up, mut down) = (f64::INFINITY, f64::INFINITY);
            for &slot in &row {
                for &link in grid.arriving[slot].iter().chain(&grid.leaving[slot]) {
                    let ends = grid.links[link];
                    let other = if ends.from == slot { ends.to } else { ends.from };
                    let wish = y[other] - y[slot];
                    if wish.abs() > LEVEL {
                        wishes.push(wish);
                    }
                }
                if let Some(other) = above[slot] {
                    up = up.min(y[slot] - y[other] - apart(other, slot));
                }
                if let Some(other) = below[slot] {
                    down = down.min(y[other] - y[slot] - apart(slot, other));
                }
            }
            if wishes.is_empty() {
                continue;
            }
            wishes.sort_by(f64::total_cmp);
            let mut wish = (wishes[(wishes.len() - 1) / 2] + wishes[wishes.len() / 2]) / 2.0;
            if let [slot] = row[..] {
                let from = grid.arriving[slot].iter().map(|&link| grid.links[link].from);
                let weighty: Vec<usize> = from.filter(|&other| !light(other)).collect();
                if grid.arriving[slot].len() > 1 && !weighty.is_empty() {
                    let sum: f64 = weighty.iter().map(|&other| y[other] - y[slot]).sum();
                    wish = sum / weighty.len() as f64;
                }
            }
            let shift = wish.clamp(-up.max(0.0), down.max(0.0));
            if shift.abs() > 0.5 {
                row.iter().for_each(|&slot| y[slot] += shift);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
}

/// The slots, joined where a link between them is level.
fn level_rows(grid: &Grid, y: &[f64]) -> Vec<Vec<usize>> {
    let mut rows = Vec::new();
    let mut seen = vec![false; y.len()];
    for column in &grid.columns {
        for &first in column {
            let mut row = Vec::new();
            let mut way = vec![first];
            while let Some(slot) = way.pop() {
                if core::mem::replace(&mut seen[slot], true) {
                    continue;
                }
                row.push(slot);
                for &link in grid.arriving[slot].iter().chain(&grid.leaving[slot]) {
                    let ends = grid.links[link];
                    let other = if ends.from == slot { ends.to } else { ends.from };
                    if (y[other] - y[slot]).abs() <= LEVEL {
                        way.push(other);
                    }
                }
            }
            if !row.is_empty() {
                rows.push(row);
            }
        }
    }
    rows
}
