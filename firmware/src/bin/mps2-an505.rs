//! mps2-an505: Arm's MPS2 with a Cortex-M33 at 20 MHz. Emulated only.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use chainrule::link::Session;
use chainrule_firmware::parts::last_words;
use chainrule_firmware::parts::mps2::{Places, board};
use chainrule_firmware::watchdog::NoWatchdog;
use chainrule_firmware::{Number, Room, run};
use static_cell::ConstStaticCell;

/// Arm DAI 0505, tables 3-2 and 3-6.
const PLACES: Places =
    Places { hertz: 20_000_000, uart: 0x5020_0000, panel: 0x5030_2000, timer: 0x5000_0000, psram: 0x8000_0000 };

/// Room for params, values and gradients.
const ARENA: usize = 640 * 1024 / size_of::<Number>();
/// Room for data that is kept.
const ROWS: usize = 512 * 1024 / size_of::<Number>();

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
    // SAFETY: they are there by the tables named, and only here are they used.
    let board = unsafe { board(core, &PLACES, NoWatchdog) };
    session.set_name("mps2-an505");
    session.attach(Room(ARENA_PLACE.try_take()), Room(ROWS_PLACE.try_take()));
    run(board, session)
}

#[cfg(not(feature = "panic-check"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    last_words::panicked(info);
    cortex_m::peripheral::SCB::sys_reset()
}
