//! Care for what the session does: it is measured, kept in flash, and watched over.

use chainrule::keep::{KeepError, Keeper, Kept};
use chainrule::link::{Machine, Reset, Vitals};
use chainrule::{Scalar, Tape};
use embedded_storage::nor_flash::NorFlash;

use crate::watchdog::Watchdog;

/// A board's machine, as its session sees it.
pub struct Care<M, F, W> {
    meter: M,
    /// None if the flash has no room for two slots, or nothing is to be kept.
    pub(crate) keeper: Option<Keeper<F>>,
    watchdog: W,
    pub(crate) reset: Option<Reset>,
}

impl<M: Machine, F: NorFlash, W: Watchdog> Care<M, F, W> {
    /// Looks for what is kept; all of the flash is for that.
    #[inline(never)]
    pub fn new(meter: M, flash: F, watchdog: W, reset: Option<Reset>) -> Self {
        let all = if cfg!(feature = "keep") { u32::try_from(flash.capacity()).unwrap_or(0) } else { 0 };
        Care { meter, keeper: Keeper::new(flash, 0..all).ok(), watchdog, reset }
    }
}

impl<M: Machine, F: NorFlash, W: Watchdog> Machine for Care<M, F, W> {
    #[inline(always)]
    fn work_begins(&mut self) {
        self.meter.work_begins();
    }

    #[inline(always)]
    fn work_ends(&mut self) {
        self.meter.work_ends();
    }

    #[inline(always)]
    fn between_gates(&mut self) {
        self.watchdog.feed();
    }

    fn vitals(&mut self, anew: bool) -> Vitals {
        Vitals { reset: self.reset, ..self.meter.vitals(anew) }
    }

    #[inline(never)]
    fn save<T: Scalar>(&mut self, tape: &Tape<'_, T>, steps: u32, own: &[u8]) -> Result<Kept, KeepError> {
        let keeper = self.keeper.as_mut().filter(|_| cfg!(feature = "keep")).ok_or(KeepError::Unfit)?;
        keeper.save(tape, steps, own, &mut || self.watchdog.feed())
    }

    fn kept(&self) -> Option<Kept> {
        self.keeper.as_ref().filter(|_| cfg!(feature = "keep"))?.newest()
    }
}
