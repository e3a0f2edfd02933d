//! A slot's first bytes: what it holds, and the marker that says it is whole.
//!
//! | bytes | |
//! |---|---|
//! | 0 to 63 | the header: sixteen 32-bit words, the last a CRC over the others |
//! | 64 to 71 | the marker: the payload's CRC, and a CRC over header and payload's CRC |
//! | then | the payload, from the next boundary of a write on |
//!
//! All little-endian; each CRC is CRC-32 (ISO-HDLC). A CRC of what is not there yet cannot be known,
//! so a header whose marker is missing belongs to a save that was cut off.

use super::CRC;
use crate::circuit::{CircuitRef, Objective};
use crate::gate::{Gate, NONE, Wire};
use crate::op::Op;
use crate::plan::Purpose;
use crate::scalar::Scalar;

/// The version of what lies in flash. Another version's slots count as empty.
pub(super) const FORMAT: u16 = 1;
pub(super) const HEADER: usize = 64;
/// One double word of the flashes that write by double words, so that it is there or not.
pub(super) const MARKER: usize = 8;
/// "keep".
const MAGIC: u32 = u32::from_le_bytes(*b"keep");

/// What a slot says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// One more than the save before.
    pub counter: u32,
    /// How often this slot has been erased.
    pub wear: u32,
    pub fingerprint: u64,
    pub steps: u32,
    /// Bytes of a number.
    pub scalar: u8,
    pub purpose: Purpose,
    pub objective: Option<(u16, bool)>,
    pub gates: u32,
    pub shapes: u16,
    pub numbers: u32,
    pub attrs: u32,
    pub params: u32,
    pub moments: u32,
    /// Bytes of the caller's own.
    pub own: u16,
}

impl Header {
    #[inline]
    pub fn to_bytes(self) -> [u8; HEADER] {
        let (goal, objective) = match self.objective {
            None => (0, NONE),
            Some((wire, false)) => (1, wire),
            Some((wire, true)) => (2, wire),
        };
        let halves = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
        let purpose = purpose_code(self.purpose);
        let words = [
            MAGIC,
            halves(FORMAT, u16::from_le_bytes([self.scalar, goal])),
            self.counter,
            self.wear,
            self.fingerprint as u32,
            (self.fingerprint >> 32) as u32,
            self.steps,
            self.gates,
            self.numbers,
            self.attrs,
            self.params,
            self.moments,
            halves(self.shapes, self.own),
            halves(objective, u16::from_le_bytes(purpose)),
            u32::MAX,
        ];
        let mut bytes = [0; HEADER];
        let (places, _) = bytes.as_chunks_mut::<4>();
        for (place, word) in places.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
            *crc = CRC.checksum(body).to_le_bytes();
        }
        bytes
    }

    /// The header of these bytes, if they are one of this format.
    #[inline]
    pub fn from_bytes(bytes: &[u8; HEADER]) -> Option<Header> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        if CRC.checksum(body) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut words = [0; 15];
        for (word, bytes) in words.iter_mut().zip(body.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let [magic, kind, counter, wear, low, high, steps, gates, numbers, attrs, params, moments, small, goal, _] =
            words;
        let [scalar, way] = ((kind >> 16) as u16).to_le_bytes();
        if magic != MAGIC || kind as u16 != FORMAT {
            return None;
        }
        Some(Header {
            counter,
            wear,
            fingerprint: u64::from(low) | u64::from(high) << 32,
            steps,
            scalar,
            purpose: purpose_of(((goal >> 16) as u16).to_le_bytes())?,
            objective: match way {
                0 => None,
                1 => Some((goal as u16, false)),
                2 => Some((goal as u16, true)),
                _ => return None,
            },
            gates,
            shapes: small as u16,
            numbers,
            attrs,
            params,
            moments,
            own: (small >> 16) as u16,
        })
    }

    /// Bytes of the payload; nothing if no flash could hold it.
    #[inline]
    pub fn payload(&self) -> Option<u32> {
        let numbers = u64::from(self.numbers) + u64::from(self.params) + u64::from(self.moments);
        let records = u64::from(self.gates) * size_of::<Gate>() as u64 + u64::from(self.shapes) * 8;
        let small = u64::from(self.attrs) * 2 + u64::from(self.own);
        u32::try_from(numbers * u64::from(self.scalar) + records + small).ok()
    }
}

/// The marker of a slot with this header and a payload of this CRC.
#[inline]
pub(super) fn marker(header: &[u8; HEADER], payload: u32) -> [u8; MARKER] {
    let payload = payload.to_le_bytes();
    let mut crc = CRC.digest();
    crc.update(header);
    crc.update(&payload);
    let [a, b, c, d] = payload;
    let [e, f, g, h] = crc.finalize().to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

const fn purpose_code(purpose: Purpose) -> [u8; 2] {
    match purpose {
        Purpose::Inspect => [0, 0],
        Purpose::Train => [1, 0],
        Purpose::Accumulate => [2, 0],
        Purpose::Infer => [3, 0],
        Purpose::Moments(moments) => [4, moments],
    }
}

const fn purpose_of(code: [u8; 2]) -> Option<Purpose> {
    Some(match code {
        [0, 0] => Purpose::Inspect,
        [1, 0] => Purpose::Train,
        [2, 0] => Purpose::Accumulate,
        [3, 0] => Purpose::Infer,
        [4, moments] => Purpose::Moments(moments),
        _ => return None,
    })
}

/// The fingerprint of a circuit and of what it is for: whose params these are.
///
/// FNV-1a, 64 bits, over all records, tables and the objective; equal on host and board.
///
/// ```
/// use chainrule::{Circuit, Purpose, Shape, keep::fingerprint};
/// # fn main() -> Result<(), chainrule::BuildError> {
/// let mut circuit: Circuit<f32, 4> = Circuit::new();
/// let x = circuit.input(Shape::SCALAR)?;
/// let before = fingerprint(&circuit.view(), Purpose::Inspect);
/// circuit.exp(x)?;
/// assert_ne!(fingerprint(&circuit.view(), Purpose::Inspect), before);
/// # Ok(())
/// # }
/// ```
pub fn fingerprint<T: Scalar>(circuit: &CircuitRef<'_, T>, purpose: Purpose) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    add(&[T::BYTES as u8]);
    add(&purpose_code(purpose));
    add(&(circuit.len() as u32).to_le_bytes());
    circuit.gates().iter().for_each(|gate| add(&gate.to_bytes()));
    for &shape in circuit.shapes() {
        shape.to_raw().iter().for_each(|&dim| add(&dim.to_le_bytes()));
    }
    circuit.numbers().iter().for_each(|x| add(&x.to_bits().to_le_bytes()));
    circuit.attrs().iter().for_each(|attr| add(&attr.to_le_bytes()));
    match circuit.objective() {
        None => add(&[0]),
        Some(Objective::Minimize(wire)) => [&[1][..], &wire.raw().to_le_bytes()].iter().for_each(|part| add(part)),
        Some(Objective::Maximize(wire)) => [&[2][..], &wire.raw().to_le_bytes()].iter().for_each(|part| add(part)),
    }
    hash
}

/// The params of a circuit that have a place in RAM by this plan, in order.
pub(super) fn params<'a, T: Scalar>(
    circuit: &'a CircuitRef<'_, T>,
    slots: &'a [crate::plan::Slot],
) -> impl Iterator<Item = Wire> + 'a {
    circuit.wires().filter(move |wire| {
        let is_param = circuit.gate(*wire).is_some_and(|gate| gate.op == Op::Param);
        is_param && slots.get(wire.index()).is_some_and(|slot| slot.value < crate::plan::IN_NUMBERS)
    })
}

#[cfg(test)]
mod tests {
    use super::{Header, marker};
    use crate::plan::Purpose;

    #[test]
    fn a_header_comes_back_and_no_flipped_bit_passes() {
        let header = Header {
            counter: 7,
            wear: 9,
            fingerprint: 0x0123_4567_89ab_cdef,
            steps: 100,
            scalar: 4,
            purpose: Purpose::Train,
            objective: Some((11, false)),
            gates: 12,
            shapes: 5,
            numbers: 1,
            attrs: 3,
            params: 2410,
            moments: 0,
            own: 6,
        };
        let bytes = header.to_bytes();
        assert_eq!(&bytes[..8], b"keep\x01\x00\x04\x01");
        assert_eq!(Header::from_bytes(&bytes), Some(header));
        assert_eq!(header.payload(), Some(2411 * 4 + 12 * 8 + 5 * 8 + 3 * 2 + 6));
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes;
            damaged.get_mut(bit / 8).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            assert_eq!(Header::from_bytes(&damaged), None, "bit {bit}");
            assert_ne!(marker(&damaged, 5), marker(&bytes, 5));
        }
    }
}
