//! Seeded numbers: initial weights and shuffles, the same bits on every target.
//!
//! The generator is xoshiro128++ (Blackman and Vigna, 2021), seeded from 64 bits by SplitMix64. What
//! is drawn from it, in which order, is part of the same-bits contract:
//!
//! - a uniform number takes 24 bits (f32) or 53 bits (f64) from the top of one or two words;
//! - a normal number takes two uniform ones (Box and Muller, 1958), and its sine half is not used;
//! - a shuffle goes from the last place to the second and swaps with a place at or before it
//!   (Fisher and Yates; Durstenfeld, 1964), the place taken from one word by multiplication.

use crate::scalar::Scalar;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Random(Xoshiro128PlusPlus);

/// How a param starts.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Init<T> {
    /// All the same number.
    Constant(T),
    /// Uniform in lo ≤ w < hi.
    Uniform(T, T),
    /// Normal with this mean and standard deviation.
    Normal(T, T),
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
    Xavier,
    /// Normal with standard deviation √(2 / fan_in) (He et al., 2015).
    He,
}

impl Random {
    /// The generator that this seed always gives.
    pub fn new(seed: u64) -> Random {
        Random(Xoshiro128PlusPlus::seed_from_u64(seed))
    }

    /// Uniform in 0 ≤ u < 1.
    pub fn uniform<T: Scalar>(&mut self) -> T {
        if T::BYTES == 4 {
            T::from_u32(self.0.next_u32() >> 8) * T::from_f64(1.0 / 16_777_216.0)
        } else {
            let high = T::from_u32(self.0.next_u32() >> 6);
            let low = T::from_u32(self.0.next_u32() >> 5);
            (high * T::from_f64(134_217_728.0) + low) * T::from_f64(1.0 / 9_007_199_254_740_992.0)
        }
    }

    /// Normal with mean 0 and standard deviation 1.
    pub fn normal<T: Scalar>(&mut self) -> T {
        let radius = (-T::TWO * (T::ONE - self.uniform::<T>()).ln()).sqrt();
        let angle = T::from_f64(core::f64::consts::TAU) * self.uniform::<T>();
        radius * angle.cos_of_a_draw()
    }

    /// A whole number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Puts the elements into a random order.
    pub fn shuffle<E>(&mut self, order: &mut [E]) {
        for last in (1..order.len()).rev() {
            let other = self.below(last as u32 + 1) as usize;
            order.swap(last, other);
        }
    }

    /// Fills a param of a gate with this many inputs and outputs per element.
    pub fn fill<T: Scalar>(&mut self, init: Init<T>, fan_in: u32, fan_out: u32, params: &mut [T]) {
        let six = T::from_u32(6);
        for param in params {
            *param = match init {
                Init::Constant(c) => c,
                Init::Uniform(lo, hi) => lo + (hi - lo) * self.uniform::<T>(),
                Init::Normal(mean, deviation) => mean + deviation * self.normal::<T>(),
                Init::Xavier => {
                    let bound = (six / T::from_u32(fan_in.saturating_add(fan_out).max(1))).sqrt();
                    bound * (T::TWO * self.uniform::<T>() - T::ONE)
                }
                Init::He => (T::TWO / T::from_u32(fan_in.max(1))).sqrt() * self.normal::<T>(),
            };
        }
    }
}
