//! What an image takes on its board, by its sections.

use std::fs;
use std::path::Path;

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

use super::Board;

/// Bytes of an image, as they lie on the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// In flash, what RAM starts with included; where there is no flash, the program in RAM.
    pub flash: u64,
    /// Static RAM.
    pub ram: u64,
    /// Where static memory ends and the stack may reach to.
    pub floor: u64,
    /// Where the stack begins.
    pub top: u64,
}

/// Reads an image.
///
/// # Errors
/// Words for why it cannot be read.
pub fn bytes(board: &Board, image: &Path) -> Result<Bytes, String> {
    let data = fs::read(image).map_err(|error| format!("{}: {error}", image.display()))?;
    let file = object::File::parse(&*data).map_err(|error| format!("{}: {error}", image.display()))?;
    let mut bytes = Bytes::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
        let name = section.name().unwrap_or_default();
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 || [".stack", ".heap"].contains(&name) {
            continue;
        }
        // What RAM starts with lies in flash too, where there is flash.
        let starts = section.file_range().is_some();
        let written = [".data", ".bss", ".uninit"].contains(&name);
        bytes.flash += if starts && (board.flash > 0 || !written) { section.size() } else { 0 };
        if written {
            bytes.ram += section.size();
            bytes.floor = bytes.floor.max(section.address() + section.size());
        }
    }
    let top = file.symbols().find(|symbol| symbol.name() == Ok("_stack_start"));
    bytes.top = top.ok_or_else(|| format!("{}: it has no stack", image.display()))?.address();
    Ok(bytes)
}
