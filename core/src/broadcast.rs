//! How elementwise gates go over whole wires: equal shapes, or a scalar beside any shape.
//!
//! The rows of [`elementwise`](crate::elementwise) say what happens to one element; here are the
//! loops, compiled apart for the few gates that networks spend time in. A scalar that goes with a
//! wire of n elements gets back the sum over them, first to last.

use crate::elementwise::{Own, back_a, back_b, value};
use crate::op::Op;
use crate::scalar::Scalar;

/// Calls a loop with the operation as a constant where speed counts.
macro_rules! by_op {
    ($op:expr, $body:ident($($arg:expr),*)) => {
        match $op {
            Op::Add => $body(Op::Add, $($arg),*),
            Op::Mul => $body(Op::Mul, $($arg),*),
            Op::Div => $body(Op::Div, $($arg),*),
            Op::Relu => $body(Op::Relu, $($arg),*),
            op => $body(op, $($arg),*),
        }
    };
}

/// y = op(a, b). A unary gate is given any scalar as b.
pub(crate) fn forward<T: Scalar>(op: Op, own: Own<'_, T>, a: &[T], b: &[T], y: &mut [T]) {
    by_op!(op, forward_loop(own, a, b, y));
}

#[inline(always)]
fn forward_loop<T: Scalar>(op: Op, own: Own<'_, T>, a: &[T], b: &[T], y: &mut [T]) {
    match (a, b) {
        (&[a], b) if b.len() == y.len() => {
            for (y, &b) in y.iter_mut().zip(b) {
                *y = value(op, a, b, own);
            }
        }
        (a, &[b]) => {
            for (y, &a) in y.iter_mut().zip(a) {
                *y = value(op, a, b, own);
            }
        }
        (a, b) => {
            for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                *y = value(op, a, b, own);
            }
        }
    }
}

/// y = op(y, b), where the gate's wire has taken over the slot of its first operand.
pub(crate) fn forward_in_place<T: Scalar>(op: Op, own: Own<'_, T>, b: &[T], y: &mut [T]) {
    by_op!(op, forward_in_place_loop(own, b, y));
}

#[inline(always)]
fn forward_in_place_loop<T: Scalar>(op: Op, own: Own<'_, T>, b: &[T], y: &mut [T]) {
    if let &[b] = b {
        for y in y {
            *y = value(op, *y, b, own);
        }
    } else {
        for (y, &b) in y.iter_mut().zip(b) {
            *y = value(op, *y, b, own);
        }
    }
}

/// The values and the gradient that a gate's way back reads.
pub(crate) struct Upstream<'a, T> {
    pub(crate) a: &'a [T],
    pub(crate) b: &'a [T],
    pub(crate) y: &'a [T],
    pub(crate) g: &'a [T],
}

/// What a gate passes back to its first operand, or to its second, added to what is there.
pub(crate) fn backward<T: Scalar>(op: Op, own: Own<'_, T>, up: &Upstream<'_, T>, second: bool, dx: &mut [T]) {
    if second {
        match op {
            Op::Add => pass_loop(Op::Add, own, up, back_b, dx),
            Op::Mul => pass_loop(Op::Mul, own, up, back_b, dx),
            op => pass_loop(op, own, up, back_b, dx),
        }
    } else {
        by_op!(op, pass_loop(own, up, back_a, dx));
    }
}

#[inline(always)]
fn pass_loop<'n, T: Scalar>(
    op: Op,
    own: Own<'n, T>,
    up: &Upstream<'_, T>,
    back: impl Fn(Op, T, T, T, T, Own<'n, T>) -> T,
    dx: &mut [T],
) {
    macro_rules! element {
        ($a:expr, $b:expr, $y:expr, $g:expr) => {
            if $g == T::ZERO { T::ZERO } else { back(op, $a, $b, $y, $g, own) }
        };
    }
    let pairs = up.y.iter().zip(up.g);
    match (up.a, up.b, dx) {
        (a, b, [dx]) if up.g.len() > 1 => {
            let mut sum = T::ZERO;
            for (i, (&y, &g)) in pairs.enumerate() {
                sum += element!(pick(a, i), pick(b, i), y, g);
            }
            *dx += sum;
        }
        (&[a], b, dx) if up.g.len() > 1 => {
            for (((&y, &g), &b), dx) in pairs.zip(b).zip(dx) {
                *dx += element!(a, b, y, g);
            }
        }
        (a, &[b], dx) => {
            for (((&y, &g), &a), dx) in pairs.zip(a).zip(dx) {
                *dx += element!(a, b, y, g);
            }
        }
        (a, b, dx) => {
            for ((((&y, &g), &a), &b), dx) in pairs.zip(a).zip(b).zip(dx) {
                *dx += element!(a, b, y, g);
            }
        }
    }
}

/// Element `i`, or the only one.
#[inline(always)]
fn pick<T: Scalar>(values: &[T], i: usize) -> T {
    match values {
        &[x] => x,
        values => values.get(i).copied().unwrap_or(T::NAN),
    }
}
