//! The tape: a circuit on its arena; forward fills values, backward fills gradients.
//!
//! Backward is the list of gates reversed: the gradient of an operand += local gradient × gradient
//! of the gate's wire. A wire is done when the walk comes to its gate, since all its readers come
//! later in the list. Each backward starts from zeroed gradients, so running it twice changes
//! nothing, if nothing is set in between.

use crate::broadcast::by_fours;
use crate::circuit::CircuitRef;
use crate::dropout::Noise;
use crate::error::RunError;
use crate::gate::{Gate, Wire};
use crate::hot;
use crate::op::Op;
use crate::plan::{self, IN_FROZEN, IN_NUMBERS, IN_PLACE, Layout, Purpose, Slot, part, saved_len};
use crate::scalar::Scalar;
use crate::scalars::{self, Pair};
use crate::slowly::Slowly;
use crate::store::{Around, Fixed, hole};

/// A circuit with the memory it runs in.
///
/// ```
/// use chainrule::{Circuit, Purpose, Shape, Slot, Tape, plan};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut c: Circuit<f32, 8> = Circuit::new();
/// let (x, y) = (c.input(Shape::SCALAR)?, c.input(Shape::SCALAR)?);
/// let f = c.mul(x, y)?;
/// let mut slots = [Slot::EMPTY; 8];
/// let layout = plan(&c.view(), Purpose::Inspect, false, &mut slots)?;
/// let mut arena = [0.0; 6];
/// let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena)?;
/// tape.set(x, &[3.0])?;
/// tape.set(y, &[4.0])?;
/// tape.forward();
/// tape.backward(f)?;
/// assert_eq!((tape.value(f)?, tape.gradient(x)?), (&[12.0][..], &[4.0][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tape<'a, T: 'static> {
    pub(crate) fixed: Fixed<'a, T>,
    pub(crate) layout: Layout,
    pub(crate) arena: &'a mut [T],
    /// Samples that are walked together now.
    pub(crate) lanes: u32,
}

impl<'a, T: Scalar> Tape<'a, T> {
    /// A tape on a fresh arena: all inputs, params and gradients are zero.
    ///
    /// `frozen` holds the frozen params one after the other in the order of their wires, if the
    /// plan was made with them in flash; else it is empty.
    ///
    /// # Errors
    /// [`RunError::ArenaTooSmall`], [`RunError::FrozenTooShort`], [`RunError::WrongPlan`].
    pub fn new(
        circuit: CircuitRef<'a, T>,
        layout: Layout,
        slots: &'a [Slot],
        frozen: &'a [T],
        arena: &'a mut [T],
    ) -> Result<Tape<'a, T>, RunError> {
        let mut tape = Tape::resume(circuit, layout, slots, frozen, arena)?;
        let mut lengths =
            circuit.wires().zip(tape.fixed.slots).map(|(wire, slot)| (circuit.len_at(wire.index()), slot.len));
        if !lengths.all(|(wire, slot)| wire == slot as usize) {
            return Err(RunError::WrongPlan);
        }
        tape.arena.get_mut(..layout.arena_len()).unwrap_or_default().fill(T::ZERO);
        tape.fill_pairs();
        Ok(tape)
    }

    /// A tape on an arena that an earlier tape of the same circuit and plan has filled; everything
    /// in it stays.
    ///
    /// That it is the same circuit is not looked at again, but for the count of its wires: with another
    /// one's plan the numbers are wrong.
    ///
    /// # Errors
    /// As [`Tape::new`].
    pub fn resume(
        circuit: CircuitRef<'a, T>,
        layout: Layout,
        slots: &'a [Slot],
        frozen: &'a [T],
        arena: &'a mut [T],
    ) -> Result<Tape<'a, T>, RunError> {
        let slots = slots.get(..circuit.len()).ok_or(RunError::WrongPlan)?;
        if layout.wires as usize != circuit.len() {
            return Err(RunError::WrongPlan);
        }
        if arena.len() < layout.arena_len() {
            return Err(RunError::ArenaTooSmall(layout.arena_len()));
        }
        if frozen.len() < layout.frozen_len() {
            return Err(RunError::FrozenTooShort(layout.frozen_len()));
        }
        let fixed = Fixed { circuit, slots, frozen, noise: None, slowly: Slowly::WALKS };
        Ok(Tape { fixed, layout, arena, lanes: 1 })
    }

    /// Constants and frozen params among the pairs are copies.
    fn fill_pairs(&mut self) {
        let mut frozen = self.fixed.frozen.iter();
        let in_flash = self.layout.frozen > 0;
        for wire in self.fixed.circuit.wires() {
            let Some(gate) = self.fixed.circuit.gate(wire) else { return };
            let len = self.fixed.circuit.shape(wire).len();
            let value = match gate.op {
                Op::Const => self.fixed.circuit.const_values(wire).and_then(|values| values.first()),
                Op::Param if gate.is_frozen() && in_flash => frozen.by_ref().take(len).last(),
                _ => None,
            };
            if wire.index() < self.pairs()
                && let Some(&value) = value
                && let Some(place) = self.arena.get_mut(2 * wire.index())
            {
                *place = value;
            }
        }
    }

    /// The circuit.
    pub fn circuit(&self) -> CircuitRef<'a, T> {
        self.fixed.circuit
    }

    /// How the arena is divided.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    #[inline(always)]
    pub(crate) fn pairs(&self) -> usize {
        self.layout.pairs as usize
    }

    pub(crate) fn slot(&self, wire: Wire) -> Result<Slot, RunError> {
        self.fixed.slots.get(wire.index()).copied().ok_or(RunError::UnknownWire(wire.raw()))
    }

    fn len_of(&self, wire: Wire) -> usize {
        self.fixed.circuit.shape(wire).len()
    }

    /// Sets an input, a label or a param that is in RAM.
    ///
    /// # Errors
    /// [`RunError::UnknownWire`]; [`RunError::NotSettable`]; [`RunError::WrongLength`];
    /// [`RunError::NotAClass`] for a label's value that is not one of its classes.
    pub fn set(&mut self, wire: Wire, values: &[T]) -> Result<(), RunError> {
        let expected = self.slot(wire)?.len as usize;
        if values.len() != expected {
            return Err(RunError::WrongLength { wire: wire.raw(), expected, got: values.len() });
        }
        self.set_from(wire, 0, values)
    }

    /// Sets some elements of an input or a param, from element `start` on.
    ///
    /// # Errors
    /// As [`Tape::set`].
    pub fn set_from(&mut self, wire: Wire, start: usize, values: &[T]) -> Result<(), RunError> {
        self.set_in_lane(0, wire, start, values)
    }

    /// [`Tape::set_from`] for one of several samples that are walked together. Only inputs and labels
    /// have a value for each; lane 0 is the one that all else reads and sets.
    ///
    /// # Errors
    /// As [`Tape::set`]; [`RunError::NotPlanned`] if the plan has no such lane.
    pub fn set_in_lane(&mut self, lane: usize, wire: Wire, start: usize, values: &[T]) -> Result<(), RunError> {
        if lane >= self.layout.lanes() {
            return Err(RunError::NotPlanned);
        }
        let slot = self.slot(wire)?;
        let len = slot.len as usize;
        let gate = self.fixed.circuit.gate(wire).ok_or(RunError::UnknownWire(wire.raw()))?;
        let end = start.checked_add(values.len()).filter(|&end| end <= len);
        let wrong = RunError::WrongLength { wire: wire.raw(), expected: len, got: start.saturating_add(values.len()) };
        let end = end.ok_or(wrong)?;
        match gate.op {
            Op::Input => {}
            Op::Param if lane == 0 && slot.value < IN_NUMBERS => {}
            Op::Label => {
                let classes = T::from_u32(gate.classes() as u32);
                let is_class = |&x: &T| x < classes && x.to_index().is_some_and(|i| T::from_u32(i) == x);
                if !values.iter().all(is_class) {
                    return Err(RunError::NotAClass(wire.raw()));
                }
            }
            _ => return Err(RunError::NotSettable(wire.raw())),
        }
        let base = slot.value as usize + lane * len;
        let place = self.arena.get_mut(base + start..base + end).ok_or(RunError::WrongPlan)?;
        place.copy_from_slice(values);
        Ok(())
    }

    /// The value of a wire, its elements in row-major order.
    ///
    /// # Errors
    /// [`RunError::UnknownWire`]; [`RunError::NoValue`] if the plan lets another wire have its
    /// memory.
    pub fn value(&self, wire: Wire) -> Result<&[T], RunError> {
        let (slot, len) = (self.slot(wire)?, self.len_of(wire));
        if self.layout.purpose != Purpose::Inspect && self.is_written_over(wire, slot, len) {
            return Err(RunError::NoValue(wire.raw()));
        }
        self.read_value(wire.index()).ok_or(RunError::WrongPlan)
    }

    fn is_written_over(&self, wire: Wire, slot: Slot, len: usize) -> bool {
        let end = slot.value as usize + len;
        slot.value < IN_NUMBERS
            && wire.index() >= self.pairs()
            && self.fixed.circuit.wires().skip(wire.index() + 1).any(|later| {
                let is_gate = self.fixed.circuit.gate(later).is_some_and(|gate| !gate.op.is_source());
                let start = self.fixed.slots.get(later.index()).map_or(0, |slot| slot.value);
                is_gate
                    && start < IN_NUMBERS
                    && (start as usize) < end
                    && start as usize + self.len_of(later) > slot.value as usize
            })
    }

    /// The gradient of a wire, as the last backward left it.
    ///
    /// # Errors
    /// [`RunError::UnknownWire`]; [`RunError::NoGradient`] for constants, labels, and whatever the
    /// plan keeps no gradient for, or turns into an operand's in its place.
    pub fn gradient(&self, wire: Wire) -> Result<&[T], RunError> {
        let slot = self.slot(wire)?;
        if self.fixed.circuit.gate(wire).is_some_and(|gate| self.gives_gradient_away(gate, &slot)) {
            return Err(RunError::NoGradient(wire.raw()));
        }
        self.read_gradient(wire.index()).ok_or(RunError::NoGradient(wire.raw()))
    }

    /// Whether the plan lets the operand's gradient take over the place of this gate's.
    pub(crate) fn gives_gradient_away(&self, gate: &Gate, slot: &Slot) -> bool {
        let operand = |wire: u16| self.fixed.slots.get(usize::from(wire));
        plan::gives_gradient_away(gate.op)
            && slot.gradient < IN_PLACE
            && operand(gate.a).is_some_and(|a| a.gradient == slot.gradient)
    }

    /// What dropout gates draw from, in forward and in the backward that follows it; with nothing,
    /// which a tape begins with, they let everything through.
    pub fn set_noise(&mut self, noise: Option<Noise>) {
        self.fixed.noise = noise;
    }

    /// Fills the values of all gates, first to last.
    pub fn forward(&mut self) {
        self.forward_gates(0, self.fixed.circuit.len());
    }

    /// Fills the values of gates `from` to `to` − 1: a part of [`Tape::forward`], for callers that
    /// have something else to do between two gates (feed a watchdog, yield to an executor).
    pub fn forward_gates(&mut self, from: usize, to: usize) {
        T::walk_forward(self, from, to);
    }

    pub(crate) fn walk_forward(&mut self, from: usize, to: usize) {
        let (pairs, to) = (self.pairs(), to.min(self.fixed.circuit.len()));
        if from < pairs {
            let (gates, numbers) = (self.fixed.circuit.gates, self.fixed.circuit.numbers);
            scalars::forward(self.fixed.slowly, gates, numbers, self.pair_cells(), from, to.min(pairs));
        }
        let (gates, slots) = self.tensors(from, to);
        for (gate, slot) in gates.iter().zip(slots) {
            if !gate.op.is_source() {
                hot::forward(self, gate, slot);
            }
        }
    }

    /// Gates `from` to `to` − 1 as far as they lie behind the pairs, with their slots; sources that only
    /// other sources come before are left out.
    #[inline(always)]
    pub(crate) fn tensors(&self, from: usize, to: usize) -> (&'a [Gate], &'a [Slot]) {
        let from = from.max(self.layout.first as usize);
        let (gates, slots) = (self.fixed.circuit.gates, self.fixed.slots);
        (gates.get(from..to).unwrap_or_default(), slots.get(from..to).unwrap_or_default())
    }

    /// The value of a wire to write, and everything around it.
    pub(crate) fn value_hole(&mut self, wire: Wire) -> Option<(&mut [T], Around<'_, T>)> {
        let slot = self.fixed.slots.get(wire.index()).filter(|slot| slot.value < IN_NUMBERS)?;
        hole(self.arena, slot.value, slot.len as usize, &self.fixed)
    }

    /// The gradient of a wire to write.
    pub(crate) fn gradient_mut(&mut self, wire: Wire) -> Option<&mut [T]> {
        let start = self.fixed.slots.get(wire.index()).filter(|slot| slot.gradient < IN_PLACE)?.gradient as usize;
        let len = self.len_of(wire);
        self.arena.get_mut(start..start + len)
    }

    /// What lies in the slot of a wire's value, written over or not.
    pub(crate) fn read_value(&self, index: usize) -> Option<&[T]> {
        let &Slot { value: place, len, .. } = self.fixed.slots.get(index)?;
        let (table, start) = match place {
            _ if place < IN_NUMBERS => (&*self.arena, place),
            _ if place < IN_FROZEN => (self.fixed.circuit.numbers, place - IN_NUMBERS),
            _ => (self.fixed.frozen, place - IN_FROZEN),
        };
        table.get(start as usize..)?.get(..len as usize)
    }

    /// The same of one of several samples that were walked together.
    pub(crate) fn read_lane(&self, lane: usize, index: usize) -> Option<&[T]> {
        let slot = self.fixed.slots.get(index)?;
        let before = if lane == 0 { 0 } else { lane * self.lane_len(index)? };
        // What is not in the arena is a place far behind its end.
        part(self.arena, slot.value + before as u32, slot.len).or_else(|| self.read_value(index))
    }

    /// The numbers that each sample has of a wire's value, with what its gate saves behind it.
    pub(crate) fn lane_len(&self, index: usize) -> Option<usize> {
        let gate = self.fixed.circuit.gates.get(index)?;
        Some(self.fixed.slots.get(index)?.len as usize + saved_len(&self.fixed.circuit, gate))
    }

    /// What lies in the slot of a wire's gradient.
    pub(crate) fn read_gradient(&self, index: usize) -> Option<&[T]> {
        let slot = self.fixed.slots.get(index).filter(|slot| slot.gradient < IN_PLACE)?;
        part(self.arena, slot.gradient, slot.len)
    }

    /// The arena as pairs; those of the scalar beginning come first.
    fn pair_cells(&mut self) -> &mut [Pair<T>] {
        self.arena.as_chunks_mut::<2>().0
    }

    /// Fills the gradients of all wires upstream of `wire`, a scalar, with those of `wire` as
    /// written; all others become zero. They are those at what the last forward has seen: after a
    /// [`Tape::set`], another forward comes first.
    ///
    /// # Errors
    /// [`RunError::UnknownWire`]; [`RunError::NotAScalar`]; [`RunError::NoGradient`] if the plan
    /// keeps none for this wire.
    pub fn backward(&mut self, wire: Wire) -> Result<(), RunError> {
        self.begin_backward(wire, false)?;
        self.backward_gates(0, wire.index() + 1);
        Ok(())
    }

    /// [`Tape::backward`] from the circuit's objective.
    ///
    /// # Errors
    /// [`RunError::NoObjective`], and as [`Tape::backward`].
    pub fn backward_objective(&mut self) -> Result<(), RunError> {
        let objective = self.fixed.circuit.objective.ok_or(RunError::NoObjective)?;
        self.backward(objective.wire())
    }

    /// Zeroes the gradients, keeping sums over a batch if asked, and puts 1 at `wire`; the first
    /// part of a backward that is walked with [`Tape::backward_gates`].
    ///
    /// # Errors
    /// As [`Tape::backward`].
    pub fn begin_backward(&mut self, wire: Wire, keep_sums: bool) -> Result<(), RunError> {
        let slot = self.slot(wire)?;
        if !self.fixed.circuit.shape(wire).is_scalar() {
            return Err(RunError::NotAScalar(wire.raw()));
        }
        self.seed(wire, slot, keep_sums)
    }

    /// Zeroes the gradients and puts 1 at a scalar.
    pub(crate) fn seed(&mut self, wire: Wire, slot: Slot, keep_sums: bool) -> Result<(), RunError> {
        if slot.gradient >= IN_PLACE {
            return Err(RunError::NoGradient(wire.raw()));
        }
        T::walk_clear(self, keep_sums);
        for lane in 0..self.lanes {
            if let Some(gradient) = self.arena.get_mut((slot.gradient + lane) as usize) {
                *gradient = T::ONE;
            }
        }
        Ok(())
    }

    pub(crate) fn walk_clear(&mut self, keep_sums: bool) {
        let pairs = self.pairs();
        if pairs > 0 {
            let gates = self.fixed.circuit.gates;
            scalars::clear(gates, self.pair_cells().get_mut(..pairs).unwrap_or_default(), keep_sums);
        }
        let (start, end) = self.layout.gradients;
        let end = if keep_sums { end } else { self.layout.optimiser.1 };
        if let Some(gradients) = self.arena.get_mut(start as usize..end as usize) {
            // A zero that the compiler does not know: else it calls memclr, which takes a loop of four
            // instructions a number on a Cortex-M4 instead of two.
            let zero = core::hint::black_box(T::ZERO);
            by_fours!(gradients, |gradient| *gradient = zero);
        }
    }

    /// Passes gradients back through gates `from` to `to` − 1, last first: a part of a backward that
    /// was begun with [`Tape::begin_backward`].
    pub fn backward_gates(&mut self, from: usize, to: usize) {
        T::walk_backward(self, from, to);
    }

    pub(crate) fn walk_backward(&mut self, from: usize, to: usize) {
        let (pairs, to) = (self.pairs(), to.min(self.fixed.circuit.len()));
        let (gates, slots) = self.tensors(from, to);
        for (gate, slot) in gates.iter().zip(slots).rev() {
            if !gate.op.is_source() && slot.gradient < IN_PLACE {
                hot::backward(self, gate, slot);
            }
        }
        if from < pairs {
            let (gates, numbers) = (self.fixed.circuit.gates, self.fixed.circuit.numbers);
            scalars::backward(self.fixed.slowly, gates, numbers, self.pair_cells(), from, to.min(pairs));
        }
    }
}
