//! A circuit's tables as messages and flash carry them: records of a few bytes each, little-endian, the
//! same for both.

use super::Circuit;
use crate::error::BuildError;
use crate::gate::Gate;
use crate::scalar::Scalar;
use crate::shape::Shape;

/// A table of a circuit.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    Shapes,
    Attrs,
    Numbers,
    Gates,
}

impl Table {
    /// Bytes of a record.
    pub(crate) fn width<T: Scalar>(self) -> usize {
        match self {
            Table::Shapes | Table::Gates => 8,
            Table::Attrs => 2,
            Table::Numbers => T::BYTES,
        }
    }
}

/// Why a record was not taken.
#[derive(Clone, Copy)]
pub(crate) enum NotTaken {
    /// The bytes are none.
    NoRecord,
    /// The circuit refused it.
    Build(BuildError),
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    /// Adds a record to a table from its bytes, of which those behind its width are 0. One function for all
    /// tables, and one loop over records for whoever has them.
    #[inline(never)]
    pub(crate) fn push_bytes(&mut self, table: Table, bytes: [u8; 8]) -> Result<(), NotTaken> {
        let [a, b, c, d, e, f, g, h] = bytes;
        let half = |low, high| u16::from_le_bytes([low, high]);
        let mut parts = self.parts();
        let pushed = match table {
            Table::Shapes => {
                let raw = [half(a, b), half(c, d), half(e, f), half(g, h)];
                parts.push_shape(Shape::from_raw(raw).ok_or(NotTaken::NoRecord)?)
            }
            Table::Attrs => parts.push_attr(half(a, b)),
            Table::Numbers => parts.push_number(T::from_bits(u64::from_le_bytes(bytes))),
            Table::Gates => parts.push_record(Gate::from_bytes(bytes).ok_or(NotTaken::NoRecord)?).map(|_| ()),
        };
        pushed.map_err(NotTaken::Build)
    }
}
