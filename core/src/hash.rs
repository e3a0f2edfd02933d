//! A hash over params, by which host and board tell that theirs are the same.

use crate::gate::Wire;
use crate::op::Op;
use crate::scalar::Scalar;
use crate::tape::Tape;

impl<T: Scalar> Tape<'_, T> {
    /// The [`ParamsHash`] of all params in the order of their wires: equal params, equal hash, on
    /// every target.
    pub fn params_hash(&self) -> u64 {
        let is_param = |wire: &Wire| self.fixed.circuit.gate(*wire).is_some_and(|gate| gate.op == Op::Param);
        let mut hash = ParamsHash::new();
        for wire in self.fixed.circuit.wires().filter(is_param) {
            hash.add(self.value(wire).unwrap_or_default());
        }
        hash.finish()
    }
}

/// A hash over the bits of numbers: FNV-1a, 64 bits (Fowler, Noll and Vo), over their little-endian
/// bytes. Every NaN counts as one and the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParamsHash(u64);

impl ParamsHash {
    /// The hash of nothing.
    #[allow(clippy::new_without_default)] // a default hash would read like a hash of something
    pub const fn new() -> ParamsHash {
        ParamsHash(0xcbf2_9ce4_8422_2325)
    }

    /// Goes on with these numbers.
    pub fn add<T: Scalar>(&mut self, numbers: &[T]) {
        for &x in numbers {
            let bits = if x.is_nan() { T::NAN.to_bits() } else { x.to_bits() };
            for &byte in bits.to_le_bytes().iter().take(T::BYTES) {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }

    /// The hash of all that was added.
    pub const fn finish(self) -> u64 {
        self.0
    }
}
