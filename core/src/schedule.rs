//! Schedules: the learning rate of each step.
//!
//! All is computed in the circuit's scalar from the number of the step alone, so nothing is kept
//! between steps: powers by squaring, from the lowest bit of the exponent up; the cosine by `libm`.

use crate::scalar::Scalar;

/// How the learning rate goes on from step to step. Steps count from 0, where a warm-up ends.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Schedule<T> {
    /// The same rate throughout.
    #[default]
    Constant,
    /// rate · factorᵏ after k times so many steps.
    Step {
        /// Steps with the same rate.
        every: u32,
        /// What the rate is then multiplied by.
        factor: T,
    },
    /// rate · (floor + (1 − floor) · ½ (1 + cos(π t / steps))), and rate · floor from `steps` on
    /// (Loshchilov and Hutter, *SGDR*, 2017, without restarts).
    Cosine {
        /// Steps until the floor.
        steps: u32,
        /// The share of the rate that is left.
        floor: T,
    },
}

impl<T: Scalar> Schedule<T> {
    /// The share of the learning rate for this step.
    fn share(&self, step: u32) -> T {
        match *self {
            Schedule::Constant => T::ONE,
            Schedule::Step { every, factor } => power(factor, step / every.max(1)),
            Schedule::Cosine { steps, floor } if step >= steps => floor,
            Schedule::Cosine { steps, floor } => {
                let angle = T::from_f64(core::f64::consts::PI) * (T::from_u32(step) / T::from_u32(steps));
                floor + (T::ONE - floor) * (T::HALF * (T::ONE + angle.cos()))
            }
        }
    }

    /// The rate of step `step`, counted from 0, after `warmup` steps in which it rises from
    /// rate / warmup to rate in equal parts.
    pub(crate) fn rate(&self, rate: T, warmup: u32, step: u32) -> T {
        if step < warmup {
            return rate * (T::from_u32(step + 1) / T::from_u32(warmup));
        }
        rate * self.share(step - warmup)
    }
}

/// baseⁿ by squaring: the squares from base up, multiplied where n has a bit.
pub(crate) fn power<T: Scalar>(base: T, mut n: u32) -> T {
    let (mut result, mut square) = (T::ONE, base);
    while n > 0 {
        if n & 1 == 1 {
            result = result * square;
        }
        n >>= 1;
        if n > 0 {
            square = square * square;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{Schedule, power};

    #[test]
    fn powers() {
        assert_eq!([0, 1, 2, 3, 10, 31].map(|n| power(2.0f32, n)), [1.0, 2.0, 4.0, 8.0, 1024.0, 2_147_483_648.0]);
        assert_eq!(power(0.5f64, u32::MAX), 0.0);
        assert_eq!(power(1.0f32, u32::MAX), 1.0);
    }

    #[test]
    fn a_warm_up_rises_to_the_rate_and_the_schedule_begins_behind_it() {
        let constant = Schedule::Constant;
        assert_eq!([0, 1, 2, 3, 4, 9].map(|t| constant.rate(2.0f64, 4, t)), [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]);
        let step = Schedule::Step { every: 2, factor: 0.5 };
        assert_eq!([0, 1, 2, 3, 4, 5].map(|t| step.rate(8.0f64, 0, t)), [8.0, 8.0, 4.0, 4.0, 2.0, 2.0]);
        assert_eq!([2, 3, 4, 5].map(|t| step.rate(8.0f64, 2, t)), [8.0, 8.0, 4.0, 4.0]);
        assert_eq!(Schedule::Step { every: 0, factor: 0.5 }.rate(8.0f64, 0, 1), 4.0);
    }

    #[test]
    fn a_cosine_ends_at_its_floor() {
        let cosine = Schedule::Cosine { steps: 6, floor: 0.0 };
        // ½ (1 + cos(k π / 6)) is 1, (2 + √3)/4, ¾, ½, ¼, (2 − √3)/4, 0.
        let expected = [1.0, 0.933_012_701_892_219_3, 0.75, 0.5, 0.25, 0.066_987_298_107_780_7, 0.0, 0.0];
        for (t, expected) in expected.into_iter().enumerate() {
            assert!((cosine.rate(1.0f64, 0, t as u32) - expected).abs() < 1e-15, "{t}");
        }
        let floored = Schedule::Cosine { steps: 6, floor: 0.5 };
        assert_eq!([0, 6, 100].map(|t| floored.rate(4.0f32, 0, t)), [4.0, 2.0, 2.0]);
        assert_eq!(Schedule::Cosine { steps: 0, floor: 0.25 }.rate(4.0f32, 0, 0), 1.0);
    }
}
