//! max_pool and avg_pool: each window of a plane becomes its greatest element, or its mean.
//!
//! Positions go row by row, the planes one by one at each, and within a window row by row. max_pool takes the
//! first of equal elements, which alone gets the gradient; a NaN wins over every number, and its
//! gradient is NaN. avg_pool divides the sum by the whole of the kernel, whatever of it lies in the
//! padding (PyTorch's `count_include_pad`).

use crate::conv::{Block, Conv};
use crate::op::Op;
use crate::scalar::Scalar;
use crate::window::Window;

/// Where a window begins.
#[inline(always)]
fn start(pool: &Conv, block: &Block) -> usize {
    let [_, width] = pool.window.plane;
    block.group * pool.window.plane_len() + block.rows.start * width + block.columns.start
}

/// What a window sees, row by row: the place of each row's first element, and how many.
#[inline(always)]
fn rows(pool: &Conv, block: &Block) -> impl Iterator<Item = (usize, usize)> + use<> {
    let ([_, width], from, len) = (pool.window.plane, start(pool, block), block.columns.len);
    (0..block.rows.len).map(move |row| (from + row * width, len))
}

/// The place of a window's output. Pooling is walked as a convolution is, with a group for each plane.
#[inline(always)]
fn output(pool: &Conv, block: &Block) -> usize {
    block.group * pool.window.positions() + block.position
}

/// The greatest element that a window sees, and its place: the first of equal ones, or the first NaN.
#[inline(never)]
#[allow(clippy::neg_cmp_op_on_partial_ord)] // a NaN is neither
fn winner<T: Scalar>(pool: &Conv, block: &Block, a: &[T]) -> (usize, T) {
    let ([_, width], mut from) = (pool.window.plane, start(pool, block));
    let (mut at, mut best) = (from, a.get(from).copied().unwrap_or(T::ZERO));
    for _ in 0..block.rows.len {
        for (i, &x) in a.get(from..from + block.columns.len).unwrap_or_default().iter().enumerate() {
            // Neither smaller nor equal: greater, or NaN, and nothing comes after that.
            if !(x <= best) {
                (at, best) = (from + i, x);
                if x.is_nan() {
                    return (at, best);
                }
            }
        }
        from += width;
    }
    (at, best)
}

/// z = the greatest of each window, or Σ / k² of it
pub(crate) fn forward<T: Scalar>(op: Op, pool: &Conv, a: &[T], z: &mut [T]) {
    let area = area::<T>(&pool.window);
    pool.blocks(&mut |block| {
        let Some(z) = z.get_mut(output(pool, block)) else { return };
        if op == Op::MaxPool {
            (_, *z) = winner(pool, block, a);
            return;
        }
        let mut sum = T::ZERO;
        for (from, len) in rows(pool, block) {
            for &x in a.get(from..from + len).unwrap_or_default() {
                sum += x;
            }
        }
        *z = sum / area;
    });
}

/// da of each window's winner += δ, or da of each of its elements += δ / k²
pub(crate) fn backward<T: Scalar>(op: Op, pool: &Conv, a: &[T], delta: &[T], da: &mut [T]) {
    let area = area::<T>(&pool.window);
    pool.blocks(&mut |block| {
        let Some(&d) = delta.get(output(pool, block)) else { return };
        if op == Op::MaxPool {
            let (at, best) = winner(pool, block, a);
            if let Some(da) = da.get_mut(at) {
                *da += if best.is_nan() { best } else { d };
            }
            return;
        }
        let share = d / area;
        for (from, len) in rows(pool, block) {
            for da in da.get_mut(from..from + len).unwrap_or_default() {
                *da += share;
            }
        }
    });
}

/// The elements of the whole kernel as a number.
fn area<T: Scalar>(window: &Window) -> T {
    let [tall, wide] = window.kernel;
    T::from_u32((tall * wide) as u32)
}
