//! The vocabulary: every operation a gate can have, its number on the link and its name.

/// Declares the operations once: variant, number on the link, name.
macro_rules! ops {
    ($($(#[$doc:meta])* $op:ident = $code:literal, $name:literal;)*) => {
        /// What drives a wire: a source (set from outside) or an operation on other wires.
        ///
        /// The numbers are the link's and those of circuits in flash: never reused, never changed.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Op {
            $($(#[$doc])* $op = $code,)*
        }

        impl Op {
            /// Every operation, in the order of their numbers.
            pub const ALL: &'static [Op] = &[$(Op::$op),*];

            /// The operation that has this number. Searched for: a `match` takes a jump or a row for each
            /// number, and a board's flash has no room for it.
            #[inline]
            pub const fn from_code(code: u8) -> Option<Op> {
                let mut ops = Op::ALL;
                while let Some((&op, rest)) = ops.split_first() {
                    if op as u8 == code {
                        return Some(op);
                    }
                    ops = rest;
                }
                None
            }

            /// The number on the link.
            #[inline]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The name in formulas; a reduction may share it with an elementwise gate.
            #[inline]
            pub const fn name(self) -> &'static str {
                match self { $(Op::$op => $name,)* }
            }

            /// What sort of operation this is; the numbers are given out in ranges.
            #[inline]
            pub const fn kind(self) -> OpKind {
                match self as u8 {
                    0..16 => OpKind::Source,
                    16..32 => OpKind::Binary,
                    32..64 => OpKind::Unary,
                    64..96 => OpKind::Structured,
                    _ => OpKind::Loss,
                }
            }
        }
    };
}

/// The sorts of operations, by how many wires they read and how they go over elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpKind {
    /// Reads nothing: input, label, param, const.
    Source,
    /// Elementwise on one wire.
    Unary,
    /// Elementwise on two wires of one shape, or a scalar and a wire of any shape.
    Binary,
    /// A kernel over whole wires.
    Structured,
    /// A scalar to lower, from a prediction and what it should have been.
    Loss,
}

ops! {
    /// Set by the caller.
    Input = 0, "input";
    /// A class number, set by the caller; it has no gradient.
    Label = 1, "label";
    /// Trained, or frozen.
    Param = 2, "param";
    /// Fixed with the circuit.
    Const = 3, "const";
    /// a + b
    Add = 16, "add";
    /// a − b
    Sub = 17, "sub";
    /// a · b
    Mul = 18, "mul";
    /// a / b
    Div = 19, "div";
    /// The larger; at a tie each side gets half of the gradient.
    Max = 20, "max";
    /// The smaller; at a tie each side gets half of the gradient.
    Min = 21, "min";
    /// aᵇ
    Pow = 22, "pow";
    /// −a
    Neg = 32, "neg";
    /// |a|
    Abs = 33, "abs";
    /// √a
    Sqrt = 34, "sqrt";
    /// a²
    Square = 35, "square";
    /// 1 / a
    Recip = 36, "recip";
    /// eᵃ
    Exp = 37, "exp";
    /// ln a
    Log = 38, "log";
    /// sin a
    Sin = 39, "sin";
    /// cos a
    Cos = 40, "cos";
    /// tanh a
    Tanh = 41, "tanh";
    /// 1 / (1 + e⁻ᵃ)
    Sigmoid = 42, "sigmoid";
    /// max(a, 0)
    Relu = 43, "relu";
    /// a where positive, slope · a elsewhere
    LeakyRelu = 44, "leaky_relu";
    /// a where positive, α(eᵃ − 1) elsewhere
    Elu = 45, "elu";
    /// a Φ(a), by erf
    Gelu = 46, "gelu";
    /// a Φ(a), by its tanh approximation
    GeluTanh = 47, "gelu_tanh";
    /// ln(1 + eᵃ)
    Softplus = 48, "softplus";
    /// a / (1 + |a|)
    Softsign = 49, "softsign";
    /// a · clip(a + 3, 0, 6) / 6
    HardSwish = 50, "hard_swish";
    /// a, but not below lo nor above hi
    Clip = 51, "clip";
    /// Σ aᵢ bᵢ
    Dot = 64, "dot";
    /// x W + b
    Dense = 65, "dense";
    /// Σ aᵢ
    Sum = 66, "sum";
    /// Σ aᵢ / n
    Mean = 67, "mean";
    /// Some of the rows of a wire, in order.
    Slice = 68, "slice";
    /// eᵃⁱ / Σ eᵃʲ over the innermost dimension
    Softmax = 69, "softmax";
    /// aᵢ − ln Σ eᵃʲ over the innermost dimension
    LogSoftmax = 70, "log_softmax";
    /// The same elements in another shape.
    Reshape = 71, "reshape";
    /// The rows of a, then those of b.
    Concat = 72, "concat";
    /// The greatest aᵢ, of equal ones the first.
    MaxOf = 73, "max";
    /// Weights that slide over the length of `[channels, length]`.
    Conv1d = 74, "conv1d";
    /// Weights that slide over `[channels, height, width]`.
    Conv2d = 75, "conv2d";
    /// The greatest of each window, of equal ones the first.
    MaxPool = 76, "max_pool";
    /// The mean of each window.
    AvgPool = 77, "avg_pool";
    /// w (a − μ) / √(σ² + ε) + b over the innermost dimension
    LayerNorm = 78, "layer_norm";
    /// Gated recurrent units over a window
    Gru = 79, "gru";
    /// A simple recurrent layer over a window
    Rnn = 80, "rnn";
    /// Elements left out at random while training
    Dropout = 81, "dropout";
    /// The mean of each plane.
    GlobalAvg = 82, "global_avg";
    /// Mean of (a − b)²
    Mse = 96, "mse";
    /// Mean of max(0, 1 − a b), b = ±1
    Hinge = 97, "hinge";
    /// −ln softmax(a)`[class]`
    CrossEntropy = 98, "cross_entropy";
    /// Mean of the cross-entropy of sigmoid(a) against b in 0 ..= 1
    BinaryCrossEntropy = 99, "binary_cross_entropy";
    /// Mean of |a − b|
    Mae = 100, "mae";
    /// Mean of ½ (a − b)², beyond δ of δ (|a − b| − ½ δ)
    Huber = 101, "huber";
    /// −Σ qⱼ ln softmax(a)ⱼ, q the class with a share spread over all of them
    SmoothCrossEntropy = 102, "cross_entropy";
}

impl Op {
    /// Whether gates of this kind go element by element.
    #[inline]
    pub const fn is_elementwise(self) -> bool {
        matches!(self as u8, 16..64)
    }

    /// Whether nothing drives this wire.
    #[inline]
    pub const fn is_source(self) -> bool {
        (self as u8) < 16
    }

    /// The most operands that any gate has.
    pub const MOST_OPERANDS: usize = 5;

    /// How many operands a gate of this kind has, how many of them are listed, how many whole numbers and how
    /// many numbers it has, four bits each from the lowest on: one small table instead of four.
    #[inline(never)]
    const fn counts(self) -> u16 {
        const fn of(operands: u16, listed: u16, integers: u16, numbers: u16) -> u16 {
            operands | listed << 4 | integers << 8 | numbers << 12
        }
        match self.kind() {
            OpKind::Source => 0,
            OpKind::Unary => match self {
                Op::LeakyRelu | Op::Elu => of(1, 0, 0, 1),
                Op::Clip => of(1, 0, 0, 2),
                _ => of(1, 0, 0, 0),
            },
            OpKind::Binary => of(2, 0, 0, 0),
            OpKind::Loss => match self {
                Op::Huber | Op::SmoothCrossEntropy => of(2, 0, 0, 1),
                _ => of(2, 0, 0, 0),
            },
            OpKind::Structured => match self {
                Op::Dense => of(3, 0, 0, 0),
                Op::Conv1d | Op::Conv2d => of(3, 1, 3, 0), // stride, padding, groups
                Op::MaxPool | Op::AvgPool => of(1, 0, 3, 0), // size, stride, padding
                Op::LayerNorm => of(3, 1, 1, 1),           // the place of ε; ε
                Op::Gru => of(5, 3, 0, 0),
                Op::Rnn => of(5, 3, 1, 0), // 0 for tanh, 1 for relu
                Op::Dropout => of(1, 0, 0, 1),
                Op::Dot | Op::Concat => of(2, 0, 0, 0),
                _ => of(1, 0, 0, 0),
            },
        }
    }

    /// How many operands gates of this kind can have.
    #[inline(never)]
    pub(crate) const fn operands(self) -> usize {
        self.counts() as usize & 15
    }

    /// How many of the operands are not in the gate's record but in the table of attributes, where
    /// `c` says; the others are a and b.
    #[inline(never)]
    pub(crate) const fn listed_operands(self) -> usize {
        self.counts() as usize >> 4 & 15
    }

    /// How many whole numbers (a stride, a padding) the gate keeps in the table of attributes, behind
    /// its listed operands.
    #[inline(never)]
    pub(crate) const fn integers(self) -> usize {
        self.counts() as usize >> 8 & 15
    }

    /// How many of the operands must be there.
    #[inline(never)]
    pub(crate) const fn needed_operands(self) -> usize {
        match self {
            Op::Dense | Op::Conv1d | Op::Conv2d => 2, // the bias may be missing
            _ => self.operands(),
        }
    }

    /// Whether the operands behind the first are weights of this gate, which a fused step updates in
    /// place.
    #[inline]
    pub const fn has_weights(self) -> bool {
        matches!(self, Op::Dense | Op::Conv1d | Op::Conv2d)
    }

    /// Whether the place of the gate's own numbers is the last of its whole numbers, since `c` says
    /// where these are.
    #[inline]
    pub(crate) const fn lists_numbers(self) -> bool {
        matches!(self, Op::LayerNorm)
    }

    /// Whether all operands but the first are a layer's weights, as a rule.
    #[inline]
    pub const fn is_layer(self) -> bool {
        self.has_weights() || matches!(self, Op::LayerNorm | Op::Gru | Op::Rnn)
    }

    /// Whether this is a cross-entropy of logits and a label, so that a class is predicted.
    #[inline]
    pub const fn tells_classes(self) -> bool {
        matches!(self, Op::CrossEntropy | Op::SmoothCrossEntropy)
    }

    /// How many numbers this gate keeps in the circuit's side table (slope; alpha; lo and hi; ε; a rate).
    #[inline(never)]
    pub const fn attributes(self) -> usize {
        self.counts() as usize >> 12
    }
}

#[cfg(test)]
mod tests {
    use super::Op;

    #[test]
    fn numbers_on_the_link_are_pinned() {
        let ends = [
            (Op::Input, 0),
            (Op::Const, 3),
            (Op::Add, 16),
            (Op::Pow, 22),
            (Op::Neg, 32),
            (Op::Clip, 51),
            (Op::Dot, 64),
            (Op::LogSoftmax, 70),
            (Op::Reshape, 71),
            (Op::AvgPool, 77),
            (Op::LayerNorm, 78),
            (Op::Dropout, 81),
            (Op::GlobalAvg, 82),
            (Op::Mse, 96),
            (Op::BinaryCrossEntropy, 99),
            (Op::SmoothCrossEntropy, 102),
        ];
        for (op, code) in ends {
            assert_eq!(op.code(), code);
        }
        for &op in Op::ALL {
            assert_eq!(Op::from_code(op.code()), Some(op));
        }
        assert_eq!(Op::from_code(255), None);
    }
}
