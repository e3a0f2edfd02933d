//! Messages as postcard writes them, read (postcard 1.0 wire format: whole numbers as LEB128, variants by
//! number).
//!
//! postcard's own reader looks after each byte whether it was there, and a derived one is a function for each
//! kind of field; for a board's flash that is dear. Here a message is read to its end as if there were zeros
//! behind it, and that it was too short, too long or no message is found out then. What a request carries is
//! in a table, and read by one loop; an [`Ask`](super::Ask) would be put together here, variant by variant,
//! only to be taken apart where it is done.

use crate::optimiser::{Clip, Method, Optimiser};
use crate::plan::Purpose;
use crate::scalar::Scalar;
use crate::schedule::Schedule;
use crate::shape::Shape;

/// What is left of a message that is read.
struct Reader<'m> {
    bytes: &'m [u8],
    /// It is no message that postcard could have written.
    broken: bool,
}

/// Which request it is: the variants of [`Ask`](super::Ask), in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Hello,
    Clear,
    Shape,
    Numbers,
    Attrs,
    Gates,
    Objective,
    Plan,
    Set,
    SetSmall,
    Get,
    Hash,
    Verify,
    Forward,
    Backward,
    Train,
    Sample,
    EndBatch,
    Progress,
    Moments,
    SetMoments,
    Keep,
    Row,
    Rows,
    Vitals,
    Holds,
    Save,
    SaveEvery,
    Kept,
    Training,
}

/// What a field is: yes or no; a number of 16, of 32 or of 64 bits; bytes; 0 or 1; a shape; a purpose.
const FLAG: u16 = 1;
const HALF: u16 = 2;
const WORD: u16 = 3;
const LONG: u16 = 4;
const DATA: u16 = 5;
const WORK: u16 = 6;
const SHAPE: u16 = 7;
const PURPOSE: u16 = 8;

/// Up to four fields, four bits each, the first lowest.
const fn fields(fields: [u16; 4]) -> u16 {
    let [a, b, c, d] = fields;
    a | b << 4 | c << 8 | d << 12
}

/// All requests with their fields, by number.
const REQUESTS: [(Kind, u16); 30] = [
    (Kind::Hello, fields([HALF, 0, 0, 0])),
    (Kind::Clear, 0),
    (Kind::Shape, fields([SHAPE, 0, 0, 0])),
    (Kind::Numbers, fields([DATA, 0, 0, 0])),
    (Kind::Attrs, fields([DATA, 0, 0, 0])),
    (Kind::Gates, fields([DATA, 0, 0, 0])),
    (Kind::Objective, fields([HALF, FLAG, 0, 0])),
    (Kind::Plan, fields([PURPOSE, 0, 0, 0])),
    (Kind::Set, fields([HALF, WORD, DATA, 0])),
    (Kind::SetSmall, fields([HALF, WORD, DATA, 0])),
    (Kind::Get, fields([HALF, WORD, HALF, FLAG])),
    (Kind::Hash, 0),
    (Kind::Verify, fields([LONG, 0, 0, 0])),
    (Kind::Forward, 0),
    (Kind::Backward, fields([HALF, 0, 0, 0])),
    (Kind::Train, fields([WORD, WORD, LONG, DATA])),
    (Kind::Sample, fields([WORK, 0, 0, 0])),
    (Kind::EndBatch, 0),
    (Kind::Progress, fields([FLAG, 0, 0, 0])),
    (Kind::Moments, fields([WORD, HALF, 0, 0])),
    (Kind::SetMoments, fields([WORD, DATA, 0, 0])),
    (Kind::Keep, fields([WORD, 0, 0, 0])),
    (Kind::Row, fields([WORD, FLAG, DATA, 0])),
    (Kind::Rows, fields([WORK, DATA, 0, 0])),
    (Kind::Vitals, fields([FLAG, 0, 0, 0])),
    (Kind::Holds, 0),
    (Kind::Save, 0),
    (Kind::SaveEvery, fields([WORD, 0, 0, 0])),
    (Kind::Kept, 0),
    (Kind::Training, 0),
];

/// A request as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'m> {
    pub(super) sequence: u32,
    pub(super) kind: Kind,
    /// Its whole numbers in their order: one of 64 bits is two, the low half first, a shape is four.
    pub(super) numbers: [u32; 4],
    pub(super) data: &'m [u8],
}

impl Asked<'_> {
    /// The shape that it carries.
    pub(super) fn shape(&self) -> Option<Shape> {
        Shape::from_raw(self.numbers.map(|dim| dim as u16))
    }

    /// The purpose that it carries.
    pub(super) fn purpose(&self) -> Purpose {
        let [purpose, moments, ..] = self.numbers;
        match purpose {
            0 => Purpose::Inspect,
            1 => Purpose::Train,
            2 => Purpose::Accumulate,
            3 => Purpose::Infer,
            _ => Purpose::Moments(moments as u8),
        }
    }
}

/// A request, if these bytes are one and no more.
#[inline]
pub(super) fn request(message: &[u8]) -> Option<Asked<'_>> {
    let mut from = Reader { bytes: message, broken: false };
    let sequence = from.word();
    let &(kind, mut left) = REQUESTS.get(from.word() as usize)?;
    let mut asked = Asked { sequence, kind, numbers: [0; 4], data: &[] };
    let mut places = asked.numbers.iter_mut();
    let mut put = |number: u64| places.next().into_iter().for_each(|place| *place = number as u32);
    while left > 0 {
        let field = left & 15;
        left >>= 4;
        let bits = match field {
            FLAG => 1,
            HALF | SHAPE => 16,
            LONG => 64,
            _ => 32,
        };
        match field {
            DATA => asked.data = from.data(),
            SHAPE => (0..4).for_each(|_| put(from.number(bits))),
            _ => {
                let number = from.number(bits);
                put(number);
                match (field, number) {
                    (LONG, _) => put(number >> 32),
                    (PURPOSE, 4) => put(from.byte().into()),
                    (PURPOSE, 5..) | (WORK, 2..) => from.broken = true,
                    _ => {}
                }
            }
        }
    }
    from.broken |= kind == Kind::Shape && asked.shape().is_none();
    from.ends().then_some(asked)
}

/// An optimiser, if these bytes are one and no more.
pub(crate) fn optimiser<T: Scalar>(bytes: &[u8]) -> Option<Optimiser<T>> {
    let mut from = Reader { bytes, broken: false };
    let kind = from.word();
    let mut own = [T::ZERO; 3];
    let numbers = [0, 1, 1, 3, 3, 2].get(kind as usize).copied().unwrap_or(0);
    own.iter_mut().take(numbers).for_each(|number| *number = from.scalar());
    let [beta, second, third] = own;
    let method = match kind {
        0 => Method::Sgd,
        1 => Method::Momentum { beta },
        2 => Method::Nesterov { beta },
        3 => Method::Adam { beta1: beta, beta2: second, eps: third },
        4 => Method::AdamW { beta1: beta, beta2: second, eps: third },
        5 => Method::RmsProp { alpha: beta, eps: second },
        _ => return None,
    };
    let (rate, weight_decay) = (from.scalar(), from.scalar());
    let clip = match from.word() {
        0 => Clip::Nothing,
        1 => Clip::Norm(from.scalar()),
        2 => Clip::Value(from.scalar()),
        _ => return None,
    };
    let schedule = match from.word() {
        0 => Schedule::Constant,
        1 => Schedule::Step { every: from.word(), factor: from.scalar() },
        2 => Schedule::Cosine { steps: from.word(), floor: from.scalar() },
        _ => return None,
    };
    let mut optimiser = Optimiser::new(method, rate);
    (optimiser.weight_decay, optimiser.clip, optimiser.schedule) = (weight_decay, clip, schedule);
    optimiser.warmup = from.word();
    from.ends().then_some(optimiser)
}

impl<'m> Reader<'m> {
    /// Whether all was there, and nothing more.
    fn ends(&self) -> bool {
        self.bytes.is_empty() && !self.broken
    }

    #[inline(never)]
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.bytes.split_first() else {
            self.broken = true;
            return 0;
        };
        self.bytes = rest;
        byte
    }

    /// A whole number of so many bits: seven a byte, lowest first; all but the last have the eighth set.
    #[inline(never)]
    fn number(&mut self, bits: u32) -> u64 {
        let (mut number, mut at) = (0, 0);
        while at < bits {
            let byte = self.byte();
            // The last byte holds what is left, and there is none after it.
            self.broken |= bits - at < 8 && u32::from(byte) >> (bits - at) > 0;
            number |= u64::from(byte & 0x7f) << at;
            at += 7;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    #[inline(never)]
    fn word(&mut self) -> u32 {
        self.number(32) as u32
    }

    #[inline(never)]
    fn data(&mut self) -> &'m [u8] {
        let len = self.number(usize::BITS) as usize;
        let Some((data, rest)) = self.bytes.split_at_checked(len) else {
            self.broken = true;
            return &[];
        };
        self.bytes = rest;
        data
    }

    #[inline(never)]
    fn scalar<T: Scalar>(&mut self) -> T {
        let mut bits = [0; 8];
        bits.iter_mut().take(T::BYTES).for_each(|to| *to = self.byte());
        T::from_bits(u64::from_le_bytes(bits))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Random;
    use crate::link::{Ask, Goal, Request, Work};
    use core::fmt::Debug;
    use serde::Deserialize;

    /// The request that was read.
    fn whole(Asked { sequence, kind, numbers: [a, b, c, d], data }: Asked<'_>) -> Request<'_> {
        let long = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let work = if a == 0 { Work::Evaluate } else { Work::Train };
        let asked = Asked { sequence, kind, numbers: [a, b, c, d], data };
        let (wire, data_at) = (a as u16, b);
        let ask = match kind {
            Kind::Hello => Ask::Hello { version: a as u16 },
            Kind::Clear => Ask::Clear,
            Kind::Shape => Ask::Shape(asked.shape().unwrap()),
            Kind::Numbers => Ask::Numbers(data),
            Kind::Attrs => Ask::Attrs(data),
            Kind::Gates => Ask::Gates(data),
            Kind::Objective => Ask::Objective(Goal { wire, maximize: b == 1 }),
            Kind::Plan => Ask::Plan(asked.purpose()),
            Kind::Set => Ask::Set { wire, start: data_at, data },
            Kind::SetSmall => Ask::SetSmall { wire, start: data_at, data },
            Kind::Get => Ask::Get { wire, start: b, count: c as u16, gradient: d == 1 },
            Kind::Hash => Ask::Hash,
            Kind::Verify => Ask::Verify(long(a, b)),
            Kind::Forward => Ask::Forward,
            Kind::Backward => Ask::Backward(wire),
            Kind::Train => Ask::Train { steps: a, batch: b, seed: long(c, d), optimiser: data },
            Kind::Sample => Ask::Sample(work),
            Kind::EndBatch => Ask::EndBatch,
            Kind::Progress => Ask::Progress { rest: a == 1 },
            Kind::Moments => Ask::Moments { start: a, count: b as u16 },
            Kind::SetMoments => Ask::SetMoments { start: a, data },
            Kind::Keep => Ask::Keep { rows: a },
            Kind::Row => Ask::Row { start: a, small: b == 1, data },
            Kind::Rows => Ask::Rows { work, rows: data },
            Kind::Vitals => Ask::Vitals { anew: a == 1 },
            Kind::Holds => Ask::Holds,
            Kind::Save => Ask::Save,
            Kind::SaveEvery => Ask::SaveEvery(a),
            Kind::Kept => Ask::Kept,
            Kind::Training => Ask::Training,
        };
        Request { sequence, ask }
    }

    /// Both read the same, and leave nothing over.
    fn same<'m, M: Deserialize<'m> + PartialEq + Debug>(bytes: &'m [u8], own: Option<M>) -> bool {
        let theirs = postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(read, _)| read);
        let (own, theirs) = (std::format!("{own:?}"), std::format!("{theirs:?}", theirs = theirs as Option<M>));
        assert_eq!(own, theirs, "{bytes:?}");
        own != "None"
    }

    /// Bytes that are often numbers of variants, and often begin a longer number.
    fn fill(bytes: &mut [u8], random: &mut Random) {
        for byte in bytes {
            let drawn = random.below(1 << 12);
            *byte = match drawn >> 8 & 3 {
                0 => drawn as u8,
                1 => drawn as u8 | 0xf0,
                _ => drawn as u8 & 7,
            };
        }
    }

    #[test]
    fn whatever_comes_is_read_as_postcard_reads_it() {
        let (mut random, mut kinds) = (Random::new(1), [0; 32]);
        for i in 0..2_000_000 {
            let mut bytes = [0; 14];
            let bytes = bytes.get_mut(..2 + i % 13).unwrap();
            fill(bytes, &mut random);
            if let [_, kind, ..] = bytes {
                *kind = (i % 32) as u8;
            }
            if same(bytes, request(bytes).map(whole)) {
                *kinds.get_mut(i % 32).unwrap() += 1;
            }
        }
        // All that can be asked was, as a rule as the second byte says.
        assert!(kinds.iter().all(|&count| count > 100), "{kinds:?}");
    }

    #[test]
    fn optimisers_are_read_as_postcard_reads_them() {
        let (mut random, mut whole) = (Random::new(2), 0);
        for i in 0..500_000 {
            let mut bytes = [0; 40];
            let bytes = bytes.get_mut(..8 + i % 33).unwrap();
            fill(bytes, &mut random);
            whole += u32::from(same(bytes, optimiser::<f32>(bytes)));
            same(bytes, optimiser::<f64>(bytes));
        }
        assert!(whole > 100, "{whole}");
    }
}
