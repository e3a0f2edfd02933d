//! The walk over a circuit's scalar beginning, where value and gradient of wire i are pair i.
//!
//! This is the tape of a scalar autodiff engine: one record of eight bytes a gate, the operands'
//! pairs looked up by wire number. Control and calibration formulas live here, so it is kept as
//! short as safe code can be: cells, because a gate reads earlier pairs while it writes its own,
//! and one bounds check a look-up for value and gradient together.

use crate::broadcast::by_fours;
use crate::elementwise::{Own, any_back, any_value, back, value};
use crate::gate::Gate;
use crate::op::{Op, OpKind};
use crate::plan::{EVERY, ROOMY};
use crate::scalar::Scalar;
use crate::slowly::Slowly;
use core::cell::Cell;

/// `[value, gradient]` of a scalar wire.
pub(crate) type Pair<T> = [T; 2];

/// A pair that a gate reads while another one is written.
pub(crate) type PairCell<T> = Cell<Pair<T>>;
/// What is done forward with one of the rarer gates, and backward with what came back to it.
pub(crate) type Forward<T> = fn(&Gate, &[T], &[PairCell<T>], &PairCell<T>);
pub(crate) type Backward<T> = fn(&Gate, &[T], &[PairCell<T>], &PairCell<T>, T);

/// The value of a wire; NaN, which nothing hides, for a wire that is not there.
#[inline(always)]
fn load<T: Scalar>(pairs: &[PairCell<T>], wire: u16) -> T {
    pairs.get(usize::from(wire)).map_or(T::NAN, value_of)
}

#[inline(always)]
fn value_of<T: Scalar>(pair: &PairCell<T>) -> T {
    let [value, _] = pair.as_array_of_cells();
    value.get()
}

/// Fills the values of gates `from` to `to` − 1.
#[inline(never)]
pub(crate) fn forward<T: Scalar>(
    rest: &Slowly<T>,
    gates: &[Gate],
    numbers: &[T],
    pairs: &mut [Pair<T>],
    from: usize,
    to: usize,
) {
    let pairs = Cell::from_mut(pairs).as_slice_of_cells();
    match pairs.first_chunk::<EVERY>().filter(|_| ROOMY) {
        Some(all) => forward_walk(rest, gates, numbers, all, from, to),
        None => forward_walk(rest, gates, numbers, pairs, from, to),
    }
}

#[inline(always)]
fn forward_walk<T: Scalar>(
    rest: &Slowly<T>,
    gates: &[Gate],
    numbers: &[T],
    pairs: &[PairCell<T>],
    from: usize,
    to: usize,
) {
    let (Some(gates), Some(own)) = (gates.get(from..to), pairs.get(from..to)) else { return };
    for (gate, pair) in gates.iter().zip(own) {
        // The commonest gates apart, so that each is compiled to just what it does. A checked circuit has
        // every operand; that the walk ends where one is missing is shorter than any value for it.
        let done = match gate.op {
            Op::Add => forward_gate(Op::Add, gate, pairs, pair),
            Op::Mul => forward_gate(Op::Mul, gate, pairs, pair),
            Op::Max => forward_gate(Op::Max, gate, pairs, pair),
            op if op.is_source() => continue,
            _ => {
                (rest.pair_forward)(gate, numbers, pairs, pair);
                continue;
            }
        };
        if done.is_none() {
            return;
        }
    }
}

/// [`forward`] of one gate that is not among the commonest.
pub(crate) fn forward_rest<T: Scalar>(gate: &Gate, numbers: &[T], pairs: &[PairCell<T>], pair: &PairCell<T>) {
    // A unary gate's second operand is no wire, so NaN, which it does not read.
    let (a, b) = (load(pairs, gate.a), load(pairs, gate.b));
    let [y, _] = pair.as_array_of_cells();
    y.set(any_value(gate.op, a, b, Own { numbers, start: gate.attributes() }));
}

#[inline(always)]
fn forward_gate<T: Scalar>(op: Op, gate: &Gate, pairs: &[PairCell<T>], pair: &PairCell<T>) -> Option<()> {
    let (first, second) = (pairs.get(usize::from(gate.a))?, pairs.get(usize::from(gate.b))?);
    let [y, _] = pair.as_array_of_cells();
    y.set(value(op, value_of(first), value_of(second), Own { numbers: &[], start: 0 }));
    Some(())
}

/// Sets the gradients to 0, those of params only if they are not being summed over a batch.
pub(crate) fn clear<T: Scalar>(gates: &[Gate], pairs: &mut [Pair<T>], keep_sums: bool) {
    if keep_sums {
        for (gate, [_, gradient]) in gates.iter().zip(pairs) {
            if !gate.is_trained() {
                *gradient = T::ZERO;
            }
        }
    } else {
        by_fours!(pairs, |pair| {
            let [_, gradient] = pair;
            *gradient = T::ZERO;
        });
    }
}

/// Passes gradients back through gates `from` to `to` − 1, last first.
#[inline(never)]
pub(crate) fn backward<T: Scalar>(
    rest: &Slowly<T>,
    gates: &[Gate],
    numbers: &[T],
    pairs: &mut [Pair<T>],
    from: usize,
    to: usize,
) {
    let pairs = Cell::from_mut(pairs).as_slice_of_cells();
    match pairs.first_chunk::<EVERY>().filter(|_| ROOMY) {
        Some(all) => backward_walk(rest, gates, numbers, all, from, to),
        None => backward_walk(rest, gates, numbers, pairs, from, to),
    }
}

#[inline(always)]
fn backward_walk<T: Scalar>(
    rest: &Slowly<T>,
    gates: &[Gate],
    numbers: &[T],
    pairs: &[PairCell<T>],
    from: usize,
    to: usize,
) {
    let (Some(gates), Some(own)) = (gates.get(from..to), pairs.get(from..to)) else { return };
    for (gate, pair) in gates.iter().zip(own).rev() {
        let [_, g] = pair.as_array_of_cells();
        let g = g.get();
        if g == T::ZERO {
            continue;
        }
        match gate.op {
            Op::Add => backward_gate(Op::Add, gate, pairs, pair, g),
            Op::Mul => backward_gate(Op::Mul, gate, pairs, pair, g),
            Op::Max => backward_gate(Op::Max, gate, pairs, pair, g),
            op if op.is_source() => {}
            _ => (rest.pair_backward)(gate, numbers, pairs, pair, g),
        }
    }
}

/// [`backward`] of one gate that is not among the commonest.
pub(crate) fn backward_rest<T: Scalar>(gate: &Gate, numbers: &[T], pairs: &[PairCell<T>], pair: &PairCell<T>, g: T) {
    let own = Own { numbers, start: gate.attributes() };
    let Some(first) = pairs.get(usize::from(gate.a)) else { return };
    let second = pairs.get(usize::from(gate.b)).filter(|_| gate.op.kind() == OpKind::Binary);
    let (to_a, to_b) = any_back(gate.op, value_of(first), second.map_or(T::NAN, value_of), value_of(pair), g, own);
    add_to(first, to_a);
    if let Some(second) = second {
        add_to(second, to_b);
    }
}

/// A gate with two operands.
#[inline(always)]
fn backward_gate<T: Scalar>(op: Op, gate: &Gate, pairs: &[PairCell<T>], pair: &PairCell<T>, g: T) {
    let Some(first) = pairs.get(usize::from(gate.a)) else { return };
    let Some(second) = pairs.get(usize::from(gate.b)) else { return };
    let own = Own { numbers: &[], start: 0 };
    let (to_a, to_b) = back(op, value_of(first), value_of(second), value_of(pair), g, own);
    add_to(first, to_a);
    add_to(second, to_b);
}

#[inline(always)]
fn add_to<T: Scalar>(pair: &PairCell<T>, passed: T) {
    let [_, gradient] = pair.as_array_of_cells();
    gradient.set(gradient.get() + passed);
}
