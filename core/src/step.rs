//! One step of training: the params move along the gradient of the objective.
//!
//! **The fused step** (a plan made for [`Purpose::Train`]) keeps no gradient for the weights of
//! dense gates and convolutions. Backward has computed the gradients of all wires against the old
//! weights; then each such gate, last first, updates its weights in place, w −= (rate·x)·δ, a
//! convolution once for each position.
//!
//! **A refused step changes nothing**, and no copy is kept for that. Before the first update two
//! bounds are checked for each such gate, (|rate|·max|x|)·max|δ| in the update's own order, so that
//! rounding is monotone, and |rate|·max|δ| for the bias, both times the positions: below 2¹⁰⁰ (f32)
//! or 2¹⁰⁰⁰ (f64), which is less than half a unit in the last place of the greatest finite number. Weights were finite
//! before, so none can leave the finite numbers. Params with a gradient of their own are checked
//! number by number.
//!
//! Where they are few, and all weights are those of dense gates that read a value, all values and gradients are
//! looked at at once; else gate by gate.
//!
//! Nearly always the sums of squares tell that faster: a sum of squares rounded upwards from zero is
//! never below the square of its greatest term, so where those of x and δ are below 2⁶⁰ and |rate| is
//! below 2³⁰ (2⁶⁰⁰ and 2³⁰⁰ in f64), both bounds hold with room to spare. Two instructions a number
//! instead of six on a Cortex-M4; where they do not tell, the bounds themselves are looked at.
//!
//! To raise an objective is to lower its negative: the rate changes its sign, nothing else.

use crate::circuit::Objective;
use crate::dense;
use crate::error::RunError;
use crate::gate::{Gate, Wire};
use crate::hot;
use crate::op::Op;
use crate::plan::{IN_PLACE, Purpose, Slot, part};
use crate::scalar::Scalar;
use crate::tape::Tape;

/// So many values and gradients are sooner looked at all at once than gate by gate.
const FEW: u32 = 256;

impl<T: Scalar> Tape<'_, T> {
    /// One training step on the sample that the inputs hold: forward, backward, update. Returns the
    /// objective's value before the step.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Train`]; [`RunError::NoObjective`],
    /// and [`RunError::NoGradient`] if nothing that is trained lies before it; [`RunError::BadRate`];
    /// [`RunError::NotFinite`] if a param would not stay finite. No param has changed then.
    pub fn train_step(&mut self, rate: T) -> Result<T, RunError> {
        let loss = T::walk_sample(self, false)?;
        self.update(rate)?;
        Ok(loss)
    }

    /// Forward, and backward from the objective; its value.
    pub(crate) fn walk_sample(&mut self, keep_sums: bool) -> Result<T, RunError> {
        let objective = self.fixed.circuit.objective.ok_or(RunError::NoObjective)?.wire();
        let slot = self.slot(objective)?;
        T::walk_forward(self, 0, self.fixed.circuit.gates.len());
        // It was a scalar when it was made the objective.
        self.seed(objective, slot, keep_sums)?;
        T::walk_backward(self, 0, objective.index() + 1);
        // No plan lets another wire have the objective's memory.
        self.arena.get(slot.value as usize).copied().ok_or(RunError::WrongPlan)
    }

    /// The value of the objective, as the last forward left it.
    ///
    /// # Errors
    /// [`RunError::NoObjective`].
    pub fn objective_value(&self) -> Result<T, RunError> {
        let wire = self.fixed.circuit.objective.ok_or(RunError::NoObjective)?.wire();
        // No plan lets another wire have the objective's memory.
        self.read_value(wire.index()).and_then(|value| value.first()).copied().ok_or(RunError::WrongPlan)
    }

    /// [`Tape::objective_value`] of one of several samples that were walked together.
    ///
    /// # Errors
    /// As [`Tape::objective_value`]; [`RunError::NotPlanned`] if the plan has no such lane.
    pub fn objective_in_lane(&self, lane: usize) -> Result<T, RunError> {
        let wire = self.fixed.circuit.objective.ok_or(RunError::NoObjective)?.wire();
        if lane >= self.layout.lanes() {
            return Err(RunError::NotPlanned);
        }
        // No plan lets another wire have the objective's memory.
        self.read_lane(lane, wire.index()).and_then(|value| value.first()).copied().ok_or(RunError::WrongPlan)
    }

    /// Adds the objectives of all but the first of so many samples, in their order.
    pub(crate) fn add_objectives(&self, samples: u32, mut sum: T) -> Option<T> {
        let wire = self.fixed.circuit.objective?.wire().index();
        let losses = self.arena.get(self.fixed.slots.get(wire)?.value as usize..)?;
        let each = self.lane_len(wire)?;
        for lane in 1..samples as usize {
            sum += *losses.get(lane * each)?;
        }
        Some(sum)
    }

    /// The last part of a training step: moves the trained params by the gradients that
    /// [`Tape::backward_objective`] left.
    ///
    /// # Errors
    /// As [`Tape::train_step`].
    pub fn update(&mut self, rate: T) -> Result<(), RunError> {
        if self.layout.purpose != Purpose::Train {
            return Err(RunError::NotPlanned);
        }
        let rate = self.signed_rate(rate)?;
        T::walk_update(self, rate)
    }

    pub(crate) fn walk_update(&mut self, rate: T) -> Result<(), RunError> {
        let (gates, slots) = self.tensors(0, self.fixed.circuit.len());
        if !self.is_small(rate) {
            for (i, (gate, slot)) in gates.iter().zip(slots).enumerate() {
                let stays = self.fixed.slowly.stays_finite;
                if gate.op.has_weights() && !stays(self, gate, slot, rate).ok_or(RunError::WrongPlan)? {
                    return Err(RunError::NotFinite(self.layout.first as u16 + i as u16));
                }
            }
        }
        self.check_params(rate)?;
        for (gate, slot) in gates.iter().zip(slots).rev() {
            if gate.op.has_weights() {
                hot::update(self, gate, slot, rate);
            }
        }
        self.move_params(rate);
        Ok(())
    }

    /// Begins a batch: the sums of gradients become zero.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Accumulate`] or
    /// [`Purpose::Moments`]; [`RunError::NoObjective`] and [`RunError::NoGradient`] as [`Tape::train_step`].
    pub fn begin_batch(&mut self) -> Result<(), RunError> {
        if !self.layout.purpose.sums() {
            return Err(RunError::NotPlanned);
        }
        let (start, end) = self.layout.optimiser;
        if let Some(sums) = self.arena.get_mut(start as usize..end as usize) {
            sums.fill(T::ZERO);
        }
        let pairs = self.pairs();
        for [_, sum] in self.arena.as_chunks_mut::<2>().0.iter_mut().take(pairs) {
            *sum = T::ZERO;
        }
        Ok(())
    }

    /// Forward and backward on the sample that the inputs hold; its gradients are added to the
    /// batch's. Returns the objective's value.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Accumulate`] or
    /// [`Purpose::Moments`].
    pub fn accumulate(&mut self) -> Result<T, RunError> {
        if !self.layout.purpose.sums() {
            return Err(RunError::NotPlanned);
        }
        T::walk_sample(self, true)
    }

    /// Ends a batch of `samples`: moves the trained params along the mean of its gradients,
    /// w −= (rate / samples) · sum.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made as for [`Tape::accumulate`]; [`RunError::EmptyBatch`];
    /// [`RunError::BadRate`] and [`RunError::NotFinite`] as [`Tape::update`].
    pub fn end_batch(&mut self, rate: T, samples: u32) -> Result<(), RunError> {
        if !self.layout.purpose.sums() {
            return Err(RunError::NotPlanned);
        }
        if samples == 0 {
            return Err(RunError::EmptyBatch);
        }
        let rate = self.signed_rate(rate)? / T::from_u32(samples);
        T::walk_end_batch(self, rate)
    }

    pub(crate) fn walk_end_batch(&mut self, rate: T) -> Result<(), RunError> {
        self.check_params(rate)?;
        self.move_params(rate);
        Ok(())
    }

    fn signed_rate(&self, rate: T) -> Result<T, RunError> {
        if !rate.is_finite() {
            return Err(RunError::BadRate);
        }
        match self.fixed.circuit.objective {
            Some(Objective::Minimize(_)) => Ok(rate),
            Some(Objective::Maximize(_)) => Ok(-rate),
            None => Err(RunError::NoObjective),
        }
    }

    /// Whether the rate and all that updates in place read is small; where that is much, nobody looks.
    #[inline(always)]
    fn is_small(&self, rate: T) -> bool {
        let (start, end) = (self.layout.start, self.layout.gradients.1);
        self.layout.reads_values
            && end - start <= FEW
            && rate.abs() < T::SMALL_RATE
            && T::are_small(self.part(start, end - start))
    }

    /// Whether an update in place of a gate's weights and bias certainly leaves them finite.
    pub(crate) fn stays_finite(&self, gate: &Gate, slot: &Slot, rate: T) -> Option<bool> {
        let (weight, bias) = (self.is_in_place(gate.b), self.bias(gate).is_some());
        let x = match weight {
            true => {
                let a = self.fixed.slots.get(usize::from(gate.a))?;
                part(self.arena, a.value, a.len).or_else(|| self.read_value(usize::from(gate.a)))?
            }
            false if bias => &[],
            false => return Some(true),
        };
        let delta = part(self.arena, slot.gradient, slot.len)?;
        // A convolution subtracts as often as it has positions.
        let rate = match gate.op {
            Op::Dense => rate.abs(),
            _ => rate.abs() * T::from_u32(self.fixed.circuit.uses(gate) as u32),
        };
        let small = rate < T::SMALL_RATE && T::are_small(x) && T::are_small(delta);
        Some(small || dense::is_bounded(x, delta, rate))
    }

    /// Whether the weights of this wire are updated by the gate that reads them.
    #[inline]
    fn is_in_place(&self, wire: u16) -> bool {
        self.fixed.slots.get(usize::from(wire)).is_some_and(|slot| slot.gradient == IN_PLACE)
    }

    /// The bias of a gate, if it is updated in place.
    #[inline]
    fn bias(&self, gate: &Gate) -> Option<Wire> {
        // A dense gate names its bias in its record, which is quicker to ask.
        let bias = if gate.op == Op::Dense { Some(Wire::at(gate.c)) } else { self.fixed.circuit.operand(gate, 2) };
        bias.filter(|bias| self.is_in_place(bias.raw()))
    }

    /// Checks the params that have a gradient of their own, number by number.
    fn check_params(&self, rate: T) -> Result<(), RunError> {
        let fine = |(&w, &g): (&T, &T)| (w - rate * g).is_finite();
        let (values, gradients, count) = self.layout.own_params;
        let (values, gradients) = (self.part(values, count), self.part(gradients, count));
        // 0 times a finite number is ±0, 0 times anything else NaN, which no later number takes away.
        let zero = values.iter().zip(gradients).fold(T::ZERO, |zero, (&w, &g)| zero + (w - rate * g) * T::ZERO);
        if zero != T::ZERO {
            return Err((self.fixed.slowly.not_finite)(self, rate));
        }
        if self.pairs() == 0 {
            return Ok(());
        }
        for (i, (gate, [w, g])) in
            self.fixed.circuit.gates.iter().zip(self.arena.as_chunks::<2>().0).take(self.pairs()).enumerate()
        {
            if gate.is_trained() && !fine((w, g)) {
                return Err(RunError::NotFinite(i as u16));
            }
        }
        Ok(())
    }

    /// Which param it is that would not stay finite; looked for only once one is known.
    #[cold]
    pub(crate) fn not_finite(&self, rate: T) -> RunError {
        let bad = |wire: &Wire| {
            let (values, gradients) = (self.read_value(wire.index()), self.read_gradient(wire.index()));
            let trained = self.fixed.circuit.gate(*wire).is_some_and(Gate::is_trained);
            let mut both = values.unwrap_or_default().iter().zip(gradients.unwrap_or_default());
            trained && !both.all(|(&w, &g)| (w - rate * g).is_finite())
        };
        RunError::NotFinite(self.fixed.circuit.wires().find(bad).map_or(u16::MAX, Wire::raw))
    }

    fn move_params(&mut self, rate: T) {
        let (start, gradients, count) = self.layout.own_params;
        let (start, gradients, count) = (start as usize, gradients as usize, count as usize);
        if count > 0
            && let Some((before, rest)) = self.arena.split_at_mut_checked(gradients)
            && let Some(values) = before.get_mut(start..).and_then(|values| values.get_mut(..count))
            && let Some(gradients) = rest.get(..count)
        {
            let (values, rest) = values.as_chunks_mut::<4>();
            let (gradients, rest_gradients) = gradients.as_chunks::<4>();
            for (values, gradients) in values.iter_mut().zip(gradients) {
                for (w, &g) in values.iter_mut().zip(gradients) {
                    *w -= rate * g;
                }
            }
            for (w, &g) in rest.iter_mut().zip(rest_gradients) {
                *w -= rate * g;
            }
        }
        let pairs = self.pairs();
        if pairs == 0 {
            return;
        }
        for (gate, [w, g]) in self.fixed.circuit.gates.iter().zip(self.arena.as_chunks_mut::<2>().0).take(pairs) {
            if gate.is_trained() {
                *w -= rate * *g;
            }
        }
    }

    fn part(&self, start: u32, len: u32) -> &[T] {
        self.arena.get(start as usize..).and_then(|part| part.get(..len as usize)).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Circuit, Purpose, RunError, Shape, Slot, Tape, plan};

    /// A constant is no value of the arena, and so is not among those that are looked at at once.
    #[test]
    fn a_dense_gate_on_a_great_constant_is_looked_at() -> Result<(), RunError> {
        for (size, refused) in [(1.0, false), (1e30, true)] {
            let mut c: Circuit<f32, 6> = Circuit::new();
            let x = c.constant(Shape::vector(2), &[size, 1.0]).unwrap();
            let w = c.param(Shape::matrix(2, 1)).unwrap();
            let b = c.param(Shape::vector(1)).unwrap();
            let p = c.dense(x, w, b).unwrap();
            let t = c.input(Shape::vector(1)).unwrap();
            let loss = c.mse(p, t).unwrap();
            c.minimize(loss).unwrap();
            let (mut slots, mut arena) = ([Slot::EMPTY; 6], [0.0; 32]);
            let layout = plan(&c.view(), Purpose::Train, false, &mut slots).unwrap();
            let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena)?;
            tape.set(t, &[1e9])?;
            let done = tape.train_step(0.5);
            assert_eq!(done.is_err(), refused, "{done:?}");
            if refused {
                assert_eq!(tape.value(w)?, &[0.0, 0.0]);
            }
        }
        Ok(())
    }
}
