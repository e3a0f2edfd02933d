//! Frames: COBS over a message and its CRC-32, ended by a zero byte.

use super::write::Writer;
use super::{FRAME_MAX, MESSAGE_MAX};
use crate::crc::Crc;
use core::fmt;
use heapless::Vec;
use serde::Serialize;

const CRC_LEN: usize = 4;

// A run of 254 bytes without a zero, after which COBS leaves one out, does not occur.
const _: () = assert!(MESSAGE_MAX < 254 && ASIDE.len() + ASIDE_MAX + CRC_LEN < 254);

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
    let mut crc = Crc::NEW;
    crc.add(&ASIDE);
    crc.add(bytes);
    let len = stuff([&ASIDE, bytes, &crc.finish().to_le_bytes()], out).unwrap_or(0);
    out.get(..len).unwrap_or_default()
}

/// COBS over the parts and a zero byte; the length, unless it is more than there is room for. In place of
/// each zero stands how far it is to the next.
#[inline]
fn stuff(parts: [&[u8]; 3], out: &mut [u8]) -> Option<usize> {
    let (mut zero, mut end) = (0, 1);
    for part in parts {
        for &byte in part {
            if byte == 0 {
                *out.get_mut(zero)? = (end - zero) as u8;
                zero = end;
            } else {
                *out.get_mut(end)? = byte;
            }
            end += 1;
        }
    }
    *out.get_mut(zero)? = (end - zero) as u8;
    *out.get_mut(end)? = 0;
    Some(end + 1)
}

/// Finds frames in a stream of bytes.
#[derive(Debug)]
pub struct Deframer {
    /// Bytes up to where a zero was.
    left: u8,
    /// There was none: the message begins there, or a run was too long for one.
    none: bool,
    begun: bool,
    too_long: bool,
    message: Vec<u8, MESSAGE_MAX>,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deframer {
    /// Nothing received yet.
    pub const fn new() -> Deframer {
        Deframer { left: 0, none: false, begun: false, too_long: false, message: Vec::new() }
    }

    /// Takes one byte; when it ends a whole frame, gives the message in it. After an error the next
    /// frame is read as if nothing had been.
    ///
    /// # Errors
    /// [`FrameError::Broken`], [`FrameError::TooLong`], [`FrameError::BadCrc`].
    #[inline]
    pub fn feed(&mut self, byte: u8) -> Result<Option<&[u8]>, FrameError> {
        if byte == 0 {
            return if core::mem::take(&mut self.begun) { self.end() } else { Ok(None) };
        }
        if !self.begun {
            (self.begun, self.too_long, self.left, self.none) = (true, false, 0, true);
            self.message.clear();
        }
        if self.left > 0 {
            self.left -= 1;
            self.too_long |= self.message.push(byte).is_err();
            return Ok(None);
        }
        if !self.none {
            self.too_long |= self.message.push(0).is_err();
        }
        (self.left, self.none) = (byte - 1, byte == 0xff);
        Ok(None)
    }

    /// The message of a frame that ended.
    #[inline]
    fn end(&self) -> Result<Option<&[u8]>, FrameError> {
        if self.left > 0 {
            return Err(FrameError::Broken);
        }
        if self.too_long {
            return Err(FrameError::TooLong);
        }
        let (body, crc) = self.message.split_last_chunk::<CRC_LEN>().ok_or(FrameError::Broken)?;
        if Crc::of(body) == u32::from_le_bytes(*crc) { Ok(Some(body)) } else { Err(FrameError::BadCrc) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Random;
    use cobs::{DecodeResult, DecoderState};

    /// Zeros, bytes that end a run soon or late, and any.
    fn byte(random: &mut Random) -> u8 {
        let drawn = random.below(1 << 12);
        match drawn >> 8 & 7 {
            0 | 1 => 0,
            2 => 0xff,
            3 | 4 => drawn as u8 & 7,
            _ => drawn as u8,
        }
    }

    #[test]
    fn what_is_stuffed_is_what_the_crate_stuffs() {
        let mut random = Random::new(1);
        for len in (0..=236).cycle().take(5000) {
            let mut message = [0; 236];
            message.iter_mut().for_each(|to| *to = byte(&mut random));
            let (head, tail) = message.get(..len).unwrap().split_at(len / 3);
            let (mut own, mut theirs) = ([0; FRAME_MAX], [0; FRAME_MAX]);
            let own_len = stuff([head, &[], tail], &mut own).unwrap();
            let len = cobs::encode(message.get(..len).unwrap(), &mut theirs);
            assert_eq!(own.get(..own_len), theirs.get(..len + 1));
        }
    }

    #[test]
    fn frames_are_found_where_the_crate_finds_them() {
        let (mut random, mut deframer) = (Random::new(2), Deframer::new());
        let (mut state, mut message, mut too_long, mut whole) =
            (DecoderState::Idle, Vec::<u8, MESSAGE_MAX>::new(), false, 0);
        for i in 0..400_000 {
            // Long runs too, and messages with the CRC that they should have.
            let byte = if i % 1500 < 900 { byte(&mut random) } else { 0xff - (i % 7 == 0) as u8 };
            let theirs = match state.feed(byte) {
                Ok(DecodeResult::NoData) => Ok(None),
                Ok(DecodeResult::DataStart) => {
                    message.clear();
                    too_long = false;
                    Ok(None)
                }
                Ok(DecodeResult::DataContinue(byte)) => {
                    too_long |= message.push(byte).is_err();
                    Ok(None)
                }
                Ok(DecodeResult::DataComplete) if too_long => Err(FrameError::TooLong),
                Ok(DecodeResult::DataComplete) => match message.split_last_chunk::<CRC_LEN>() {
                    Some((body, crc)) if Crc::of(body).to_le_bytes() == *crc => Ok(Some(body)),
                    Some(_) => Err(FrameError::BadCrc),
                    None => Err(FrameError::Broken),
                },
                Err(_) => Err(FrameError::Broken),
            };
            whole += u32::from(matches!(theirs, Err(FrameError::BadCrc)));
            assert_eq!(deframer.feed(byte), theirs, "byte {i}");
        }
        assert!(whole > 300, "{whole}");
    }
}
