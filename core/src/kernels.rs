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
use crate::scalar::Scalar;
use crate::store::Around;
use crate::{loss, reduce, softmax};

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
        Op::Softmax => rows(around.value(gate.a)?, out, row(gate, around)?, softmax::softmax),
        Op::LogSoftmax => rows(around.value(gate.a)?, out, row(gate, around)?, softmax::log_softmax),
        Op::CrossEntropy => {
            let (logits, &class) = (around.value(gate.a)?, around.value(gate.b)?.first()?);
            let (loss, saved) = out.split_first_mut()?;
            *loss = softmax::cross_entropy(logits, class, saved);
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy => {
            *out.first_mut()? = loss::mean_loss(gate.op, around.value(gate.a)?, around.value(gate.b)?);
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
        Op::Softmax => {
            rows_back(around.value_and_saved(slot, 0)?, delta, dx, row(gate, around)?, softmax::softmax_back)
        }
        Op::LogSoftmax => {
            rows_back(around.value_and_saved(slot, 0)?, delta, dx, row(gate, around)?, softmax::log_softmax_back)
        }
        Op::CrossEntropy => {
            let saved = around.value_and_saved(slot, saved_len(&around.fixed.circuit, gate))?;
            softmax::cross_entropy_back(saved.get(1..)?, *around.value(gate.b)?.first()?, g, dx);
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy => {
            loss::mean_loss_back(gate.op, around.value(gate.a)?, around.value(gate.b)?, g, k == 1, dx);
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
