//! The gates that networks spend their time in, each forward and backward in one go.
//!
//! What these do is in the files of their kernels; here it is bound to slots. Small networks spend
//! more on finding numbers than on computing with them, so everything here is compiled into the
//! walks, and each operand is looked up once. All other gates go through
//! [`kernels`](crate::kernels), a call and a look-up for each operand.

use crate::gate::Gate;
use crate::op::Op;
use crate::plan::{IN_PLACE, Slot};
use crate::scalar::Scalar;
use crate::store::{Around, Fixed, hole};
use crate::{broadcast, dense, loss};

/// Fills the wire of a gate; `out` is its slot, and `around` everything else.
#[inline(always)]
pub(crate) fn forward<T: Scalar>(gate: &Gate, slot: &Slot, out: &mut [T], around: &Around<'_, T>) -> Option<()> {
    match gate.op {
        Op::Dense | Op::Mse | Op::CrossEntropy => {
            let (a, b) = (around.value(gate.a)?, around.value(gate.b)?);
            if gate.op == Op::Dense {
                dense::forward(a, b, around.value(gate.c), out);
                return Some(());
            }
            let (loss, saved) = out.split_first_mut()?;
            *loss = match gate.op {
                Op::Mse => loss::mean_loss(Op::Mse, T::ONE, a, b),
                _ => T::cross_entropy(a, *b.first()?, saved),
            };
        }
        Op::Relu | Op::Sigmoid | Op::Tanh => {
            broadcast::start(slot, gate.a, around, out)?;
            match gate.op {
                Op::Relu => broadcast::unary(Op::Relu, out),
                Op::Sigmoid => broadcast::unary(Op::Sigmoid, out),
                _ => broadcast::unary(Op::Tanh, out),
            }
        }
        Op::Add | Op::Mul | Op::Div => {
            broadcast::start(slot, gate.a, around, out)?;
            let b = around.value(gate.b)?;
            match gate.op {
                Op::Add => broadcast::binary(Op::Add, b, out),
                Op::Mul => broadcast::binary(Op::Mul, b, out),
                _ => broadcast::binary(Op::Div, b, out),
            }
        }
        _ => return (around.fixed.cold.forward)(gate, slot, out, around),
    }
    Some(())
}

/// Passes back what a gate's wire got to its operands, first to last; nothing if the gate is none of
/// these.
#[inline(always)]
pub(crate) fn backward<T: Scalar>(arena: &mut [T], fixed: &Fixed<'_, T>, gate: &Gate, slot: &Slot) -> Option<()> {
    match gate.op {
        Op::Dense => {
            if let Some((dx, around)) = gradient(arena, fixed, gate.a) {
                dense::backward(around.value(gate.b)?, around.gradient(slot)?, dx);
            }
            // dW += x δᵀ is W −= (rate·x) δᵀ with a rate of −1: a sign changes no other bit.
            if let Some((dw, around)) = gradient(arena, fixed, gate.b) {
                dense::update(around.value(gate.a)?, around.gradient(slot)?, -T::ONE, dw);
            }
            if let Some((db, around)) = gradient(arena, fixed, gate.c) {
                dense::update_bias(around.gradient(slot)?, -T::ONE, db);
            }
        }
        Op::Relu | Op::Sigmoid | Op::Tanh => {
            let (dx, around) = gradient(arena, fixed, gate.a)?;
            let (y, g) = (around.value_and_saved(slot, 0)?, around.gradient(slot)?);
            match gate.op {
                Op::Relu => broadcast::unary_back(Op::Relu, y, g, dx),
                Op::Sigmoid => broadcast::unary_back(Op::Sigmoid, y, g, dx),
                _ => broadcast::unary_back(Op::Tanh, y, g, dx),
            }
        }
        Op::CrossEntropy => return back_from_loss(arena, fixed, gate, slot, false),
        Op::Mse => {
            if let Some((dx, around)) = gradient(arena, fixed, gate.a) {
                let (a, t, &g) = (around.value(gate.a)?, around.value(gate.b)?, around.gradient(slot)?.first()?);
                loss::mean_loss_back(Op::Mse, T::ONE, a, t, g, false, dx);
            }
            // As a rule the target is an input, which has no gradient.
            if fixed.slots.get(usize::from(gate.b))?.gradient < IN_PLACE {
                return back_from_loss(arena, fixed, gate, slot, true);
            }
        }
        _ => return None,
    }
    Some(())
}

/// What a loss passes back to its prediction, or to its target. Apart: there is one in a circuit, and in
/// line it would double the walk.
#[inline(never)]
fn back_from_loss<T: Scalar>(
    arena: &mut [T],
    fixed: &Fixed<'_, T>,
    gate: &Gate,
    slot: &Slot,
    to_target: bool,
) -> Option<()> {
    let (dx, around) = gradient(arena, fixed, if to_target { gate.b } else { gate.a })?;
    let (target, &g) = (around.value(gate.b)?, around.gradient(slot)?.first()?);
    if gate.op == Op::CrossEntropy {
        let saved = around.value_and_saved(slot, dx.len() + 1)?.get(1..)?;
        T::cross_entropy_back(saved, *target.first()?, T::ZERO, g, dx);
    } else {
        loss::mean_loss_back(Op::Mse, T::ONE, around.value(gate.a)?, target, g, to_target, dx);
    }
    Some(())
}

/// Whether [`backward`] knows the gate.
#[inline(always)]
pub(crate) fn knows(op: Op) -> bool {
    matches!(op, Op::Dense | Op::Relu | Op::Sigmoid | Op::Tanh | Op::Mse | Op::CrossEntropy)
}

/// The gradient of a wire to write, if it has one, and everything around it.
#[inline(always)]
fn gradient<'s, T: Scalar>(
    arena: &'s mut [T],
    fixed: &'s Fixed<'s, T>,
    wire: u16,
) -> Option<(&'s mut [T], Around<'s, T>)> {
    let to = fixed.slots.get(usize::from(wire)).filter(|to| to.gradient < IN_PLACE)?;
    hole(arena, to.gradient, to.len as usize, fixed)
}
