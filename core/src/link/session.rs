//! The session: a board's side of the link, from bytes to bytes.

use super::frame::{Deframer, encode_frame};
use super::machine::Machine;
use super::message::{Answer, Ask, Board, Goal, Holds, Refusal, Reply, Request, Work};
use super::{FRAME_MAX, MESSAGE_MAX, PAYLOAD_MAX, VERSION};
use crate::build::Circuit;
use crate::circuit::{CircuitRef, Objective};
use crate::error::RunError;
use crate::gate::{Gate, Wire};
use crate::keep::fingerprint;
use crate::op::Op;
use crate::optimiser::Optimiser;
use crate::plan::{Layout, Purpose, Slot, plan};
use crate::scalar::Scalar;
use crate::tape::Tape;
use crate::training::{Running, Training};
use heapless::Vec;

/// Answers requests with a circuit of up to `GATES` gates.
///
/// Put it into a `static`: it is large, and [`Session::new`] is `const`.
///
/// `A` is the arena and `R` the memory for training data that is kept: arrays on a board (the second
/// of length 0 on a small one), whatever is at hand elsewhere. `NUMBERS`, `SHAPES` and `ATTRS` bound
/// the circuit's tables, `WINDOW` the requests that may be under way.
#[derive(Debug)]
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
    deframer: Deframer,
    sequence: Sequence<WINDOW>,
    scratch: [u8; MESSAGE_MAX],
    payload: Vec<u8, PAYLOAD_MAX>,
    circuit: Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    slots: [Slot; GATES],
    layout: Layout,
    planned: bool,
    verified: bool,
    arena: A,
    rows: R,
    kept: u32,
    training: Training<T>,
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
    pub fn receive_on(&mut self, byte: u8, machine: &mut impl Machine) -> Option<&[u8]> {
        let message = self.deframer.feed(byte).ok().flatten()?;
        let (request, []) = postcard::take_from_bytes::<Request<'_>>(message).ok()? else { return None };
        let Request { sequence, ask } = request;
        let window = WINDOW.max(1) as u32;
        let place = (sequence % window) as usize;
        match self.sequence.next {
            Some(next) if sequence == next => {}
            Some(next)
                if next.wrapping_sub(sequence).wrapping_sub(1) < window.min(next.wrapping_sub(self.sequence.first)) =>
            {
                return self.sequence.replies.get(place).map(Vec::as_slice);
            }
            _ if matches!(ask, Ask::Hello { .. }) => {
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
            circuit: &mut self.circuit,
            slots: &mut self.slots,
            layout: &mut self.layout,
            planned: &mut self.planned,
            verified: &mut self.verified,
            arena: self.arena.as_mut(),
            rows: self.rows.as_mut(),
            kept: &mut self.kept,
            training: &mut self.training,
            payload: &mut self.payload,
        };
        let answer = state.answer(&ask, machine);
        let reply = self.sequence.replies.get_mut(place)?;
        if encode_frame(&Reply { sequence, answer }, &mut self.scratch, reply).is_err() {
            let refused = Reply { sequence, answer: Err(Refusal::Unsupported) };
            encode_frame(&refused, &mut self.scratch, reply).ok()?;
        }
        self.sequence.next = Some(sequence.wrapping_add(1));
        Some(reply)
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

/// What requests work on, apart from the bytes.
struct State<'s, T, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize> {
    name: &'static str,
    window: usize,
    circuit: &'s mut Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    slots: &'s mut [Slot],
    layout: &'s mut Layout,
    planned: &'s mut bool,
    verified: &'s mut bool,
    arena: &'s mut [T],
    rows: &'s mut [T],
    kept: &'s mut u32,
    training: &'s mut Training<T>,
    payload: &'s mut Vec<u8, PAYLOAD_MAX>,
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    State<'_, T, GATES, NUMBERS, SHAPES, ATTRS>
{
    fn answer(&mut self, ask: &Ask<'_>, machine: &mut impl Machine) -> Result<Answer<'_>, Refusal> {
        match *ask {
            Ask::Hello { version } => {
                if version != VERSION {
                    return Err(Refusal::Version(VERSION));
                }
                return Ok(Answer::Board(Board {
                    version: VERSION,
                    name: self.name,
                    scalar: T::BYTES as u8,
                    window: self.window.min(255) as u8,
                    gates: GATES as u32,
                    shapes: SHAPES as u16,
                    numbers: NUMBERS as u32,
                    attrs: ATTRS as u32,
                    arena: self.arena.len() as u32,
                    rows: self.rows.len() as u32,
                }));
            }
            Ask::Clear => {
                self.circuit.clear();
                (*self.planned, *self.verified, *self.kept) = (false, false, 0);
            }
            Ask::Shape(_) | Ask::Numbers(_) | Ask::Attrs(_) | Ask::Gates(_) | Ask::Objective(_) => {
                *self.planned = false;
                self.build(ask)?;
            }
            Ask::Plan(purpose) => return self.plan(purpose).map(Answer::Planned),
            Ask::Set { wire, start, data } => {
                let set = self.set(wire, start, Raw { bytes: data, small: false });
                self.stop_at(set)?;
            }
            Ask::SetSmall { wire, start, data } => {
                let set = self.set(wire, start, Raw { bytes: data, small: true });
                self.stop_at(set)?;
            }
            Ask::Get { wire, start, count, gradient } => {
                self.get(wire, start as usize, usize::from(count), gradient)?;
                return Ok(Answer::Data(self.payload));
            }
            Ask::Holds => {
                let tape = self.tape()?;
                let purpose = tape.layout().purpose();
                let (circuit, params) = (fingerprint(&tape.circuit(), purpose), tape.params_hash());
                return Ok(Answer::Holds(Holds { circuit, purpose, params, verified: *self.verified }));
            }
            Ask::Hash => return Ok(Answer::Hash(self.tape()?.params_hash())),
            Ask::Verify(hash) => {
                let own = self.tape()?.params_hash();
                *self.verified = own == hash;
                if own != hash {
                    return Err(Refusal::NotVerified(own));
                }
            }
            Ask::Forward => at_work(machine, &mut self.tape()?, Tape::forward),
            Ask::Backward(wire) => {
                let mut tape = self.tape()?;
                let wire = named(&tape.circuit(), wire)?;
                at_work(machine, &mut tape, |tape| tape.backward(wire))?;
            }
            Ask::Sample(work) => return self.samples(work, None, machine),
            Ask::Rows { work, rows } => return self.samples(work, Some(rows), machine),
            Ask::Train { steps, batch, seed, optimiser } => {
                self.layout()?;
                let optimiser = Optimiser::from_bytes(optimiser).filter(|_| batch > 0).ok_or(Refusal::Malformed)?;
                *self.training = Training::new(optimiser, batch).after(steps).with_seed(seed);
            }
            Ask::EndBatch => {
                self.may_train()?;
                let layout = self.layout()?;
                let mut tape = Tape::resume(self.circuit.view(), layout, self.slots, &[], self.arena)?;
                let ended = at_work(machine, &mut tape, |tape| self.training.end_batch(tape));
                self.stop_at(ended)?;
            }
            Ask::Progress { rest } => {
                let Running { samples, sum, correct } = self.training.running();
                let (steps, begun, sum) = (self.training.steps(), self.training.begun(), sum.to_bits());
                if rest {
                    self.training.rest();
                }
                return Ok(Answer::Progress { steps, begun, samples, correct, sum });
            }
            Ask::Moments { start, count } => {
                self.moments(start as usize, usize::from(count))?;
                return Ok(Answer::Data(self.payload));
            }
            Ask::SetMoments { start, data } => {
                let set = self.set_moments(start as usize, Raw { bytes: data, small: false });
                self.stop_at(set)?;
            }
            Ask::Keep { rows } => {
                let (needed, had) = (u64::from(rows) * self.row_len()? as u64, self.rows.len() as u64);
                if needed > had {
                    return Err(Refusal::NoRoom(u32::try_from(needed).unwrap_or(u32::MAX), had as u32));
                }
                *self.kept = rows;
            }
            Ask::Row { start, small, data } => self.row(start as usize, Raw { bytes: data, small })?,
            Ask::Vitals { anew } => return Ok(Answer::Vitals(machine.vitals(anew))),
        }
        Ok(Answer::Done)
    }

    fn build(&mut self, ask: &Ask<'_>) -> Result<(), Refusal> {
        let there = self.circuit.view().len() as u16;
        let at = |error| Refusal::Build(there, error);
        match *ask {
            Ask::Shape(shape) => self.circuit.push_shape(shape).map_err(at),
            Ask::Numbers(data) => {
                for x in (Raw { bytes: data, small: false }).numbers::<T>()? {
                    self.circuit.push_numbers(&[x]).map_err(at)?;
                }
                Ok(())
            }
            Ask::Attrs(data) => {
                for attr in halves(data)? {
                    self.circuit.push_attrs(&[attr]).map_err(at)?;
                }
                Ok(())
            }
            Ask::Gates(data) => {
                let (records, []) = data.as_chunks::<8>() else { return Err(Refusal::Malformed) };
                for &record in records {
                    let index = self.circuit.view().len() as u16;
                    let gate = Gate::from_bytes(record).ok_or(Refusal::Malformed)?;
                    self.circuit.push_record(gate).map_err(|error| Refusal::Build(index, error))?;
                }
                Ok(())
            }
            Ask::Objective(Goal { wire, maximize }) => {
                let wire = named(&self.circuit.view(), wire)?;
                if maximize { self.circuit.maximize(wire) } else { self.circuit.minimize(wire) }.map_err(at)
            }
            _ => Err(Refusal::Unsupported),
        }
    }

    fn plan(&mut self, purpose: Purpose) -> Result<u32, Refusal> {
        let view = self.circuit.view();
        let layout = plan(&view, purpose, false, self.slots).map_err(Refusal::Plan)?;
        let (needed, had) = (layout.arena_len() as u32, self.arena.len() as u32);
        if needed > had {
            *self.planned = false;
            return Err(Refusal::NoRoom(needed, had));
        }
        Tape::new(view, layout, self.slots, &[], self.arena)?;
        (*self.layout, *self.planned, *self.verified, *self.kept) = (layout, true, false, 0);
        *self.training = Training::IDLE;
        Ok(needed)
    }

    fn layout(&self) -> Result<Layout, Refusal> {
        if *self.planned { Ok(*self.layout) } else { Err(Refusal::NoCircuit) }
    }

    fn tape(&mut self) -> Result<Tape<'_, T>, Refusal> {
        let layout = self.layout()?;
        Ok(Tape::resume(self.circuit.view(), layout, self.slots, &[], self.arena)?)
    }

    fn may_train(&mut self) -> Result<(), Refusal> {
        if !*self.verified {
            let hash = self.tape()?.params_hash();
            return Err(Refusal::NotVerified(hash));
        }
        if self.training.batch() == 0 { Err(Refusal::Run(RunError::NotPlanned)) } else { Ok(()) }
    }

    /// After a refusal nothing trains until the params are verified again: what the host has under
    /// way behind it would else go on from another state than the host thinks.
    fn stop_at<R, E>(&mut self, result: Result<R, E>) -> Result<R, E> {
        *self.verified &= result.is_ok();
        result
    }

    fn set(&mut self, wire: u16, start: u32, data: Raw<'_>) -> Result<(), Refusal> {
        let mut tape = self.tape()?;
        let circuit = tape.circuit();
        let wire = named(&circuit, wire)?;
        let len = circuit.shape(wire).len();
        let count = data.numbers::<T>()?.count();
        if (start as usize).saturating_add(count) > len {
            let got = (start as usize).saturating_add(count);
            return Err(Refusal::Run(RunError::WrongLength { wire: wire.raw(), expected: len, got }));
        }
        for (i, x) in data.numbers::<T>()?.enumerate() {
            tape.set_from(wire, start as usize + i, &[x])?;
        }
        if circuit.gate(wire).is_some_and(|gate| gate.op == Op::Param) {
            *self.verified = false;
        }
        Ok(())
    }

    fn get(&mut self, wire: u16, start: usize, count: usize, gradient: bool) -> Result<(), Refusal> {
        let layout = self.layout()?;
        let tape = Tape::resume(self.circuit.view(), layout, self.slots, &[], self.arena)?;
        let wire = named(&tape.circuit(), wire)?;
        let values = if gradient { tape.gradient(wire)? } else { tape.value(wire)? };
        let wrong =
            RunError::WrongLength { wire: wire.raw(), expected: values.len(), got: start.saturating_add(count) };
        let end = start.checked_add(count).ok_or(wrong)?;
        for &x in values.get(start..end).ok_or(wrong)? {
            push_raw(self.payload, x)?;
        }
        Ok(())
    }

    fn moments(&mut self, start: usize, count: usize) -> Result<(), Refusal> {
        let layout = self.layout()?;
        let tape = Tape::resume(self.circuit.view(), layout, self.slots, &[], self.arena)?;
        let moments = tape.moments().get(start..).and_then(|moments| moments.get(..count));
        for &x in moments.ok_or(RunError::NotPlanned)? {
            push_raw(self.payload, x)?;
        }
        Ok(())
    }

    fn set_moments(&mut self, start: usize, data: Raw<'_>) -> Result<(), Refusal> {
        let mut tape = self.tape()?;
        let end = start.saturating_add(data.numbers::<T>()?.count());
        if end > tape.moments().len() {
            return Err(Refusal::Run(RunError::NotPlanned));
        }
        for (place, x) in (start..end).zip(data.numbers::<T>()?) {
            tape.set_moments(place, &[x])?;
        }
        Ok(())
    }

    /// The numbers of a row: all inputs and labels.
    fn row_len(&mut self) -> Result<usize, Refusal> {
        let circuit = self.tape()?.circuit();
        Ok(circuit.wires().filter(|&wire| is_sample(&circuit, wire)).map(|wire| circuit.shape(wire).len()).sum())
    }

    fn row(&mut self, start: usize, data: Raw<'_>) -> Result<(), Refusal> {
        let kept = *self.kept as usize * self.row_len()?;
        let count = data.numbers::<T>()?.count();
        let end = start.checked_add(count).filter(|&end| end <= kept);
        let end = end.ok_or(Refusal::NoRoom(start.saturating_add(count) as u32, kept as u32))?;
        let place = self.rows.get_mut(start..end).ok_or(Refusal::Unsupported)?;
        for (place, x) in place.iter_mut().zip(data.numbers::<T>()?) {
            *place = x;
        }
        Ok(())
    }

    /// Works on the sample that the inputs hold, or on kept rows one after the other.
    fn samples(&mut self, work: Work, rows: Option<&[u8]>, machine: &mut impl Machine) -> Result<Answer<'_>, Refusal> {
        if !matches!(work, Work::Evaluate) {
            self.may_train()?;
        }
        let layout = self.layout()?;
        let mut tape = Tape::resume(self.circuit.view(), layout, self.slots, &[], self.arena)?;
        let circuit = tape.circuit();
        let (mut correct, mut refused) = (0, None);
        let Some(rows) = rows else {
            match run(&mut tape, work, self.training, machine) {
                Ok((loss, right)) => {
                    push_raw(self.payload, loss)?;
                    correct = u16::from(right);
                }
                Err(error) => {
                    *self.verified = false;
                    refused = Some(error);
                }
            }
            return Ok(Answer::Ran { losses: self.payload, correct, refused });
        };
        let row_len = circuit
            .wires()
            .filter(|&wire| is_sample(&circuit, wire))
            .map(|wire| circuit.shape(wire).len())
            .sum::<usize>();
        if rows.len() / 2 * T::BYTES > PAYLOAD_MAX {
            return Err(Refusal::Unsupported);
        }
        for row in halves(rows)? {
            if u32::from(row) >= *self.kept {
                return Err(Refusal::NoSuchRow(row));
            }
        }
        for row in halves(rows)? {
            let start = usize::from(row) * row_len;
            let data = self.rows.get(start..start + row_len).ok_or(Refusal::NoSuchRow(row))?;
            match fill(&mut tape, data).and_then(|()| run(&mut tape, work, self.training, machine)) {
                Ok((loss, right)) => {
                    push_raw(self.payload, loss)?;
                    correct += u16::from(right);
                }
                Err(error) => {
                    *self.verified = false;
                    refused = Some(error);
                    break;
                }
            }
        }
        Ok(Answer::Ran { losses: self.payload, correct, refused })
    }
}

/// Sets all inputs and labels from one row.
fn fill<T: Scalar>(tape: &mut Tape<'_, T>, mut data: &[T]) -> Result<(), RunError> {
    let circuit = tape.circuit();
    for wire in circuit.wires().filter(|&wire| is_sample(&circuit, wire)) {
        let (values, rest) = data.split_at_checked(circuit.shape(wire).len()).ok_or(RunError::WrongPlan)?;
        tape.set(wire, values)?;
        data = rest;
    }
    Ok(())
}

/// One sample; its objective, and whether its class was right.
fn run<T: Scalar>(
    tape: &mut Tape<'_, T>,
    work: Work,
    training: &mut Training<T>,
    machine: &mut impl Machine,
) -> Result<(T, bool), RunError> {
    at_work(machine, tape, |tape| match work {
        Work::Evaluate => {
            tape.forward();
            Ok((tape.objective_value()?, tape.is_right()))
        }
        Work::Train => training.sample(tape).map(|sample| (sample.objective, sample.correct)),
    })
}

/// Tells the machine when this begins and ends.
fn at_work<'t, T, R>(
    machine: &mut impl Machine,
    tape: &mut Tape<'t, T>,
    work: impl FnOnce(&mut Tape<'t, T>) -> R,
) -> R {
    machine.work_begins();
    let done = work(tape);
    machine.work_ends();
    done
}

fn is_sample<T: Copy>(circuit: &CircuitRef<'_, T>, wire: Wire) -> bool {
    circuit.gate(wire).is_some_and(|gate| matches!(gate.op, Op::Input | Op::Label))
}

fn named<T: Copy>(circuit: &CircuitRef<'_, T>, wire: u16) -> Result<Wire, Refusal> {
    circuit.wire(usize::from(wire)).ok_or(Refusal::Run(RunError::UnknownWire(wire)))
}

fn push_raw<T: Scalar>(payload: &mut Vec<u8, PAYLOAD_MAX>, x: T) -> Result<(), Refusal> {
    let bytes = x.to_bits().to_le_bytes();
    payload.extend_from_slice(bytes.get(..T::BYTES).unwrap_or_default()).map_err(|_| Refusal::Unsupported)
}

/// Numbers as they came.
#[derive(Clone, Copy)]
struct Raw<'a> {
    bytes: &'a [u8],
    small: bool,
}

impl<'a> Raw<'a> {
    fn numbers<T: Scalar>(self) -> Result<impl Iterator<Item = T> + use<'a, T>, Refusal> {
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

fn halves(bytes: &[u8]) -> Result<impl Iterator<Item = u16> + use<'_>, Refusal> {
    match bytes.as_chunks::<2>() {
        (halves, []) => Ok(halves.iter().map(|&half| u16::from_le_bytes(half))),
        _ => Err(Refusal::Malformed),
    }
}

// The objective's goal is the builder's; this keeps the two words for it from drifting apart.
impl From<Objective> for Goal {
    fn from(objective: Objective) -> Goal {
        Goal { wire: objective.wire().raw(), maximize: matches!(objective, Objective::Maximize(_)) }
    }
}
