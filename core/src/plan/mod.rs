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
//! **Why pairs.** A circuit of scalars spends its time looking things up. Where a circuit begins
//! with scalar wires, the wire's number is the place of its value and its gradient, side by side: one
//! look-up and one bounds check for both. Networks begin with a vector and have no pairs.

mod reuse;

use crate::circuit::{CircuitRef, at};
use crate::elementwise::{reads_operands, reads_own};
use crate::error::PlanError;
use crate::gate::{Gate, Wire};
use crate::op::{Op, OpKind};
use crate::{layer_norm, recurrent};
use reuse::reuse;

/// What the memory is to be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
pub enum Purpose {
    /// Look at everything: every value is kept, every wire that can have a gradient has one.
    Inspect,
    /// Train sample by sample with plain gradient descent: weights of dense gates are updated in
    /// place and have no gradient. Inputs may be written over by the gates that read them.
    Train,
    /// Train by batches: a sum of gradients for every trained number.
    Accumulate,
    /// Forward only, each slot used again as soon as its value is no longer needed. Inputs too:
    /// set them before each run.
    Infer,
    /// As `Accumulate`, with so many moments for every trained number: an optimiser's memory.
    Moments(u8),
}

impl Purpose {
    /// Whether gradients are summed up over a batch.
    pub(crate) const fn sums(self) -> bool {
        matches!(self, Purpose::Accumulate | Purpose::Moments(_))
    }

    /// The moments for every trained number.
    pub(crate) const fn moments(self) -> u8 {
        if let Purpose::Moments(moments) = self { moments } else { 0 }
    }

    const fn trains(self) -> bool {
        self.sums() || matches!(self, Purpose::Train)
    }
}

/// Where the values and gradients of one wire lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Slot {
    pub(crate) value: u32,
    pub(crate) gradient: u32,
    /// Elements of the wire, so that a walk need not look its shape up.
    pub(crate) len: u32,
}

impl Slot {
    /// A slot that no plan has filled yet.
    pub const EMPTY: Slot = Slot { value: 0, gradient: 0, len: 0 };
}

/// No gradient is kept for this wire.
pub(crate) const NO_GRADIENT: u32 = u32::MAX;
/// The weights are updated in place by the gate that reads them.
pub(crate) const IN_PLACE: u32 = u32::MAX - 1;
/// Value offsets from here on count in the circuit's numbers.
pub(crate) const IN_NUMBERS: u32 = 1 << 30;
/// Value offsets from here on count in the frozen params.
pub(crate) const IN_FROZEN: u32 = 2 << 30;
const PLACE: u32 = (1 << 30) - 1;

/// How an arena is divided; counted in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    pub(crate) purpose: Purpose,
    pub(crate) wires: u32,
    pub(crate) pairs: u32,
    pub(crate) arena: u32,
    pub(crate) gradients: (u32, u32),
    pub(crate) optimiser: (u32, u32),
    /// From here on to the end.
    pub(crate) moments: u32,
    pub(crate) trained: u32,
    pub(crate) params: u32,
    pub(crate) frozen: u32,
    pub(crate) values: u32,
    pub(crate) gradient_count: u32,
    /// Params with a gradient of their own outside the pairs: first value, first gradient, count.
    pub(crate) own_params: (u32, u32, u32),
}

/// The bytes of each region of memory, as they are on a 32-bit board.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bytes {
    /// Gate records, slots, shapes, numbers and attributes; in flash for a static circuit.
    pub gates: usize,
    /// Params in RAM.
    pub params: usize,
    /// Frozen params in flash.
    pub frozen: usize,
    /// Values of inputs and gates.
    pub values: usize,
    /// Gradients.
    pub gradients: usize,
    /// Sums of gradients and moments.
    pub optimiser: usize,
}

impl Bytes {
    /// All that is in RAM when the circuit was uploaded.
    pub const fn ram(&self) -> usize {
        self.gates + self.params + self.values + self.gradients + self.optimiser
    }
}

impl Layout {
    /// The layout of nothing.
    #[cfg(feature = "link")]
    pub(crate) const EMPTY: Layout = Layout {
        purpose: Purpose::Inspect,
        wires: 0,
        pairs: 0,
        arena: 0,
        gradients: (0, 0),
        optimiser: (0, 0),
        moments: 0,
        trained: 0,
        params: 0,
        frozen: 0,
        values: 0,
        gradient_count: 0,
        own_params: (0, 0, 0),
    };

    /// What the memory was planned for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The numbers the arena must hold.
    pub const fn arena_len(&self) -> usize {
        self.arena as usize
    }

    /// The numbers that training changes.
    pub const fn trained_len(&self) -> usize {
        self.trained as usize
    }

    /// The numbers that an optimiser keeps from step to step.
    pub const fn moments_len(&self) -> usize {
        (self.arena - self.moments) as usize
    }

    /// The numbers of frozen params that are expected in flash.
    pub const fn frozen_len(&self) -> usize {
        self.frozen as usize
    }

    /// The bytes of each region for numbers of `number` bytes: [`Scalar::BYTES`](crate::Scalar::BYTES).
    pub const fn bytes<T>(&self, circuit: &CircuitRef<'_, T>, number: usize) -> Bytes {
        Bytes {
            gates: circuit.gates.len() * (size_of::<Gate>() + size_of::<Slot>())
                + size_of_val(circuit.shapes)
                + circuit.numbers.len() * number
                + size_of_val(circuit.attrs),
            params: self.params as usize * number,
            frozen: self.frozen as usize * number,
            values: self.values as usize * number,
            gradients: self.gradient_count as usize * number,
            optimiser: (self.arena - self.optimiser.0) as usize * number,
        }
    }
}

// Scratch bits in `Slot::value` while planning; `Slot::gradient` then counts the readers.
const WEIGHT: u32 = 1; // read as weight or bias by the gate that updates it
const NEEDS: u32 = 2; // something trained lies upstream
const SHARES: u32 = 4; // takes over the slot of its first operand

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
    let Some(counts) = count(circuit, purpose, frozen_in_flash, pairs, slots) else {
        return Err(PlanError::TooLarge);
    };
    Ok(assign(circuit, purpose, frozen_in_flash, pairs, counts, slots))
}

/// Counts each wire's readers and marks what a gate reads as its weights.
const fn mark_readers<T: Copy>(circuit: &CircuitRef<'_, T>, slots: &mut [Slot]) {
    let mut i = 0;
    while let Some(gate) = at(circuit.gates, i) {
        put(slots, i, Slot { value: 0, gradient: 0, len: 0 });
        let mut k = 0;
        while k < gate.op.operands() {
            if let Some(wire) = circuit.operand(gate, k) {
                let slot = get(slots, wire.index());
                let weight = if gate.op.has_weights() && k > 0 { WEIGHT } else { 0 };
                put(slots, wire.index(), Slot { value: slot.value | weight, gradient: slot.gradient + 1, len: 0 });
            }
            k += 1;
        }
        i += 1;
    }
}

/// Marks the wires that need a gradient.
const fn mark_needs<T: Copy>(circuit: &CircuitRef<'_, T>, purpose: Purpose, slots: &mut [Slot]) {
    let mut i = 0;
    while let Some(gate) = at(circuit.gates, i) {
        let needs = match purpose {
            Purpose::Infer => false,
            Purpose::Inspect => !matches!(gate.op, Op::Const | Op::Label),
            _ => gate.is_trained() || any_operand_needs(circuit, slots, gate),
        };
        if needs {
            mark(slots, i, NEEDS);
        }
        i += 1;
    }
}

const fn any_operand_needs<T: Copy>(circuit: &CircuitRef<'_, T>, slots: &[Slot], gate: &Gate) -> bool {
    let mut k = 0;
    while k < gate.op.operands() {
        if let Some(wire) = circuit.operand(gate, k)
            && get(slots, wire.index()).value & NEEDS != 0
        {
            return true;
        }
        k += 1;
    }
    false
}

const fn operand_needs(slots: &[Slot], gate: &Gate, k: usize) -> bool {
    match gate.operand(k) {
        Some(wire) => get(slots, wire.index()).value & NEEDS != 0,
        None => false,
    }
}

/// The length of the circuit's beginning in which every wire is a scalar, up to its last
/// elementwise gate.
const fn scalar_beginning<T: Copy>(circuit: &CircuitRef<'_, T>) -> usize {
    let (mut i, mut pairs) = (0, 0);
    while let (Some(gate), Some(shape)) = (at(circuit.gates, i), circuit.shape_at(i)) {
        if !shape.is_scalar() || !(gate.op.is_source() || gate.op.is_elementwise()) {
            break;
        }
        i += 1;
        if gate.op.is_elementwise() {
            pairs = i;
        }
    }
    pairs
}

/// Marks the elementwise gates that may write their value over that of their first operand, and the
/// reshapes that may leave it there: its only reader, where no backward looks at the old value.
const fn mark_sharing<T: Copy>(circuit: &CircuitRef<'_, T>, pairs: usize, slots: &mut [Slot]) {
    let mut i = pairs;
    while let Some(gate) = at(circuit.gates, i) {
        if (gate.op.is_elementwise() || matches!(gate.op, Op::Reshape))
            && let Some(a) = gate.operand(0)
            && may_take_over(circuit, gate, i, a, pairs, slots)
        {
            mark(slots, i, SHARES);
        }
        i += 1;
    }
}

const fn may_take_over<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    gate: &Gate,
    i: usize,
    a: Wire,
    pairs: usize,
    slots: &[Slot],
) -> bool {
    let (Some(source), Some(from), Some(to)) =
        (at(circuit.gates, a.index()), circuit.shape_at(a.index()), circuit.shape_at(i))
    else {
        return false;
    };
    let kept_for_itself = match source.op.kind() {
        OpKind::Source => !matches!(source.op, Op::Input),
        OpKind::Unary | OpKind::Binary => reads_own(source.op),
        OpKind::Structured => matches!(source.op, Op::Softmax | Op::LogSoftmax | Op::Gru | Op::Rnn),
        OpKind::Loss => true,
    };
    let needs = get(slots, i).value & NEEDS != 0;
    // a · b and a / b look at a only on behalf of b.
    let only_for_b = matches!(gate.op, Op::Mul | Op::Div) && !operand_needs(slots, gate, 1);
    let read_backward = needs && reads_operands(gate.op) && !only_for_b && !matches!(gate.op, Op::Reshape);
    let objective = match circuit.objective {
        Some(objective) => objective.wire().index() == a.index(),
        None => false,
    };
    a.index() >= pairs
        && from.len() == to.len()
        && get(slots, a.index()).gradient == 1
        && !kept_for_itself
        && !read_backward
        && !objective
}

/// The numbers in each part of the arena.
#[derive(Clone, Copy)]
struct Counts {
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

/// What a gate keeps behind its wire's value for the way back, or takes there on the way back.
pub(crate) const fn saved_len<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> usize {
    match gate.op {
        Op::CrossEntropy | Op::SmoothCrossEntropy => match circuit.shape_at(gate.a as usize) {
            Some(shape) => shape.len() + 1,
            None => 0,
        },
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

const fn count<T: Copy>(
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

const fn assign<T: Copy>(
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
        arena,
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

const fn take(next: &mut u32, len: u32) -> u32 {
    let place = *next;
    *next += len;
    place
}

const fn get(slots: &[Slot], i: usize) -> Slot {
    match at(slots, i) {
        Some(slot) => *slot,
        None => Slot::EMPTY,
    }
}

const fn put(slots: &mut [Slot], i: usize, slot: Slot) {
    if let Some((_, rest)) = slots.split_at_mut_checked(i)
        && let Some(place) = rest.first_mut()
    {
        *place = slot;
    }
}

const fn mark(slots: &mut [Slot], i: usize, bit: u32) {
    let slot = get(slots, i);
    put(slots, i, Slot { value: slot.value | bit, gradient: slot.gradient, len: 0 });
}

#[cfg(test)]
mod tests;
