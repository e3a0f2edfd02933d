//! Which part of the arena each value and each gradient is in, how long the parts are, and where in
//! them each has its place.

use super::lanes::reads_values;
use super::layout::{IN_FROZEN, IN_NUMBERS, IN_PLACE, Layout, NO_GRADIENT, PLACE, Purpose, Slot};
use super::mark::{NEEDS, SHARES, SHARES_BACK, WEIGHT};
use super::reuse::reuse;
use super::{bits, put, readers, saved_len};
use crate::circuit::{CircuitRef, at};
use crate::gate::Gate;
use crate::op::Op;

/// The next free place in each part of the arena; from 0 on, the numbers in it.
#[derive(Clone, Copy)]
struct Next {
    /// How many samples lie side by side.
    lanes: u32,
    /// Trained params that have a gradient of their own, and those that are updated in place.
    own: u32,
    in_place: u32,
    /// Frozen params in RAM, and in flash.
    frozen: u32,
    in_flash: u32,
    values: u32,
    own_gradients: u32,
    gradients: u32,
    sums: u32,
    trained: u32,
    /// Params among the pairs.
    pair_params: u32,
}

enum Place {
    Gradients,
    Sums,
    Weight,
    Nowhere,
}

/// Which part of the arena a wire's gradient is in.
#[inline]
const fn gradient_place(gate: &Gate, marks: u32, readers: u32, purpose: Purpose) -> Place {
    if marks & NEEDS == 0 {
        return Place::Nowhere;
    }
    match purpose {
        _ if purpose.sums() && gate.is_trained() => Place::Sums,
        Purpose::Train if gate.is_trained() && readers == 1 && marks & WEIGHT != 0 => Place::Weight,
        _ => Place::Gradients,
    }
}

/// Divides the arena; nothing if it would be too large. One walk does it twice: the first time from 0 on, which
/// tells where the parts begin.
pub(super) const fn assign<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    in_flash: bool,
    pairs: usize,
    lanes: u32,
    slots: &mut [Slot],
) -> Option<Layout> {
    let mut counts = Next {
        lanes,
        own: 0,
        in_place: 0,
        frozen: 0,
        in_flash: 0,
        values: 0,
        own_gradients: 0,
        gradients: 0,
        sums: 0,
        trained: 0,
        pair_params: 0,
    };
    if !place_all(circuit, purpose, in_flash, pairs, &mut counts, slots, false) {
        return None;
    }
    // Params with a gradient of their own come first, and their gradients in the same order, so that
    // a step is one loop over both.
    let own = 2 * pairs as u32;
    let params = counts.own + counts.in_place + counts.frozen;
    let values = own + params;
    let mut first = pairs;
    while let Some(gate) = at(circuit.gates, first)
        && gate.op.is_source()
    {
        first += 1;
    }
    let peak = if matches!(purpose, Purpose::Infer) { reuse(circuit, values, slots) } else { counts.values };
    let gradients = values + peak;
    let gradient_count = counts.own_gradients + counts.gradients;
    let sums = gradients + gradient_count;
    let moments = sums + counts.sums;
    let mut next = Next {
        lanes,
        own,
        in_place: own + counts.own,
        frozen: own + counts.own + counts.in_place,
        in_flash: 0,
        values,
        own_gradients: gradients,
        gradients: gradients + counts.own_gradients,
        sums,
        trained: 0,
        pair_params: 0,
    };
    place_all(circuit, purpose, in_flash, pairs, &mut next, slots, true);
    Some(Layout {
        purpose,
        wires: circuit.gates.len() as u32,
        lanes,
        pairs: pairs as u32,
        first: first as u32,
        start: values,
        arena: moments + purpose.moments() as u32 * counts.trained,
        gradients: (gradients, sums),
        optimiser: (sums, moments),
        moments,
        trained: counts.trained,
        params: params + counts.pair_params,
        frozen: counts.in_flash,
        values: peak + pairs as u32 - counts.pair_params,
        gradient_count: gradient_count + pairs as u32,
        reads_values: reads_values(circuit, pairs),
        own_params: (own, if purpose.sums() { sums } else { gradients }, counts.own),
    })
}

/// Gives each wire its places, or only counts them; whether all of it is of a size that a slot can tell.
#[inline(never)]
const fn place_all<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    in_flash: bool,
    pairs: usize,
    next: &mut Next,
    slots: &mut [Slot],
    place: bool,
) -> bool {
    let infers = matches!(purpose, Purpose::Infer);
    let mut total = 2 * pairs as u32;
    let mut i = 0;
    while let Some(gate) = at(circuit.gates, i) {
        let (len, marks) = (circuit.len_at(i) as u32, bits(slots, i));
        let (saved, lanes) = (saved_len(circuit, gate) as u32, next.lanes);
        total = total.saturating_add(len.saturating_mul(2 * lanes + purpose.moments() as u32));
        total = total.saturating_add(saved.saturating_mul(lanes));
        if total >= PLACE {
            return false;
        }
        let mut placed = Slot { value: 2 * i as u32, gradient: 2 * i as u32 + 1, len };
        let flash = gate.is_frozen() && in_flash;
        if flash {
            take(&mut next.in_flash, len);
        }
        if gate.is_trained() {
            next.trained += len;
        }
        if i >= pairs {
            let gradient =
                if infers { Place::Nowhere } else { gradient_place(gate, marks, readers(slots, i), purpose) };
            placed.value = match gate.op {
                Op::Const => IN_NUMBERS | gate.number() as u32,
                Op::Param if flash => IN_FROZEN | (next.in_flash - len),
                Op::Param if !gate.is_trained() => take(&mut next.frozen, len),
                Op::Param if infers || matches!(gradient, Place::Weight) => take(&mut next.in_place, len),
                Op::Param => take(&mut next.own, len),
                _ if infers => marks,
                _ if marks & SHARES != 0 => bits(slots, gate.a as usize),
                _ => take(&mut next.values, lanes * (len + if marks & NEEDS != 0 { saved } else { 0 })),
            };
            placed.gradient = match gradient {
                Place::Gradients if gate.is_trained() => take(&mut next.own_gradients, len),
                Place::Gradients if marks & SHARES_BACK != 0 => readers(slots, gate.a as usize),
                Place::Gradients => take(&mut next.gradients, lanes * len),
                Place::Sums => take(&mut next.sums, len),
                Place::Weight => IN_PLACE,
                Place::Nowhere => NO_GRADIENT,
            };
        } else if matches!(gate.op, Op::Const | Op::Label) {
            placed.gradient = NO_GRADIENT;
        } else if matches!(gate.op, Op::Param) {
            next.pair_params += 1;
        }
        if place {
            put(slots, i, placed);
        }
        i += 1;
    }
    true
}

#[inline]
const fn take(next: &mut u32, len: u32) -> u32 {
    let place = *next;
    *next += len;
    place
}
