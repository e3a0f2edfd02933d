//! What Arm's MPS2 images share, each at its own addresses: a serial port, a timer, lights, and RAM
//! behind the rules of a flash.

use cortex_m::Peripherals;

use super::cmsdk::{Button, Led, Panel, Timer, Uart};
use super::last_words;
use super::ram_flash::RamFlash;
use super::stack::Painted;
use super::systick::HalfSeconds;
use crate::care::Care;
use crate::vitals::Meter;
use crate::watchdog::Watchdog;
use crate::{Board, log};

/// Room for two states that are kept.
const KEEP: usize = 4096 * 1024;

/// Where an image has its parts.
pub struct Places {
    /// Ticks of the processor's clock a second.
    pub hertz: u32,
    /// UART 0.
    pub uart: usize,
    /// The FPGA system control block.
    pub panel: usize,
    /// Timer 0.
    pub timer: usize,
    /// 4 MB of PSRAM that the memory map leaves alone.
    pub psram: usize,
}

/// The parts of an image, and what watches over it.
pub type Mps2<W> = Board<Uart, Led, Button, HalfSeconds, Meter<Timer, Painted>, RamFlash, W, log::Sink>;

/// Puts the parts together.
///
/// # Safety
/// They are at these places, and nothing else uses them.
#[inline(always)] // into the one place that calls it, where the addresses are known
pub unsafe fn board<W: Watchdog>(core: Peripherals, places: &Places, watchdog: W) -> Mps2<W> {
    // SAFETY: the caller says so, of this and of those below.
    let port = unsafe { Uart::at(places.uart, places.hertz / 115_200) };
    // SAFETY: as above.
    let (led, button) = unsafe { Panel::at(places.panel) }.split();
    // SAFETY: as above.
    let timer = unsafe { Timer::at(places.timer) };
    let clock = HalfSeconds::new(core.SYST, places.hertz / 2);
    let meter = Meter::new(timer, Painted);
    // SAFETY: as above.
    let flash = unsafe { RamFlash::at(places.psram, KEEP) };
    let care = Care::new(meter, flash, watchdog, last_words::take());
    Board { port, led, button, clock, care, log: log::Sink::new() }
}
