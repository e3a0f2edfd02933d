//! Gradients by trying: nudge one element, run forward, see what the objective did.
//!
//! Slow and only nearly right, and therefore a good judge of the analytic gradient, which is fast
//! and exact.

use crate::error::RunError;
use crate::gate::Wire;
use crate::op::Op;
use crate::plan::Purpose;
use crate::scalar::Scalar;
use crate::tape::Tape;

/// How a numerical gradient is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// (f(x + h) − f(x)) / h
    Forward,
    /// (f(x + h) − f(x − h)) / 2h, closer by one order of h
    Central,
}

/// The element at which the analytic and the numerical gradient differ most.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Worst<T> {
    /// The input or param.
    pub wire: Wire,
    /// Which of its elements.
    pub index: usize,
    /// What backward says.
    pub analytic: T,
    /// What nudging says.
    pub numeric: T,
    /// |analytic − numeric| / max(1, |analytic|, |numeric|)
    pub relative: T,
    /// Whether the slopes to the left and to the right differ, as they do near a kink: then neither
    /// number is wrong.
    pub near_kink: bool,
}

impl<T: Scalar> Tape<'_, T> {
    /// The gradient of `objective` with respect to one element of an input or param, by nudging it
    /// by `h`. Inputs and params are afterwards what they were, to the bit.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Purpose::Inspect`];
    /// [`RunError::UnknownWire`]; [`RunError::WrongLength`] if there is no such element;
    /// [`RunError::NotSettable`]; [`RunError::NotAScalar`] for the objective.
    pub fn numeric_gradient(
        &mut self,
        objective: Wire,
        wire: Wire,
        index: usize,
        h: T,
        difference: Difference,
    ) -> Result<T, RunError> {
        let f = self.probe(objective)?;
        let (right, left) = self.nudged(objective, wire, index, h, difference == Difference::Central)?;
        match difference {
            Difference::Forward => Ok((right - f) / h),
            Difference::Central => Ok((right - left) / (h + h)),
        }
    }

    /// Compares the gradient of every input and every param with the numerical one, element by
    /// element, and tells where they differ most; nothing if there is nothing to compare.
    ///
    /// # Errors
    /// As [`Tape::numeric_gradient`].
    pub fn check_gradients(&mut self, objective: Wire, h: T) -> Result<Option<Worst<T>>, RunError> {
        let mut worst: Option<Worst<T>> = None;
        let circuit = self.fixed.circuit;
        for wire in circuit.wires() {
            let Some(gate) = circuit.gate(wire) else { continue };
            if !matches!(gate.op, Op::Input | Op::Param) {
                continue;
            }
            for index in 0..circuit.shape(wire).len() {
                let f = self.probe(objective)?;
                self.backward(objective)?;
                let analytic = self.gradient(wire)?.get(index).copied().unwrap_or(T::NAN);
                let (right, left) = self.nudged(objective, wire, index, h, true)?;
                let numeric = (right - left) / (h + h);
                let (slope_right, slope_left) = ((right - f) / h, (f - left) / h);
                let scale = max(T::ONE, max(analytic.abs(), numeric.abs()));
                let relative = (analytic - numeric).abs() / scale;
                // A smooth f has one-sided slopes that differ by h·f″; a kink's differ at any h.
                let near_kink = !((slope_right - slope_left).abs() / scale <= h.sqrt());
                // Not `>`, so that a NaN is the worst there is.
                if worst.is_none_or(|worst| !(relative <= worst.relative) && !worst.relative.is_nan()) {
                    worst = Some(Worst { wire, index, analytic, numeric, relative, near_kink });
                }
            }
        }
        self.forward();
        Ok(worst)
    }

    /// Moves every input and param that `hold` does not name by `step` × its gradient, towards a
    /// greater objective if the circuit says maximize, else towards a lesser one. Gradients are the
    /// analytic ones if `numeric` is nothing. Returns the objective's value after the move.
    ///
    /// # Errors
    /// As [`Tape::numeric_gradient`]; [`RunError::NoObjective`]; [`RunError::NotFinite`] if an input
    /// or param would not stay finite: nothing was moved then.
    pub fn climb_step(&mut self, step: T, numeric: Option<(Difference, T)>, hold: &[Wire]) -> Result<T, RunError> {
        let objective = self.fixed.circuit.objective.ok_or(RunError::NoObjective)?;
        let step = match objective {
            crate::Objective::Maximize(_) => step,
            crate::Objective::Minimize(_) => -step,
        };
        self.probe(objective.wire())?;
        self.backward(objective.wire())?;
        let circuit = self.fixed.circuit;
        let moves = |wire: &Wire| {
            circuit.gate(*wire).is_some_and(|gate| matches!(gate.op, Op::Input | Op::Param)) && !hold.contains(wire)
        };
        if let Some((difference, h)) = numeric {
            for wire in circuit.wires().filter(moves) {
                for index in 0..circuit.shape(wire).len() {
                    let gradient = self.numeric_gradient(objective.wire(), wire, index, h, difference)?;
                    if let Some(place) = self.gradient_mut(wire).and_then(|gradients| gradients.get_mut(index)) {
                        *place = gradient;
                    }
                }
            }
        }
        for wire in circuit.wires().filter(moves) {
            let (values, gradients) = (self.value(wire)?, self.gradient(wire)?);
            if !values.iter().zip(gradients).all(|(&x, &g)| (x + step * g).is_finite()) {
                return Err(RunError::NotFinite(wire.raw()));
            }
        }
        for wire in circuit.wires().filter(moves) {
            if let Some((values, around)) = self.value_hole(wire)
                && let Some(gradients) = around.slot(wire.index() as u16).and_then(|slot| around.gradient(slot))
            {
                for (x, &g) in values.iter_mut().zip(gradients) {
                    *x += step * g;
                }
            }
        }
        self.probe(objective.wire())
    }

    /// Forward, and the value of a scalar wire.
    fn probe(&mut self, objective: Wire) -> Result<T, RunError> {
        if self.layout.purpose != Purpose::Inspect {
            return Err(RunError::NotPlanned);
        }
        self.forward();
        match self.value(objective)? {
            &[value] => Ok(value),
            _ => Err(RunError::NotAScalar(objective.raw())),
        }
    }

    /// The objective's value with one element nudged up and, if asked, down.
    fn nudged(&mut self, objective: Wire, wire: Wire, index: usize, h: T, both: bool) -> Result<(T, T), RunError> {
        let len = self.fixed.circuit.shape(wire).len();
        let missing = RunError::WrongLength { wire: wire.raw(), expected: len, got: index.saturating_add(1) };
        let x = self.value(wire)?.get(index).copied().ok_or(missing)?;
        self.set_from(wire, index, &[x + h])?;
        let right = self.probe(objective);
        let left = if both {
            // A label takes one way and not the other.
            self.set_from(wire, index, &[x - h]).and_then(|()| self.probe(objective))
        } else {
            Ok(T::NAN)
        };
        self.set_from(wire, index, &[x])?;
        Ok((right?, left?))
    }
}

fn max<T: Scalar>(a: T, b: T) -> T {
    if a >= b { a } else { b }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::build::Circuit;
    use crate::plan::{Slot, plan};
    use crate::shape::Shape;

    #[test]
    fn a_label_that_cannot_be_nudged_is_what_it_was() {
        let mut c: Circuit<f32, 4> = Circuit::new();
        let (logits, label) = (c.input(Shape::vector(2)).unwrap(), c.label(2).unwrap());
        let loss = c.cross_entropy(logits, label).unwrap();
        let (mut slots, mut arena) = ([Slot::EMPTY; 4], [0.0; 16]);
        let layout = plan(&c.view(), Purpose::Inspect, false, &mut slots).unwrap();
        let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
        let refused = tape.numeric_gradient(loss, label, 0, 1.0, Difference::Central);
        assert_eq!(refused, Err(RunError::NotAClass(label.raw())));
        assert_eq!(tape.value(label), Ok(&[0.0][..]));
    }
}
