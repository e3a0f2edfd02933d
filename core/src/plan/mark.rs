//! What is found out before anything has a place: who needs a gradient, and who takes over its
//! operand's place.

use super::layout::{Purpose, Slot};
use super::{bits, note, readers};
use crate::circuit::{CircuitRef, at};
use crate::elementwise::{reads_operands, reads_own};
use crate::gate::{Gate, Wire};
use crate::op::{Op, OpKind};

// Scratch bits in `Slot::value` while planning; `Slot::gradient` then counts the readers.
pub(super) const WEIGHT: u32 = 1; // read as weight or bias by the gate that updates it
pub(super) const NEEDS: u32 = 2; // something trained lies upstream
pub(super) const SHARES: u32 = 4; // takes over the slot of its first operand
pub(super) const SHARES_BACK: u32 = 8; // its operand takes over the slot of its gradient on the way back

/// Counts each wire's readers and marks what a gate reads as its weights.
pub(super) const fn mark_readers<T: Copy>(circuit: &CircuitRef<'_, T>, slots: &mut [Slot]) {
    let mut i = 0;
    while let Some(gate) = at(circuit.gates, i) {
        note(slots, i, 0, 0);
        let mut k = 0;
        while k < gate.op.operands() {
            if let Some(wire) = circuit.operand(gate, k) {
                let weight = if gate.op.has_weights() && k > 0 { WEIGHT } else { 0 };
                let (marks, count) = (bits(slots, wire.index()), readers(slots, wire.index()));
                note(slots, wire.index(), marks | weight, count + 1);
            }
            k += 1;
        }
        i += 1;
    }
}

/// Marks the wires that need a gradient.
pub(super) const fn mark_needs<T: Copy>(circuit: &CircuitRef<'_, T>, purpose: Purpose, slots: &mut [Slot]) {
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
            && bits(slots, wire.index()) & NEEDS != 0
        {
            return true;
        }
        k += 1;
    }
    false
}

#[inline]
const fn operand_needs(slots: &[Slot], gate: &Gate, k: usize) -> bool {
    match gate.operand(k) {
        Some(wire) => bits(slots, wire.index()) & NEEDS != 0,
        None => false,
    }
}

/// The length of the circuit's beginning in which every wire is a scalar, up to its last
/// elementwise gate.
pub(super) const fn scalar_beginning<T: Copy>(circuit: &CircuitRef<'_, T>) -> usize {
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
/// reshapes that may leave it there: its only reader, where no backward looks at the old value. Likewise
/// the gates whose operand's gradient may be written over theirs.
pub(super) const fn mark_sharing<T: Copy>(circuit: &CircuitRef<'_, T>, pairs: usize, slots: &mut [Slot]) {
    let mut i = pairs;
    while let Some(gate) = at(circuit.gates, i) {
        if (gate.op.is_elementwise() || matches!(gate.op, Op::Reshape))
            && let Some(a) = gate.operand(0)
            && may_take_over(circuit, gate, i, a, pairs, slots)
        {
            mark(slots, i, SHARES);
        }
        if gives_gradient_away(gate.op) && has_to_itself(circuit, gate, i, pairs, slots) {
            mark(slots, i, SHARES_BACK);
        }
        i += 1;
    }
}

/// Whether the gates of this kind can turn their gradient into their operand's in its place.
pub(crate) const fn gives_gradient_away(op: Op) -> bool {
    matches!(op, Op::Relu | Op::Sigmoid | Op::Tanh | Op::Reshape)
}

/// Whether a gate is the only one that passes anything back to its operand, another gate's wire.
const fn has_to_itself<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    gate: &Gate,
    i: usize,
    pairs: usize,
    slots: &[Slot],
) -> bool {
    let a = gate.a as usize;
    let Some(source) = at(circuit.gates, a) else { return false };
    let objective = match circuit.objective {
        Some(objective) => objective.wire().index() == a || objective.wire().index() == i,
        None => false,
    };
    a >= pairs
        && !source.op.is_source()
        && readers(slots, a) == 1
        && bits(slots, a) & NEEDS != 0
        && bits(slots, i) & NEEDS != 0
        && !objective
}

const fn may_take_over<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    gate: &Gate,
    i: usize,
    a: Wire,
    pairs: usize,
    slots: &[Slot],
) -> bool {
    let Some(source) = at(circuit.gates, a.index()) else { return false };
    let kept_for_itself = match source.op.kind() {
        OpKind::Source => !matches!(source.op, Op::Input),
        OpKind::Unary | OpKind::Binary => reads_own(source.op),
        OpKind::Structured => matches!(source.op, Op::Softmax | Op::LogSoftmax | Op::Gru | Op::Rnn),
        OpKind::Loss => true,
    };
    let needs = bits(slots, i) & NEEDS != 0;
    // a · b and a / b look at a only on behalf of b.
    let only_for_b = matches!(gate.op, Op::Mul | Op::Div) && !operand_needs(slots, gate, 1);
    let read_backward = needs && reads_operands(gate.op) && !only_for_b && !matches!(gate.op, Op::Reshape);
    let objective = match circuit.objective {
        Some(objective) => objective.wire().index() == a.index(),
        None => false,
    };
    a.index() >= pairs
        && circuit.len_at(a.index()) == circuit.len_at(i)
        && readers(slots, a.index()) == 1
        && !kept_for_itself
        && !read_backward
        && !objective
}

#[inline(never)]
const fn mark(slots: &mut [Slot], i: usize, bit: u32) {
    let (marks, count) = (bits(slots, i), readers(slots, i));
    note(slots, i, marks | bit, count);
}
