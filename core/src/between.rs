//! Walks that stop between gates: for a watchdog that is fed there, or an executor that is yielded to.
//!
//! `between` is called after every gate where gates are large, and every [`PIECE`] gates where the whole
//! arena is small: a few instructions a step then.

use crate::error::RunError;
use crate::gate::Wire;
use crate::scalar::Scalar;
use crate::tape::Tape;

/// As many scalars, or gates on a small arena, are walked without a stop.
const PIECE: usize = 256;
/// An arena of so many numbers is small.
const SMALL: usize = 4096;

impl<T: Scalar> Tape<'_, T> {
    fn is_on_small(&self) -> bool {
        self.layout().arena_len() <= SMALL
    }

    /// Gates that are walked in one go where gate `at` is among them.
    fn piece(&self, at: usize) -> usize {
        if at < self.pairs() || self.is_on_small() { PIECE } else { 1 }
    }

    /// [`Tape::forward`], with stops.
    pub fn forward_between(&mut self, between: &mut dyn FnMut()) {
        let (mut from, end) = (0, self.circuit().len());
        while from < end {
            // No piece goes on from scalars to gates that may be large.
            let last = if from < self.pairs() && !self.is_on_small() { self.pairs() } else { end };
            let to = (from + self.piece(from)).min(last);
            self.forward_gates(from, to);
            between();
            from = to;
        }
    }

    /// [`Tape::backward`], with stops.
    ///
    /// # Errors
    /// As [`Tape::backward`].
    // In line: a frame of its own would lie below every gate's.
    #[inline(always)]
    pub fn backward_between(&mut self, wire: Wire, between: &mut dyn FnMut()) -> Result<(), RunError> {
        self.begin_backward(wire, false)?;
        self.pass_back_between(wire, between);
        Ok(())
    }

    fn pass_back_between(&mut self, wire: Wire, between: &mut dyn FnMut()) {
        let mut to = wire.index() + 1;
        while to > 0 {
            let from = to.saturating_sub(self.piece(to - 1));
            self.backward_gates(from, to);
            between();
            to = from;
        }
    }

    /// [`Tape::train_step`], with stops.
    ///
    /// # Errors
    /// As [`Tape::train_step`].
    pub fn train_step_between(&mut self, rate: T, between: &mut dyn FnMut()) -> Result<T, RunError> {
        let loss = self.sample_between(false, between)?;
        self.update(rate)?;
        Ok(loss)
    }

    /// [`Tape::accumulate`], with stops.
    ///
    /// # Errors
    /// As [`Tape::accumulate`].
    pub fn accumulate_between(&mut self, between: &mut dyn FnMut()) -> Result<T, RunError> {
        if !self.layout().purpose().sums() {
            return Err(RunError::NotPlanned);
        }
        self.sample_between(true, between)
    }

    /// Forward, and backward from the objective; its value. What is one piece anyway takes the way without
    /// stops.
    fn sample_between(&mut self, keep_sums: bool, between: &mut dyn FnMut()) -> Result<T, RunError> {
        if self.circuit().len() <= PIECE && self.layout().arena_len() <= SMALL {
            between();
            return T::walk_sample(self, keep_sums);
        }
        self.sample_in_pieces(keep_sums, between)
    }

    #[inline(never)]
    fn sample_in_pieces(&mut self, keep_sums: bool, between: &mut dyn FnMut()) -> Result<T, RunError> {
        let objective = self.circuit().objective().ok_or(RunError::NoObjective)?.wire();
        self.forward_between(between);
        self.begin_backward(objective, keep_sums)?;
        self.pass_back_between(objective, between);
        self.objective_value()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Circuit, Purpose, Shape, Slot, Tape, plan};

    #[test]
    fn forward_stops_between_large_gates_behind_scalars_as_often_as_backward() {
        let mut c: Circuit<f32, 16> = Circuit::new();
        let scalar = c.input(Shape::SCALAR).unwrap();
        let square = c.square(scalar).unwrap();
        let wide = c.input(Shape::vector(3000)).unwrap();
        let mut last = c.mul(wide, square).unwrap();
        for _ in 0..10 {
            last = c.softsign(last).unwrap();
        }
        let sum = c.sum(last).unwrap();
        c.minimize(sum).unwrap();
        let mut slots = [Slot::EMPTY; 16];
        let layout = plan(&c.view(), Purpose::Inspect, false, &mut slots).unwrap();
        let mut arena = [0.0; 80_000];
        let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
        let (mut forward, mut backward) = (0, 0);
        tape.forward_between(&mut || forward += 1);
        tape.backward_between(sum, &mut || backward += 1).unwrap();
        // The two scalars are one piece.
        assert_eq!((forward, backward), (14, 14));
    }
}
