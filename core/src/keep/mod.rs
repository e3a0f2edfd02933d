//! Keeping what was learned in flash, so that it survives a reset and a power cut.
//!
//! A [`Keeper`] has a range of a NOR flash and divides it into two slots. A save writes the slot that
//! does not hold the newest state: erase, header, payload, and last, by a write of its own, the
//! marker that makes it whole (its CRC covers header and payload). Until that one write is done, the
//! other slot is the newest; so whenever the power goes, the old or the new state is there, whole.
//! [`Keeper::new`] finds the newest whole slot, writing nothing.
//!
//! - **What flash can and cannot do** is asked of its trait: erase size, write size, read size.
//!   Nothing is written twice between two erases, which the STM32L4 forbids and the nRF51 allows once.
//! - **A torn write** leaves bits that a checksum finds, or, on an STM32L4, a double word whose error
//!   correction fails: reading it is an error of the flash. Such a slot is not whole, and that is all.
//!   Nothing is read beyond what the slot's own save wrote.
//! - **Wear.** Only the sectors that a save needs are erased, the two slots take turns, and each
//!   header tells how often its slot was erased. How often to save is the caller's to say; a session
//!   is told by its host ([`link`](crate::link)).
//! - **What is kept:** the circuit itself (gates, shapes, numbers, attributes, objective, purpose), all
//!   params in RAM, the optimiser's moments, the count of steps, and up to [`OWN_MAX`] bytes of the
//!   caller's. Numbers are streamed in pieces of 64 bytes; no buffer grows with the circuit.
//!
//! ```
//! # use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
//! # struct Ram([u8; 2048]);
//! # impl ErrorType for Ram { type Error = NorFlashErrorKind; }
//! # impl ReadNorFlash for Ram {
//! #     const READ_SIZE: usize = 1;
//! #     fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
//! #         bytes.copy_from_slice(&self.0[at as usize..][..bytes.len()]);
//! #         Ok(())
//! #     }
//! #     fn capacity(&self) -> usize { 2048 }
//! # }
//! # impl NorFlash for Ram {
//! #     const WRITE_SIZE: usize = 4;
//! #     const ERASE_SIZE: usize = 256;
//! #     fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
//! #         self.0[from as usize..to as usize].fill(0xff);
//! #         Ok(())
//! #     }
//! #     fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error> {
//! #         self.0[at as usize..][..bytes.len()].copy_from_slice(bytes);
//! #         Ok(())
//! #     }
//! # }
//! use chainrule::{Circuit, Purpose, Shape, Slot, Tape, keep::Keeper, plan};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut flash = Ram([0xff; 2048]);
//! let mut circuit: Circuit<f32, 8> = Circuit::new();
//! let (x, w) = (circuit.input(Shape::SCALAR)?, circuit.param(Shape::SCALAR)?);
//! let y = circuit.mul(x, w)?;
//! circuit.maximize(y)?;
//! let mut slots = [Slot::EMPTY; 8];
//! let layout = plan(&circuit.view(), Purpose::Train, false, &mut slots)?;
//! let mut arena = [0.0; 8];
//! let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena)?;
//! let mut keeper = Keeper::new(&mut flash, 0..2048)?; // any NorFlash, and the part of it to use
//! assert_eq!(keeper.newest(), None);
//! tape.set(x, &[1.0])?;
//! tape.train_step(0.5)?;
//! keeper.save(&tape, 1, b"mine", &mut || ())?;
//!
//! // After a reset:
//! let mut arena = [0.0; 8];
//! let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena)?;
//! let mut keeper = Keeper::new(&mut flash, 0..2048)?;
//! assert_eq!(keeper.load(&mut tape)?, 1);
//! assert_eq!(tape.value(w)?, &[0.5]);
//! # Ok(())
//! # }
//! ```

mod error;
mod slot;
mod state;
mod stream;

use crate::scalar::Scalar;
use crate::tape::Tape;
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;
use slot::{Fields, HEADER, Header, MARKER, marker, params_len};
use state::{moments, write_state};
use stream::{PIECE, Reader, Writer, told};

pub use error::KeepError;
pub use slot::fingerprint;

/// The most bytes of the caller's own that are kept with a state.
pub const OWN_MAX: usize = 128;

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
pub struct Kept {
    /// Steps that had been trained.
    pub steps: u32,
    /// Saves so far, those that were cut off left out.
    pub counter: u32,
    /// How often the more worn of the two slots has been erased.
    pub wear: u32,
}

/// Two slots of a flash.
#[derive(Debug)]
pub struct Keeper<F> {
    flash: F,
    start: u32,
    /// Bytes of each slot.
    len: u32,
    /// The slot of the newest whole state, and what it holds.
    newest: Option<(u8, Kept)>,
    /// How often each slot has been erased.
    wear: [u32; 2],
}

impl<F: NorFlash> Keeper<F> {
    /// Bytes before the payload.
    const FRONT: u32 = (HEADER + Self::MARKER_ROOM) as u32;
    const MARKER_ROOM: usize = MARKER.next_multiple_of(F::WRITE_SIZE);

    /// Looks for the newest whole state in this range of the flash; writes nothing.
    ///
    /// # Errors
    /// [`KeepError::Unfit`]. A slot that cannot be read is no error: it holds nothing.
    pub fn new(flash: F, range: Range<u32>) -> Result<Keeper<F>, KeepError> {
        let sector = u32::try_from(F::ERASE_SIZE).unwrap_or(0);
        let divides = |size: usize| size > 0 && size <= PIECE && PIECE.is_multiple_of(size);
        let fits = divides(F::WRITE_SIZE) && divides(F::READ_SIZE) && sector > 0;
        let fits = fits && F::ERASE_SIZE.is_multiple_of(F::WRITE_SIZE) && F::WRITE_SIZE.is_multiple_of(F::READ_SIZE);
        if !fits || range.end as usize > flash.capacity() || !range.start.is_multiple_of(sector) {
            return Err(KeepError::Unfit);
        }
        let sectors = range.end.saturating_sub(range.start) / sector;
        let len = sectors / 2 * sector;
        if len < Self::FRONT {
            return Err(KeepError::Unfit);
        }
        let mut keeper = Keeper { flash, start: range.start, len, newest: None, wear: [0; 2] };
        keeper.recover();
        Ok(keeper)
    }

    /// The newest whole state.
    pub fn newest(&self) -> Option<Kept> {
        self.newest.map(|(_, kept)| kept)
    }

    /// Bytes that one state may take.
    pub fn room(&self) -> u32 {
        self.len
    }

    /// How often the more worn of the two slots has been erased, as far as the headers tell.
    pub fn wear(&self) -> u32 {
        let [a, b] = self.wear;
        a.max(b)
    }

    /// Gives the flash back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn slot(&self, slot: u8) -> u32 {
        if slot == 0 { self.start } else { self.start + self.len }
    }

    #[inline(never)]
    fn recover(&mut self) {
        for slot in [0, 1] {
            // A header without its marker still tells how worn the slot is.
            let mut header = Header::NONE;
            if self.header(slot, &mut header).is_err() {
                continue;
            }
            if let Some(wear) = self.wear.get_mut(usize::from(slot)) {
                *wear = header.wear();
            }
            let newer = self.newest.is_none_or(|(_, kept)| header.counter().wrapping_sub(kept.counter) as i32 > 0);
            if newer && self.is_whole(slot, &header).unwrap_or(false) {
                self.newest = Some((slot, Kept { steps: header.steps(), counter: header.counter(), wear: 0 }));
            }
        }
        let worn = self.wear();
        if let Some((_, kept)) = &mut self.newest {
            kept.wear = worn;
        }
    }

    /// Reads a slot's header. Into where the caller wants it: it is most of a frame.
    fn header(&mut self, slot: u8, header: &mut Header) -> Result<(), KeepError> {
        let at = self.slot(slot);
        self.flash.read(at, header.bytes_mut()).map_err(told)?;
        if header.is_valid() { Ok(()) } else { Err(KeepError::Nothing) }
    }

    /// Where the payload of a slot begins and ends, what fills its last write included.
    fn payload(&self, slot: u8, header: &Header) -> Result<Range<u32>, KeepError> {
        let len = header.payload().ok_or(KeepError::NoRoom(u32::MAX, self.len))?;
        let needed = len.checked_next_multiple_of(F::WRITE_SIZE as u32).and_then(|len| len.checked_add(Self::FRONT));
        let needed = needed.ok_or(KeepError::NoRoom(u32::MAX, self.len))?;
        if needed > self.len {
            return Err(KeepError::NoRoom(needed, self.len));
        }
        Ok(self.slot(slot) + Self::FRONT..self.slot(slot) + needed)
    }

    fn payload_crc(&mut self, slot: u8, header: &Header) -> Result<u32, KeepError> {
        let Range { start, end } = self.payload(slot, header)?;
        let mut reader = Reader::new(&mut self.flash, start, end);
        let crc = reader.crc(header.payload().unwrap_or(0));
        reader.all_there().map(|()| crc)
    }

    fn is_whole(&mut self, slot: u8, header: &Header) -> Result<bool, KeepError> {
        let at = self.slot(slot) + HEADER as u32;
        let mut reader = Reader::new(&mut self.flash, at, at + Self::MARKER_ROOM as u32);
        let told = reader.take::<MARKER>();
        reader.all_there()?;
        // The marker's own half first: most slots that are not whole have none.
        let [a, b, c, d, ..] = told;
        let payload = u32::from_le_bytes([a, b, c, d]);
        Ok(marker(header, payload) == told && self.payload_crc(slot, header)? == payload)
    }

    /// Keeps what a tape has learned in `steps` steps, with up to [`OWN_MAX`] bytes of the caller's;
    /// `between` is called between any two operations of the flash (feed a watchdog).
    ///
    /// Call it between two steps. What was kept before stays until this is whole.
    ///
    /// # Errors
    /// [`KeepError::NoRoom`] before anything is erased; [`KeepError::Flash`] and [`KeepError::Worn`],
    /// after which the state before is still the newest.
    #[inline(never)]
    pub fn save<T: Scalar>(
        &mut self,
        tape: &Tape<'_, T>,
        steps: u32,
        own: &[u8],
        between: &mut dyn FnMut(),
    ) -> Result<Kept, KeepError> {
        if own.len() > OWN_MAX {
            return Err(KeepError::NoRoom(own.len() as u32, OWN_MAX as u32));
        }
        let slot = match self.newest {
            Some((slot, _)) => 1 - slot,
            None => 0,
        };
        let header = self.header_for(tape, slot, steps, own.len() as u16);
        let at = self.slot(slot);
        let Range { start, end } = self.payload(slot, &header)?;

        let sector = F::ERASE_SIZE as u32;
        let mut from = at;
        while from < end {
            self.flash.erase(from, from + sector).map_err(told)?;
            between();
            from += sector;
        }
        if let Some(wear) = self.wear.get_mut(usize::from(slot)) {
            *wear = header.wear();
        }
        self.flash.write(at, header.bytes()).map_err(told)?;
        between();
        let mut writer = Writer::new(&mut self.flash, start, between);
        write_state(&mut writer, tape, own);
        let crc = writer.finish()?;

        let mut there = Header::NONE;
        self.header(slot, &mut there)?;
        if there != header || self.payload_crc(slot, &header)? != crc {
            return Err(KeepError::Worn);
        }
        between();
        let mut writer = Writer::new(&mut self.flash, at + HEADER as u32, between);
        writer.push(&marker(&header, crc));
        writer.finish()?;
        if !self.is_whole(slot, &header)? {
            return Err(KeepError::Worn);
        }
        let kept = Kept { steps, counter: header.counter(), wear: self.wear() };
        self.newest = Some((slot, kept));
        Ok(kept)
    }

    fn header_for<T: Scalar>(&self, tape: &Tape<'_, T>, slot: u8, steps: u32, own: u16) -> Header {
        let (circuit, layout) = (tape.circuit(), tape.layout());
        // A save that was cut off before its header lost its slot's count. The slots take turns, so
        // the other was erased once more.
        let [a, b] = self.wear;
        let (own_wear, other) = if slot == 0 { (a, b) } else { (b, a) };
        let wear = if own_wear == 0 { other.saturating_sub(1) } else { own_wear };
        Header::new(&Fields {
            counter: self.newest.map_or(0, |(_, kept)| kept.counter).wrapping_add(1),
            wear: wear.saturating_add(1),
            fingerprint: fingerprint(&circuit, layout.purpose()),
            steps,
            scalar: T::BYTES as u8,
            purpose: layout.purpose(),
            objective: circuit.objective(),
            gates: circuit.gates().len() as u32,
            shapes: circuit.shapes().len() as u16,
            numbers: circuit.numbers().len() as u32,
            attrs: circuit.attrs().len() as u32,
            params: params_len(&circuit, tape.fixed.slots),
            moments: moments(layout).len() as u32,
            own,
        })
    }
}
