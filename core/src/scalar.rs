//! The two numbers a circuit can run on, f32 and f64, and the functions gates need of them.
//!
//! Every function here gives the same bits on every target: the four operations are IEEE 754, the
//! rest comes from `libm` compiled from source, sin and cos in f32 from [`circle`]. Where a processor has
//! vectors, [`exponential`] and [`hyperbolic`] take several numbers at once to the bits of `libm`. Nothing
//! calls `mul_add`, and rustc never contracts `a * b + c` into a fused operation.

use crate::circle;
use crate::{exponential, hyperbolic};
use core::fmt::{Debug, Display};
use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// Whether the processor takes several numbers at once, so that both sides of a choice cost less than a
/// branch.
pub(crate) const VECTORS: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

mod sealed {
    use crate::conv::{self, Conv};
    use crate::dense;
    use crate::error::RunError;
    #[cfg(feature = "link")]
    use crate::optimiser::Optimiser;
    use crate::rows;
    use crate::softmax;
    use crate::tape::Tape;

    /// The walks, compiled in this crate for each kind of number. A generic function is compiled
    /// where it is used, with the optimisation of the crate that uses it; firmware is built small,
    /// and kernels built small run at a third of their speed.
    pub trait Walks: Sized {
        fn walk_forward(tape: &mut Tape<'_, Self>, from: usize, to: usize);
        fn walk_backward(tape: &mut Tape<'_, Self>, from: usize, to: usize);
        fn walk_update(tape: &mut Tape<'_, Self>, rate: Self) -> Result<(), RunError>;
        fn walk_end_batch(tape: &mut Tape<'_, Self>, rate: Self) -> Result<(), RunError>;
        fn walk_clear(tape: &mut Tape<'_, Self>, keep_sums: bool);
        fn walk_sample(tape: &mut Tape<'_, Self>, keep_sums: bool) -> Result<Self, RunError>;
        /// The loss that classifying networks spend time in, and its way back.
        fn cross_entropy(logits: &[Self], class: Self, saved: &mut [Self]) -> Self;
        fn cross_entropy_back(saved: &[Self], class: Self, smoothing: Self, g: Self, da: &mut [Self]);
        fn dense_forward(x: &[Self], w: &[Self], bias: Option<&[Self]>, z: &mut [Self]);
        fn dense_backward(w: &[Self], delta: &[Self], dx: &mut [Self]);
        fn dense_update(x: &[Self], delta: &[Self], rate: Self, w: &mut [Self]);
        fn conv_forward(conv: &mut Conv, x: &[Self], w: &[Self], bias: Option<&[Self]>, z: &mut [Self]);
        fn conv_backward(conv: &mut Conv, w: &[Self], delta: &[Self], dx: &mut [Self]);
        fn conv_update(conv: &mut Conv, x: &[Self], delta: &[Self], rate: Self, w: &mut [Self]);
        /// A few columns of rows of weights: see [`rows`].
        fn add_rows(x: &[Self], w: &[Self], n: usize, sums: &mut [Self]);
        fn pass_rows(w: &[Self], n: usize, delta: &[Self], dx: &mut [Self]);
        fn update_rows(x: &[Self], delta: &[Self], rate: Self, w: &mut [Self], n: usize);
        /// Reads what [`Walks::write_optimiser`] wrote.
        #[cfg(feature = "link")]
        fn read_optimiser(bytes: &[u8]) -> Option<Optimiser<Self>>;
        /// An optimiser as the link carries it, if there is room.
        #[cfg(feature = "link")]
        fn write_optimiser<'o>(optimiser: &Optimiser<Self>, out: &'o mut [u8]) -> Option<&'o [u8]>;
    }

    macro_rules! walks {
        ($($t:ident)*) => {
            $(impl Walks for $t {
                #[inline(never)]
                fn walk_forward(tape: &mut Tape<'_, $t>, from: usize, to: usize) {
                    tape.walk_forward(from, to);
                }
                #[inline(never)]
                fn walk_backward(tape: &mut Tape<'_, $t>, from: usize, to: usize) {
                    tape.walk_backward(from, to);
                }
                #[inline(never)]
                fn walk_update(tape: &mut Tape<'_, $t>, rate: $t) -> Result<(), RunError> {
                    tape.walk_update(rate)
                }
                #[inline(never)]
                fn walk_end_batch(tape: &mut Tape<'_, $t>, rate: $t) -> Result<(), RunError> {
                    tape.walk_end_batch(rate)
                }
                #[inline(never)]
                fn walk_clear(tape: &mut Tape<'_, $t>, keep_sums: bool) {
                    tape.walk_clear(keep_sums);
                }
                #[inline(never)]
                fn walk_sample(tape: &mut Tape<'_, $t>, keep_sums: bool) -> Result<$t, RunError> {
                    tape.walk_sample(keep_sums)
                }
                #[inline(never)]
                fn cross_entropy(logits: &[$t], class: $t, saved: &mut [$t]) -> $t {
                    softmax::cross_entropy(logits, class, saved)
                }
                #[inline(never)]
                fn cross_entropy_back(saved: &[$t], class: $t, smoothing: $t, g: $t, da: &mut [$t]) {
                    softmax::cross_entropy_back(saved, class, smoothing, g, da);
                }
                #[inline(never)]
                fn dense_forward(x: &[$t], w: &[$t], bias: Option<&[$t]>, z: &mut [$t]) {
                    dense::forward(x, w, bias, z, z.len());
                }
                #[inline(never)]
                fn dense_backward(w: &[$t], delta: &[$t], dx: &mut [$t]) {
                    dense::backward(w, delta, || None, dx, delta.len());
                }
                #[inline(never)]
                fn dense_update(x: &[$t], delta: &[$t], rate: $t, w: &mut [$t]) {
                    dense::update(x, delta, rate, w, delta.len());
                }
                #[inline(never)]
                fn conv_forward(conv: &mut Conv, x: &[$t], w: &[$t], bias: Option<&[$t]>, z: &mut [$t]) {
                    conv::forward(conv, x, w, bias, z);
                }
                #[inline(never)]
                fn conv_backward(conv: &mut Conv, w: &[$t], delta: &[$t], dx: &mut [$t]) {
                    conv::backward(conv, w, delta, dx);
                }
                #[inline(never)]
                fn conv_update(conv: &mut Conv, x: &[$t], delta: &[$t], rate: $t, w: &mut [$t]) {
                    conv::update(conv, x, delta, rate, w);
                }
                #[inline(never)]
                fn add_rows(x: &[$t], w: &[$t], n: usize, sums: &mut [$t]) {
                    rows::add(x, w, n, sums);
                }
                #[inline(never)]
                fn pass_rows(w: &[$t], n: usize, delta: &[$t], dx: &mut [$t]) {
                    rows::pass(w, n, delta, dx);
                }
                #[inline(never)]
                fn update_rows(x: &[$t], delta: &[$t], rate: $t, w: &mut [$t], n: usize) {
                    rows::update(x, delta, rate, w, n);
                }
                // In line, so that they are compiled where they are used, as generic functions are.
                #[cfg(feature = "link")]
                #[inline]
                fn read_optimiser(bytes: &[u8]) -> Option<Optimiser<$t>> {
                    crate::link::optimiser(bytes)
                }
                #[cfg(feature = "link")]
                #[inline]
                fn write_optimiser<'o>(optimiser: &Optimiser<$t>, out: &'o mut [u8]) -> Option<&'o [u8]> {
                    crate::link::write(optimiser, out)
                }
            })*
        };
    }
    walks!(f32 f64);
}

/// A floating-point number that circuits compute with: [`f32`] or [`f64`], nothing else.
pub trait Scalar:
    sealed::Walks
    + Copy
    + Default
    + PartialEq
    + PartialOrd
    + Debug
    + Display
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// Bytes of one number.
    const BYTES: usize;
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// 2
    const TWO: Self;
    /// ½
    const HALF: Self;
    /// Not a number.
    const NAN: Self;
    /// +∞
    const INFINITY: Self;
    /// The bound below which an update of a finite param is certainly finite: 2^100 or 2^1000.
    const UPDATE_BOUND: Self;

    /// The nearest number to `x`.
    fn from_f64(x: f64) -> Self;
    /// `x` rounded to the nearest number of this kind.
    fn from_u32(x: u32) -> Self;
    /// This number as f64, exactly.
    fn to_f64(self) -> f64;
    /// The bits, in the low end.
    fn to_bits(self) -> u64;
    /// The number that has these bits (the low 32 of them for f32).
    fn from_bits(bits: u64) -> Self;
    /// The integer part if it lies in 0 ≤ x < 2³², else nothing.
    fn to_index(self) -> Option<u32>;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// |x|
    fn abs(self) -> Self;
    /// √x, correctly rounded.
    fn sqrt(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// y = eˣ⁻ᵐ, where no x is above m; in the same bits as one by one.
    #[doc(hidden)]
    fn exp_below(x: &[Self], m: Self, y: &mut [Self]);
    /// ln x
    fn ln(self) -> Self;
    /// ln(1 + x)
    fn ln_1p(self) -> Self;
    /// eˣ − 1
    fn exp_m1(self) -> Self;
    /// sin x, x in radians
    fn sin(self) -> Self;
    /// cos x, x in radians
    fn cos(self) -> Self;
    /// cos x as initial weights are drawn with it: in f32 its last bit is sometimes another.
    #[doc(hidden)]
    fn cos_of_a_draw(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// Each x becomes tanh x, in the same bits as one by one.
    #[doc(hidden)]
    fn tanh_all(values: &mut [Self]);
    /// xʸ
    fn pow(self, y: Self) -> Self;
    /// erfc x = 1 − erf x
    fn erfc(self) -> Self;

    /// 2^60 or 2^600: where a sum of squares is below it, each of its terms is below 2^30 or 2^300.
    const SMALL_SQUARES: Self;
    /// 2^30 or 2^300.
    const SMALL_RATE: Self;

    /// The greatest of the magnitudes, NaN if one of them is.
    fn greatest_magnitude(values: &[Self]) -> Self;

    /// Whether sums of squares tell that each of these numbers is below 2^30 or 2^300; not if there is a NaN.
    #[inline(never)]
    fn are_small(values: &[Self]) -> bool {
        let mut sums = [Self::ZERO; 8];
        let mut last = Self::ZERO;
        let (eights, rest) = values.as_chunks::<8>();
        for eight in eights {
            for (sum, &x) in sums.iter_mut().zip(eight) {
                *sum += x * x;
            }
        }
        for &x in rest {
            last += x * x;
        }
        let [a, b, c, d, e, f, g, h] = sums;
        if VECTORS {
            // As they lie in registers of two, four or eight.
            let fours = [a + e, b + f, c + g, d + h];
            return fours.iter().fold(last < Self::SMALL_SQUARES, |small, &sum| small & (sum < Self::SMALL_SQUARES));
        }
        ((a + e) + (b + f)) + ((c + g) + (d + h)) + last < Self::SMALL_SQUARES
    }

    /// Whether this is ±0, by its bits: on a processor whose comparison of such numbers takes several
    /// instructions, and who does not compute with this one.
    fn is_zero(self) -> bool;

    /// Not a number.
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn is_nan(self) -> bool {
        self != self
    }
}

macro_rules! scalar {
    ($t:ident, $u:ident, $name:literal, $bound:expr, $squares:expr, $rate:expr, $($f:ident = $libm:ident),*) => {
        impl Scalar for $t {
            const NAME: &'static str = $name;
            const BYTES: usize = size_of::<$t>();
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const TWO: Self = 2.0;
            const HALF: Self = 0.5;
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;
            const UPDATE_BOUND: Self = $bound;
            const SMALL_SQUARES: Self = $squares;
            const SMALL_RATE: Self = $rate;

            #[inline(always)]
            fn from_f64(x: f64) -> Self { x as $t }
            #[inline(always)]
            fn from_u32(x: u32) -> Self { x as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            #[inline(always)]
            fn to_bits(self) -> u64 { $t::to_bits(self) as u64 }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self { $t::from_bits(bits as $u) }
            #[inline(always)]
            fn to_index(self) -> Option<u32> {
                (0.0..4_294_967_296.0).contains(&self).then_some(self as u32)
            }
            #[inline(always)]
            fn is_zero(self) -> bool { $t::to_bits(self) << 1 == 0 }
            #[inline(always)]
            fn is_finite(self) -> bool { $t::is_finite(self) }
            #[inline(always)]
            fn abs(self) -> Self { $t::abs(self) }
            #[inline]
            fn greatest_magnitude(values: &[Self]) -> Self {
                $t::from_bits(values.iter().fold(0, |max, x| max.max(x.to_bits() & ($u::MAX >> 1))))
            }
            #[inline]
            fn tanh_all(values: &mut [Self]) { scalar!(@tanh_all $t values) }
            #[inline]
            fn exp_below(x: &[Self], m: Self, y: &mut [Self]) { scalar!(@exp_below $t x m y) }
            #[inline]
            fn pow(self, y: Self) -> Self { scalar!(@pow $t self y) }
            #[inline]
            fn sin(self) -> Self { scalar!(@sin $t self) }
            #[inline]
            fn cos(self) -> Self { scalar!(@cos $t self) }
            #[inline]
            fn cos_of_a_draw(self) -> Self { scalar!(@draw $t self) }
            $(#[inline] fn $f(self) -> Self { libm::$libm(self) })*
        }
    };
    (@exp_below f32 $x:ident $m:ident $y:ident) => { exponential::exp_below($x, $m, $y) };
    (@exp_below f64 $x:ident $m:ident $y:ident) => { $y.iter_mut().zip($x).for_each(|(y, x)| *y = libm::exp(x - $m)) };
    (@tanh_all f32 $values:ident) => { $values.iter_mut().for_each(|x| *x = libm::tanhf(*x)) };
    (@tanh_all f64 $values:ident) => { hyperbolic::tanh_all($values) };
    (@pow f32 $x:ident $y:ident) => { libm::powf($x, $y) };
    (@pow f64 $x:ident $y:ident) => { libm::pow($x, $y) };
    (@sin f32 $x:ident) => { circle::sine($x, 0) };
    (@sin f64 $x:ident) => { libm::sin($x) };
    (@cos f32 $x:ident) => { circle::sine($x, 1) };
    (@cos f64 $x:ident) => { libm::cos($x) };
    (@draw f32 $x:ident) => { libm::cosf($x) };
    (@draw f64 $x:ident) => { libm::cos($x) };
}

scalar!(
    f32,
    u32,
    "f32",
    1.267_650_6e30,
    (1u64 << 60) as f32,
    (1u64 << 30) as f32,
    sqrt = sqrtf,
    exp = expf,
    ln = logf,
    ln_1p = log1pf,
    exp_m1 = expm1f,
    tanh = tanhf,
    erfc = erfcf
);
scalar!(
    f64,
    u64,
    "f64",
    1.071_508_607_186_267_3e301,
    4.149_515_568_880_993e180,
    2.037_035_976_334_486e90,
    sqrt = sqrt,
    exp = exp,
    ln = log,
    ln_1p = log1p,
    exp_m1 = expm1,
    tanh = tanh,
    erfc = erfc
);

#[cfg(test)]
mod tests {
    use super::Scalar;

    #[test]
    fn the_update_bounds_are_the_powers_of_two_they_claim_to_be() {
        let mut x = 1.0f32;
        for _ in 0..100 {
            x *= 2.0;
        }
        assert_eq!(x, f32::UPDATE_BOUND);
        let mut x = 1.0f64;
        for _ in 0..1000 {
            x *= 2.0;
        }
        assert_eq!(x, f64::UPDATE_BOUND);
        let (mut rate, mut squares) = (1.0f64, 1.0f64);
        for _ in 0..300 {
            rate *= 2.0;
            squares *= 4.0;
        }
        assert_eq!((rate, squares), (f64::SMALL_RATE, f64::SMALL_SQUARES));
    }
}
