//! How elementwise gates go over whole wires: equal shapes, or a scalar beside any shape.
//!
//! The rows of [`elementwise`](crate::elementwise) say what happens to one element; here are the
//! loops. The few gates that networks spend time in have loops of their own; all others go through
//! one, which is slower by a call an element and much smaller. A scalar that
//! goes with a wire of n elements gets back the sum over them, first to last.

use crate::elementwise::{Own, any_back, any_value, back, value};
use crate::op::Op;
use crate::scalar::{Scalar, VECTORS};

/// Does something to each element, four a turn, which halves the instructions of short bodies on a
/// Cortex-M4. A closure would hold the operation, and so the whole table of rows, in a variable.
macro_rules! by_fours {
    ($all:expr, |$one:ident| $body:expr) => {{
        let (fours, rest) = $all.as_chunks_mut::<4>();
        for [a, b, c, d] in fours {
            {
                let $one = a;
                $body
            }
            {
                let $one = b;
                $body
            }
            {
                let $one = c;
                $body
            }
            {
                let $one = d;
                $body
            }
        }
        for $one in rest {
            $body
        }
    }};
}
pub(crate) use by_fours;

/// Puts the first operand of a gate where its value will be; where the gate's wire has taken over its
/// slot, it is there already. So there is one loop for both cases.
#[inline(never)]
pub(crate) fn start<T: Scalar>(a: &[T], y: &mut [T]) {
    match a {
        &[a] => y.fill(a),
        a => y.iter_mut().zip(a).for_each(|(y, &a)| *y = a),
    }
}

/// y = op(y), for gates that have a loop of their own.
#[inline(always)]
pub(crate) fn unary<T: Scalar>(op: Op, y: &mut [T]) {
    let own = Own { numbers: &[], start: 0 };
    match op {
        // Their values cost so much that a turn of the loop does not count.
        Op::Tanh if VECTORS => T::tanh_all(y),
        Op::Sigmoid | Op::Tanh => {
            for y in y {
                *y = value(op, *y, T::NAN, own);
            }
        }
        _ => by_fours!(y, |y| *y = value(op, *y, T::NAN, own)),
    }
}

/// y = op(y, b) for a number b, for gates that have a loop of their own; y holds the first operand.
#[inline(always)]
pub(crate) fn scale<T: Scalar>(op: Op, b: T, y: &mut [T]) {
    let own = Own { numbers: &[], start: 0 };
    if op == Op::Div {
        // Data is divided by what scales it, each number of it before each step.
        by_fours!(y, |y| *y = value(op, *y, b, own));
    } else {
        y.iter_mut().for_each(|y| *y = value(op, *y, b, own));
    }
}

/// y = op(y, b), where y holds the first operand. A unary gate is given any scalar as b.
#[inline(never)]
pub(crate) fn forward<T: Scalar>(op: Op, own: Own<'_, T>, b: &[T], y: &mut [T]) {
    for (i, y) in y.iter_mut().enumerate() {
        let b = pick(b, i);
        // Nearly all that goes over long wires; the rest by a call.
        *y = match op {
            Op::Add => *y + b,
            Op::Mul => *y * b,
            op => any_value(op, *y, b, own),
        };
    }
}

/// The values and the gradient that a gate's way back reads.
pub(crate) struct Upstream<'a, T> {
    pub(crate) a: &'a [T],
    pub(crate) b: &'a [T],
    pub(crate) y: &'a [T],
    pub(crate) g: &'a [T],
}

/// Turns what came back to such a gate into what it passes back, in place; it looks only at its own value.
///
/// Where gradients are added up, this begins at 0, and so does what came back: no −0 comes of it.
#[inline(always)]
pub(crate) fn unary_back<T: Scalar>(op: Op, y: &[T], g: &mut [T]) {
    if op == Op::Relu {
        return relu_back(y, g);
    }
    let own = Own { numbers: &[], start: 0 };
    for (&y, g) in y.iter().zip(g) {
        *g = T::ZERO + zero_or(*g, back(op, T::NAN, T::NAN, y, *g, own).0);
    }
}

/// The row of relu in another order: what came back stays where y > 0.
#[inline(always)]
fn relu_back<T: Scalar>(y: &[T], g: &mut [T]) {
    if VECTORS {
        for (&y, g) in y.iter().zip(g) {
            let nan = if y.is_nan() && *g != T::ZERO { y } else { T::ZERO };
            *g = if y > T::ZERO { *g } else { nan };
        }
        return;
    }
    // A relu is 0, above 0 or NaN.
    let one = |y: T, g: &mut T| {
        if y == T::ZERO {
            *g = T::ZERO;
        } else if y.is_nan() && *g != T::ZERO {
            *g = y;
        }
    };
    let ((ys, y), (gs, g)) = (y.as_chunks::<4>(), g.as_chunks_mut::<4>());
    for (&[y0, y1, y2, y3], [g0, g1, g2, g3]) in ys.iter().zip(gs) {
        one(y0, g0);
        one(y1, g1);
        one(y2, g2);
        one(y3, g3);
    }
    y.iter().zip(g).for_each(|(&y, g)| one(y, g));
}

/// What a gate passes back to its first operand, or to its second, added to what is there.
pub(crate) fn backward<T: Scalar>(op: Op, own: Own<'_, T>, up: &Upstream<'_, T>, second: bool, dx: &mut [T]) {
    let same = dx.len() == up.g.len();
    match (op, up) {
        (Op::Add, up) if same => up.g.iter().zip(dx).for_each(|(&g, dx)| *dx += g),
        (Op::Mul, &Upstream { a, b, g, .. }) if same && a.len() == b.len() => {
            for ((&other, &g), dx) in if second { a } else { b }.iter().zip(g).zip(dx) {
                *dx += zero_or(g, other * g);
            }
        }
        _ => any_backward(op, own, up, second, dx),
    }
}

/// `passed`, or a plain 0 where nothing came back.
#[inline(always)]
fn zero_or<T: Scalar>(g: T, passed: T) -> T {
    if g == T::ZERO { T::ZERO } else { passed }
}

#[inline(never)]
fn any_backward<T: Scalar>(op: Op, own: Own<'_, T>, up: &Upstream<'_, T>, second: bool, dx: &mut [T]) {
    let mut sum = T::ZERO;
    let one = dx.len() == 1 && up.g.len() > 1;
    for (i, (&y, &g)) in up.y.iter().zip(up.g).enumerate() {
        let (to_a, to_b) = match g == T::ZERO {
            true => (T::ZERO, T::ZERO),
            false => any_back(op, pick(up.a, i), pick(up.b, i), y, g, own),
        };
        let passed = if second { to_b } else { to_a };
        if one {
            sum += passed;
        } else if let Some(dx) = dx.get_mut(i) {
            *dx += passed;
        }
    }
    if one && let [dx] = dx {
        *dx += sum;
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
