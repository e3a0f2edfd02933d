//! The gates that networks spend their time in, each forward, backward and its update in one go.
//!
//! What these do is in the files of their kernels; here it is bound to slots. Small networks spend
//! more on finding numbers than on computing with them. So each sort of gate is a function of its own,
//! which has the processor's registers for itself; it finds all its operands first, where networks have
//! them (params and earlier values below what is written, values below gradients), each with one look
//! at its slot and one at its bounds. Where one lies elsewhere (in flash, among the pairs, or where
//! slots are used again) nothing has been done yet, and [`slowly`] does it. All other gates go through
//! [`kernels`](crate::kernels), a call and a look-up for each operand.
//!
//! Several samples of a batch may be walked together, in lanes side by side: to elementwise gates they are
//! one long wire, the others take them one after the other. Where a plan has lanes, all gates are done here,
//! and nothing that differs from sample to sample lies elsewhere.

use crate::gate::Gate;
use crate::op::Op;
use crate::plan::{IN_PLACE, NO_GRADIENT, Slot, part, part_mut};
use crate::scalar::Scalar;
use crate::store::{Fixed, back, hole};
use crate::tape::Tape;
use crate::{broadcast, dense, loss};

/// Fills the wire of a gate.
#[inline(always)]
pub(crate) fn forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    let done = match gate.op {
        Op::Dense => dense_forward(tape, gate, slot),
        Op::Relu | Op::Sigmoid | Op::Tanh => unary_forward(tape, gate, slot),
        Op::Mul | Op::Div => scale_forward(tape, gate, slot),
        Op::Mse => mse_forward(tape, gate, slot),
        Op::CrossEntropy if tape.lanes == 1 => cross_entropy_forward(tape, gate, slot, 0),
        Op::CrossEntropy => cross_entropies_forward(tape, gate, slot),
        _ => None,
    };
    if done.is_none() {
        (tape.fixed.slowly.forward)(tape, gate, slot);
    }
}

/// The value of a wire, if it lies in this part of the arena.
#[inline(always)]
fn value<'s, T>(low: &'s [T], slots: &[Slot], wire: u16) -> Option<&'s [T]> {
    let slot = slots.get(usize::from(wire))?;
    part(low, slot.value, slot.len)
}

#[inline(never)]
fn dense_forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let (slots, lanes) = (tape.fixed.slots, tape.lanes);
    let a = slots.get(usize::from(gate.a))?;
    let (low, rest) = tape.arena.split_at_mut_checked(slot.value as usize)?;
    let (x, w) = (part(low, a.value, a.len * lanes)?, value(low, slots, gate.b)?);
    let bias = match slots.get(usize::from(gate.c)) {
        Some(bias) => Some(part(low, bias.value, bias.len)?),
        None => None,
    };
    dense::forward(x, w, bias, rest.get_mut(..(slot.len * lanes) as usize)?, slot.len as usize);
    Some(())
}

#[inline(never)]
fn unary_forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let a = tape.fixed.slots.get(usize::from(gate.a))?;
    let (low, rest) = tape.arena.split_at_mut_checked(slot.value as usize)?;
    let len = slot.len * tape.lanes;
    let y = rest.get_mut(..len as usize)?;
    if a.value != slot.value {
        broadcast::start(part(low, a.value, len)?, y);
    }
    match gate.op {
        Op::Relu => broadcast::unary(Op::Relu, y),
        Op::Sigmoid => broadcast::unary(Op::Sigmoid, y),
        _ => broadcast::unary(Op::Tanh, y),
    }
    Some(())
}

/// What brings inputs to scale: a number as second operand, as a rule a constant, which lies in flash.
#[inline(never)]
fn scale_forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let lanes = tape.lanes;
    let (y, around) = hole(tape.arena, slot.value, (slot.len * lanes) as usize, &tape.fixed)?;
    let &[b] = around.value(gate.b)? else { return None };
    if around.slot(gate.a)?.value != slot.value {
        broadcast::start(around.values(gate.a, lanes)?, y);
    }
    match gate.op {
        Op::Mul => broadcast::scale(Op::Mul, b, y),
        _ => broadcast::scale(Op::Div, b, y),
    }
    Some(())
}

#[inline(never)]
fn mse_forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let (slots, lanes) = (tape.fixed.slots, tape.lanes);
    let (a, b) = (slots.get(usize::from(gate.a))?, slots.get(usize::from(gate.b))?);
    let (low, rest) = tape.arena.split_at_mut_checked(slot.value as usize)?;
    let (predicted, target) = (part(low, a.value, a.len * lanes)?, part(low, b.value, b.len * lanes)?);
    loss::mean_losses(Op::Mse, T::ONE, predicted, target, a.len as usize, rest.get_mut(..lanes as usize)?);
    Some(())
}

#[inline(never)]
fn cross_entropies_forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    (0..tape.lanes).try_for_each(|lane| cross_entropy_forward(tape, gate, slot, lane))
}

/// One sample's; its exponentials cost more than to find its numbers.
#[inline(never)]
fn cross_entropy_forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, lane: u32) -> Option<()> {
    let slots = tape.fixed.slots;
    let (a, b) = (slots.get(usize::from(gate.a))?, slots.get(usize::from(gate.b))?);
    // Behind its value the gate saves one number more than there are logits.
    let saved = if slot.gradient == NO_GRADIENT { 0 } else { a.len + 1 };
    let (low, rest) = tape.arena.split_at_mut_checked((slot.value + lane * (saved + 1)) as usize)?;
    let (loss, rest) = rest.split_first_mut()?;
    let (logits, class) = (part(low, a.value + lane * a.len, a.len)?, *low.get((b.value + lane) as usize)?);
    *loss = T::cross_entropy(logits, class, rest.get_mut(..saved as usize)?);
    Some(())
}

/// Passes back what a gate's wire got to its operands, first to last.
#[inline(always)]
pub(crate) fn backward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    let done = match gate.op {
        Op::Dense => dense_back(tape, gate, slot),
        Op::Relu | Op::Sigmoid | Op::Tanh => unary_back(tape, gate, slot),
        Op::Mse => mse_back(tape, gate, slot),
        Op::CrossEntropy if tape.lanes == 1 => cross_entropy_back(tape, gate, slot, 0),
        Op::CrossEntropy => cross_entropies_back(tape, gate, slot),
        _ => None,
    };
    if done.is_none() {
        (tape.fixed.slowly.backward)(tape, gate, slot);
    }
}

#[inline(never)]
fn dense_back<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let (slots, lanes) = (tape.fixed.slots, tape.lanes);
    let (a, w) = (slots.get(usize::from(gate.a))?, slots.get(usize::from(gate.b))?);
    let bias = slots.get(usize::from(gate.c)).filter(|bias| bias.gradient < IN_PLACE);
    let sums = match (w.gradient < IN_PLACE, bias) {
        (false, None) => 0,
        (true, None) => w.len,
        // As a rule the sums of the bias lie behind those of the weights.
        (true, Some(bias)) if w.gradient + w.len == bias.gradient => w.len + bias.len,
        _ => return None,
    };
    if sums == 0 && a.gradient >= IN_PLACE {
        return Some(());
    }
    let back = back(tape.arena, tape.layout.gradients.0, slot, lanes)?;
    let (x, delta) = (part(back.values, a.value, a.len * lanes)?, back.delta);
    let dw = match sums {
        0 => None,
        sums => Some(part_mut(back.above, w.gradient.wrapping_sub(back.above_start), sums)?),
    };
    if a.gradient < IN_PLACE {
        let w = part(back.values, w.value, w.len)?;
        let dx = part_mut(back.below, a.gradient.wrapping_sub(back.base), a.len * lanes)?;
        dense::backward(w, delta, || dead_at_zero(&tape.fixed, gate.a, a).then_some(x), dx, slot.len as usize);
    }
    // dW += x δᵀ is W −= (rate·x) δᵀ with a rate of −1: a sign changes no other bit.
    if let Some(dw) = dw {
        dense::update(x, delta, -T::ONE, dw, slot.len as usize);
    }
    Some(())
}

/// Whether a wire's gradient is of no interest where its value is 0: a relu turns it into its operand's, in
/// its place, and passes nothing on there.
#[inline(always)]
fn dead_at_zero<T>(fixed: &Fixed<'_, T>, wire: u16, slot: &Slot) -> bool {
    match fixed.circuit.gates.get(usize::from(wire)) {
        Some(&Gate { op: Op::Relu, a, .. }) => {
            fixed.slots.get(usize::from(a)).is_some_and(|a| a.gradient == slot.gradient)
        }
        _ => false,
    }
}

/// In place: as a rule nobody but this gate passes anything back to its operand, and the plan lets the
/// operand's gradient take over the place of the gate's own.
#[inline(never)]
fn unary_back<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let a = tape.fixed.slots.get(usize::from(gate.a))?;
    if a.gradient != slot.gradient {
        return None;
    }
    let base = tape.layout.gradients.0;
    let (values, gradients) = tape.arena.split_at_mut_checked(base as usize)?;
    let len = slot.len * tape.lanes;
    let y = part(values, slot.value, len)?;
    let g = part_mut(gradients, slot.gradient.wrapping_sub(base), len)?;
    match gate.op {
        Op::Relu => broadcast::unary_back(Op::Relu, y, g),
        Op::Sigmoid => broadcast::unary_back(Op::Sigmoid, y, g),
        _ => broadcast::unary_back(Op::Tanh, y, g),
    }
    Some(())
}

/// What a loss passes back to its prediction; one whose target has a gradient goes the other way. Where
/// there are several samples it is the objective, and the same came back to all of them.
#[inline(never)]
fn mse_back<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    let (slots, lanes) = (tape.fixed.slots, tape.lanes);
    let (a, b) = (slots.get(usize::from(gate.a))?, slots.get(usize::from(gate.b))?);
    if b.gradient < IN_PLACE {
        return None;
    }
    let back = back(tape.arena, tape.layout.gradients.0, slot, lanes)?;
    let (predicted, target) = (part(back.values, a.value, a.len * lanes)?, part(back.values, b.value, b.len * lanes)?);
    let da = part_mut(back.below, a.gradient.wrapping_sub(back.base), a.len * lanes)?;
    let &g = back.delta.first()?;
    loss::mean_losses_back(Op::Mse, T::ONE, predicted, target, a.len as usize, g, false, da);
    Some(())
}

#[inline(never)]
fn cross_entropies_back<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    (0..tape.lanes).try_for_each(|lane| cross_entropy_back(tape, gate, slot, lane))
}

#[inline(never)]
fn cross_entropy_back<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, lane: u32) -> Option<()> {
    let slots = tape.fixed.slots;
    let (a, b) = (slots.get(usize::from(gate.a))?, slots.get(usize::from(gate.b))?);
    let back = back(tape.arena, tape.layout.gradients.0, slot, 1)?;
    let saved = part(back.values, slot.value + lane * (a.len + 2) + 1, a.len + 1)?;
    let class = *back.values.get((b.value + lane) as usize)?;
    let da = part_mut(back.below, (a.gradient + lane * a.len).wrapping_sub(back.base), a.len)?;
    T::cross_entropy_back(saved, class, T::ZERO, *back.delta.first()?, da);
    Some(())
}

/// Updates a gate's weights and bias in place.
#[inline(always)]
pub(crate) fn update<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, rate: T) {
    let done = if gate.op == Op::Dense { dense_update(tape, gate, slot, rate) } else { None };
    if done.is_none() {
        (tape.fixed.slowly.update)(tape, gate, slot, rate);
    }
}

#[inline(never)]
fn dense_update<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, rate: T) -> Option<()> {
    let slots = tape.fixed.slots;
    let (a, w) = (slots.get(usize::from(gate.a))?, slots.get(usize::from(gate.b))?);
    let len = match slots.get(usize::from(gate.c)).filter(|bias| bias.gradient == IN_PLACE) {
        // As a rule the bias lies behind the weights.
        Some(bias) if w.value + w.len == bias.value => w.len + bias.len,
        Some(_) => return None,
        None => w.len,
    };
    if w.gradient != IN_PLACE {
        return None;
    }
    let start = tape.layout.start;
    let (params, rest) = tape.arena.split_at_mut_checked(start as usize)?;
    let x = part(rest, a.value.wrapping_sub(start), a.len)?;
    let delta = part(rest, slot.gradient.wrapping_sub(start), slot.len)?;
    dense::update(x, delta, rate, part_mut(params, w.value, len)?, slot.len as usize);
    Some(())
}
