//! Messages as postcard writes them, read (postcard 1.0 wire format: whole numbers as LEB128, variants by
//! number).
//!
//! postcard's own reader looks after each byte whether it was there, and a derived one is a function for each
//! kind of field; for a board's flash that is dear. Here a message is read to its end as if there were zeros
//! behind it, and that it was too short, too long or no message is found out then.

use super::message::{Ask, Goal, Request, Work};
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

/// A request, if these bytes are one and no more.
#[inline]
pub(super) fn request(message: &[u8]) -> Option<Request<'_>> {
    let mut from = Reader { bytes: message, broken: false };
    let request = Request { sequence: from.word(), ask: from.ask() };
    from.ends().then_some(request)
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
    fn half(&mut self) -> u16 {
        self.number(16) as u16
    }

    #[inline(never)]
    fn word(&mut self) -> u32 {
        self.number(32) as u32
    }

    #[inline(never)]
    fn flag(&mut self) -> bool {
        let byte = self.byte();
        self.broken |= byte > 1;
        byte == 1
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

    #[inline(never)]
    fn shape(&mut self) -> Shape {
        let shape = Shape::from_raw([self.half(), self.half(), self.half(), self.half()]);
        self.broken |= shape.is_none();
        shape.unwrap_or(Shape::SCALAR)
    }

    fn purpose(&mut self) -> Purpose {
        match self.word() {
            0 => Purpose::Inspect,
            1 => Purpose::Train,
            2 => Purpose::Accumulate,
            3 => Purpose::Infer,
            4 => Purpose::Moments(self.byte()),
            _ => {
                self.broken = true;
                Purpose::Inspect
            }
        }
    }

    fn work(&mut self) -> Work {
        let work = self.word();
        self.broken |= work > 1;
        if work == 0 { Work::Evaluate } else { Work::Train }
    }

    /// What is asked; the numbers are those of `Ask`'s variants in their order.
    fn ask(&mut self) -> Ask<'m> {
        match self.word() {
            0 => Ask::Hello { version: self.half() },
            1 => Ask::Clear,
            2 => Ask::Shape(self.shape()),
            3 => Ask::Numbers(self.data()),
            4 => Ask::Attrs(self.data()),
            5 => Ask::Gates(self.data()),
            6 => Ask::Objective(Goal { wire: self.half(), maximize: self.flag() }),
            7 => Ask::Plan(self.purpose()),
            8 => Ask::Set { wire: self.half(), start: self.word(), data: self.data() },
            9 => Ask::SetSmall { wire: self.half(), start: self.word(), data: self.data() },
            10 => Ask::Get { wire: self.half(), start: self.word(), count: self.half(), gradient: self.flag() },
            11 => Ask::Hash,
            12 => Ask::Verify(self.number(64)),
            13 => Ask::Forward,
            14 => Ask::Backward(self.half()),
            15 => Ask::Train { steps: self.word(), batch: self.word(), seed: self.number(64), optimiser: self.data() },
            16 => Ask::Sample(self.work()),
            17 => Ask::EndBatch,
            18 => Ask::Progress { rest: self.flag() },
            19 => Ask::Moments { start: self.word(), count: self.half() },
            20 => Ask::SetMoments { start: self.word(), data: self.data() },
            21 => Ask::Keep { rows: self.word() },
            22 => Ask::Row { start: self.word(), small: self.flag(), data: self.data() },
            23 => Ask::Rows { work: self.work(), rows: self.data() },
            24 => Ask::Vitals { anew: self.flag() },
            25 => Ask::Holds,
            26 => Ask::Save,
            27 => Ask::SaveEvery(self.word()),
            28 => Ask::Kept,
            29 => Ask::Training,
            _ => {
                self.broken = true;
                Ask::Clear
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Random;
    use core::fmt::Debug;
    use serde::Deserialize;

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
        let (mut random, mut whole) = (Random::new(1), [0; 32]);
        for i in 0..2_000_000 {
            let mut bytes = [0; 14];
            let bytes = bytes.get_mut(..2 + i % 13).unwrap();
            fill(bytes, &mut random);
            if let [_, kind, ..] = bytes {
                *kind = (i % 32) as u8;
            }
            if same(bytes, request(bytes)) {
                *whole.get_mut(i % 32).unwrap() += 1;
            }
        }
        // All that can be asked was, as a rule as the second byte says.
        assert!(whole.iter().all(|&count| count > 100), "{whole:?}");
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
