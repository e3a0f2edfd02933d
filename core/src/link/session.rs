//! The session: a board's side of the link, from bytes to bytes.

use super::frame::{Deframer, encode_frame};
use super::keeping::Saving;
use super::machine::Machine;
use super::message::{Answer, Refusal, Reply};
use super::read::{self, Asked, Kind};
use super::state::{Memory, State};
use super::{FRAME_MAX, MESSAGE_MAX, PAYLOAD_MAX};
use crate::build::Circuit;
use crate::plan::{Layout, Slot};
use crate::scalar::Scalar;
use crate::tape::Tape;
use crate::training::Training;
use heapless::Vec;

/// Answers requests with a circuit of up to `GATES` gates.
///
/// Put it into a `static`: it is large, and [`Session::new`] is `const`.
///
/// `A` is the arena and `R` the memory for training data that is kept: arrays on a board (the second
/// of length 0 on a small one), whatever is at hand elsewhere. `NUMBERS`, `SHAPES` and `ATTRS` bound
/// the circuit's tables, `WINDOW` the requests that may be under way.
#[derive(Debug)]
#[repr(C)] // The small fields in front: a place beyond 4 KB costs a board's code a constant each time.
pub struct Session<
    T,
    A,
    R,
    const GATES: usize,
    const NUMBERS: usize,
    const SHAPES: usize,
    const ATTRS: usize,
    const WINDOW: usize,
> {
    name: Option<&'static str>,
    pub(super) planned: bool,
    pub(super) verified: bool,
    pub(super) kept: u32,
    pub(super) training: Training<T>,
    pub(super) saving: Saving,
    pub(super) layout: Layout,
    pub(super) arena: A,
    rows: R,
    deframer: Deframer,
    scratch: [u8; MESSAGE_MAX],
    payload: Vec<u8, PAYLOAD_MAX>,
    sequence: Sequence<WINDOW>,
    pub(super) circuit: Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    pub(super) slots: [Slot; GATES],
}

/// Which requests were done, and what was answered.
#[derive(Debug)]
struct Sequence<const WINDOW: usize> {
    next: Option<u32>,
    first: u32,
    replies: [Vec<u8, FRAME_MAX>; WINDOW],
}

impl<
    T: Scalar,
    A: AsMut<[T]>,
    R: AsMut<[T]>,
    const GATES: usize,
    const NUMBERS: usize,
    const SHAPES: usize,
    const ATTRS: usize,
    const WINDOW: usize,
> Session<T, A, R, GATES, NUMBERS, SHAPES, ATTRS, WINDOW>
{
    /// A session that has heard nothing yet.
    ///
    /// It is all zeros if arena and rows are, so a `static` of it takes no flash.
    pub const fn new(arena: A, rows: R) -> Self {
        Session {
            name: None,
            deframer: Deframer::new(),
            sequence: Sequence { next: None, first: 0, replies: [const { Vec::new() }; WINDOW] },
            scratch: [0; MESSAGE_MAX],
            payload: Vec::new(),
            circuit: Circuit::new(),
            slots: [Slot::EMPTY; GATES],
            layout: Layout::EMPTY,
            planned: false,
            verified: false,
            arena,
            rows,
            kept: 0,
            training: Training::IDLE,
            saving: Saving::WHEN_ASKED,
        }
    }

    /// The board's name, told to the host in the answer to `Hello`.
    pub fn set_name(&mut self, name: &'static str) {
        self.name = Some(name);
    }

    /// Gives the session its memory, where that could not be done in [`Session::new`].
    pub fn attach(&mut self, arena: A, rows: R) {
        (self.arena, self.rows, self.planned) = (arena, rows, false);
    }

    /// Whether a host has greeted, so that somebody reads what is sent.
    pub fn is_greeted(&self) -> bool {
        self.sequence.next.is_some()
    }

    /// Takes one byte from the host; when it completes a request, gives the frame to send back.
    ///
    /// A request that was answered before is answered again and not done again; one out of order is
    /// not answered.
    pub fn receive(&mut self, byte: u8) -> Option<&[u8]> {
        self.receive_on(byte, &mut ())
    }

    /// As [`Session::receive`], on a machine that is told of work and asked for its vitals.
    #[inline(never)]
    pub fn receive_on(&mut self, byte: u8, machine: &mut impl Machine) -> Option<&[u8]> {
        let message = self.deframer.feed(byte).ok().flatten()?;
        let asked = Self::request(message)?;
        let sequence = asked.sequence;
        let window = WINDOW.max(1) as u32;
        let place = (sequence % window) as usize;
        match self.sequence.next {
            Some(next) if sequence == next => {}
            Some(next)
                if next.wrapping_sub(sequence).wrapping_sub(1) < window.min(next.wrapping_sub(self.sequence.first)) =>
            {
                return self.sequence.replies.get(place).map(Vec::as_slice);
            }
            _ if asked.kind == Kind::Hello => {
                if self.sequence.next.is_some() && sequence == self.sequence.first {
                    return None; // an old greeting that the line held back
                }
                self.sequence.first = sequence;
            }
            _ => return None,
        }
        self.payload.clear();
        let mut state = State {
            name: self.name.unwrap_or("board"),
            window: WINDOW,
            memory: Memory {
                circuit: &mut self.circuit,
                slots: &mut self.slots,
                layout: &mut self.layout,
                planned: &mut self.planned,
                arena: self.arena.as_mut(),
            },
            verified: &mut self.verified,
            rows: self.rows.as_mut(),
            kept: &mut self.kept,
            training: &mut self.training,
            saving: &mut self.saving,
            payload: &mut self.payload,
        };
        let mut reply = Reply { sequence, answer: state.answer(&asked, machine) };
        if let Ok(Answer::Data(bytes) | Answer::Ran { losses: bytes, .. }) = &mut reply.answer {
            *bytes = &self.payload;
        }
        let frame = self.sequence.replies.get_mut(place)?;
        if encode_frame(&reply, &mut self.scratch, frame).is_err() {
            reply.answer = Err(Refusal::Unsupported);
            encode_frame(&reply, &mut self.scratch, frame).ok()?;
        }
        self.sequence.next = Some(sequence.wrapping_add(1));
        Some(frame)
    }

    /// What a message asks. Apart, so that what decoding needs of the stack is free again while the
    /// request is done; and here, so that it is compiled with the session, small.
    #[inline(never)]
    fn request(message: &[u8]) -> Option<Asked<'_>> {
        read::request(message)
    }

    /// The params' hash, if a circuit is planned.
    pub fn params_hash(&mut self) -> Option<u64> {
        let tape = Tape::resume(
            self.circuit.view(),
            self.planned.then_some(self.layout)?,
            &self.slots,
            &[],
            self.arena.as_mut(),
        )
        .ok()?;
        Some(tape.params_hash())
    }
}
