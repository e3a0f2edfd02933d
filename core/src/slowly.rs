//! What the walks do with a gate that [`hot`](crate::hot) leaves alone: most sorts of gates, and those of
//! networks where their operands do not lie as they do there (frozen weights in flash, a constant as
//! input, a weight that is an input, operands among the pairs, a plan that uses slots again). Each operand
//! is found on its own, from wherever it is.

use crate::dense;
use crate::gate::Gate;
use crate::op::Op;
use crate::plan::{IN_PLACE, NO_GRADIENT, Slot, saved_len};
use crate::scalar::Scalar;
use crate::store::{Around, hole};
use crate::tape::Tape;

#[inline(never)]
pub(crate) fn forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    let saved = if slot.gradient == NO_GRADIENT { 0 } else { saved_len(&tape.fixed.circuit, gate) };
    if let Some((out, around)) = hole(tape.arena, slot.value, slot.len as usize + saved, &tape.fixed) {
        let done = match gate.op {
            Op::Dense => dense_forward(gate, out, &around),
            _ => (tape.fixed.cold.forward)(gate, slot, out, &around),
        };
        debug_assert!(done.is_some());
    }
}

fn dense_forward<T: Scalar>(gate: &Gate, z: &mut [T], around: &Around<'_, T>) -> Option<()> {
    dense::forward(around.value(gate.a)?, around.value(gate.b)?, around.value(gate.c), z);
    Some(())
}

#[inline(never)]
pub(crate) fn backward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    if gate.op == Op::Dense {
        let done = dense_back(tape, gate, slot);
        debug_assert!(done.is_some());
    } else {
        (tape.fixed.cold.pass_back)(tape, gate, slot);
    }
}

fn dense_back<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    if let Some((dx, around)) = gradient(tape, gate.a) {
        dense::backward(around.value(gate.b)?, around.gradient(slot)?, dx);
    }
    if let Some((dw, around)) = gradient(tape, gate.b) {
        dense::update(around.value(gate.a)?, around.gradient(slot)?, -T::ONE, dw);
    }
    if let Some((db, around)) = gradient(tape, gate.c) {
        dense::update(&[], around.gradient(slot)?, -T::ONE, db);
    }
    Some(())
}

#[inline(never)]
pub(crate) fn update<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, rate: T) {
    if gate.op == Op::Dense {
        let done = dense_update(tape, gate, slot, rate);
        debug_assert!(done.is_some());
    } else {
        (tape.fixed.cold.update)(tape, gate, slot, rate);
    }
}

fn dense_update<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, rate: T) -> Option<()> {
    if let Some((w, around)) = in_place(tape, gate.b) {
        dense::update(around.value(gate.a)?, around.gradient(slot)?, rate, w);
    }
    if let Some((b, around)) = in_place(tape, gate.c) {
        dense::update(&[], around.gradient(slot)?, rate, b);
    }
    Some(())
}

/// The gradient of a wire to write, if it has one, and everything around it.
fn gradient<'s, T: Scalar>(tape: &'s mut Tape<'_, T>, wire: u16) -> Option<(&'s mut [T], Around<'s, T>)> {
    let to = tape.fixed.slots.get(usize::from(wire)).filter(|to| to.gradient < IN_PLACE)?;
    hole(tape.arena, to.gradient, to.len as usize, &tape.fixed)
}

/// The value of a param to write, if it is updated in place, and everything around it.
fn in_place<'s, T: Scalar>(tape: &'s mut Tape<'_, T>, wire: u16) -> Option<(&'s mut [T], Around<'s, T>)> {
    let to = tape.fixed.slots.get(usize::from(wire)).filter(|to| to.gradient == IN_PLACE)?;
    hole(tape.arena, to.value, to.len as usize, &tape.fixed)
}
