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
//! Each product is rounded before it is added. Since every output adds up in one order, how many
//! outputs are kept in registers at once changes no bit.

use crate::scalar::Scalar;

/// Calls a block function for 16, 8, 4, 2 and 1 columns until all are done.
macro_rules! by_columns {
    ($n:expr, $block:ident($($arg:expr),*)) => {{
        let (n, mut j) = ($n, 0);
        while n - j >= 16 {
            $block::<T, 16>($($arg,)* n, j);
            j += 16;
        }
        if n - j >= 8 {
            $block::<T, 8>($($arg,)* n, j);
            j += 8;
        }
        if n - j >= 4 {
            $block::<T, 4>($($arg,)* n, j);
            j += 4;
        }
        if n - j >= 2 {
            $block::<T, 2>($($arg,)* n, j);
            j += 2;
        }
        if n > j {
            $block::<T, 1>($($arg,)* n, j);
        }
    }};
}

/// z = x W + b
pub(crate) fn forward<T: Scalar>(x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
    match bias {
        Some(bias) => z.iter_mut().zip(bias).for_each(|(z, &b)| *z = b),
        None => z.fill(T::ZERO),
    }
    by_columns!(z.len(), forward_columns(x, w, z));
}

#[inline(never)]
fn forward_columns<T: Scalar, const B: usize>(x: &[T], w: &[T], z: &mut [T], n: usize, j: usize) {
    let (Some(w), Some(z)) = (w.get(j..), z.get_mut(j..).and_then(|z| z.first_chunk_mut::<B>())) else { return };
    let mut sums = *z;
    for (row, &x) in w.chunks(n.max(1)).zip(x) {
        if x == T::ZERO {
            continue;
        }
        if let Some(row) = row.first_chunk::<B>() {
            for (sum, &w) in sums.iter_mut().zip(row) {
                *sum += x * w;
            }
        }
    }
    *z = sums;
}

/// dx += W δ
pub(crate) fn backward<T: Scalar>(w: &[T], delta: &[T], dx: &mut [T]) {
    by_columns!(delta.len(), backward_columns(w, delta, dx));
}

#[inline(never)]
fn backward_columns<T: Scalar, const B: usize>(w: &[T], delta: &[T], dx: &mut [T], n: usize, j: usize) {
    let (Some(w), Some(delta)) = (w.get(j..), delta.get(j..).and_then(|d| d.first_chunk::<B>())) else { return };
    let delta = *delta;
    for (row, dx) in w.chunks(n.max(1)).zip(dx) {
        if let Some(row) = row.first_chunk::<B>() {
            let mut sum = *dx;
            for (&w, &d) in row.iter().zip(&delta) {
                sum += w * d;
            }
            *dx = sum;
        }
    }
}

/// W −= (rate·x) δᵀ
pub(crate) fn update<T: Scalar>(x: &[T], delta: &[T], rate: T, w: &mut [T]) {
    by_columns!(delta.len(), update_columns(x, delta, rate, w));
}

#[inline(never)]
fn update_columns<T: Scalar, const B: usize>(x: &[T], delta: &[T], rate: T, w: &mut [T], n: usize, j: usize) {
    let (Some(w), Some(delta)) = (w.get_mut(j..), delta.get(j..).and_then(|d| d.first_chunk::<B>())) else { return };
    let delta = *delta;
    for (row, &x) in w.chunks_mut(n.max(1)).zip(x) {
        if x == T::ZERO {
            continue;
        }
        if let Some(row) = row.first_chunk_mut::<B>() {
            let scale = rate * x;
            for (w, &d) in row.iter_mut().zip(&delta) {
                *w -= scale * d;
            }
        }
    }
}

/// dW += x δᵀ, where weights have a gradient slot.
pub(crate) fn accumulate<T: Scalar>(x: &[T], delta: &[T], dw: &mut [T]) {
    let n = delta.len().max(1);
    for (row, &x) in dw.chunks_exact_mut(n).zip(x) {
        if x == T::ZERO {
            continue;
        }
        for (dw, &d) in row.iter_mut().zip(delta) {
            *dw += x * d;
        }
    }
}

/// b −= rate·δ
pub(crate) fn update_bias<T: Scalar>(delta: &[T], rate: T, b: &mut [T]) {
    for (b, &d) in b.iter_mut().zip(delta) {
        *b -= rate * d;
    }
}

/// The greatest magnitude, NaN if there is one (`f32::max` would lose it).
pub(crate) fn max_abs<T: Scalar>(values: &[T]) -> T {
    let mut max = T::ZERO;
    for &x in values {
        let x = x.abs();
        // Also taken when x is NaN, and never left again: NaN fails every comparison.
        if !(x <= max) {
            max = x;
            if x.is_nan() {
                return x;
            }
        }
    }
    max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_size_gives_what_the_plain_loops_give() {
        const IN: usize = 3;
        const OUT: usize = 31; // 16 + 8 + 4 + 2 + 1
        let x = [0.5f32, 0.0, -1.25];
        let mut w = [0.0f32; IN * OUT];
        let mut b = [0.0f32; OUT];
        let mut seed = 1u32;
        for v in w.iter_mut().chain(&mut b) {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            *v = (seed >> 8) as f32 / 16_777_216.0 - 0.5;
        }
        let mut z = [9.0f32; OUT];
        forward(&x, &w, Some(&b), &mut z);
        let mut dx = [0.25f32; IN];
        backward(&w, &b, &mut dx);
        let mut updated = w;
        update(&x, &b, 0.1, &mut updated);
        for j in 0..OUT {
            let mut sum = b.get(j).copied().unwrap_or(0.0);
            for (i, &x) in x.iter().enumerate() {
                let w = w.get(i * OUT + j).copied().unwrap_or(0.0);
                if x != 0.0 {
                    sum += x * w;
                }
                let d = b.get(j).copied().unwrap_or(0.0);
                assert_eq!(updated.get(i * OUT + j).copied(), Some(if x != 0.0 { w - (0.1 * x) * d } else { w }));
            }
            assert_eq!(z.get(j).copied(), Some(sum));
        }
        for (i, dx) in dx.iter().enumerate() {
            let mut sum = 0.25f32;
            for (w, d) in w.iter().skip(i * OUT).zip(&b) {
                sum += w * d;
            }
            assert_eq!(*dx, sum);
        }
    }

    #[test]
    fn the_greatest_magnitude_keeps_a_nan() {
        assert_eq!(max_abs(&[1.0f32, -3.0, 2.0]), 3.0);
        assert!(max_abs(&[1.0f32, f32::NAN, 2.0]).is_nan());
        assert!(max_abs(&[f32::INFINITY, f32::NAN]).is_nan());
    }
}
