//! sin and cos in f32, for all angles, with whole numbers where `libm` takes f64.
//!
//! A processor without f64 pays for it in time, flash and stack. Here the angle is turned back by
//! quarter turns in fixed point, as Payne and Hanek do it ("Radian reduction for trigonometric
//! functions", 1983): with x = m·2ᵉ, m of 24 bits, only 96 bits of 2/π reach x·2/π modulo 4, and 64
//! of the product are looked at; no f32 comes closer to a quarter turn than 2⁻³¹ of one, so more than
//! 30 of them count. What is left is an f32 and its rest, u = hi + lo in |u| ≤ π/4, and the series in
//! z = hi², with coefficients that meet sin and cos at Chebyshev's points of that interval:
//!
//! - sin u = hi + (lo·(1 − ½z) + hi·z·P(z)), P of degree 3;
//! - cos u = 1 − ½z + (z²·Q(z) − hi·lo), Q of degree 2.
//!
//! Tried on every f32, sin and cos are less than 0.85 units in the last place away from what they
//! should be.

/// 2/π as a binary fraction, behind 32 zeros.
const TWO_OVER_PI: [u32; 8] =
    [0, 0xa2f9_836e, 0x4e44_1529, 0xfc27_57d1, 0xf534_ddc0, 0xdb62_9599, 0x3c43_9041, 0xfe51_63ab];

/// π/2 · 2³¹
const HALF_PI: u64 = 0xc90f_daa2;

/// sin x for `quarters` = 0, sin (x + π/2) = cos x for 1.
pub(crate) fn sine(x: f32, quarters: u32) -> f32 {
    if !x.is_finite() {
        return f32::NAN;
    }
    if x == 0.0 && quarters == 0 {
        return x;
    }
    let (turned, hi, lo) = if x.abs() < core::f32::consts::FRAC_PI_4 { (0, x, 0.0) } else { turned_back(x) };
    let (quadrant, z) = (turned + quarters, hi * hi);
    let y = if quadrant & 1 == 0 {
        let p = -0.166_666_67 + z * (0.008_333_332 + z * (-0.000_198_400_87 + z * 2.724_986_5e-6));
        hi + (lo * (1.0 - 0.5 * z) + hi * z * p)
    } else {
        let q = 0.041_666_664 + z * (-0.001_388_830_3 + z * 2.454_789_1e-5);
        let (half, above) = (0.5 * z, 1.0 - 0.5 * z);
        // What the second subtraction lost is added again.
        above + (((1.0 - above) - half) + (z * z * q - hi * lo))
    };
    if quadrant & 2 == 0 { y } else { -y }
}

/// How many quarter turns lie between x and the angle that is left, modulo 4, and that angle.
fn turned_back(x: f32) -> (u32, f32, f32) {
    let bits = x.to_bits();
    let (exponent, m) = (bits >> 23 & 0xff, u64::from(bits & 0x7f_ffff | 0x80_0000));
    // The first bit of 2/π whose product with m is below 4; x is at least π/4, its exponent 126.
    let first = exponent.saturating_sub(150 + 2 - 32);
    let word = |i: u32| {
        let at = |i: u32| u64::from(TWO_OVER_PI.get(i as usize).copied().unwrap_or(0));
        let i = first / 32 + i;
        ((at(i) << 32 | at(i + 1)) << (first % 32)) >> 32
    };
    let turns = ((m * word(2)) >> 32).wrapping_add(m * word(1)).wrapping_add((m * word(0)) << 32);
    let quadrant = turns.wrapping_add(1 << 61) >> 62;
    let rest = turns.wrapping_sub(quadrant << 62) as i64;
    // 32 bits from the first that is not 0, times π/2, in two parts that are exact.
    let zeros = rest.unsigned_abs().leading_zeros();
    let angle = (((rest.unsigned_abs() << zeros >> 32) * HALF_PI) >> 32) as u32;
    let unit = f32::from_bits((127 - 29 - zeros.min(64)) << 23);
    let (hi, lo) = ((angle & !0xff) as f32 * unit, (angle & 0xff) as f32 * unit);
    match (rest < 0, x < 0.0) {
        (back, false) => (quadrant as u32, if back { -hi } else { hi }, if back { -lo } else { lo }),
        (back, true) => (4 - quadrant as u32, if back { hi } else { -hi }, if back { lo } else { -lo }),
    }
}

#[cfg(test)]
mod tests {
    use super::sine;

    /// How many units in the last place `got` is off, at the size that `exact` has.
    fn off(got: f32, exact: f64) -> f64 {
        let near = exact as f32;
        let unit = f64::from(f32::from_bits(near.abs().to_bits().max(1 << 23) + 1))
            - f64::from(near.abs()).max(f64::from(f32::MIN_POSITIVE));
        (f64::from(got) - exact).abs() / unit
    }

    #[test]
    fn all_sizes_of_angles_come_out_right() {
        // Every 10007th f32, all signs and exponents among them.
        for bits in (0..0x7f80_0000u32).step_by(10007) {
            for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                let (sin, cos) = (sine(x, 0), sine(x, 1));
                assert!(off(sin, libm::sin(f64::from(x))) < 0.85, "sin {x:e}: {sin}");
                assert!(off(cos, libm::cos(f64::from(x))) < 0.85, "cos {x:e}: {cos}");
            }
        }
    }

    #[test]
    fn the_ends_are_what_they_should_be() {
        assert_eq!((sine(0.0, 0).to_bits(), sine(-0.0, 0).to_bits(), sine(0.0, 1)), (0, 1 << 31, 1.0));
        for x in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            assert!(sine(x, 0).is_nan() && sine(x, 1).is_nan());
        }
        // The nearest f32 to a multiple of a quarter turn, from either side.
        assert_eq!(sine(f32::from_bits(0x3fc9_0fdb), 1), -4.371_139e-8);
    }
}
