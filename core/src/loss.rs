//! Losses that are means over elements: mse, mae, huber (Huber, 1964), hinge and binary cross-entropy,
//! each element's value beside what it passes back.
//!
//! The sum goes from the first element to the last and is divided by n; what is passed back is the
//! element's local gradient / n, times g.

use crate::elementwise::sigmoid;
use crate::op::Op;
use crate::scalar::Scalar;

/// One element's loss; `a` is the prediction, `t` the target, `delta` a huber's own number.
#[inline(always)]
fn element<T: Scalar>(op: Op, delta: T, a: T, t: T) -> T {
    match op {
        Op::Mse => (a - t) * (a - t),
        Op::Mae => (a - t).abs(),
        Op::Huber => {
            let r = (a - t).abs();
            if r <= delta { T::HALF * r * r } else { delta * (r - T::HALF * delta) }
        }
        Op::Hinge => {
            let margin = T::ONE - a * t;
            if margin <= T::ZERO { T::ZERO } else { margin }
        }
        // max(a, 0) − a t + ln(1 + e^−|a|): exact where the first two cancel.
        Op::BinaryCrossEntropy => {
            let positive = if a > T::ZERO { a } else { T::ZERO };
            (positive - a * t) + (-a.abs()).exp().ln_1p()
        }
        _ => T::NAN,
    }
}

/// One element's local gradients, towards the prediction and towards the target.
#[inline(always)]
fn local<T: Scalar>(op: Op, delta: T, a: T, t: T) -> (T, T) {
    match op {
        Op::Mse => {
            let r = (a - t) + (a - t);
            (r, -r)
        }
        Op::Mae => {
            let sign = clipped(a - t, T::ZERO, T::ONE);
            (sign, -sign)
        }
        Op::Huber => {
            let r = clipped(a - t, delta, delta);
            (r, -r)
        }
        Op::Hinge => {
            let margin = T::ONE - a * t;
            if margin > T::ZERO {
                (-t, -a)
            } else if margin <= T::ZERO {
                (T::ZERO, T::ZERO)
            } else {
                (T::NAN, T::NAN)
            }
        }
        Op::BinaryCrossEntropy => (sigmoid(a) - t, -a),
        _ => (T::NAN, T::NAN),
    }
}

/// r within ±`from`, beyond it ±`to`; NaN for NaN.
#[inline(always)]
fn clipped<T: Scalar>(r: T, from: T, to: T) -> T {
    if r > from {
        to
    } else if r < -from {
        -to
    } else {
        r
    }
}

/// The mean loss over all elements.
#[inline(always)]
pub(crate) fn mean_loss<T: Scalar>(op: Op, delta: T, a: &[T], t: &[T]) -> T {
    let mut sum = T::ZERO;
    for (&a, &t) in a.iter().zip(t) {
        sum += element(op, delta, a, t);
    }
    sum / T::from_u32(a.len() as u32)
}

/// The mean loss of each sample; they have n numbers each.
#[inline(always)]
pub(crate) fn mean_losses<T: Scalar>(op: Op, delta: T, a: &[T], t: &[T], n: usize, losses: &mut [T]) {
    let n = n.max(1);
    for ((loss, a), t) in losses.iter_mut().zip(a.chunks_exact(n)).zip(t.chunks_exact(n)) {
        *loss = mean_loss(op, delta, a, t);
    }
}

/// What the mean loss passes back to the prediction, or to the target.
pub(crate) fn mean_loss_back<T: Scalar>(op: Op, delta: T, a: &[T], t: &[T], g: T, to_target: bool, da: &mut [T]) {
    mean_losses_back(op, delta, a, t, a.len(), g, to_target, da);
}

/// The same of several samples, with n numbers each, all of which got g back.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // it is called where all of them are known
pub(crate) fn mean_losses_back<T: Scalar>(
    op: Op,
    delta: T,
    a: &[T],
    t: &[T],
    n: usize,
    g: T,
    to_target: bool,
    da: &mut [T],
) {
    let n = T::from_u32(n as u32);
    for ((da, &a), &t) in da.iter_mut().zip(a).zip(t) {
        let (to_a, to_t) = local(op, delta, a, t);
        let local = if to_target { to_t } else { to_a };
        // A hinge beyond its margin and an mae at its kink pass 0 even for an infinite g.
        if matches!(op, Op::Hinge | Op::Mae) && local == T::ZERO {
            continue;
        }
        *da += local / n * g;
    }
}
