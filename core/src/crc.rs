//! CRC-32 (ISO-HDLC, that of Ethernet): whether a frame, or what is kept in flash, is as it was written.
//!
//! Bit by bit: a table of a kilobyte is dearer than some instructions a byte.

/// The polynomial, lowest power first.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// The CRC of what was added so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc(u32);

impl Crc {
    /// Of nothing.
    pub(crate) const NEW: Crc = Crc(u32::MAX);

    /// Goes on with these bytes.
    #[inline]
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 ^= u32::from(byte);
            for _ in 0..8 {
                self.0 = self.0 >> 1 ^ if self.0 & 1 > 0 { POLYNOMIAL } else { 0 };
            }
        }
    }

    #[inline]
    pub(crate) fn finish(self) -> u32 {
        !self.0
    }

    /// The CRC of these bytes.
    #[inline]
    pub(crate) fn of(bytes: &[u8]) -> u32 {
        let mut crc = Crc::NEW;
        crc.add(bytes);
        crc.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Crc;

    #[test]
    fn it_is_the_one_of_the_catalogue() {
        let catalogued = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
        assert_eq!(Crc::of(b"123456789"), 0xcbf4_3926);
        for len in 0..=255u8 {
            let bytes: [u8; 255] = core::array::from_fn(|i| (i as u8).wrapping_mul(len) ^ len);
            let bytes = bytes.get(..usize::from(len)).unwrap_or_default();
            assert_eq!(Crc::of(bytes), catalogued.checksum(bytes));
        }
    }
}
