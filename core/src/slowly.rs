//! What the walks do with a gate that [`hot`](crate::hot) leaves alone: most sorts of gates, and those of
//! networks where their operands do not lie as they do there (frozen weights in flash, a constant as
//! input, a weight that is an input, operands among the pairs, a plan that uses slots again). Each operand
//! is found on its own, from wherever it is.
//!
//! The walks are compiled in this crate, for speed, and a generic function where it is used. Called by a
//! pointer that the tape's maker brings along, these are compiled with the tape's maker: a firmware, small.

use crate::error::RunError;
use crate::gate::{Gate, Wire};
use crate::kernels::{self, Site};
use crate::op::Op;
use crate::plan::{IN_PLACE, NO_GRADIENT, Slot, saved_len};
use crate::scalar::Scalar;
use crate::scalars;
use crate::store::{Around, hole};
use crate::tape::Tape;

/// What is done slowly, by pointers.
#[derive(Debug)]
pub(crate) struct Slowly<T: 'static> {
    pub(crate) forward: fn(&mut Tape<'_, T>, &Gate, &Slot),
    pub(crate) backward: fn(&mut Tape<'_, T>, &Gate, &Slot),
    pub(crate) update: fn(&mut Tape<'_, T>, &Gate, &Slot, T),
    pub(crate) pair_forward: scalars::Forward<T>,
    pub(crate) pair_backward: scalars::Backward<T>,
    pub(crate) stays_finite: fn(&Tape<'_, T>, &Gate, &Slot, T) -> Option<bool>,
    pub(crate) not_finite: fn(&Tape<'_, T>, T) -> RunError,
}

impl<T: Scalar> Slowly<T> {
    pub(crate) const WALKS: &'static Slowly<T> = &Slowly {
        forward,
        backward,
        update,
        pair_forward: scalars::forward_rest,
        pair_backward: scalars::backward_rest,
        stays_finite: |tape, gate, slot, rate| tape.stays_finite(gate, slot, rate),
        not_finite: |tape, rate| tape.not_finite(rate),
    };
}

fn forward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    let saved = if slot.gradient == NO_GRADIENT { 0 } else { saved_len(&tape.fixed.circuit, gate) };
    if let Some((out, around)) = hole(tape.arena, slot.value, slot.len as usize + saved, &tape.fixed) {
        let done = kernels::forward(&Site { gate, slot, around }, out);
        debug_assert!(done.is_some());
    }
}

fn backward<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    if gate.op == Op::Reshape && tape.gives_gradient_away(gate, slot) {
        // The operand's gradient is where the gate's is: there is nothing to do.
        return;
    }
    if kernels::prepares(gate.op) {
        prepare(tape, gate, slot);
    }
    for k in 0..gate.op.operands() {
        if let Some(wire) = tape.fixed.circuit.operand(gate, k)
            && let Some((dx, around)) = gradient(tape, wire)
        {
            let done = kernels::backward(&Site { gate, slot, around }, k, dx);
            debug_assert!(done.is_some());
        }
    }
}

#[inline(never)]
fn prepare<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot) {
    let saved = saved_len(&tape.fixed.circuit, gate);
    if let Some((saved, around)) = hole(tape.arena, slot.value + slot.len, saved, &tape.fixed) {
        let done = kernels::prepare(&Site { gate, slot, around }, saved);
        debug_assert!(done.is_some());
    }
}

fn update<T: Scalar>(tape: &mut Tape<'_, T>, gate: &Gate, slot: &Slot, rate: T) {
    for k in 1..gate.op.operands() {
        if let Some(wire) = tape.fixed.circuit.operand(gate, k)
            && let Some((w, around)) = in_place(tape, wire)
        {
            let done = kernels::update(&Site { gate, slot, around }, k, rate, w);
            debug_assert!(done.is_some());
        }
    }
}

/// The gradient of a wire to write, if it has one, and everything around it.
fn gradient<'s, T: Scalar>(tape: &'s mut Tape<'_, T>, wire: Wire) -> Option<(&'s mut [T], Around<'s, T>)> {
    let to = tape.fixed.slots.get(wire.index()).filter(|to| to.gradient < IN_PLACE)?;
    hole(tape.arena, to.gradient, to.len as usize, &tape.fixed)
}

/// The value of a param to write, if it is updated in place, and everything around it.
fn in_place<'s, T: Scalar>(tape: &'s mut Tape<'_, T>, wire: Wire) -> Option<(&'s mut [T], Around<'s, T>)> {
    let to = tape.fixed.slots.get(wire.index()).filter(|to| to.gradient == IN_PLACE)?;
    hole(tape.arena, to.value, to.len as usize, &tape.fixed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use crate::build::Circuit;
    use crate::optimiser::{Method, Optimiser};
    use crate::plan::{Slot, plan};
    use crate::shape::Shape;
    use crate::tape::Tape;
    use crate::training::Training;

    /// How a network's numbers lie.
    #[derive(Clone, Copy, PartialEq)]
    enum Lie {
        /// Biases behind their weights, all in the arena: the way of `hot`.
        Usually,
        /// Biases before their weights.
        BiasFirst,
        /// The input is a constant.
        ConstantInput,
        /// The first layer is frozen, in the arena or in flash.
        Frozen(bool),
    }

    /// The params after some steps of a 6-5-4 network, the first layer's first.
    fn trained(lie: Lie, method: Method<f32>, batch: u32) -> [[f32; 30]; 4] {
        let mut c: Circuit<f32, 16> = Circuit::new();
        let image = [0.5, -1.0, 0.0, 2.0, 0.25, -0.75];
        let x = match lie {
            Lie::ConstantInput => c.constant(Shape::vector(6), &image).unwrap(),
            _ => c.input(Shape::vector(6)).unwrap(),
        };
        let label = c.label(4).unwrap();
        let frozen = matches!(lie, Lie::Frozen(_));
        let layer = |c: &mut Circuit<f32, 16>, inputs, outputs, frozen| {
            let mut param = |shape| if frozen { c.frozen_param(shape).unwrap() } else { c.param(shape).unwrap() };
            if lie == Lie::BiasFirst {
                let bias = param(Shape::vector(outputs));
                (param(Shape::matrix(inputs, outputs)), bias)
            } else {
                (param(Shape::matrix(inputs, outputs)), param(Shape::vector(outputs)))
            }
        };
        let ((w1, b1), (w2, b2)) = (layer(&mut c, 6, 5, frozen), layer(&mut c, 5, 4, false));
        let z = c.dense(x, w1, b1).unwrap();
        let h = c.tanh(z).unwrap();
        let y = c.dense(h, w2, b2).unwrap();
        let loss = c.cross_entropy(y, label).unwrap();
        c.minimize(loss).unwrap();

        let mut start = [[0.0f32; 30]; 4];
        let mut seed = 1u32;
        for number in start.as_flattened_mut() {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            *number = (seed >> 8) as f32 / 16_777_216.0 - 0.5;
        }
        let flash = lie == Lie::Frozen(true);
        let mut first = [0.0; 35];
        for (place, &number) in first.iter_mut().zip(start[0].iter().chain(&start[1])) {
            *place = number;
        }
        let mut training = Training::new(Optimiser::new(method, 0.1), batch);
        let (mut slots, mut arena) = ([Slot::EMPTY; 16], [0.0; 400]);
        let layout = plan(&c.view(), training.purpose(), flash, &mut slots).unwrap();
        let mut tape = Tape::new(c.view(), layout, &slots, if flash { &first } else { &[] }, &mut arena).unwrap();
        for (wire, values) in [w1, b1, w2, b2].into_iter().zip(&start).skip(if flash { 2 } else { 0 }) {
            let len = c.view().shape(wire).len();
            tape.set(wire, &values[..len]).unwrap();
        }
        for step in 0..6 {
            if lie != Lie::ConstantInput {
                tape.set(x, &image).unwrap();
            }
            tape.set(label, &[(step % 4) as f32]).unwrap();
            training.sample(&mut tape).unwrap();
        }
        let mut params = [[0.0; 30]; 4];
        for (wire, place) in [w1, b1, w2, b2].into_iter().zip(&mut params) {
            let values = tape.value(wire).unwrap();
            place[..values.len()].copy_from_slice(values);
        }
        params
    }

    #[test]
    fn wherever_operands_lie_the_bits_are_the_same() {
        let momentum = Method::Momentum { beta: 0.5 };
        for (method, batch) in [(Method::Sgd, 1), (Method::Sgd, 2), (momentum, 3)] {
            let usually = trained(Lie::Usually, method, batch);
            assert_eq!(trained(Lie::BiasFirst, method, batch), usually);
            assert_eq!(trained(Lie::ConstantInput, method, batch), usually);
            let frozen = trained(Lie::Frozen(false), method, batch);
            assert_eq!(trained(Lie::Frozen(true), method, batch), frozen);
            assert_ne!(frozen, usually);
        }
    }
}
