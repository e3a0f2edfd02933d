//! riscv-virt: the emulator's own RISC-V machine, here with 32 bits. Emulated only.
//!
//! Registers: TI PC16550D (the serial port) and SiFive FU540 manual, chapter 9 (the timer).
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::convert::Infallible;

use chainrule::link::{Session, Why};
use chainrule_firmware::care::Care;
use chainrule_firmware::parts::last_words;
use chainrule_firmware::parts::ram_flash::RamFlash;
use chainrule_firmware::parts::stack::Painted;
use chainrule_firmware::vitals::{Counter, Meter};
use chainrule_firmware::watchdog::NoWatchdog;
use chainrule_firmware::{Board, Clock, NoPins, Number, Room, log, run};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use static_cell::ConstStaticCell;
use vcell::VolatileCell;

/// Room for params, values and gradients.
const ARENA: usize = 4096 * 1024 / size_of::<Number>();
/// Room for data that is kept.
const ROWS: usize = 2048 * 1024 / size_of::<Number>();
/// Room for two states that are kept.
const KEEP: usize = 16 * 1024 * 1024;

static ARENA_PLACE: ConstStaticCell<[Number; ARENA]> = ConstStaticCell::new([0.0; ARENA]);
static ROWS_PLACE: ConstStaticCell<[Number; ROWS]> = ConstStaticCell::new([0.0; ROWS]);
/// Up to 16384 gates, 4096 constants, 64 shapes and 1024 attributes; 8 requests under way.
static SESSION: ConstStaticCell<Session<Number, Room<ARENA>, Room<ROWS>, 16384, 4096, 64, 1024, 8>> =
    ConstStaticCell::new(Session::new(Room::EMPTY, Room::EMPTY));

#[riscv_rt::entry]
fn main() -> ! {
    let Some(session) = SESSION.try_take() else { reset() };
    // SAFETY: the machine has its serial port there, and only here is it used.
    let port = Uart(unsafe { &*(0x1000_0000 as *const UartRegisters) });
    port.0.fifo.set(1);
    // What came before is lost; reading it away lets the next byte in.
    let _ = port.0.data.get();
    // SAFETY: the machine has its timer there; nothing writes to it.
    let time = unsafe { &*(0x0200_bff8 as *const VolatileCell<u32>) };
    let clock = HalfSeconds { time, last: time.get() };
    let meter = Meter::new(Instructions, Painted);
    // SAFETY: the machine has 128 MB, and the memory map takes the first 16 of them.
    let flash = unsafe { RamFlash::at(0x8100_0000, KEEP) };
    session.set_name("riscv-virt");
    session.attach(Room(ARENA_PLACE.try_take()), Room(ROWS_PLACE.try_take()));
    run(
        Board {
            port,
            led: NoPins,
            button: NoPins,
            clock,
            care: Care::new(meter, flash, NoWatchdog, last_words::take()),
            log: log::Sink::new(),
        },
        session,
    )
}

/// The first six registers of a PC16550D.
#[repr(C)]
struct UartRegisters {
    data: VolatileCell<u8>,
    interrupts: VolatileCell<u8>,
    fifo: VolatileCell<u8>,
    format: VolatileCell<u8>,
    modem: VolatileCell<u8>,
    /// Bit 0: a byte has arrived. Bit 5: the transmitter has room.
    state: VolatileCell<u8>,
}

struct Uart(&'static UartRegisters);

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.state.get() & 1 != 0)
    }
}

impl Read for Uart {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = bytes.first_mut() else {
            return Ok(0);
        };
        while self.0.state.get() & 1 == 0 {}
        *first = self.0.data.get();
        Ok(1)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(first) = bytes.first() else {
            return Ok(0);
        };
        while self.0.state.get() & 1 << 5 == 0 {}
        self.0.data.set(*first);
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Instructions that the processor has done.
struct Instructions;

impl Counter for Instructions {
    #[inline(always)]
    fn count(&mut self) -> Option<u32> {
        Some(riscv::register::minstret::read() as u32)
    }
}

/// Half-seconds by the machine's timer, 10 MHz.
struct HalfSeconds {
    time: &'static VolatileCell<u32>,
    last: u32,
}

impl Clock for HalfSeconds {
    fn half_second_passed(&mut self) -> bool {
        let now = self.time.get();
        let passed = now.wrapping_sub(self.last) >= 5_000_000;
        if passed {
            self.last = now;
        }
        passed
    }
}

/// The processor could not go on.
#[riscv_rt::exception(riscv::interrupt::Exception::LoadFault)]
fn load_fault() -> ! {
    fault()
}

/// The processor could not go on.
#[riscv_rt::exception(riscv::interrupt::Exception::StoreFault)]
fn store_fault() -> ! {
    fault()
}

/// The processor could not go on.
#[riscv_rt::exception(riscv::interrupt::Exception::IllegalInstruction)]
fn illegal_instruction() -> ! {
    fault()
}

fn fault() -> ! {
    last_words::leave(Why::Fault, riscv::register::mepc::read() as u32);
    reset()
}

/// Starts the machine anew.
fn reset() -> ! {
    // SAFETY: the machine has its reset device there, and 0x7777 is its word for a reset.
    unsafe { (*(0x0010_0000 as *const VolatileCell<u32>)).set(0x7777) };
    loop {}
}

#[cfg(not(feature = "panic-check"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    last_words::panicked(info);
    reset()
}
