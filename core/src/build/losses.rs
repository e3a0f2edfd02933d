//! The methods of the losses.

use super::Circuit;
use crate::error::BuildError;
use crate::gate::Wire;
use crate::op::Op;
use crate::scalar::Scalar;

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    gates! {
        /// The mean of (a − b)², a scalar.
        mse(a, b) = Mse;
        /// The mean of |a − b| over elements, its gradient 0 where they are equal.
        mae(a, b) = Mae;
        /// The mean of max(0, 1 − a b), b = ±1; its gradient 0 at the kink.
        hinge(a, b) = Hinge;
        /// −ln softmax(logits)`[label]`: logits `[n]`, the label of n classes.
        cross_entropy(logits, label) = CrossEntropy;
        /// The mean cross-entropy of sigmoid(logits) against targets within 0 ..= 1.
        binary_cross_entropy(logits, targets) = BinaryCrossEntropy;
    }

    /// The mean over elements of ½ r² where |r| ≤ δ, else of δ (|r| − ½ δ), r = a − b (Huber, 1964); δ
    /// is 1 as a rule. At |r| = δ the gradient is ±δ / n from both sides.
    ///
    /// ```
    /// # use chainrule::{Circuit, Shape};
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let (a, b) = (c.input(Shape::vector(3))?, c.input(Shape::vector(3))?);
    /// let loss = c.huber(a, b, 1.0)?;
    /// assert!(c.view().shape(loss).is_scalar());
    /// # Ok::<(), chainrule::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As other gates, and [`BuildError::NumbersFull`], [`BuildError::BadBounds`] unless 0 < δ < ∞.
    pub fn huber(&mut self, a: Wire, b: Wire, delta: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::Huber, &[a, b], &[delta])
    }

    /// [`Circuit::cross_entropy`] towards a target of which a share `smoothing` is spread evenly over
    /// all classes (Szegedy et al., 2016): −Σ qⱼ ln softmax(logits)ⱼ with qⱼ = smoothing / n, and for
    /// the label's class 1 − smoothing more.
    ///
    /// ```
    /// # use chainrule::{Circuit, Shape};
    /// let mut c: Circuit<f32, 4> = Circuit::new();
    /// let (logits, label) = (c.input(Shape::vector(3))?, c.label(3)?);
    /// let loss = c.smooth_cross_entropy(logits, label, 0.1)?;
    /// assert!(c.view().shape(loss).is_scalar());
    /// # Ok::<(), chainrule::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Circuit::cross_entropy`], and [`BuildError::NumbersFull`], [`BuildError::BadBounds`] unless
    /// 0 ≤ smoothing < 1.
    pub fn smooth_cross_entropy(&mut self, logits: Wire, label: Wire, smoothing: T) -> Result<Wire, BuildError> {
        self.add_gate(Op::SmoothCrossEntropy, &[logits, label], &[smoothing])
    }
}
