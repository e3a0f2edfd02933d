//! The boards: one row each.

use super::BoardError;
use crate::text::nearest::nearest;

/// A board that the firmware runs on.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// What the user calls it; also the image's name and its feature in `firmware/`.
    pub name: &'static str,
    /// The processor, for people.
    pub processor: &'static str,
    /// The compiler's name for that processor.
    pub target: &'static str,
    /// Bytes of flash in the memory map; 0 where programs run from RAM.
    pub flash: u32,
    /// Bytes of RAM in the memory map.
    pub ram: u32,
    /// Whether this board exists only in the emulator.
    pub emulated_only: bool,
    /// The emulator's program.
    pub emulator: &'static str,
    /// What the emulator is told to be this board.
    pub machine: &'static [&'static str],
    /// What the firmware's counter counts in an instruction, when the emulator counts them: at
    /// 1024 ns each, thousandths. Nothing where the firmware has no counter.
    pub counts: Option<u32>,
}

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Every board, those with the most room first.
pub const BOARDS: [Board; 5] = [
    Board {
        name: "mps2-an386",
        processor: "Cortex-M4F",
        target: "thumbv7em-none-eabihf",
        flash: 4 * MIB,
        ram: 4 * MIB,
        emulated_only: true,
        emulator: "qemu-system-arm",
        machine: &["-machine", "mps2-an386"],
        counts: Some(25_600),
    },
    Board {
        name: "mps2-an505",
        processor: "Cortex-M33",
        target: "thumbv8m.main-none-eabihf",
        flash: 4 * MIB,
        ram: 2 * MIB,
        emulated_only: true,
        emulator: "qemu-system-arm",
        machine: &["-machine", "mps2-an505"],
        counts: Some(20_480),
    },
    Board {
        name: "riscv-virt",
        processor: "RISC-V rv32imac",
        target: "riscv32imac-unknown-none-elf",
        flash: 0,
        ram: 16 * MIB,
        emulated_only: true,
        emulator: "qemu-system-riscv32",
        machine: &["-machine", "virt", "-bios", "none"],
        counts: Some(1_000),
    },
    Board {
        name: "b-l475e-iot01a",
        processor: "Cortex-M4F (STM32L475)",
        target: "thumbv7em-none-eabihf",
        flash: MIB,
        ram: 96 * KIB,
        emulated_only: false,
        emulator: "qemu-system-arm",
        machine: &["-machine", "b-l475e-iot01a"],
        counts: None,
    },
    Board {
        name: "microbit",
        processor: "Cortex-M0 (nRF51822)",
        target: "thumbv6m-none-eabi",
        flash: 256 * KIB,
        ram: 16 * KIB,
        emulated_only: false,
        emulator: "qemu-system-arm",
        machine: &["-machine", "microbit"],
        counts: None,
    },
];

/// The board of that name.
///
/// # Errors
/// [`BoardError::Unknown`], with the nearest name there is.
pub fn find(name: &str) -> Result<&'static Board, BoardError> {
    BOARDS.iter().find(|board| board.name == name).ok_or_else(|| BoardError::Unknown {
        name: name.to_owned(),
        nearest: nearest(name, BOARDS.iter().map(|board| board.name)),
        or_port: false,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{BOARDS, find};
    use crate::board::{BoardError, image::firmware_folder};

    #[test]
    fn a_mistyped_name_is_told_its_neighbour() {
        let nearest = |name| match find(name) {
            Err(BoardError::Unknown { nearest, .. }) => nearest,
            _ => None,
        };
        assert_eq!(nearest("mps2-an368"), Some("mps2-an386"));
        assert_eq!(nearest("micro:bit"), Some("microbit"));
        assert_eq!(nearest("l475"), None);
        assert_eq!(find("microbit").map(|board| board.ram), Ok(16384));
    }

    /// `LENGTH = 256K` after `FLASH` → 262144; 0 when there is no such line.
    fn length(map: &str, region: &str) -> u32 {
        let Some(line) = map.lines().find(|line| line.trim_start().starts_with(region)) else {
            return 0;
        };
        let size = line.rsplit('=').next().unwrap().trim();
        let unit = if size.ends_with('M') { super::MIB } else { super::KIB };
        size.trim_end_matches(['K', 'M']).parse::<u32>().unwrap() * unit
    }

    #[test]
    fn the_sizes_are_those_of_the_memory_maps() {
        for board in &BOARDS {
            let map = firmware_folder().unwrap().join("memory").join(board.name);
            let map = fs::read_to_string(map.with_extension("x")).unwrap();
            assert_eq!(length(&map, "FLASH "), board.flash, "flash of {}", board.name);
            assert_eq!(length(&map, "RAM "), board.ram, "RAM of {}", board.name);
        }
    }
}
