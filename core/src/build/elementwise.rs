//! The methods of the elementwise gates; their values and gradients are in
//! [`elementwise`](crate::elementwise).

use super::Circuit;
use crate::error::BuildError;
use crate::gate::Wire;
use crate::op::Op;
use crate::scalar::Scalar;

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    gates! {
        /// a + b, elementwise; a scalar goes with any shape.
        add(a, b) = Add;
        /// a − b, elementwise; a scalar goes with any shape.
        sub(a, b) = Sub;
        /// a · b, elementwise; a scalar goes with any shape.
        mul(a, b) = Mul;
        /// a / b, elementwise; a scalar goes with any shape.
        div(a, b) = Div;
        /// The larger of two, elementwise. At a tie each side gets half of the gradient.
        max(a, b) = Max;
        /// The smaller of two, elementwise. At a tie each side gets half of the gradient.
        min(a, b) = Min;
        /// aᵇ, elementwise. ∂/∂b is 0 at a = 0 and NaN below; ∂/∂a is 0 at b = 0.
        pow(a, b) = Pow;
        /// −a
        neg(a) = Neg;
        /// |a|, its gradient 0 at 0.
        abs(a) = Abs;
        /// √a; its gradient is infinite at 0.
        sqrt(a) = Sqrt;
        /// a²
        square(a) = Square;
        /// 1 / a
        recip(a) = Recip;
        /// eᵃ
        exp(a) = Exp;
        /// ln a; its gradient is infinite at 0.
        log(a) = Log;
        /// sin a
        sin(a) = Sin;
        /// cos a
        cos(a) = Cos;
        /// tanh a
        tanh(a) = Tanh;
        /// 1 / (1 + e⁻ᵃ), right also far from 0.
        sigmoid(a) = Sigmoid;
        /// max(a, 0), its gradient 0 at 0.
        relu(a) = Relu;
        /// a Φ(a) with Φ by erf (Hendrycks and Gimpel, 2016).
        gelu(a) = Gelu;
        /// a Φ(a) with Φ by tanh (Hendrycks and Gimpel, 2016).
        gelu_tanh(a) = GeluTanh;
        /// ln(1 + eᵃ), right also far from 0.
        softplus(a) = Softplus;
        /// a / (1 + |a|)
        softsign(a) = Softsign;
        /// a · clip(a + 3, 0, 6) / 6 (Howard et al., 2019); its gradient is 0 at −3 and 1 at 3.
        hard_swish(a) = HardSwish;
    }

    /// a where positive, `slope` · a elsewhere; the gradient at 0 is `slope`.
    ///
    /// # Errors
    /// As other gates, and [`BuildError::NumbersFull`], [`BuildError::BadBounds`] for NaN.
    pub fn leaky_relu(&mut self, a: Wire, slope: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::LeakyRelu, &[a], &[slope])
    }

    /// a where positive, `alpha` (eᵃ − 1) elsewhere (Clevert et al., 2015); the gradient at 0 is
    /// `alpha`, 1 as a rule.
    ///
    /// # Errors
    /// As other gates, and [`BuildError::NumbersFull`], [`BuildError::BadBounds`] for NaN.
    pub fn elu(&mut self, a: Wire, alpha: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::Elu, &[a], &[alpha])
    }

    /// a, but not below `lo` nor above `hi`; the gradient at a bound is 1.
    ///
    /// # Errors
    /// As other gates, and [`BuildError::NumbersFull`], [`BuildError::BadBounds`] unless lo ≤ hi.
    pub fn clip(&mut self, a: Wire, lo: T, hi: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::Clip, &[a], &[lo, hi])
    }
}
