//! Recorded movements behind the same traits as the board's parts: a sensor on a bus, a finger on the
//! button, a light, and RAM that behaves like flash.

use core::cell::Cell;
use core::convert::Infallible;
use core::ops::Range;

use embedded_hal::digital::{self, InputPin};
use embedded_hal::i2c::{self, I2c, Operation};
use embedded_hal::pwm::{self, SetDutyCycle};
use embedded_storage::nor_flash::{self, NorFlash, NorFlashErrorKind, ReadNorFlash};

use crate::{App, Fault, SAMPLES, Seen, model};

/// One window as the sensor's numbers, rotation first: what each axis swings about and how far; and how
/// often the button is pressed meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// Middle of each axis.
    pub middle: [i16; 6],
    /// How far each sample lies from it, above and below by turns.
    pub swing: [i16; 6],
    /// Presses of the button.
    pub presses: u8,
}

/// A recording that plays: where it is, in samples.
#[derive(Clone, Copy)]
pub struct Tape<'r> {
    windows: &'r [Recording],
    at: &'r Cell<u32>,
}

impl<'r> Tape<'r> {
    /// Plays from the sample in the cell on.
    pub fn new(windows: &'r [Recording], at: &'r Cell<u32>) -> Tape<'r> {
        Tape { windows, at }
    }

    fn now(&self) -> Option<(&'r Recording, u32)> {
        let (window, sample) = (self.at.get() / u32::from(SAMPLES), self.at.get() % u32::from(SAMPLES));
        Some((self.windows.get(window as usize)?, sample))
    }
}

/// The sensor, as far as the driver asks it.
impl I2c for Tape<'_> {
    fn transaction(&mut self, _address: u8, operations: &mut [Operation<'_>]) -> Result<(), Infallible> {
        let [Operation::Write([register]), Operation::Read(bytes)] = operations else { return Ok(()) };
        match (*register, self.now()) {
            (0x0f, _) => bytes.fill(0x6a),
            (0x1e, now) => bytes.fill(if now.is_some() { 3 } else { 0 }),
            (0x22, Some((window, sample))) => {
                let axes = window.middle.iter().zip(window.swing);
                for (place, (middle, swing)) in bytes.chunks_exact_mut(2).zip(axes) {
                    let x = if sample % 2 == 0 { middle.saturating_add(swing) } else { middle.saturating_sub(swing) };
                    place.copy_from_slice(&x.to_le_bytes());
                }
                self.at.set(self.at.get() + 1);
            }
            _ => {}
        }
        Ok(())
    }
}

impl i2c::ErrorType for Tape<'_> {
    type Error = Infallible;
}

/// The finger: down for four samples, up for four, as often as the recording says.
impl InputPin for Tape<'_> {
    fn is_low(&mut self) -> Result<bool, Infallible> {
        let down = |(window, sample): (&Recording, u32)| sample % 8 < 4 && sample / 8 < u32::from(window.presses);
        Ok(self.now().is_some_and(down))
    }

    fn is_high(&mut self) -> Result<bool, Infallible> {
        self.is_low().map(|low| !low)
    }
}

impl digital::ErrorType for Tape<'_> {
    type Error = Infallible;
}

/// A light that nobody sees.
pub struct Dark;

impl pwm::ErrorType for Dark {
    type Error = Infallible;
}

impl SetDutyCycle for Dark {
    fn max_duty_cycle(&self) -> u16 {
        u16::MAX
    }

    fn set_duty_cycle(&mut self, _duty: u16) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Flash of four pages of 2 KB in RAM, with the STM32L4's sizes and its rule: a double word is written
/// once between two erases.
pub struct RamFlash(pub [u8; RamFlash::BYTES]);

impl RamFlash {
    /// Its size.
    pub const BYTES: usize = 4 * 2048;
    /// All of it.
    pub const PLACE: Range<u32> = 0..Self::BYTES as u32;
    /// Erased.
    pub const NEW: RamFlash = RamFlash([0xff; Self::BYTES]);

    fn part(&mut self, from: u32, to: u32) -> Result<&mut [u8], NorFlashErrorKind> {
        self.0.get_mut(from as usize..to as usize).ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl nor_flash::ErrorType for RamFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        bytes.copy_from_slice(self.part(at, at + bytes.len() as u32)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        Self::BYTES
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 2048;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.part(from, to)?.fill(0xff);
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let place = self.part(at, at + bytes.len() as u32)?;
        if place.iter().any(|&byte| byte != 0xff) {
            return Err(NorFlashErrorKind::Other);
        }
        place.copy_from_slice(bytes);
        Ok(())
    }
}

/// Plays all windows to the application, then once more after a reset, whose only memory is the flash.
/// `say` is told what each window was taken for, and the hash over the weights at the end of both.
///
/// # Errors
/// [`Fault`].
pub fn replay(windows: &[Recording], say: &mut dyn FnMut(Result<Seen, u64>)) -> Result<(), Fault<Infallible>> {
    let mut flash = RamFlash::NEW;
    for _ in 0..2 {
        let (at, mut arena) = (Cell::new(0), [0.0; model::TRAIN_LEN]);
        let tape = Tape::new(windows, &at);
        let mut app = App::new(tape, Dark, tape, flash, RamFlash::PLACE, &mut arena)?;
        for _ in windows {
            let seen = loop {
                if let Some(seen) = app.turn()? {
                    break seen;
                }
            };
            say(Ok(seen));
        }
        say(Err(app.params_hash()));
        flash = app.release().3;
    }
    Ok(())
}
