//! The plan for inference: a slot is given away again as soon as its value has been read.

use super::{Slot, bits, note, readers};
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
        note(slots, i, 0, 0);
        i += 1;
    }
    i = 0;
    while let Some(gate) = at(circuit.gates, i) {
        let mut k = 0;
        while k < gate.op.operands() {
            if let Some(wire) = circuit.operand(gate, k) {
                // Losses leave the prediction readable.
                let last = if matches!(gate.op.kind(), OpKind::Loss) && k == 0 { KEPT } else { i as u32 };
                if last > readers(slots, wire.index()) {
                    note(slots, wire.index(), 0, last);
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
        if objective || readers(slots, i) == 0 {
            note(slots, i, 0, KEPT);
        }
        i += 1;
    }
    let (mut first, mut peak) = (KEPT, base);
    let mut pass = 0;
    while pass < 2 {
        i = 0;
        while let Some(gate) = at(circuit.gates, i) {
            // Inputs are there before any gate runs, so they are placed first.
            let now = match gate.op {
                Op::Input | Op::Label => pass == 0,
                Op::Const | Op::Param => false,
                _ => pass == 1,
            };
            if now {
                let len = circuit.len_at(i) as u32;
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
    let own_last = readers(slots, i) & KEPT;
    // An elementwise gate writes over its first operand if nobody reads that later.
    let over = match at(circuit.gates, i) {
        Some(gate) if gate.op.is_elementwise() && (gate.operand(1).is_none() || gate.a != gate.b) => gate.a as u32,
        Some(gate) if matches!(gate.op, Op::Reshape) => gate.a as u32,
        _ => KEPT,
    };
    let (mut before, mut node, mut end) = (KEPT, *first, base);
    while node != KEPT {
        let listed = readers(slots, node as usize);
        let (last, next) = (listed & KEPT, listed >> 16);
        if node == over && last == i as u32 && circuit.len_at(node as usize) as u32 == len {
            let value = bits(slots, node as usize);
            note(slots, i, value, own_last | next << 16);
            link(slots, first, before, i as u32);
            return value + len;
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
        let value = bits(slots, node as usize);
        if value >= end + len {
            break;
        }
        end = value + circuit.len_at(node as usize) as u32;
        before = node;
        node = readers(slots, node as usize) >> 16;
    }
    note(slots, i, end, own_last | node << 16);
    link(slots, first, before, i as u32);
    end + len
}

/// Lets the wire `before` (or the list's beginning) lead to `to`.
#[inline]
const fn link(slots: &mut [Slot], first: &mut u32, before: u32, to: u32) {
    if before == KEPT {
        *first = to;
    } else {
        let (value, listed) = (bits(slots, before as usize), readers(slots, before as usize));
        note(slots, before as usize, value, (listed & KEPT) | to << 16);
    }
}
