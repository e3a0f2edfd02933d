//! max_pool and avg_pool: each window of a plane becomes its greatest element, or its mean.
//!
//! Positions go row by row, the planes one by one at each, and within a window row by row. max_pool takes the
//! first of equal elements, which alone gets the gradient; a NaN wins over every number, and its
//! gradient is NaN. avg_pool divides the sum by the whole of the kernel, whatever of it lies in the
//! padding (PyTorch's `count_include_pad`).

use crate::conv::Conv;
use crate::op::Op;
use crate::scalar::Scalar;

/// What a window sees, row by row: the place of each row's first element, and how many.
#[inline(always)]
fn lines(pool: &Conv) -> impl Iterator<Item = (usize, usize)> + use<> {
    let ([x, _], lines, len, [_, across]) = (pool.first, pool.lines, pool.len, pool.window.plane);
    (0..usize::from(lines)).map(move |line| (x as usize + line * usize::from(across), usize::from(len)))
}

/// The place of a window's output.
fn output(pool: &Conv) -> usize {
    let [at, _] = pool.outputs();
    at
}

/// The greatest element that a window sees, and its place: the first of equal ones, or the first NaN.
#[inline(never)]
#[allow(clippy::neg_cmp_op_on_partial_ord)] // a NaN is neither
fn winner<T: Scalar>(pool: &Conv, a: &[T]) -> (usize, T) {
    let [first, _] = pool.first;
    let mut at = first as usize;
    let mut best = a.get(at).copied().unwrap_or(T::ZERO);
    for (mut from, len) in lines(pool) {
        for _ in 0..len {
            let Some(&x) = a.get(from) else { break };
            // Neither smaller nor equal: greater, or NaN, and nothing comes after that.
            if !(x <= best) {
                (at, best) = (from, x);
                if x.is_nan() {
                    return (at, best);
                }
            }
            from += 1;
        }
    }
    (at, best)
}

/// z = the greatest of each window, or Σ / k² of it
#[inline(never)]
pub(crate) fn forward<T: Scalar>(op: Op, pool: &mut Conv, a: &[T], z: &mut [T]) {
    let area = T::from_u32(pool.window.kernel_len() as u32);
    while pool.next() {
        let Some(z) = z.get_mut(output(pool)) else { return };
        if op == Op::MaxPool {
            (_, *z) = winner(pool, a);
            continue;
        }
        let mut sum = T::ZERO;
        for (from, len) in lines(pool) {
            for &x in a.get(from..from + len).unwrap_or_default() {
                sum += x;
            }
        }
        *z = sum / area;
    }
}

/// da of each window's winner += δ, or da of each of its elements += δ / k²
#[inline(never)]
pub(crate) fn backward<T: Scalar>(op: Op, pool: &mut Conv, a: &[T], delta: &[T], da: &mut [T]) {
    let area = T::from_u32(pool.window.kernel_len() as u32);
    while pool.next() {
        let Some(&d) = delta.get(output(pool)) else { return };
        if op == Op::MaxPool {
            let (at, best) = winner(pool, a);
            if let Some(da) = da.get_mut(at) {
                *da += if best.is_nan() { best } else { d };
            }
            continue;
        }
        let share = d / area;
        for (from, len) in lines(pool) {
            for da in da.get_mut(from..from + len).unwrap_or_default() {
                *da += share;
            }
        }
    }
}
