//! softmax, log_softmax and the cross-entropy of logits, which share the stable exponentials.
//!
//! The greatest element m is taken first, first to last; then Σ eᵃʲ⁻ᵐ, first to last. So nothing
//! overflows, and one NaN makes all of it NaN.

use crate::scalar::Scalar;

/// The greatest element; a NaN is passed over, and comes back into all results with its exponential.
fn greatest<T: Scalar>(a: &[T]) -> T {
    let mut m = -T::INFINITY;
    for &x in a {
        m = if x > m { x } else { m };
    }
    m
}

/// y = eᵃ⁻ᵐ / Σ eᵃ⁻ᵐ
pub(crate) fn softmax<T: Scalar>(a: &[T], y: &mut [T]) {
    let m = greatest(a);
    let mut sum = T::ZERO;
    for (y, &a) in y.iter_mut().zip(a) {
        *y = (a - m).exp();
        sum += *y;
    }
    for y in y {
        *y = *y / sum;
    }
}

/// daᵢ += yᵢ (gᵢ − Σ gⱼ yⱼ)
pub(crate) fn softmax_back<T: Scalar>(y: &[T], g: &[T], da: &mut [T]) {
    let mut sum = T::ZERO;
    for (&y, &g) in y.iter().zip(g) {
        sum += g * y;
    }
    for ((da, &y), &g) in da.iter_mut().zip(y).zip(g) {
        *da += y * (g - sum);
    }
}

/// y = (a − m) − ln Σ eᵃ⁻ᵐ
pub(crate) fn log_softmax<T: Scalar>(a: &[T], y: &mut [T]) {
    let m = greatest(a);
    let mut sum = T::ZERO;
    for &a in a {
        sum += (a - m).exp();
    }
    let log = sum.ln();
    for (y, &a) in y.iter_mut().zip(a) {
        *y = (a - m) - log;
    }
}

/// daᵢ += gᵢ − eʸⁱ Σ gⱼ
pub(crate) fn log_softmax_back<T: Scalar>(y: &[T], g: &[T], da: &mut [T]) {
    let mut sum = T::ZERO;
    for &g in g {
        sum += g;
    }
    for ((da, &y), &g) in da.iter_mut().zip(y).zip(g) {
        *da += g - y.exp() * sum;
    }
}

/// −ln softmax(logits)`[class]` = ln Σ eᵃ⁻ᵐ + (m − a_class), NaN if the class is none of them.
///
/// `saved`, one longer than the logits, keeps the exponentials and their sum for the way back; it
/// may be empty where there will be none.
pub(crate) fn cross_entropy<T: Scalar>(logits: &[T], class: T, saved: &mut [T]) -> T {
    let m = greatest(logits);
    let mut sum = T::ZERO;
    match saved.split_last_mut() {
        Some((total, exps)) => {
            for (kept, &a) in exps.iter_mut().zip(logits) {
                *kept = (a - m).exp();
                sum += *kept;
            }
            *total = sum;
        }
        None => logits.iter().for_each(|&a| sum += (a - m).exp()),
    }
    match class.to_index().and_then(|class| logits.get(class as usize)) {
        Some(&a) => sum.ln() + (m - a),
        None => T::NAN,
    }
}

/// daⱼ += (eⱼ / Σ e − [j = class]) · g, the exponentials as forward saved them
pub(crate) fn cross_entropy_back<T: Scalar>(saved: &[T], class: T, g: T, da: &mut [T]) {
    let Some((&sum, exps)) = saved.split_last() else { return };
    let class = class.to_index().map_or(usize::MAX, |class| class as usize);
    for (j, (da, &e)) in da.iter_mut().zip(exps).enumerate() {
        let p = e / sum;
        let local = if j == class { p - T::ONE } else { p };
        *da += local * g;
    }
}
