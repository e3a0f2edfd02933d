//! The STM32L4's flash, and in the emulator, which has no controller for it, RAM in its place.
//!
//! Registers: ST RM0351, chapter 3. Double words are written once between two erases; each carries a
//! check code, and one that a power cut tore fails when it is read: the controller flags it (ECCD) and
//! raises the non-maskable interrupt, whose handler calls [`check_code_failed`]. Reading tells such a
//! double word as an error. Not yet seen on silicon.

use core::sync::atomic::{AtomicBool, Ordering};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use stm32l4::stm32l4x5::FLASH;

use super::ram_flash::RamFlash;

const BASE: u32 = 0x0800_0000;
const PAGE: u32 = 2048;
/// Pages of each of the two banks of a chip with 1 MB.
const BANK_PAGES: u32 = 256;

// Bits of the status register: busy, and all errors of programming.
const BUSY: u32 = 1 << 16;
const ERRORS: u32 = 0xc3fa;
// Bits of the control register.
const PROGRAM: u32 = 1;
const ERASE_PAGE: u32 = 1 << 1;
const SECOND_BANK: u32 = 1 << 11;
const START: u32 = 1 << 16;
const LOCK: u32 = 1 << 31;
// Bits of the access register: the data cache and its reset.
const DATA_CACHE: u32 = 1 << 10;
const DATA_CACHE_RESET: u32 = 1 << 12;
/// Two bits of a double word are wrong.
const TORN: u32 = 1 << 31;

/// A double word was read that does not match its check code.
static FAILED: AtomicBool = AtomicBool::new(false);

/// For the handler of the non-maskable interrupt: whether the flash raised it. The flag is cleared.
pub fn check_code_failed() -> bool {
    // SAFETY: the handler touches this one register, whose flags are cleared by writing 1.
    let flash = unsafe { FLASH::steal() };
    let torn = flash.eccr().read().bits() & TORN != 0;
    if torn {
        // SAFETY: as above; the interrupt enable bit (24) stays as it was.
        flash.eccr().modify(|r, w| unsafe { w.bits(r.bits() & 1 << 24 | TORN) });
        FAILED.store(true, Ordering::Relaxed);
    }
    torn
}

/// A range of the chip's flash, or RAM in its place.
pub enum Storage {
    /// The flash.
    Flash(Controller),
    /// RAM, in the emulator.
    Ram(RamFlash),
}

/// The controller, and its range.
pub struct Controller {
    flash: FLASH,
    at: u32,
    len: u32,
}

impl Storage {
    /// `len` bytes of flash from `at` on; `ram` where there is no controller.
    ///
    /// # Safety
    /// There is flash, and no part of the image lies in it.
    pub unsafe fn at(flash: FLASH, at: u32, len: u32, ram: RamFlash) -> Self {
        // No chip has all of these bits 0; the emulator has.
        if flash.optr().read().bits() == 0 { Storage::Ram(ram) } else { Storage::Flash(Controller { flash, at, len }) }
    }
}

impl Controller {
    /// Waits until the controller is free; whether what it did failed.
    fn wait(&self) -> Result<(), NorFlashErrorKind> {
        while self.flash.sr().read().bits() & BUSY != 0 {}
        let errors = self.flash.sr().read().bits() & ERRORS;
        // SAFETY: flags are cleared by writing 1.
        self.flash.sr().write(|w| unsafe { w.bits(errors | 1) });
        if errors == 0 { Ok(()) } else { Err(NorFlashErrorKind::Other) }
    }

    fn unlock(&self) {
        let _ = self.wait();
        if self.flash.cr().read().bits() & LOCK != 0 {
            for key in [0x4567_0123, 0xcdef_89ab] {
                // SAFETY: the two keys of the manual, in this order.
                self.flash.keyr().write(|w| unsafe { w.bits(key) });
            }
        }
    }

    fn control(&self, bits: u32) {
        // SAFETY: the bits are those of the manual, and interrupts stay off.
        self.flash.cr().write(|w| unsafe { w.bits(bits) });
    }

    /// Lines of the data cache do not know of an erase.
    fn forget_cache(&self) {
        let access = self.flash.acr().read().bits();
        for bits in [access & !DATA_CACHE, access & !DATA_CACHE | DATA_CACHE_RESET, access & !DATA_CACHE, access] {
            // SAFETY: all bits but those of the data cache stay as they are.
            self.flash.acr().write(|w| unsafe { w.bits(bits) });
        }
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        FAILED.store(false, Ordering::Relaxed);
        for (place, from) in bytes.iter_mut().zip(self.at + offset..) {
            // SAFETY: within the range, which was checked.
            *place = unsafe { (from as *const u8).read_volatile() };
        }
        cortex_m::asm::dsb();
        if FAILED.load(Ordering::Relaxed) || check_code_failed() { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn erase(&self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.unlock();
        let mut erased = Ok(());
        for at in (self.at + from..self.at + to).step_by(PAGE as usize) {
            let page = (at - BASE) / PAGE;
            let bank = if page < BANK_PAGES { 0 } else { SECOND_BANK };
            let which = bank | (page % BANK_PAGES) << 3 | ERASE_PAGE;
            self.control(which);
            self.control(which | START);
            erased = erased.and(self.wait());
        }
        self.control(LOCK);
        self.forget_cache();
        erased
    }

    fn write(&self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        self.unlock();
        self.control(PROGRAM);
        let mut written = Ok(());
        for (double, to) in bytes.as_chunks::<8>().0.iter().zip((self.at + offset..).step_by(8)) {
            let [a, b, c, d, e, f, g, h] = *double;
            for (half, to) in [([a, b, c, d], to), ([e, f, g, h], to + 4)] {
                // SAFETY: within the range, which was checked; both halves, the lower first.
                unsafe { (to as *mut u32).write_volatile(u32::from_le_bytes(half)) };
                cortex_m::asm::isb();
            }
            written = self.wait();
            if written.is_err() {
                break;
            }
        }
        self.control(LOCK);
        written
    }
}

impl ErrorType for Storage {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Storage {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        match self {
            Storage::Flash(controller) => controller.read(offset, bytes),
            Storage::Ram(ram) => ram.read(offset, bytes),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Storage::Flash(controller) => controller.len as usize,
            Storage::Ram(ram) => ram.capacity(),
        }
    }
}

impl NorFlash for Storage {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = PAGE as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        match self {
            Storage::Flash(controller) => controller.erase(from, to),
            Storage::Ram(ram) => ram.erase(from, to),
        }
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        match self {
            Storage::Flash(controller) => controller.write(offset, bytes),
            Storage::Ram(ram) => ram.write(offset, bytes),
        }
    }
}
