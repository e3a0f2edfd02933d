//! Which part of the arena each value and each gradient is in, how long the parts are, and where in
//! them each has its place.

use super::layout::{IN_FROZEN, IN_NUMBERS, IN_PLACE, Layout, NO_GRADIENT, PLACE, Purpose, Slot};
use super::mark::{NEEDS, SHARES, SHARES_BACK, WEIGHT};
use super::reuse::reuse;
use super::{get, put, saved_len};
use crate::circuit::{CircuitRef, at};
use crate::gate::Gate;
use crate::op::Op;

/// The numbers in each part of the arena.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    params: u32,
    trained: u32,
    frozen: u32,
    values: u32,
    gradients: u32,
    sums: u32,
    /// Params among the pairs.
    pair_params: u32,
    /// Trained params that have a gradient of their own, and those that are updated in place.
    own: u32,
    in_place: u32,
}

pub(super) const fn count<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    in_flash: bool,
    pairs: usize,
    slots: &[Slot],
) -> Option<Counts> {
    let mut total: u64 = 2 * pairs as u64;
    let mut counts = Counts {
        params: 0,
        trained: 0,
        frozen: 0,
        values: 0,
        gradients: 0,
        sums: 0,
        pair_params: 0,
        own: 0,
        in_place: 0,
    };
    let mut i = 0;
    while let (Some(gate), Some(shape)) = (at(circuit.gates, i), circuit.shape_at(i)) {
        let len = shape.len() as u32;
        let slot = get(slots, i);
        let needs = slot.value & NEEDS != 0;
        total += (2 + purpose.moments() as u64) * len as u64 + saved_len(circuit, gate) as u64;
        if total >= PLACE as u64 {
            return None;
        }
        if gate.is_trained() {
            counts.trained += len;
        }
        if gate.is_frozen() && in_flash {
            counts.frozen += len;
        }
        if i < pairs {
            if matches!(gate.op, Op::Param) {
                counts.pair_params += 1;
            }
        } else {
            match gate.op {
                Op::Const => {}
                Op::Param if gate.is_frozen() && in_flash => {}
                Op::Param => counts.params += len,
                _ if slot.value & SHARES != 0 => {}
                _ => counts.values += len + if needs { saved_len(circuit, gate) as u32 } else { 0 },
            }
            match gradient_place(gate, slot, purpose) {
                Place::Weight => counts.in_place += len,
                Place::Nowhere if gate.is_trained() => counts.in_place += len,
                Place::Gradients | Place::Sums if gate.is_trained() => counts.own += len,
                _ => {}
            }
            match gradient_place(gate, slot, purpose) {
                Place::Gradients if slot.value & SHARES_BACK != 0 => {}
                Place::Gradients => counts.gradients += len,
                Place::Sums => counts.sums += len,
                Place::Weight | Place::Nowhere => {}
            }
        }
        i += 1;
    }
    Some(counts)
}

enum Place {
    Gradients,
    Sums,
    Weight,
    Nowhere,
}

/// Which part of the arena a wire's gradient is in.
#[inline]
const fn gradient_place(gate: &Gate, slot: Slot, purpose: Purpose) -> Place {
    if slot.value & NEEDS == 0 {
        return Place::Nowhere;
    }
    match purpose {
        _ if purpose.sums() && gate.is_trained() => Place::Sums,
        Purpose::Train if gate.is_trained() && slot.gradient == 1 && slot.value & WEIGHT != 0 => Place::Weight,
        _ => Place::Gradients,
    }
}

pub(super) const fn assign<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    in_flash: bool,
    pairs: usize,
    counts: Counts,
    slots: &mut [Slot],
) -> Layout {
    let n = circuit.gates.len();
    // Params with a gradient of their own come first, and their gradients in the same order, so that
    // a step is one loop over both.
    let mut own = 2 * pairs as u32;
    let mut in_place = own + counts.own;
    let mut frozen_here = in_place + counts.in_place;
    let values = own + counts.params;
    let mut first = pairs;
    while let Some(gate) = at(circuit.gates, first)
        && gate.op.is_source()
    {
        first += 1;
    }
    let peak = if matches!(purpose, Purpose::Infer) { reuse(circuit, values, slots) } else { counts.values };
    let gradients = values + peak;
    let sums = gradients + counts.gradients;
    let moments = sums + counts.sums;
    let arena = moments + purpose.moments() as u32 * counts.trained;
    let (mut value, mut sum, mut frozen) = (values, sums, 0);
    let sums_own = purpose.sums();
    let (mut own_gradient, mut gradient) = (gradients, gradients + if sums_own { 0 } else { counts.own });
    let own_params = (own, if sums_own { sums } else { gradients }, counts.own);
    let mut i = 0;
    while let (Some(gate), Some(shape)) = (at(circuit.gates, i), circuit.shape_at(i)) {
        let len = shape.len() as u32;
        let slot = get(slots, i);
        let mut placed = Slot { value: 2 * i as u32, gradient: 2 * i as u32 + 1, len };
        let flash = gate.is_frozen() && in_flash;
        if i >= pairs {
            placed.value = match gate.op {
                Op::Const => IN_NUMBERS | gate.number() as u32,
                Op::Param if flash => IN_FROZEN | frozen,
                Op::Param if !gate.is_trained() => take(&mut frozen_here, len),
                Op::Param if matches!(purpose, Purpose::Infer) => take(&mut in_place, len),
                Op::Param => match gradient_place(gate, slot, purpose) {
                    Place::Weight => take(&mut in_place, len),
                    _ => take(&mut own, len),
                },
                _ if matches!(purpose, Purpose::Infer) => slot.value,
                _ if slot.value & SHARES != 0 => get(slots, gate.a as usize).value,
                _ => take(&mut value, len + if slot.value & NEEDS != 0 { saved_len(circuit, gate) as u32 } else { 0 }),
            };
            placed.gradient = match gradient_place(gate, slot, purpose) {
                _ if matches!(purpose, Purpose::Infer) => NO_GRADIENT,
                Place::Gradients if gate.is_trained() => take(&mut own_gradient, len),
                Place::Gradients if slot.value & SHARES_BACK != 0 => get(slots, gate.a as usize).gradient,
                Place::Gradients => take(&mut gradient, len),
                Place::Sums => take(&mut sum, len),
                Place::Weight => IN_PLACE,
                Place::Nowhere => NO_GRADIENT,
            };
        } else if matches!(gate.op, Op::Const | Op::Label) {
            placed.gradient = NO_GRADIENT;
        }
        if flash {
            frozen += len;
        }
        put(slots, i, placed);
        i += 1;
    }
    Layout {
        purpose,
        wires: n as u32,
        pairs: pairs as u32,
        first: first as u32,
        arena,
        start: values,
        gradients: (gradients, sums),
        optimiser: (sums, moments),
        moments,
        trained: counts.trained,
        params: counts.params + counts.pair_params,
        frozen: counts.frozen,
        values: peak + pairs as u32 - counts.pair_params,
        gradient_count: counts.gradients + pairs as u32,
        own_params,
    }
}

#[inline]
const fn take(next: &mut u32, len: u32) -> u32 {
    let place = *next;
    *next += len;
    place
}
