//! Log records: defmt writes them into a ring here, the main loop carries them away.
//!
//! Logging therefore never waits, not even in an interrupt. A record that does not fit
//! is dropped whole, so that what arrives can always be decoded.
#![allow(unsafe_code)]

use core::cell::RefCell;

use critical_section::{CriticalSection, Mutex, RestoreState};
use heapless::Deque;

/// Room for some ten records; a record is a few bytes, its text stays on the host.
const ROOM: usize = 128;

struct Records {
    encoder: defmt::Encoder,
    ring: Deque<u8, ROOM>,
    /// The length of the ring before the record that is being written.
    whole: usize,
    /// Whether the record being written has run out of room.
    full: bool,
    /// Interrupts as they were before the record that is being written.
    restore: Option<RestoreState>,
}

static RECORDS: Mutex<RefCell<Records>> = Mutex::new(RefCell::new(Records {
    encoder: defmt::Encoder::new(),
    ring: Deque::new(),
    whole: 0,
    full: false,
    restore: None,
}));

/// Moves what has been logged to the front of `into`, as much as there is room for.
pub fn take(into: &mut [u8]) -> &[u8] {
    let mut count = 0;
    critical_section::with(|held| {
        if let Ok(mut records) = RECORDS.borrow(held).try_borrow_mut() {
            for place in &mut *into {
                let Some(byte) = records.ring.pop_front() else {
                    break;
                };
                *place = byte;
                count += 1;
            }
        }
    });
    into.get(..count).unwrap_or_default()
}

impl Records {
    fn write(&mut self, step: impl FnOnce(&mut defmt::Encoder, &mut dyn FnMut(&[u8]))) {
        let Records { encoder, ring, full, .. } = self;
        step(encoder, &mut |bytes| {
            for byte in bytes {
                *full |= ring.push_back(*byte).is_err();
            }
        });
    }
}

#[defmt::global_logger]
struct Logger;

fn with_records(held: CriticalSection<'_>, step: impl FnOnce(&mut Records)) {
    if let Ok(mut records) = RECORDS.borrow(held).try_borrow_mut() {
        step(&mut records);
    }
}

// SAFETY: interrupts are masked from `acquire` to `release` (one core only), so no two
// records are ever written at once.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: defmt calls `release` once for every `acquire`; it takes `restore` back.
        let restore = unsafe { critical_section::acquire() };
        // SAFETY: interrupts have just been masked.
        with_records(unsafe { CriticalSection::new() }, |records| {
            records.restore = Some(restore);
            records.whole = records.ring.len();
            records.full = false;
            records.write(|encoder, out| encoder.start_frame(out));
        });
    }

    unsafe fn flush() {}

    unsafe fn release() {
        let mut restore = None;
        // SAFETY: interrupts are masked since `acquire`.
        with_records(unsafe { CriticalSection::new() }, |records| {
            records.write(|encoder, out| encoder.end_frame(out));
            while records.full && records.ring.len() > records.whole {
                records.ring.pop_back();
            }
            restore = records.restore.take();
        });
        if let Some(restore) = restore {
            // SAFETY: this is what the matching `acquire` gave.
            unsafe { critical_section::release(restore) }
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: interrupts are masked since `acquire`.
        with_records(unsafe { CriticalSection::new() }, |records| {
            records.write(|encoder, out| encoder.write(bytes, out));
        });
    }
}

/// Where this image's log records go beside the link.
pub type Sink = sink::Sink;

/// Whether somebody reads them there from the start; else they wait for the link.
pub const IS_READ: bool = cfg!(any(feature = "log-semihosting", feature = "log-rtt"));

#[cfg(feature = "log-semihosting")]
mod sink {
    //! The standard output of the emulator or debugger.
    use embedded_io::ErrorKind;
    use semihosting::io::{Stdout, Write, stdout};

    /// Sends records to the emulator's standard output.
    pub struct Sink(Option<Stdout>);

    impl Sink {
        /// Opens the emulator's standard output.
        pub fn new() -> Self {
            Sink(stdout().ok())
        }
    }

    impl embedded_io::ErrorType for Sink {
        type Error = ErrorKind;
    }

    impl embedded_io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            let out = self.0.as_mut().ok_or(ErrorKind::NotConnected)?;
            out.write_all(bytes).map_err(|_| ErrorKind::Other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }
}

#[cfg(all(feature = "log-rtt", not(feature = "log-semihosting")))]
mod sink {
    //! A debug probe's real-time transfer: a buffer in RAM that the probe reads while the board runs.
    use core::convert::Infallible;
    use rtt_target::{ChannelMode, UpChannel, rtt_init};

    /// Bytes that wait for the probe; what does not fit is dropped.
    const BUFFER: usize = 128;

    /// Sends records to the probe, in the channel where it looks for defmt's.
    pub struct Sink(UpChannel);

    impl Sink {
        /// Lays out the buffer.
        pub fn new() -> Self {
            let channels = rtt_init! {
                up: { 0: { size: BUFFER, mode: ChannelMode::NoBlockTrim, name: "defmt" } }
            };
            Sink(channels.up.0)
        }
    }

    impl embedded_io::ErrorType for Sink {
        type Error = Infallible;
    }

    impl embedded_io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            self.0.write(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }
}

#[cfg(not(any(feature = "log-semihosting", feature = "log-rtt")))]
mod sink {
    //! Nowhere else.

    /// Lets records fall.
    pub struct Sink;

    impl Sink {
        /// A sink without an end.
        pub const fn new() -> Self {
            Sink
        }
    }

    impl embedded_io::ErrorType for Sink {
        type Error = core::convert::Infallible;
    }

    impl embedded_io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }
}

impl Default for sink::Sink {
    fn default() -> Self {
        sink::Sink::new()
    }
}
