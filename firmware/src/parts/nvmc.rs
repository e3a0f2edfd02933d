//! The nRF51's flash behind its controller.
//!
//! Registers and times: Nordic nRF51 Series Reference Manual 3.0, chapter 6. A word may be written
//! twice between two erases; nothing here writes one twice. The processor stands still while a page
//! is erased (22 ms) or a word written (46 µs): bytes that arrive meanwhile are lost, and the link
//! sends them again. Seen in the emulator, not yet on silicon.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use nrf51_pac::NVMC;

/// A range of the chip's flash.
pub struct Nvmc {
    controller: NVMC,
    at: u32,
    len: u32,
}

const READ_ONLY: u32 = 0;
const WRITE: u32 = 1;
const ERASE: u32 = 2;

impl Nvmc {
    /// `len` bytes from `at` on.
    ///
    /// # Safety
    /// There is flash, and no part of the image lies in it.
    pub unsafe fn at(controller: NVMC, at: u32, len: u32) -> Self {
        Nvmc { controller, at, len }
    }

    fn wait(&self) {
        while self.controller.ready.read().bits() & 1 == 0 {}
    }

    fn allow(&self, what: u32) {
        self.wait();
        // SAFETY: the three values are those of the manual.
        self.controller.config.write(|w| unsafe { w.bits(what) });
        self.wait();
    }
}

impl ErrorType for Nvmc {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nvmc {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        for (place, from) in bytes.iter_mut().zip(self.at + offset..) {
            // SAFETY: within the range, which was just checked.
            *place = unsafe { (from as *const u8).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.len as usize
    }
}

impl NorFlash for Nvmc {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.allow(ERASE);
        for page in (self.at + from..self.at + to).step_by(Self::ERASE_SIZE) {
            // SAFETY: the register takes the address of a page, within the range.
            self.controller.erasepage().write(|w| unsafe { w.bits(page) });
            self.wait();
        }
        self.allow(READ_ONLY);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        self.allow(WRITE);
        for (word, to) in bytes.as_chunks::<4>().0.iter().zip((self.at + offset..).step_by(4)) {
            // SAFETY: a word within the range, which was just checked; the controller allows writing.
            unsafe { (to as *mut u32).write_volatile(u32::from_le_bytes(*word)) };
            self.wait();
        }
        self.allow(READ_ONLY);
        Ok(())
    }
}
