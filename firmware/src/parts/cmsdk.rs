//! The serial port, a timer, the watchdog and the lights of Arm's MPS2 images.
//!
//! Registers: Arm DDI 0479 (Cortex-M System Design Kit), tables 4-2 (timer), 4-5 (UART) and 4-7
//! (watchdog), and the
//! FPGA system control block of Arm DAI 0386 and DAI 0505.

use core::convert::Infallible;

use embedded_hal::digital::{self, InputPin, OutputPin};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use vcell::VolatileCell;

use crate::vitals::Counter;
use crate::watchdog::Watchdog;

unsafe extern "C" {
    // Of cortex-m-rt: where an interrupt goes that has no handler.
    safe fn DefaultHandler();
}

/// The interrupts' part of the vector table. None is switched on, so it ends behind the first; cortex-m-rt
/// wants at least one.
// SAFETY: the section and the name are those that cortex-m-rt asks for, and an entry is a handler.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [extern "C" fn(); 1] = [DefaultHandler];

#[repr(C)]
struct UartRegisters {
    data: VolatileCell<u32>,
    /// Bit 0: the transmitter is full. Bit 1: the receiver holds a byte.
    state: VolatileCell<u32>,
    /// Bit 0: transmitter on. Bit 1: receiver on.
    control: VolatileCell<u32>,
    interrupts: VolatileCell<u32>,
    /// Processor clock ticks a bit, at least 16.
    ticks_a_bit: VolatileCell<u32>,
}

const TRANSMITTER_FULL: u32 = 1;
const RECEIVER_FULL: u32 = 1 << 1;

/// A serial port without memory: the emulator waits until each byte is read.
pub struct Uart(&'static UartRegisters);

impl Uart {
    /// Switches on the port whose registers begin at `address`.
    ///
    /// # Safety
    /// A CMSDK UART is at `address`, and nothing else uses it.
    pub unsafe fn at(address: usize, ticks_a_bit: u32) -> Self {
        // SAFETY: the caller says that these registers are there.
        let registers = unsafe { &*(address as *const UartRegisters) };
        registers.ticks_a_bit.set(ticks_a_bit);
        registers.control.set(0b11);
        Uart(registers)
    }

    fn state(&self, bit: u32) -> bool {
        self.0.state.get() & bit != 0
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.state(RECEIVER_FULL))
    }
}

impl Read for Uart {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = bytes.first_mut() else {
            return Ok(0);
        };
        while !self.state(RECEIVER_FULL) {}
        *first = self.0.data.get() as u8;
        Ok(1)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(first) = bytes.first() else {
            return Ok(0);
        };
        while self.state(TRANSMITTER_FULL) {}
        self.0.data.set(u32::from(*first));
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while self.state(TRANSMITTER_FULL) {}
        Ok(())
    }
}

#[repr(C)]
struct TimerRegisters {
    /// Bit 0: on.
    control: VolatileCell<u32>,
    /// Counts down.
    value: VolatileCell<u32>,
    /// What it begins with again after 0.
    reload: VolatileCell<u32>,
}

/// A timer that counts the processor's clock.
pub struct Timer(&'static TimerRegisters);

impl Timer {
    /// Switches on the timer whose registers begin at `address`.
    ///
    /// # Safety
    /// A CMSDK timer is at `address`, and nothing else uses it.
    pub unsafe fn at(address: usize) -> Self {
        // SAFETY: the caller says that these registers are there.
        let registers = unsafe { &*(address as *const TimerRegisters) };
        registers.reload.set(u32::MAX);
        registers.value.set(u32::MAX);
        registers.control.set(1);
        Timer(registers)
    }
}

impl Counter for Timer {
    #[inline(always)]
    fn count(&mut self) -> Option<u32> {
        Some(!self.0.value.get())
    }
}

#[repr(C)]
struct DogRegisters {
    load: VolatileCell<u32>,
    value: VolatileCell<u32>,
    /// Bit 0: count, and interrupt at 0. Bit 1: reset when 0 comes again.
    control: VolatileCell<u32>,
    clear: VolatileCell<u32>,
}

/// A watchdog that counts the processor's clock twice: the first time it raises the non-maskable
/// interrupt, the second time it resets the board.
pub struct Dog(&'static DogRegisters);

impl Dog {
    /// Starts the watchdog whose registers begin at `address`.
    ///
    /// # Safety
    /// A CMSDK watchdog is at `address`, and nothing else uses it.
    pub unsafe fn at(address: usize, ticks: u32) -> Self {
        // SAFETY: the caller says that these registers are there.
        let registers = unsafe { &*(address as *const DogRegisters) };
        registers.load.set(ticks);
        registers.control.set(0b11);
        Dog(registers)
    }
}

impl Watchdog for Dog {
    #[inline(always)]
    fn feed(&mut self) {
        self.0.clear.set(1);
    }
}

#[repr(C)]
struct PanelRegisters {
    /// Bits 0 and 1: the two lights.
    leds: VolatileCell<u32>,
    reserved: VolatileCell<u32>,
    /// Bits 0 and 1: the two buttons, 1 is pressed.
    buttons: VolatileCell<u32>,
}

/// The first light and the first button of the board's panel.
pub struct Panel(&'static PanelRegisters);

/// Light 0.
pub struct Led(&'static PanelRegisters);

/// Button 0; pressed is low, as with a button that pulls its pin to ground.
pub struct Button(&'static PanelRegisters);

impl Panel {
    /// The panel whose registers begin at `address`.
    ///
    /// # Safety
    /// An MPS2 FPGA system control block is at `address`, and nothing else uses it.
    pub unsafe fn at(address: usize) -> Self {
        // SAFETY: the caller says that these registers are there.
        Panel(unsafe { &*(address as *const PanelRegisters) })
    }

    /// Its light and its button.
    pub fn split(self) -> (Led, Button) {
        (Led(self.0), Button(self.0))
    }
}

impl digital::ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.leds.set(0);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.leds.set(1);
        Ok(())
    }
}

impl digital::ErrorType for Button {
    type Error = Infallible;
}

impl InputPin for Button {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.buttons.get() & 1 == 0)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}
