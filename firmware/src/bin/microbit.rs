//! microbit: BBC micro:bit v1, an nRF51822 with a Cortex-M0 at 16 MHz and 16 KB of RAM.
//!
//! Registers: Nordic nRF51 Series Reference Manual 3.0. Pins: micro:bit v1.5 schematic.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::convert::Infallible;

use chainrule::link::{Reset, Session, Why};
use chainrule_firmware::care::Care;
use chainrule_firmware::inbox::{Inbox, Line};
use chainrule_firmware::parts::last_words;
use chainrule_firmware::parts::nvmc::Nvmc;
use chainrule_firmware::parts::stack::Painted;
use chainrule_firmware::vitals::{Meter, NoCounter};
use chainrule_firmware::watchdog::Watchdog;
use chainrule_firmware::{Board, Clock, Number, Room, log, run};
use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use nrf51_pac::{GPIO, NVIC, POWER, Peripherals, TIMER0, UART0, WDT, interrupt};
use static_cell::ConstStaticCell;

/// To and from the USB interface chip.
const TRANSMIT: u32 = 24;
const RECEIVE: u32 = 25;
/// The light at the top left shines when its row is high and its column is low.
const ROW_1: u32 = 13;
const COLUMN_1: u32 = 4;
/// Button A pulls its pin to ground; the board holds it up otherwise.
const BUTTON_A: u32 = 17;

/// Room for params, values and gradients.
const ARENA: usize = 10_880 / size_of::<Number>();
/// Room for data that is kept; none: samples come one by one.
const ROWS: usize = 0;

static ARENA_PLACE: ConstStaticCell<[Number; ARENA]> = ConstStaticCell::new([0.0; ARENA]);
static ROWS_PLACE: ConstStaticCell<[Number; ROWS]> = ConstStaticCell::new([0.0; ROWS]);
/// Up to 40 gates, 32 constants, 12 shapes and 32 attributes; 2 requests under way.
static SESSION: ConstStaticCell<Session<Number, Room<ARENA>, Room<ROWS>, 40, 32, 12, 32, 2>> =
    ConstStaticCell::new(Session::new(Room::EMPTY, Room::EMPTY));
static INBOX: Inbox<256> = Inbox::new();

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(chip), Some(session)) = (Peripherals::take(), SESSION.try_take()) else {
        cortex_m::peripheral::SCB::sys_reset()
    };

    // The crystal: the built-in oscillator is too far off for a serial line.
    let clock = chip.CLOCK;
    // SAFETY: 1 is the one value that starts a task.
    clock.tasks_hfclkstart.write(|w| unsafe { w.bits(1) });
    while clock.events_hfclkstarted.read().bits() == 0 {}

    let pins = chip.GPIO;
    // SAFETY: one bit a pin; these pins are wired to what their names say.
    pins.outset.write(|w| unsafe { w.bits(1 << TRANSMIT) });
    // SAFETY: as above; the columns of the other lights stay inputs.
    pins.dirset.write(|w| unsafe { w.bits(1 << TRANSMIT | 1 << ROW_1 | 1 << COLUMN_1) });
    for input in [RECEIVE, BUTTON_A] {
        if let Some(pin) = pins.pin_cnf.get(input as usize) {
            pin.write(|w| w.dir().input().input().connect().pull().disabled());
        }
    }

    let uart = chip.UART0;
    // SAFETY: the pin numbers are those of the USB interface chip.
    uart.pseltxd.write(|w| unsafe { w.bits(TRANSMIT) });
    // SAFETY: as above.
    uart.pselrxd.write(|w| unsafe { w.bits(RECEIVE) });
    uart.baudrate.write(|w| w.baudrate().baud115200());
    uart.enable.write(|w| w.enable().enabled());
    uart.intenset.write(|w| w.rxdrdy().set().error().set());
    // SAFETY: 1 is the one value that starts a task.
    uart.tasks_startrx.write(|w| unsafe { w.bits(1) });
    // SAFETY: as above.
    uart.tasks_starttx.write(|w| unsafe { w.bits(1) });
    // SAFETY: the handler shares only `INBOX`, which masks interrupts by itself.
    unsafe { NVIC::unmask(interrupt::UART0) };

    let send = move |byte: u8| {
        uart.events_txdrdy.reset();
        // SAFETY: the register takes any byte.
        uart.txd.write(|w| unsafe { w.txd().bits(byte) });
        while uart.events_txdrdy.read().bits() == 0 {}
    };
    // SAFETY: the last 32 KB of flash, where the memory map lets nothing lie.
    let flash = unsafe { Nvmc::at(chip.NVMC, 0x38000, 0x8000) };
    session.set_name("microbit");
    session.attach(Room(ARENA_PLACE.try_take()), Room(ROWS_PLACE.try_take()));
    run(
        Board {
            port: Line { inbox: &INBOX, send },
            led: Led,
            button: ButtonA(pins),
            clock: HalfSeconds::new(chip.TIMER0),
            care: Care::new(
                Meter::new(NoCounter, Painted),
                flash,
                Dog::new(chip.WDT),
                last_words::take().or_else(|| was_reset(&chip.POWER)),
            ),
            log: log::Sink::new(),
        },
        session,
    )
}

#[interrupt]
fn UART0() {
    // SAFETY: the main loop uses the transmitter's registers only.
    let uart = unsafe { &*UART0::ptr() };
    while uart.events_rxdrdy.read().bits() != 0 {
        // Before the byte is read: reading it may announce the next one.
        uart.events_rxdrdy.reset();
        INBOX.put(uart.rxd.read().rxd().bits());
    }
    if uart.events_error.read().bits() != 0 {
        uart.events_error.reset();
        let errors = uart.errorsrc.read();
        if errors.overrun().is_present() {
            INBOX.overrun();
        }
        // SAFETY: an error bit is cleared by writing it back.
        uart.errorsrc.write(|w| unsafe { w.bits(errors.bits()) });
    }
}

/// The light at the top left.
struct Led;

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        // SAFETY: the register clears the pin whose bit is written and no other.
        unsafe { (*GPIO::ptr()).outclr.write(|w| w.bits(1 << ROW_1)) };
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        // SAFETY: the register sets the pin whose bit is written and no other.
        unsafe { (*GPIO::ptr()).outset.write(|w| w.bits(1 << ROW_1)) };
        Ok(())
    }
}

/// The button on the left.
struct ButtonA(GPIO);

impl ErrorType for ButtonA {
    type Error = Infallible;
}

impl InputPin for ButtonA {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.in_.read().bits() & 1 << BUTTON_A != 0)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}

/// Whether the watchdog reset the chip, by the chip's own word (chapter 12.2.5); it is cleared.
fn was_reset(power: &POWER) -> Option<Reset> {
    let by_dog = power.resetreas.read().dog().is_detected();
    // SAFETY: reasons are cleared by writing 1.
    power.resetreas.write(|w| unsafe { w.bits(u32::MAX) });
    by_dog.then_some(Reset { why: Why::Watchdog, at: 0 })
}

/// The watchdog (chapter 24): eight seconds of the 32,768 Hz clock.
struct Dog(WDT);

impl Dog {
    fn new(dog: WDT) -> Self {
        // SAFETY: the register takes any count from 15 on.
        dog.crv.write(|w| unsafe { w.bits(8 * 32_768) });
        // SAFETY: one place to be fed at, the first; it sleeps while a debugger holds the processor.
        dog.rren.write(|w| unsafe { w.bits(1) });
        // SAFETY: as above: it counts while the processor sleeps (bit 0).
        dog.config.write(|w| unsafe { w.bits(1) });
        // SAFETY: 1 is the one value that starts a task.
        dog.tasks_start.write(|w| unsafe { w.bits(1) });
        Dog(dog)
    }
}

impl Watchdog for Dog {
    fn feed(&mut self) {
        if let Some(place) = self.0.rr.first() {
            // SAFETY: the one value that counts.
            place.write(|w| unsafe { w.bits(0x6e52_4635) });
        }
    }
}

/// Half-seconds by timer 0; this processor has no timer of its own.
struct HalfSeconds(TIMER0);

impl HalfSeconds {
    fn new(timer: TIMER0) -> Self {
        timer.mode.write(|w| w.mode().timer());
        timer.bitmode.write(|w| w.bitmode()._32bit());
        // SAFETY: 16 MHz / 2^4 = 1 MHz.
        timer.prescaler.write(|w| unsafe { w.prescaler().bits(4) });
        if let Some(compare) = timer.cc.first() {
            // SAFETY: the register takes any count.
            compare.write(|w| unsafe { w.bits(500_000) });
        }
        timer.shorts.write(|w| w.compare0_clear().enabled());
        // SAFETY: 1 is the one value that starts a task.
        timer.tasks_start.write(|w| unsafe { w.bits(1) });
        HalfSeconds(timer)
    }
}

impl Clock for HalfSeconds {
    fn half_second_passed(&mut self) -> bool {
        let Some(event) = self.0.events_compare.first() else {
            return false;
        };
        let passed = event.read().bits() != 0;
        if passed {
            event.reset();
        }
        passed
    }
}

#[cfg(not(feature = "panic-check"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    last_words::panicked(info);
    cortex_m::peripheral::SCB::sys_reset()
}
