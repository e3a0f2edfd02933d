//! max_pool and avg_pool: each window of a plane becomes its greatest element, or its mean.
//!
//! Planes go one by one, positions row by row, and within a window row by row. max_pool takes the
//! first of equal elements, which alone gets the gradient; a NaN wins over every number, and its
//! gradient is NaN. avg_pool divides the sum by the whole of the kernel, whatever of it lies in the
//! padding (PyTorch's `count_include_pad`).

use crate::circuit::CircuitRef;
use crate::error::BuildError;
use crate::gate::Gate;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::window::{Span, Window};

/// The window of a pooling gate, checked, and the shape of its wire.
///
/// # Errors
/// [`BuildError::WrongRank`]; [`BuildError::BadWindow`], also for a padding of more than half of the
/// kernel, where a window could miss the plane.
pub(crate) const fn window<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> Result<(Window, Shape), BuildError> {
    let Some(planes) = circuit.shape_at(gate.a as usize) else { return Err(BuildError::BadRecord) };
    let (kernel, stride, padding) = (circuit.integer(gate, 0), circuit.integer(gate, 1), circuit.integer(gate, 2));
    let refused = BuildError::BadWindow { planes, kernel, stride, padding };
    if padding > kernel / 2 {
        return Err(refused);
    }
    let tall = if planes.rank() == 2 { 1 } else { kernel as usize };
    match Window::over(planes, [tall, kernel as usize], stride, padding) {
        Ok(window) => match window.out_shape(window.channels, planes) {
            Some(shape) => Ok((window, shape)),
            None => Err(refused),
        },
        Err(error) => Err(error),
    }
}

/// Does something with each output and the spans it sees, row by row.
#[inline(always)]
fn outputs(window: &Window, mut each: impl FnMut(Span, Span)) {
    let [height, width] = window.out;
    for y in 0..height {
        let rows = window.rows(y);
        for x in 0..width {
            each(rows, window.columns(x));
        }
    }
}

/// The greatest element that a window sees of a plane, and its place: the first of equal ones, or
/// the first NaN.
#[inline(always)]
fn winner<T: Scalar>(window: &Window, rows: Span, columns: Span, plane: &[T]) -> Option<(usize, T)> {
    let [_, width] = window.plane;
    let mut from = rows.start * width + columns.start;
    let (mut at, mut best) = (from, *plane.get(from)?);
    for _ in 0..rows.len {
        for (i, &x) in plane.get(from..from + columns.len)?.iter().enumerate() {
            if x > best {
                (at, best) = (from + i, x);
            } else if x.is_nan() {
                return Some((from + i, x));
            }
        }
        from += width;
    }
    Some((at, best))
}

/// z = the greatest of each window
#[inline(never)]
pub(crate) fn max<T: Scalar>(window: &Window, a: &[T], z: &mut [T]) {
    let planes = a.chunks(window.plane_len().max(1));
    for (plane, z) in planes.zip(z.chunks_mut(window.positions().max(1))) {
        let mut z = z.iter_mut();
        outputs(window, |rows, columns| {
            if let (Some(z), Some((_, best))) = (z.next(), winner(window, rows, columns, plane)) {
                *z = best;
            }
        });
    }
}

/// da of each window's winner += δ
#[inline(never)]
pub(crate) fn max_back<T: Scalar>(window: &Window, a: &[T], delta: &[T], da: &mut [T]) {
    let (len, positions) = (window.plane_len().max(1), window.positions().max(1));
    for ((plane, delta), da) in a.chunks(len).zip(delta.chunks(positions)).zip(da.chunks_mut(len)) {
        let mut delta = delta.iter();
        outputs(window, |rows, columns| {
            if let (Some(&d), Some((at, best))) = (delta.next(), winner(window, rows, columns, plane))
                && let Some(da) = da.get_mut(at)
            {
                *da += if best.is_nan() { best } else { d };
            }
        });
    }
}

/// The elements of the whole kernel as a number.
fn area<T: Scalar>(window: &Window) -> T {
    let [tall, wide] = window.kernel;
    T::from_u32((tall * wide) as u32)
}

/// z = Σ / k² of each window
#[inline(never)]
pub(crate) fn mean<T: Scalar>(window: &Window, a: &[T], z: &mut [T]) {
    let (planes, area) = (a.chunks(window.plane_len().max(1)), area::<T>(window));
    let [_, width] = window.plane;
    for (plane, z) in planes.zip(z.chunks_mut(window.positions().max(1))) {
        let mut z = z.iter_mut();
        outputs(window, |rows, columns| {
            let (mut sum, mut from) = (T::ZERO, rows.start * width + columns.start);
            for _ in 0..rows.len {
                for &x in plane.get(from..from + columns.len).unwrap_or_default() {
                    sum += x;
                }
                from += width;
            }
            if let Some(z) = z.next() {
                *z = sum / area;
            }
        });
    }
}

/// da of each element of a window += δ / k²
#[inline(never)]
pub(crate) fn mean_back<T: Scalar>(window: &Window, delta: &[T], da: &mut [T]) {
    let (planes, area) = (da.chunks_mut(window.plane_len().max(1)), area::<T>(window));
    let [_, width] = window.plane;
    for (plane, delta) in planes.zip(delta.chunks(window.positions().max(1))) {
        let mut delta = delta.iter();
        outputs(window, |rows, columns| {
            let Some(&d) = delta.next() else { return };
            let (share, mut from) = (d / area, rows.start * width + columns.start);
            for _ in 0..rows.len {
                for da in plane.get_mut(from..from + columns.len).unwrap_or_default() {
                    *da += share;
                }
                from += width;
            }
        });
    }
}
