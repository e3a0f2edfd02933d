//! A board that knows seven movements, learns how its wearer makes them, and keeps what it learned.
//!
//! Two seconds of a motion sensor become twelve features (mean and standard deviation of each axis), the
//! features become a class, the class becomes the brightness of a light. When it is wrong, the wearer
//! presses the button while going on with the movement, once for the first class, twice for the second:
//! the last layer learns that window, and what it learned goes to flash.
//!
//! The network is `model.rs`, written by
//! `chainrule export motion.circuit --weights W.safetensors --rust -o target/model.rs`.
//! A file in `src/bin` makes sensor, light, button and flash and calls [`App::turn`] for ever.
#![no_std]
#![forbid(unsafe_code)]

mod features;
mod lsm6dsl;
#[path = "../target/model.rs"]
pub mod model;
mod patience;
#[cfg(feature = "samples")]
pub mod recorded;

use chainrule::keep::{KeepError, Keeper};
use chainrule::{RunError, Tape};
use core::ops::Range;
use embedded_hal::digital::InputPin;
use embedded_hal::i2c::I2c;
use embedded_hal::pwm::SetDutyCycle;
use embedded_storage::nor_flash::NorFlash;

pub use features::{SAMPLES, Window};
pub use lsm6dsl::{Lsm6dsl, Sample};
pub use patience::within;

/// Movements that the network tells apart.
pub const CLASSES: u8 = 7;
/// Steps on one window: enough that a wrong answer turns, not so many that the others are forgotten.
const STEPS: u32 = 10;
const RATE: f32 = 0.02;

/// What a window was taken for, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The class, from 0.
    pub class: u8,
    /// The class that the wearer said it was.
    pub taught: Option<u8>,
    /// Steps of training, all since the board was new.
    pub steps: u32,
}

/// Why a turn did not do all it should.
#[derive(Debug)]
pub enum Fault<E> {
    /// Something else than the sensor answers at its address.
    NoSensor,
    /// The bus to the sensor.
    Bus(E),
    /// The network; a step that would not stay finite, for example. Nothing has changed.
    Run(RunError),
    /// What was learned is not in flash; it is in RAM, and the next save may succeed.
    Keep(KeepError),
}

impl<E> From<RunError> for Fault<E> {
    fn from(error: RunError) -> Self {
        Fault::Run(error)
    }
}

/// The application over a board's parts.
pub struct App<'a, I, L, B, F> {
    sensor: Lsm6dsl<I>,
    light: L,
    button: B,
    keeper: Keeper<F>,
    tape: Tape<'a, f32>,
    window: Window,
    steps: u32,
    presses: u8,
    held: bool,
}

impl<'a, I: I2c, L: SetDutyCycle, B: InputPin, F: NorFlash> App<'a, I, L, B, F> {
    /// Starts the sensor and goes on from what was learned before, if `place` of the flash holds it.
    /// The arena has [`model::TRAIN_LEN`] numbers.
    ///
    /// # Errors
    /// [`Fault::NoSensor`], [`Fault::Bus`]; [`Fault::Keep`]: the flash has no room there.
    pub fn new(
        bus: I,
        light: L,
        button: B,
        flash: F,
        place: Range<u32>,
        arena: &'a mut [f32],
    ) -> Result<Self, Fault<I::Error>> {
        let sensor = Lsm6dsl::new(bus).map_err(Fault::Bus)?.ok_or(Fault::NoSensor)?;
        let mut keeper = Keeper::new(flash, place).map_err(Fault::Keep)?;
        let mut tape = model::train(arena)?;
        // Nothing kept, or kept by another network: it starts as it was trained.
        let steps = keeper.load(&mut tape).unwrap_or(0);
        Ok(App { sensor, light, button, keeper, tape, window: Window::new(), steps, presses: 0, held: false })
    }

    /// Takes a sample if there is one; when it completes a window, says what was seen.
    ///
    /// # Errors
    /// [`Fault`]; call it again.
    pub fn turn(&mut self) -> Result<Option<Seen>, Fault<I::Error>> {
        let Some(sample) = self.sensor.sample().map_err(Fault::Bus)? else { return Ok(None) };
        // Looked at as often as there are samples, 52 times a second, a button does not bounce.
        let down = self.button.is_low().unwrap_or(false);
        self.presses = self.presses.saturating_add(u8::from(down && !self.held));
        self.held = down;
        let Some(features) = self.window.push(sample) else { return Ok(None) };

        self.tape.set(model::wire::MOTION, &features)?;
        self.tape.forward();
        let class = self.tape.predicted_class().unwrap_or(0) as u8;
        let _ = self.light.set_duty_cycle_fraction(u16::from(class) + 1, u16::from(CLASSES));

        let taught = core::mem::take(&mut self.presses).checked_sub(1).filter(|&label| label < CLASSES);
        if let Some(label) = taught {
            self.tape.set(model::wire::EXERCISE, &[f32::from(label)])?;
            for _ in 0..STEPS {
                self.tape.set(model::wire::MOTION, &features)?;
                self.tape.train_step(RATE)?;
                self.steps += 1;
            }
            self.keeper.save(&self.tape, self.steps, &[], &mut || ()).map_err(Fault::Keep)?;
        }
        Ok(Some(Seen { class, taught, steps: self.steps }))
    }

    /// The hash over all weights.
    pub fn params_hash(&self) -> u64 {
        self.tape.params_hash()
    }

    /// Gives the parts back.
    pub fn release(self) -> (I, L, B, F) {
        (self.sensor.release(), self.light, self.button, self.keeper.into_flash())
    }
}
