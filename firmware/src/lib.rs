//! What every board does: bytes come in, the session works, answers go out.
//!
//! A board is six things, all behind traits, so that this file knows no register:
//!
//! | part | trait | for |
//! |---|---|---|
//! | `port` | [`Read`] + [`ReadReady`] + [`Write`] | the serial line to the host |
//! | `led` | [`OutputPin`] | the heartbeat |
//! | `button` | [`InputPin`] | held down, it keeps the light on; a press is logged |
//! | `clock` | [`Clock`] | when half a second is over |
//! | `care` | [`Care`] | a [`vitals::Meter`] of what work costs and how deep the stack gets, a [`NorFlash`] that keeps what was learned, a [`Watchdog`] for a board that hangs |
//! | `log` | [`Write`] | where log records go beside the link |
//!
//! A file in `src/bin` makes the six and calls [`run`]; it holds pins, clocks and
//! interrupts, and no logic. Registers that two boards have alike are in [`parts`].
#![no_std]

pub mod care;
pub mod inbox;
pub mod log;
#[cfg_attr(not(feature = "misbehave"), path = "no_mischief.rs")]
mod mischief;
#[cfg(feature = "panic-check")]
mod panic_check;
#[cfg(any(feature = "cortex-m", feature = "riscv-virt"))]
pub mod parts;
pub mod vitals;
pub mod watchdog;

use care::Care;
use chainrule::link::{ASIDE_FRAME_MAX, ASIDE_MAX, Machine, Reset, Session, Why, encode_aside};
use embedded_hal::digital::{InputPin, OutputPin};
use embedded_io::{Read, ReadReady, Write};
use embedded_storage::nor_flash::NorFlash;
use mischief::Mischief;
use watchdog::Watchdog;

/// The numbers this image computes with.
#[cfg(not(feature = "f64"))]
pub type Number = f32;
/// The numbers this image computes with.
#[cfg(feature = "f64")]
pub type Number = f64;

/// Numbers for a session: those of a static of their own, once it is handed over.
///
/// Empty it is all zeros, and so is a session with empty rooms: neither takes a byte of flash.
pub struct Room<const N: usize>(pub Option<&'static mut [Number; N]>);

impl<const N: usize> Room<N> {
    /// No numbers yet.
    pub const EMPTY: Self = Room(None);
}

impl<const N: usize> AsMut<[Number]> for Room<N> {
    fn as_mut(&mut self) -> &mut [Number] {
        match &mut self.0 {
            Some(numbers) => numbers.as_mut_slice(),
            None => &mut [],
        }
    }
}

/// The parts of a board that the firmware uses.
pub struct Board<P, L, B, C, M, F, W, G> {
    /// The serial line to the host.
    pub port: P,
    /// The heartbeat: high is light.
    pub led: L,
    /// A button: low is pressed.
    pub button: B,
    /// The half-seconds.
    pub clock: C,
    /// What work is measured, kept and watched over by.
    pub care: Care<M, F, W>,
    /// Where log records go beside the link.
    pub log: G,
}

/// A board's sense of time, as far as a heartbeat needs one.
pub trait Clock {
    /// Whether half a second has passed since this last said so.
    fn half_second_passed(&mut self) -> bool;
}

/// Answers requests until the power goes, beginning with what was kept, if anything was.
///
/// Bytes that the port has are given to the session one by one; a reply is sent as
/// soon as it is whole. The light changes every half second, for as long as this loop
/// turns: a light that stands still is a board that hangs or works on a long request.
///
/// Log records go over the link once a host has greeted, those of a request before its
/// answer, and to the image's own sink, if it has one.
pub fn run<
    P: Read + ReadReady + Write,
    L: OutputPin,
    B: InputPin,
    C: Clock,
    M: Machine,
    F: NorFlash,
    W: Watchdog,
    G: Write,
    A: AsMut<[Number]>,
    R: AsMut<[Number]>,
    const GATES: usize,
    const NUMBERS: usize,
    const SHAPES: usize,
    const ATTRS: usize,
    const WINDOW: usize,
>(
    // Used in place: taken apart, it would lie on the stack twice.
    mut board: Board<P, L, B, C, M, F, W, G>,
    session: &mut Session<Number, A, R, GATES, NUMBERS, SHAPES, ATTRS, WINDOW>,
) -> ! {
    let mut mischief = Mischief::new();
    let mut lit = true;
    let mut held = false;
    let _ = board.led.set_high();
    defmt::info!("ready");
    tell_of(board.care.reset);
    go_on(&mut board.care, session);
    loop {
        board.care.between_gates();
        // A damaged or lost byte spoils one frame; the link sends that frame again.
        if board.port.read_ready().unwrap_or(false) {
            let mut bytes = [0; 16];
            let count = board.port.read(&mut bytes).unwrap_or(0);
            for byte in bytes.iter().take(count) {
                mischief.hear(*byte);
                if let Some(reply) = session.receive_on(*byte, &mut board.care) {
                    tell(&mut board.log, Some(&mut board.port));
                    let _ = send(&mut board.port, reply).and_then(|()| board.port.flush());
                }
            }
        }
        let pressed = board.button.is_low().unwrap_or(false);
        if pressed && !held {
            defmt::info!("button pressed");
        }
        let beat = board.clock.half_second_passed();
        if beat || pressed != held {
            lit = pressed || !lit;
            let _ = if lit { board.led.set_high() } else { board.led.set_low() };
        }
        held = pressed;
        if session.is_greeted() {
            tell(&mut board.log, Some(&mut board.port));
        } else if log::IS_READ {
            tell(&mut board.log, None::<&mut P>);
        }
    }
}

/// Brings back what was kept, if anything was.
#[inline(never)]
fn go_on<
    M: Machine,
    F: NorFlash,
    W: Watchdog,
    A: AsMut<[Number]>,
    R: AsMut<[Number]>,
    const GATES: usize,
    const NUMBERS: usize,
    const SHAPES: usize,
    const ATTRS: usize,
    const WINDOW: usize,
>(
    care: &mut Care<M, F, W>,
    session: &mut Session<Number, A, R, GATES, NUMBERS, SHAPES, ATTRS, WINDOW>,
) {
    if cfg!(feature = "keep")
        && let Some(keeper) = &mut care.keeper
        && let Ok(steps) = session.bring_back(keeper)
    {
        defmt::info!("goes on after {=u32} steps", steps);
    }
}

/// Logs how the run before ended.
fn tell_of(reset: Option<Reset>) {
    match reset {
        None => {}
        Some(Reset { why: Why::Panic, at }) => defmt::error!("the run before panicked, at line {=u32}", at),
        Some(Reset { why: Why::Fault, at }) => defmt::error!("the run before ended in a fault at {=u32:#x}", at),
        Some(Reset { why: Why::Watchdog, .. }) => defmt::error!("the run before hung; the watchdog ended it"),
    }
}

/// Writes all of it, unless the port takes no more. `write_all` would panic at a port that says it took
/// more than it was given, and made small, an image keeps that.
fn send<W: Write>(port: &mut W, mut bytes: &[u8]) -> Result<(), W::Error> {
    while !bytes.is_empty() {
        match port.write(bytes)? {
            0 => break,
            taken => bytes = bytes.get(taken..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Hands on what has been logged; what is refused is gone.
fn tell<G: Write, P: Write>(sink: &mut G, mut port: Option<&mut P>) {
    loop {
        let mut bytes = [0; ASIDE_MAX];
        let records = log::take(&mut bytes);
        if records.is_empty() {
            return;
        }
        let _ = send(sink, records);
        if let Some(port) = &mut port {
            let _ = send(*port, encode_aside(records, &mut [0; ASIDE_FRAME_MAX]));
        }
    }
}

/// The pins of a board that has none: nothing lights, nothing is pressed.
pub struct NoPins;

impl embedded_hal::digital::ErrorType for NoPins {
    type Error = core::convert::Infallible;
}

impl OutputPin for NoPins {
    fn set_low(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl InputPin for NoPins {
    fn is_high(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }

    fn is_low(&mut self) -> Result<bool, Self::Error> {
        Ok(false)
    }
}
