//! Which kernel does a gate's forward and backward, and on which slots; the few gates that networks
//! spend their time in are dispatched in [`hot`](crate::hot).
//!
//! Everything here returns nothing where a slot does not exist; a checked circuit with its own plan
//! has all of them.

use crate::broadcast::{self, Upstream};
use crate::elementwise::Own;
use crate::gate::Gate;
use crate::op::{Op, OpKind};
use crate::plan::{Slot, saved_len};
use crate::recurrent::{self, Recurrent};
use crate::reduce::{row, row_mut};
use crate::scalar::Scalar;
use crate::store::Around;
use crate::{conv, dropout, layer_norm, loss, pool, reduce, softmax};
use conv::Conv;

/// The value of an operand, if it is there: one whose place the gate's wire takes over is not. Looked up
/// here for all of these kernels, since each look-up in line is 50 bytes.
#[inline(never)]
pub(crate) fn value<'a, T: Scalar>(around: &Around<'a, T>, wire: u16) -> Option<&'a [T]> {
    around.value(wire)
}

/// A gate's own value.
#[inline(never)]
fn own_value<'a, T: Scalar>(around: &Around<'a, T>, slot: &Slot) -> Option<&'a [T]> {
    around.value_and_saved(slot, 0)
}

/// What came back to a gate.
#[inline(never)]
pub(crate) fn own_gradient<'a, T: Scalar>(around: &Around<'a, T>, slot: &Slot) -> Option<&'a [T]> {
    around.gradient(slot)
}

/// What is read by the kernel of a gate: found once, and given on by one pointer.
struct Reads<'r, 's, T: 'static> {
    gate: &'r Gate,
    slot: &'r Slot,
    around: &'r Around<'s, T>,
    a: &'s [T],
    b: Option<&'s [T]>,
    /// The gate's own number, if it has one.
    own: Option<T>,
    /// What came back to the gate; nothing on the way forward.
    delta: &'s [T],
    /// Which operand something is passed back to.
    k: usize,
}

/// Fills the wire of a gate; `out` is its slot, and `around` everything else.
#[inline(never)]
pub(crate) fn forward<T: Scalar>(gate: &Gate, slot: &Slot, out: &mut [T], around: &Around<'_, T>) -> Option<()> {
    if gate.op.is_elementwise() {
        let own = Own { numbers: around.fixed.circuit.numbers, start: gate.attributes() };
        let b = if gate.op.kind() == OpKind::Binary { value(around, gate.b)? } else { &[T::ZERO] };
        if around.slot(gate.a)?.value != slot.value {
            broadcast::start(value(around, gate.a)?, out);
        }
        broadcast::forward(gate.op, own, b, out);
        return Some(());
    }
    // Where the plan gives both wires one place, there is nothing to do.
    if gate.op == Op::Reshape && slot.value == around.slot(gate.a)?.value {
        return Some(());
    }
    let (a, b) = (value(around, gate.a)?, value(around, gate.b));
    let reads = &Reads { gate, slot, around, a, b, own: number(gate, around), delta: &[], k: 0 };
    let one = match gate.op {
        Op::Dot => reduce::dot(a, b?),
        Op::Sum => reduce::sum(a),
        Op::Mean => reduce::sum(a) / reduce::count(a),
        Op::MaxOf => reduce::max(a),
        Op::CrossEntropy => T::cross_entropy(a, *b?.first()?, out.get_mut(1..)?),
        Op::SmoothCrossEntropy => {
            let (&class, (_, saved)) = (b?.first()?, out.split_first_mut()?);
            softmax::smoothed(a, T::cross_entropy(a, class, saved), class, reads.own?)
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy | Op::Mae | Op::Huber => {
            loss::mean_loss(gate.op, reads.own.unwrap_or(T::ONE), a, b?)
        }
        // What takes much stack is apart, so that no other gate needs it: these are not even called by one
        // another.
        Op::Conv1d | Op::Conv2d | Op::MaxPool | Op::AvgPool => return planes(reads, out),
        Op::Gru | Op::Rnn => return through_time(gate, slot, out, around),
        _ => return wires(reads, out),
    };
    *out.first_mut()? = one;
    Some(())
}

/// [`forward`] of gates whose wire is more than one number.
#[inline(never)]
fn wires<T: Scalar>(reads: &Reads<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let &Reads { gate, around, a, b, own, .. } = reads;
    match gate.op {
        Op::Slice | Op::Reshape => {
            let start = if gate.op == Op::Slice { row_start(gate, around, a.len())? } else { 0 };
            copy(a.get(start..)?, out);
        }
        Op::Concat => {
            let (first, rest) = out.split_at_mut_checked(a.len())?;
            copy(a, first);
            copy(b?, rest);
        }
        Op::GlobalAvg => reduce::planes_mean(a, out),
        Op::Softmax | Op::LogSoftmax => {
            let n = row_len(gate, around)?;
            for i in 0..a.len() / n {
                let (a, out) = (row(a, i, n), row_mut(out, i, n));
                if gate.op == Op::Softmax { softmax::softmax(a, out) } else { softmax::log_softmax(a, out) }
            }
        }
        Op::LayerNorm => {
            let (y, kept) = out.split_at_mut_checked(a.len())?;
            layer_norm::forward(a, b?, listed(gate, around, 2)?, own?, y, kept);
        }
        Op::Dropout => dropout::forward(a, own?, place(gate), around.fixed.noise, out),
        _ => {}
    }
    Some(())
}

/// What is there of `from`, as far as there is room.
fn copy<T: Scalar>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
}

/// to += from
fn add<T: Scalar>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
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
    let (delta, a, b) = (own_gradient(around, slot)?, value(around, gate.a)?, value(around, gate.b));
    let reads = &Reads { gate, slot, around, a, b, own: number(gate, around), delta, k };
    let &g = delta.first()?;
    match gate.op {
        Op::Dot => reduce::dot_back(if k == 0 { b? } else { a }, g, dx),
        Op::Sum => reduce::sum_back(g, dx),
        Op::Mean => reduce::sum_back(g / reduce::count(dx), dx),
        Op::Slice => add(delta, dx.get_mut(row_start(gate, around, dx.len())?..)?),
        Op::Reshape => add(delta, dx),
        Op::Concat => add(delta.get(if k == 0 { 0 } else { delta.len() - dx.len() }..)?, dx),
        Op::MaxOf => reduce::max_back(a, g, dx),
        Op::GlobalAvg => reduce::planes_mean_back(delta, dx),
        Op::CrossEntropy | Op::SmoothCrossEntropy => {
            let (class, kept) = (*b?.first()?, saved(gate, slot, around)?);
            T::cross_entropy_back(kept, class, reads.own.unwrap_or(T::ZERO), g, dx);
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy | Op::Mae | Op::Huber => return loss_back(reads, dx),
        Op::Conv1d | Op::Conv2d | Op::MaxPool | Op::AvgPool => return planes_back(reads, dx),
        Op::Gru | Op::Rnn => return back_through_time(reads, dx),
        _ => return wires_back(reads, dx),
    }
    Some(())
}

#[inline(never)]
fn loss_back<T: Scalar>(reads: &Reads<'_, '_, T>, dx: &mut [T]) -> Option<()> {
    let (own, &g) = (reads.own.unwrap_or(T::ONE), reads.delta.first()?);
    loss::mean_loss_back(reads.gate.op, own, reads.a, reads.b?, g, reads.k == 1, dx);
    Some(())
}

/// [`backward`] of gates that look at more than one number of their own wire.
#[inline(never)]
fn wires_back<T: Scalar>(reads: &Reads<'_, '_, T>, dx: &mut [T]) -> Option<()> {
    let &Reads { gate, slot, around, a, b, own, delta, k } = reads;
    match gate.op {
        Op::Softmax | Op::LogSoftmax => {
            let (n, y) = (row_len(gate, around)?, own_value(around, slot)?);
            for i in 0..y.len() / n {
                let (y, g, dx) = (row(y, i, n), row(delta, i, n), row_mut(dx, i, n));
                if gate.op == Op::Softmax {
                    softmax::softmax_back(y, g, dx);
                } else {
                    softmax::log_softmax_back(y, g, dx);
                }
            }
        }
        Op::LayerNorm => {
            let kept = saved(gate, slot, around)?;
            layer_norm::backward(a, b?, kept, delta, k, dx);
        }
        Op::Dropout => dropout::backward(delta, own?, place(gate), around.fixed.noise, dx),
        op => {
            let own = Own { numbers: around.fixed.circuit.numbers, start: gate.attributes() };
            // Where there is no second operand, nobody looks at it.
            let b = if op.kind() == OpKind::Binary { b? } else { a };
            let up = Upstream { a, b, y: own_value(around, slot)?, g: delta };
            broadcast::backward(op, own, &up, k == 1, dx);
        }
    }
    Some(())
}

#[inline(never)]
fn planes<T: Scalar>(reads: &Reads<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let &Reads { gate, around, a, b, .. } = reads;
    let mut conv = Conv::of(&around.fixed.circuit, gate);
    let Ok(conv) = &mut conv else { return None };
    if matches!(gate.op, Op::MaxPool | Op::AvgPool) {
        pool::forward(gate.op, conv, a, out);
    } else {
        T::conv_forward(conv, a, b?, listed(gate, around, 2), out);
    }
    Some(())
}

#[inline(never)]
fn planes_back<T: Scalar>(reads: &Reads<'_, '_, T>, dx: &mut [T]) -> Option<()> {
    let &Reads { gate, around, a, b, delta, k, .. } = reads;
    let mut conv = Conv::of(&around.fixed.circuit, gate);
    let Ok(conv) = &mut conv else { return None };
    match k {
        _ if matches!(gate.op, Op::MaxPool | Op::AvgPool) => pool::backward(gate.op, conv, a, delta, dx),
        0 => T::conv_backward(conv, b?, delta, dx),
        1 => T::conv_update(conv, a, delta, -T::ONE, dx),
        _ => conv::update_bias(conv, delta, -T::ONE, dx),
    }
    Some(())
}

#[inline(never)]
fn through_time<T: Scalar>(gate: &Gate, slot: &Slot, out: &mut [T], around: &Around<'_, T>) -> Option<()> {
    let (h, saved) = out.split_at_mut_checked(slot.len as usize)?;
    recurrent::forward(&recurrent(gate, around)?, h, saved);
    Some(())
}

#[inline(never)]
fn back_through_time<T: Scalar>(reads: &Reads<'_, '_, T>, dx: &mut [T]) -> Option<()> {
    let &Reads { gate, slot, around, k, .. } = reads;
    let (h, deltas) = (own_value(around, slot)?, saved(gate, slot, around)?);
    let Some(gate) = &recurrent(gate, around) else { return None };
    recurrent::backward(gate, h, deltas, k, dx);
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
    let (h, g) = (own_value(around, slot)?, own_gradient(around, slot)?);
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
        x: value(around, gate.a)?,
        w_ih: value(around, gate.b)?,
        w_hh: listed(gate, around, 2)?,
        b_ih: listed(gate, around, 3)?,
        b_hh: listed(gate, around, 4)?,
    })
}

/// The value of an operand that the gate's record does not name.
#[inline(never)]
fn listed<'a, T: Scalar>(gate: &Gate, around: &Around<'a, T>, n: usize) -> Option<&'a [T]> {
    value(around, around.fixed.circuit.operand(gate, n)?.raw())
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
fn row_len<T: Scalar>(gate: &Gate, around: &Around<'_, T>) -> Option<usize> {
    Some(around.fixed.circuit.shape_at(usize::from(gate.a))?.last().max(1))
}
