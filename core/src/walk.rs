//! The walk for looking: each gate with its operands, values and gradients, as plain data.

use crate::elementwise::{Own, any_back};
use crate::gate::Wire;
use crate::op::Op;
use crate::scalar::Scalar;
use crate::tape::Tape;

/// One gate of a tape as forward and backward have left it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'t, T> {
    /// The wire the gate drives.
    pub wire: Wire,
    /// The operation.
    pub op: Op,
    /// The operands' wires, first to last.
    pub operands: [Option<Wire>; Op::MOST_OPERANDS],
    /// The operands' values, empty where there is no operand or no value is kept.
    pub values: [&'t [T]; Op::MOST_OPERANDS],
    /// The value of the gate's wire, empty if none is kept.
    pub value: &'t [T],
    /// The gradient that came back to the gate's wire, empty if none is kept.
    pub upstream: &'t [T],
    own: Own<'t, T>,
}

impl<T: Scalar> Seen<'_, T> {
    /// For an elementwise gate, the local gradient of element `i` with respect to operand number
    /// `k`: what the gate passes back for an upstream gradient of 1.
    ///
    /// For an element that came back with gradient ±0 the gate passed nothing back, whatever this
    /// says.
    pub fn local(&self, k: usize, i: usize) -> Option<T> {
        if !self.op.is_elementwise() {
            return None;
        }
        self.operands.get(k).copied().flatten()?;
        let [a, b, ..] = self.values;
        let element = |values: &[T]| if values.len() == 1 { values.first().copied() } else { values.get(i).copied() };
        let (a, y) = (element(a)?, element(self.value)?);
        let b = element(b).unwrap_or(T::ZERO);
        let (to_a, to_b) = any_back(self.op, a, b, y, T::ONE, self.own);
        match k {
            0 => Some(to_a),
            1 => Some(to_b),
            _ => None,
        }
    }
}

impl<T: Scalar> Tape<'_, T> {
    /// Every gate in order, sources included, with what forward and backward left there. Reversed,
    /// it is the order of backward.
    pub fn walk(&self) -> impl DoubleEndedIterator<Item = Seen<'_, T>> {
        self.fixed.circuit.wires().filter_map(|wire| self.see(wire))
    }

    /// One gate with what forward and backward left there.
    pub fn see(&self, wire: Wire) -> Option<Seen<'_, T>> {
        let gate = self.fixed.circuit.gate(wire)?;
        let operands = core::array::from_fn(|n| self.fixed.circuit.operand(gate, n));
        Some(Seen {
            wire,
            op: gate.op,
            operands,
            values: operands.map(|operand| operand.and_then(|operand| self.value(operand).ok()).unwrap_or_default()),
            value: self.value(wire).unwrap_or_default(),
            upstream: self.gradient(wire).unwrap_or_default(),
            own: Own { numbers: self.fixed.circuit.numbers, start: gate.attributes() },
        })
    }
}
