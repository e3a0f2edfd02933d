//! Dropout (Srivastava et al., 2014), scaled while training: yᵢ = xᵢ·s where kept, s = 1 / (1 − rate),
//! else 0; back, dxᵢ += gᵢ·s where kept. Without noise, y = x.
//!
//! Nothing is stored: which elements are kept comes from a generator that is asked by place, not in
//! order, Philox 4×32 with ten rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", 2011). Its key is the seed, its counter is (i / 4, the gate, the sample), and element i
//! takes word i mod 4. A gate is told from others by the wire it reads and the place of its rate. An element
//! is dropped if the word's upper 24 bits, as a fraction, are below the rate. So the mask is the same for f32 and f64, and on every target.

use crate::scalar::Scalar;

/// What decides which elements are dropped: the same for the same seed and sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noise {
    /// The seed of the training.
    pub seed: u64,
    /// Which sample it is, counted from the beginning of the training.
    pub sample: u64,
}

/// Philox 4×32-10.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [a, b, c, d] = counter;
        let [k, l] = key;
        let (p, q) = (u64::from(a) * 0xd251_1f53, u64::from(c) * 0xcd9e_8d57);
        counter = [(q >> 32) as u32 ^ b ^ k, q as u32, (p >> 32) as u32 ^ d ^ l, p as u32];
        key = [k.wrapping_add(0x9e37_79b9), l.wrapping_add(0xbb67_ae85)];
    }
    counter
}

/// Does something with each element in turn: its place, and its factor, 1 / (1 − rate), or nothing where
/// it is dropped.
fn factors<T: Scalar>(len: usize, rate: T, gate: u32, noise: Option<Noise>, each: &mut dyn FnMut(usize, Option<T>)) {
    let Some(Noise { seed, sample }) = noise else {
        (0..len).for_each(|i| each(i, Some(T::ONE)));
        return;
    };
    let scale = T::ONE / (T::ONE - rate);
    let mut i = 0;
    while i < len {
        let block = (i / 4) as u32;
        for word in philox([block, gate, sample as u32, (sample >> 32) as u32], [seed as u32, (seed >> 32) as u32]) {
            let is_kept = T::from_u32(word >> 8) * T::from_f64(1.0 / 16_777_216.0) >= rate;
            each(i, is_kept.then_some(scale));
            i += 1;
        }
    }
}

/// `gate` tells several dropouts of a circuit apart.
pub(crate) fn forward<T: Scalar>(x: &[T], rate: T, gate: u32, noise: Option<Noise>, y: &mut [T]) {
    factors(y.len(), rate, gate, noise, &mut |i, factor| {
        if let (Some(y), Some(&x)) = (y.get_mut(i), x.get(i)) {
            *y = factor.map_or(T::ZERO, |factor| x * factor);
        }
    });
}

pub(crate) fn backward<T: Scalar>(g: &[T], rate: T, gate: u32, noise: Option<Noise>, dx: &mut [T]) {
    factors(dx.len(), rate, gate, noise, &mut |i, factor| {
        if let (Some(dx), Some(&g), Some(factor)) = (dx.get_mut(i), g.get(i), factor) {
            *dx += g * factor;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of the authors' library (Random123, kat_vectors).
    #[test]
    fn philox_is_that_of_the_paper() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
        assert_eq!(pi, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn a_fifth_is_dropped_and_the_rest_scaled() {
        let x = [3.0f64; 4000];
        let noise = |sample| Some(Noise { seed: 7, sample });
        let mut y = [0.0; 4000];
        forward(&x, 0.2, 1, noise(0), &mut y);
        let dropped = y.iter().filter(|&&y| y == 0.0).count();
        assert!(y.iter().all(|&y| y == 0.0 || y == 3.0 * (1.0 / (1.0 - 0.2))));
        // Binomial, deviation 25.
        assert!((700..=900).contains(&dropped), "{dropped}");
        let mut dx = [1.0; 4000];
        backward(&x, 0.2, 1, noise(0), &mut dx);
        assert!(y.iter().zip(&dx).all(|(y, dx)| *dx == 1.0 + y));
        for (gate, other) in [(1, noise(1)), (2, noise(0))] {
            let mut next = [0.0; 4000];
            forward(&x, 0.2, gate, other, &mut next);
            assert!(next != y);
        }
        // Not one of them without noise.
        forward(&x, 0.2, 1, None, &mut y);
        assert_eq!(y, x);
    }

    #[test]
    fn the_mask_is_the_same_for_both_kinds_of_number() {
        let (mut small, mut large) = ([0.0f32; 100], [0.0f64; 100]);
        let noise = Some(Noise { seed: 1, sample: 2 });
        forward(&[1.0; 100], 0.5, 3, noise, &mut small);
        forward(&[1.0; 100], 0.5, 3, noise, &mut large);
        assert!(small.iter().zip(&large).all(|(&small, &large)| f64::from(small) == large));
    }
}
