//! The stack: how deep it has been, by paint below it that is still there.

use core::ptr::addr_of;

use crate::vitals::Stack;

unsafe extern "C" {
    /// Where the stack begins; the linker knows.
    static _stack_start: u32;
    /// The end of what lies in RAM for good; the linker knows.
    static __sheap: u32;
}

const PAINT: u32 = 0xa5a5_a5a5;
/// Of a large RAM, so many bytes below the stack's beginning are painted.
const MOST_PAINT: usize = 1 << 13;
/// What the painter may use for itself, in bytes.
const MARGIN: usize = 128;

/// The stack of the processor that this runs on.
pub struct Painted;

impl Stack for Painted {
    fn top(&self) -> usize {
        addr_of!(_stack_start) as usize
    }

    #[inline(always)]
    fn here(&self) -> usize {
        pointer::read()
    }

    #[inline(never)]
    fn deepest(&self) -> usize {
        let top = self.top();
        // SAFETY: as below, and further up the stack itself, which is RAM too.
        let is_used = |at: &usize| unsafe { (*at as *const u32).read_volatile() } != PAINT;
        (self.floor()..top).step_by(size_of::<u32>()).find(is_used).unwrap_or(top)
    }

    fn bottom(&self) -> usize {
        addr_of!(__sheap) as usize
    }

    /// An interrupt may come meanwhile: it is over before the next word.
    #[inline(never)]
    fn paint(&mut self) {
        let end = self.here().saturating_sub(MARGIN);
        for at in (self.floor()..end).step_by(size_of::<u32>()) {
            // SAFETY: RAM between the statics and the stack, a word at a time; nothing lies there.
            unsafe { (at as *mut u32).write_volatile(PAINT) };
        }
    }
}

impl Painted {
    /// Where the paint begins.
    fn floor(&self) -> usize {
        self.bottom().max(self.top().saturating_sub(MOST_PAINT)).next_multiple_of(size_of::<u32>())
    }
}

#[cfg(feature = "cortex-m")]
mod pointer {
    pub use cortex_m::register::msp::read as read_main;

    #[inline(always)]
    pub fn read() -> usize {
        read_main() as usize
    }
}

#[cfg(feature = "riscv-virt")]
mod pointer {
    #[inline(always)]
    pub fn read() -> usize {
        let pointer;
        // SAFETY: copies one register.
        unsafe { core::arch::asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
        pointer
    }
}
