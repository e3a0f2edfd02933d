//! Flash that is RAM: where a board exists only in the emulator, and where the emulator has no
//! controller for the chip's flash. A reset leaves it as it is; a power cut does not.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// A range of RAM behind the rules of an STM32L4's flash: double words, pages of 2 KB.
pub struct RamFlash {
    at: usize,
    len: usize,
}

impl RamFlash {
    /// `len` bytes from `at` on.
    ///
    /// # Safety
    /// There is RAM, and neither the linker nor anybody else puts anything into it.
    pub const unsafe fn at(at: usize, len: usize) -> Self {
        RamFlash { at, len }
    }

    fn byte(&self, offset: usize) -> *mut u8 {
        (self.at + offset) as *mut u8
    }
}

impl ErrorType for RamFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        for (i, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: within the range, which was just checked.
            *byte = unsafe { self.byte(offset as usize + i).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.len
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 2048;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        for offset in from..to {
            // SAFETY: within the range, which was just checked.
            unsafe { self.byte(offset as usize).write_volatile(0xff) };
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (i, byte) in bytes.iter().enumerate() {
            // SAFETY: within the range, which was just checked.
            unsafe { self.byte(offset as usize + i).write_volatile(*byte) };
        }
        Ok(())
    }
}
