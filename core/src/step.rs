//! One step of training: the params move along the gradient of the objective.
//!
//! **The fused step** (a plan made for [`Purpose::Train`]) keeps no gradient for the weights of
//! dense gates. Backward has computed the gradients of all wires against the old weights; then each
//! dense gate, last first, updates its weights in place, w −= (rate·x)·δ.
//!
//! **A refused step changes nothing**, and no copy is kept for that. Before the first update two
//! bounds are checked for each dense gate, (|rate|·max|x|)·max|δ| in the update's own order, so that
//! rounding is monotone, and |rate|·max|δ| for the bias: below 2¹⁰⁰ (f32) or 2¹⁰⁰⁰ (f64), which is
//! less than half a unit in the last place of the greatest finite number. Weights were finite
//! before, so none can leave the finite numbers. Params with a gradient of their own are checked
//! number by number.
//!
//! To raise an objective is to lower its negative: the rate changes its sign, nothing else.

use crate::circuit::Objective;
use crate::dense;
use crate::error::RunError;
use crate::gate::{Gate, Wire};
use crate::op::Op;
use crate::plan::{IN_PLACE, Purpose};
use crate::scalar::Scalar;
use crate::tape::Tape;

impl<T: Scalar> Tape<'_, T> {
    /// One training step on the sample that the inputs hold: forward, backward, update. Returns the
    /// objective's value before the step.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Train`];
    /// [`RunError::BadRate`]; [`RunError::NotFinite`] if a param would not stay finite. No param has
    /// changed then.
    pub fn train_step(&mut self, rate: T) -> Result<T, RunError> {
        self.forward();
        self.backward_objective()?;
        let loss = self.objective_value()?;
        self.update(rate)?;
        Ok(loss)
    }

    /// The value of the objective, as the last forward left it.
    ///
    /// # Errors
    /// [`RunError::NoObjective`].
    pub fn objective_value(&self) -> Result<T, RunError> {
        let wire = self.circuit.objective.ok_or(RunError::NoObjective)?.wire();
        self.value(wire)?.first().copied().ok_or(RunError::WrongPlan)
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
        self.check_in_place(rate)?;
        self.check_params(rate)?;
        for i in (0..self.circuit.len()).rev() {
            self.update_in_place(i, rate);
        }
        self.move_params(rate);
        Ok(())
    }

    /// Begins a batch: the sums of gradients become zero.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Accumulate`].
    pub fn begin_batch(&mut self) -> Result<(), RunError> {
        if self.layout.purpose != Purpose::Accumulate {
            return Err(RunError::NotPlanned);
        }
        for wire in self.circuit.wires() {
            if self.circuit.gate(wire).is_some_and(Gate::is_trained)
                && let Some(sums) = self.gradient_mut(wire)
            {
                sums.fill(T::ZERO);
            }
        }
        Ok(())
    }

    /// Forward and backward on the sample that the inputs hold; its gradients are added to the
    /// batch's. Returns the objective's value.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Accumulate`].
    pub fn accumulate(&mut self) -> Result<T, RunError> {
        if self.layout.purpose != Purpose::Accumulate {
            return Err(RunError::NotPlanned);
        }
        let objective = self.circuit.objective.ok_or(RunError::NoObjective)?.wire();
        self.forward();
        self.begin_backward(objective, true)?;
        self.backward_gates(0, objective.index() + 1);
        self.objective_value()
    }

    /// Ends a batch of `samples`: moves the trained params along the mean of its gradients,
    /// w −= (rate / samples) · sum.
    ///
    /// # Errors
    /// [`RunError::EmptyBatch`]; otherwise as [`Tape::update`].
    pub fn end_batch(&mut self, rate: T, samples: u32) -> Result<(), RunError> {
        if self.layout.purpose != Purpose::Accumulate {
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
        match self.circuit.objective {
            Some(Objective::Minimize(_)) => Ok(rate),
            Some(Objective::Maximize(_)) => Ok(-rate),
            None => Err(RunError::NoObjective),
        }
    }

    /// Whether operand `k` of a gate is a weight that the gate updates itself.
    fn in_place(&self, gate: &Gate, k: usize) -> Option<Wire> {
        let wire = gate.operand(k).filter(|_| gate.op == Op::Dense && k > 0)?;
        self.slots.get(wire.index()).filter(|slot| slot.gradient == IN_PLACE).map(|_| wire)
    }

    fn check_in_place(&self, rate: T) -> Result<(), RunError> {
        for (i, gate) in self.circuit.gates.iter().enumerate() {
            let (weight, bias) = (self.in_place(gate, 1), self.in_place(gate, 2));
            if weight.is_none() && bias.is_none() {
                continue;
            }
            let refused = RunError::NotFinite(i as u16);
            let delta = dense::max_abs(self.read_gradient(i).ok_or(RunError::WrongPlan)?);
            let mut size = rate.abs();
            if weight.is_some() {
                let x = self.read_value(usize::from(gate.a)).ok_or(RunError::WrongPlan)?;
                size = size * dense::max_abs(x);
                if !(size * delta < T::UPDATE_BOUND) {
                    return Err(refused);
                }
            }
            if !(size < T::UPDATE_BOUND && rate.abs() * delta < T::UPDATE_BOUND) {
                return Err(refused);
            }
        }
        Ok(())
    }

    fn update_in_place(&mut self, i: usize, rate: T) {
        let Some(gate) = self.circuit.gates.get(i).filter(|gate| gate.op == Op::Dense) else { return };
        if let Some(weight) = self.in_place(gate, 1)
            && let Some((w, around)) = self.value_hole(weight)
            && let (Some(x), Some(delta)) = (around.operand(gate, 0), around.gradient(i))
        {
            dense::update(x, delta, rate, w);
        }
        if let Some(bias) = self.in_place(gate, 2)
            && let Some((b, around)) = self.value_hole(bias)
            && let Some(delta) = around.gradient(i)
        {
            dense::update_bias(delta, rate, b);
        }
    }

    /// Checks the params that have a gradient of their own, number by number.
    fn check_params(&self, rate: T) -> Result<(), RunError> {
        for (i, gate) in self.circuit.gates.iter().enumerate() {
            let kept = self.slots.get(i).is_some_and(|slot| slot.gradient < IN_PLACE);
            if !gate.is_trained() || !kept {
                continue;
            }
            let (Some(values), Some(gradients)) = (self.read_value(i), self.read_gradient(i)) else {
                return Err(RunError::WrongPlan);
            };
            if !values.iter().zip(gradients).all(|(&w, &g)| (w - rate * g).is_finite()) {
                return Err(RunError::NotFinite(i as u16));
            }
        }
        Ok(())
    }

    fn move_params(&mut self, rate: T) {
        for wire in self.circuit.wires() {
            if !self.circuit.gate(wire).is_some_and(Gate::is_trained) {
                continue;
            }
            if let Some((w, around)) = self.value_hole(wire)
                && let Some(gradients) = around.gradient(wire.index())
            {
                for (w, &g) in w.iter_mut().zip(gradients) {
                    *w -= rate * g;
                }
            }
        }
    }
}
