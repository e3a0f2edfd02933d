//! A few columns of a matrix whose rows are `n` numbers long: what dense gates do with the columns that
//! their wide blocks leave over, convolutions with the weights that one line of a window sees, and recurrent
//! gates with the columns of a few units.
//!
//! W begins at the first weight of these columns, which are as many as there are sums or gradients. Since
//! every output adds up in one order, how many columns are taken at once changes no bit; a row whose x is ±0
//! is neither read forward nor written by an update. Rows that are not there do nothing.

use crate::scalar::Scalar;

/// Calls a function for eight columns at a time, then for four, then for one.
macro_rules! by_columns {
    ($numbers:ident, $w:ident, $split:ident, $get:ident, |$some:ident| $call:expr) => {
        loop {
            match $numbers.len() {
                8.. => by_columns!(@take 8, $numbers, $w, $split, $get, $some, $call),
                4.. => by_columns!(@take 4, $numbers, $w, $split, $get, $some, $call),
                _ => by_columns!(@take 1, $numbers, $w, $split, $get, $some, $call),
            }
        }
    };
    (@take $b:literal, $numbers:ident, $w:ident, $split:ident, $get:ident, $some:ident, $call:expr) => {{
        let Some(($some, rest)) = $numbers.$split::<$b>() else { return };
        $call;
        let Some(next) = $w.$get($b..) else { return };
        ($numbers, $w) = (rest, next);
    }};
}

/// sums += Σ x·w, row after row.
#[inline(always)]
pub(crate) fn add<T: Scalar>(x: &[T], mut w: &[T], n: usize, mut sums: &mut [T]) {
    by_columns!(sums, w, split_first_chunk_mut, get, |some| add_columns(x, w, n, some));
}

#[inline(always)]
fn add_columns<T: Scalar, const B: usize>(x: &[T], mut w: &[T], n: usize, sums: &mut [T; B]) {
    let mut here = *sums;
    for &x in x {
        let Some(row) = w.first_chunk() else { break };
        add_row(&mut here, row, x);
        let Some(rest) = w.get(n..) else { break };
        w = rest;
    }
    *sums = here;
}

/// dx += Σ w·δ, column after column.
#[inline(always)]
pub(crate) fn pass<T: Scalar>(mut w: &[T], n: usize, mut delta: &[T], dx: &mut [T]) {
    by_columns!(delta, w, split_first_chunk, get, |some| pass_columns(w, n, some, dx));
}

#[inline(always)]
fn pass_columns<T: Scalar, const B: usize>(mut w: &[T], n: usize, &delta: &[T; B], dx: &mut [T]) {
    for dx in dx {
        let Some(row) = w.first_chunk() else { return };
        pass_row(&delta, row, dx);
        let Some(rest) = w.get(n..) else { return };
        w = rest;
    }
}

/// w −= (rate·x)·δ
#[inline(always)]
pub(crate) fn update<T: Scalar>(x: &[T], mut delta: &[T], rate: T, mut w: &mut [T], n: usize) {
    by_columns!(delta, w, split_first_chunk, get_mut, |some| update_columns(x, some, rate, w, n));
}

#[inline(always)]
fn update_columns<T: Scalar, const B: usize>(x: &[T], &delta: &[T; B], rate: T, mut w: &mut [T], n: usize) {
    for &x in x {
        let Some(row) = w.first_chunk_mut() else { return };
        update_row(&delta, row, rate, x);
        let Some(rest) = w.get_mut(n..) else { return };
        w = rest;
    }
}

/// sums += x·w, of one row.
#[inline(always)]
pub(crate) fn add_row<T: Scalar, const B: usize>(sums: &mut [T; B], row: &[T; B], x: T) {
    if x != T::ZERO {
        for (sum, &w) in sums.iter_mut().zip(row) {
            *sum += x * w;
        }
    }
}

/// dx += Σ w·δ, of one row.
#[inline(always)]
pub(crate) fn pass_row<T: Scalar, const B: usize>(delta: &[T; B], row: &[T; B], dx: &mut T) {
    let mut sum = *dx;
    for (&w, &d) in row.iter().zip(delta) {
        sum += w * d;
    }
    *dx = sum;
}

/// w −= (rate·x)·δ, of one row.
#[inline(always)]
pub(crate) fn update_row<T: Scalar, const B: usize>(delta: &[T; B], row: &mut [T; B], rate: T, x: T) {
    if x != T::ZERO {
        let scale = rate * x;
        for (w, &d) in row.iter_mut().zip(delta) {
            *w -= scale * d;
        }
    }
}
