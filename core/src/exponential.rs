//! eˣ⁻ᵐ of many f32 of which none is above m, in the same bits as `libm` one after the other.
//!
//! This is the algorithm of `libm::expf` without its branches: x = k ln 2 + r with |r| ≤ ½ ln 2, then
//! eʳ = 1 + r + r c / (2 − c) with c = r − r² (P₁ + r² P₂), times 2ᵏ. A processor with vectors takes four
//! numbers at once then, and calls nothing. Where a result would be no normal number, `libm` is asked.

const LN2_HIGH: f32 = 6.931_457_5e-1;
const LN2_LOW: f32 = 1.428_606_8e-6;
const PER_LN2: f32 = core::f32::consts::LOG2_E;
const P1: f32 = 1.666_662_5e-1;
const P2: f32 = -2.766_733_3e-3;
/// Not below it, eˣ and its 2ᵏ are normal numbers.
const NEAR: f32 = -87.0;
/// Up to it in magnitude, `libm` answers 1 + x.
const TINY: f32 = 1.0 / 8_192.0;
/// Added to a small number it leaves the nearest whole one in the low bits.
const WHOLE: f32 = 12_582_912.0;

/// y = eˣ⁻ᵐ, where no x is above m.
pub(crate) fn exp_below(x: &[f32], m: f32, y: &mut [f32]) {
    let least = x.iter().fold(m, |least, &x| if x < least { x } else { least });
    if least - m < NEAR || x.len() < 4 || x.len() != y.len() {
        x.iter().zip(y).for_each(|(&x, y)| *y = libm::expf(x - m));
        return;
    }
    for (x, y) in x.as_chunks().0.iter().zip(y.as_chunks_mut().0) {
        near_four(x, m, y);
    }
    // Those behind the fours, with some that are there already.
    if let (Some(x), Some(y)) = (x.last_chunk(), y.last_chunk_mut()) {
        near_four(x, m, y);
    }
}

/// Apart, so that the compiler finds four at once.
#[inline(never)]
fn near_four(x: &[f32; 4], m: f32, y: &mut [f32; 4]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = near(x - m);
    }
}

/// eˣ for [`NEAR`] ≤ x ≤ 0, NaN for NaN.
#[inline(always)]
fn near(x: f32) -> f32 {
    // The whole part of x / ln 2 − ½, towards 0, which a cast would tell with several instructions more.
    let exact = PER_LN2 * x - 0.5;
    let nearest = (exact + WHOLE) - WHOLE;
    let k = nearest + if nearest < exact { 1.0 } else { 0.0 };
    let (high, low) = (x - k * LN2_HIGH, k * LN2_LOW);
    let r = high - low;
    let rr = r * r;
    let c = r - rr * (P1 + rr * P2);
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    let y = if x < -TINY { y } else { 1.0 + x };
    y * f32::from_bits((k + (WHOLE + 127.0)).to_bits() << 23)
}

#[cfg(test)]
mod tests {
    use super::{NEAR, exp_below};

    /// All floats from [`NEAR`] to 0 were compared once; here every 499th.
    #[test]
    fn many_at_once_have_the_bits_of_libm() {
        for bits in (0..=NEAR.abs().to_bits()).step_by(499) {
            let x = -f32::from_bits(bits);
            let (values, mut exps) = ([x, 0.0, -0.0, -1.0, x], [0.0; 5]);
            exp_below(&values, 0.0, &mut exps);
            assert_eq!(exps.map(f32::to_bits), values.map(|x| libm::expf(x).to_bits()), "{x}");
        }
    }

    #[test]
    fn far_away_it_is_libm() {
        let mut exps = [9.0; 5];
        exp_below(&[-199.0, -f32::INFINITY, -94.0, 1.0, f32::NAN], 1.0, &mut exps);
        let [a, b, c, d, e] = exps;
        assert_eq!([a, b, c, d], [0.0, 0.0, libm::expf(-95.0), 1.0]);
        assert!(e.is_nan());
        exp_below(&[-1.0, f32::NAN, 0.0, 0.0, -2.0], 0.0, &mut exps);
        let [a, b, ..] = exps;
        assert!(a == libm::expf(-1.0) && b.is_nan());
    }
}
