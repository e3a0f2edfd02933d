//! Which kernel does a gate's forward and backward, and on which slots; the few gates that networks
//! spend their time in are dispatched in [`hot`](crate::hot).
//!
//! Everything here returns nothing where a slot does not exist; a checked circuit with its own plan
//! has all of them.

use crate::broadcast::{self, Upstream};
use crate::elementwise::Own;
use crate::error::RunError;
use crate::gate::Gate;
use crate::op::{Op, OpKind};
use crate::plan::{Slot, saved_len};
use crate::recurrent::{self, Recurrent};
use crate::scalar::Scalar;
use crate::store::Around;
use crate::tape::Tape;
use crate::{conv, dropout, layer_norm, loss, pool, reduce, softmax};
use conv::Conv;

/// What the walks leave to others: gates that are not hot.
///
/// The walks are compiled in this crate, for speed, and a generic function where it is used. Called
/// by a pointer that the tape's maker brings along, these are compiled with the tape's maker: a
/// firmware, small.
#[derive(Debug)]
pub(crate) struct Cold<T: 'static> {
    pub(crate) forward: fn(&Gate, &Slot, &mut [T], &Around<'_, T>) -> Option<()>,
    pub(crate) pass_back: fn(&mut Tape<'_, T>, &Gate, &Slot),
    pub(crate) update: fn(&mut Tape<'_, T>, usize, &Gate, T),
    pub(crate) not_finite: fn(&Tape<'_, T>, T) -> RunError,
}

impl<T: Scalar> Cold<T> {
    pub(crate) const KERNELS: &'static Cold<T> = &Cold {
        forward,
        pass_back: |tape, gate, slot| tape.pass_back_all(gate, slot),
        update: |tape, i, gate, rate| tape.update_conv(i, gate, rate),
        not_finite: |tape, rate| tape.not_finite(rate),
    };
}

/// Fills the wire of a gate; `out` is its slot, and `around` everything else.
#[inline(never)]
pub(crate) fn forward<T: Scalar>(gate: &Gate, slot: &Slot, out: &mut [T], around: &Around<'_, T>) -> Option<()> {
    match gate.op {
        Op::Dot => *out.first_mut()? = reduce::dot(around.value(gate.a)?, around.value(gate.b)?),
        Op::Sum => *out.first_mut()? = reduce::sum(around.value(gate.a)?),
        Op::Mean => {
            let a = around.value(gate.a)?;
            *out.first_mut()? = reduce::sum(a) / reduce::count(a);
        }
        Op::Slice => {
            let a = around.value(gate.a)?;
            let start = row_start(gate, around, a.len())?;
            out.copy_from_slice(a.get(start..)?.get(..out.len())?);
        }
        // Where the plan gives both wires one place, there is nothing to do.
        Op::Reshape if slot.value == around.slot(gate.a)?.value => {}
        Op::Reshape => out.copy_from_slice(around.value(gate.a)?.get(..out.len())?),
        Op::Concat => {
            let (a, b) = (around.value(gate.a)?, around.value(gate.b)?);
            out.iter_mut().zip(a.iter().chain(b)).for_each(|(out, &x)| *out = x);
        }
        Op::MaxOf => *out.first_mut()? = reduce::max(around.value(gate.a)?),
        Op::Conv1d | Op::Conv2d | Op::MaxPool | Op::AvgPool => planes(gate, out, around)?,
        Op::GlobalAvg => reduce::planes_mean(around.value(gate.a)?, out),
        Op::Softmax => rows(around.value(gate.a)?, out, row(gate, around)?, softmax::softmax),
        Op::LogSoftmax => rows(around.value(gate.a)?, out, row(gate, around)?, softmax::log_softmax),
        Op::LayerNorm => {
            let (x, weight, bias) = (around.value(gate.a)?, around.value(gate.b)?, listed(gate, around, 2)?);
            let (y, kept) = out.split_at_mut_checked(x.len())?;
            layer_norm::forward(x, weight, bias, number(gate, around)?, y, kept);
        }
        Op::Gru | Op::Rnn => through_time(gate, out.get_mut(..slot.len as usize)?, around)?,
        Op::Dropout => {
            dropout::forward(around.value(gate.a)?, number(gate, around)?, place(gate), around.fixed.noise, out);
        }
        Op::CrossEntropy | Op::SmoothCrossEntropy => {
            let (logits, &class) = (around.value(gate.a)?, around.value(gate.b)?.first()?);
            let (loss, saved) = out.split_first_mut()?;
            *loss = softmax::cross_entropy(logits, class, saved);
            if gate.op == Op::SmoothCrossEntropy {
                *loss = softmax::smoothed(logits, *loss, class, number(gate, around)?);
            }
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy | Op::Mae | Op::Huber => {
            let delta = number(gate, around).unwrap_or(T::ONE);
            *out.first_mut()? = loss::mean_loss(gate.op, delta, around.value(gate.a)?, around.value(gate.b)?);
        }
        op => {
            let own = Own { numbers: around.fixed.circuit.numbers, start: gate.attributes() };
            let b = if op.kind() == OpKind::Binary { around.value(gate.b)? } else { &[T::ZERO] };
            broadcast::start(slot, gate.a, around, out)?;
            broadcast::forward(op, own, b, out);
        }
    }
    Some(())
}

/// Adds to `dx`, the gradient of operand number `k`, what a gate passes back to it; `slot` is the
/// gate's wire's.
#[inline(never)]
pub(crate) fn backward<T: Scalar>(
    gate: &Gate,
    slot: &Slot,
    k: usize,
    dx: &mut [T],
    around: &Around<'_, T>,
) -> Option<()> {
    let delta = around.gradient(slot)?;
    let &g = delta.first()?;
    match gate.op {
        Op::Dot => reduce::dot_back(around.value(if k == 0 { gate.b } else { gate.a })?, g, dx),
        Op::Sum => reduce::sum_back(g, dx),
        Op::Mean => reduce::sum_back(g / reduce::count(dx), dx),
        Op::Slice => {
            let start = row_start(gate, around, dx.len())?;
            for (dx, &d) in dx.get_mut(start..)?.iter_mut().zip(delta) {
                *dx += d;
            }
        }
        Op::Reshape => dx.iter_mut().zip(delta).for_each(|(dx, &d)| *dx += d),
        Op::Concat => {
            let start = if k == 0 { 0 } else { delta.len() - dx.len() };
            dx.iter_mut().zip(delta.get(start..)?).for_each(|(dx, &d)| *dx += d);
        }
        Op::MaxOf => reduce::max_back(around.value(gate.a)?, g, dx),
        Op::Conv1d | Op::Conv2d | Op::MaxPool | Op::AvgPool => planes_back(gate, delta, k, dx, around)?,
        Op::GlobalAvg => reduce::planes_mean_back(delta, dx),
        Op::Softmax => {
            rows_back(around.value_and_saved(slot, 0)?, delta, dx, row(gate, around)?, softmax::softmax_back)
        }
        Op::LogSoftmax => {
            rows_back(around.value_and_saved(slot, 0)?, delta, dx, row(gate, around)?, softmax::log_softmax_back)
        }
        Op::LayerNorm => {
            let (x, kept) = (around.value(gate.a)?, saved(gate, slot, around)?);
            match k {
                0 => layer_norm::backward(x, around.value(gate.b)?, kept, delta, dx),
                1 => layer_norm::back_to_weight(x, kept, delta, dx),
                _ => layer_norm::back_to_bias(delta, dx),
            }
        }
        Op::Gru | Op::Rnn => back_through_time(gate, slot, k, dx, around)?,
        Op::Dropout => dropout::backward(delta, number(gate, around)?, place(gate), around.fixed.noise, dx),
        Op::CrossEntropy | Op::SmoothCrossEntropy => {
            let smoothing = number(gate, around).unwrap_or(T::ZERO);
            let class = *around.value(gate.b)?.first()?;
            softmax::cross_entropy_back(saved(gate, slot, around)?, class, smoothing, g, dx);
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy | Op::Mae | Op::Huber => {
            let delta = number(gate, around).unwrap_or(T::ONE);
            loss::mean_loss_back(gate.op, delta, around.value(gate.a)?, around.value(gate.b)?, g, k == 1, dx);
        }
        op => {
            let own = Own { numbers: around.fixed.circuit.numbers, start: gate.attributes() };
            let b = if op.kind() == OpKind::Binary { around.value(gate.b)? } else { &[T::ZERO] };
            let up = Upstream { a: around.value(gate.a)?, b, y: around.value_and_saved(slot, 0)?, g: delta };
            broadcast::backward(op, own, &up, k == 1, dx);
        }
    }
    Some(())
}

// What takes much stack is apart, so that other gates do not need it.

#[inline(never)]
fn planes<T: Scalar>(gate: &Gate, out: &mut [T], around: &Around<'_, T>) -> Option<()> {
    let (circuit, x) = (&around.fixed.circuit, around.value(gate.a)?);
    match gate.op {
        Op::MaxPool => pool::max(&pool::window(circuit, gate).ok()?.0, x, out),
        Op::AvgPool => pool::mean(&pool::window(circuit, gate).ok()?.0, x, out),
        _ => {
            let bias = circuit.operand(gate, 2).and_then(|bias| around.value(bias.raw()));
            conv::forward(&Conv::of(circuit, gate).ok()?.0, x, around.value(gate.b)?, bias, out);
        }
    }
    Some(())
}

#[inline(never)]
fn planes_back<T: Scalar>(gate: &Gate, delta: &[T], k: usize, dx: &mut [T], around: &Around<'_, T>) -> Option<()> {
    let circuit = &around.fixed.circuit;
    match gate.op {
        Op::MaxPool => pool::max_back(&pool::window(circuit, gate).ok()?.0, around.value(gate.a)?, delta, dx),
        Op::AvgPool => pool::mean_back(&pool::window(circuit, gate).ok()?.0, delta, dx),
        _ => {
            let (conv, _) = Conv::of(circuit, gate).ok()?;
            match k {
                0 => conv::backward(&conv, around.value(gate.b)?, delta, dx),
                1 => conv::update(&conv, around.value(gate.a)?, delta, -T::ONE, dx),
                _ => conv::update_bias(&conv, delta, -T::ONE, dx),
            }
        }
    }
    Some(())
}

#[inline(never)]
fn through_time<T: Scalar>(gate: &Gate, h: &mut [T], around: &Around<'_, T>) -> Option<()> {
    recurrent::forward(&recurrent(gate, around)?, h);
    Some(())
}

#[inline(never)]
fn back_through_time<T: Scalar>(
    gate: &Gate,
    slot: &Slot,
    k: usize,
    dx: &mut [T],
    around: &Around<'_, T>,
) -> Option<()> {
    let (h, deltas) = (around.value_and_saved(slot, 0)?, saved(gate, slot, around)?);
    recurrent::backward(&recurrent(gate, around)?, h, deltas, k, dx);
    Some(())
}

/// Whether [`prepare`] comes before the way back to a gate's operands.
#[inline]
pub(crate) const fn prepares(op: Op) -> bool {
    matches!(op, Op::Gru | Op::Rnn)
}

/// What comes before the way back of a gate of many steps: `saved` is the memory that the gate has
/// behind its wire's value, and what is written there is read on the way back to each operand.
#[inline(never)]
pub(crate) fn prepare<T: Scalar>(gate: &Gate, slot: &Slot, saved: &mut [T], around: &Around<'_, T>) -> Option<()> {
    let (h, g) = (around.value_and_saved(slot, 0)?, around.gradient(slot)?);
    recurrent::deltas(&recurrent(gate, around)?, h, g, saved);
    Some(())
}

/// What a recurrent gate reads.
fn recurrent<'a, T: Scalar>(gate: &Gate, around: &Around<'a, T>) -> Option<Recurrent<'a, T>> {
    let circuit = &around.fixed.circuit;
    let w_hh = circuit.operand(gate, 2)?;
    Some(Recurrent {
        op: gate.op,
        relu: circuit.integers(gate).first() == Some(&1),
        inputs: circuit.shape_at(usize::from(gate.a))?.last(),
        hidden: circuit.shape(w_hh).first(),
        x: around.value(gate.a)?,
        w_ih: around.value(gate.b)?,
        w_hh: listed(gate, around, 2)?,
        b_ih: listed(gate, around, 3)?,
        b_hh: listed(gate, around, 4)?,
    })
}

/// The value of an operand that the gate's record does not name.
fn listed<'a, T: Scalar>(gate: &Gate, around: &Around<'a, T>, n: usize) -> Option<&'a [T]> {
    around.value(around.fixed.circuit.operand(gate, n)?.raw())
}

/// The gate's own number, if it has one.
fn number<T: Scalar>(gate: &Gate, around: &Around<'_, T>) -> Option<T> {
    let circuit = &around.fixed.circuit;
    if gate.op.attributes() == 0 { None } else { circuit.numbers.get(circuit.numbers_place(gate)).copied() }
}

/// What tells a gate from the others of its circuit: the wire it reads, and where its number stands.
fn place(gate: &Gate) -> u32 {
    u32::from(gate.a) << 16 | u32::from(gate.c)
}

/// What a gate keeps behind its wire's value.
fn saved<'a, T: Scalar>(gate: &Gate, slot: &Slot, around: &Around<'a, T>) -> Option<&'a [T]> {
    around.value_and_saved(slot, saved_len(&around.fixed.circuit, gate))?.get(slot.len as usize..)
}

/// Where the rows of a slice begin in an operand of `len` elements.
fn row_start<T: Scalar>(gate: &Gate, around: &Around<'_, T>, len: usize) -> Option<usize> {
    len.checked_div(around.fixed.circuit.shape_at(usize::from(gate.a))?.first()).map(|row| gate.start() * row)
}

/// The length of the innermost dimension of the first operand.
fn row<T: Scalar>(gate: &Gate, around: &Around<'_, T>) -> Option<usize> {
    Some(around.fixed.circuit.shape_at(usize::from(gate.a))?.last())
}

/// Does something to each innermost row.
fn rows<T: Scalar>(a: &[T], out: &mut [T], row: usize, f: impl Fn(&[T], &mut [T])) {
    for (a, out) in a.chunks(row.max(1)).zip(out.chunks_mut(row.max(1))) {
        f(a, out);
    }
}

fn rows_back<T: Scalar>(y: &[T], g: &[T], dx: &mut [T], row: usize, f: impl Fn(&[T], &[T], &mut [T])) {
    let row = row.max(1);
    for ((y, g), dx) in y.chunks(row).zip(g.chunks(row)).zip(dx.chunks_mut(row)) {
        f(y, g, dx);
    }
}
