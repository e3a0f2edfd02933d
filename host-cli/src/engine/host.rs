//! The host engine: a tape in this process.

use super::{Engine, EngineError, Side, Work, sample_wires};
use chainrule::{CircuitRef, Layout, Purpose, RunError, Scalar, Slot, Tape, Training, Wire, plan};

/// Runs a circuit in this process.
#[derive(Debug)]
pub struct Host<'c, T> {
    circuit: CircuitRef<'c, T>,
    layout: Layout,
    slots: Vec<Slot>,
    arena: Vec<T>,
    rows: Vec<T>,
    sample: Vec<(Wire, usize)>,
    training: Option<Training<T>>,
}

impl<'c, T: Scalar> Host<'c, T> {
    /// Plans the memory of a circuit for this purpose.
    pub fn new(circuit: CircuitRef<'c, T>, purpose: Purpose) -> Result<Host<'c, T>, EngineError> {
        let mut slots = vec![Slot::EMPTY; circuit.len()];
        let layout = plan(&circuit, purpose, false, &mut slots)?;
        let mut arena = vec![T::ZERO; layout.roomy_arena_len()];
        Tape::new(circuit, layout, &slots, &[], &mut arena)?;
        let sample = sample_wires(&circuit).into_iter().map(|wire| (wire, circuit.shape(wire).len())).collect();
        Ok(Host { circuit, layout, slots, arena, rows: Vec::new(), sample, training: None })
    }

    /// The tape, for looking at gates.
    pub fn tape(&mut self) -> Result<Tape<'_, T>, RunError> {
        Tape::resume(self.circuit, self.layout, &self.slots, &[], &mut self.arena)
    }

    fn row_len(&self) -> usize {
        self.sample.iter().map(|(_, len)| len).sum()
    }

    fn on_row(&mut self, work: Work, row: usize, each: &mut dyn FnMut(T)) -> Result<bool, RunError> {
        let len = self.row_len();
        let mut tape = Tape::resume(self.circuit, self.layout, &self.slots, &[], &mut self.arena)?;
        let mut data = self.rows.get(row * len..(row + 1) * len).ok_or(RunError::WrongPlan)?;
        for &(wire, len) in &self.sample {
            let (values, rest) = data.split_at(len);
            tape.set(wire, values)?;
            data = rest;
        }
        if work == Work::Train {
            let sample = self.training.as_mut().ok_or(RunError::NotPlanned)?.sample(&mut tape)?;
            each(sample.objective);
            return Ok(sample.correct);
        }
        tape.forward();
        each(tape.objective_value()?);
        Ok(tape.is_right())
    }
}

impl<T: Scalar> Engine<T> for Host<'_, T> {
    fn set(&mut self, wire: Wire, start: usize, values: &[T]) -> Result<(), EngineError> {
        Ok(self.tape()?.set_from(wire, start, values)?)
    }

    fn layout(&self) -> Result<Layout, EngineError> {
        Ok(self.layout)
    }

    fn forward(&mut self) -> Result<(), EngineError> {
        self.tape()?.forward();
        Ok(())
    }

    fn backward(&mut self, wire: Wire) -> Result<(), EngineError> {
        Ok(self.tape()?.backward(wire)?)
    }

    fn look(&mut self, wires: &[(Wire, Side)]) -> Result<Vec<Option<Vec<T>>>, EngineError> {
        let tape = self.tape()?;
        let one = |&(wire, side): &(Wire, Side)| match side {
            Side::Value => Ok(Some(tape.value(wire)?.to_vec())),
            Side::Gradient => match tape.gradient(wire) {
                Ok(gradient) => Ok(Some(gradient.to_vec())),
                Err(RunError::NoGradient(_)) => Ok(None),
                Err(error) => Err(error.into()),
            },
        };
        wires.iter().map(one).collect()
    }

    fn ready(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn params_hash(&mut self) -> Result<u64, EngineError> {
        Ok(self.tape()?.params_hash())
    }

    fn keep(&mut self, rows: Vec<T>, _progress: &mut dyn FnMut(f64)) -> Result<(), EngineError> {
        self.rows = rows;
        Ok(())
    }

    fn train(&mut self, training: Training<T>) -> Result<(), EngineError> {
        self.training = Some(training);
        Ok(())
    }

    fn run(&mut self, work: Work, rows: &[usize], each: &mut dyn FnMut(T)) -> Result<u64, EngineError> {
        let mut correct = 0;
        for &row in rows {
            correct += u64::from(self.on_row(work, row, each)?);
        }
        Ok(correct)
    }

    fn end_batch(&mut self) -> Result<(), EngineError> {
        let mut tape = Tape::resume(self.circuit, self.layout, &self.slots, &[], &mut self.arena)?;
        self.training.as_mut().ok_or(RunError::NotPlanned)?.end_batch(&mut tape)?;
        Ok(())
    }

    fn moments(&mut self) -> Result<Vec<T>, EngineError> {
        Ok(self.tape()?.moments().to_vec())
    }

    fn set_moments(&mut self, moments: &[T]) -> Result<(), EngineError> {
        Ok(self.tape()?.set_moments(0, moments)?)
    }
}
