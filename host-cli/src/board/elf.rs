//! What an image holds: the bytes for flash with their addresses, and how much RAM it takes.

use std::path::Path;

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Object, ObjectSection, SectionFlags, elf};

use super::{BOARDS, Board, BoardError};

/// Sections of static RAM.
const RAM: [&str; 3] = [".data", ".bss", ".uninit"];

/// An image as a board takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Pieces of flash, by the address where each begins; none overlaps another.
    pub pieces: Vec<(u32, Vec<u8>)>,
    /// Bytes of static RAM.
    pub ram: u64,
}

impl Contents {
    /// Reads the image of a 32-bit processor.
    ///
    /// # Errors
    /// [`BoardError::Image`].
    pub fn read(path: &Path) -> Result<Contents, BoardError> {
        let failed = |said: String| BoardError::Image { image: path.to_owned(), said };
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        Contents::of(&bytes).map_err(|error| failed(error.to_string()))
    }

    /// Reads an image that is to run on this board.
    ///
    /// # Errors
    /// As [`Contents::read`], and [`BoardError::OtherBoard`] if it needs more memory than there is, or
    /// bears another board's name, which a firmware tells its host, and not this one's.
    pub fn read_for(board: &'static Board, path: &Path) -> Result<Contents, BoardError> {
        let contents = Contents::read(path)?;
        let other = |why| Err(BoardError::OtherBoard { image: path.to_owned(), board: board.name, why });
        let (flash, ram) = (contents.flash(), contents.ram);
        // Without flash, all of it lies in RAM.
        let in_ram = if board.flash > 0 { ram } else { ram + flash };
        for (what, needed, had) in [("flash", flash, board.flash), ("RAM", in_ram, board.ram)] {
            if needed > u64::from(had) && (had > 0 || what == "RAM") {
                return other(format!("it needs {needed} bytes of {what}, and there are {had}"));
            }
        }
        let bears = |name: &str| {
            let holds = |piece: &[u8]| piece.windows(name.len()).any(|part| part == name.as_bytes());
            contents.pieces.iter().any(|(_, piece)| holds(piece))
        };
        match BOARDS.iter().find(|other| bears(other.name)) {
            Some(found) if !bears(board.name) => other(format!("it says that it is {}", found.name)),
            _ => Ok(contents),
        }
    }

    fn of(bytes: &[u8]) -> object::Result<Contents> {
        let header = elf::FileHeader32::<object::Endianness>::parse(bytes)?;
        let order = header.endian()?;
        let mut pieces = Vec::new();
        for part in header.program_headers(order, bytes)? {
            let data = part.data(order, bytes).unwrap_or_default();
            if part.p_type(order) == elf::PT_LOAD && !data.is_empty() {
                pieces.push((part.p_paddr(order), data.to_vec()));
            }
        }
        pieces.sort_by_key(|&(address, _)| address);
        let mut ram = 0;
        for section in object::File::parse(bytes)?.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            if sh_flags & u64::from(elf::SHF_ALLOC) != 0 && RAM.contains(&section.name()?) {
                ram += section.size();
            }
        }
        Ok(Contents { pieces, ram })
    }

    /// Bytes of flash.
    pub fn flash(&self) -> u64 {
        self.pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }
}
