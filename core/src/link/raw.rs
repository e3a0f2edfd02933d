//! Numbers as raw bytes of a message: little-endian, and what comes is checked for its length.

use super::PAYLOAD_MAX;
use super::message::Refusal;
use crate::scalar::Scalar;
use heapless::Vec;

/// One more number, little-endian.
pub(super) fn push_raw<T: Scalar>(payload: &mut Vec<u8, PAYLOAD_MAX>, x: T) -> Result<(), Refusal> {
    let bytes = x.to_bits().to_le_bytes();
    payload.extend_from_slice(bytes.get(..T::BYTES).unwrap_or_default()).map_err(|_| Refusal::Unsupported)
}

/// Numbers as they came.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    /// Their bytes.
    pub(super) bytes: &'a [u8],
    /// Whether they are whole numbers 0 to 255, one byte each.
    pub(super) small: bool,
}

impl<'a> Raw<'a> {
    /// The numbers.
    pub(super) fn numbers<T: Scalar>(self) -> Result<impl Iterator<Item = T> + use<'a, T>, Refusal> {
        let width = if self.small { 1 } else { T::BYTES };
        if !self.bytes.len().is_multiple_of(width) {
            return Err(Refusal::Malformed);
        }
        Ok(self.bytes.chunks_exact(width).map(move |bytes| {
            let mut bits = [0; 8];
            for (to, &from) in bits.iter_mut().zip(bytes) {
                *to = from;
            }
            let bits = u64::from_le_bytes(bits);
            if width == 1 { T::from_u32(bits as u32) } else { T::from_bits(bits) }
        }))
    }
}

/// Whole numbers of 16 bits.
pub(super) fn halves(bytes: &[u8]) -> Result<impl Iterator<Item = u16> + use<'_>, Refusal> {
    match bytes.as_chunks::<2>() {
        (halves, []) => Ok(halves.iter().map(|&half| u16::from_le_bytes(half))),
        _ => Err(Refusal::Malformed),
    }
}
