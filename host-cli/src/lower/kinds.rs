//! The kinds of layers: what a layer statement may say, which params the layer holds, and which gate it
//! is.
//!
//! | layer | params, as text and model files have them |
//! |---|---|
//! | `dense(out, init = xavier, bias = true)` | weight `[out, in]`, bias `[out]` = 0 |
//! | `conv1d(out, kernel, stride = 1, padding = 0, groups = 1, init = xavier, bias = true)` | weight `[out, in / groups, kernel]`, bias `[out]` = 0 |
//! | `conv2d(…)`, the same | weight `[out, in / groups, kernel, kernel]`, bias `[out]` = 0 |
//! | `layer_norm(eps = 1e-5)` | weight `[n]` = 1, bias `[n]` = 0, n the innermost dimension |
//! | `gru(hidden)` | weight_ih `[3 hidden, in]`, weight_hh `[3 hidden, hidden]`, bias_ih, bias_hh `[3 hidden]` |
//! | `rnn(hidden, activation = tanh)` | weight_ih `[hidden, in]`, weight_hh `[hidden, hidden]`, bias_ih, bias_hh `[hidden]` |
//!
//! Names and shapes are PyTorch's, and so are the first values of gru and rnn: all of them uniform in
//! ±1/√hidden. With an `init`, weights start so and biases at 0.

use chainrule::{BuildError, Init, Op, Shape};

use super::arguments::Signature;
use super::error::LowerError;
use super::gates::whole_numbers;
use super::layers::Start;
use crate::text::ast::{Call, Document, ExprId};
use crate::text::literal::Readable;

/// The kinds there are.
const KINDS: &[&str] = &["dense", "conv1d", "conv2d", "layer_norm", "gru", "rnn"];

/// What a layer statement says, before its input is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LayerKind<T> {
    /// x W + b
    Dense { outputs: u16, start: Start<T>, has_bias: bool },
    /// x ∗ W + b, with a kernel's size and the gate's whole numbers.
    Conv { op: Op, outputs: u16, kernel: u16, integers: Vec<u16>, start: Start<T>, has_bias: bool },
    /// Rows brought to mean 0 and deviation 1.
    LayerNorm { eps: T },
    /// A recurrent layer; `op` says which, and `relu` a simple one's activation.
    Recurrent { op: Op, hidden: u16, start: Option<Start<T>>, relu: bool },
}

/// One param that a layer holds.
pub(super) struct Held<T> {
    /// Its name behind the layer's.
    pub name: &'static str,
    /// Its shape in the core.
    pub shape: Shape,
    /// Whether text and model files have it the other way round.
    pub transposed: bool,
    /// How it starts.
    pub start: Start<T>,
}

impl<T: Readable> LayerKind<T> {
    /// Reads `dense(32, init = he, bias = false)`, `layer_norm()`, `gru(16)`.
    pub fn read(document: &Document, kind: &Call) -> Result<Self, LowerError> {
        let bind = |needed, optional| Signature { needed, optional }.bind(document, kind);
        match kind.name.text.as_str() {
            "dense" => {
                let bound = bind(&["out"], &["init", "bias"])?;
                let &[Some(out), init, bias] = bound.as_slice() else { return Err(LowerError::Echo) };
                let start = init.map(|id| Start::read(document, id)).transpose()?;
                Ok(LayerKind::Dense {
                    outputs: size(document, out, "a number of outputs, from 1 to 65535")?,
                    start: start.unwrap_or(Start::Drawn(Init::Xavier)),
                    has_bias: bias
                        .map_or(Ok(true), |id| choice(document, id, ["false", "true"], "`true` or `false`"))?,
                })
            }
            name @ ("conv1d" | "conv2d") => {
                let op = if name == "conv1d" { Op::Conv1d } else { Op::Conv2d };
                let whole = whole_numbers(op);
                let optional: Vec<&str> = whole.iter().map(|(name, _)| *name).chain(["init", "bias"]).collect();
                let bound = bind(&["out", "kernel"], &optional)?;
                let &[Some(out), Some(kernel), ref given @ .., init, bias] = bound.as_slice() else {
                    return Err(LowerError::Echo);
                };
                Ok(LayerKind::Conv {
                    op,
                    outputs: outputs(document, out)?,
                    kernel: document.small_number(kernel)?,
                    integers: document.whole_numbers(given, whole)?,
                    start: start(document, init)?.unwrap_or(Start::Drawn(Init::Xavier)),
                    has_bias: has_bias(document, bias)?,
                })
            }
            "layer_norm" => {
                let bound = bind(&[], &["eps"])?;
                let eps = bound.first().copied().flatten().map(|id| document.number(id)).transpose()?;
                Ok(LayerKind::LayerNorm { eps: eps.unwrap_or(T::from_f64(1e-5)) })
            }
            name @ ("gru" | "rnn") => {
                let (op, optional): (_, &[&str]) =
                    if name == "gru" { (Op::Gru, &["init"]) } else { (Op::Rnn, &["init", "activation"]) };
                let bound = bind(&["hidden"], optional)?;
                let (Some(&Some(hidden)), Some(&init)) = (bound.first(), bound.get(1)) else {
                    return Err(LowerError::Echo);
                };
                Ok(LayerKind::Recurrent {
                    op,
                    hidden: size(document, hidden, "a number of hidden units, from 1 to 65535")?,
                    start: start(document, init)?,
                    relu: bound.get(2).copied().flatten().map_or(Ok(false), |id| activation(document, id))?,
                })
            }
            _ => Err(LowerError::UnknownWord {
                what: "kind of layer",
                name: kind.name.text.clone(),
                span: kind.name.span,
                known: KINDS,
            }),
        }
    }

    /// The params of the layer for an input of this shape, in order; nothing if they would be too
    /// large for a shape.
    ///
    /// # Errors
    /// What is wrong with the input.
    pub fn held(&self, input: Shape) -> Result<Option<Vec<Held<T>>>, BuildError> {
        let vector = |name, n, start| Some(Held { name, shape: Shape::new(&[n])?, transposed: false, start });
        let matrix =
            |name, from, to, start| Some(Held { name, shape: Shape::new(&[from, to])?, transposed: true, start });
        let one = || Start::Drawn(Init::Constant(T::ONE));
        Ok(match self {
            LayerKind::Dense { outputs, start, has_bias } => {
                let &[inputs] = input.dims() else { return Err(BuildError::NotAVector(input)) };
                let bias = has_bias.then(|| vector("bias", *outputs, Start::Zero));
                [Some(matrix("weight", inputs, *outputs, start.clone())), bias].into_iter().flatten().collect()
            }
            LayerKind::Conv { op, outputs, kernel, integers, start, has_bias } => {
                let weight = kernels(*op, input, *outputs, *kernel, integers)?;
                let weight = Held { name: "weight", shape: weight, transposed: true, start: start.clone() };
                let bias = has_bias.then(|| vector("bias", *outputs, Start::Zero));
                [Some(Some(weight)), bias].into_iter().flatten().collect()
            }
            LayerKind::LayerNorm { .. } => {
                let &[.., n] = input.dims() else { return Err(BuildError::NotAVector(input)) };
                [vector("weight", n, one()), vector("bias", n, Start::Zero)].into_iter().collect()
            }
            LayerKind::Recurrent { op, hidden, start, .. } => {
                let &[_, inputs] = input.dims() else { return Err(BuildError::WrongRank { shape: input, rank: 2 }) };
                let columns = u32::from(*hidden) * if *op == Op::Gru { 3 } else { 1 };
                let Ok(columns) = u16::try_from(columns) else { return Ok(None) };
                let spread = T::ONE / T::from_u32(u32::from(*hidden)).sqrt();
                let usual = Start::Drawn(Init::Uniform(-spread, spread));
                let bias = if start.is_some() { Start::Zero } else { usual.clone() };
                let weight = start.as_ref().unwrap_or(&usual);
                [
                    matrix("weight_ih", inputs, columns, weight.clone()),
                    matrix("weight_hh", *hidden, columns, weight.clone()),
                    vector("bias_ih", columns, bias.clone()),
                    vector("bias_hh", columns, bias),
                ]
                .into_iter()
                .collect()
            }
        })
    }

    /// The operation, with its whole numbers and its other numbers.
    pub fn gate(&self) -> (Op, Vec<u16>, Vec<T>) {
        match self {
            LayerKind::Dense { .. } => (Op::Dense, Vec::new(), Vec::new()),
            LayerKind::Conv { op, integers, .. } => (*op, integers.clone(), Vec::new()),
            LayerKind::LayerNorm { eps } => (Op::LayerNorm, Vec::new(), vec![*eps]),
            LayerKind::Recurrent { op: Op::Rnn, relu, .. } => (Op::Rnn, vec![u16::from(*relu)], Vec::new()),
            LayerKind::Recurrent { op, .. } => (*op, Vec::new(), Vec::new()),
        }
    }
}

/// The shape of a convolution's weights, as the core keeps them, for an input.
fn kernels(op: Op, input: Shape, outputs: u16, kernel: u16, integers: &[u16]) -> Result<Shape, BuildError> {
    let rank = if op == Op::Conv1d { 2 } else { 3 };
    let &[inputs, ..] = input.dims() else { return Err(BuildError::WrongRank { shape: input, rank }) };
    if input.dims().len() != usize::from(rank) {
        return Err(BuildError::WrongRank { shape: input, rank });
    }
    let groups = integers.last().copied().unwrap_or(1);
    let refused = BuildError::BadGroups { inputs, outputs, groups };
    let share = inputs.checked_div(groups).filter(|share| share * groups == inputs).ok_or(refused)?;
    let dims = if rank == 2 { vec![share, kernel, outputs] } else { vec![share, kernel, kernel, outputs] };
    let [stride, padding, ..] = *integers else { return Err(BuildError::BadRecord) };
    Shape::new(&dims).ok_or(BuildError::BadWindow { planes: input, kernel, stride, padding })
}

fn outputs(document: &Document, id: ExprId) -> Result<u16, LowerError> {
    size(document, id, "a number of outputs, from 1 to 65535")
}

fn start<T: Readable>(document: &Document, id: Option<ExprId>) -> Result<Option<Start<T>>, LowerError> {
    id.map(|id| Start::read(document, id)).transpose()
}

fn has_bias(document: &Document, id: Option<ExprId>) -> Result<bool, LowerError> {
    id.map_or(Ok(true), |id| choice(document, id, ["false", "true"], "`true` or `false`"))
}

/// A whole number of something, at least one of them.
fn size(document: &Document, id: ExprId, what: &'static str) -> Result<u16, LowerError> {
    let number = document.whole_number(id).and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or(LowerError::Wanted { what, span: document.span(id) })
}

/// Whether the second of two words stands here, and not the first.
fn choice(document: &Document, id: ExprId, words: [&str; 2], what: &'static str) -> Result<bool, LowerError> {
    let written = document.plain_name(id);
    let place = written.and_then(|written| words.iter().position(|word| *word == written.text));
    place.map(|place| place == 1).ok_or(LowerError::Wanted { what, span: document.span(id) })
}

/// Whether an rnn's activation is relu.
pub(super) fn activation(document: &Document, id: ExprId) -> Result<bool, LowerError> {
    choice(document, id, ["tanh", "relu"], "`tanh` or `relu`")
}
