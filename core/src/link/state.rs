//! What requests do: each a function of its own, so that a board's stack holds the frame of the one
//! that is asked and not of all of them.

use super::PAYLOAD_MAX;
use super::VERSION;
use super::keeping::Saving;
use super::machine::Machine;
use super::message::{Answer, Board, Holds, Refusal};
use super::raw::{Raw, eight, halves, push_raw};
use super::read::{Asked, Kind};
use crate::build::{Circuit, NotTaken, Table};
use crate::circuit::CircuitRef;
use crate::error::RunError;
use crate::gate::Wire;
use crate::keep::fingerprint;
use crate::op::Op;
use crate::optimiser::Optimiser;
use crate::plan::{Layout, Purpose, Slot, plan_within};
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::Tape;
use crate::training::{Running, Training};
use heapless::Vec;

/// What comes of a request. The bytes of [`Answer::Data`] and [`Answer::Ran`] are in the payload.
pub(super) type Answered = Result<Answer<'static>, Refusal>;

/// What requests work on, apart from the bytes.
pub(super) struct State<'s, T, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize> {
    pub(super) name: &'static str,
    pub(super) window: usize,
    pub(super) memory: Memory<'s, T, GATES, NUMBERS, SHAPES, ATTRS>,
    pub(super) verified: &'s mut bool,
    pub(super) rows: &'s mut [T],
    pub(super) kept: &'s mut u32,
    pub(super) training: &'s mut Training<T>,
    pub(super) saving: &'s mut Saving,
    pub(super) payload: &'s mut Vec<u8, PAYLOAD_MAX>,
}

/// The circuit and the memory that it runs in.
pub(super) struct Memory<'s, T, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize> {
    pub(super) circuit: &'s mut Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    pub(super) slots: &'s mut [Slot],
    pub(super) layout: &'s mut Layout,
    pub(super) planned: &'s mut bool,
    pub(super) arena: &'s mut [T],
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Memory<'_, T, GATES, NUMBERS, SHAPES, ATTRS>
{
    /// The tape, if a circuit is planned. Whoever asks borrows it where it is, since a copy is most of
    /// a frame.
    #[inline(never)]
    pub(super) fn tape(&mut self) -> Option<Tape<'_, T>> {
        if !*self.planned {
            return None;
        }
        Tape::resume(self.circuit.view(), *self.layout, self.slots, &[], self.arena).ok()
    }
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    State<'_, T, GATES, NUMBERS, SHAPES, ATTRS>
{
    /// Does what is asked. The frames of all requests would add up here, so none is in line; and all
    /// answer alike, so that what they answer need not be copied here. [`State::payload`] is not in it yet.
    pub(super) fn answer(&mut self, asked: &Asked<'_>, machine: &mut impl Machine) -> Answered {
        let Asked { kind, numbers: [a, b, c, d], data, .. } = *asked;
        let long = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let raw = |small| Raw { bytes: data, small };
        let answer = match kind {
            Kind::Hello => self.hello(a as u16),
            Kind::Clear => self.clear(),
            Kind::Shape | Kind::Numbers | Kind::Attrs | Kind::Gates | Kind::Objective => self.build(asked),
            Kind::Plan => self.plan(asked.purpose()),
            Kind::Set | Kind::SetSmall => self.set(a as u16, b, raw(kind == Kind::SetSmall)),
            Kind::Get => self.get(a as u16, b as usize, c as usize, d > 0),
            Kind::Holds => self.holds(),
            Kind::Hash => self.verify(None),
            Kind::Verify => self.verify(Some(long(a, b))),
            Kind::Forward => self.forward(machine),
            Kind::Backward => self.backward(a as u16, machine),
            Kind::Sample => self.samples(a > 0, None, machine),
            Kind::Rows => self.samples(a > 0, Some(data), machine),
            Kind::Train => self.train(a, b, long(c, d), data),
            Kind::EndBatch => self.end_batch(machine),
            Kind::Progress => self.progress(a > 0),
            Kind::Moments => self.moments(a as usize, b as usize),
            Kind::SetMoments => self.set_moments(a as usize, raw(false)),
            Kind::Keep => self.keep(a),
            Kind::Row => self.row(a as usize, raw(b > 0)),
            Kind::Vitals => Ok(Answer::Vitals(machine.vitals(a > 0))),
            Kind::Save => self.save(machine),
            Kind::SaveEvery => {
                (self.saving.every, self.saving.tried) = (a, self.training.steps());
                self.keeps(machine)
            }
            Kind::Kept => self.keeps(machine),
            Kind::Training => self.trains(),
        };
        // After a refusal nothing trains until the params are verified again: what the host has under way
        // behind it would else go on from another state than the host thinks.
        if matches!(kind, Kind::Set | Kind::SetSmall | Kind::SetMoments) && answer.is_err() {
            *self.verified = false;
        }
        answer
    }

    #[inline(never)]
    fn hello(&self, version: u16) -> Answered {
        if version != VERSION {
            return Err(Refusal::Version(VERSION));
        }
        Ok(Answer::Board(Board {
            version: VERSION,
            name: self.name,
            scalar: T::BYTES as u8,
            window: self.window.min(255) as u8,
            gates: GATES as u32,
            shapes: SHAPES as u16,
            numbers: NUMBERS as u32,
            attrs: ATTRS as u32,
            arena: self.memory.arena.len() as u32,
            rows: self.rows.len() as u32,
        }))
    }

    #[inline(never)]
    fn clear(&mut self) -> Answered {
        self.memory.circuit.clear();
        (*self.memory.planned, *self.verified, *self.kept) = (false, false, 0);
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn holds(&mut self) -> Answered {
        let verified = *self.verified;
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let purpose = tape.layout().purpose();
        let (circuit, params) = (fingerprint(&tape.circuit(), purpose), tape.params_hash());
        Ok(Answer::Holds(Holds { circuit, purpose, params, verified }))
    }

    #[inline(never)]
    fn hash(&mut self) -> Result<u64, Refusal> {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        Ok(tape.params_hash())
    }

    /// Tells the hash over all params, or compares it.
    #[inline(never)]
    fn verify(&mut self, told: Option<u64>) -> Answered {
        let own = self.hash()?;
        let Some(told) = told else { return Ok(Answer::Hash(own)) };
        *self.verified = own == told;
        if own == told { Ok(Answer::Done) } else { Err(Refusal::NotVerified(own)) }
    }

    #[inline(never)]
    fn forward(&mut self, machine: &mut impl Machine) -> Answered {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        at_work(machine, tape, |tape, between| tape.forward_between(between));
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn backward(&mut self, wire: u16, machine: &mut impl Machine) -> Answered {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let wire = named(&tape.circuit(), wire)?;
        at_work(machine, tape, |tape, between| tape.backward_between(wire, between))?;
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn train(&mut self, steps: u32, batch: u32, seed: u64, optimiser: &[u8]) -> Answered {
        if !*self.memory.planned {
            return Err(Refusal::NoCircuit);
        }
        let optimiser = Optimiser::from_bytes(optimiser).filter(|_| batch > 0).ok_or(Refusal::Malformed)?;
        *self.training = Training::new(optimiser, batch).after(steps).with_seed(seed);
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn end_batch(&mut self, machine: &mut impl Machine) -> Answered {
        self.may_train()?;
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let ended = at_work(machine, tape, |tape, _| self.training.end_batch(tape));
        *self.verified &= ended.is_ok();
        ended?;
        self.save_if_due(machine);
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn progress(&mut self, rest: bool) -> Answered {
        let Running { samples, sum, correct } = self.training.running();
        let (steps, begun, sum) = (self.training.steps(), self.training.begun(), sum.to_bits());
        if rest {
            self.training.rest();
        }
        Ok(Answer::Progress { steps, begun, samples, correct, sum })
    }

    #[inline(never)]
    fn keep(&mut self, rows: u32) -> Answered {
        let (needed, had) = (u64::from(rows) * self.row_len()? as u64, self.rows.len() as u64);
        if needed > had {
            return Err(Refusal::NoRoom(u32::try_from(needed).unwrap_or(u32::MAX), had as u32));
        }
        *self.kept = rows;
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn build(&mut self, asked: &Asked<'_>) -> Answered {
        *self.memory.planned = false;
        let circuit = &mut *self.memory.circuit;
        let Asked { kind, numbers: [wire, maximize, ..], data, .. } = *asked;
        let built = match kind {
            Kind::Shape => circuit.push_shape(asked.shape().unwrap_or(Shape::SCALAR)),
            Kind::Objective => {
                let wire = named(&circuit.view(), wire as u16)?;
                if maximize > 0 { circuit.maximize(wire) } else { circuit.minimize(wire) }
            }
            _ => {
                let table = match kind {
                    Kind::Numbers => Table::Numbers,
                    Kind::Attrs => Table::Attrs,
                    _ => Table::Gates,
                };
                let records = data.chunks_exact(table.width::<T>());
                if !records.remainder().is_empty() {
                    return Err(Refusal::Malformed);
                }
                match records.map(eight).try_for_each(|record| circuit.push_bytes(table, record)) {
                    Err(NotTaken::NoRecord) => return Err(Refusal::Malformed),
                    Err(NotTaken::Build(error)) => Err(error),
                    Ok(()) => Ok(()),
                }
            }
        };
        // What was refused is not there.
        built.map(|()| Answer::Done).map_err(|error| Refusal::Build(circuit.view().len() as u16, error))
    }

    #[inline(never)]
    fn plan(&mut self, purpose: Purpose) -> Answered {
        let view = self.memory.circuit.view();
        let planned = plan_within(&view, purpose, false, self.memory.arena.len(), self.memory.slots);
        let layout = match &planned {
            Ok(layout) => layout,
            Err(error) => return Err(Refusal::Plan(*error)),
        };
        let (needed, had) = (layout.arena_len() as u32, self.memory.arena.len() as u32);
        if needed > had {
            *self.memory.planned = false;
            return Err(Refusal::NoRoom(needed, had));
        }
        if let Err(error) = &Tape::new(view, *layout, self.memory.slots, &[], self.memory.arena) {
            return Err((*error).into());
        }
        *self.memory.layout = *layout;
        (*self.memory.planned, *self.verified, *self.kept) = (true, false, 0);
        (*self.training, *self.saving) = (Training::IDLE, Saving::WHEN_ASKED);
        Ok(Answer::Planned(needed))
    }

    pub(super) fn is_verified(&mut self) -> Result<(), Refusal> {
        if *self.verified { Ok(()) } else { Err(Refusal::NotVerified(self.hash()?)) }
    }

    fn may_train(&mut self) -> Result<(), Refusal> {
        self.is_verified()?;
        if self.training.batch() == 0 { Err(Refusal::Run(RunError::NotPlanned)) } else { Ok(()) }
    }

    #[inline(never)]
    fn set(&mut self, wire: u16, start: u32, data: Raw<'_>) -> Answered {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let circuit = tape.circuit();
        let wire = named(&circuit, wire)?;
        let len = circuit.len_at(wire.index());
        let count = data.count::<T>()?;
        if (start as usize).saturating_add(count) > len {
            let got = (start as usize).saturating_add(count);
            return Err(Refusal::Run(RunError::WrongLength { wire: wire.raw(), expected: len, got }));
        }
        for i in 0..count {
            tape.set_from(wire, start as usize + i, &[data.number(i)])?;
        }
        if circuit.gate(wire).is_some_and(|gate| gate.op == Op::Param) {
            *self.verified = false;
        }
        Ok(Answer::Done)
    }

    #[inline(never)]
    fn get(&mut self, wire: u16, start: usize, count: usize, gradient: bool) -> Answered {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let wire = named(&tape.circuit(), wire)?;
        let values = if gradient { tape.gradient(wire)? } else { tape.value(wire)? };
        let wrong =
            RunError::WrongLength { wire: wire.raw(), expected: values.len(), got: start.saturating_add(count) };
        let end = start.checked_add(count).ok_or(wrong)?;
        for &x in values.get(start..end).ok_or(wrong)? {
            push_raw(self.payload, x)?;
        }
        Ok(Answer::Data(&[]))
    }

    #[inline(never)]
    fn moments(&mut self, start: usize, count: usize) -> Answered {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let moments = tape.moments().get(start..).and_then(|moments| moments.get(..count));
        for &x in moments.ok_or(RunError::NotPlanned)? {
            push_raw(self.payload, x)?;
        }
        Ok(Answer::Data(&[]))
    }

    #[inline(never)]
    fn set_moments(&mut self, start: usize, data: Raw<'_>) -> Answered {
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let end = start.saturating_add(data.count::<T>()?);
        if end > tape.moments().len() {
            return Err(Refusal::Run(RunError::NotPlanned));
        }
        for place in start..end {
            tape.set_moments(place, &[data.number(place - start)])?;
        }
        Ok(Answer::Done)
    }

    /// The numbers of a row: all inputs and labels.
    #[inline(never)]
    fn row_len(&self) -> Result<usize, Refusal> {
        if !*self.memory.planned {
            return Err(Refusal::NoCircuit);
        }
        let circuit = self.memory.circuit.view();
        Ok(circuit.wires().filter(|&wire| is_sample(&circuit, wire)).map(|wire| circuit.len_at(wire.index())).sum())
    }

    #[inline(never)]
    fn row(&mut self, start: usize, data: Raw<'_>) -> Answered {
        let kept = *self.kept as usize * self.row_len()?;
        let count = data.count::<T>()?;
        let end = start.checked_add(count).filter(|&end| end <= kept);
        let end = end.ok_or(Refusal::NoRoom(start.saturating_add(count) as u32, kept as u32))?;
        let place = self.rows.get_mut(start..end).ok_or(Refusal::Unsupported)?;
        for (i, place) in place.iter_mut().enumerate() {
            *place = data.number(i);
        }
        Ok(Answer::Done)
    }

    /// Works on the sample that the inputs hold, or on kept rows, one after the other: to train, or only
    /// to look at their loss.
    #[inline(never)]
    fn samples(&mut self, train: bool, rows: Option<&[u8]>, machine: &mut impl Machine) -> Answered {
        if train {
            self.may_train()?;
        }
        let row_len = self.row_len()?;
        // The sample that is there already counts as one row, whichever.
        let listed = rows.unwrap_or(&[0; 2]);
        if listed.len() / 2 * T::BYTES > PAYLOAD_MAX {
            return Err(Refusal::Unsupported);
        }
        if let Some(row) = halves(listed)?.find(|&row| rows.is_some() && u32::from(row) >= *self.kept) {
            return Err(Refusal::NoSuchRow(row));
        }
        let Some(tape) = &mut self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let (mut correct, mut refused, mut listed) = (0, None, listed);
        while !listed.is_empty() && refused.is_none() {
            // As many as are walked together.
            let room = if train { 2 * self.training.room(tape) } else { 2 };
            let (now, later) = listed.split_at_checked(room).unwrap_or((listed, &[]));
            let mut samples = now.len() / 2;
            if rows.is_some() {
                for (lane, row) in halves(now)?.enumerate() {
                    let start = usize::from(row) * row_len;
                    let data = self.rows.get(start..start + row_len).ok_or(Refusal::NoSuchRow(row))?;
                    if let Err(error) = fill(tape, lane, data) {
                        (samples, refused) = (lane, Some(error));
                        break;
                    }
                }
            }
            let mut first = None;
            if samples > 0 {
                match run(tape, train, samples, self.training, machine) {
                    Ok((objective, right)) => (first, correct) = (Some(objective), correct + right as u16),
                    // Of all of them, it is the last that makes the step.
                    Err(error) => {
                        (samples, refused) = (samples - 1, Some(error));
                        correct += (0..samples).filter(|&lane| tape.is_right_in_lane(lane)).count() as u16;
                    }
                }
            }
            for lane in 0..samples {
                // A step may have moved it; where there are several it is no param.
                let objective = first.take();
                push_raw(self.payload, objective.map_or_else(|| tape.objective_in_lane(lane), Ok)?)?;
            }
            listed = later;
        }
        *self.verified &= refused.is_none();
        self.save_if_due(machine);
        Ok(Answer::Ran { losses: &[], correct, refused })
    }
}

/// Sets all inputs and labels of a lane from one row.
#[inline(never)]
fn fill<T: Scalar>(tape: &mut Tape<'_, T>, lane: usize, mut data: &[T]) -> Result<(), RunError> {
    let circuit = tape.circuit();
    for wire in circuit.wires().filter(|&wire| is_sample(&circuit, wire)) {
        let (values, rest) = data.split_at_checked(circuit.len_at(wire.index())).ok_or(RunError::WrongPlan)?;
        tape.set_in_lane(lane, wire, 0, values)?;
        data = rest;
    }
    Ok(())
}

/// As many samples as are there, or one that is only looked at; the first one's objective, and how many had
/// the right class.
fn run<T: Scalar>(
    tape: &mut Tape<'_, T>,
    train: bool,
    samples: usize,
    training: &mut Training<T>,
    machine: &mut impl Machine,
) -> Result<(T, u32), RunError> {
    if train {
        return at_work(machine, tape, |tape, between| training.walk(tape, samples, between));
    }
    at_work(machine, tape, |tape, between| tape.forward_between(between));
    Ok((tape.objective_value()?, u32::from(tape.is_right())))
}

/// Tells the machine when this begins and ends, and between its gates.
fn at_work<'t, T, R>(
    machine: &mut impl Machine,
    tape: &mut Tape<'t, T>,
    work: impl FnOnce(&mut Tape<'t, T>, &mut dyn FnMut()) -> R,
) -> R {
    machine.work_begins();
    let done = work(tape, &mut || machine.between_gates());
    machine.work_ends();
    done
}

fn is_sample<T: Copy>(circuit: &CircuitRef<'_, T>, wire: Wire) -> bool {
    circuit.gate(wire).is_some_and(|gate| matches!(gate.op, Op::Input | Op::Label))
}

fn named<T: Copy>(circuit: &CircuitRef<'_, T>, wire: u16) -> Result<Wire, Refusal> {
    circuit.wire(usize::from(wire)).ok_or(Refusal::Run(RunError::UnknownWire(wire)))
}
