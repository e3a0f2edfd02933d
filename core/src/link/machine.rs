//! The machine under a session: it is told when work begins and ends, and tells how it is.

use super::message::Vitals;

/// What a session knows of the processor that it runs on.
///
/// Work is what a circuit does for one request: forward, backward and step of one sample, or the
/// step that ends a batch. Receiving, filling inputs and answering lie outside it, so that a counter
/// read at both ends counts the arithmetic alone.
pub trait Machine {
    /// Work begins.
    fn work_begins(&mut self) {}

    /// Work is over.
    fn work_ends(&mut self) {}

    /// How the machine is; with `anew`, it forgets afterwards what was, and begins to measure here.
    fn vitals(&mut self, anew: bool) -> Vitals {
        let _ = anew;
        Vitals::default()
    }
}

/// A machine that knows nothing of itself.
impl Machine for () {}
