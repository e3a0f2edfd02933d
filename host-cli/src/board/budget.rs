//! Budgets: what each board's firmware has room for, and what it takes itself; from `budgets.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chainrule::{Gate, Shape, Slot};
use serde::Deserialize;

use super::Board;

/// The room and the limits of one board's image in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Gates it can hold.
    pub gates: u32,
    /// Shapes it can hold.
    pub shapes: u32,
    /// Numbers in the circuit's table.
    pub numbers: u32,
    /// Attributes in the circuit's table.
    pub attrs: u32,
    /// Numbers for params, values and gradients.
    pub arena: u32,
    /// Numbers for rows of data to keep.
    pub rows: u32,
    /// The most bytes of flash that the image takes.
    pub flash: u32,
    /// The most bytes of static RAM that the image takes apart from that room.
    pub ram: u32,
    /// The most bytes of stack.
    pub stack: u32,
}

/// Bytes of an f32, which boards compute with.
pub const NUMBER: usize = 4;

/// Bytes of the circuit's tables for so many entries of each.
pub const fn table_bytes(gates: usize, shapes: usize, numbers: usize, attrs: usize) -> usize {
    gates * (size_of::<Gate>() + size_of::<Slot>())
        + shapes * size_of::<Shape>()
        + numbers * NUMBER
        + attrs * size_of::<u16>()
}

impl Budget {
    /// The bytes of RAM set aside for a circuit: its tables and the arena.
    pub const fn room(&self) -> usize {
        table_bytes(self.gates as usize, self.shapes as usize, self.numbers as usize, self.attrs as usize)
            + self.arena as usize * NUMBER
    }

    /// The bytes of RAM set aside for rows of data.
    pub const fn rows_bytes(&self) -> usize {
        self.rows as usize * NUMBER
    }
}

/// The limits of a program that is not a board's firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The most bytes of flash.
    pub flash: u32,
    /// The most bytes of static RAM.
    pub ram: u32,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
struct Budgets {
    programs: BTreeMap<String, Program>,
    modules: BTreeMap<String, BTreeMap<String, u32>>,
    #[serde(flatten)]
    boards: BTreeMap<String, Budget>,
}

static BUDGETS: LazyLock<Budgets> =
    LazyLock::new(|| toml::from_str(include_str!("../../budgets.toml")).unwrap_or_default());

/// The limits of a program by its name.
pub fn program(name: &str) -> Option<&'static Program> {
    BUDGETS.programs.get(name)
}

/// The most bytes of flash that each part of a board's image takes, for the boards that have a table.
pub fn modules() -> &'static BTreeMap<String, BTreeMap<String, u32>> {
    &BUDGETS.modules
}

impl Board {
    /// The board's budget; every board has one.
    pub fn budget(&self) -> Option<&'static Budget> {
        BUDGETS.boards.get(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::BOARDS;

    #[test]
    fn every_board_has_a_budget_that_fits_into_it() {
        toml::from_str::<Budgets>(include_str!("../../budgets.toml")).unwrap();
        assert_eq!(BUDGETS.boards.len(), BOARDS.len());
        for board in &BOARDS {
            let budget = board.budget().unwrap();
            let code = if board.flash == 0 { budget.flash } else { 0 };
            let ram = budget.room() + budget.rows_bytes() + (budget.ram + budget.stack + code) as usize;
            assert!(ram <= board.ram as usize, "{}: {ram} of {} bytes of RAM", board.name, board.ram);
            assert!(board.flash == 0 || budget.flash <= board.flash, "{}: {} bytes of flash", board.name, budget.flash);
        }
    }
}
