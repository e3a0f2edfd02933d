//! The watchdog: hardware that resets a board which has stopped turning.

/// A watchdog; made, it runs, and nothing stops it.
///
/// It is fed between two gates and once a turn of the main loop, never by an interrupt: interrupts go
/// on when the main loop hangs.
pub trait Watchdog {
    /// It begins to count anew.
    fn feed(&mut self);
}

/// No watchdog.
pub struct NoWatchdog;

impl Watchdog for NoWatchdog {
    fn feed(&mut self) {}
}
