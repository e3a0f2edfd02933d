//! Gates that make less of more: dot, sum, mean, max and the mean of each plane, each with what it
//! passes back.
//!
//! All sums go from the first element to the last, starting from 0; what is passed back is added
//! to what other readers passed back, element by element. Of equal elements, max takes the first.

use crate::scalar::Scalar;

/// Row `i` of numbers in rows of `n`; empty if there is none. Called, where an iterator over chunks would
/// be in line: kernels that are not hot are to be small.
#[inline(never)]
pub(crate) fn row<T>(numbers: &[T], i: usize, n: usize) -> &[T] {
    numbers.get(i * n..).and_then(|rows| rows.get(..n)).unwrap_or_default()
}

/// As [`row`], to write.
#[inline(never)]
pub(crate) fn row_mut<T>(numbers: &mut [T], i: usize, n: usize) -> &mut [T] {
    numbers.get_mut(i * n..).and_then(|rows| rows.get_mut(..n)).unwrap_or_default()
}

/// Σ aᵢ bᵢ
pub(crate) fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut sum = T::ZERO;
    for (&a, &b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}

/// da += b · g, of a dot
pub(crate) fn dot_back<T: Scalar>(other: &[T], g: T, da: &mut [T]) {
    for (da, &b) in da.iter_mut().zip(other) {
        *da += b * g;
    }
}

/// Σ aᵢ
pub(crate) fn sum<T: Scalar>(a: &[T]) -> T {
    let mut sum = T::ZERO;
    for &a in a {
        sum += a;
    }
    sum
}

/// da += g, of a sum; a mean passes g / n
pub(crate) fn sum_back<T: Scalar>(g: T, da: &mut [T]) {
    for da in da {
        *da += g;
    }
}

/// The number of elements as a number.
pub(crate) fn count<T: Scalar>(a: &[T]) -> T {
    T::from_u32(a.len() as u32)
}

/// The greatest of some numbers and its place: the first of equal ones, or the first NaN.
fn winner<T: Scalar>(a: &[T]) -> Option<(usize, T)> {
    let mut best = (0, *a.first()?);
    for (at, &x) in a.iter().enumerate() {
        if x.is_nan() {
            return Some((at, x));
        }
        if x > best.1 {
            best = (at, x);
        }
    }
    Some(best)
}

/// max aᵢ
pub(crate) fn max<T: Scalar>(a: &[T]) -> T {
    winner(a).map_or(T::NAN, |(_, best)| best)
}

/// da of the winner += g; NaN if a NaN won
pub(crate) fn max_back<T: Scalar>(a: &[T], g: T, da: &mut [T]) {
    if let Some((at, best)) = winner(a)
        && let Some(da) = da.get_mut(at)
    {
        *da += if best.is_nan() { best } else { g };
    }
}

/// zᵢ = the mean of plane i
pub(crate) fn planes_mean<T: Scalar>(a: &[T], z: &mut [T]) {
    let len = a.len().checked_div(z.len()).unwrap_or(0);
    for (i, z) in z.iter_mut().enumerate() {
        let plane = row(a, i, len);
        *z = sum(plane) / count(plane);
    }
}

/// da += δᵢ / n, of the planes' means
pub(crate) fn planes_mean_back<T: Scalar>(delta: &[T], da: &mut [T]) {
    let len = da.len().checked_div(delta.len()).unwrap_or(0);
    for (i, &d) in delta.iter().enumerate() {
        let plane = row_mut(da, i, len);
        sum_back(d / count(plane), plane);
    }
}
