//! The loopback: a board's session in this process, behind the same bytes as a serial line.

use super::Pipe;
use chainrule::Scalar;
use chainrule::link::Session;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// As many gates, numbers and attributes as the loopback holds.
const GATES: usize = 16384;
const NUMBERS: usize = 8192;
const ATTRS: usize = 1024;

/// Numbers of its arena and for kept rows.
const MEMORY: usize = 1 << 20;

/// A board in memory.
pub struct Loopback<T> {
    session: Box<Session<T, Vec<T>, Vec<T>, GATES, NUMBERS, 64, ATTRS, 8>>,
    answers: VecDeque<u8>,
}

impl<T: Scalar> Loopback<T> {
    /// A board that nothing was said to yet.
    pub fn new() -> Loopback<T> {
        let memory = || vec![T::ZERO; MEMORY];
        let mut session = Box::new(Session::new(memory(), memory()));
        session.set_name("loopback");
        Loopback { session, answers: VecDeque::new() }
    }
}

impl<T: Scalar> Default for Loopback<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Pipe for Loopback<T> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            if let Some(frame) = self.session.receive(byte) {
                self.answers.extend(frame);
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], _wait: Duration) -> io::Result<usize> {
        let mut n = 0;
        for (place, byte) in buffer.iter_mut().zip(std::iter::from_fn(|| self.answers.pop_front())) {
            *place = byte;
            n += 1;
        }
        Ok(n)
    }
}
