//! Layer normalisation (Ba, Kiros and Hinton, 2016): each row of the innermost dimension is brought to
//! mean 0 and deviation 1, then scaled and shifted by weights of its own length.
//!
//! With n the length of a row, μ = Σ xⱼ / n, σ² = Σ (xⱼ − μ)² / n, s = 1 / √(σ² + ε), x̂ⱼ = (xⱼ − μ)·s:
//!
//! - forward: yⱼ = x̂ⱼ·wⱼ + bⱼ; μ and s of each row are kept for the way back;
//! - back to x, with uⱼ = gⱼ·wⱼ: dxⱼ += s·((uⱼ − Σ u / n) − x̂ⱼ·(Σ u x̂ / n));
//! - back to w and b, row after row: dwⱼ += gⱼ·x̂ⱼ, dbⱼ += gⱼ.
//!
//! All sums go from the first element to the last, starting from 0.

use crate::reduce::{self, row, row_mut};
use crate::scalar::Scalar;

/// Numbers kept for each row: its mean, and 1 / √(σ² + ε).
pub(crate) const KEPT: usize = 2;

/// `kept` may be empty where there will be no way back.
pub(crate) fn forward<T: Scalar>(x: &[T], w: &[T], b: &[T], eps: T, y: &mut [T], kept: &mut [T]) {
    let n = w.len();
    for i in 0..x.len().checked_div(n).unwrap_or(0) {
        let (x, y) = (row(x, i, n), row_mut(y, i, n));
        let mean = reduce::sum(x) / reduce::count(x);
        let mut squares = T::ZERO;
        for &x in x {
            squares += (x - mean) * (x - mean);
        }
        let scale = T::ONE / (squares / reduce::count(x) + eps).sqrt();
        row_mut(kept, i, KEPT).iter_mut().zip([mean, scale]).for_each(|(kept, x)| *kept = x);
        for (((y, &x), &w), &b) in y.iter_mut().zip(x).zip(w).zip(b) {
            *y = (x - mean) * scale * w + b;
        }
    }
}

/// What goes back to operand `k` of x, the weight and the bias.
pub(crate) fn backward<T: Scalar>(x: &[T], w: &[T], kept: &[T], g: &[T], k: usize, dx: &mut [T]) {
    let n = w.len();
    for i in 0..x.len().checked_div(n).unwrap_or(0) {
        let (x, g, &[mean, scale]) = (row(x, i, n), row(g, i, n), row(kept, i, KEPT)) else { return };
        if k > 0 {
            for ((dw, &x), &g) in dx.iter_mut().zip(x).zip(g) {
                *dw += if k == 1 { g * ((x - mean) * scale) } else { g };
            }
            continue;
        }
        let (mut sum, mut along) = (T::ZERO, T::ZERO);
        for ((&x, &g), &w) in x.iter().zip(g).zip(w) {
            sum += g * w;
            along += g * w * ((x - mean) * scale);
        }
        let (sum, along) = (sum / reduce::count(x), along / reduce::count(x));
        for (((dx, &x), &g), &w) in row_mut(dx, i, n).iter_mut().zip(x).zip(g).zip(w) {
            *dx += scale * ((g * w - sum) - (x - mean) * scale * along);
        }
    }
}
