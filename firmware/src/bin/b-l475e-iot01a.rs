//! b-l475e-iot01a: ST Discovery IoT node, an STM32L475 with a Cortex-M4F at 16 MHz.
//!
//! Registers: ST RM0351. Pins: ST UM2153, tables 4 and 9.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::convert::Infallible;

use chainrule::link::{Reset, Session, Why};
use chainrule_firmware::care::Care;
use chainrule_firmware::inbox::{Inbox, Line};
use chainrule_firmware::parts::last_words;
use chainrule_firmware::parts::ram_flash::RamFlash;
use chainrule_firmware::parts::stack::Painted;
use chainrule_firmware::parts::stm32l4_flash::{Storage, check_code_failed};
use chainrule_firmware::vitals::{Meter, NoCounter};
use chainrule_firmware::watchdog::Watchdog;
use chainrule_firmware::{Board, Clock, Number, Room, log, run};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use static_cell::ConstStaticCell;
use stm32l4::stm32l4x5::{EXTI, GPIOB, GPIOC, IWDG, Interrupt, Peripherals, RCC, USART1, interrupt};

const HERTZ: u32 = 16_000_000;
const BAUD: u32 = 115_200;
/// Fine enough to time a training step by. The emulator looks at its serial port only when
/// something wakes it, and nothing but this does: slower ticks make a slower link there.
const TICKS_A_SECOND: u32 = 10_000;

/// Room for params, values and gradients.
const ARENA: usize = 40 * 1024 / size_of::<Number>();
/// Room for data that is kept.
const ROWS: usize = 4 * 1024 / size_of::<Number>();

static ARENA_PLACE: ConstStaticCell<[Number; ARENA]> = ConstStaticCell::new([0.0; ARENA]);
static ROWS_PLACE: ConstStaticCell<[Number; ROWS]> = ConstStaticCell::new([0.0; ROWS]);
/// Up to 2048 gates, 512 constants, 32 shapes and 128 attributes; 4 requests under way.
static SESSION: ConstStaticCell<Session<Number, Room<ARENA>, Room<ROWS>, 2048, 512, 32, 128, 4>> =
    ConstStaticCell::new(Session::new(Room::EMPTY, Room::EMPTY));
static INBOX: Inbox<1024> = Inbox::new();
/// Tenths of milliseconds since the start, modulo 2^32.
static TICKS: AtomicU32 = AtomicU32::new(0);
/// Set by the interrupt, so that a press during a long request is not missed.
static PRESSED: AtomicBool = AtomicBool::new(false);

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(core), Some(chip), Some(session)) =
        (cortex_m::Peripherals::take(), Peripherals::take(), SESSION.try_take())
    else {
        cortex_m::peripheral::SCB::sys_reset()
    };
    start_clocks(&chip.RCC);

    // PB14: the green light LD2. PB6, PB7: USART1, to the USB interface. PC13: the button,
    // which the board holds up.
    let (pins_b, pins_c) = (chip.GPIOB, chip.GPIOC);
    pins_b.afrl().modify(|_, w| w.afrl6().af7().afrl7().af7());
    pins_b.moder().modify(|_, w| w.moder6().alternate().moder7().alternate().moder14().output());
    pins_c.moder().modify(|_, w| w.moder13().input());

    // A falling edge on line 13, taken from port C.
    // SAFETY: 2 is port C (RM0351, 9.2.6).
    chip.SYSCFG.exticr4().modify(|_, w| unsafe { w.exti13().bits(2) });
    chip.EXTI.ftsr1().modify(|_, w| w.tr13().enabled());
    chip.EXTI.imr1().modify(|_, w| w.mr13().unmasked());

    // USART1 runs on the bus clock, which is the processor's.
    let uart = chip.USART1;
    // SAFETY: 16 samples a bit; 139 is 0.08 % off (RM0351, 40.5.4).
    uart.brr().write(|w| unsafe { w.bits((HERTZ + BAUD / 2) / BAUD) });
    uart.cr1().write(|w| w.te().enabled().re().enabled().rxneie().enabled().ue().enabled());

    // SAFETY: the handlers share only `INBOX` and `PRESSED`, which are made for it.
    unsafe {
        NVIC::unmask(Interrupt::USART1);
        NVIC::unmask(Interrupt::EXTI15_10);
    }

    let send = move |byte: u8| {
        while uart.isr().read().txe().bit_is_clear() {}
        // SAFETY: the register takes any byte.
        uart.tdr().write(|w| unsafe { w.bits(u32::from(byte)) });
    };
    // SAFETY: SRAM2, which the memory map leaves out.
    let ram = unsafe { RamFlash::at(0x1000_0000, 0x8000) };
    // SAFETY: the last 64 KB of flash, where the memory map lets nothing lie.
    let flash = unsafe { Storage::at(chip.FLASH, 0x080f_0000, 0x1_0000, ram) };
    session.set_name("b-l475e-iot01a");
    session.attach(Room(ARENA_PLACE.try_take()), Room(ROWS_PLACE.try_take()));
    run(
        Board {
            port: Line { inbox: &INBOX, send },
            led: Led(pins_b),
            button: Button(pins_c),
            clock: HalfSeconds::new(core.SYST),
            care: Care::new(
                Meter::new(NoCounter, Painted),
                flash,
                Dog::new(chip.IWDG),
                last_words::take().or_else(|| was_reset(&chip.RCC)),
            ),
            log: log::Sink::new(),
        },
        session,
    )
}

/// The processor and its buses on the 16 MHz oscillator, and the clocks of what is used.
///
/// Flash needs no wait state at 16 MHz in the power range after reset (RM0351, 3.3.3).
fn start_clocks(rcc: &RCC) {
    rcc.cr().modify(|_, w| w.hsion().set_bit());
    while rcc.cr().read().hsirdy().bit_is_clear() {}
    // SAFETY: 1 is that oscillator (RM0351, 6.4.3).
    rcc.cfgr().modify(|_, w| unsafe { w.sw().bits(1) });
    while rcc.cfgr().read().sws().bits() != 1 {}
    rcc.ahb2enr().modify(|_, w| w.gpioben().set_bit().gpiocen().set_bit());
    rcc.apb2enr().modify(|_, w| w.usart1en().set_bit().syscfgen().set_bit());
    // A peripheral answers two clocks after it is switched on; reading back takes longer.
    let _ = (rcc.ahb2enr().read(), rcc.apb2enr().read());
}

/// Whether the watchdog reset the chip, by the chip's own word (RM0351, 6.4.32); it is cleared.
fn was_reset(rcc: &RCC) -> Option<Reset> {
    let by_dog = rcc.csr().read().bits() & 1 << 29 != 0;
    // SAFETY: bit 23 clears all reasons; the other bits stay.
    rcc.csr().modify(|r, w| unsafe { w.bits(r.bits() | 1 << 23) });
    by_dog.then_some(Reset { why: Why::Watchdog, at: 0 })
}

/// The independent watchdog (RM0351, chapter 36): eight seconds of its own 32 kHz clock.
struct Dog(IWDG);

impl Dog {
    fn new(dog: IWDG) -> Self {
        // SAFETY: the keys of the manual: start, then allow writing; 32 kHz / 64 / 4000 = 1/8 Hz.
        unsafe {
            dog.kr().write(|w| w.bits(0xcccc));
            dog.kr().write(|w| w.bits(0x5555));
            dog.pr().write(|w| w.bits(4));
            dog.rlr().write(|w| w.bits(3999));
        }
        while dog.sr().read().bits() & 0b11 != 0 {}
        let mut dog = Dog(dog);
        dog.feed();
        dog
    }
}

impl Watchdog for Dog {
    fn feed(&mut self) {
        // SAFETY: the one key that feeds it.
        self.0.kr().write(|w| unsafe { w.bits(0xaaaa) });
    }
}

/// The flash read a double word that a power cut tore; anything else that comes here ends the run.
#[cortex_m_rt::exception]
unsafe fn NonMaskableInt() {
    if !check_code_failed() {
        last_words::leave(Why::Fault, 2);
        cortex_m::peripheral::SCB::sys_reset();
    }
}

#[interrupt]
fn USART1() {
    // SAFETY: the main loop uses the transmitter's registers only.
    let uart = unsafe { USART1::steal() };
    let state = uart.isr().read();
    if state.ore().bit_is_set() {
        // The receiver has room for one byte and lost the next. Left set, this flag would
        // call the handler for ever.
        uart.icr().write(|w| w.orecf().clear());
        INBOX.overrun();
    }
    if state.rxne().bit_is_set() {
        INBOX.put(uart.rdr().read().bits() as u8);
    }
}

#[interrupt]
fn EXTI15_10() {
    // SAFETY: the main loop is done with this peripheral; writing 1 clears the one flag.
    unsafe { EXTI::steal() }.pr1().write(|w| w.pr13().clear());
    PRESSED.store(true, Ordering::Relaxed);
}

#[cortex_m_rt::exception]
fn SysTick() {
    TICKS.store(TICKS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Half-seconds by the processor's timer.
struct HalfSeconds(u32);

impl HalfSeconds {
    fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(HERTZ / TICKS_A_SECOND - 1);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        HalfSeconds(0)
    }
}

impl Clock for HalfSeconds {
    fn half_second_passed(&mut self) -> bool {
        let now = TICKS.load(Ordering::Relaxed);
        let passed = now.wrapping_sub(self.0) >= TICKS_A_SECOND / 2;
        if passed {
            self.0 = now;
        }
        passed
    }
}

/// LD2, the green light.
struct Led(GPIOB);

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.bsrr().write(|w| w.br14().set_bit());
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.bsrr().write(|w| w.bs14().set_bit());
        Ok(())
    }
}

/// The blue button: low while it is down, and once more for a press that is over.
struct Button(GPIOC);

impl ErrorType for Button {
    type Error = Infallible;
}

impl InputPin for Button {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        self.is_low().map(|low| !low)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        let pressed = PRESSED.load(Ordering::Relaxed);
        PRESSED.store(false, Ordering::Relaxed);
        Ok(pressed || self.0.idr().read().idr13().bit_is_clear())
    }
}

#[cfg(not(feature = "panic-check"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    last_words::panicked(info);
    cortex_m::peripheral::SCB::sys_reset()
}
