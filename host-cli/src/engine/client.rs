//! The client: a circuit on the other side of the link.

use super::facts::BoardFacts;
use super::line::{Line, Listener, Pipe, Take, Traffic, done, refused};
use super::{Engine, EngineError, Side, Work, sample_wires};
use chainrule::keep::fingerprint;
use chainrule::link::{Answer, Ask, Holds, Memory, PAYLOAD_MAX, Refusal, VERSION, Vitals};
use chainrule::{CircuitRef, Layout, Op, Optimiser, ParamsHash, Purpose, RunError};
use chainrule::{Scalar, Slot, Training, Wire, plan_within};

/// A circuit on a board behind a pipe.
pub struct Client<'c, T, P> {
    line: Line<P>,
    facts: BoardFacts,
    circuit: CircuitRef<'c, T>,
    purpose: Purpose,
    rows: Rows<T>,
    /// The params as they were sent, zero at first.
    params: Vec<(Wire, Vec<T>)>,
    /// Whether the board has them as they were sent, so that it trains.
    verified: bool,
}

/// Where the samples are.
enum Rows<T> {
    /// On the board.
    Kept,
    /// Here, to be sent one by one.
    Here(Vec<T>),
}

impl<'c, T: Scalar, P: Pipe> Client<'c, T, P> {
    /// Greets the board and sends it the circuit. `progress` is told the share that is done.
    ///
    /// # Errors
    /// [`EngineError::Silent`], [`EngineError::Scalar`], [`EngineError::TooLarge`] before anything is
    /// sent, and whatever the board refuses.
    pub fn new(
        pipe: P,
        circuit: CircuitRef<'c, T>,
        purpose: Purpose,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Client<'c, T, P>, EngineError> {
        Self::listening(pipe, None, circuit, purpose, progress)
    }

    /// As [`Client::new`]; what the board lets be known aside goes to the listener.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn listening(
        pipe: P,
        listener: Option<Listener>,
        circuit: CircuitRef<'c, T>,
        purpose: Purpose,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Client<'c, T, P>, EngineError> {
        let (line, facts) = greet::<T, P>(pipe, listener)?;
        facts.fits(&circuit, purpose)?;
        let is_param = |wire: &Wire| circuit.gate(*wire).is_some_and(|gate| gate.op() == Op::Param);
        let zeros = |wire: Wire| (wire, vec![T::ZERO; circuit.shape(wire).len()]);
        let params = circuit.wires().filter(is_param).map(zeros).collect();
        let mut client =
            Client { line, facts, circuit, purpose, rows: Rows::Here(Vec::new()), params, verified: false };
        client.upload(progress)?;
        Ok(client)
    }

    /// Greets a board that holds the circuit already, and leaves circuit and params as they are.
    ///
    /// # Errors
    /// [`EngineError::OtherCircuit`] if it holds another one, and as [`Client::new`].
    pub fn attach(pipe: P, circuit: CircuitRef<'c, T>) -> Result<(Client<'c, T, P>, Holds), EngineError> {
        let (mut line, facts) = greet::<T, P>(pipe, None)?;
        let mut holds = None;
        line.one(&Ask::Holds, &mut |answer| match answer {
            Ok(Answer::Holds(told)) => {
                holds = Some(told);
                Ok(())
            }
            Ok(_) => Err(EngineError::Refused(Refusal::Malformed)),
            Err(Refusal::NoCircuit) => Err(EngineError::OtherCircuit { board: facts.name.clone(), empty: true }),
            Err(refusal) => Err(refused(refusal)),
        })?;
        let holds = holds.ok_or(EngineError::Refused(Refusal::Malformed))?;
        if holds.circuit != fingerprint(&circuit, holds.purpose) {
            return Err(EngineError::OtherCircuit { board: facts.name, empty: false });
        }
        let (rows, params) = (Rows::Here(Vec::new()), Vec::new());
        let client = Client { line, facts, circuit, purpose: holds.purpose, rows, params, verified: holds.verified };
        Ok((client, holds))
    }

    /// How the board trains and how far it is, and how many samples of its next step it has seen;
    /// nothing if it was never told how.
    ///
    /// # Errors
    /// Whatever the board refuses.
    pub fn training(&mut self) -> Result<Option<(Training<T>, u32)>, EngineError> {
        let malformed = EngineError::Refused(Refusal::Malformed);
        let mut how = None;
        self.line.one(&Ask::Training, &mut |answer| match answer.map_err(refused)? {
            Answer::Data(bytes) => {
                let (_every, rest) = bytes.split_first_chunk::<4>().ok_or(malformed.clone())?;
                let (batch, rest) = rest.split_first_chunk().ok_or(malformed.clone())?;
                let (seed, rest) = rest.split_first_chunk().ok_or(malformed.clone())?;
                let optimiser = Optimiser::from_bytes(rest).ok_or(malformed.clone())?;
                let (batch, seed) = (u32::from_le_bytes(*batch), u64::from_le_bytes(*seed));
                how = (batch > 0).then(|| Training::new(optimiser, batch).with_seed(seed));
                Ok(())
            }
            _ => Err(malformed.clone()),
        })?;
        let (mut steps, mut begun) = (0, 0);
        self.line.one(&Ask::Progress { rest: false }, &mut |answer| match answer.map_err(refused)? {
            Answer::Progress { steps: made, begun: samples, .. } => {
                (steps, begun) = (made, samples);
                Ok(())
            }
            _ => Err(malformed.clone()),
        })?;
        Ok(how.map(|how| (how.after(steps), begun)))
    }

    /// What the board said of itself.
    pub fn facts(&self) -> &BoardFacts {
        &self.facts
    }

    fn memory_of(&mut self, ask: &Ask<'_>) -> Result<Option<Memory>, EngineError> {
        let mut memory = None;
        self.line.one(ask, &mut |answer| match answer.map_err(refused)? {
            Answer::Kept(told) => {
                memory = Some(told);
                Ok(())
            }
            _ => Err(EngineError::Refused(Refusal::Malformed)),
        })?;
        Ok(memory)
    }

    fn upload(&mut self, progress: &mut dyn FnMut(f64)) -> Result<(), EngineError> {
        let circuit = self.circuit;
        self.line.post(&Ask::Clear, &mut done)?;
        for &shape in circuit.shapes() {
            self.line.post(&Ask::Shape(shape), &mut done)?;
        }
        for numbers in circuit.numbers().chunks(PAYLOAD_MAX / T::BYTES) {
            self.line.post(&Ask::Numbers(&raw(numbers)), &mut done)?;
        }
        for attrs in circuit.attrs().chunks(PAYLOAD_MAX / 2) {
            let bytes: Vec<u8> = attrs.iter().flat_map(|attr| attr.to_le_bytes()).collect();
            self.line.post(&Ask::Attrs(&bytes), &mut done)?;
        }
        let gates = circuit.gates();
        for (i, part) in gates.chunks(PAYLOAD_MAX / 8).enumerate() {
            let bytes: Vec<u8> = part.iter().flat_map(|gate| gate.to_bytes()).collect();
            self.line.post(&Ask::Gates(&bytes), &mut done)?;
            progress((i * (PAYLOAD_MAX / 8)) as f64 / gates.len() as f64);
        }
        if let Some(objective) = circuit.objective() {
            self.line.post(&Ask::Objective(objective.into()), &mut done)?;
        }
        self.line.post(&Ask::Plan(self.purpose), &mut done)?;
        self.line.drain(&mut done)
    }

    /// Posts the elements of a wire, small whole numbers as bytes.
    fn post_values(&mut self, wire: Wire, start: usize, values: &[T], take: Take<'_>) -> Result<(), EngineError> {
        let wire = wire.index() as u16;
        if let Some(bytes) = small(values) {
            for (i, data) in bytes.chunks(PAYLOAD_MAX).enumerate() {
                let start = (start + i * PAYLOAD_MAX) as u32;
                self.line.post(&Ask::SetSmall { wire, start, data }, take)?;
            }
            return Ok(());
        }
        let step = PAYLOAD_MAX / T::BYTES;
        for (i, part) in values.chunks(step).enumerate() {
            let start = (start + i * step) as u32;
            self.line.post(&Ask::Set { wire, start, data: &raw(part) }, take)?;
        }
        Ok(())
    }

    /// Posts what is to be done with these rows, in order, and hands every answer to `take`.
    fn post_rows(&mut self, work: Work, rows: &[usize], take: Take<'_>) -> Result<(), EngineError> {
        if let Rows::Here(data) = &mut self.rows {
            let data = std::mem::take(data);
            let result = self.post_rows_from(&data, work, rows, take);
            self.rows = Rows::Here(data);
            return result;
        }
        for part in rows.chunks(PAYLOAD_MAX / T::BYTES) {
            let bytes: Vec<u8> = part.iter().flat_map(|&row| (row as u16).to_le_bytes()).collect();
            self.line.post(&Ask::Rows { work, rows: &bytes }, take)?;
        }
        Ok(())
    }

    fn post_rows_from(&mut self, data: &[T], work: Work, rows: &[usize], take: Take<'_>) -> Result<(), EngineError> {
        let sample: Vec<_> =
            sample_wires(&self.circuit).into_iter().map(|wire| (wire, self.circuit.shape(wire).len())).collect();
        let len: usize = sample.iter().map(|(_, len)| len).sum();
        for &row in rows {
            let mut values = data.get(row * len..(row + 1) * len).ok_or(RunError::WrongPlan)?;
            for &(wire, len) in &sample {
                let (own, rest) = values.split_at(len);
                self.post_values(wire, 0, own, take)?;
                values = rest;
            }
            self.line.post(&Ask::Sample(work), take)?;
        }
        Ok(())
    }

    /// Sends rows' work and gathers what came of it.
    fn work(&mut self, work: Work, rows: &[usize], each: &mut dyn FnMut(T)) -> Result<u64, EngineError> {
        let mut right = 0;
        let mut take = |answer: Result<Answer<'_>, Refusal>| match answer.map_err(refused)? {
            Answer::Ran { losses, correct, refused } => {
                losses.chunks_exact(T::BYTES).map(number::<T>).for_each(&mut *each);
                right += u64::from(correct);
                refused.map_or(Ok(()), |error| Err(EngineError::Run(error)))
            }
            _ => Ok(()),
        };
        let posted = self.post_rows(work, rows, &mut take);
        let drained = self.line.drain(&mut take);
        let done = posted.and(drained);
        self.go_on(done)?;
        Ok(right)
    }

    /// After a refusal the board trains no more, so that what was under way behind it has changed
    /// nothing. Its params are as they were, and it may go on from them.
    fn go_on(&mut self, done: Result<(), EngineError>) -> Result<(), EngineError> {
        if matches!(done, Err(EngineError::Run(_))) && self.verified {
            let hash = self.params_hash()?;
            self.line.one(&Ask::Verify(hash), &mut self::done)?;
        }
        done
    }
}

/// Says hello, and hears who is there.
fn greet<T: Scalar, P: Pipe>(pipe: P, listener: Option<Listener>) -> Result<(Line<P>, BoardFacts), EngineError> {
    let mut line = Line::new(pipe, listener);
    let mut facts = None;
    line.one(&Ask::Hello { version: VERSION }, &mut |answer| match answer.map_err(refused)? {
        Answer::Board(board) => {
            facts = Some((BoardFacts::from(board), board.window));
            Ok(())
        }
        _ => Err(EngineError::Refused(Refusal::Malformed)),
    })?;
    let (facts, window) = facts.ok_or(EngineError::Refused(Refusal::Malformed))?;
    line.is_there(&facts, usize::from(window));
    if usize::from(facts.scalar) != T::BYTES {
        return Err(EngineError::Scalar { board: facts.name, bytes: facts.scalar });
    }
    Ok((line, facts))
}

impl<T: Scalar, P: Pipe> Engine<T> for Client<'_, T, P> {
    fn set(&mut self, wire: Wire, start: usize, values: &[T]) -> Result<(), EngineError> {
        let posted = self.post_values(wire, start, values, &mut done);
        let set = posted.and(self.line.drain(&mut done));
        self.go_on(set)?;
        let sent = self.params.iter_mut().find(|(param, _)| *param == wire);
        if let Some(place) = sent.and_then(|(_, sent)| sent.get_mut(start..start + values.len())) {
            place.copy_from_slice(values);
            self.verified = false;
        }
        Ok(())
    }

    fn forward(&mut self) -> Result<(), EngineError> {
        self.line.one(&Ask::Forward, &mut done)
    }

    fn backward(&mut self, wire: Wire) -> Result<(), EngineError> {
        self.line.one(&Ask::Backward(wire.index() as u16), &mut done)
    }

    fn look(&mut self, wires: &[(Wire, Side)]) -> Result<Vec<Option<Vec<T>>>, EngineError> {
        let step = PAYLOAD_MAX / T::BYTES;
        let circuit = self.circuit;
        let pieces = wires.iter().enumerate().flat_map(|(at, &(wire, side))| {
            let len = circuit.shape(wire).len();
            (0..len).step_by(step).map(move |start| (at, wire, side, start, step.min(len - start) as u16))
        });
        let mut seen = vec![Some(Vec::new()); wires.len()];
        // Answers come in the order of the requests.
        let mut answered = pieces.clone().map(|(at, ..)| at);
        let mut take = |answer: Result<Answer<'_>, Refusal>| {
            let place =
                answered.next().and_then(|at| seen.get_mut(at)).ok_or(EngineError::Refused(Refusal::Malformed))?;
            match (answer, place) {
                (Ok(Answer::Data(bytes)), Some(values)) => values.extend(bytes.chunks_exact(T::BYTES).map(number::<T>)),
                (Ok(Answer::Data(_)), None) => {}
                (Ok(_), _) => return Err(EngineError::Refused(Refusal::Malformed)),
                (Err(Refusal::Run(RunError::NoGradient(_))), place) => *place = None,
                (Err(refusal), _) => return Err(refused(refusal)),
            }
            Ok(())
        };
        for (_, wire, side, start, count) in pieces.clone() {
            let gradient = side == Side::Gradient;
            let ask = Ask::Get { wire: wire.index() as u16, start: start as u32, count, gradient };
            if let Err(error) = self.line.post(&ask, &mut take) {
                self.line.drain(&mut |_| Ok(()))?;
                return Err(error);
            }
        }
        self.line.drain(&mut take)?;
        Ok(seen)
    }

    fn ready(&mut self) -> Result<(), EngineError> {
        let mut hash = ParamsHash::new();
        self.params.iter().for_each(|(_, values)| hash.add(values));
        self.line.one(&Ask::Verify(hash.finish()), &mut done)?;
        self.verified = true;
        Ok(())
    }

    fn params_hash(&mut self) -> Result<u64, EngineError> {
        let mut hash = 0;
        self.line.one(&Ask::Hash, &mut |answer| match answer.map_err(refused)? {
            Answer::Hash(own) => {
                hash = own;
                Ok(())
            }
            _ => Err(EngineError::Refused(Refusal::Malformed)),
        })?;
        Ok(hash)
    }

    fn keep(&mut self, rows: Vec<T>, progress: &mut dyn FnMut(f64)) -> Result<(), EngineError> {
        let len: usize = sample_wires(&self.circuit).iter().map(|&wire| self.circuit.shape(wire).len()).sum();
        let count = rows.len() / len.max(1);
        // Rows of a circuit of params alone hold nothing to keep, and so cannot be counted.
        if len == 0 || rows.len() > self.facts.rows as usize || count > usize::from(u16::MAX) {
            self.rows = Rows::Here(rows);
            return Ok(());
        }
        self.line.one(&Ask::Keep { rows: count as u32 }, &mut done)?;
        let step = if small(&rows).is_some() { PAYLOAD_MAX } else { PAYLOAD_MAX / T::BYTES };
        for (i, part) in rows.chunks(step).enumerate() {
            let (start, bytes) = ((i * step) as u32, small(part));
            let is_small = bytes.is_some() && step == PAYLOAD_MAX;
            let data = if is_small { bytes.unwrap_or_default() } else { raw(part) };
            self.line.post(&Ask::Row { start, small: is_small, data: &data }, &mut done)?;
            progress((i * step) as f64 / rows.len() as f64);
        }
        self.rows = Rows::Kept;
        self.line.drain(&mut done)
    }

    fn train(&mut self, training: Training<T>) -> Result<(), EngineError> {
        let mut bytes = [0; PAYLOAD_MAX];
        let optimiser = training.optimiser().to_bytes(&mut bytes).ok_or(EngineError::Refused(Refusal::Unsupported))?;
        let (steps, batch, seed) = (training.steps(), training.batch(), training.seed());
        self.line.one(&Ask::Train { steps, batch, seed, optimiser }, &mut done)
    }

    fn save(&mut self) -> Result<Option<Memory>, EngineError> {
        self.memory_of(&Ask::Save)
    }

    fn save_every(&mut self, steps: u32) -> Result<Option<Memory>, EngineError> {
        self.memory_of(&Ask::SaveEvery(steps))
    }

    fn memory(&mut self) -> Result<Option<Memory>, EngineError> {
        self.memory_of(&Ask::Kept)
    }

    fn vitals(&mut self, anew: bool) -> Result<Option<Vitals>, EngineError> {
        let mut vitals = None;
        self.line.one(&Ask::Vitals { anew }, &mut |answer| match answer.map_err(refused)? {
            Answer::Vitals(told) => {
                vitals = Some(told);
                Ok(())
            }
            _ => Err(EngineError::Refused(Refusal::Malformed)),
        })?;
        Ok(vitals)
    }

    fn traffic(&self) -> Option<Traffic> {
        Some(self.line.traffic)
    }

    fn run(&mut self, work: Work, rows: &[usize], each: &mut dyn FnMut(T)) -> Result<u64, EngineError> {
        self.work(work, rows, each)
    }

    fn layout(&self) -> Result<Layout, EngineError> {
        let mut slots = vec![Slot::EMPTY; self.circuit.len()];
        Ok(plan_within(&self.circuit, self.purpose, false, self.facts.arena as usize, &mut slots)?)
    }

    fn end_batch(&mut self) -> Result<(), EngineError> {
        let ended = self.line.one(&Ask::EndBatch, &mut done);
        self.go_on(ended)
    }

    fn moments(&mut self) -> Result<Vec<T>, EngineError> {
        let len = self.layout()?.moments_len();
        let step = PAYLOAD_MAX / T::BYTES;
        let mut moments = Vec::with_capacity(len);
        let mut take = |answer: Result<Answer<'_>, Refusal>| match answer.map_err(refused)? {
            Answer::Data(bytes) => {
                moments.extend(bytes.chunks_exact(T::BYTES).map(number::<T>));
                Ok(())
            }
            _ => Err(EngineError::Refused(Refusal::Malformed)),
        };
        for start in (0..len).step_by(step) {
            let ask = Ask::Moments { start: start as u32, count: step.min(len - start) as u16 };
            self.line.post(&ask, &mut take)?;
        }
        self.line.drain(&mut take)?;
        Ok(moments)
    }

    fn set_moments(&mut self, moments: &[T]) -> Result<(), EngineError> {
        let step = PAYLOAD_MAX / T::BYTES;
        for (i, part) in moments.chunks(step).enumerate() {
            self.line.post(&Ask::SetMoments { start: (i * step) as u32, data: &raw(part) }, &mut done)?;
        }
        let set = self.line.drain(&mut done);
        self.go_on(set)
    }
}

/// Numbers as the link carries them.
fn raw<T: Scalar>(numbers: &[T]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_bits().to_le_bytes().into_iter().take(T::BYTES)).collect()
}

/// A number as the link carries it.
fn number<T: Scalar>(bytes: &[u8]) -> T {
    let mut bits = [0; 8];
    bits[..bytes.len()].copy_from_slice(bytes);
    T::from_bits(u64::from_le_bytes(bits))
}

/// The numbers as bytes, if all of them are whole and 0 to 255 to the bit.
fn small<T: Scalar>(numbers: &[T]) -> Option<Vec<u8>> {
    numbers
        .iter()
        .map(|&x| {
            let byte = u8::try_from(x.to_index()?).ok()?;
            (T::from_u32(u32::from(byte)).to_bits() == x.to_bits()).then_some(byte)
        })
        .collect()
}
