//! Recurrent layers over a window: gru (Cho et al., 2014, in the form of cuDNN and PyTorch) and the
//! simple rnn (Elman, 1990), forward and backward through time (Werbos, 1990).
//!
//! x is `[time][in]`, the wire `[time][hidden]`, and h before the first step is 0. Weights are
//! `[in][columns]` and `[hidden][columns]`, with one column a hidden unit (rnn) or three, all r first,
//! then all z, then all n (gru). Of one step, with aⱼ = b_ihⱼ + Σ xᵢ·wᵢⱼ, i ascending, and
//! cⱼ = b_hhⱼ + Σ hₖ·uₖⱼ, k ascending (no sum at the first step):
//!
//! - rnn: h ← tanh(a + c), or max(a + c, 0);
//! - gru: r = σ(a_r + c_r), z = σ(a_z + c_z), n = tanh(a_n + r·c_n), h ← (1 − z)·n + z·h.
//!
//! The way back has a first part, [`deltas`], that goes from the last step to the first and leaves, in
//! the memory that the gate has for itself, the gradients of a and c; and one part an operand, that
//! reads them and goes from the first step to the last. r, z and n are found again there and not kept:
//! on a microcontroller, the memory for them counts more than a second look at the weights. With g what
//! came back to a step's h, and `carry` what the step after it passes back to it:
//!
//! - d = g + carry; rnn: δ = d·(1 − h²), or d where h > 0;
//! - gru: δ_n = d·(1 − z)·(1 − n²), δ_z = d·(h₋₁ − n)·z·(1 − z), δ_r = δ_n·c_n·r·(1 − r), and c_n gets
//!   δ_n·r; carry = d·z, and 0 for an rnn;
//! - carryₖ += uₖⱼ·δⱼ, j ascending;
//! - dxᵢ += wᵢⱼ·δⱼ, j ascending; dwᵢⱼ += xᵢ·δⱼ; duₖⱼ += hₖ·δⱼ; the biases' += δⱼ: t ascending.

use crate::elementwise::sigmoid;
use crate::op::Op;
use crate::reduce::{row, row_mut};
use crate::scalar::Scalar;

/// What a recurrent gate reads.
#[derive(Clone, Copy)]
pub(crate) struct Recurrent<'a, T> {
    pub(crate) op: Op,
    /// max(·, 0) instead of tanh, in an rnn.
    pub(crate) relu: bool,
    /// `[in]` and `[hidden]` of each step.
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
    pub(crate) x: &'a [T],
    pub(crate) w_ih: &'a [T],
    pub(crate) w_hh: &'a [T],
    pub(crate) b_ih: &'a [T],
    pub(crate) b_hh: &'a [T],
}

/// Numbers of one step's deltas, a hidden unit: those of r, z, n and c_n, or the only one.
pub(crate) const fn parts(op: Op) -> usize {
    if matches!(op, Op::Gru) { 4 } else { 1 }
}

/// Numbers that the way back takes beside the wire's value: all deltas, and what is carried.
pub(crate) const fn saved_len(op: Op, steps: usize, hidden: usize) -> usize {
    (steps * parts(op) + 1) * hidden
}

/// A gru's r, z and n of one unit, and c_n.
struct Unit<T> {
    r: T,
    z: T,
    n: T,
    c: T,
}

impl<T: Scalar> Recurrent<'_, T> {
    /// The columns of the weights.
    fn columns(&self) -> usize {
        self.b_ih.len().max(1)
    }

    /// a and c of column `j`.
    fn sums(&self, x: &[T], past: &[T], j: usize) -> (T, T) {
        (column(x, self.w_ih, self.b_ih, j), column(past, self.w_hh, self.b_hh, j))
    }

    fn unit(&self, x: &[T], past: &[T], j: usize) -> Unit<T> {
        let gate = |j| {
            let (a, c) = self.sums(x, past, j);
            sigmoid(a + c)
        };
        let (r, z) = (gate(j), gate(j + self.hidden));
        let (a, c) = self.sums(x, past, j + 2 * self.hidden);
        Unit { r, z, n: (a + r * c).tanh(), c }
    }

    /// h of one unit after a step.
    fn step(&self, x: &[T], past: &[T], j: usize) -> T {
        if self.op == Op::Gru {
            let Unit { z, n, .. } = self.unit(x, past, j);
            return (T::ONE - z) * n + z * at(past, j);
        }
        let (a, c) = self.sums(x, past, j);
        match self.relu {
            true if a + c <= T::ZERO => T::ZERO,
            true => a + c,
            false => (a + c).tanh(),
        }
    }

    /// x of step `t`.
    fn input(&self, t: usize) -> &[T] {
        row(self.x, t, self.inputs)
    }
}

/// b + Σ x w of one column.
#[inline(never)]
fn column<T: Scalar>(x: &[T], w: &[T], b: &[T], j: usize) -> T {
    let mut sum = at(b, j);
    let mut place = j;
    for &x in x {
        sum += x * at(w, place);
        place += b.len();
    }
    sum
}

fn at<T: Scalar>(values: &[T], j: usize) -> T {
    values.get(j).copied().unwrap_or(T::ZERO)
}

/// Fills h, step after step.
pub(crate) fn forward<T: Scalar>(gate: &Recurrent<'_, T>, h: &mut [T]) {
    let hidden = gate.hidden.max(1);
    for t in 0..h.len() / hidden {
        let Some((past, now)) = h.split_at_mut_checked(t * hidden) else { return };
        let past = if t > 0 { row(past, t - 1, hidden) } else { &[] };
        for (j, h) in now.iter_mut().take(hidden).enumerate() {
            *h = gate.step(gate.input(t), past, j);
        }
    }
}

/// The first part of the way back: from what came back to h, and h itself, the gradients of the sums
/// of all steps.
pub(crate) fn deltas<T: Scalar>(gate: &Recurrent<'_, T>, h: &[T], g: &[T], saved: &mut [T]) {
    let hidden = gate.hidden.max(1);
    let Some((deltas, carry)) = saved.split_at_mut_checked(saved.len().saturating_sub(hidden)) else { return };
    carry.fill(T::ZERO);
    for t in (0..g.len() / hidden).rev() {
        let (g, deltas) = (row(g, t, hidden), row_mut(deltas, t, hidden * parts(gate.op)));
        let (past, now) = (if t > 0 { row(h, t - 1, hidden) } else { &[] }, row(h, t, hidden));
        for (j, (&g, carry)) in g.iter().zip(&mut *carry).enumerate() {
            let d = g + *carry;
            *carry = T::ZERO;
            let mut put = |part: usize, delta: T| {
                if let Some(place) = deltas.get_mut(part * hidden + j) {
                    *place = delta;
                }
            };
            if gate.op == Op::Gru {
                let Unit { r, z, n, c } = gate.unit(gate.input(t), past, j);
                let delta = d * (T::ONE - z) * (T::ONE - n * n);
                put(0, delta * c * r * (T::ONE - r));
                put(1, d * (at(past, j) - n) * z * (T::ONE - z));
                put(2, delta);
                put(3, delta * r);
                *carry = d * z;
            } else {
                let h = at(now, j);
                put(
                    0,
                    match gate.relu {
                        true if h > T::ZERO => d,
                        true if h == T::ZERO => T::ZERO,
                        true => h, // NaN
                        false => (T::ONE - h * h) * d,
                    },
                );
            }
        }
        pass(gate.w_hh, of_past(gate.op, deltas, hidden), carry);
    }
}

/// The deltas of a step, a row of weights long: first ones and last ones, which need not be neighbours.
type Deltas<'a, T> = (&'a [T], &'a [T]);

/// Those of a: r, z, n.
fn of_input<T>(op: Op, deltas: &[T], hidden: usize) -> Deltas<'_, T> {
    (deltas.get(..(parts(op) - parts(op) / 4) * hidden).unwrap_or_default(), &[])
}

/// Those of c: r, z, c_n.
fn of_past<T>(op: Op, deltas: &[T], hidden: usize) -> Deltas<'_, T> {
    if op == Op::Gru {
        (deltas.get(..2 * hidden).unwrap_or_default(), deltas.get(3 * hidden..).unwrap_or_default())
    } else {
        (deltas, &[])
    }
}

/// dx += W δ
fn pass<T: Scalar>(w: &[T], (first, last): Deltas<'_, T>, dx: &mut [T]) {
    for (row, dx) in w.chunks_exact((first.len() + last.len()).max(1)).zip(dx) {
        let mut sum = *dx;
        let (head, tail) = row.split_at(first.len().min(row.len()));
        for (part, deltas) in [(head, first), (tail, last)] {
            for (&w, &d) in part.iter().zip(deltas) {
                sum += w * d;
            }
        }
        *dx = sum;
    }
}

/// dW += x δᵀ; dW of a bias is one row, and its x is 1.
fn accumulate<T: Scalar>(x: &[T], (first, last): Deltas<'_, T>, dw: &mut [T]) {
    for (row, &x) in dw.chunks_exact_mut((first.len() + last.len()).max(1)).zip(x) {
        let (head, tail) = row.split_at_mut(first.len().min(row.len()));
        for (part, deltas) in [(head, first), (tail, last)] {
            for (dw, &d) in part.iter_mut().zip(deltas) {
                *dw += x * d;
            }
        }
    }
}

/// The second part of the way back: what goes to operand `k` of x, w_ih, w_hh, b_ih, b_hh.
pub(crate) fn backward<T: Scalar>(gate: &Recurrent<'_, T>, h: &[T], saved: &[T], k: usize, dx: &mut [T]) {
    let (hidden, inputs) = (gate.hidden.max(1), gate.inputs.max(1));
    debug_assert!(gate.w_hh.len() == gate.columns() * hidden);
    for t in 0..h.len() / hidden {
        let deltas = row(saved, t, hidden * parts(gate.op));
        let (input, past) = (of_input(gate.op, deltas, hidden), of_past(gate.op, deltas, hidden));
        match k {
            0 => pass(gate.w_ih, input, row_mut(dx, t, inputs)),
            1 => accumulate(gate.input(t), input, dx),
            2 if t == 0 => {}
            2 => accumulate(row(h, t - 1, hidden), past, dx),
            3 => accumulate(&[T::ONE], input, dx),
            _ => accumulate(&[T::ONE], past, dx),
        }
    }
}
