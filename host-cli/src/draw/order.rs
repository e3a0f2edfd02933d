//! The order within the columns, with as few crossings as can be found.
//!
//! Sweeps to and fro put each slot at the mean (or median) place of its
//! neighbours in the column before (Sugiyama, Tagawa and Toda 1981), exchanges
//! of neighbours then mend what the sweeps leave (Gansner et al., "A Technique
//! for Drawing Directed Graphs", 1993). Small pictures are also begun from many
//! shuffled orders. Same picture, same order: the shuffles have a fixed seed.

use super::layers::Grid;

/// How many pairs of links cross: two links between the same columns whose ends
/// stand in opposite orders. Where the reader's operands are ordered, the
/// place where a link arrives counts as well.
pub fn crossings(grid: &Grid, ordered: &[bool]) -> usize {
    let positions = grid.positions();
    grid.columns.iter().map(|column| between(grid, ordered, &positions, column)).sum()
}

/// The crossings of the links that leave one column: inversions, counted in a
/// tree of partial sums.
fn between(grid: &Grid, ordered: &[bool], positions: &[usize], column: &[usize]) -> usize {
    let mut ends: Vec<(usize, (usize, usize))> = Vec::new();
    for &slot in column {
        for &link in &grid.leaving[slot] {
            ends.push((positions[slot], arrival(grid, ordered, positions, link)));
        }
    }
    ends.sort_unstable();
    let mut places: Vec<(usize, usize)> = ends.iter().map(|end| end.1).collect();
    places.sort_unstable();
    places.dedup();
    let mut sums = vec![0usize; places.len() + 1];
    let (mut total, mut counted) = (0, 0);
    // Links of one slot do not cross each other: count a slot's links against
    // the earlier slots' before adding them.
    for group in ends.chunk_by(|a, b| a.0 == b.0) {
        for end in group {
            let mut at = places.partition_point(|place| *place <= end.1);
            let mut not_above = 0;
            while at > 0 {
                not_above += sums[at];
                at &= at - 1;
            }
            total += counted - not_above;
        }
        for end in group {
            let mut at = places.partition_point(|place| *place < end.1) + 1;
            while at < sums.len() {
                sums[at] += 1;
                at += at & at.wrapping_neg();
            }
            counted += 1;
        }
    }
    total
}

fn arrival(grid: &Grid, ordered: &[bool], positions: &[usize], link: usize) -> (usize, usize) {
    let link = grid.links[link];
    let slot = grid.slots[link.to];
    let minds = !slot.passes && ordered[slot.node];
    (positions[link.to], if minds { link.operand } else { 0 })
}

/// Orders the grid's columns; `ordered[n]` says whether node `n` minds in which
/// order its operands arrive.
pub fn order(grid: &mut Grid, ordered: &[bool]) {
    let size = grid.slots.len();
    let starts = match size {
        0..=80 => 40,
        81..=400 => 12,
        401..=2000 => 3,
        _ => 1,
    };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut best = grid.columns.clone();
    let mut least = crossings(grid, ordered);
    for start in 0..starts {
        if least == 0 {
            break;
        }
        if start > 0 {
            for column in &mut grid.columns {
                dice.shuffle(column);
            }
        }
        let mut idle = 0;
        for round in 0..24 {
            sweep(grid, ordered, round % 2 == 0, round % 4 < 2);
            exchange(grid, ordered);
            let count = crossings(grid, ordered);
            if count < least {
                least = count;
                best.clone_from(&grid.columns);
                idle = 0;
            } else {
                idle += 1;
            }
            if least == 0 || idle > 6 {
                break;
            }
        }
    }
    grid.columns = best;
}

/// One pass over the columns; each is sorted by where its slots' neighbours
/// stand in the column just left behind.
fn sweep(grid: &mut Grid, ordered: &[bool], rightwards: bool, mean: bool) {
    let mut positions = grid.positions();
    let depth = grid.columns.len();
    for step in 1..depth {
        let at = if rightwards { step } else { depth - 1 - step };
        let mut keyed: Vec<(f64, usize)> = Vec::with_capacity(grid.columns[at].len());
        for &slot in &grid.columns[at] {
            let mut places: Vec<f64> = if rightwards {
                grid.arriving[slot].iter().map(|&link| positions[grid.links[link].from] as f64).collect()
            } else {
                grid.leaving[slot]
                    .iter()
                    .map(|&link| {
                        let (place, operand) = arrival(grid, ordered, &positions, link);
                        let to = grid.links[link].to;
                        place as f64 + operand as f64 / (grid.arriving[to].len() as f64 + 1.0)
                    })
                    .collect()
            };
            places.sort_by(f64::total_cmp);
            let key = if places.is_empty() {
                positions[slot] as f64
            } else if mean {
                places.iter().sum::<f64>() / places.len() as f64
            } else {
                places[places.len() / 2]
            };
            keyed.push((key, slot));
        }
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (position, &(_, slot)) in keyed.iter().enumerate() {
            grid.columns[at][position] = slot;
            positions[slot] = position;
        }
    }
}

/// Exchanges neighbours in a column as long as that saves crossings.
fn exchange(grid: &mut Grid, ordered: &[bool]) {
    let mut positions = grid.positions();
    for _ in 0..8 {
        let mut gained = false;
        for at in 0..grid.columns.len() {
            for place in 1..grid.columns[at].len() {
                let (above, below) = (grid.columns[at][place - 1], grid.columns[at][place]);
                let now = pair(grid, ordered, &positions, above, below);
                let then = pair(grid, ordered, &positions, below, above);
                if then < now {
                    grid.columns[at].swap(place - 1, place);
                    positions.swap(above, below);
                    gained = true;
                }
            }
        }
        if !gained {
            break;
        }
    }
}

/// The crossings between the links of two slots of a column if `above` stands
/// over `below`.
fn pair(grid: &Grid, ordered: &[bool], positions: &[usize], above: usize, below: usize) -> usize {
    let arrivals = |slot: usize| grid.arriving[slot].iter().map(|&link| (positions[grid.links[link].from], 0));
    let departures = |slot: usize| grid.leaving[slot].iter().map(|&link| arrival(grid, ordered, positions, link));
    inversions(arrivals(above), arrivals(below)) + inversions(departures(above), departures(below))
}

/// How many of `above`'s ends lie after one of `below`'s.
fn inversions(above: impl Iterator<Item = (usize, usize)>, below: impl Iterator<Item = (usize, usize)>) -> usize {
    let (mut above, mut below): (Vec<_>, Vec<_>) = (above.collect(), below.collect());
    above.sort_unstable();
    below.sort_unstable();
    above.iter().map(|end| below.partition_point(|other| other < end)).sum()
}

/// Xorshift (Marsaglia 2003), for the shuffled starts only.
struct Dice(u64);

impl Dice {
    fn shuffle(&mut self, items: &mut [usize]) {
        for last in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            items.swap(last, (self.0 % (last as u64 + 1)) as usize);
        }
    }
}
