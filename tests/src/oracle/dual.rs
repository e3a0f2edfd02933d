//! Dual numbers: a value and its slope along one direction (W. K. Clifford
//! 1873; forward mode as in Griewank and Walther, "Evaluating Derivatives", 3.1).
//!
//! Elementary functions are std's in f64, which is not what the core calls;
//! the error function is a series and a continued fraction.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// v + t·ε with ε² = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual {
    /// The value.
    pub v: f64,
    /// The slope.
    pub t: f64,
}

/// A number that does not move.
pub fn fixed(v: f64) -> Dual {
    Dual { v, t: 0.0 }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        Dual { v: self.v + other.v, t: self.t + other.t }
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, other: Dual) -> Dual {
        Dual { v: self.v - other.v, t: self.t - other.t }
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        Dual { v: self.v * other.v, t: self.t * other.v + self.v * other.t }
    }
}

impl Div for Dual {
    type Output = Dual;
    fn div(self, other: Dual) -> Dual {
        Dual { v: self.v / other.v, t: (self.t - self.v / other.v * other.t) / other.v }
    }
}

impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        Dual { v: -self.v, t: -self.t }
    }
}

impl Dual {
    /// A function's value and slope at this place, by the rule (g(v), g'(v)·t).
    fn through(self, value: f64, slope: f64) -> Dual {
        Dual { v: value, t: slope * self.t }
    }

    /// eˣ
    pub fn exp(self) -> Dual {
        self.through(self.v.exp(), self.v.exp())
    }

    /// eˣ − 1
    pub fn exp_m1(self) -> Dual {
        self.through(self.v.exp_m1(), self.v.exp())
    }

    /// ln x
    pub fn ln(self) -> Dual {
        self.through(self.v.ln(), 1.0 / self.v)
    }

    /// ln(1 + x)
    pub fn ln_1p(self) -> Dual {
        self.through(self.v.ln_1p(), 1.0 / (1.0 + self.v))
    }

    /// sin x
    pub fn sin(self) -> Dual {
        self.through(self.v.sin(), self.v.cos())
    }

    /// cos x
    pub fn cos(self) -> Dual {
        self.through(self.v.cos(), -self.v.sin())
    }

    /// √x
    pub fn sqrt(self) -> Dual {
        self.through(self.v.sqrt(), 0.5 / self.v.sqrt())
    }

    /// tanh x; its slope is 1/cosh² x, and not taken from the value.
    pub fn tanh(self) -> Dual {
        self.through(self.v.tanh(), self.v.cosh().powi(2).recip())
    }

    /// |x|
    pub fn abs(self) -> Dual {
        if self.v < 0.0 { -self } else { self }
    }

    /// The larger; a NaN stays.
    pub fn max(self, other: Dual) -> Dual {
        if self.v >= other.v || self.v.is_nan() { self } else { other }
    }

    /// The smaller; a NaN stays.
    pub fn min(self, other: Dual) -> Dual {
        if self.v <= other.v || self.v.is_nan() { self } else { other }
    }

    /// xᵉ; the exponent's part only if it moves.
    pub fn pow(self, exponent: Dual) -> Dual {
        let value = self.v.powf(exponent.v);
        let base =
            if self.t == 0.0 || exponent.v == 0.0 { 0.0 } else { exponent.v * self.v.powf(exponent.v - 1.0) * self.t };
        let by_exponent = if exponent.t == 0.0 { 0.0 } else { value * self.v.ln() * exponent.t };
        Dual { v: value, t: base + by_exponent }
    }

    /// The standard normal distribution's Φ(x) = ½ erfc(−x/√2).
    pub fn normal(self) -> Dual {
        let density = (-0.5 * self.v * self.v).exp() / (2.0 * std::f64::consts::PI).sqrt();
        self.through(0.5 * erfc(-self.v / std::f64::consts::SQRT_2), density)
    }
}

/// The complement of the error function: near 0 by the series
/// erf x = 2/√π e^(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms all have one sign;
/// further out by the continued fraction
/// erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))
/// (Abramowitz and Stegun 7.1.6 and 7.1.14).
pub fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let scale = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - 2.0 * scale * sum;
    }
    let fraction = (1..200).rev().fold(x, |below, k| x + 0.5 * f64::from(k) / below);
    scale / fraction
}

#[cfg(test)]
mod tests {
    use super::erfc;

    #[test]
    fn erfc_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 7.1, and mpmath for the far ones.
        let table = [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.157_299_207_050_285_13),
            (1.9, 0.007_209_570_764_742_533),
            (2.1, 0.002_979_466_656_332_984_4),
            (5.0, 1.537_459_794_428_034_8e-12),
            (-1.0, 1.842_700_792_949_715),
        ];
        for (x, expected) in table {
            assert!(
                (erfc(x) - expected).abs() <= 4e-15 * expected.max(0.1 * (x < 2.0) as u8 as f64),
                "{x}: {}",
                erfc(x)
            );
        }
    }
}
