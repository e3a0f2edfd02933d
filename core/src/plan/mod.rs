//! The plan: where each wire's value and gradient lie in one arena, made before the first run.
//!
//! A plan costs one [`Slot`] of twelve bytes a wire and nothing at run time. It is made by `const`
//! functions, so a circuit in flash can have its plan in flash too, and it counts in numbers, not in
//! pointers, so a 64-bit host tells the bytes of a 32-bit board.
//!
//! The arena, in this order:
//!
//! | part | holds |
//! |---|---|
//! | pairs | `[value, gradient]` of each wire of the circuit's scalar beginning |
//! | params | weights that train, and frozen ones that are not in flash |
//! | values | of all other wires |
//! | gradients | one for each element that needs one |
//! | optimiser | sums of gradients over a batch, and moments, if asked for |
//!
//! Values and gradients are there once for each lane, where several samples are walked together.
//!
//! **Why pairs.** A circuit of scalars spends its time looking things up. Where a circuit begins
//! with scalar wires, the wire's number is the place of its value and its gradient, side by side: one
//! look-up and one bounds check for both. Networks begin with a vector and have no pairs.

mod assign;
mod lanes;
mod layout;
mod mark;
mod reuse;

use crate::circuit::{CircuitRef, at};
use crate::error::PlanError;
use crate::gate::Gate;
use crate::op::Op;
use crate::{layer_norm, recurrent};
use assign::assign;
use lanes::may_have_lanes;
use mark::{mark_needs, mark_readers, mark_sharing, scalar_beginning};

pub use lanes::LANES;
pub use layout::{Bytes, Layout, Purpose, Slot};
pub(crate) use layout::{EVERY, IN_FROZEN, IN_NUMBERS, IN_PLACE, NO_GRADIENT, ROOMY, part, part_mut};
pub(crate) use mark::gives_gradient_away;

/// Plans the memory of a circuit: fills one slot a wire and tells how the arena is divided.
///
/// With `frozen_in_flash`, frozen params are read from a slice that the tape is given; otherwise
/// they have a place in the arena.
///
/// # Errors
/// [`PlanError::SlotsFull`] if there are fewer slots than wires; [`PlanError::NoObjective`] if
/// training is asked of a circuit without one; [`PlanError::TooLarge`].
pub const fn plan<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    frozen_in_flash: bool,
    slots: &mut [Slot],
) -> Result<Layout, PlanError> {
    plan_lanes(circuit, purpose, frozen_in_flash, 1, slots)
}

/// [`plan`] with room for up to [`LANES`] samples of a batch that are walked together
/// ([`Training::samples`](crate::Training::samples)), which makes small networks a good deal faster and
/// changes no bit. Values and gradients then take so many times the room.
///
/// Circuits of dense gates, relu, sigmoid, tanh, mse and cross_entropy, and of wires times or over a constant
/// number, can do that, each param read by one gate, when they train by batches; [`Layout::lanes`] tells. All others get one lane.
///
/// # Errors
/// As [`plan`].
#[inline(never)]
pub const fn plan_lanes<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    frozen_in_flash: bool,
    lanes: u32,
    slots: &mut [Slot],
) -> Result<Layout, PlanError> {
    let n = circuit.gates.len();
    if slots.len() < n {
        return Err(PlanError::SlotsFull(n));
    }
    if purpose.trains() && circuit.objective.is_none() {
        return Err(PlanError::NoObjective);
    }
    mark_readers(circuit, slots);
    mark_needs(circuit, purpose, slots);
    let pairs = if matches!(purpose, Purpose::Infer) { 0 } else { scalar_beginning(circuit) };
    if purpose.trains() {
        mark_sharing(circuit, pairs, slots);
    }
    let lanes = match lanes {
        0 | 1 => 1,
        _ if !may_have_lanes(circuit, purpose, frozen_in_flash, pairs, slots) => 1,
        2..LANES => lanes,
        _ => LANES,
    };
    match assign(circuit, purpose, frozen_in_flash, pairs, lanes, slots) {
        Some(layout) => Ok(layout),
        None => Err(PlanError::TooLarge),
    }
}

/// The plan with as many lanes as an arena of `room` numbers has room for: [`LANES`], or else one. If there is
/// no room for that either, it is told by [`Layout::arena_len`].
///
/// # Errors
/// As [`plan`].
pub const fn plan_within<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    frozen_in_flash: bool,
    room: usize,
    slots: &mut [Slot],
) -> Result<Layout, PlanError> {
    match plan_lanes(circuit, purpose, frozen_in_flash, LANES, slots) {
        Ok(layout) if layout.lanes > 1 && layout.arena_len() > room => {
            plan_lanes(circuit, purpose, frozen_in_flash, 1, slots)
        }
        // What is too large with lanes may not be without.
        Err(PlanError::TooLarge) => plan_lanes(circuit, purpose, frozen_in_flash, 1, slots),
        planned => planned,
    }
}

/// What a gate keeps behind its wire's value for the way back, or takes there on the way back.
pub(crate) const fn saved_len<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> usize {
    match gate.op {
        Op::CrossEntropy | Op::SmoothCrossEntropy => circuit.len_at(gate.a as usize) + 1,
        Op::LayerNorm => match circuit.shape_at(gate.a as usize) {
            Some(shape) => shape.len() / shape.last() * layer_norm::KEPT,
            None => 0,
        },
        Op::Gru | Op::Rnn => match at(circuit.shapes, gate.shape as usize) {
            Some(shape) => recurrent::saved_len(gate.op, shape.first(), shape.last()),
            None => 0,
        },
        _ => 0,
    }
}

/// What is marked of a wire, or where its value is; 0 if there is none.
#[inline(never)]
const fn bits(slots: &[Slot], i: usize) -> u32 {
    match at(slots, i) {
        Some(slot) => slot.value,
        None => 0,
    }
}

/// How many read a wire, or where its gradient is; 0 if there is none.
#[inline(never)]
const fn readers(slots: &[Slot], i: usize) -> u32 {
    match at(slots, i) {
        Some(slot) => slot.gradient,
        None => 0,
    }
}

/// Puts both.
#[inline(never)]
const fn note(slots: &mut [Slot], i: usize, bits: u32, readers: u32) {
    put(slots, i, Slot { value: bits, gradient: readers, len: 0 });
}

#[inline(never)]
const fn put(slots: &mut [Slot], i: usize, slot: Slot) {
    if let Some((_, rest)) = slots.split_at_mut_checked(i)
        && let Some(place) = rest.first_mut()
    {
        *place = slot;
    }
}

#[cfg(test)]
mod tests;
