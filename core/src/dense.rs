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
//! Wide blocks and several rows a turn take fewer instructions and more flash; gates of one to three columns have loops
//! of their own, and what columns no wide block takes go through [`rows`](crate::rows). `cargo bench -p chainrule-tests` counts both.

use crate::rows::{add_row, pass_row, update_row};
use crate::scalar::{Scalar, VECTORS};

/// Columns at once on processors with registers for them; elsewhere 16.
const WIDE: usize = if VECTORS { 32 } else { 16 };

/// Rows a turn of the blocks of columns: more are faster, and longer.
const ROWS: usize = if VECTORS { 4 } else { 2 };

/// Calls a block function for as many columns at a time as there are, widest first, and another one for the
/// rest; of the blocks of ten it is told how many rows they take a turn.
macro_rules! by_columns {
    ($n:expr, $block:ident($($arg:expr),*), $rest:ident, $ten:expr) => {{
        let (n, mut j) = ($n, 0);
        if VECTORS {
            // A width that the compiler knows saves the sums with it.
            match n {
                32 => return $block::<T, 32, 8>($($arg,)* 32, 0),
                16 => return $block::<T, 16, 4>($($arg,)* 16, 0),
                10 => return $block::<T, 10, 4>($($arg,)* 10, 0),
                _ => {}
            }
        }
        while WIDE > 16 && n - j >= WIDE {
            $block::<T, WIDE, ROWS>($($arg,)* n, j);
            j += WIDE;
        }
        while n - j >= 16 {
            $block::<T, 16, ROWS>($($arg,)* n, j);
            j += 16;
        }
        if n - j >= 10 {
            $block::<T, 10, { $ten }>($($arg,)* n, j);
            j += 10;
        }
        if j < n {
            $rest($($arg,)* n, j);
        }
    }};
}

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

/// B columns from column `j` on.
#[inline(always)]
fn columns<T, const B: usize>(row: &[T], j: usize) -> Option<&[T; B]> {
    row.get(j..)?.first_chunk::<B>()
}

#[inline(always)]
fn columns_mut<T, const B: usize>(row: &mut [T], j: usize) -> Option<&mut [T; B]> {
    row.get_mut(j..)?.first_chunk_mut::<B>()
}

/// B columns from column `j` on of each of four rows of n numbers. In a loop over such fours these
/// looks at lengths say the same each time, so they are taken out of it.
#[inline(always)]
fn four<T, const B: usize>(rows: &[T], n: usize, j: usize) -> Option<[&[T; B]; 4]> {
    let (a, rows) = rows.split_at_checked(n)?;
    let (b, rows) = rows.split_at_checked(n)?;
    let (c, d) = rows.split_at_checked(n)?;
    Some([columns(a, j)?, columns(b, j)?, columns(c, j)?, columns(d, j)?])
}

#[inline(always)]
fn two<T, const B: usize>(rows: &[T], n: usize, j: usize) -> Option<[&[T; B]; 2]> {
    let (a, b) = rows.split_at_checked(n)?;
    Some([columns(a, j)?, columns(b, j)?])
}

#[inline(always)]
fn two_mut<T, const B: usize>(rows: &mut [T], n: usize, j: usize) -> Option<[&mut [T; B]; 2]> {
    let (a, b) = rows.split_at_mut_checked(n)?;
    Some([columns_mut(a, j)?, columns_mut(b, j)?])
}

#[inline(always)]
fn four_mut<T, const B: usize>(rows: &mut [T], n: usize, j: usize) -> Option<[&mut [T; B]; 4]> {
    let (a, rows) = rows.split_at_mut_checked(n)?;
    let (b, rows) = rows.split_at_mut_checked(n)?;
    let (c, d) = rows.split_at_mut_checked(n)?;
    Some([columns_mut(a, j)?, columns_mut(b, j)?, columns_mut(c, j)?, columns_mut(d, j)?])
}

/// z = x W + b, for as many samples as z holds of n numbers each.
#[inline(always)]
pub(crate) fn forward<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T], n: usize) {
    if n < 4 {
        forward_few(x, w, bias, z, n);
    } else if z.len() == n {
        forward_wide(x, w, bias, z);
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
fn forward_wide<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
    by_columns!(z.len(), forward_columns(x, w, bias, z), forward_rest, if VECTORS { ROWS } else { 1 });
}

/// The columns from `j` on that are too few for a wide block.
#[inline(always)]
fn forward_rest<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T], n: usize, j: usize) {
    let (Some(z), Some(w)) = (z.get_mut(j..), w.get(j..)) else { return };
    match bias.map(|bias| bias.get(j..)) {
        Some(Some(bias)) => z.iter_mut().zip(bias).for_each(|(z, &b)| *z = b),
        Some(None) => return,
        None => z.fill(T::ZERO),
    }
    T::add_rows(x, w, n, z);
}

#[inline(never)]
fn forward_samples<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T], n: usize) {
    for (x, z) in x.chunks_exact(each(x, z, n)).zip(z.chunks_exact_mut(n.max(1))) {
        forward_wide(x, w, bias, z);
    }
}

/// The numbers of one side of a gate that one of several samples has, of which the other side has n numbers
/// each.
#[inline(always)]
fn each<T>(side: &[T], other: &[T], n: usize) -> usize {
    (side.len() / (other.len() / n.max(1)).max(1)).max(1)
}

#[inline(always)]
fn forward_columns<T: Scalar, const B: usize, const R: usize>(
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    z: &mut [T],
    n: usize,
    j: usize,
) {
    let Some(z) = columns_mut::<T, B>(z, j).filter(|_| n > 0) else { return };
    let mut sums = match bias.map(|bias| columns::<T, B>(bias, j)) {
        Some(Some(&bias)) => bias,
        Some(None) => return,
        None => [T::ZERO; B],
    };
    let (mut x, mut w) = (x, w);
    if R == 8 {
        let eights = w.chunks_exact(8 * n);
        let (xs, rest) = x.as_chunks::<8>();
        (x, w) = (rest, eights.remainder());
        for (rows, &[x0, x1, x2, x3, x4, x5, x6, x7]) in eights.zip(xs) {
            let Some((low, high)) = rows.split_at_checked(4 * n) else { return };
            let Some([a, b, c, d]) = four::<T, B>(low, n, j) else { return };
            let Some([e, f, g, h]) = four::<T, B>(high, n, j) else { return };
            add_row(&mut sums, a, x0);
            add_row(&mut sums, b, x1);
            add_row(&mut sums, c, x2);
            add_row(&mut sums, d, x3);
            add_row(&mut sums, e, x4);
            add_row(&mut sums, f, x5);
            add_row(&mut sums, g, x6);
            add_row(&mut sums, h, x7);
        }
    }
    if R == 4 {
        let fours = w.chunks_exact(4 * n);
        let (xs, rest) = x.as_chunks::<4>();
        (x, w) = (rest, fours.remainder());
        for (rows, &[x0, x1, x2, x3]) in fours.zip(xs) {
            let Some([a, b, c, d]) = four::<T, B>(rows, n, j) else { return };
            add_row(&mut sums, a, x0);
            add_row(&mut sums, b, x1);
            add_row(&mut sums, c, x2);
            add_row(&mut sums, d, x3);
        }
    }
    if R == 2 {
        let twos = w.chunks_exact(2 * n);
        let (xs, rest) = x.as_chunks::<2>();
        (x, w) = (rest, twos.remainder());
        for (rows, &[x0, x1]) in twos.zip(xs) {
            let Some([a, b]) = two::<T, B>(rows, n, j) else { return };
            add_row(&mut sums, a, x0);
            add_row(&mut sums, b, x1);
        }
    }
    for (row, &x) in w.chunks_exact(n).zip(x) {
        let Some(row) = columns(row, j) else { return };
        add_row::<T, B>(&mut sums, row, x);
    }
    *z = sums;
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
        backward_wide(w, delta, live(), dx);
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
fn backward_wide<T: Scalar>(w: &[T], delta: &[T], live: Option<&[T]>, dx: &mut [T]) {
    if !VECTORS && live.is_none() {
        // Where nothing may be left out, the blocks would be there a second time.
        return T::pass_rows(w, delta.len(), delta, dx);
    }
    by_columns!(delta.len(), backward_columns(w, delta, live, dx), backward_rest, ROWS);
}

#[inline(always)]
fn backward_rest<T: Scalar>(w: &[T], delta: &[T], _: Option<&[T]>, dx: &mut [T], n: usize, j: usize) {
    if let (Some(w), Some(delta)) = (w.get(j..), delta.get(j..)) {
        T::pass_rows(w, n, delta, dx);
    }
}

#[inline(never)]
fn backward_samples<T: Scalar>(w: &[T], delta: &[T], mut live: Option<&[T]>, dx: &mut [T], n: usize) {
    for (dx, delta) in dx.chunks_exact_mut(each(dx, delta, n)).zip(delta.chunks_exact(n.max(1))) {
        let (now, later) = live.and_then(|x| x.split_at_checked(dx.len())).unzip();
        backward_wide(w, delta, now, dx);
        live = later;
    }
}

#[inline(always)]
fn backward_columns<T: Scalar, const B: usize, const R: usize>(
    w: &[T],
    delta: &[T],
    live: Option<&[T]>,
    dx: &mut [T],
    n: usize,
    j: usize,
) {
    let Some(&delta) = columns::<T, B>(delta, j).filter(|_| n > 0) else { return };
    let (mut w, mut dx, mut live) = (w, dx, live);
    if VECTORS && let Some(x) = live {
        let (xs, rest) = x.as_chunks::<4>();
        let (dxs, others) = dx.as_chunks_mut::<4>();
        let fours = w.chunks_exact(4 * n);
        (w, dx, live) = (fours.remainder(), others, Some(rest));
        for ((rows, [dx0, dx1, dx2, dx3]), [x0, x1, x2, x3]) in fours.zip(dxs).zip(xs) {
            let Some([a, b, c, d]) = four::<T, B>(rows, n, j) else { return };
            pass_live_row(&delta, a, x0, dx0);
            pass_live_row(&delta, b, x1, dx1);
            pass_live_row(&delta, c, x2, dx2);
            pass_live_row(&delta, d, x3, dx3);
        }
    }
    let rows = w.chunks_exact(n).zip(dx);
    match live {
        Some(x) => {
            for ((row, dx), x) in rows.zip(x) {
                let Some(row) = columns(row, j) else { return };
                pass_live_row::<T, B>(&delta, row, x, dx);
            }
        }
        None if !VECTORS => {}
        None => {
            for (row, dx) in rows {
                let Some(row) = columns(row, j) else { return };
                pass_row::<T, B>(&delta, row, dx);
            }
        }
    }
}

#[inline(always)]
fn pass_live_row<T: Scalar, const B: usize>(delta: &[T; B], row: &[T; B], x: &T, dx: &mut T) {
    if !x.is_zero() {
        pass_row(delta, row, dx);
    }
}

/// W −= (rate·x) δᵀ, for one sample after the other, as many as δ holds of n numbers each; if `w` has a row
/// more than a sample has inputs, that is the bias, b −= rate·δ, a row whose input is 1.
#[inline(always)]
pub(crate) fn update<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize) {
    if n < 4 {
        update_few(x, delta, rate, w, n);
    } else if delta.len() == n {
        update_wide(x, delta, rate, w);
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
fn update_wide<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T]) {
    by_columns!(delta.len(), update_columns(x, delta, rate, w), update_rest, ROWS);
}

#[inline(always)]
fn update_rest<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize, j: usize) {
    let delta = delta.get(j..).unwrap_or_default();
    for (x, from) in [(x, j), (&[T::ONE], x.len() * n + j)] {
        if let Some(w) = w.get_mut(from..) {
            T::update_rows(x, delta, rate, w, n);
        }
    }
}

#[inline(never)]
fn update_samples<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize) {
    for (x, delta) in x.chunks_exact(each(x, delta, n)).zip(delta.chunks_exact(n.max(1))) {
        update_wide(x, delta, rate, w);
    }
}

#[inline(always)]
fn update_columns<T: Scalar, const B: usize, const R: usize>(
    x: &[T],
    delta: &[T],
    rate: T,
    w: &mut [T],
    n: usize,
    j: usize,
) {
    let Some(&delta) = columns::<T, B>(delta, j).filter(|_| n > 0) else { return };
    let (mut x, mut w) = (x, w);
    if R == 8 {
        let (xs, rest) = x.as_chunks::<8>();
        let Some((eights, others)) = w.split_at_mut_checked(8 * n * xs.len()) else { return };
        for (rows, &[x0, x1, x2, x3, x4, x5, x6, x7]) in eights.chunks_exact_mut(8 * n).zip(xs) {
            let Some((low, high)) = rows.split_at_mut_checked(4 * n) else { return };
            let Some([a, b, c, d]) = four_mut::<T, B>(low, n, j) else { return };
            let Some([e, f, g, h]) = four_mut::<T, B>(high, n, j) else { return };
            update_row(&delta, a, rate, x0);
            update_row(&delta, b, rate, x1);
            update_row(&delta, c, rate, x2);
            update_row(&delta, d, rate, x3);
            update_row(&delta, e, rate, x4);
            update_row(&delta, f, rate, x5);
            update_row(&delta, g, rate, x6);
            update_row(&delta, h, rate, x7);
        }
        (x, w) = (rest, others);
    }
    if R == 4 {
        let (xs, rest) = x.as_chunks::<4>();
        let Some((fours, others)) = w.split_at_mut_checked(4 * n * xs.len()) else { return };
        for (rows, &[x0, x1, x2, x3]) in fours.chunks_exact_mut(4 * n).zip(xs) {
            let Some([a, b, c, d]) = four_mut::<T, B>(rows, n, j) else { return };
            update_row(&delta, a, rate, x0);
            update_row(&delta, b, rate, x1);
            update_row(&delta, c, rate, x2);
            update_row(&delta, d, rate, x3);
        }
        (x, w) = (rest, others);
    }
    if R == 2 {
        let (xs, rest) = x.as_chunks::<2>();
        let Some((twos, others)) = w.split_at_mut_checked(2 * n * xs.len()) else { return };
        for (rows, &[x0, x1]) in twos.chunks_exact_mut(2 * n).zip(xs) {
            let Some([a, b]) = two_mut::<T, B>(rows, n, j) else { return };
            update_row(&delta, a, rate, x0);
            update_row(&delta, b, rate, x1);
        }
        (x, w) = (rest, others);
    }
    // The bias is a row as the last few of the weights are, so that a row is there once and not twice.
    let mut x = x.iter();
    for row in w.chunks_exact_mut(n) {
        let Some(row) = columns_mut(row, j) else { return };
        update_row::<T, B>(&delta, row, rate, x.next().copied().unwrap_or(T::ONE));
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
