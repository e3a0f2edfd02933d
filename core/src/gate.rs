//! One gate: the eight bytes that say what drives a wire.

use crate::op::Op;

/// A wire of a circuit. Only a circuit makes one, so a wire always had a gate behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Wire(u16);

impl Wire {
    /// The greatest number of wires in a circuit; one number is kept to say "none".
    pub const MAX: usize = u16::MAX as usize;

    #[inline]
    pub(crate) const fn at(index: u16) -> Wire {
        Wire(index)
    }

    /// The wire's place in its circuit, from 0.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(crate) const fn raw(self) -> u16 {
        self.0
    }
}

/// No operand.
pub(crate) const NONE: u16 = u16::MAX;

/// One gate: an operation, up to three operands, the shape of the wire it drives.
///
/// Sources (input, label, param, const) are gates without operands, so a wire needs no record
/// beside its gate's, and a wire's number is the place of its gate.
///
/// | field | bits | meaning |
/// |---|---|---|
/// | op | 8 | [`Op::code`] |
/// | shape | 8 | row in the table of shapes |
/// | a | 16 | first operand; for a const, the low half of its place among the numbers |
/// | b | 16 | second operand; for a const, the high half; for a param, 1 if frozen; for a label, its classes |
/// | c | 16 | third operand; place of the gate's numbers; first row of a slice; or, for a gate with more than fits here, place of its further operands and whole numbers in the table of attributes |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Gate {
    pub(crate) op: Op,
    pub(crate) shape: u8,
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) c: u16,
}

impl Gate {
    /// A gate from its record of eight bytes, little-endian; nothing if the operation has no such
    /// number. Whether the rest makes sense is checked when a circuit takes it.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Gate> {
        let [op, shape, a0, a1, b0, b1, c0, c1] = bytes;
        match Op::from_code(op) {
            None => None,
            Some(op) => Some(Gate {
                op,
                shape,
                a: u16::from_le_bytes([a0, a1]),
                b: u16::from_le_bytes([b0, b1]),
                c: u16::from_le_bytes([c0, c1]),
            }),
        }
    }

    /// The record of eight bytes.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 8] {
        let [a0, a1] = self.a.to_le_bytes();
        let [b0, b1] = self.b.to_le_bytes();
        let [c0, c1] = self.c.to_le_bytes();
        [self.op.code(), self.shape, a0, a1, b0, b1, c0, c1]
    }

    /// The operation.
    #[inline]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// Whether this is a param that training leaves alone.
    #[inline]
    pub const fn is_frozen(&self) -> bool {
        matches!(self.op, Op::Param) && self.b == 1
    }

    /// Whether this is a param that training changes.
    #[inline]
    pub const fn is_trained(&self) -> bool {
        matches!(self.op, Op::Param) && self.b != 1
    }

    /// Operand number `n`, if it is named in the record; all are by [`CircuitRef::operand`].
    ///
    /// [`CircuitRef::operand`]: crate::CircuitRef::operand
    #[inline(never)]
    pub(crate) const fn operand(&self, n: usize) -> Option<Wire> {
        let raw = match n {
            0 => self.a,
            1 => self.b,
            2 => self.c,
            _ => NONE,
        };
        if n < self.op.operands() - self.op.listed_operands() && raw != NONE { Some(Wire(raw)) } else { None }
    }

    /// Place of a const's first number in the table of numbers.
    #[inline]
    pub(crate) const fn number(&self) -> usize {
        self.a as usize | (self.b as usize) << 16
    }

    /// Place of the gate's own numbers (slope, bounds) in the table of numbers.
    #[inline]
    pub(crate) const fn attributes(&self) -> usize {
        self.c as usize
    }

    /// Place of the gate's further operands and whole numbers in the table of attributes.
    #[inline]
    pub(crate) const fn listed(&self) -> usize {
        self.c as usize
    }

    /// First row of a slice.
    #[inline]
    pub(crate) const fn start(&self) -> usize {
        self.c as usize
    }

    /// How many classes a label has.
    #[inline]
    pub(crate) const fn classes(&self) -> usize {
        self.b as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;
    use crate::op::Op;

    #[test]
    fn a_record_is_eight_bytes_and_comes_back() {
        assert_eq!(size_of::<Gate>(), 8);
        let gate = Gate { op: Op::Dense, shape: 3, a: 1, b: 2, c: 0x1234 };
        assert_eq!(gate.to_bytes(), [65, 3, 1, 0, 2, 0, 0x34, 0x12]);
        assert_eq!(Gate::from_bytes(gate.to_bytes()), Some(gate));
        assert_eq!(Gate::from_bytes([200, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
