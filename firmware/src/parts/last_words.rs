//! Why the board was reset, told to the run after it: four words above the stack, which neither the
//! start-up code nor a reset touches.

use chainrule::link::{Reset, Why};
use core::panic::PanicInfo;
use core::ptr::addr_of_mut;

unsafe extern "C" {
    /// Sixteen bytes that the memory map leaves out of the stack.
    static mut _last_words: [u32; 4];
}

const MAGIC: u32 = 0x6c61_7374;

fn words() -> *mut [u32; 4] {
    addr_of_mut!(_last_words)
}

/// Leaves word of what happened, and where: a line, a program counter.
pub fn leave(why: Why, at: u32) {
    let why = match why {
        Why::Panic => 1,
        Why::Fault => 2,
        Why::Watchdog => 3,
    };
    // SAFETY: RAM that nobody else uses; an interrupt that writes too resets the board afterwards.
    unsafe { words().write_volatile([MAGIC, why, at, !(MAGIC ^ why ^ at)]) };
}

/// What the run before left; once.
pub fn take() -> Option<Reset> {
    // SAFETY: RAM that nobody else uses.
    let [magic, why, at, check] = unsafe { words().read_volatile() };
    // SAFETY: as above.
    unsafe { words().write_volatile([0; 4]) };
    if magic != MAGIC || check != !(magic ^ why ^ at) {
        return None;
    }
    let why = match why {
        1 => Why::Panic,
        2 => Why::Fault,
        3 => Why::Watchdog,
        _ => return None,
    };
    Some(Reset { why, at })
}

/// Leaves word of a panic. The image is proven to have none; should the proof be wrong, the run after
/// it says at which line.
pub fn panicked(info: &PanicInfo<'_>) {
    leave(Why::Panic, info.location().map_or(0, |place| place.line()));
}

#[cfg(feature = "cortex-m")]
mod faults {
    use super::{Why, leave};
    use cortex_m::peripheral::SCB;
    use cortex_m_rt::{ExceptionFrame, exception};

    #[exception]
    unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
        leave(Why::Fault, frame.pc());
        SCB::sys_reset()
    }

    /// An interrupt or exception that nobody asked for; its number.
    #[exception]
    unsafe fn DefaultHandler(number: i16) -> ! {
        leave(Why::Fault, number as u16 as u32);
        SCB::sys_reset()
    }
}
