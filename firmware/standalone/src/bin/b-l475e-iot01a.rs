//! The application on the Discovery node: sensor on I²C 2, light LD2, blue button, last pages of flash.
//!
//! Registers: ST RM0351 (STM32L47x). Pins: ST UM2153. Built here, not yet seen on silicon: the emulator
//! has neither the bus nor the flash controller.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering, compiler_fence};

use cortex_m::peripheral::SCB;
use embedded_hal::digital::{self, InputPin};
use embedded_hal::i2c::{self, ErrorKind, I2c, NoAcknowledgeSource, Operation};
use embedded_hal::pwm::{self, SetDutyCycle};
use embedded_storage::nor_flash::{self, NorFlash, NorFlashErrorKind, ReadNorFlash};
use standalone::{App, model, within};
use stm32l4::stm32l4x5::{FLASH, GPIOC, I2C2, Peripherals, TIM15};

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(chip), Some(arena)) =
        (Peripherals::take(), cortex_m::singleton!(: [f32; model::TRAIN_LEN] = [0.0; model::TRAIN_LEN]))
    else {
        SCB::sys_reset()
    };
    start(&chip);
    let place = Pages::FIRST..Pages::FIRST + Pages::BYTES;
    let (sensor, light, button) = (Bus(chip.I2C2), Light(chip.TIM15), Button(chip.GPIOC));
    // A sensor that was switched on with the board answers after some 15 ms; the reset waits for it.
    let Ok(mut app) = App::new(sensor, light, button, Pages(chip.FLASH), place, arena) else { SCB::sys_reset() };
    loop {
        // What failed is tried again with the next sample; the light stands still meanwhile.
        let _ = app.turn();
    }
}

/// Clocks, pins and timing, all from the 16 MHz oscillator.
fn start(chip: &Peripherals) {
    let rcc = &chip.RCC;
    rcc.cr().modify(|_, w| w.hsion().set_bit());
    while rcc.cr().read().hsirdy().bit_is_clear() {}
    // SAFETY: 1 is that oscillator (6.4.3).
    rcc.cfgr().modify(|_, w| unsafe { w.sw().bits(1) });
    rcc.ahb2enr().modify(|_, w| w.gpioben().set_bit().gpiocen().set_bit());
    rcc.apb1enr1().modify(|_, w| w.i2c2en().set_bit());
    rcc.apb2enr().modify(|_, w| w.tim15en().set_bit());
    let _ = (rcc.ahb2enr().read(), rcc.apb1enr1().read(), rcc.apb2enr().read());

    // PB10, PB11: the bus, open drain, by function 4; PB14: channel 1 of timer 15, by function 14.
    let b = &chip.GPIOB;
    b.otyper().modify(|_, w| w.ot10().open_drain().ot11().open_drain());
    b.afrh().modify(|_, w| w.afrh10().af4().afrh11().af4().afrh14().af14());
    b.moder().modify(|_, w| w.moder10().alternate().moder11().alternate().moder14().alternate());
    chip.GPIOC.moder().modify(|_, w| w.moder13().input());

    // SAFETY: 100 kHz from 16 MHz (39.4.10, the table of examples); then the peripheral on.
    chip.I2C2.timingr().write(|w| unsafe { w.bits(0x3042_0f13) });
    chip.I2C2.cr1().write(|w| w.pe().set_bit());

    let timer = &chip.TIM15;
    // SAFETY: 16 MHz / 16 / 1000 = 1 kHz; mode 6 is PWM 1 (31.5.8).
    unsafe {
        timer.psc().write(|w| w.bits(15));
        timer.arr().write(|w| w.bits(u32::from(Light::FULL)));
        timer.ccmr1_output().write(|w| w.bits(6 << 4));
        timer.ccer().write(|w| w.bits(1));
        timer.bdtr().write(|w| w.bits(1 << 15));
        timer.cr1().write(|w| w.bits(1));
    }
}

/// I²C 2.
struct Bus(I2C2);

impl Bus {
    const WRITTEN: u32 = 1 << 1;
    const ARRIVED: u32 = 1 << 2;
    const REFUSED: u32 = 1 << 4;
    const STOPPED: u32 = 1 << 5;
    const DONE: u32 = 1 << 6;
    const BROKEN: u32 = 1 << 8 | 1 << 9;
    /// A byte takes 90 µs at 100 kHz; so many looks take 20 ms at the least, five cycles of 16 MHz each.
    const LOOKS: u32 = 65_536;

    /// Waits for a flag; [`ErrorKind::Other`] if the sensor or the wires hold the bus for too long.
    fn wait(&self, for_flag: u32) -> Result<(), ErrorKind> {
        within(Self::LOOKS, || {
            let flags = self.0.isr().read().bits();
            if flags & Self::REFUSED != 0 {
                return Some(Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Unknown)));
            }
            if flags & Self::BROKEN != 0 {
                return Some(Err(ErrorKind::Bus));
            }
            (flags & for_flag != 0).then_some(Ok(()))
        })
        .unwrap_or(Err(ErrorKind::Other))
    }

    /// Switches the peripheral off and on, so that it lets go of the bus and of its flags; off for three
    /// cycles of its clock (39.4.6), which reading back takes.
    fn let_go(&self) {
        self.0.cr1().modify(|_, w| w.pe().clear_bit());
        let _ = within(Self::LOOKS, || self.0.cr1().read().pe().bit_is_clear().then_some(()));
        self.0.cr1().modify(|_, w| w.pe().set_bit());
    }

    /// One operation after a (repeated) start; up to 255 bytes (39.7.2).
    fn one(&self, address: u8, operation: &mut Operation<'_>) -> Result<(), ErrorKind> {
        let (count, reads) = match operation {
            Operation::Read(bytes) => (bytes.len(), 1),
            Operation::Write(bytes) => (bytes.len(), 0),
        };
        let count = u8::try_from(count).map_err(|_| ErrorKind::Other)?;
        let order = u32::from(address) << 1 | reads << 10 | 1 << 13 | u32::from(count) << 16;
        // SAFETY: the fields are address, direction, start and length.
        self.0.cr2().write(|w| unsafe { w.bits(order) });
        match operation {
            Operation::Read(bytes) => {
                for byte in bytes.iter_mut() {
                    self.wait(Self::ARRIVED)?;
                    *byte = self.0.rxdr().read().bits() as u8;
                }
            }
            Operation::Write(bytes) => {
                for byte in bytes.iter() {
                    self.wait(Self::WRITTEN)?;
                    // SAFETY: the register takes any byte.
                    self.0.txdr().write(|w| unsafe { w.bits(u32::from(*byte)) });
                }
            }
        }
        self.wait(Self::DONE)
    }
}

impl i2c::ErrorType for Bus {
    type Error = ErrorKind;
}

impl I2c for Bus {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        let done = operations.iter_mut().try_for_each(|operation| self.one(address, operation));
        // SAFETY: the stop bit; after a refusal the peripheral stops by itself, and asking again is harmless.
        self.0.cr2().modify(|r, w| unsafe { w.bits(r.bits() | 1 << 14) });
        let is_over = || (self.0.isr().read().bits() & (Self::STOPPED | Self::BROKEN) != 0).then_some(());
        let stopped = within(Self::LOOKS, is_over).ok_or(ErrorKind::Other);
        // SAFETY: a flag is cleared by writing 1 to it.
        self.0.icr().write(|w| unsafe { w.bits(Self::REFUSED | Self::STOPPED | Self::BROKEN) });
        let done = done.and(stopped);
        if done.is_err() {
            self.let_go();
        }
        done
    }
}

/// LD2 by timer 15.
struct Light(TIM15);

impl Light {
    const FULL: u16 = 999;
}

impl pwm::ErrorType for Light {
    type Error = Infallible;
}

impl SetDutyCycle for Light {
    fn max_duty_cycle(&self) -> u16 {
        Self::FULL
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
        // SAFETY: the register takes any 16 bits.
        self.0.ccr1().write(|w| unsafe { w.bits(u32::from(duty)) });
        Ok(())
    }
}

/// The blue button, which pulls PC13 to ground.
struct Button(GPIOC);

impl digital::ErrorType for Button {
    type Error = Infallible;
}

impl InputPin for Button {
    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.idr().read().idr13().bit_is_clear())
    }

    fn is_high(&mut self) -> Result<bool, Infallible> {
        self.is_low().map(|low| !low)
    }
}

/// The flash; what the application may write is its last four pages, which `memory.x` leaves out.
struct Pages(FLASH);

/// Set by the processor when a double word was read whose error correction failed.
static TORN: AtomicBool = AtomicBool::new(false);

impl Pages {
    const PAGE: u32 = 2048;
    const BYTES: u32 = 4 * Self::PAGE;
    const END: u32 = 1 << 20;
    const FIRST: u32 = Self::END - Self::BYTES;
    /// Where flash lies in the processor's memory; its second bank begins in the middle.
    const BASE: u32 = 0x0800_0000;
    const PAGES_A_BANK: u32 = 256;
    /// Every error flag, and the end of an operation (3.7.5).
    const FLAGS: u32 = 0xc3fb;

    /// Unlocks the flash, does one thing, locks it again.
    fn unlocked(&mut self, act: impl FnOnce(&FLASH)) -> Result<(), NorFlashErrorKind> {
        let flash = &self.0;
        while flash.sr().read().bits() & 1 << 16 != 0 {}
        // SAFETY: the two keys in their order (3.3.5); flags are cleared by writing 1 to them.
        unsafe {
            flash.keyr().write(|w| w.bits(0x4567_0123));
            flash.keyr().write(|w| w.bits(0xcdef_89ab));
            flash.sr().write(|w| w.bits(Self::FLAGS));
        }
        act(flash);
        while flash.sr().read().bits() & 1 << 16 != 0 {}
        let failed = flash.sr().read().bits() & (Self::FLAGS & !1) != 0;
        // SAFETY: the lock bit alone.
        flash.cr().write(|w| unsafe { w.bits(1 << 31) });
        if failed { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn own(from: u32, to: u32, step: u32) -> Result<(), NorFlashErrorKind> {
        let inside = Self::FIRST <= from && from <= to && to <= Self::END;
        let whole = from.is_multiple_of(step) && to.is_multiple_of(step);
        match (inside, whole) {
            (true, true) => Ok(()),
            (false, _) => Err(NorFlashErrorKind::OutOfBounds),
            (true, false) => Err(NorFlashErrorKind::NotAligned),
        }
    }
}

impl nor_flash::ErrorType for Pages {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Pages {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        Self::own(at, at.saturating_add(bytes.len() as u32), 1)?;
        TORN.store(false, Ordering::Relaxed);
        for (address, byte) in (Self::BASE + at..).zip(bytes) {
            // SAFETY: an address of the application's own pages of flash.
            *byte = unsafe { (address as *const u8).read_volatile() };
        }
        if TORN.load(Ordering::Relaxed) { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn capacity(&self) -> usize {
        Self::END as usize
    }
}

impl NorFlash for Pages {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = Self::PAGE as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        Self::own(from, to, Self::PAGE)?;
        for page in from / Self::PAGE..to / Self::PAGE {
            let (bank, page) = (page / Self::PAGES_A_BANK, page % Self::PAGES_A_BANK);
            let order = 1 << 1 | page << 3 | bank << 11;
            self.unlocked(|flash| {
                // SAFETY: erase this page of this bank, then start (3.3.6).
                unsafe {
                    flash.cr().write(|w| w.bits(order));
                    flash.cr().write(|w| w.bits(order | 1 << 16));
                }
            })?;
        }
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        Self::own(at, at.saturating_add(bytes.len() as u32), 8)?;
        for (i, words) in bytes.as_chunks::<4>().0.as_chunks::<2>().0.iter().enumerate() {
            let place = (Self::BASE + at + 8 * i as u32) as *mut u32;
            self.unlocked(|flash| {
                let [low, high] = words.map(u32::from_le_bytes);
                // SAFETY: a double word of the application's own pages, low word first (3.3.7).
                unsafe {
                    flash.cr().write(|w| w.bits(1));
                    place.write_volatile(low);
                    compiler_fence(Ordering::SeqCst);
                    place.add(1).write_volatile(high);
                }
            })?;
        }
        Ok(())
    }
}

/// A double word that lost its power while it was written fails its error correction when it is read;
/// the reader is told, and the keeper takes its slot for one that is not whole.
#[cortex_m_rt::exception]
unsafe fn NonMaskableInt() {
    // SAFETY: the main loop is in a read; bit 31 is that error, cleared by writing 1 (3.7.9).
    unsafe { FLASH::steal().eccr().modify(|r, w| w.bits(r.bits() | 1 << 31)) };
    TORN.store(true, Ordering::Relaxed);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
