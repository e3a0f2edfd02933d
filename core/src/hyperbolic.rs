//! tanh of many f64, in the same bits as `libm` one after the other.
//!
//! These are `libm::tanh` and `libm::expm1` without their branches. With u = ±2|x|, which is k ln 2 + r with
//! |r| ≤ ½ ln 2, and t = eᵘ − 1 = 2ᵏ (r − e + (1 − 2⁻ᵏ)), tanh |x| is 1 − 2 / (t + 2) from ½ ln 3 on, t / (t + 2)
//! from ½ ln 5⁄3 on, and below, with a negative u, −t / (t + 2). So a processor with vectors takes as many
//! numbers at once as its registers hold, and calls nothing.

const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
const PER_LN2: f64 = core::f64::consts::LOG2_E;
const Q1: f64 = -0.033_333_333_333_333_13;
const Q2: f64 = 0.001_587_301_587_254_814_6;
const Q3: f64 = -7.936_507_578_674_88e-5;
const Q4: f64 = 4.008_217_827_329_362e-6;
const Q5: f64 = -2.010_992_181_836_243_7e-7;
/// Below it in magnitude k is less than 20; from there on `libm` adds in another order.
const NEAR: f64 = 6.5;
/// `libm` decides by the upper halves of numbers; these are the first ones on the other side.
const HALF_LN_3: f64 = f64::from_bits(0x3fe1_93eb_0000_0000);
const HALF_LN_5_THIRDS: f64 = f64::from_bits(0x3fd0_58af_0000_0000);
const HALF_LN_2: f64 = f64::from_bits(0x3fd6_2e43_0000_0000);
const THREE_HALVES_LN_2: f64 = f64::from_bits(0x3ff0_a2b2_0000_0000);
/// Added to a small number it leaves the nearest whole one in the low bits.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// Each x becomes tanh x.
pub(crate) fn tanh_all(values: &mut [f64]) {
    let (fours, rest) = values.as_chunks_mut::<4>();
    for four in fours {
        // Not `all`, which would branch; NaN is not near.
        if four.iter().fold(true, |near, x| near & (x.abs() < NEAR)) {
            near_four(four);
        } else {
            four.iter_mut().for_each(|x| *x = libm::tanh(*x));
        }
    }
    rest.iter_mut().for_each(|x| *x = libm::tanh(*x));
}

/// Apart, so that the compiler finds two or four at once.
#[inline(never)]
fn near_four(four: &mut [f64; 4]) {
    for x in four {
        *x = near(*x);
    }
}

/// tanh x for |x| < [`NEAR`].
#[inline(always)]
fn near(x: f64) -> f64 {
    let size = x.abs();
    let sign = if size < HALF_LN_5_THIRDS { -1.0 } else { 1.0 };
    let u = sign * (size + size);
    // The whole part of u / ln 2 + ½, which a cast would tell with several instructions more.
    let exact = PER_LN2 * u + 0.5;
    let nearest = (exact + WHOLE) - WHOLE;
    let whole = nearest - if nearest > exact { 1.0 } else { 0.0 };
    let one = if size + size < HALF_LN_2 { 0.0 } else { sign };
    let k = if size + size < THREE_HALVES_LN_2 { one } else { whole };
    let (high, low) = (u - k * LN2_HIGH, k * LN2_LOW);
    let r = high - low;
    let c = (high - r) - low;
    let half = 0.5 * r;
    let s = r * half;
    let r1 = 1.0 + s * (Q1 + s * (Q2 + s * (Q3 + s * (Q4 + s * Q5))));
    let t = 3.0 - r1 * half;
    let e = s * ((r1 - t) / (6.0 - r * t));
    let e = r * (e - c) - c - s;
    let power = f64::from_bits((k + (WHOLE + 1023.0)).to_bits() << 52);
    let inverse = f64::from_bits(((WHOLE + 1023.0) - k).to_bits() << 52);
    let t = (r - e + (1.0 - inverse)) * power;
    let t = if (k == 1.0) & (r < -0.25) { -2.0 * (e - (r + 0.5)) } else { t };
    let above = if size < HALF_LN_3 { sign * t } else { 2.0 };
    let y = above / (t + 2.0);
    let y = if size < HALF_LN_3 { y } else { 1.0 - y };
    y.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::tanh_all;

    /// A thousand million were compared once.
    #[test]
    fn many_at_once_have_the_bits_of_libm() {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Of every size from 2^-60 to 8, and of either sign.
            let exponent = 1023 + 2 - (seed >> 58).min(62);
            f64::from_bits((seed & (1 << 63)) | (exponent << 52) | (seed.rotate_left(20) >> 12))
        };
        for _ in 0..100_000 {
            let values = [next(), next(), next(), next(), next()];
            let mut ours = values;
            tanh_all(&mut ours);
            assert_eq!(ours.map(f64::to_bits), values.map(|x| libm::tanh(x).to_bits()), "{values:?}");
        }
    }

    #[test]
    fn edges_have_the_bits_of_libm() {
        for x in [0.0, f64::MIN_POSITIVE, 5e-324, 6.5, 20.0, 400.0, f64::INFINITY] {
            let mut ours = [x, -x, x, -x];
            tanh_all(&mut ours);
            let theirs = libm::tanh(x).to_bits();
            assert_eq!(ours.map(f64::to_bits), [theirs, theirs | 1 << 63, theirs, theirs | 1 << 63], "{x}");
        }
        for x in [0.5, 355.38, 707.6, f64::INFINITY] {
            let mut ours = [x, f64::NAN, 0.25, 0.0];
            tanh_all(&mut ours);
            let [a, b, ..] = ours;
            assert!(a == libm::tanh(x) && b.is_nan(), "{x} beside NaN");
        }
    }
}
