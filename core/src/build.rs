//! The builder: a circuit put together gate by gate in arrays of fixed capacity.
//!
//! `Circuit` is a thin shell of capacities; the work is done by functions on slices and
//! [`heapless::VecView`], so that two capacities do not put the code into flash twice.

use crate::circuit::{CircuitRef, Objective, check};
use crate::error::BuildError;
use crate::gate::{Gate, NONE, Wire};
use crate::op::Op;
use crate::scalar::Scalar;
use crate::shape::Shape;
use heapless::{Vec, VecView};

/// A circuit with room for `GATES` gates, `NUMBERS` constants and gate attributes, and `SHAPES`
/// different shapes.
///
/// Every method that adds a gate returns the wire the gate drives, or says why it was refused; a
/// refused call changes nothing.
///
/// ```
/// use chainrule::{Circuit, Shape};
/// # fn main() -> Result<(), chainrule::BuildError> {
/// let mut c: Circuit<f32, 8> = Circuit::new();
/// let x = c.input(Shape::SCALAR)?;
/// let y = c.input(Shape::SCALAR)?;
/// let z = c.input(Shape::SCALAR)?;
/// let q = c.add(x, y)?;
/// let f = c.mul(q, z)?;
/// c.maximize(f)?;
/// assert_eq!(c.view().len(), 5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Circuit<T, const GATES: usize, const NUMBERS: usize = 16, const SHAPES: usize = 8, const ATTRS: usize = 16> {
    gates: Vec<Gate, GATES>,
    shapes: Vec<Shape, SHAPES>,
    numbers: Vec<T, NUMBERS>,
    attrs: Vec<u16, ATTRS>,
    goal: Goal,
    target: u16,
}

/// Which way the objective goes; all zeros when there is none, so that an empty circuit in a
/// `static` takes no flash.
#[derive(Clone, Copy, Debug)]
enum Goal {
    None = 0,
    Maximize,
    Minimize,
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize> Default
    for Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! gates {
    ($($(#[$doc:meta])* $name:ident($($operand:ident),+) = $op:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`BuildError::UnknownWire`], [`BuildError::ShapeMismatch`], [`BuildError::GatesFull`],
            /// [`BuildError::ShapesFull`].
            pub fn $name(&mut self, $($operand: Wire),+) -> Result<Wire, BuildError> {
                self.add_gate(Op::$op, [$($operand),+].as_slice(), &[])
            }
        )*
    };
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    /// An empty circuit.
    pub const fn new() -> Self {
        Circuit {
            gates: Vec::new(),
            shapes: Vec::new(),
            numbers: Vec::new(),
            attrs: Vec::new(),
            goal: Goal::None,
            target: 0,
        }
    }

    /// The circuit as all walks take it.
    pub fn view(&self) -> CircuitRef<'_, T> {
        CircuitRef {
            gates: &self.gates,
            shapes: &self.shapes,
            numbers: &self.numbers,
            attrs: &self.attrs,
            objective: match self.goal {
                Goal::None => None,
                Goal::Maximize => Some(Objective::Maximize(Wire::at(self.target))),
                Goal::Minimize => Some(Objective::Minimize(Wire::at(self.target))),
            },
        }
    }

    fn parts(&mut self) -> Parts<'_, T> {
        Parts {
            gates: self.gates.as_mut_view(),
            shapes: self.shapes.as_mut_view(),
            numbers: self.numbers.as_mut_view(),
            attrs: self.attrs.as_mut_view(),
        }
    }

    /// Forgets all gates.
    pub fn clear(&mut self) {
        self.gates.clear();
        self.shapes.clear();
        self.numbers.clear();
        self.attrs.clear();
        self.goal = Goal::None;
    }

    /// An input of this shape, set by the caller before each run.
    ///
    /// # Errors
    /// [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn input(&mut self, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Input, shape, [0, 0, 0], &[])
    }

    /// A class number, 0 to `classes` − 1, set by the caller before each run.
    ///
    /// # Errors
    /// [`BuildError::BadClasses`] for fewer than two; [`BuildError::GatesFull`],
    /// [`BuildError::ShapesFull`].
    pub fn label(&mut self, classes: u16) -> Result<Wire, BuildError> {
        self.parts().push(Op::Label, Shape::SCALAR, [0, classes, 0], &[])
    }

    /// A param that training changes. It starts as zero; a tape's
    /// [`set`](crate::Tape::set) gives it a value.
    ///
    /// # Errors
    /// [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn param(&mut self, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Param, shape, [0, 0, 0], &[])
    }

    /// A param that training leaves alone, so that it can lie in flash.
    ///
    /// # Errors
    /// [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn frozen_param(&mut self, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Param, shape, [0, 1, 0], &[])
    }

    /// Freezes a param, or lets it train again.
    ///
    /// # Errors
    /// [`BuildError::NotAParam`], [`BuildError::UnknownWire`].
    pub fn set_frozen(&mut self, param: Wire, frozen: bool) -> Result<(), BuildError> {
        let gate = self.gates.get_mut(param.index()).ok_or(BuildError::UnknownWire(param.raw()))?;
        if gate.op != Op::Param {
            return Err(BuildError::NotAParam(param.raw()));
        }
        gate.b = frozen as u16;
        Ok(())
    }

    /// A fixed wire with these values.
    ///
    /// # Errors
    /// [`BuildError::WrongLength`] if the values do not fill the shape;
    /// [`BuildError::NumbersFull`], [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn constant(&mut self, shape: Shape, values: &[T]) -> Result<Wire, BuildError> {
        if values.len() != shape.len() {
            return Err(BuildError::WrongLength { expected: shape.len(), got: values.len() });
        }
        let place = self.numbers.len();
        self.parts().push(Op::Const, shape, [place as u16, (place >> 16) as u16, 0], values)
    }

    /// A gate of any operation but sources, slices and reshapes, with its operands and its own numbers.
    ///
    /// # Errors
    /// [`BuildError::BadRecord`] for another count of operands or numbers than the operation has;
    /// otherwise as the operation's own method.
    pub fn add_gate(&mut self, op: Op, operands: &[Wire], numbers: &[T]) -> Result<Wire, BuildError> {
        self.parts().add_gate(op, operands, &[], numbers)
    }

    /// As [`Circuit::add_gate`], for operations that also have whole numbers. Operands that are left
    /// out at the end are those that the operation can do without.
    ///
    /// # Errors
    /// As [`Circuit::add_gate`], and [`BuildError::AttributesFull`].
    pub fn add_gate_with(
        &mut self,
        op: Op,
        operands: &[Wire],
        integers: &[u16],
        numbers: &[T],
    ) -> Result<Wire, BuildError> {
        self.parts().add_gate(op, operands, integers, numbers)
    }

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
        let [rows, b, c, d] = self.view().shape(a).to_raw();
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
    /// down. Padding counts as 0. With `groups` = in it is depthwise.
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
    /// the kernel is larger than the padded plane, or the stride 0; [`BuildError::ShapeMismatch`] for
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
    /// the greatest.
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

    /// A simple recurrent layer over a window (Elman, 1990): x `[time, in]`, the wire `[time, hidden]`,
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

    /// Marks a scalar wire to be raised.
    ///
    /// # Errors
    /// [`BuildError::UnknownWire`], [`BuildError::NotAScalar`].
    pub fn maximize(&mut self, wire: Wire) -> Result<(), BuildError> {
        self.set_objective(Objective::Maximize(wire))
    }

    /// Marks a scalar wire to be lowered.
    ///
    /// # Errors
    /// [`BuildError::UnknownWire`], [`BuildError::NotAScalar`].
    pub fn minimize(&mut self, wire: Wire) -> Result<(), BuildError> {
        self.set_objective(Objective::Minimize(wire))
    }

    fn set_objective(&mut self, objective: Objective) -> Result<(), BuildError> {
        self.view().with_objective(objective)?;
        (self.goal, self.target) = match objective {
            Objective::Maximize(wire) => (Goal::Maximize, wire.raw()),
            Objective::Minimize(wire) => (Goal::Minimize, wire.raw()),
        };
        Ok(())
    }

    /// Takes over the parts of a circuit as they came over a link: a gate with everything it names
    /// already there. The first step of an upload is [`Circuit::clear`].
    ///
    /// # Errors
    /// What is wrong with the gate; it was not added.
    pub fn push_record(&mut self, gate: Gate) -> Result<Wire, BuildError> {
        self.parts().push_record(gate)
    }

    /// Adds a shape to the table, for records to come.
    ///
    /// # Errors
    /// [`BuildError::ShapesFull`].
    pub fn push_shape(&mut self, shape: Shape) -> Result<(), BuildError> {
        let full = BuildError::ShapesFull(self.shapes.capacity());
        self.shapes.push(shape).map_err(|_| full)
    }

    /// Adds numbers to the table, for records to come.
    ///
    /// # Errors
    /// [`BuildError::NumbersFull`].
    pub fn push_numbers(&mut self, numbers: &[T]) -> Result<(), BuildError> {
        let full = BuildError::NumbersFull(self.numbers.capacity());
        self.numbers.extend_from_slice(numbers).map_err(|_| full)
    }

    /// Adds integer attributes to the table, for records to come.
    ///
    /// # Errors
    /// [`BuildError::AttributesFull`].
    pub fn push_attrs(&mut self, attrs: &[u16]) -> Result<(), BuildError> {
        let full = BuildError::AttributesFull(self.attrs.capacity());
        self.attrs.extend_from_slice(attrs).map_err(|_| full)
    }
}

/// The arrays of a circuit without their capacities: what the building code works on.
struct Parts<'a, T> {
    gates: &'a mut VecView<Gate>,
    shapes: &'a mut VecView<Shape>,
    numbers: &'a mut VecView<T>,
    attrs: &'a mut VecView<u16>,
}

impl<T: Scalar> Parts<'_, T> {
    fn view(&self) -> CircuitRef<'_, T> {
        CircuitRef { gates: self.gates, shapes: self.shapes, numbers: self.numbers, attrs: self.attrs, objective: None }
    }

    fn conv(
        &mut self,
        op: Op,
        x: Wire,
        weight: Wire,
        bias: Option<Wire>,
        integers: &[u16],
    ) -> Result<Wire, BuildError> {
        match bias {
            Some(bias) => self.add_gate(op, &[x, weight, bias], integers, &[]),
            None => self.add_gate(op, &[x, weight], integers, &[]),
        }
    }

    /// Adds a gate with its shape found from its operands, or nothing at all.
    fn add_gate(&mut self, op: Op, operands: &[Wire], integers: &[u16], numbers: &[T]) -> Result<Wire, BuildError> {
        let (attrs, count) = (self.attrs.len(), self.numbers.len());
        let result = self.add_gate_parts(op, operands, integers, numbers);
        if result.is_err() {
            self.attrs.truncate(attrs);
            self.numbers.truncate(count);
        }
        result
    }

    fn add_gate_parts(
        &mut self,
        op: Op,
        operands: &[Wire],
        integers: &[u16],
        numbers: &[T],
    ) -> Result<Wire, BuildError> {
        let lists_numbers = op.lists_numbers();
        if numbers.len() != op.attributes()
            || integers.len() + usize::from(lists_numbers) != op.integers()
            || op.is_source()
            || matches!(op, Op::Slice | Op::Reshape)
            || operands.len() > op.operands()
        {
            return Err(BuildError::BadRecord);
        }
        let in_order = numbers.iter().zip(numbers.iter().skip(1)).all(|(lo, hi)| lo <= hi);
        if !in_order || !numbers.iter().all(|&x| in_domain(op, x)) {
            return Err(BuildError::BadBounds);
        }
        let (mut a, mut b, mut c) = (NONE, NONE, NONE);
        let place = u16::try_from(self.numbers.len()).map_err(|_| BuildError::NumbersFull(usize::from(NONE)))?;
        if !numbers.is_empty() {
            c = place;
            self.push_numbers(numbers)?;
        }
        let in_record = op.operands() - op.listed_operands();
        if op.listed_operands() + op.integers() > 0 {
            c = u16::try_from(self.attrs.len()).map_err(|_| BuildError::AttributesFull(usize::from(NONE)))?;
            for n in in_record..op.operands() {
                self.push_attr(operands.get(n).map_or(NONE, |wire| wire.raw()))?;
            }
            for &integer in integers {
                self.push_attr(integer)?;
            }
            if lists_numbers {
                self.push_attr(place)?;
            }
        }
        for (field, wire) in [&mut a, &mut b, &mut c].into_iter().zip(operands).take(in_record) {
            *field = wire.raw();
        }
        // `check` has the last word on the shape. It is asked with a table that has a scalar in it:
        // every operation that comes here derives its shape from its operands.
        let view = self.view();
        let scalar = [Shape::SCALAR];
        let shapes = if view.shapes.is_empty() { &scalar } else { view.shapes };
        let shape = check(&CircuitRef { shapes, ..view }, &Gate { op, shape: 0, a, b, c }, view.gates.len())?;
        self.push(op, shape, [a, b, c], &[])
    }

    fn push_attr(&mut self, attr: u16) -> Result<(), BuildError> {
        let full = BuildError::AttributesFull(self.attrs.capacity());
        self.attrs.push(attr).map_err(|_| full)
    }

    fn push_numbers(&mut self, numbers: &[T]) -> Result<(), BuildError> {
        let full = BuildError::NumbersFull(self.numbers.capacity());
        self.numbers.extend_from_slice(numbers).map_err(|_| full)
    }

    /// Adds a gate with its shape and its numbers, or nothing at all.
    fn push(&mut self, op: Op, shape: Shape, [a, b, c]: [u16; 3], numbers: &[T]) -> Result<Wire, BuildError> {
        let (shapes, count) = (self.shapes.len(), self.numbers.len());
        let result = self.push_parts(op, shape, [a, b, c], numbers);
        if result.is_err() {
            self.shapes.truncate(shapes);
            self.numbers.truncate(count);
        }
        result
    }

    fn push_parts(&mut self, op: Op, shape: Shape, [a, b, c]: [u16; 3], numbers: &[T]) -> Result<Wire, BuildError> {
        let row = match self.shapes.iter().position(|&known| known == shape) {
            Some(row) => row,
            None => {
                let full = BuildError::ShapesFull(self.shapes.capacity());
                self.shapes.push(shape).map_err(|_| full)?;
                self.shapes.len() - 1
            }
        };
        let row = u8::try_from(row).map_err(|_| BuildError::ShapesFull(256))?;
        self.push_numbers(numbers)?;
        self.push_record(Gate { op, shape: row, a, b, c })
    }

    fn push_record(&mut self, gate: Gate) -> Result<Wire, BuildError> {
        let index = self.gates.len();
        let shape = check(&self.view(), &gate, index)?;
        let told = self.shapes.get(usize::from(gate.shape)).copied().ok_or(BuildError::BadRecord)?;
        if shape != told {
            return Err(BuildError::ShapeMismatch { left: shape, right: told });
        }
        let full = BuildError::GatesFull(self.gates.capacity().min(Wire::MAX));
        if index >= Wire::MAX {
            return Err(full);
        }
        self.gates.push(gate).map_err(|_| full)?;
        Ok(Wire::at(index as u16))
    }
}

/// Whether a gate of this operation can have this number among its own.
fn in_domain<T: Scalar>(op: Op, x: T) -> bool {
    match op {
        Op::LayerNorm | Op::Huber => x > T::ZERO && x.is_finite(),
        Op::Dropout | Op::SmoothCrossEntropy => x >= T::ZERO && x < T::ONE,
        _ => !x.is_nan(),
    }
}
