//! The methods of the gates that look at a wire as a whole: sums, rows, networks of all sorts.

use super::Circuit;
use crate::error::BuildError;
use crate::gate::{NONE, Wire};
use crate::op::Op;
use crate::scalar::Scalar;
use crate::shape::Shape;

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    gates! {
        /// Σ aᵢ bᵢ of two vectors of one length, a scalar.
        dot(a, b) = Dot;
        /// x W + b: x `[in]`, W `[in, out]`, b `[out]`, the wire `[out]`.
        dense(x, weight, bias) = Dense;
        /// Σ aᵢ over all elements, a scalar.
        sum(a) = Sum;
        /// The mean of all elements, a scalar.
        mean(a) = Mean;
        /// The greatest element, a scalar. Of equal ones the first gets all of the gradient.
        max_of(a) = MaxOf;
        /// The mean of each plane: `[channels, …]` → `[channels]`.
        global_avg(a) = GlobalAvg;
        /// The rows of a, then those of b, which have one inner shape; a scalar is one row.
        concat(a, b) = Concat;
        /// eᵃⁱ / Σ eᵃʲ over the innermost dimension.
        softmax(a) = Softmax;
        /// aᵢ − ln Σ eᵃʲ over the innermost dimension.
        log_softmax(a) = LogSoftmax;
    }

    /// Row `index` of a wire: one element of a vector, one row of a matrix.
    ///
    /// # Errors
    /// [`BuildError::NoSuchRows`], [`BuildError::NotAVector`] for a scalar, and as other gates.
    pub fn row(&mut self, a: Wire, index: u16) -> Result<Wire, BuildError> {
        let shape = self.view().shape(a).inner();
        self.parts().push(Op::Slice, shape, [a.raw(), 0, index], &[])
    }

    /// Rows `start` to `end` − 1 of a wire, which keep its rank.
    ///
    /// # Errors
    /// [`BuildError::NoSuchRows`], [`BuildError::NotAVector`] for a scalar, and as other gates.
    pub fn slice(&mut self, a: Wire, start: u16, end: u16) -> Result<Wire, BuildError> {
        let shape = self.view().shape_at(a.index()).ok_or(BuildError::UnknownWire(a.raw()))?;
        let [rows, b, c, d] = shape.to_raw();
        let wrong = BuildError::NoSuchRows { start, end, rows };
        if rows == 0 {
            return Err(BuildError::NotAVector(Shape::SCALAR));
        }
        let count = end.checked_sub(start).filter(|&n| n > 0).ok_or(wrong)?;
        let shape = Shape::from_raw([count, b, c, d]).ok_or(wrong)?;
        self.parts().push(Op::Slice, shape, [a.raw(), 0, start], &[])
    }

    /// The same elements in another shape. A plan for training or inference copies nothing where it
    /// can leave them in their place.
    ///
    /// ```
    /// use chainrule::{Circuit, Shape};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let image = c.input(Shape::vector(64))?;
    /// let planes = c.reshape(image, Shape::new(&[1, 8, 8]).ok_or("no shape")?)?;
    /// assert_eq!(c.view().shape(planes).dims(), [1, 8, 8]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BuildError::ShapeMismatch`] for another count of elements, and as other gates.
    pub fn reshape(&mut self, a: Wire, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Reshape, shape, [a.raw(), NONE, NONE], &[])
    }

    /// x ∗ W + b over a length: x `[in, length]`, W `[in / groups, kernel, out]`, b `[out]` if there is
    /// one, the wire `[out, (length + 2·padding − kernel) / stride + 1]`.
    ///
    /// # Errors
    /// As [`Circuit::conv2d`].
    pub fn conv1d(
        &mut self,
        x: Wire,
        weight: Wire,
        bias: Option<Wire>,
        [stride, padding, groups]: [u16; 3],
    ) -> Result<Wire, BuildError> {
        self.parts().conv(Op::Conv1d, x, weight, bias, &[stride, padding, groups])
    }

    /// x ∗ W + b over planes (LeCun et al., 1989; no flip): x `[in, height, width]`,
    /// W `[in / groups, kernel height, kernel width, out]`, b `[out]` if there is one, the wire
    /// `[out, rows, columns]` with rows = (height + 2·padding − kernel height) / stride + 1, rounded
    /// down. Padding counts as 0. With `groups` = in it is depthwise. The last argument is the stride, the
    /// padding and the groups, in this order.
    ///
    /// ```
    /// use chainrule::{Circuit, Shape};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let x = c.input(Shape::new(&[3, 8, 8]).ok_or("no shape")?)?;
    /// let w = c.param(Shape::new(&[3, 3, 3, 16]).ok_or("no shape")?)?;
    /// let (stride, padding, groups) = (2, 1, 1);
    /// let z = c.conv2d(x, w, None, [stride, padding, groups])?;
    /// assert_eq!(c.view().shape(z).dims(), [16, 4, 4]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BuildError::WrongRank`] for another count of dimensions; [`BuildError::WrongWeights`];
    /// [`BuildError::BadGroups`] if they do not divide inputs and outputs; [`BuildError::BadWindow`] if
    /// the kernel is larger than the padded plane, the stride 0, or the outputs more than a shape can tell; [`BuildError::ShapeMismatch`] for
    /// the bias; [`BuildError::AttributesFull`], and as other gates.
    pub fn conv2d(
        &mut self,
        x: Wire,
        weight: Wire,
        bias: Option<Wire>,
        [stride, padding, groups]: [u16; 3],
    ) -> Result<Wire, BuildError> {
        self.parts().conv(Op::Conv2d, x, weight, bias, &[stride, padding, groups])
    }

    /// The greatest element of each window of `size` (× `size`) over `[channels, length]` or
    /// `[channels, height, width]`; of equal ones the first gets all of the gradient. Padding is never
    /// the greatest. The last argument is the size, the stride and the padding, in this order.
    ///
    /// ```
    /// use chainrule::{Circuit, Shape};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let x = c.input(Shape::new(&[3, 8, 8]).ok_or("no shape")?)?;
    /// let (size, stride, padding) = (2, 2, 0);
    /// let z = c.max_pool(x, [size, stride, padding])?;
    /// assert_eq!(c.view().shape(z).dims(), [3, 4, 4]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BuildError::WrongRank`]; [`BuildError::BadWindow`] if the window is larger than the padded
    /// plane, the padding more than half of it, or the stride 0; [`BuildError::AttributesFull`], and
    /// as other gates.
    pub fn max_pool(&mut self, a: Wire, [size, stride, padding]: [u16; 3]) -> Result<Wire, BuildError> {
        self.add_gate_with(Op::MaxPool, &[a], &[size, stride, padding], &[])
    }

    /// The mean of each window, as [`Circuit::max_pool`]; padding counts as 0, and is counted.
    ///
    /// # Errors
    /// As [`Circuit::max_pool`].
    pub fn avg_pool(&mut self, a: Wire, [size, stride, padding]: [u16; 3]) -> Result<Wire, BuildError> {
        self.add_gate_with(Op::AvgPool, &[a], &[size, stride, padding], &[])
    }

    /// w (x − μ) / √(σ² + ε) + b, the mean μ and the variance σ² (over n, not n − 1) those of each row
    /// of the innermost dimension (Ba, Kiros and Hinton, 2016): x `[…, n]`, weight and bias `[n]`, the
    /// wire as x. ε is 10⁻⁵ as a rule.
    ///
    /// ```
    /// # use chainrule::{Circuit, Shape};
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let x = c.input(Shape::matrix(3, 8))?;
    /// let (weight, bias) = (c.param(Shape::vector(8))?, c.param(Shape::vector(8))?);
    /// let y = c.layer_norm(x, weight, bias, 1e-5)?;
    /// assert_eq!(c.view().shape(y), Shape::matrix(3, 8));
    /// # Ok::<(), chainrule::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As other gates, and [`BuildError::WrongShape`] for a weight or bias that is not `[n]`,
    /// [`BuildError::BadBounds`] unless 0 < ε < ∞, [`BuildError::NumbersFull`],
    /// [`BuildError::AttributesFull`].
    pub fn layer_norm(&mut self, x: Wire, weight: Wire, bias: Wire, eps: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::LayerNorm, &[x, weight, bias], &[eps])
    }

    /// Gated recurrent units over a window (Cho et al., 2014, in the form of cuDNN and PyTorch): x
    /// `[time, in]`, the wire `[time, hidden]`, h₀ = 0; for each step
    ///
    /// - r = σ(x W_ir + b_ir + h W_hr + b_hr), z = σ(x W_iz + b_iz + h W_hz + b_hz),
    /// - n = tanh(x W_in + b_in + r (h W_hn + b_hn)),
    /// - h ← (1 − z) n + z h.
    ///
    /// `weight_ih` is `[in, 3 hidden]`, `weight_hh` `[hidden, 3 hidden]`, the biases `[3 hidden]`, the
    /// columns those of r, then of z, then of n.
    ///
    /// ```
    /// # use chainrule::{Circuit, Shape};
    /// let mut c: Circuit<f32, 8> = Circuit::new();
    /// let x = c.input(Shape::matrix(16, 2))?;
    /// let (w, u) = (c.param(Shape::matrix(2, 12))?, c.param(Shape::matrix(4, 12))?);
    /// let (b, d) = (c.param(Shape::vector(12))?, c.param(Shape::vector(12))?);
    /// let h = c.gru(x, w, u, b, d)?;
    /// assert_eq!(c.view().shape(h), Shape::matrix(16, 4));
    /// let last = c.row(h, 15)?;
    /// assert_eq!(c.view().shape(last), Shape::vector(4));
    /// # Ok::<(), chainrule::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As other gates, and [`BuildError::WrongRank`] for x, [`BuildError::WrongShape`] for the
    /// others, [`BuildError::AttributesFull`].
    pub fn gru(
        &mut self,
        x: Wire,
        weight_ih: Wire,
        weight_hh: Wire,
        bias_ih: Wire,
        bias_hh: Wire,
    ) -> Result<Wire, BuildError> {
        self.add_gate(Op::Gru, &[x, weight_ih, weight_hh, bias_ih, bias_hh], &[])
    }

    /// A simple recurrent layer over a window (Elman, 1990), of the operands x, weight_ih, weight_hh, bias_ih and
    /// bias_hh in this order: x `[time, in]`, the wire `[time, hidden]`,
    /// h₀ = 0; for each step h ← tanh(x W_ih + b_ih + h W_hh + b_hh), or max(·, 0) with `relu`.
    /// `weight_ih` is `[in, hidden]`, `weight_hh` `[hidden, hidden]`, the biases `[hidden]`.
    ///
    /// ```
    /// # use chainrule::{Circuit, Shape};
    /// let mut c: Circuit<f32, 8> = Circuit::new();
    /// let x = c.input(Shape::matrix(16, 2))?;
    /// let (w, u) = (c.param(Shape::matrix(2, 4))?, c.param(Shape::matrix(4, 4))?);
    /// let (b, d) = (c.param(Shape::vector(4))?, c.param(Shape::vector(4))?);
    /// let h = c.rnn([x, w, u, b, d], false)?;
    /// assert_eq!(c.view().shape(h), Shape::matrix(16, 4));
    /// # Ok::<(), chainrule::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Circuit::gru`].
    pub fn rnn(&mut self, operands: [Wire; 5], relu: bool) -> Result<Wire, BuildError> {
        self.add_gate_with(Op::Rnn, &operands, &[u16::from(relu)], &[])
    }

    /// While training, each element is 0 with probability `rate` and x / (1 − rate) otherwise; else x
    /// (Srivastava et al., 2014). [`Tape::set_noise`](crate::Tape::set_noise) says which it is.
    ///
    /// ```
    /// # use chainrule::{BuildError, Circuit, Shape};
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let x = c.input(Shape::vector(8))?;
    /// let y = c.dropout(x, 0.2)?;
    /// assert_eq!(c.view().shape(y), Shape::vector(8));
    /// assert_eq!(c.dropout(x, 1.0), Err(BuildError::BadBounds));
    /// # Ok::<(), BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As other gates, and [`BuildError::NumbersFull`], [`BuildError::BadBounds`] unless
    /// 0 ≤ rate < 1.
    pub fn dropout(&mut self, x: Wire, rate: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::Dropout, &[x], &[rate])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_gru_of_more_units_than_its_weights_can_have_columns_is_refused() {
        let mut c: Circuit<f32, 8> = Circuit::new();
        let x = c.input(Shape::matrix(1, 1)).unwrap();
        let found = Shape::matrix(21_846, u16::MAX);
        let (w, u) = (c.param(Shape::matrix(1, u16::MAX)).unwrap(), c.param(found).unwrap());
        let b = c.param(Shape::vector(u16::MAX)).unwrap();
        let refused = BuildError::WrongShape { operand: 2, wanted: Shape::matrix(21_845, u16::MAX), found };
        assert_eq!(c.gru(x, w, u, b, b), Err(refused));
    }

    #[test]
    fn rows_that_are_not_there_are_refused_with_their_place() {
        let mut c: Circuit<f32, 4> = Circuit::new();
        let a = c.input(Shape::vector(3)).unwrap();
        let (start, end) = (u16::MAX, u16::MAX);
        assert_eq!(c.row(a, start), Err(BuildError::NoSuchRows { start, end, rows: 3 }));
        let there = Wire::at(7); // a wire of a larger circuit
        assert_eq!(c.row(there, 0), Err(BuildError::UnknownWire(7)));
        assert_eq!(c.slice(there, 0, 1), Err(BuildError::UnknownWire(7)));
    }
}
