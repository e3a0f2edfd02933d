//! mps2-an505: Arm's MPS2 with a Cortex-M33 at 20 MHz. Emulated only.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use chainrule::link::Session;
use chainrule_firmware::care::Care;
use chainrule_firmware::parts::cmsdk::{Panel, Timer, Uart};
use chainrule_firmware::parts::last_words;
use chainrule_firmware::parts::ram_flash::RamFlash;
use chainrule_firmware::parts::stack::Painted;
use chainrule_firmware::parts::systick::HalfSeconds;
use chainrule_firmware::vitals::Meter;
use chainrule_firmware::watchdog::NoWatchdog;
use chainrule_firmware::{Board, Number, Room, log, run};
use static_cell::ConstStaticCell;

const HERTZ: u32 = 20_000_000;

/// Room for params, values and gradients.
const ARENA: usize = 640 * 1024 / size_of::<Number>();
/// Room for data that is kept.
const ROWS: usize = 512 * 1024 / size_of::<Number>();
/// Room for two states that are kept.
const KEEP: usize = 4096 * 1024;

static ARENA_PLACE: ConstStaticCell<[Number; ARENA]> = ConstStaticCell::new([0.0; ARENA]);
static ROWS_PLACE: ConstStaticCell<[Number; ROWS]> = ConstStaticCell::new([0.0; ROWS]);
/// Up to 16384 gates, 4096 constants, 64 shapes and 1024 attributes; 8 requests under way.
static SESSION: ConstStaticCell<Session<Number, Room<ARENA>, Room<ROWS>, 16384, 4096, 64, 1024, 8>> =
    ConstStaticCell::new(Session::new(Room::EMPTY, Room::EMPTY));

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(core), Some(session)) = (cortex_m::Peripherals::take(), SESSION.try_take()) else {
        cortex_m::peripheral::SCB::sys_reset()
    };
    // SAFETY: UART 0 is there (Arm DAI 0505, table 3-6), and only here is it used.
    let port = unsafe { Uart::at(0x5020_0000, HERTZ / 115_200) };
    // SAFETY: the FPGA system control block is there, and only here is it used.
    let (led, button) = unsafe { Panel::at(0x5030_2000) }.split();
    // SAFETY: timer 0 is there (Arm DAI 0505, table 3-6), and only here is it used.
    let timer = unsafe { Timer::at(0x5000_0000) };
    let clock = HalfSeconds::new(core.SYST, HERTZ / 2);
    let meter = Meter::new(timer, Painted);
    // SAFETY: PSRAM (Arm DAI 0505, table 3-2), which the memory map leaves alone.
    let flash = unsafe { RamFlash::at(0x8000_0000, KEEP) };
    session.set_name("mps2-an505");
    session.attach(Room(ARENA_PLACE.try_take()), Room(ROWS_PLACE.try_take()));
    run(
        Board {
            port,
            led,
            button,
            clock,
            care: Care::new(meter, flash, NoWatchdog, last_words::take()),
            log: log::Sink::new(),
        },
        session,
    )
}

#[cfg(not(feature = "panic-check"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    last_words::panicked(info);
    cortex_m::peripheral::SCB::sys_reset()
}
