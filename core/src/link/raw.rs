//! Numbers as raw bytes of a message: little-endian, and what comes is checked for its length.

use super::PAYLOAD_MAX;
use super::message::Refusal;
use crate::reduce::row;
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

impl Raw<'_> {
    /// How many numbers there are.
    pub(super) fn count<T: Scalar>(self) -> Result<usize, Refusal> {
        let count = self.bytes.len() / self.width::<T>();
        if count * self.width::<T>() == self.bytes.len() { Ok(count) } else { Err(Refusal::Malformed) }
    }

    /// Number `i`; 0 if there is none.
    #[inline(never)]
    pub(super) fn number<T: Scalar>(self, i: usize) -> T {
        if self.small {
            return T::from_u32(self.bytes.get(i).copied().unwrap_or(0).into());
        }
        T::from_bits(u64::from_le_bytes(eight(row(self.bytes, i, T::BYTES))))
    }

    fn width<T: Scalar>(self) -> usize {
        if self.small { 1 } else { T::BYTES }
    }
}

/// Up to eight bytes, and zeros behind them.
pub(super) fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
    eight
}

/// Whole numbers of 16 bits.
pub(super) fn halves(bytes: &[u8]) -> Result<impl Iterator<Item = u16> + use<'_>, Refusal> {
    match bytes.as_chunks::<2>() {
        (halves, []) => Ok(halves.iter().map(|&half| u16::from_le_bytes(half))),
        _ => Err(Refusal::Malformed),
    }
}
