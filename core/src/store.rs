//! Reading some slots of the arena while one is written: safe splitting, no copies.

use crate::circuit::CircuitRef;
use crate::gate::Gate;
use crate::plan::{IN_FROZEN, IN_NUMBERS, Slot};

/// All values but those in the hole that a gate writes: the arena around it, and flash.
pub(crate) struct Around<'s, T> {
    low: &'s [T],
    high: &'s [T],
    high_start: usize,
    pub(crate) frozen: &'s [T],
    pub(crate) circuit: CircuitRef<'s, T>,
    pub(crate) slots: &'s [Slot],
}

/// Splits the arena into `len` numbers from `start` on, to write, and what is around them.
#[inline]
pub(crate) fn hole<'s, T: Copy>(
    arena: &'s mut [T],
    start: usize,
    len: usize,
    frozen: &'s [T],
    circuit: CircuitRef<'s, T>,
    slots: &'s [Slot],
) -> Option<(&'s mut [T], Around<'s, T>)> {
    let (low, rest) = arena.split_at_mut_checked(start)?;
    let (hole, high) = rest.split_at_mut_checked(len)?;
    Some((hole, Around { low, high, high_start: start + len, frozen, circuit, slots }))
}

impl<'s, T: Copy> Around<'s, T> {
    /// `len` numbers at a place of a plan; nothing if it lies in the hole.
    #[inline]
    pub(crate) fn read(&self, place: u32, len: usize) -> Option<&'s [T]> {
        let start = place as usize;
        if start < self.high_start {
            return self.low.get(start..start + len);
        }
        if place < IN_NUMBERS {
            return self.high.get(start - self.high_start..start - self.high_start + len);
        }
        let (table, start) = if place < IN_FROZEN {
            (self.circuit.numbers, place - IN_NUMBERS)
        } else {
            (self.frozen, place - IN_FROZEN)
        };
        table.get(start as usize..start as usize + len)
    }

    /// The value of a gate's operand number `k`.
    #[inline]
    pub(crate) fn operand(&self, gate: &Gate, k: usize) -> Option<&'s [T]> {
        let wire = gate.operand(k)?;
        self.read(self.slots.get(wire.index())?.value, self.circuit.shape_at(wire.index())?.len())
    }

    /// The value of a wire, with `more` numbers that its gate saved behind it.
    #[inline]
    pub(crate) fn wire(&self, index: usize, more: usize) -> Option<&'s [T]> {
        self.read(self.slots.get(index)?.value, self.circuit.shape_at(index)?.len() + more)
    }

    /// The gradient of a wire.
    #[inline]
    pub(crate) fn gradient(&self, index: usize) -> Option<&'s [T]> {
        let place = self.slots.get(index)?.gradient;
        if place >= IN_NUMBERS {
            return None;
        }
        self.read(place, self.circuit.shape_at(index)?.len())
    }
}
