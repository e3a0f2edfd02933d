//! Which kernel does a gate's forward and backward, and on which slots.
//!
//! Everything here returns nothing where a slot does not exist; a checked circuit with its own plan
//! has all of them.

use crate::broadcast::{self, Upstream};
use crate::elementwise::Own;
use crate::gate::Gate;
use crate::op::{Op, OpKind};
use crate::plan::saved_len;
use crate::scalar::Scalar;
use crate::store::Around;
use crate::{dense, loss, reduce, softmax};

/// Fills the wire of gate `i`; `out` is its slot, and `around` everything else.
pub(crate) fn forward<T: Scalar>(gate: &Gate, i: usize, out: &mut [T], around: &Around<'_, T>) -> Option<()> {
    let row = around.circuit.shape_at(i)?.last();
    match gate.op {
        Op::Dense => dense::forward(around.operand(gate, 0)?, around.operand(gate, 1)?, around.operand(gate, 2), out),
        Op::Dot => *out.first_mut()? = reduce::dot(around.operand(gate, 0)?, around.operand(gate, 1)?),
        Op::Sum => *out.first_mut()? = reduce::sum(around.operand(gate, 0)?),
        Op::Mean => {
            let a = around.operand(gate, 0)?;
            *out.first_mut()? = reduce::sum(a) / reduce::count(a);
        }
        Op::Slice => out.copy_from_slice(sliced(gate, around, around.operand(gate, 0)?, out.len())?),
        Op::Softmax => rows(around.operand(gate, 0)?, out, row, softmax::softmax),
        Op::LogSoftmax => rows(around.operand(gate, 0)?, out, row, softmax::log_softmax),
        Op::CrossEntropy => {
            let (logits, class) = (around.operand(gate, 0)?, *around.operand(gate, 1)?.first()?);
            let (loss, saved) = out.split_first_mut()?;
            *loss = softmax::cross_entropy(logits, class, saved);
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy => {
            *out.first_mut()? = loss::mean_loss(gate.op, around.operand(gate, 0)?, around.operand(gate, 1)?);
        }
        op => {
            let own = Own { numbers: around.circuit.numbers, start: gate.attributes() };
            let b = if op.kind() == OpKind::Binary { around.operand(gate, 1)? } else { &[T::ZERO] };
            if around.slots.get(i)?.value == around.slots.get(usize::from(gate.a))?.value {
                broadcast::forward_in_place(op, own, b, out);
            } else {
                broadcast::forward(op, own, around.operand(gate, 0)?, b, out);
            }
        }
    }
    Some(())
}

/// Adds to `dx`, the gradient of operand number `k`, what gate `i` passes back to it.
pub(crate) fn backward<T: Scalar>(gate: &Gate, i: usize, k: usize, dx: &mut [T], around: &Around<'_, T>) -> Option<()> {
    let delta = around.gradient(i)?;
    let &g = delta.first()?;
    let row = around.circuit.shape_at(i)?.last();
    match gate.op {
        Op::Dense => match k {
            0 => dense::backward(around.operand(gate, 1)?, delta, dx),
            1 => dense::accumulate(around.operand(gate, 0)?, delta, dx),
            _ => dx.iter_mut().zip(delta).for_each(|(db, &d)| *db += d),
        },
        Op::Dot => reduce::dot_back(around.operand(gate, 1 - k.min(1))?, g, dx),
        Op::Sum => reduce::sum_back(g, dx),
        Op::Mean => reduce::sum_back(g / reduce::count(dx), dx),
        Op::Slice => {
            let start = gate.start() * (dx.len() / around.circuit.shape_at(usize::from(gate.a))?.first());
            for (dx, &d) in dx.get_mut(start..start + delta.len())?.iter_mut().zip(delta) {
                *dx += d;
            }
        }
        Op::Softmax => rows_back(around.wire(i, 0)?, delta, dx, row, softmax::softmax_back),
        Op::LogSoftmax => rows_back(around.wire(i, 0)?, delta, dx, row, softmax::log_softmax_back),
        Op::CrossEntropy => {
            let saved = around.wire(i, saved_len(&around.circuit, gate))?;
            softmax::cross_entropy_back(saved.get(1..)?, *around.operand(gate, 1)?.first()?, g, dx);
        }
        Op::Mse | Op::Hinge | Op::BinaryCrossEntropy => {
            loss::mean_loss_back(gate.op, around.operand(gate, 0)?, around.operand(gate, 1)?, g, k == 1, dx);
        }
        op => {
            let own = Own { numbers: around.circuit.numbers, start: gate.attributes() };
            let b = if op.kind() == OpKind::Binary { around.operand(gate, 1)? } else { &[T::ZERO] };
            let up = Upstream { a: around.operand(gate, 0)?, b, y: around.wire(i, 0)?, g: delta };
            broadcast::backward(op, own, &up, k == 1, dx);
        }
    }
    Some(())
}

/// The elements of an operand that a slice takes.
fn sliced<'s, T: Scalar>(gate: &Gate, around: &Around<'s, T>, a: &'s [T], len: usize) -> Option<&'s [T]> {
    let start = gate.start() * (a.len() / around.circuit.shape_at(usize::from(gate.a))?.first());
    a.get(start..start + len)
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
