//! Recurrent layers over a window: gru (Cho et al., 2014, in the form of cuDNN and PyTorch) and the
//! simple rnn (Elman, 1990), forward and backward through time (Werbos, 1990).
//!
//! x is `[time][in]`, the wire `[time][hidden]`, and h before the first step is 0. Weights are
//! `[in][columns]` and `[hidden][columns]`, with one column a hidden unit (rnn) or three, all r first,
//! then all z, then all n (gru). Of one step, with sums that go, where xᵢ and hₖ are not ±0, over i and k
//! ascending (none over the past at the first step), and from left to right:
//!
//! - rnn: h ← tanh(s), or max(s, 0), with sⱼ = b_ihⱼ + Σ xᵢ·wᵢⱼ + b_hhⱼ + Σ hₖ·uₖⱼ;
//! - gru: r = σ(s_r), z = σ(s_z), n = tanh(a + r·c), h ← (1 − z)·n + z·h, with aⱼ = b_ihⱼ + Σ xᵢ·wᵢⱼ and
//!   cⱼ = b_hhⱼ + Σ hₖ·uₖⱼ of n's columns.
//!
//! For the way back, forward keeps r, z, n and c of all steps in the memory that the gate has for itself. It
//! has a first part, [`deltas`], that goes from the last step to the first and puts the gradients of the sums
//! in their place (or finds them once more, if an earlier way back has done so already); and one part an
//! operand, that reads them and goes from the first step to the last. With g what
//! came back to a step's h, and `carry` what the step after it passes back to it:
//!
//! - d = g + carry; rnn: δ = d·(1 − h²), or d where h > 0;
//! - gru: δ_n = d·(1 − z)·(1 − n²), δ_z = d·(h₋₁ − n)·z·(1 − z), δ_r = δ_n·c·r·(1 − r), δ_c = δ_n·r;
//!   carry = d·z, and 0 for an rnn;
//! - carryₖ += uₖⱼ·δⱼ, j ascending;
//! - dxᵢ += wᵢⱼ·δⱼ, j ascending; dwᵢⱼ += xᵢ·δⱼ and duₖⱼ += hₖ·δⱼ where xᵢ and hₖ are not ±0; the biases'
//!   += δⱼ: t ascending.

use crate::elementwise::sigmoid;
use crate::kernels::Site;
use crate::op::Op;
use crate::reduce::{row, row_mut};
use crate::scalar::Scalar;
use crate::shape::Shape;

/// Numbers of one step's deltas, a hidden unit: those of r, z, n and c, or the only one.
pub(crate) const fn parts(op: Op) -> usize {
    if matches!(op, Op::Gru) { 4 } else { 1 }
}

/// Columns of the weights, a hidden unit: those of r, z and n, or the only one.
const fn columns(op: Op) -> usize {
    if matches!(op, Op::Gru) { 3 } else { 1 }
}

/// Numbers beside the wire's value: a gru's units as forward leaves them, where the way back puts all deltas,
/// and what is carried from step to step, whose first number tells which of the two they are before it does.
pub(crate) const fn saved_len(op: Op, steps: usize, hidden: usize) -> usize {
    (steps * parts(op) + 1) * hidden
}

/// Units that are looked at together where nothing of them is kept.
const SOME: usize = 8;

/// The operands: x, then the weights and biases of the input, and those of the past.
const X: usize = 0;
const W_IH: usize = 1;
const W_HH: usize = 2;
const B_HH: usize = 4;

impl<'s, T: Scalar> Site<'_, 's, T> {
    #[inline(never)]
    fn numbers(&self, operand: usize) -> &'s [T] {
        self.operand(operand).unwrap_or_default()
    }

    /// Finds r, z, n and c (gru) or h (rnn) of the units of step `t` from number `j` on, all r first: of as
    /// many as there is room for.
    #[inline(never)]
    fn look(&self, t: usize, past: &[T], j: usize, units: &mut [T]) {
        let op = self.gate.op;
        units.fill(T::ZERO);
        self.sums(W_IH, self.input(t), j, units);
        self.sums(W_HH, past, j, units);
        let some = units.len() / parts(op);
        if op != Op::Gru {
            let relu = self.circuit().integers(self.gate).first() == Some(&1);
            for h in units {
                *h = match *h {
                    sum if !relu => sum.tanh(),
                    sum if sum <= T::ZERO => T::ZERO,
                    sum => sum,
                };
            }
        } else if let Some((gates, n)) = units.split_at_mut_checked(2 * some)
            && let Some((n, c)) = n.split_at_mut_checked(some)
        {
            gates.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
            n.iter_mut().zip(c).zip(gates).for_each(|((n, &mut c), &mut r)| *n = (*n + r * c).tanh());
        }
    }

    /// What some units are made of += b + Σ x w, from column `j` on; the bias comes two operands behind the
    /// weights.
    #[inline(never)]
    fn sums(&self, weights: usize, x: &[T], j: usize, units: &mut [T]) {
        let (op, w, b) = (self.gate.op, self.numbers(weights), self.numbers(weights + 2));
        let (hidden, some) = (self.hidden(), units.len() / parts(op));
        for part in 0..columns(op) {
            let column = j + part * hidden;
            // The two sums of n stay apart.
            let sums = row_mut(units, if part + weights == 2 + W_HH { 3 } else { part }, some);
            sums.iter_mut().zip(b.get(column..).unwrap_or_default()).for_each(|(sum, &b)| *sum += b);
            T::add_rows(x, w.get(column..).unwrap_or_default(), b.len(), sums);
        }
    }

    /// The units of a step.
    fn hidden(&self) -> usize {
        self.circuit().shapes.get(usize::from(self.gate.shape)).map_or(1, |shape| shape.last().max(1))
    }

    /// x of step `t`.
    #[inline(never)]
    fn input(&self, t: usize) -> &'s [T] {
        let inputs = self.circuit().shape_at(usize::from(self.gate.a)).map_or(0, Shape::last);
        row(self.numbers(X), t, inputs)
    }

    /// A step's deltas of a, or of c, a row of weights long: first ones and last ones, which need not be
    /// neighbours.
    #[inline(never)]
    fn split<'d>(&self, deltas: &'d [T], of_past: bool) -> [&'d [T]; 2] {
        let (hidden, op) = (self.hidden(), self.gate.op);
        let first = if of_past { columns(op).min(2) } else { columns(op) };
        let last = parts(op) + first - columns(op);
        [deltas.get(..first * hidden).unwrap_or_default(), deltas.get(last * hidden..).unwrap_or_default()]
    }
}

/// h of the step before `t`; nothing before the first.
fn past<T>(h: &[T], t: usize, hidden: usize) -> &[T] {
    if t == 0 { &[] } else { row(h, t - 1, hidden) }
}

/// Fills h, step after step, and where there is memory for the way back, what that needs.
#[inline(never)]
pub(crate) fn forward<T: Scalar>(site: &Site<'_, '_, T>, h: &mut [T], saved: &mut [T]) {
    let (op, hidden, mut t) = (site.gate.op, site.hidden(), 0);
    while let Some((before, now)) = h.split_at_mut_checked(t * hidden)
        && let Some(now) = now.get_mut(..hidden)
    {
        let (past, units) = (past(before, t, hidden), row_mut(saved, t, hidden * 4));
        match op {
            Op::Gru if units.is_empty() => forward_some(site, t, past, now),
            Op::Gru => {
                site.look(t, past, 0, units);
                outputs(units, past, now);
            }
            _ => site.look(t, past, 0, now),
        }
        t += 1;
    }
    // That what is saved are the units, and not yet their deltas.
    if let Some(mark) = saved.get_mut(t * hidden * parts(op)) {
        *mark = T::ONE;
    }
}

/// One step of a gru of which nothing is kept.
#[inline(never)]
fn forward_some<T: Scalar>(site: &Site<'_, '_, T>, t: usize, past: &[T], h: &mut [T]) {
    let mut units = [T::ZERO; 4 * SOME];
    for (block, h) in h.chunks_mut(SOME).enumerate() {
        let units = units.get_mut(..4 * h.len()).unwrap_or_default();
        site.look(t, past, block * SOME, units);
        outputs(units, past.get(block * SOME..).unwrap_or_default(), h);
    }
}

/// h of the units of a gru.
#[inline(never)]
fn outputs<T: Scalar>(units: &[T], past: &[T], h: &mut [T]) {
    let some = h.len();
    let mut past = past.iter();
    for (h, (&z, &n)) in h.iter_mut().zip(row(units, 1, some).iter().zip(row(units, 2, some))) {
        *h = (T::ONE - z) * n + z * past.next().copied().unwrap_or(T::ZERO);
    }
}

/// The first part of the way back: from what came back to h, and h itself, the gradients of the sums
/// of all steps, in the place of the units that [`forward`] found.
#[inline(never)]
pub(crate) fn deltas<T: Scalar>(site: &Site<'_, '_, T>, h: &[T], g: &[T], saved: &mut [T]) {
    let (hidden, parts) = (site.hidden(), parts(site.gate.op));
    let Some((deltas, carry)) = saved.split_at_mut_checked(saved.len().saturating_sub(hidden)) else { return };
    // After an earlier way back they must be found once more.
    let found = carry.first() == Some(&T::ONE);
    carry.fill(T::ZERO);
    for t in (0..g.len() / hidden).rev() {
        let (g, past, deltas) = (row(g, t, hidden), past(h, t, hidden), row_mut(deltas, t, hidden * parts));
        if site.gate.op != Op::Gru {
            let relu = site.circuit().integers(site.gate).first() == Some(&1);
            rnn_deltas(deltas, row(h, t, hidden), relu, g, carry);
        } else {
            if !found {
                site.look(t, past, 0, deltas);
            }
            gru_deltas(deltas, g, past, carry);
        }
        pass(site.numbers(W_HH), site.split(deltas, true), carry);
    }
    // What is carried further than the first step is no use; it must not look like the mark.
    if let Some(mark) = carry.first_mut() {
        *mark = T::ZERO;
    }
}

/// Turns r, z, n and c of one step into their deltas.
#[inline(never)]
fn gru_deltas<T: Scalar>(units: &mut [T], g: &[T], past: &[T], carry: &mut [T]) {
    let mut past = past.iter();
    let Some((gates, others)) = units.split_at_mut_checked(2 * carry.len()) else { return };
    let Some((r, z)) = gates.split_at_mut_checked(carry.len()) else { return };
    let Some((n, c)) = others.split_at_mut_checked(carry.len()) else { return };
    for ((((r, z), n), c), (&g, carry)) in r.iter_mut().zip(z).zip(n).zip(c).zip(g.iter().zip(carry)) {
        let (d, after) = (g + *carry, T::ONE - *z);
        *carry = d * *z;
        *z = d * (past.next().copied().unwrap_or(T::ZERO) - *n) * *z * after;
        *n = d * after * (T::ONE - *n * *n);
        (*c, *r) = (*n * *r, *n * *c * *r * (T::ONE - *r));
    }
}

/// The deltas of one step of an rnn.
#[inline(never)]
fn rnn_deltas<T: Scalar>(deltas: &mut [T], h: &[T], relu: bool, g: &[T], carry: &mut [T]) {
    for ((delta, &h), (&g, carry)) in deltas.iter_mut().zip(h).zip(g.iter().zip(carry)) {
        let d = g + *carry;
        *carry = T::ZERO;
        *delta = match relu {
            true if h > T::ZERO => d,
            true => h, // 0, or NaN
            false => (T::ONE - h * h) * d,
        };
    }
}

/// dx += W δ
#[inline(never)]
fn pass<T: Scalar>(w: &[T], [first, last]: [&[T]; 2], dx: &mut [T]) {
    let n = first.len() + last.len();
    T::pass_rows(w, n, first, dx);
    T::pass_rows(w.get(first.len()..).unwrap_or_default(), n, last, dx);
}

/// The second part of the way back: what goes to operand `k` of x, w_ih, w_hh, b_ih, b_hh.
#[inline(never)]
pub(crate) fn backward<T: Scalar>(site: &Site<'_, '_, T>, h: &[T], saved: &[T], k: usize, dx: &mut [T]) {
    let hidden = site.hidden();
    for t in 0..h.len() / hidden {
        let deltas = site.split(row(saved, t, hidden * parts(site.gate.op)), k == W_HH || k == B_HH);
        let x = match k {
            X => {
                let w = site.numbers(W_IH);
                pass(w, deltas, row_mut(dx, t, site.input(t).len()));
                continue;
            }
            W_IH => site.input(t),
            W_HH => past(h, t, hidden),
            _ => &[T::ONE],
        };
        // dW += x δᵀ; that of a bias is one row, and its x is 1.
        let [first, last] = deltas;
        let n = first.len() + last.len();
        T::update_rows(x, first, -T::ONE, dx, n);
        T::update_rows(x, last, -T::ONE, dx.get_mut(first.len()..).unwrap_or_default(), n);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::build::Circuit;
    use crate::gate::Wire;
    use crate::plan::{Purpose, Slot, plan};
    use crate::shape::Shape;
    use crate::tape::Tape;

    const STEPS: u16 = 5;
    const INPUTS: u16 = 3;
    /// One block of units and a few more.
    const HIDDEN: u16 = 11;

    /// A gru or an rnn, the mean of whose h is lowered, and its operands.
    fn layer(gru: bool) -> (Circuit<f32, 8>, [Wire; 5], Wire) {
        let mut c: Circuit<f32, 8> = Circuit::new();
        let columns = if gru { 3 * HIDDEN } else { HIDDEN };
        let x = c.param(Shape::matrix(STEPS, INPUTS)).unwrap();
        let w_ih = c.param(Shape::matrix(INPUTS, columns)).unwrap();
        let w_hh = c.param(Shape::matrix(HIDDEN, columns)).unwrap();
        let (b_ih, b_hh) = (c.param(Shape::vector(columns)).unwrap(), c.param(Shape::vector(columns)).unwrap());
        let h = if gru { c.gru(x, w_ih, w_hh, b_ih, b_hh) } else { c.rnn([x, w_ih, w_hh, b_ih, b_hh], false) }.unwrap();
        let mean = c.mean(h).unwrap();
        c.minimize(mean).unwrap();
        (c, [x, w_ih, w_hh, b_ih, b_hh], h)
    }

    fn set(tape: &mut Tape<'_, f32>, operands: [Wire; 5]) {
        let mut seed = 7u32;
        for wire in operands {
            for i in 0..tape.circuit().shape(wire).len() {
                seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
                tape.set_from(wire, i, &[(seed >> 8) as f32 / 16_777_216.0 - 0.5]).unwrap();
            }
        }
    }

    #[test]
    fn a_second_way_back_finds_again_what_the_first_has_turned_into_gradients() {
        for gru in [true, false] {
            let (c, operands, _) = layer(gru);
            let (mut slots, mut arena) = ([Slot::EMPTY; 8], [0.0; 2000]);
            let layout = plan(&c.view(), Purpose::Inspect, false, &mut slots).unwrap();
            let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
            set(&mut tape, operands);
            tape.forward();
            let mut gradients = [[0.0f32; 400]; 2];
            for gradients in &mut gradients {
                tape.backward_objective().unwrap();
                for (wire, place) in operands.into_iter().zip(gradients.chunks_mut(400 / 5)) {
                    let gradient = tape.gradient(wire).unwrap();
                    place.iter_mut().zip(gradient.iter().rev()).for_each(|(place, &g)| *place = g);
                }
            }
            let [first, second] = gradients;
            assert!(first == second && first.iter().filter(|&&g| g != 0.0).count() >= 150, "gru: {gru}");
        }
    }

    #[test]
    fn units_are_the_same_whether_they_are_kept_or_not() {
        for gru in [true, false] {
            let (c, operands, h) = layer(gru);
            let found = [Purpose::Inspect, Purpose::Infer].map(|purpose| {
                let (mut slots, mut arena) = ([Slot::EMPTY; 8], [0.0; 2000]);
                let layout = plan(&c.view(), purpose, false, &mut slots).unwrap();
                let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
                set(&mut tape, operands);
                tape.forward();
                let mut found = [0.0f32; (STEPS * HIDDEN) as usize];
                found.copy_from_slice(tape.value(h).unwrap());
                found
            });
            let [kept, not] = found;
            assert!(kept == not && kept.iter().all(|&h| h != 0.0), "gru: {gru}");
        }
    }
}
