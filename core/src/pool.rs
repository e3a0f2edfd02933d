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

/// What a window sees, row by row: the place of each row's first element, and how many.
#[inline(always)]
fn rows(pool: &Conv, &Block { group, rows, columns, .. }: &Block) -> impl Iterator<Item = (usize, usize)> + use<> {
    let [_, width] = pool.window.plane;
    let from = group * pool.window.plane_len() + rows.start * width + columns.start;
    (0..rows.len).map(move |row| (from + row * width, columns.len))
}

/// The place of a window's output. Pooling is walked as a convolution is, with a group for each plane.
#[inline(always)]
fn output(pool: &Conv, block: &Block) -> usize {
    block.group * pool.window.positions() + block.position
}

/// The greatest element that a window sees, and its place: the first of equal ones, or the first NaN.
#[inline(never)]
fn winner<T: Scalar>(seen: impl Iterator<Item = (usize, usize)>, a: &[T]) -> (usize, T) {
    let (mut at, mut best) = (usize::MAX, T::ZERO);
    for (from, len) in seen {
        for (i, &x) in a.get(from..from + len).unwrap_or_default().iter().enumerate() {
            if x > best || at == usize::MAX || (x.is_nan() && !best.is_nan()) {
                (at, best) = (from + i, x);
            }
        }
    }
    (at, best)
}

/// z = the greatest of each window, or Σ / k² of it
pub(crate) fn forward<T: Scalar>(op: Op, pool: &Conv, a: &[T], z: &mut [T]) {
    let area = area::<T>(&pool.window);
    pool.blocks(&mut |block| {
        let Some(z) = z.get_mut(output(pool, block)) else { return };
        let seen = rows(pool, block);
        if op == Op::MaxPool {
            (_, *z) = winner(seen, a);
            return;
        }
        let mut sum = T::ZERO;
        for (from, len) in seen {
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
        let seen = rows(pool, block);
        if op == Op::MaxPool {
            let (at, best) = winner(seen, a);
            if let Some(da) = da.get_mut(at) {
                *da += if best.is_nan() { best } else { d };
            }
            return;
        }
        let share = d / area;
        for (from, len) in seen {
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
