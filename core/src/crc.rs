//! CRC-32 (ISO-HDLC, that of Ethernet): whether a frame, or what is kept in flash, is as it was written.

use crc::{CRC_32_ISO_HDLC, Digest, NoTable};

/// Without a table: a kilobyte of flash is dearer than some instructions a byte.
static CRC: crc::Crc<u32, NoTable> = crc::Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// The CRC of what was added so far.
#[derive(Clone)]
pub(crate) struct Crc(Digest<'static, u32, NoTable>);

impl Crc {
    /// Of nothing.
    pub(crate) fn new() -> Crc {
        Crc(CRC.digest())
    }

    /// Goes on with these bytes.
    #[inline]
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    pub(crate) fn finish(&self) -> u32 {
        self.0.clone().finalize()
    }

    /// The CRC of these bytes.
    #[inline]
    pub(crate) fn of(bytes: &[u8]) -> u32 {
        let mut crc = Crc::new();
        crc.add(bytes);
        crc.finish()
    }
}
