//! The plan for inference: a slot is given away again as soon as its value has been read.

use super::{Slot, get, put};
use crate::circuit::{CircuitRef, at};
use crate::op::{Op, OpKind};

/// Gives each value the first gap that is free while it is needed, and returns the peak.
///
/// Live values form a list in the order of their places. While planning, a slot's `gradient` holds
/// the gate that reads it last (low half) and the next live wire (high half).
#[inline(never)]
pub(super) const fn reuse<T: Copy>(circuit: &CircuitRef<'_, T>, base: u32, slots: &mut [Slot]) -> u32 {
    let n = circuit.gates.len();
    let mut i = 0;
    while i < n {
        put(slots, i, Slot { value: 0, gradient: 0, len: 0 });
        i += 1;
    }
    i = 0;
    while let Some(gate) = at(circuit.gates, i) {
        let mut k = 0;
        while k < gate.op.operands() {
            if let Some(wire) = circuit.operand(gate, k) {
                // Losses leave the prediction readable.
                let last = if matches!(gate.op.kind(), OpKind::Loss) && k == 0 { KEPT } else { i as u32 };
                if last > get(slots, wire.index()).gradient {
                    put(slots, wire.index(), Slot { value: 0, gradient: last, len: 0 });
                }
            }
            k += 1;
        }
        i += 1;
    }
    // What nobody reads is a result.
    i = 0;
    while i < n {
        let objective = match circuit.objective {
            Some(objective) => objective.wire().index() == i,
            None => false,
        };
        if objective || get(slots, i).gradient == 0 {
            put(slots, i, Slot { value: 0, gradient: KEPT, len: 0 });
        }
        i += 1;
    }
    let (mut first, mut peak) = (KEPT, base);
    let mut pass = 0;
    while pass < 2 {
        i = 0;
        while let (Some(gate), Some(shape)) = (at(circuit.gates, i), circuit.shape_at(i)) {
            // Inputs are there before any gate runs, so they are placed first.
            let now = match gate.op {
                Op::Input | Op::Label => pass == 0,
                Op::Const | Op::Param => false,
                _ => pass == 1,
            };
            if now {
                let len = shape.len() as u32;
                let end = place(circuit, slots, &mut first, i, len, base, pass == 0);
                if end > peak {
                    peak = end;
                }
            }
            i += 1;
        }
        pass += 1;
    }
    peak - base
}

/// Read to the end, and as a link of the list: none.
const KEPT: u32 = 0xffff;

/// Puts wire `i` into the list of live values and returns where it ends.
const fn place<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    slots: &mut [Slot],
    first: &mut u32,
    i: usize,
    len: u32,
    base: u32,
    before_all: bool,
) -> u32 {
    let own_last = get(slots, i).gradient & KEPT;
    // An elementwise gate writes over its first operand if nobody reads that later.
    let over = match at(circuit.gates, i) {
        Some(gate) if gate.op.is_elementwise() && (gate.operand(1).is_none() || gate.a != gate.b) => gate.a as u32,
        Some(gate) if matches!(gate.op, Op::Reshape) => gate.a as u32,
        _ => KEPT,
    };
    let (mut before, mut node, mut end) = (KEPT, *first, base);
    while node != KEPT {
        let slot = get(slots, node as usize);
        let (last, next) = (slot.gradient & KEPT, slot.gradient >> 16);
        let node_len = match circuit.shape_at(node as usize) {
            Some(shape) => shape.len() as u32,
            None => 0,
        };
        if node == over && last == i as u32 && node_len == len {
            put(slots, i, Slot { value: slot.value, gradient: own_last | next << 16, len: 0 });
            link(slots, first, before, i as u32);
            return slot.value + len;
        }
        if !before_all && last < i as u32 {
            link(slots, first, before, next); // no longer read
        } else {
            before = node;
        }
        node = next;
    }
    // No operand to take over: the first gap that is wide enough.
    before = KEPT;
    node = *first;
    while node != KEPT {
        let slot = get(slots, node as usize);
        if slot.value >= end + len {
            break;
        }
        end = slot.value
            + match circuit.shape_at(node as usize) {
                Some(shape) => shape.len() as u32,
                None => 0,
            };
        before = node;
        node = slot.gradient >> 16;
    }
    put(slots, i, Slot { value: end, gradient: own_last | node << 16, len: 0 });
    link(slots, first, before, i as u32);
    end + len
}

/// Lets the wire `before` (or the list's beginning) lead to `to`.
#[inline]
const fn link(slots: &mut [Slot], first: &mut u32, before: u32, to: u32) {
    if before == KEPT {
        *first = to;
    } else {
        let slot = get(slots, before as usize);
        put(slots, before as usize, Slot { value: slot.value, gradient: (slot.gradient & KEPT) | to << 16, len: 0 });
    }
}
