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

use crate::circuit::{CircuitRef, Objective};
use crate::crc::Crc;
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

/// What a slot says of itself, as its bytes: they are compared, and go to flash and come from there, more
/// often than they are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header([u8; HEADER]);

/// What goes into a header.
pub(super) struct Fields {
    /// One more than the save before.
    pub counter: u32,
    /// How often this slot has been erased.
    pub wear: u32,
    pub fingerprint: u64,
    pub steps: u32,
    /// Bytes of a number.
    pub scalar: u8,
    pub purpose: Purpose,
    pub objective: Option<Objective>,
    pub gates: u32,
    pub shapes: u16,
    pub numbers: u32,
    pub attrs: u32,
    pub params: u32,
    pub moments: u32,
    /// Bytes of the caller's own.
    pub own: u16,
}

// The places of what a header holds, in words; some are two halves.
const KIND: usize = 1; // format; bytes of a number, way of the objective
const COUNTER: usize = 2;
const WEAR: usize = 3;
const FINGERPRINT: usize = 4;
const STEPS: usize = 6;
const GATES: usize = 7;
const NUMBERS: usize = 8;
const ATTRS: usize = 9;
const PARAMS: usize = 10;
const MOMENTS: usize = 11;
const SMALL: usize = 12; // shapes, own
const GOAL: usize = 13; // objective, purpose

impl Header {
    /// No header.
    pub const NONE: Header = Header([0; HEADER]);

    #[inline]
    pub fn new(fields: &Fields) -> Header {
        let (way, objective) = goal_code(fields.objective);
        let halves = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
        let words = [
            MAGIC,
            halves(FORMAT, u16::from_le_bytes([fields.scalar, way])),
            fields.counter,
            fields.wear,
            fields.fingerprint as u32,
            (fields.fingerprint >> 32) as u32,
            fields.steps,
            fields.gates,
            fields.numbers,
            fields.attrs,
            fields.params,
            fields.moments,
            halves(fields.shapes, fields.own),
            halves(objective, u16::from_le_bytes(purpose_code(fields.purpose))),
            u32::MAX,
        ];
        let mut bytes = [0; HEADER];
        let (places, _) = bytes.as_chunks_mut::<4>();
        for (place, word) in places.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
            *crc = Crc::of(body).to_le_bytes();
        }
        Header(bytes)
    }

    pub fn bytes(&self) -> &[u8; HEADER] {
        &self.0
    }

    /// To be read into.
    pub fn bytes_mut(&mut self) -> &mut [u8; HEADER] {
        &mut self.0
    }

    /// Whether it is whole and of this format.
    #[inline]
    pub fn is_valid(&self) -> bool {
        let (body, crc) = self.0.split_at(HEADER - 4);
        let is_known = self.word(0) == MAGIC && self.word(KIND) as u16 == FORMAT && self.word(KIND) >> 24 <= 2;
        Crc::of(body).to_le_bytes() == *crc && is_known && purpose_of(self.purpose_code()).is_some()
    }

    /// Word number `i`.
    #[inline(never)]
    fn word(&self, i: usize) -> u32 {
        self.0.as_chunks::<4>().0.get(i).map_or(0, |&word| u32::from_le_bytes(word))
    }

    #[inline]
    pub fn counter(&self) -> u32 {
        self.word(COUNTER)
    }

    #[inline]
    pub fn wear(&self) -> u32 {
        self.word(WEAR)
    }

    #[inline]
    pub fn fingerprint(&self) -> u64 {
        u64::from(self.word(FINGERPRINT)) | u64::from(self.word(FINGERPRINT + 1)) << 32
    }

    #[inline]
    pub fn steps(&self) -> u32 {
        self.word(STEPS)
    }

    #[inline]
    pub fn scalar(&self) -> u8 {
        (self.word(KIND) >> 16) as u8
    }

    #[inline]
    fn purpose_code(&self) -> [u8; 2] {
        ((self.word(GOAL) >> 16) as u16).to_le_bytes()
    }

    /// Of a valid header.
    #[inline]
    pub fn purpose(&self) -> Purpose {
        purpose_of(self.purpose_code()).unwrap_or(Purpose::Inspect)
    }

    /// The objective's wire, and whether it is to be raised.
    #[inline]
    pub fn objective(&self) -> Option<(u16, bool)> {
        let way = self.word(KIND) >> 24;
        if way == 0 { None } else { Some((self.word(GOAL) as u16, way == 2)) }
    }

    #[inline]
    pub fn gates(&self) -> u32 {
        self.word(GATES)
    }

    #[inline]
    pub fn shapes(&self) -> u16 {
        self.word(SMALL) as u16
    }

    #[inline]
    pub fn numbers(&self) -> u32 {
        self.word(NUMBERS)
    }

    #[inline]
    pub fn attrs(&self) -> u32 {
        self.word(ATTRS)
    }

    #[inline]
    pub fn params(&self) -> u32 {
        self.word(PARAMS)
    }

    #[inline]
    pub fn moments(&self) -> u32 {
        self.word(MOMENTS)
    }

    #[inline]
    pub fn own(&self) -> u16 {
        (self.word(SMALL) >> 16) as u16
    }

    /// Bytes of the payload; nothing if no flash could hold it.
    #[inline]
    pub fn payload(&self) -> Option<u32> {
        let numbers = u64::from(self.numbers()) + u64::from(self.params()) + u64::from(self.moments());
        let records = u64::from(self.gates()) * size_of::<Gate>() as u64 + u64::from(self.shapes()) * 8;
        let small = u64::from(self.attrs()) * 2 + u64::from(self.own());
        u32::try_from(numbers * u64::from(self.scalar()) + records + small).ok()
    }
}

/// The way of an objective, and its wire.
const fn goal_code(objective: Option<Objective>) -> (u8, u16) {
    match objective {
        None => (0, NONE),
        Some(Objective::Minimize(wire)) => (1, wire.raw()),
        Some(Objective::Maximize(wire)) => (2, wire.raw()),
    }
}

/// The marker of a slot with this header and a payload of this CRC.
#[inline]
pub(super) fn marker(header: &Header, payload: u32) -> [u8; MARKER] {
    let payload = payload.to_le_bytes();
    let mut crc = Crc::new();
    crc.add(&header.0);
    crc.add(&payload);
    let [a, b, c, d] = payload;
    let [e, f, g, h] = crc.finish().to_le_bytes();
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
    let (way, wire) = goal_code(circuit.objective());
    add(&[way]);
    if way > 0 {
        add(&wire.to_le_bytes());
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

/// Their elements.
#[inline(never)]
pub(super) fn params_len<T: Scalar>(circuit: &CircuitRef<'_, T>, slots: &[crate::plan::Slot]) -> u32 {
    params(circuit, slots).map(|wire| circuit.len_at(wire.index()) as u32).sum()
}

#[cfg(test)]
mod tests {
    use super::{Fields, HEADER, Header, marker};
    use crate::circuit::Objective;
    use crate::gate::Wire;
    use crate::plan::Purpose;

    #[test]
    fn a_header_comes_back_and_no_flipped_bit_passes() {
        let header = Header::new(&Fields {
            counter: 7,
            wear: 9,
            fingerprint: 0x0123_4567_89ab_cdef,
            steps: 100,
            scalar: 4,
            purpose: Purpose::Train,
            objective: Some(Objective::Minimize(Wire::at(11))),
            gates: 12,
            shapes: 5,
            numbers: 1,
            attrs: 3,
            params: 2410,
            moments: 0,
            own: 6,
        });
        assert_eq!(&header.bytes()[..8], b"keep\x01\x00\x04\x01");
        assert!(header.is_valid() && !Header::NONE.is_valid());
        assert_eq!((header.counter(), header.wear(), header.steps(), header.scalar()), (7, 9, 100, 4));
        assert_eq!((header.fingerprint(), header.purpose()), (0x0123_4567_89ab_cdef, Purpose::Train));
        assert_eq!((header.objective(), header.gates(), header.shapes()), (Some((11, false)), 12, 5));
        assert_eq!((header.numbers(), header.attrs(), header.params(), header.moments()), (1, 3, 2410, 0));
        assert_eq!((header.own(), header.payload()), (6, Some(2411 * 4 + 12 * 8 + 5 * 8 + 3 * 2 + 6)));
        for bit in 0..8 * HEADER {
            let mut damaged = header;
            damaged.bytes_mut().get_mut(bit / 8).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            assert!(!damaged.is_valid(), "bit {bit}");
            assert_ne!(marker(&damaged, 5), marker(&header, 5));
        }
    }
}
