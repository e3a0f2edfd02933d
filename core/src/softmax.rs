//! softmax, log_softmax and the cross-entropy of logits, which share the stable exponentials.
//!
//! The greatest element m is taken first, first to last; then Σ eᵃʲ⁻ᵐ, first to last. So nothing
//! overflows, and one NaN makes all of it NaN.

use crate::scalar::{Scalar, VECTORS};

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
            if VECTORS {
                T::exp_below(logits, m, exps);
                exps.iter().for_each(|&kept| sum += kept);
            } else {
                for (kept, &a) in exps.iter_mut().zip(logits) {
                    *kept = (a - m).exp();
                    sum += *kept;
                }
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

/// The same towards a target of which a share ε is spread evenly over the n classes (Szegedy et al.,
/// 2016), from the `plain` cross-entropy p: with m' the logit of the class,
/// −Σ qⱼ ln softmaxⱼ = p + ε·(Σ (m' − aⱼ) / n).
pub(crate) fn smoothed<T: Scalar>(logits: &[T], plain: T, class: T, smoothing: T) -> T {
    if smoothing == T::ZERO {
        return plain;
    }
    let Some(&own) = class.to_index().and_then(|class| logits.get(class as usize)) else { return T::NAN };
    let mut sum = T::ZERO;
    for &a in logits {
        sum += own - a;
    }
    plain + smoothing * (sum / T::from_u32(logits.len() as u32))
}

/// daⱼ += (eⱼ / Σ e − qⱼ) · g with qⱼ = ε / n, and 1 − ε more for the class; the exponentials as forward
/// saved them. Without smoothing (ε = 0) q is 1 or 0.
pub(crate) fn cross_entropy_back<T: Scalar>(saved: &[T], class: T, smoothing: T, g: T, da: &mut [T]) {
    let Some((&sum, exps)) = saved.split_last() else { return };
    let class = class.to_index().map_or(exps.len(), |class| (class as usize).min(exps.len()));
    let rest = smoothing / T::from_u32(exps.len() as u32);
    let own = rest + (T::ONE - smoothing);
    // The class lies between those before it and those behind it.
    let mut places = da.iter_mut().zip(exps);
    for (da, &e) in places.by_ref().take(class) {
        *da += (e / sum - rest) * g;
    }
    if let Some((da, &e)) = places.next() {
        *da += (e / sum - own) * g;
    }
    for (da, &e) in places {
        *da += (e / sum - rest) * g;
    }
}
