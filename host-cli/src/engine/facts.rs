//! What a board says of itself when it is greeted, and whether a circuit fits into that.

use super::EngineError;
use chainrule::link::Board;
use chainrule::{CircuitRef, Gate, Purpose, Scalar, Slot, plan};

/// What a board said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoardFacts {
    /// Its name.
    pub name: String,
    /// Bytes of its numbers.
    pub scalar: u8,
    /// Gates it can hold.
    pub gates: u32,
    /// Shapes it can hold.
    pub shapes: u16,
    /// Numbers in the circuit's table.
    pub numbers: u32,
    /// Attributes in the circuit's table.
    pub attrs: u32,
    /// Numbers of the arena.
    pub arena: u32,
    /// Numbers for kept rows.
    pub rows: u32,
}

impl BoardFacts {
    pub(super) fn from(board: Board<'_>) -> BoardFacts {
        BoardFacts {
            name: board.name.to_owned(),
            scalar: board.scalar,
            gates: board.gates,
            shapes: board.shapes,
            numbers: board.numbers,
            attrs: board.attrs,
            arena: board.arena,
            rows: board.rows,
        }
    }

    /// Whether a circuit fits; told before anything is sent.
    pub fn fits<T: Scalar>(&self, circuit: &CircuitRef<'_, T>, purpose: Purpose) -> Result<(), EngineError> {
        let mut slots = vec![Slot::EMPTY; circuit.len()];
        let arena = plan(circuit, purpose, false, &mut slots)?.arena_len();
        let number = u64::from(self.scalar);
        let needs = [
            ("bytes for gates", (size_of::<Gate>() + size_of::<Slot>()) as u64, circuit.len(), u64::from(self.gates)),
            ("bytes for shapes", 8, circuit.shapes().len(), u64::from(self.shapes)),
            ("bytes for constants", number, circuit.numbers().len(), u64::from(self.numbers)),
            ("bytes for attributes", 2, circuit.attrs().len(), u64::from(self.attrs)),
            ("bytes for params, values and gradients", number, arena, u64::from(self.arena)),
        ];
        for (what, bytes, needed, had) in needs {
            if needed as u64 > had {
                let (needed, had) = (needed as u64 * bytes, had * bytes);
                return Err(EngineError::TooLarge { board: self.name.clone(), what, needed, had });
            }
        }
        Ok(())
    }
}
