//! A slot's payload in pieces: numbers and records go to flash and come back without a buffer of
//! their own size.

use super::{CRC, KeepError};
use crate::scalar::Scalar;
use crc::{Digest, NoTable};
use embedded_storage::nor_flash::{NorFlash, NorFlashError};
use heapless::Vec;

/// The most bytes that are written or read at once.
pub(super) const PIECE: usize = 64;

/// What flash says, without the type of the flash.
pub(super) fn told(error: impl NorFlashError) -> KeepError {
    KeepError::Flash(error.kind())
}

/// Writes from one place of the flash on.
pub(super) struct Writer<'f, F> {
    flash: &'f mut F,
    at: u32,
    piece: Vec<u8, PIECE>,
    crc: Digest<'static, u32, NoTable>,
    between: &'f mut dyn FnMut(),
}

impl<'f, F: NorFlash> Writer<'f, F> {
    /// `at` lies on a boundary of a write; `between` is called after each of them.
    pub fn new(flash: &'f mut F, at: u32, between: &'f mut dyn FnMut()) -> Self {
        Writer { flash, at, piece: Vec::new(), crc: CRC.digest(), between }
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<(), KeepError> {
        self.crc.update(bytes);
        for &byte in bytes {
            let _ = self.piece.push(byte);
            if (self.at as usize + self.piece.len()).is_multiple_of(PIECE) {
                self.flush()?;
            }
        }
        Ok(())
    }

    pub fn push_number<T: Scalar>(&mut self, x: T) -> Result<(), KeepError> {
        let bytes = x.to_bits().to_le_bytes();
        self.push(bytes.get(..T::BYTES).unwrap_or_default())
    }

    fn flush(&mut self) -> Result<(), KeepError> {
        let len = self.piece.len().next_multiple_of(F::WRITE_SIZE);
        let _ = self.piece.resize(len, 0xff);
        if !self.piece.is_empty() {
            self.flash.write(self.at, &self.piece).map_err(told)?;
            (self.between)();
        }
        self.at += self.piece.len() as u32;
        self.piece.clear();
        Ok(())
    }

    /// Writes what is left, and gives the CRC of all that was pushed.
    pub fn finish(mut self) -> Result<u32, KeepError> {
        self.flush()?;
        Ok(self.crc.finalize())
    }
}

/// Reads from one place of the flash on, and nothing beyond what was written there.
pub(super) struct Reader<'f, F> {
    flash: &'f mut F,
    at: u32,
    end: u32,
    piece: Vec<u8, PIECE>,
    /// Bytes of the piece that have been taken.
    taken: usize,
}

impl<'f, F: NorFlash> Reader<'f, F> {
    /// `at` and `end` lie on boundaries of writes.
    pub fn new(flash: &'f mut F, at: u32, end: u32) -> Self {
        Reader { flash, at, end, piece: Vec::new(), taken: 0 }
    }

    fn byte(&mut self) -> Result<u8, KeepError> {
        if self.taken == self.piece.len() {
            let len = (PIECE - self.at as usize % PIECE).min(self.end.saturating_sub(self.at) as usize);
            let _ = self.piece.resize(len, 0);
            self.taken = 0;
            self.flash.read(self.at, &mut self.piece).map_err(told)?;
            self.at += len as u32;
        }
        let byte = self.piece.get(self.taken).copied().ok_or(KeepError::Damaged)?;
        self.taken += 1;
        Ok(byte)
    }

    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], KeepError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    pub fn take_into(&mut self, bytes: &mut [u8]) -> Result<(), KeepError> {
        for byte in bytes {
            *byte = self.byte()?;
        }
        Ok(())
    }

    pub fn take_number<T: Scalar>(&mut self) -> Result<T, KeepError> {
        let mut bytes = [0; 8];
        self.take_into(bytes.get_mut(..T::BYTES).unwrap_or_default())?;
        Ok(T::from_bits(u64::from_le_bytes(bytes)))
    }

    /// Passes by so many bytes.
    pub fn skip(&mut self, mut count: u32) -> Result<(), KeepError> {
        while count > 0 {
            self.byte()?;
            count -= 1;
        }
        Ok(())
    }

    /// The CRC of the next bytes.
    pub fn crc(&mut self, mut count: u32) -> Result<u32, KeepError> {
        let mut crc = CRC.digest();
        while count > 0 {
            crc.update(&[self.byte()?]);
            count -= 1;
        }
        Ok(crc.finalize())
    }
}
