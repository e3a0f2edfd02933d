//! The elementwise gates: one row each, its value beside what it passes back to its operands.
//!
//! In a row, `a` and `b` are an element of the operands, `y` the element of the gate's own wire,
//! `g` the gradient that came back to it, and `k` the gate's own numbers. `da` and `db` are what
//! goes back: local gradient × g, and a plain 0 for a branch not taken, so that an infinite g does
//! not become NaN there. With g = 1 they are the local gradients themselves.
//!
//! An element whose g is ±0 passes nothing back; the walks see to that, so that 0·∞ stays 0.

use crate::op::Op;
use crate::scalar::Scalar;

/// A gate's own numbers (slope, alpha, bounds), read only by the rows that have some.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<'a, T> {
    pub(crate) numbers: &'a [T],
    pub(crate) start: usize,
}

impl<T: Scalar> Own<'_, T> {
    #[inline(always)]
    fn at(self, i: usize) -> T {
        self.numbers.get(self.start + i).copied().unwrap_or(T::NAN)
    }
}

/// `reads` says which values backward looks at: `a` and `b`, the wire's own `y`, or none of them.
macro_rules! rows {
    ($(
        $op:ident |$a:ident, $b:ident, $y:ident, $g:ident, $k:ident| reads($reads_ab:literal, $reads_y:literal)
        y: $value:expr,
        da: $da:expr,
        db: $db:expr;
    )*) => {
        /// The value of one element of a gate's wire; NaN if the gate is not elementwise.
        #[inline(always)]
        #[allow(unused_variables)]
        pub(crate) fn value<T: Scalar>(op: Op, a: T, b: T, own: Own<'_, T>) -> T {
            match op {
                $(Op::$op => { let ($a, $b, $k) = (a, b, own); $value })*
                _ => T::NAN,
            }
        }

        /// What one element passes back to the first and to the second operand.
        #[inline(always)]
        #[allow(unused_variables)]
        pub(crate) fn back<T: Scalar>(op: Op, a: T, b: T, y: T, g: T, own: Own<'_, T>) -> (T, T) {
            match op {
                $(Op::$op => { let ($a, $b, $y, $g, $k) = (a, b, y, g, own); ($da, $db) })*
                _ => (T::NAN, T::NAN),
            }
        }

        /// Whether backward looks at the operands' values.
        pub(crate) const fn reads_operands(op: Op) -> bool {
            match op { $(Op::$op => $reads_ab,)* _ => true }
        }

        /// Whether backward looks at the wire's own value.
        pub(crate) const fn reads_own(op: Op) -> bool {
            match op { $(Op::$op => $reads_y,)* _ => true }
        }
    };
}

rows! {
    Add |a, b, y, g, k| reads(false, false)
        y: a + b,
        da: g,
        db: g;
    Sub |a, b, y, g, k| reads(false, false)
        y: a - b,
        da: g,
        db: -g;
    Mul |a, b, y, g, k| reads(true, false)
        y: a * b,
        da: b * g,
        db: a * g;
    Div |a, b, y, g, k| reads(true, true)
        y: a / b,
        da: g / b,
        db: -(y / b) * g;
    Max |a, b, y, g, k| reads(true, false)
        y: larger(a, b),
        da: share(a > b, a == b, b > a, g),
        db: share(b > a, a == b, a > b, g);
    Min |a, b, y, g, k| reads(true, false)
        y: smaller(a, b),
        da: share(a < b, a == b, b < a, g),
        db: share(b < a, a == b, a < b, g);
    Pow |a, b, y, g, k| reads(true, true)
        y: a.pow(b),
        da: if b == T::ZERO { T::ZERO } else { b * a.pow(b - T::ONE) * g },
        db: if a == T::ZERO { T::ZERO } else { y * a.ln() * g };
    Neg |a, b, y, g, k| reads(false, false)
        y: -a,
        da: -g,
        db: T::ZERO;
    Abs |a, b, y, g, k| reads(true, false)
        y: a.abs(),
        da: if a > T::ZERO { g } else if a < T::ZERO { -g } else if a == T::ZERO { T::ZERO } else { a },
        db: T::ZERO;
    Sqrt |a, b, y, g, k| reads(false, true)
        y: a.sqrt(),
        da: g / (y + y),
        db: T::ZERO;
    Square |a, b, y, g, k| reads(true, false)
        y: a * a,
        da: (a + a) * g,
        db: T::ZERO;
    Recip |a, b, y, g, k| reads(false, true)
        y: T::ONE / a,
        da: -(y * y) * g,
        db: T::ZERO;
    Exp |a, b, y, g, k| reads(false, true)
        y: a.exp(),
        da: y * g,
        db: T::ZERO;
    Log |a, b, y, g, k| reads(true, false)
        y: a.ln(),
        da: g / a,
        db: T::ZERO;
    Sin |a, b, y, g, k| reads(true, false)
        y: a.sin(),
        da: a.cos() * g,
        db: T::ZERO;
    Cos |a, b, y, g, k| reads(true, false)
        y: a.cos(),
        da: -a.sin() * g,
        db: T::ZERO;
    Tanh |a, b, y, g, k| reads(false, true)
        y: a.tanh(),
        da: (T::ONE - y * y) * g,
        db: T::ZERO;
    Sigmoid |a, b, y, g, k| reads(false, true)
        y: sigmoid(a),
        da: y * (T::ONE - y) * g,
        db: T::ZERO;
    Relu |a, b, y, g, k| reads(false, true)
        y: if a <= T::ZERO { T::ZERO } else { a },
        da: if y > T::ZERO { g } else if y == T::ZERO { T::ZERO } else { y },
        db: T::ZERO;
    LeakyRelu |a, b, y, g, k| reads(true, false)
        y: if a > T::ZERO { a } else { k.at(0) * a },
        da: if a > T::ZERO { g } else if a <= T::ZERO { k.at(0) * g } else { a },
        db: T::ZERO;
    Elu |a, b, y, g, k| reads(true, false)
        y: if a > T::ZERO { a } else { k.at(0) * a.exp_m1() },
        da: if a > T::ZERO { g } else { k.at(0) * a.exp() * g },
        db: T::ZERO;
    Gelu |a, b, y, g, k| reads(true, false)
        y: a * normal_below(a),
        da: (normal_below(a) + a * normal_density(a)) * g,
        db: T::ZERO;
    GeluTanh |a, b, y, g, k| reads(true, false)
        y: a * gelu_share(a),
        da: gelu_tanh_local(a) * g,
        db: T::ZERO;
    Softplus |a, b, y, g, k| reads(true, false)
        y: softplus(a),
        da: sigmoid(a) * g,
        db: T::ZERO;
    Softsign |a, b, y, g, k| reads(true, false)
        y: a / (T::ONE + a.abs()),
        da: { let d = T::ONE + a.abs(); g / (d * d) },
        db: T::ZERO;
    HardSwish |a, b, y, g, k| reads(true, false)
        y: hard_swish(a),
        da: if a <= -three::<T>() { T::ZERO } else if a >= three() { g } else { hard_swish_local(a) * g },
        db: T::ZERO;
    Clip |a, b, y, g, k| reads(true, false)
        y: if a < k.at(0) { k.at(0) } else if a > k.at(1) { k.at(1) } else { a },
        da: if a >= k.at(0) && a <= k.at(1) { g } else if a.is_nan() { a } else { T::ZERO },
        db: T::ZERO;
}

/// [`value`] for any operation: the one copy of all rows that an image holds. Gates that circuits
/// spend their time in have copies of their own, compiled where they are used.
#[inline(never)]
pub(crate) fn any_value<T: Scalar>(op: Op, a: T, b: T, own: Own<'_, T>) -> T {
    value(op, a, b, own)
}

/// [`back`] for any operation.
#[inline(never)]
pub(crate) fn any_back<T: Scalar>(op: Op, a: T, b: T, y: T, g: T, own: Own<'_, T>) -> (T, T) {
    back(op, a, b, y, g, own)
}

/// The larger; NaN if either is.
#[inline(always)]
fn larger<T: Scalar>(a: T, b: T) -> T {
    // The first choice is one instruction on most processors, and gives b if either is NaN.
    let larger = if a > b { a } else { b };
    if a.is_nan() { a } else { larger }
}

#[inline(always)]
fn smaller<T: Scalar>(a: T, b: T) -> T {
    let smaller = if a < b { a } else { b };
    if a.is_nan() { a } else { smaller }
}

/// All of g to the winner, half at a tie, nothing to the loser, NaN where nothing compares.
#[inline(always)]
fn share<T: Scalar>(wins: bool, ties: bool, loses: bool, g: T) -> T {
    if wins {
        g
    } else if ties {
        T::HALF * g
    } else if loses {
        T::ZERO
    } else {
        T::NAN
    }
}

/// 1 / (1 + e⁻ˣ) without an overflow on either side.
#[inline]
pub(crate) fn sigmoid<T: Scalar>(x: T) -> T {
    let e = (-x.abs()).exp();
    if x >= T::ZERO { T::ONE / (T::ONE + e) } else { e / (T::ONE + e) }
}

/// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)
#[inline]
pub(crate) fn softplus<T: Scalar>(x: T) -> T {
    let rest = (-x.abs()).exp().ln_1p();
    if x > T::ZERO { x + rest } else { rest }
}

/// Φ(x), the normal distribution below x; by erfc, so that it keeps its digits far below 0.
fn normal_below<T: Scalar>(x: T) -> T {
    T::HALF * (-x * T::from_f64(core::f64::consts::FRAC_1_SQRT_2)).erfc()
}

/// φ(x) = e^(−x²/2) / √(2π)
fn normal_density<T: Scalar>(x: T) -> T {
    (-T::HALF * x * x).exp() * T::from_f64(0.398_942_280_401_432_7)
}

/// ½ (1 + tanh u) = sigmoid(2u), u = √(2/π) (x + 0.044715 x³); the sigmoid keeps its digits far
/// below 0, where 1 + tanh has none left.
fn gelu_share<T: Scalar>(x: T) -> T {
    sigmoid(T::from_f64(1.595_769_121_605_730_8) * (x + T::from_f64(0.044715) * x * x * x))
}

fn gelu_tanh_local<T: Scalar>(x: T) -> T {
    let s = gelu_share(x);
    let slope = T::from_f64(1.595_769_121_605_730_8) * (T::ONE + T::from_f64(0.134145) * x * x);
    s + x * s * (T::ONE - s) * slope
}

#[inline(always)]
fn three<T: Scalar>() -> T {
    T::TWO + T::ONE
}

fn hard_swish<T: Scalar>(x: T) -> T {
    let six = three::<T>() + three();
    if x <= -three::<T>() {
        T::ZERO
    } else if x >= three() {
        x
    } else {
        x * (x + three()) / six
    }
}

fn hard_swish_local<T: Scalar>(x: T) -> T {
    (x + x + three()) / (three::<T>() + three())
}
