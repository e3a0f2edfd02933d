//! Frames: COBS over a message and its CRC-32, ended by a zero byte.

use super::write::Writer;
use super::{FRAME_MAX, MESSAGE_MAX};
use crate::crc::Crc;
use cobs::{CobsEncoder, DecodeResult, DecoderState};
use core::fmt;
use heapless::Vec;
use serde::Serialize;

const CRC_LEN: usize = 4;

/// Begins an aside: no sequence number, so no reply, begins like this.
pub const ASIDE: [u8; 5] = [0xff; 5];

/// The most bytes that an aside carries.
pub const ASIDE_MAX: usize = 32;

/// The greatest frame of an aside.
pub const ASIDE_FRAME_MAX: usize = ASIDE.len() + ASIDE_MAX + CRC_LEN + 2;

/// Why a message could not be framed, or a frame not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// The message is longer than a frame can carry.
    TooLong,
    /// The bytes are no frame.
    Broken,
    /// The frame was damaged on its way.
    BadCrc,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameError::TooLong => "the message does not fit into a frame",
            FrameError::Broken => "the bytes are no frame",
            FrameError::BadCrc => "the frame was damaged on its way",
        })
    }
}

impl core::error::Error for FrameError {}

/// Writes a message as a frame; `scratch` holds it in between.
///
/// # Errors
/// [`FrameError::TooLong`]; `out` is empty then.
#[inline(never)]
pub fn encode_frame<M: Serialize>(
    message: &M,
    scratch: &mut [u8; MESSAGE_MAX],
    out: &mut Vec<u8, FRAME_MAX>,
) -> Result<(), FrameError> {
    out.clear();
    let (body, _) = scratch.split_at_mut(MESSAGE_MAX - CRC_LEN);
    let mut writer = Writer { bytes: body, len: 0 };
    message.serialize(&mut writer).map_err(|_| FrameError::TooLong)?;
    let len = writer.len;
    let body = body.get(..len).ok_or(FrameError::TooLong)?;
    let crc = Crc::of(body).to_le_bytes();
    out.resize(FRAME_MAX, 0).map_err(|_| FrameError::TooLong)?;
    let len = stuff([body, &crc, &[]], out);
    out.truncate(len.unwrap_or(0));
    len.map(|_| ()).ok_or(FrameError::TooLong)
}

/// Frames bytes that answer nothing, such as a log's; those beyond [`ASIDE_MAX`] are left out.
///
/// A host takes them where a reply may begin; the sequence does not know them.
#[inline]
pub fn encode_aside<'o>(bytes: &[u8], out: &'o mut [u8; ASIDE_FRAME_MAX]) -> &'o [u8] {
    let bytes = bytes.get(..ASIDE_MAX).unwrap_or(bytes);
    let mut crc = Crc::new();
    crc.add(&ASIDE);
    crc.add(bytes);
    let len = stuff([&ASIDE, bytes, &crc.finish().to_le_bytes()], out).unwrap_or(0);
    out.get(..len).unwrap_or_default()
}

/// COBS over the parts and a zero byte; the length, unless it is more than there is room for.
#[inline]
fn stuff(parts: [&[u8]; 3], out: &mut [u8]) -> Option<usize> {
    let mut encoder = CobsEncoder::new(out);
    let pushed = parts.iter().try_for_each(|part| encoder.push(part));
    let end = encoder.finalize();
    pushed.ok()?;
    *out.get_mut(end)? = 0;
    Some(end + 1)
}

/// Finds frames in a stream of bytes.
#[derive(Debug)]
pub struct Deframer {
    state: DecoderState,
    message: Vec<u8, MESSAGE_MAX>,
    too_long: bool,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deframer {
    /// Nothing received yet.
    pub const fn new() -> Deframer {
        Deframer { state: DecoderState::Idle, message: Vec::new(), too_long: false }
    }

    /// Takes one byte; when it ends a whole frame, gives the message in it. After an error the next
    /// frame is read as if nothing had been.
    ///
    /// # Errors
    /// [`FrameError::Broken`], [`FrameError::TooLong`], [`FrameError::BadCrc`].
    #[inline]
    pub fn feed(&mut self, byte: u8) -> Result<Option<&[u8]>, FrameError> {
        match self.state.feed(byte) {
            Ok(DecodeResult::NoData) => Ok(None),
            Ok(DecodeResult::DataStart) => {
                self.message.clear();
                self.too_long = false;
                Ok(None)
            }
            Ok(DecodeResult::DataContinue(byte)) => {
                self.too_long |= self.message.push(byte).is_err();
                Ok(None)
            }
            Ok(DecodeResult::DataComplete) if self.too_long => Err(FrameError::TooLong),
            Ok(DecodeResult::DataComplete) => {
                let (body, crc) = self.message.split_last_chunk::<CRC_LEN>().ok_or(FrameError::Broken)?;
                if Crc::of(body) == u32::from_le_bytes(*crc) { Ok(Some(body)) } else { Err(FrameError::BadCrc) }
            }
            Err(_) => Err(FrameError::Broken),
        }
    }
}
