//! Dense gates of four outputs or more: blocks of columns, whose sums stay in registers while the rows go by.
//!
//! Wide blocks and several rows a turn take fewer instructions and more flash; the columns that no wide block
//! takes go through [`rows`](crate::rows). `cargo bench -p chainrule-tests` counts both.

use crate::rows::{add_row, pass_row, update_row};
use crate::scalar::{Scalar, VECTORS};

/// Columns at once on processors with registers for them; elsewhere 16.
pub(super) const WIDE: usize = if VECTORS { 32 } else { 16 };

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

#[inline(never)]
pub(super) fn forward<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
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

#[inline(never)]
pub(super) fn backward<T: Scalar>(w: &[T], delta: &[T], live: Option<&[T]>, dx: &mut [T]) {
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

#[inline(never)]
pub(super) fn update<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T]) {
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
