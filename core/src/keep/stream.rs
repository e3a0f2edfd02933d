//! A slot's payload in pieces: numbers and records go to flash and come back without a buffer of
//! their own size.

use super::KeepError;
use crate::crc::Crc;
use crate::scalar::Scalar;
use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};
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
    crc: Crc,
    between: &'f mut dyn FnMut(),
    /// What the flash said when it refused; nothing is written from then on.
    failed: Option<NorFlashErrorKind>,
}

impl<'f, F: NorFlash> Writer<'f, F> {
    /// `at` lies on a boundary of a write; `between` is called after each of them.
    pub fn new(flash: &'f mut F, at: u32, between: &'f mut dyn FnMut()) -> Self {
        Writer { flash, at, piece: Vec::new(), crc: Crc::new(), between, failed: None }
    }

    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) {
        self.crc.add(bytes);
        for &byte in bytes {
            let _ = self.piece.push(byte);
            if (self.at as usize + self.piece.len()).is_multiple_of(PIECE) {
                self.flush();
            }
        }
    }

    pub fn push_number<T: Scalar>(&mut self, x: T) {
        let bytes = x.to_bits().to_le_bytes();
        self.push(bytes.get(..T::BYTES).unwrap_or_default());
    }

    #[inline(never)]
    fn flush(&mut self) {
        let len = self.piece.len().next_multiple_of(F::WRITE_SIZE);
        let _ = self.piece.resize(len, 0xff);
        if !self.piece.is_empty() && self.failed.is_none() {
            self.failed = self.flash.write(self.at, &self.piece).err().map(|error| error.kind());
            (self.between)();
        }
        self.at += self.piece.len() as u32;
        self.piece.clear();
    }

    /// Writes what is left, and gives the CRC of all that was pushed.
    #[inline(never)]
    pub fn finish(&mut self) -> Result<u32, KeepError> {
        self.flush();
        match self.failed {
            None => Ok(self.crc.finish()),
            Some(kind) => Err(KeepError::Flash(kind)),
        }
    }
}

/// Reads from one place of the flash on, and nothing beyond what was written there. What cannot be
/// read is zeros; whoever reads asks at the end whether there was any.
pub(super) struct Reader<'f, F> {
    flash: &'f mut F,
    at: u32,
    end: u32,
    piece: Vec<u8, PIECE>,
    /// Bytes of the piece that have been taken.
    taken: usize,
    /// What was read is not what is there.
    failed: Option<KeepError>,
}

impl<'f, F: NorFlash> Reader<'f, F> {
    /// `at` and `end` lie on boundaries of writes.
    pub fn new(flash: &'f mut F, at: u32, end: u32) -> Self {
        Reader { flash, at, end, piece: Vec::new(), taken: 0, failed: None }
    }

    #[inline(never)]
    fn byte(&mut self) -> u8 {
        if self.taken == self.piece.len() && self.failed.is_none() {
            let len = (PIECE - self.at as usize % PIECE).min(self.end.saturating_sub(self.at) as usize);
            let _ = self.piece.resize(len, 0);
            self.taken = 0;
            if let Err(error) = self.flash.read(self.at, &mut self.piece) {
                self.failed = Some(told(error));
                self.piece.clear();
            }
            self.at += len as u32;
        }
        let Some(&byte) = self.piece.get(self.taken) else {
            self.failed = self.failed.or(Some(KeepError::Damaged));
            return 0;
        };
        self.taken += 1;
        byte
    }

    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.take_into(&mut bytes);
        bytes
    }

    #[inline(never)]
    pub fn take_into(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.byte();
        }
    }

    #[inline(never)]
    pub fn take_number<T: Scalar>(&mut self) -> T {
        let mut bytes = [0; 8];
        self.take_into(bytes.get_mut(..T::BYTES).unwrap_or_default());
        T::from_bits(u64::from_le_bytes(bytes))
    }

    /// Passes by so many bytes.
    pub fn skip(&mut self, count: u32) {
        self.crc(count);
    }

    /// The CRC of the next bytes.
    #[inline(never)]
    pub fn crc(&mut self, count: u32) -> u32 {
        let mut crc = Crc::new();
        for _ in 0..count {
            crc.add(&[self.byte()]);
        }
        crc.finish()
    }

    /// Whether all that was taken was there.
    pub fn all_there(&self) -> Result<(), KeepError> {
        self.failed.map_or(Ok(()), Err)
    }
}
