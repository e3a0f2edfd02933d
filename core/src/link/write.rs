//! Messages as postcard writes them (postcard 1.0 wire format: whole numbers as LEB128, variants by number).
//!
//! postcard's own writer, compiled for size, keeps a look at an index that can panic; this one has no index,
//! and refuses nothing on the way: what does not fit is counted, and found out at the end.

use core::fmt::Error;
use serde::ser::{self, Impossible, Serialize};

/// Where a message is written to.
pub(super) struct Writer<'o> {
    pub(super) bytes: &'o mut [u8],
    /// Bytes that were to be written.
    pub(super) len: usize,
}

/// Writes a value to the front of `out`, if there is room.
#[inline]
pub(crate) fn write<'o>(value: &impl Serialize, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let mut writer = Writer { bytes: &mut *out, len: 0 };
    value.serialize(&mut writer).ok()?;
    let len = writer.len;
    out.get(..len)
}

impl Writer<'_> {
    #[inline(never)]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
        }
        self.len += 1;
    }

    /// Seven bits a byte, lowest first; all but the last byte have the eighth set.
    #[inline(never)]
    fn number(&mut self, mut x: u64) {
        while x >= 0x80 {
            self.push(x as u8 | 0x80);
            x >>= 7;
        }
        self.push(x as u8);
    }
}

impl Writer<'_> {
    /// As [`Writer::number`], for what most fields are: half the register moves at each call.
    #[inline(never)]
    fn word(&mut self, x: u32) {
        self.number(x.into());
    }
}

type Done = Result<(), Error>;

/// Kinds of value that no message has.
macro_rules! none_of {
    ($($name:ident($t:ty)),*) => { $(fn $name(self, _: $t) -> Done { Err(Error) })* };
}

/// What is written field by field has nothing between its fields.
macro_rules! fields {
    ($($kind:ident $name:ident),*) => {
        $(impl ser::$kind for &mut Writer<'_> {
            type Ok = ();
            type Error = Error;
            fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }
            fn end(self) -> Done {
                Ok(())
            }
        })*
    };
    (named: $($kind:ident),*) => {
        $(impl ser::$kind for &mut Writer<'_> {
            type Ok = ();
            type Error = Error;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Done {
                value.serialize(&mut **self)
            }
            fn end(self) -> Done {
                Ok(())
            }
        })*
    };
}

fields!(SerializeSeq serialize_element, SerializeTuple serialize_element);
fields!(SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);
fields!(named: SerializeStruct, SerializeStructVariant);

impl ser::Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    none_of!(serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64));
    none_of!(serialize_char(char));

    fn serialize_bool(self, x: bool) -> Done {
        self.serialize_u8(x.into())
    }
    fn serialize_u8(self, x: u8) -> Done {
        self.push(x);
        Ok(())
    }
    fn serialize_u16(self, x: u16) -> Done {
        self.serialize_u32(x.into())
    }
    fn serialize_u32(self, x: u32) -> Done {
        self.word(x);
        Ok(())
    }
    fn serialize_u64(self, x: u64) -> Done {
        self.number(x);
        Ok(())
    }
    fn serialize_f32(self, x: f32) -> Done {
        x.to_le_bytes().iter().for_each(|&byte| self.push(byte));
        Ok(())
    }
    fn serialize_f64(self, x: f64) -> Done {
        x.to_le_bytes().iter().for_each(|&byte| self.push(byte));
        Ok(())
    }
    fn serialize_str(self, text: &str) -> Done {
        self.serialize_bytes(text.as_bytes())
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Done {
        self.word(bytes.len() as u32);
        bytes.iter().for_each(|&byte| self.push(byte));
        Ok(())
    }
    fn serialize_none(self) -> Done {
        self.serialize_u8(0)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.push(1);
        value.serialize(self)
    }
    fn serialize_unit(self) -> Done {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Done {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, variant: u32, _: &'static str) -> Done {
        self.serialize_u32(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.word(variant);
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Error> {
        self.number(len.ok_or(Error)? as u64);
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_tuple_variant(self, _: &'static str, variant: u32, _: &'static str, _: usize) -> Result<Self, Error> {
        self.word(variant);
        Ok(self)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Err(Error)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_struct_variant(self, _: &'static str, variant: u32, _: &'static str, _: usize) -> Result<Self, Error> {
        self.word(variant);
        Ok(self)
    }
    fn collect_str<T: core::fmt::Display + ?Sized>(self, _: &T) -> Done {
        Err(Error)
    }
    fn is_human_readable(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::{BuildError, RunError};
    use crate::keep::Kept;
    use crate::link::{Answer, Board, Holds, Memory, NotKept, Refusal, Reply, Reset, Vitals, Why};
    use crate::plan::Purpose;
    use crate::shape::Shape;

    #[test]
    fn every_kind_of_reply_is_written_as_postcard_writes_it() {
        let board = Board {
            version: 4,
            name: "mps2",
            scalar: 4,
            window: 8,
            gates: 16384,
            shapes: 64,
            numbers: 127,
            attrs: 128,
            arena: u32::MAX,
            rows: 0,
        };
        let holds = Holds { circuit: u64::MAX, purpose: Purpose::Moments(2), params: 1 << 35, verified: true };
        let reset = Some(Reset { why: Why::Fault, at: 0x8000_1234 });
        let (counted, work_stack) = (Some(1 << 40), Some(336));
        let vitals = Vitals { counted, nothing: 3, works: 300, stack: None, work_stack, free: None, reset };
        let kept = Some(Kept { steps: 40, counter: 300, wear: 150 });
        let ran = Answer::Ran { losses: &[1, 2, 3], correct: 300, refused: Some(RunError::NotFinite(9)) };
        let progress = Answer::Progress { steps: 1, begun: 2, samples: 3, correct: 4, sum: u64::MAX };
        let mismatch = BuildError::ShapeMismatch { left: Shape::SCALAR, right: Shape::matrix(300, 2) };
        let answers = [
            Ok(Answer::Board(board)),
            Ok(Answer::Done),
            Ok(Answer::Planned(99)),
            Ok(Answer::Data(&[0, 255])),
            Ok(Answer::Hash(7)),
            Ok(ran),
            Ok(progress),
            Ok(Answer::Vitals(vitals)),
            Ok(Answer::Holds(holds)),
            Ok(Answer::Kept(Memory { kept, steps: 41, every: 0, missed: true })),
            Ok(Answer::Kept(Memory { kept: None, steps: 0, every: 100, missed: false })),
            Err(Refusal::NotKept(NotKept::NoRoom(5000, 4096))),
            Err(Refusal::NoCircuit),
            Err(Refusal::Build(70, mismatch)),
            Err(Refusal::Build(1, BuildError::GatesFull(70_000))),
            Err(Refusal::Run(RunError::WrongLength { wire: 1, expected: 200, got: 3 })),
            Err(Refusal::NoRoom(1, 2)),
        ];
        for (sequence, answer) in (0..).map(|i| i * 1000).zip(answers) {
            let (reply, mut expected, mut got) = (Reply { sequence, answer }, [0; 128], [0; 128]);
            let expected = postcard::to_slice(&reply, &mut expected).unwrap();
            let mut writer = Writer { bytes: &mut got, len: 0 };
            reply.serialize(&mut writer).unwrap();
            let len = writer.len;
            assert_eq!(got.get(..len), Some(&*expected), "{reply:?}");
        }
    }
}
