//! The walk over a circuit's scalar beginning, where value and gradient of wire i are pair i.
//!
//! This is the tape of a scalar autodiff engine: one record of eight bytes a gate, the operands'
//! pairs looked up by wire number. Control and calibration formulas live here, so it is kept as
//! short as safe code can be: cells, because a gate reads earlier pairs while it writes its own,
//! and one bounds check a look-up for value and gradient together.

use crate::elementwise::{Own, back_a, back_b, value};
use crate::gate::Gate;
use crate::op::OpKind;
use crate::scalar::Scalar;
use core::cell::Cell;

/// `[value, gradient]` of a scalar wire.
pub(crate) type Pair<T> = [T; 2];

/// The value of a wire; NaN, which nothing hides, for a wire that is not there.
#[inline(always)]
fn load<T: Scalar>(pairs: &[Cell<Pair<T>>], wire: u16) -> T {
    match pairs.get(usize::from(wire)) {
        Some(pair) => {
            let [value, _] = pair.as_array_of_cells();
            value.get()
        }
        None => T::NAN,
    }
}

/// Fills the values of gates `from` to `to` − 1.
pub(crate) fn forward<T: Scalar>(gates: &[Gate], numbers: &[T], pairs: &mut [Pair<T>], from: usize, to: usize) {
    let pairs = Cell::from_mut(pairs).as_slice_of_cells();
    let (Some(gates), Some(own)) = (gates.get(from..to), pairs.get(from..to)) else { return };
    for (gate, pair) in gates.iter().zip(own) {
        if gate.op.is_source() {
            continue;
        }
        let a = load(pairs, gate.a);
        let b = if gate.op.kind() == OpKind::Binary { load(pairs, gate.b) } else { T::ZERO };
        let [y, _] = pair.as_array_of_cells();
        y.set(value(gate.op, a, b, Own { numbers, start: gate.attributes() }));
    }
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
        for [_, gradient] in pairs {
            *gradient = T::ZERO;
        }
    }
}

/// Passes gradients back through gates `from` to `to` − 1, last first.
pub(crate) fn backward<T: Scalar>(gates: &[Gate], numbers: &[T], pairs: &mut [Pair<T>], from: usize, to: usize) {
    let pairs = Cell::from_mut(pairs).as_slice_of_cells();
    let (Some(gates), Some(own)) = (gates.get(from..to), pairs.get(from..to)) else { return };
    for (gate, pair) in gates.iter().zip(own).rev() {
        let [y, g] = pair.get();
        if gate.op.is_source() || g == T::ZERO {
            continue;
        }
        let numbers = Own { numbers, start: gate.attributes() };
        let Some(first) = pairs.get(usize::from(gate.a)) else { continue };
        let [a, da] = first.as_array_of_cells();
        if gate.op.kind() == OpKind::Binary {
            let Some(second) = pairs.get(usize::from(gate.b)) else { continue };
            let [b, db] = second.as_array_of_cells();
            let (a, b) = (a.get(), b.get());
            da.set(da.get() + back_a(gate.op, a, b, y, g, numbers));
            db.set(db.get() + back_b(gate.op, a, b, y, g, numbers));
        } else {
            da.set(da.get() + back_a(gate.op, a.get(), T::ZERO, y, g, numbers));
        }
    }
}
