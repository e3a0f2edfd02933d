//! The dense gate, z = x W + b: forward, what it passes back, and its update in place.
//!
//! W is stored `[in][out]`, so that a row belongs to one input: the row of an input that is ±0 is
//! never read forward and never written by an update, on any target. The orders of additions are
//! part of the same-bits contract:
//!
//! - forward: zⱼ = bⱼ, then for i ascending, where xᵢ ≠ 0, zⱼ += xᵢ·wᵢⱼ;
//! - backward: for j ascending, dxᵢ += wᵢⱼ·δⱼ, going on from what other readers of x passed back;
//! - update: wᵢⱼ −= (rate·xᵢ)·δⱼ where xᵢ ≠ 0, bⱼ −= rate·δⱼ.
//!
//! Where x is a relu that has turned its gradient into its operand's, the dxᵢ of a relu that is 0 is thrown
//! away; then backward leaves row i out, and no bit that can be read changes.
//!
//! Each product is rounded before it is added. Since every output adds up in one order, how many
//! outputs are kept in registers at once changes no bit.
//!
//! Gates of one to three outputs have loops of their own here; for others there are blocks of columns (`wide`).

mod wide;

use crate::rows::{add_row, pass_row, update_row};
use crate::scalar::Scalar;

/// Calls a function for a gate of fewer than four outputs.
macro_rules! by_few {
    ($n:expr, $few:ident($($arg:expr),*)) => {
        match $n {
            3 => $few::<T, 3>($($arg),*),
            2 => $few::<T, 2>($($arg),*),
            1 => $few::<T, 1>($($arg),*),
            _ => {}
        }
    };
}

/// z = x W + b, for as many samples as z holds of n numbers each.
#[inline(always)]
pub(crate) fn forward<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T], n: usize) {
    if n < 4 {
        forward_few(x, w, bias, z, n);
    } else if z.len() == n {
        wide::forward(x, w, bias, z);
    } else {
        forward_samples(x, w, bias, z, n);
    }
}

/// Apart from the rest, because saving the registers for wide blocks takes as long as three columns do.
#[inline(never)]
fn forward_few<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T], n: usize) {
    by_few!(n, forward_rows(x, w, bias, z));
}

/// Rows of so few columns are arrays, and all of them are there at once.
#[inline(always)]
fn forward_rows<T: Scalar, const B: usize>(mut x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
    let rows = w.as_chunks::<B>().0;
    let bias = match bias.map(|bias| bias.first_chunk::<B>()) {
        Some(Some(&bias)) => bias,
        Some(None) => return,
        None => [T::ZERO; B],
    };
    for z in z.as_chunks_mut::<B>().0 {
        let Some((one, rest)) = x.split_at_checked(rows.len()) else { return };
        x = rest;
        let mut sums = bias;
        for (row, &x) in rows.iter().zip(one) {
            add_row(&mut sums, row, x);
        }
        *z = sums;
    }
}

#[inline(never)]
fn forward_samples<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T], n: usize) {
    for (x, z) in x.chunks_exact(each(x, z, n)).zip(z.chunks_exact_mut(n.max(1))) {
        wide::forward(x, w, bias, z);
    }
}

/// The numbers of one side of a gate that one of several samples has, of which the other side has n numbers
/// each.
#[inline(always)]
fn each<T>(side: &[T], other: &[T], n: usize) -> usize {
    (side.len() / (other.len() / n.max(1)).max(1)).max(1)
}

/// dx += W δ, for as many samples as δ holds of n numbers each. Where `live` is given, the rows at which it
/// is ±0 may be left out: what is in their dx is not looked at. A relu behind x passes on nothing there.
#[inline(always)]
pub(crate) fn backward<'x, T: Scalar>(
    w: &[T],
    delta: &[T],
    live: impl FnOnce() -> Option<&'x [T]>,
    dx: &mut [T],
    n: usize,
) {
    if n < 4 {
        backward_few(w, delta, dx, n);
    } else if delta.len() == n {
        wide::backward(w, delta, live(), dx);
    } else {
        backward_samples(w, delta, live(), dx, n);
    }
}

#[inline(never)]
fn backward_few<T: Scalar>(w: &[T], delta: &[T], dx: &mut [T], n: usize) {
    by_few!(n, backward_rows(w, delta, dx));
}

#[inline(always)]
fn backward_rows<T: Scalar, const B: usize>(w: &[T], delta: &[T], mut dx: &mut [T]) {
    let rows = w.as_chunks::<B>().0;
    for delta in delta.as_chunks::<B>().0 {
        let Some((one, rest)) = core::mem::take(&mut dx).split_at_mut_checked(rows.len()) else { return };
        dx = rest;
        for (row, dx) in rows.iter().zip(one) {
            pass_row(delta, row, dx);
        }
    }
}

#[inline(never)]
fn backward_samples<T: Scalar>(w: &[T], delta: &[T], mut live: Option<&[T]>, dx: &mut [T], n: usize) {
    for (dx, delta) in dx.chunks_exact_mut(each(dx, delta, n)).zip(delta.chunks_exact(n.max(1))) {
        let (now, later) = live.and_then(|x| x.split_at_checked(dx.len())).unzip();
        wide::backward(w, delta, now, dx);
        live = later;
    }
}

/// W −= (rate·x) δᵀ, for one sample after the other, as many as δ holds of n numbers each; if `w` has a row
/// more than a sample has inputs, that is the bias, b −= rate·δ, a row whose input is 1.
#[inline(always)]
pub(crate) fn update<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize) {
    if n < 4 {
        update_few(x, delta, rate, w, n);
    } else if delta.len() == n {
        wide::update(x, delta, rate, w);
    } else {
        update_samples(x, delta, rate, w, n);
    }
}

#[inline(never)]
fn update_few<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize) {
    by_few!(n, update_rows(x, delta, rate, w));
}

#[inline(always)]
fn update_rows<T: Scalar, const B: usize>(mut x: &[T], delta: &[T], rate: T, w: &mut [T]) {
    let inputs = if delta.len() == B { x.len() } else { each(x, delta, B) };
    let (rows, samples) = (w.as_chunks_mut::<B>().0, delta.as_chunks::<B>().0);
    let Some((weights, bias)) = rows.split_at_mut_checked(inputs) else { return };
    for delta in samples {
        let Some((one, rest)) = x.split_at_checked(inputs) else { return };
        x = rest;
        for (row, &x) in weights.iter_mut().zip(one) {
            update_row(delta, row, rate, x);
        }
        for bias in &mut *bias {
            update_row(delta, bias, rate, T::ONE);
        }
    }
}

#[inline(never)]
fn update_samples<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize) {
    for (x, delta) in x.chunks_exact(each(x, delta, n)).zip(delta.chunks_exact(n.max(1))) {
        wide::update(x, delta, rate, w);
    }
}

/// Whether an update of finite weights certainly leaves them finite: (rate·max|x|)·max|δ|, in the
/// update's own order, and rate·max|δ| are below [`Scalar::UPDATE_BOUND`]; what is NaN is not. `rate` is not
/// negative.
#[cold]
#[inline(never)]
pub(crate) fn is_bounded<T: Scalar>(x: &[T], delta: &[T], rate: T) -> bool {
    let (size, delta) = (rate * max_abs(x), max_abs(delta));
    rate * delta < T::UPDATE_BOUND && size * delta < T::UPDATE_BOUND
}

/// The greatest magnitude, NaN if there is one (`f32::max` would lose it).
///
/// Without their sign bit, the bits of numbers are ordered as the numbers are, and those of NaN come
/// last.
fn max_abs<T: Scalar>(values: &[T]) -> T {
    T::greatest_magnitude(values)
}

#[cfg(test)]
mod tests;
