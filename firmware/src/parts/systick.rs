//! Half-seconds from the timer that is part of most Cortex-M processors.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

use crate::Clock;

/// The processor's own timer, wrapping twice a second.
pub struct HalfSeconds(SYST);

impl HalfSeconds {
    /// Starts the timer. `ticks` of the processor's clock are half a second; the timer
    /// counts 24 bits, which is enough for processors up to 33 MHz.
    pub fn new(mut timer: SYST, ticks: u32) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(ticks.saturating_sub(1).min(0x00ff_ffff));
        timer.clear_current();
        timer.enable_counter();
        HalfSeconds(timer)
    }
}

impl Clock for HalfSeconds {
    fn half_second_passed(&mut self) -> bool {
        self.0.has_wrapped()
    }
}
