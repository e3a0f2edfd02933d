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

use crate::reduce;
use crate::scalar::Scalar;

/// Numbers kept for each row: its mean, and 1 / √(σ² + ε).
pub(crate) const KEPT: usize = 2;

/// `kept` may be empty where there will be no way back.
pub(crate) fn forward<T: Scalar>(x: &[T], w: &[T], b: &[T], eps: T, y: &mut [T], kept: &mut [T]) {
    let n = w.len().max(1);
    let mut kept = kept.as_chunks_mut::<KEPT>().0.iter_mut();
    for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
        let mean = reduce::sum(x) / reduce::count(x);
        let mut squares = T::ZERO;
        for &x in x {
            squares += (x - mean) * (x - mean);
        }
        let scale = T::ONE / (squares / reduce::count(x) + eps).sqrt();
        if let Some(kept) = kept.next() {
            *kept = [mean, scale];
        }
        for (((y, &x), &w), &b) in y.iter_mut().zip(x).zip(w).zip(b) {
            *y = (x - mean) * scale * w + b;
        }
    }
}

/// What goes back to x.
pub(crate) fn backward<T: Scalar>(x: &[T], w: &[T], kept: &[T], g: &[T], dx: &mut [T]) {
    let n = w.len().max(1);
    let rows = x.chunks_exact(n).zip(g.chunks_exact(n)).zip(kept.as_chunks::<KEPT>().0);
    for (((x, g), &[mean, scale]), dx) in rows.zip(dx.chunks_exact_mut(n)) {
        let (mut sum, mut along) = (T::ZERO, T::ZERO);
        for ((&x, &g), &w) in x.iter().zip(g).zip(w) {
            sum += g * w;
            along += g * w * ((x - mean) * scale);
        }
        let (sum, along) = (sum / reduce::count(x), along / reduce::count(x));
        for (((dx, &x), &g), &w) in dx.iter_mut().zip(x).zip(g).zip(w) {
            *dx += scale * ((g * w - sum) - (x - mean) * scale * along);
        }
    }
}

/// What goes back to the weight.
pub(crate) fn back_to_weight<T: Scalar>(x: &[T], kept: &[T], g: &[T], dw: &mut [T]) {
    let n = dw.len().max(1);
    for ((x, g), &[mean, scale]) in x.chunks_exact(n).zip(g.chunks_exact(n)).zip(kept.as_chunks::<KEPT>().0) {
        for ((dw, &x), &g) in dw.iter_mut().zip(x).zip(g) {
            *dw += g * ((x - mean) * scale);
        }
    }
}

/// What goes back to the bias.
pub(crate) fn back_to_bias<T: Scalar>(g: &[T], db: &mut [T]) {
    for g in g.chunks_exact(db.len().max(1)) {
        for (db, &g) in db.iter_mut().zip(g) {
            *db += g;
        }
    }
}
