//! Bytes that an interrupt received, waiting for the session to read them.
//!
//! A session may work on one request for longer than a byte takes to arrive: 87 µs at
//! 115,200 baud. A receiver with no memory of its own loses every byte of that time, so
//! the interrupt puts them here. The host keeps at most a window of requests under way,
//! which bounds what can be waiting.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;

use critical_section::{CriticalSection, Mutex};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use heapless::Deque;

/// A ring of `N` bytes between one interrupt and the main loop.
pub struct Inbox<const N: usize> {
    bytes: Mutex<RefCell<Deque<u8, N>>>,
    lost: Mutex<Cell<u32>>,
}

impl<const N: usize> Inbox<N> {
    /// An empty ring.
    pub const fn new() -> Self {
        Inbox { bytes: Mutex::new(RefCell::new(Deque::new())), lost: Mutex::new(Cell::new(0)) }
    }

    /// Keeps a byte, or counts it as lost when the ring is full.
    pub fn put(&self, byte: u8) {
        critical_section::with(|held| {
            let kept = self.bytes.borrow(held).try_borrow_mut().is_ok_and(|mut bytes| bytes.push_back(byte).is_ok());
            if !kept {
                self.lose(held);
            }
        });
    }

    /// Counts a byte that the receiver itself lost.
    pub fn overrun(&self) {
        critical_section::with(|held| self.lose(held));
    }

    /// The bytes lost since this was last asked.
    pub fn take_lost(&self) -> u32 {
        critical_section::with(|held| self.lost.borrow(held).replace(0))
    }

    /// Whether a byte is waiting.
    pub fn is_ready(&self) -> bool {
        critical_section::with(|held| self.bytes.borrow(held).try_borrow().is_ok_and(|bytes| !bytes.is_empty()))
    }

    /// Moves waiting bytes to the front of `into`; how many.
    pub fn take(&self, into: &mut [u8]) -> usize {
        critical_section::with(|held| {
            let Ok(mut bytes) = self.bytes.borrow(held).try_borrow_mut() else {
                return 0;
            };
            let mut count = 0;
            for place in into {
                let Some(byte) = bytes.pop_front() else { break };
                *place = byte;
                count += 1;
            }
            count
        })
    }

    fn lose(&self, held: CriticalSection<'_>) {
        let lost = self.lost.borrow(held);
        lost.set(lost.get().saturating_add(1));
    }
}

impl<const N: usize> Default for Inbox<N> {
    fn default() -> Self {
        Inbox::new()
    }
}

/// A serial port: what arrives waits in an inbox, what leaves goes byte by byte.
pub struct Line<const N: usize, S> {
    /// Where the receive interrupt puts what arrives.
    pub inbox: &'static Inbox<N>,
    /// Hands a byte to the transmitter, after waiting until it has room.
    pub send: S,
}

impl<const N: usize, S> ErrorType for Line<N, S> {
    type Error = Infallible;
}

impl<const N: usize, S> ReadReady for Line<N, S> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        let lost = self.inbox.take_lost();
        if lost > 0 {
            defmt::warn!("lost {=u32} received bytes", lost);
        }
        Ok(self.inbox.is_ready())
    }
}

impl<const N: usize, S> Read for Line<N, S> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.inbox.take(bytes);
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

impl<const N: usize, S: FnMut(u8)> Write for Line<N, S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            (self.send)(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Inbox;

    #[test]
    fn bytes_come_out_in_order_and_overflow_is_counted() {
        let inbox: Inbox<3> = Inbox::new();
        assert!(!inbox.is_ready());
        for byte in 1..=5 {
            inbox.put(byte);
        }
        let mut bytes = [0; 2];
        assert_eq!((inbox.take(&mut bytes), bytes), (2, [1, 2]));
        assert!(inbox.is_ready());
        inbox.put(6);
        assert_eq!((inbox.take(&mut bytes), bytes), (2, [3, 6]));
        assert_eq!(inbox.take(&mut bytes), 0);
        inbox.overrun();
        assert_eq!((inbox.take_lost(), inbox.take_lost()), (3, 0));
    }
}
