//! How numbers are compared: by bits, or within a tolerance; never a mixture.

/// The numbers that a wire, or one element of it, must have.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The wire.
    pub wire: String,
    /// The element, if not all of them.
    pub element: Option<usize>,
    /// The numbers; one if it is one element.
    pub numbers: Vec<f64>,
}

/// How numbers are compared with the expected ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judge {
    /// By their bits, in f32 and in f64; NaN is NaN.
    Exact,
    /// Within a tolerance of the wire's largest expected element.
    Within {
        /// In f32.
        f32: f64,
        /// In f64.
        f64: f64,
        /// In gradients, the least that the largest element counts for.
        gradient_scale: f64,
    },
}

/// The scalar that an engine computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

/// Whether numbers are values or gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Forward's.
    Value,
    /// Backward's.
    Gradient,
}

impl Scalar {
    /// The number as this scalar holds it.
    pub fn round(self, number: f64) -> f64 {
        match self {
            Scalar::F32 => f64::from(number as f32),
            Scalar::F64 => number,
        }
    }

    fn smallest(self) -> f64 {
        match self {
            Scalar::F32 => f64::from(f32::from_bits(1)),
            Scalar::F64 => f64::from_bits(1),
        }
    }
}

impl Expected {
    /// The part of a wire's elements that is told here.
    ///
    /// # Errors
    ///
    /// When the wire has another count of elements.
    pub fn part<'a>(&self, all: &'a [f64]) -> Result<&'a [f64], String> {
        let part = match self.element {
            Some(element) => all.get(element..=element),
            None => Some(all).filter(|all| all.len() == self.numbers.len()),
        };
        part.ok_or_else(|| format!("{self:?} of a wire that has {} elements", all.len()))
    }
}

impl Judge {
    /// Compares all elements of a wire, or the one that is expected, with
    /// what an engine got (f32 numbers widened).
    ///
    /// # Errors
    ///
    /// The first element that is not right, with both numbers.
    pub fn compare(self, scalar: Scalar, kind: Kind, expected: &Expected, got: &[f64]) -> Result<(), String> {
        self.compare_wider(scalar, kind, expected, got, 1.0)
    }

    /// As [`Judge::compare`], the tolerance times `wider`, and no bits asked
    /// for: for numbers that come by another road.
    ///
    /// # Errors
    ///
    /// The first element that is not right, with both numbers.
    pub fn compare_wider(
        self,
        scalar: Scalar,
        kind: Kind,
        expected: &Expected,
        got: &[f64],
        wider: f64,
    ) -> Result<(), String> {
        let got = expected.part(got)?;
        let numbers: Vec<f64> = expected.numbers.iter().map(|&number| scalar.round(number)).collect();
        let finite = numbers.iter().filter(|number| number.is_finite());
        let largest = finite.fold(0.0, |largest: f64, number| largest.max(number.abs()));
        let allowed = match self {
            Judge::Exact if wider == 1.0 => None,
            Judge::Exact => Some(f64::EPSILON * largest * wider),
            Judge::Within { f32, f64, gradient_scale } => {
                let tolerance = if scalar == Scalar::F32 { f32 } else { f64 };
                let least = if kind == Kind::Gradient { gradient_scale } else { 0.0 };
                Some(tolerance * wider * largest.max(least) + scalar.smallest())
            }
        };
        for (at, (&got, &want)) in got.iter().zip(&numbers).enumerate() {
            let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
            let near = match allowed {
                None => same,
                Some(allowed) => same || got == want || want.is_finite() && (got - want).abs() <= allowed,
            };
            if !near {
                let at = expected.element.unwrap_or(at);
                let kind = if kind == Kind::Value { "value" } else { "gradient" };
                let off = allowed.map_or("bit for bit".into(), |allowed| format!("within {allowed:e}"));
                return Err(format!("{kind} of {}[{at}]: got {got:?}, expected {want:?} {off}", expected.wire));
            }
        }
        Ok(())
    }
}
