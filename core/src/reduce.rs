//! Gates that add up: dot, sum and mean, each with what it passes back.
//!
//! All sums go from the first element to the last, starting from 0; what is passed back is added
//! to what other readers passed back, element by element.

use crate::scalar::Scalar;

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
