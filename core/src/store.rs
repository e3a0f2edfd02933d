//! Reading some slots of the arena while one is written: safe splitting, no copies.

use crate::circuit::CircuitRef;
use crate::dropout::Noise;
use crate::plan::{IN_FROZEN, IN_NUMBERS, Slot};
use crate::slowly::Slowly;

/// What a tape only reads.
#[derive(Debug)]
pub(crate) struct Fixed<'a, T: 'static> {
    pub(crate) circuit: CircuitRef<'a, T>,
    pub(crate) slots: &'a [Slot],
    pub(crate) frozen: &'a [T],
    /// What dropout gates draw from; nothing outside of training.
    pub(crate) noise: Option<Noise>,
    /// What is done with gates that are not hot.
    pub(crate) slowly: &'static Slowly<T>,
}

/// All values but those in the hole that a gate writes: the arena around it, and flash.
pub(crate) struct Around<'s, T: 'static> {
    low: &'s [T],
    high: &'s [T],
    high_start: usize,
    pub(crate) fixed: &'s Fixed<'s, T>,
}

/// The arena on the way back, as networks have it: values lie below all gradients, a gate's own gradient
/// above those of the wires that it reads, and sums over a batch above these.
pub(crate) struct Back<'s, T> {
    pub(crate) values: &'s [T],
    pub(crate) below: &'s mut [T],
    pub(crate) delta: &'s [T],
    pub(crate) above: &'s mut [T],
    pub(crate) base: u32,
    pub(crate) above_start: u32,
}

/// Splits the arena for the way back through a gate whose wire has this slot, for so many samples;
/// `base` is where gradients begin.
#[inline(always)]
pub(crate) fn back<'s, T>(arena: &'s mut [T], base: u32, slot: &Slot, lanes: u32) -> Option<Back<'s, T>> {
    let (values, gradients) = arena.split_at_mut_checked(base as usize)?;
    // What lies elsewhere is a place far behind the end, and so is not found.
    let (below, rest) = gradients.split_at_mut_checked(slot.gradient.wrapping_sub(base) as usize)?;
    let len = slot.len * lanes;
    let (delta, above) = rest.split_at_mut_checked(len as usize)?;
    Some(Back { values, below, delta, above, base, above_start: slot.gradient.wrapping_add(len) })
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
    /// `len` numbers at a place of a plan; nothing if it lies in the hole. Most operands lie below
    /// what a gate writes, so that is looked at first; the rest is a call away.
    #[inline(always)]
    fn read(&self, place: u32, len: usize) -> Option<&'s [T]> {
        match self.low.get(place as usize..).and_then(|numbers| numbers.get(..len)) {
            None => elsewhere(self.high, self.high_start, self.fixed, place, len),
            found => found,
        }
    }

    /// The value of a wire.
    #[inline(always)]
    pub(crate) fn value(&self, wire: u16) -> Option<&'s [T]> {
        let slot = self.fixed.slots.get(usize::from(wire))?;
        self.read(slot.value, slot.len as usize)
    }

    /// The value of a wire for each of several samples.
    #[inline(always)]
    pub(crate) fn values(&self, wire: u16, lanes: u32) -> Option<&'s [T]> {
        let slot = self.fixed.slots.get(usize::from(wire))?;
        self.read(slot.value, (slot.len * lanes) as usize)
    }

    /// The value of a wire with what its gate saved behind it.
    #[inline(always)]
    pub(crate) fn value_and_saved(&self, slot: &Slot, saved: usize) -> Option<&'s [T]> {
        self.read(slot.value, slot.len as usize + saved)
    }

    /// The gradient of a wire.
    #[inline(always)]
    pub(crate) fn gradient(&self, slot: &Slot) -> Option<&'s [T]> {
        let (start, len) = (slot.gradient as usize, slot.len as usize);
        match start.checked_sub(self.high_start) {
            Some(start) => self.high.get(start..)?.get(..len),
            None => self.low.get(start..)?.get(..len),
        }
    }

    /// Where a wire lies.
    #[inline(always)]
    pub(crate) fn slot(&self, wire: u16) -> Option<&'s Slot> {
        self.fixed.slots.get(usize::from(wire))
    }
}

/// Numbers above the hole, or in flash.
#[inline(never)]
fn elsewhere<'s, T>(
    high: &'s [T],
    high_start: usize,
    fixed: &'s Fixed<'s, T>,
    place: u32,
    len: usize,
) -> Option<&'s [T]> {
    let (table, start) = match place {
        _ if place < IN_NUMBERS => (high, (place as usize).checked_sub(high_start)?),
        _ if place < IN_FROZEN => (fixed.circuit.numbers, (place - IN_NUMBERS) as usize),
        _ => (fixed.frozen, (place - IN_FROZEN) as usize),
    };
    table.get(start..)?.get(..len)
}
