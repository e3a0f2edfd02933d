//! mps2-an505: Arm's MPS2 with a Cortex-M33 at 20 MHz. Emulated only.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use chainrule_firmware::echo::Echo;
use chainrule_firmware::parts::cmsdk::{Panel, Uart};
use chainrule_firmware::parts::systick::HalfSeconds;
use chainrule_firmware::{Board, log, run};
use static_cell::ConstStaticCell;

const HERTZ: u32 = 20_000_000;

static SESSION: ConstStaticCell<Echo> = ConstStaticCell::new(Echo::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(core), Some(session)) = (cortex_m::Peripherals::take(), SESSION.try_take()) else {
        cortex_m::peripheral::SCB::sys_reset()
    };
    // SAFETY: UART 0 is there (Arm DAI 0505, table 3-6), and only here is it used.
    let port = unsafe { Uart::at(0x5020_0000, HERTZ / 115_200) };
    // SAFETY: the FPGA system control block is there, and only here is it used.
    let (led, button) = unsafe { Panel::at(0x5030_2000) }.split();
    let clock = HalfSeconds::new(core.SYST, HERTZ / 2);
    run(Board { port, led, button, clock, log: log::Sink::new() }, session)
}

#[cfg(not(feature = "panic-check"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
