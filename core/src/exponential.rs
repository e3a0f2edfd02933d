//! eˣ of many f32 that are not above 0, in the same bits as `libm` one after the other.
//!
//! This is the algorithm of `libm::expf` without its branches: x = k ln 2 + r with |r| ≤ ½ ln 2, then
//! eʳ = 1 + r + r c / (2 − c) with c = r − r² (P₁ + r² P₂), times 2ᵏ. A processor with vectors takes four
//! numbers at once then, and calls nothing. Where a result would be no normal number, `libm` is asked.

const LN2_HIGH: f32 = 6.931_457_5e-1;
const LN2_LOW: f32 = 1.428_606_8e-6;
const PER_LN2: f32 = 1.442_695;
const P1: f32 = 1.666_662_5e-1;
const P2: f32 = -2.766_733_3e-3;
/// Not below it, eˣ and its 2ᵏ are normal numbers.
const NEAR: f32 = -87.0;
/// Up to it in magnitude, `libm` answers 1 + x.
const TINY: f32 = 1.0 / 8_192.0;
/// Added to a small number it leaves the nearest whole one in the low bits.
const WHOLE: f32 = 12_582_912.0;

/// Each x becomes eˣ; none is above 0.
pub(crate) fn exp_all(values: &mut [f32]) {
    if values.iter().fold(0.0, |least: f32, &x| if x < least { x } else { least }) >= NEAR {
        let (fours, rest) = values.as_chunks_mut::<4>();
        for four in fours {
            near_all(four);
        }
        let mut last = [0.0; 4];
        last.iter_mut().zip(&*rest).for_each(|(last, &x)| *last = x);
        near_all(&mut last);
        rest.iter_mut().zip(last).for_each(|(x, last)| *x = last);
    } else {
        values.iter_mut().for_each(|x| *x = libm::expf(*x));
    }
}

/// Apart, so that the compiler finds four at once.
#[inline(never)]
fn near_all(four: &mut [f32; 4]) {
    for x in four {
        *x = near(*x);
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
    use super::{NEAR, exp_all};

    /// All floats from [`NEAR`] to 0 were compared once; here every 499th.
    #[test]
    fn many_at_once_have_the_bits_of_libm() {
        for bits in (0..=NEAR.abs().to_bits()).step_by(499) {
            let x = -f32::from_bits(bits);
            let mut values = [x, 0.0, -0.0, -1.0, x];
            let one_by_one = values.map(|x| libm::expf(x).to_bits());
            exp_all(&mut values);
            assert_eq!(values.map(f32::to_bits), one_by_one, "{x}");
        }
    }

    #[test]
    fn far_away_it_is_libm() {
        let mut values = [-200.0, -f32::INFINITY, -95.0, 0.0, f32::NAN];
        exp_all(&mut values);
        let [a, b, c, d, e] = values;
        assert_eq!([a, b, c, d], [0.0, 0.0, libm::expf(-95.0), 1.0]);
        assert!(e.is_nan());
        let mut values = [-1.0, f32::NAN];
        exp_all(&mut values);
        let [a, b] = values;
        assert!(a == libm::expf(-1.0) && b.is_nan());
    }
}
