//! Which kernel does a gate's forward and backward, and on which slots; the few gates that networks
//! spend their time in are dispatched in [`hot`](crate::hot).
//!
//! Everything here returns nothing where a slot does not exist; a checked circuit with its own plan
//! has all of them.

use crate::broadcast::{self, Upstream};
use crate::circuit::CircuitRef;
use crate::elementwise::Own;
use crate::gate::Gate;
use crate::op::{Op, OpKind};
use crate::plan::{Slot, saved_len};
use crate::reduce::{row, row_mut};
use crate::scalar::Scalar;
use crate::store::Around;
use crate::{conv, dropout, layer_norm, loss, pool, recurrent, reduce, softmax};
use conv::Conv;

/// A gate whose wire, or the gradient of one of whose operands, is written, and everything else. What its
/// kernels read is looked up here for all of them, since in line they would be the greater part of every kernel.
pub(crate) struct Site<'r, 's, T: 'static> {
    pub(crate) gate: &'r Gate,
    pub(crate) slot: &'r Slot,
    pub(crate) around: Around<'s, T>,
}

impl<'s, T: Scalar> Site<'_, 's, T> {
    /// The value of a wire, if it is there: one whose place the gate's wire takes over is not.
    #[inline(never)]
    fn value(&self, wire: u16) -> Option<&'s [T]> {
        self.around.value(wire)
    }

    /// The value of the first operand.
    #[inline(never)]
    fn a(&self) -> Option<&'s [T]> {
        self.value(self.gate.a)
    }

    /// The value of the second operand.
    #[inline(never)]
    fn b(&self) -> Option<&'s [T]> {
        self.value(self.gate.b)
    }

    /// The value of an operand that the gate's record need not name.
    #[inline(never)]
    pub(crate) fn operand(&self, n: usize) -> Option<&'s [T]> {
        self.value(self.circuit().operand(self.gate, n)?.raw())
    }

    /// The gate's own value.
    #[inline(never)]
    fn own_value(&self) -> Option<&'s [T]> {
        self.around.value_and_saved(self.slot, 0)
    }

    /// What came back to the gate.
    #[inline(never)]
    fn gradient(&self) -> Option<&'s [T]> {
        self.around.gradient(self.slot)
    }

    /// What the gate keeps behind its wire's value.
    #[inline(never)]
    fn saved(&self) -> Option<&'s [T]> {
        let saved = saved_len(self.circuit(), self.gate);
        self.around.value_and_saved(self.slot, saved)?.get(self.slot.len as usize..)
    }

    pub(crate) fn circuit(&self) -> &CircuitRef<'s, T> {
        &self.around.fixed.circuit
    }

    /// The gate's own number, if it has one.
    fn number(&self) -> Option<T> {
        let circuit = self.circuit();
        match self.gate.op.attributes() {
            0 => None,
            _ => circuit.numbers.get(circuit.numbers_place(self.gate)).copied(),
        }
    }

    /// What tells the gate from the others of its circuit: the wire it reads, and where its number stands.
    fn place(&self) -> u32 {
        u32::from(self.gate.a) << 16 | u32::from(self.gate.c)
    }

    /// Where the rows of a slice begin in an operand of `len` elements.
    fn row_start(&self, len: usize) -> Option<usize> {
        let rows = self.circuit().shape_at(usize::from(self.gate.a))?.first();
        len.checked_div(rows).map(|row| self.gate.start() * row)
    }

    /// The length of the innermost dimension of the first operand.
    fn row_len(&self) -> Option<usize> {
        Some(self.circuit().shape_at(usize::from(self.gate.a))?.last().max(1))
    }

    #[inline(never)]
    fn reads(&self, delta: &'s [T]) -> Option<Reads<'s, T>> {
        Some(Reads { a: self.a()?, b: self.b(), own: self.number(), delta })
    }
}

/// What most kernels read.
struct Reads<'s, T: 'static> {
    a: &'s [T],
    b: Option<&'s [T]>,
    /// The gate's own number, if it has one.
    own: Option<T>,
    /// What came back to the gate; nothing on the way forward.
    delta: &'s [T],
}

/// Fills the wire of a gate; `out` is its slot.
///
/// Each of the functions behind this has its operands and its stack for itself: none is called by another,
/// but for those of an update, by [`accumulate`].
#[inline(always)]
pub(crate) fn forward<T: Scalar>(site: &Site<'_, '_, T>, out: &mut [T]) -> Option<()> {
    match site.gate.op {
        Op::Dense => dense(site, out),
        op if slides(op) => planes(site, out),
        op if prepares(op) => through_time(site, out),
        op if op.is_elementwise() => elements(site, out),
        op if is_one(op) => one(site, out),
        _ => wires(site, out),
    }
}

/// Adds to `dx`, the gradient of operand number `k`, what a gate passes back to it.
#[inline(always)]
pub(crate) fn backward<T: Scalar>(site: &Site<'_, '_, T>, k: usize, dx: &mut [T]) -> Option<()> {
    match site.gate.op {
        op if op.has_weights() && k > 0 => accumulate(site, k, dx),
        Op::Dense => dense_back(site, dx),
        op if slides(op) => planes_back(site, dx),
        op if prepares(op) => back_through_time(site, k, dx),
        op if op.is_elementwise() => elements_back(site, k, dx),
        op if is_one(op) => one_back(site, k, dx),
        _ => wires_back(site, k, dx),
    }
}

/// w −= rate · what operand number `k` of a gate with weights has as its gradient.
#[inline(always)]
pub(crate) fn update<T: Scalar>(site: &Site<'_, '_, T>, k: usize, rate: T, w: &mut [T]) -> Option<()> {
    match site.gate.op {
        Op::Dense => dense_update(site, k, rate, w),
        _ => planes_update(site, k, rate, w),
    }
}

/// What comes back to weights is exactly what an update at a rate of -1 subtracts.
#[inline(never)]
fn accumulate<T: Scalar>(site: &Site<'_, '_, T>, k: usize, dw: &mut [T]) -> Option<()> {
    update(site, k, -T::ONE, dw)
}

/// Whether the wire of a gate that is not elementwise is one number as a rule: losses, and sums of all sorts.
const fn is_one(op: Op) -> bool {
    matches!(op, Op::Dot | Op::Sum | Op::Mean | Op::MaxOf) || matches!(op.kind(), OpKind::Loss)
}

/// Whether a window slides over planes.
const fn slides(op: Op) -> bool {
    matches!(op, Op::Conv1d | Op::Conv2d | Op::MaxPool | Op::AvgPool)
}

#[inline(never)]
fn dense<T: Scalar>(site: &Site<'_, '_, T>, z: &mut [T]) -> Option<()> {
    T::dense_forward(site.a()?, site.b()?, site.operand(2), z);
    Some(())
}

#[inline(never)]
fn dense_back<T: Scalar>(site: &Site<'_, '_, T>, dx: &mut [T]) -> Option<()> {
    T::dense_backward(site.b()?, site.gradient()?, dx);
    Some(())
}

#[inline(never)]
fn dense_update<T: Scalar>(site: &Site<'_, '_, T>, k: usize, rate: T, w: &mut [T]) -> Option<()> {
    T::dense_update(if k == 1 { site.a()? } else { &[] }, site.gradient()?, rate, w);
    Some(())
}

#[inline(never)]
fn elements<T: Scalar>(site: &Site<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let &Site { gate, slot, ref around } = site;
    let own = Own { numbers: around.fixed.circuit.numbers, start: gate.attributes() };
    let b = if gate.op.kind() == OpKind::Binary { site.b()? } else { &[T::ZERO] };
    if around.slot(gate.a)?.value != slot.value {
        broadcast::start(site.a()?, out);
    }
    broadcast::forward(gate.op, own, b, out);
    Some(())
}

#[inline(never)]
fn elements_back<T: Scalar>(site: &Site<'_, '_, T>, k: usize, dx: &mut [T]) -> Option<()> {
    let op = site.gate.op;
    let own = Own { numbers: site.circuit().numbers, start: site.gate.attributes() };
    let a = site.a()?;
    // Where there is no second operand, nobody looks at it.
    let b = if op.kind() == OpKind::Binary { site.b()? } else { a };
    let up = Upstream { a, b, y: site.own_value()?, g: site.gradient()? };
    broadcast::backward(op, own, &up, k == 1, dx);
    Some(())
}

#[inline(never)]
fn one<T: Scalar>(site: &Site<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let &Reads { a, b, own, .. } = &site.reads(&[])?;
    let one = match site.gate.op {
        Op::Dot => reduce::dot(a, b?),
        Op::Sum => reduce::sum(a),
        Op::Mean => reduce::sum(a) / reduce::count(a),
        Op::MaxOf => reduce::max(a),
        Op::CrossEntropy => T::cross_entropy(a, *b?.first()?, out.get_mut(1..)?),
        Op::SmoothCrossEntropy => {
            let (&class, (_, saved)) = (b?.first()?, out.split_first_mut()?);
            softmax::smoothed(a, T::cross_entropy(a, class, saved), class, own?)
        }
        op => loss::mean_loss(op, own.unwrap_or(T::ONE), a, b?),
    };
    *out.first_mut()? = one;
    Some(())
}

#[inline(never)]
fn one_back<T: Scalar>(site: &Site<'_, '_, T>, k: usize, dx: &mut [T]) -> Option<()> {
    let &Reads { a, b, own, delta } = &site.reads(site.gradient()?)?;
    let &g = delta.first()?;
    match site.gate.op {
        Op::Dot => reduce::dot_back(if k == 0 { b? } else { a }, g, dx),
        Op::Sum => reduce::sum_back(g, dx),
        Op::Mean => reduce::sum_back(g / reduce::count(dx), dx),
        Op::MaxOf => reduce::max_back(a, g, dx),
        Op::CrossEntropy | Op::SmoothCrossEntropy => {
            T::cross_entropy_back(site.saved()?, *b?.first()?, own.unwrap_or(T::ZERO), g, dx);
        }
        op => loss::mean_loss_back(op, own.unwrap_or(T::ONE), a, b?, g, k == 1, dx),
    }
    Some(())
}

#[inline(never)]
fn wires<T: Scalar>(site: &Site<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let op = site.gate.op;
    // Where the plan gives both wires one place, there is nothing to do.
    if op == Op::Reshape && site.slot.value == site.around.slot(site.gate.a)?.value {
        return Some(());
    }
    let &Reads { a, b, own, .. } = &site.reads(&[])?;
    match op {
        Op::Slice => copy(a.get(site.row_start(a.len())?..)?, out),
        Op::Reshape => copy(a, out),
        Op::Concat => {
            let (first, rest) = out.split_at_mut_checked(a.len())?;
            copy(a, first);
            copy(b?, rest);
        }
        Op::GlobalAvg => reduce::planes_mean(a, out),
        Op::Softmax | Op::LogSoftmax => {
            let n = site.row_len()?;
            for i in 0..a.len() / n {
                let (a, out) = (row(a, i, n), row_mut(out, i, n));
                if op == Op::Softmax { softmax::softmax(a, out) } else { softmax::log_softmax(a, out) }
            }
        }
        Op::LayerNorm => {
            let (y, kept) = out.split_at_mut_checked(a.len())?;
            layer_norm::forward(a, b?, site.operand(2)?, own?, y, kept);
        }
        Op::Dropout => dropout::forward(a, own?, site.place(), site.around.fixed.noise, out),
        _ => return None,
    }
    Some(())
}

#[inline(never)]
fn wires_back<T: Scalar>(site: &Site<'_, '_, T>, k: usize, dx: &mut [T]) -> Option<()> {
    let op = site.gate.op;
    let &Reads { a, b, own, delta } = &site.reads(site.gradient()?)?;
    match op {
        Op::Slice => add(delta, dx.get_mut(site.row_start(dx.len())?..)?),
        Op::Reshape => add(delta, dx),
        Op::Concat => add(delta.get(if k == 0 { 0 } else { delta.len().checked_sub(dx.len())? }..)?, dx),
        Op::GlobalAvg => reduce::planes_mean_back(delta, dx),
        Op::Softmax | Op::LogSoftmax => {
            let (n, y) = (site.row_len()?, site.own_value()?);
            for i in 0..y.len() / n {
                let (y, g, dx) = (row(y, i, n), row(delta, i, n), row_mut(dx, i, n));
                if op == Op::Softmax {
                    softmax::softmax_back(y, g, dx);
                } else {
                    softmax::log_softmax_back(y, g, dx);
                }
            }
        }
        Op::LayerNorm => layer_norm::backward(a, b?, site.saved()?, delta, k, dx),
        Op::Dropout => dropout::backward(delta, own?, site.place(), site.around.fixed.noise, dx),
        _ => return None,
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

#[inline(never)]
fn planes<T: Scalar>(site: &Site<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let mut conv = Conv::of(site.circuit(), site.gate);
    let (Ok(conv), a) = (&mut conv, site.a()?) else { return None };
    match site.gate.op {
        op @ (Op::MaxPool | Op::AvgPool) => pool::forward(op, conv, a, out),
        _ => T::conv_forward(conv, a, site.b()?, site.operand(2), out),
    }
    Some(())
}

#[inline(never)]
fn planes_back<T: Scalar>(site: &Site<'_, '_, T>, dx: &mut [T]) -> Option<()> {
    let mut conv = Conv::of(site.circuit(), site.gate);
    let (Ok(conv), delta) = (&mut conv, site.gradient()?) else { return None };
    match site.gate.op {
        op @ (Op::MaxPool | Op::AvgPool) => pool::backward(op, conv, site.a()?, delta, dx),
        _ => T::conv_backward(conv, site.b()?, delta, dx),
    }
    Some(())
}

#[inline(never)]
fn planes_update<T: Scalar>(site: &Site<'_, '_, T>, k: usize, rate: T, w: &mut [T]) -> Option<()> {
    let mut conv = Conv::of(site.circuit(), site.gate);
    let (Ok(conv), delta) = (&mut conv, site.gradient()?) else { return None };
    match k {
        1 => T::conv_update(conv, site.a()?, delta, rate, w),
        _ => conv::update_bias(conv, delta, rate, w),
    }
    Some(())
}

/// Whether a gate goes through time, so that [`prepare`] comes before the way back to its operands.
#[inline]
pub(crate) const fn prepares(op: Op) -> bool {
    matches!(op, Op::Gru | Op::Rnn)
}

#[inline(never)]
fn through_time<T: Scalar>(site: &Site<'_, '_, T>, out: &mut [T]) -> Option<()> {
    let (h, saved) = out.split_at_mut_checked(site.slot.len as usize)?;
    recurrent::forward(site, h, saved);
    Some(())
}

/// What comes before the way back of a gate of many steps: `saved` is the memory that the gate has
/// behind its wire's value, and what is written there is read on the way back to each operand.
#[inline(always)]
pub(crate) fn prepare<T: Scalar>(site: &Site<'_, '_, T>, saved: &mut [T]) -> Option<()> {
    recurrent::deltas(site, site.own_value()?, site.gradient()?, saved);
    Some(())
}

#[inline(never)]
fn back_through_time<T: Scalar>(site: &Site<'_, '_, T>, k: usize, dx: &mut [T]) -> Option<()> {
    recurrent::backward(site, site.own_value()?, site.saved()?, k, dx);
    Some(())
}
