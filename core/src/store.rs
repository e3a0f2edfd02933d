//! Reading some slots of the arena while one is written: safe splitting, no copies.

use crate::circuit::CircuitRef;
use crate::dropout::Noise;
use crate::plan::{IN_FROZEN, IN_NUMBERS, Slot};

/// What a tape only reads.
#[derive(Debug)]
pub(crate) struct Fixed<'a, T> {
    pub(crate) circuit: CircuitRef<'a, T>,
    pub(crate) slots: &'a [Slot],
    pub(crate) frozen: &'a [T],
    /// What dropout gates draw from; nothing outside of training.
    pub(crate) noise: Option<Noise>,
}

/// All values but those in the hole that a gate writes: the arena around it, and flash.
pub(crate) struct Around<'s, T> {
    low: &'s [T],
    high: &'s [T],
    high_start: usize,
    pub(crate) fixed: &'s Fixed<'s, T>,
}

/// Splits the arena into `len` numbers from `start` on, to write, and what is around them.
#[inline(always)]
pub(crate) fn hole<'s, T: Copy>(
    arena: &'s mut [T],
    start: u32,
    len: usize,
    fixed: &'s Fixed<'s, T>,
) -> Option<(&'s mut [T], Around<'s, T>)> {
    let start = start as usize;
    let (low, rest) = arena.split_at_mut_checked(start)?;
    let (hole, high) = rest.split_at_mut_checked(len)?;
    Some((hole, Around { low, high, high_start: start + len, fixed }))
}

impl<'s, T: Copy> Around<'s, T> {
    /// `len` numbers at a place of a plan; nothing if it lies in the hole.
    #[inline(always)]
    fn read(&self, place: u32, len: u32) -> Option<&'s [T]> {
        let (start, len) = (place as usize, len as usize);
        if start < self.high_start {
            return self.low.get(start..)?.get(..len);
        }
        if place < IN_NUMBERS {
            return self.high.get(start - self.high_start..)?.get(..len);
        }
        self.in_flash(place, len)
    }

    #[inline(never)]
    fn in_flash(&self, place: u32, len: usize) -> Option<&'s [T]> {
        let (table, start) = match place {
            _ if place < IN_FROZEN => (self.fixed.circuit.numbers, place - IN_NUMBERS),
            _ => (self.fixed.frozen, place - IN_FROZEN),
        };
        table.get(start as usize..)?.get(..len)
    }

    /// The value of a wire.
    #[inline(always)]
    pub(crate) fn value(&self, wire: u16) -> Option<&'s [T]> {
        let slot = self.fixed.slots.get(usize::from(wire))?;
        self.read(slot.value, slot.len)
    }

    /// The value of a wire with what its gate saved behind it.
    #[inline(always)]
    pub(crate) fn value_and_saved(&self, slot: &Slot, saved: usize) -> Option<&'s [T]> {
        self.read(slot.value, slot.len + saved as u32)
    }

    /// The gradient of a wire.
    #[inline(always)]
    pub(crate) fn gradient(&self, slot: &Slot) -> Option<&'s [T]> {
        if slot.gradient >= IN_NUMBERS {
            return None;
        }
        self.read(slot.gradient, slot.len)
    }

    /// Where a wire lies.
    #[inline(always)]
    pub(crate) fn slot(&self, wire: u16) -> Option<&'s Slot> {
        self.fixed.slots.get(usize::from(wire))
    }
}
