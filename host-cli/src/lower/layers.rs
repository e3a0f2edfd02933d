//! Layers: their params, how these start, and what a layer statement may say.

use chainrule::{BuildError, Init, Op, Random, Shape, Wire};

use super::arguments::Signature;
use super::build::Lowering;
use super::error::LowerError;
use super::gates::whole_numbers;
use crate::text::ast::{Call, Document, Expr, ExprId, Name, Span};
use crate::text::literal::Readable;

/// The kinds of layers.
const KINDS: &[&str] = &["dense", "conv1d", "conv2d"];
/// The ways for a param to start.
const STARTS: &[&str] =
    &["he", "xavier", "zero", "constant(number)", "uniform", "uniform(lo, hi)", "normal", "normal(mean, deviation)"];

/// How a param starts, before its size is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Start<T> {
    /// As written.
    Given(Vec<T>),
    /// All zero.
    Zero,
    /// As the core draws it.
    Drawn(Init<T>),
    /// Uniform in ±1/√fan_in (what PyTorch starts a linear layer with).
    Uniform,
    /// Normal with deviation 1/√fan_in (LeCun et al., 1998).
    Normal,
}

impl<T: Readable> Start<T> {
    /// Reads `he`, `uniform(-0.1, 0.1)` and the like.
    pub fn read(document: &Document, id: ExprId) -> Result<Self, LowerError> {
        let node = document.node(id);
        let numbers = |call: &Call, needed: &'static [&'static str]| -> Result<Vec<T>, LowerError> {
            let bound = Signature { needed, optional: &[] }.bind(document, call)?;
            bound.into_iter().flatten().map(|id| document.number(id)).collect()
        };
        let unknown = |name: &str, span| {
            Err(LowerError::UnknownWord { what: "way to start", name: name.to_owned(), span, known: STARTS })
        };
        match &node.kind {
            Expr::Name(name) => match name.as_str() {
                "he" => Ok(Start::Drawn(Init::He)),
                "xavier" => Ok(Start::Drawn(Init::Xavier)),
                "zero" => Ok(Start::Zero),
                "uniform" => Ok(Start::Uniform),
                "normal" => Ok(Start::Normal),
                _ => unknown(name, node.span),
            },
            Expr::Call(call) => match call.name.text.as_str() {
                "constant" => Ok(Start::Drawn(Init::Constant(only(&numbers(call, &["number"])?)))),
                "uniform" => {
                    let bounds = numbers(call, &["lo", "hi"])?;
                    Ok(Start::Drawn(Init::Uniform(only(&bounds), only(&bounds[1..]))))
                }
                "normal" => {
                    let both = numbers(call, &["mean", "deviation"])?;
                    Ok(Start::Drawn(Init::Normal(only(&both), only(&both[1..]))))
                }
                name => unknown(name, call.name.span),
            },
            _ => {
                Err(LowerError::Wanted { what: "a way to start such as `he` or `uniform(-0.1, 0.1)`", span: node.span })
            }
        }
    }

    /// The first values of a param of this shape, in the core's order, whose
    /// outputs are the first dimension, or the last where the core keeps it so.
    /// What a kernel covers counts for inputs and outputs (as in PyTorch).
    pub fn draw(self, shape: Shape, input_first: bool, random: &mut Random) -> Vec<T> {
        let size = |dim: usize| u32::try_from(dim).unwrap_or(u32::MAX);
        let (first, rest) = (size(shape.first()), size(shape.len() / shape.first()));
        let (fan_in, fan_out) = match shape.rank() {
            0 | 1 => (first, 1),
            _ if input_first => (size(shape.len() / shape.last()), size(shape.len() / shape.first())),
            _ => (rest, first),
        };
        let mut values = vec![T::ZERO; shape.len()];
        let spread = T::ONE / T::from_u32(fan_in).sqrt();
        let init = match self {
            Start::Given(given) => return given,
            Start::Zero => return values,
            Start::Drawn(init) => init,
            Start::Uniform => Init::Uniform(-spread, spread),
            Start::Normal => Init::Normal(T::ZERO, spread),
        };
        random.fill(init, fan_in, fan_out, &mut values);
        values
    }
}

fn only<T: Readable>(numbers: &[T]) -> T {
    numbers.first().copied().unwrap_or(T::ZERO)
}

/// A layer, declared; its params come with its first use.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a, T> {
    pub name: &'a Name,
    kind: Kind,
    outputs: u16,
    start: Start<T>,
    has_bias: bool,
    pub params: Option<LayerParams>,
}

/// What a layer does.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Dense,
    /// The operation, the kernel's size, and its whole numbers.
    Conv(Op, u16, Vec<u16>),
}

impl Kind {
    /// The shape of the weights, as the core keeps them, for an input.
    fn weight(&self, input: Shape, outputs: u16) -> Result<Shape, BuildError> {
        let (op, size, integers) = match self {
            Kind::Dense => {
                let &[inputs] = input.dims() else { return Err(BuildError::NotAVector(input)) };
                return Ok(Shape::matrix(inputs, outputs));
            }
            Kind::Conv(op, size, integers) => (op, *size, integers),
        };
        let rank = if *op == Op::Conv1d { 2 } else { 3 };
        let &[inputs, ..] = input.dims() else { return Err(BuildError::WrongRank { shape: input, rank }) };
        if input.dims().len() != usize::from(rank) {
            return Err(BuildError::WrongRank { shape: input, rank });
        }
        let groups = integers.last().copied().unwrap_or(1);
        let refused = BuildError::BadGroups { inputs, outputs, groups };
        let share = inputs.checked_div(groups).filter(|share| share * groups == inputs).ok_or(refused)?;
        let dims = if rank == 2 { vec![share, size, outputs] } else { vec![share, size, size, outputs] };
        let window = BuildError::BadWindow { planes: input, kernel: size, stride: integers[0], padding: integers[1] };
        Shape::new(&dims).ok_or(window)
    }
}

/// A layer's params, made where it was used first.
#[derive(Clone, Debug)]
pub(super) struct LayerParams {
    wires: Vec<Wire>,
    input: Shape,
    weight: Shape,
    first: Span,
}

impl<'a, T: Readable> Layer<'a, T> {
    /// The operation of its gate, and that gate's whole numbers.
    pub fn gate(&self) -> (Op, Vec<u16>) {
        match &self.kind {
            Kind::Dense => (Op::Dense, Vec::new()),
            Kind::Conv(op, _, integers) => (*op, integers.clone()),
        }
    }

    /// Reads `dense(32, init = he, bias = false)` or `conv2d(8, 3, padding = 1)`; without `init` it is
    /// xavier.
    pub fn read(document: &Document, name: &'a Name, kind: &Call) -> Result<Self, LowerError> {
        if !KINDS.contains(&kind.name.text.as_str()) {
            return Err(LowerError::UnknownWord {
                what: "kind of layer",
                name: kind.name.text.clone(),
                span: kind.name.span,
                known: KINDS,
            });
        }
        let conv = match kind.name.text.as_str() {
            "conv1d" => Some(Op::Conv1d),
            "conv2d" => Some(Op::Conv2d),
            _ => None,
        };
        let whole = conv.map_or(&[][..], whole_numbers);
        let names: Vec<&'static str> = whole.iter().map(|(name, _)| *name).chain(["init", "bias"]).collect();
        let needed: &[&'static str] = if conv.is_some() { &["out", "kernel"] } else { &["out"] };
        let bound = Signature { needed, optional: &names }.bind(document, kind)?;
        let (&[Some(out), ..], &[.., init, bias]) = (bound.as_slice(), bound.as_slice()) else {
            return Err(LowerError::Echo);
        };
        let does = match (conv, bound.get(1).copied().flatten()) {
            (Some(op), Some(size)) => {
                let given = bound.get(2..2 + whole.len()).unwrap_or_default();
                Kind::Conv(op, document.small_number(size)?, document.whole_numbers(given, whole)?)
            }
            _ => Kind::Dense,
        };
        let span = document.span(out);
        let outputs = document.whole_number(out).and_then(|out| u16::try_from(out).ok()).filter(|out| *out > 0);
        let outputs = outputs.ok_or(LowerError::Wanted { what: "a number of outputs, from 1 to 65535", span })?;
        let start = match init {
            Some(id) => Start::read(document, id)?,
            None => Start::Drawn(Init::Xavier),
        };
        let has_bias = match bias.map(|id| (document.plain_name(id), document.span(id))) {
            None => true,
            Some((Some(word), _)) if word.text == "true" => true,
            Some((Some(word), _)) if word.text == "false" => false,
            Some((_, span)) => return Err(LowerError::Wanted { what: "`true` or `false`", span }),
        };
        Ok(Layer { name, kind: does, outputs, start, has_bias, params: None })
    }
}

impl<T: Readable> Lowering<'_, T> {
    /// The params of a layer that reads `x`: weight, outputs last, and bias.
    pub(super) fn layer_params(&mut self, layer: usize, x: Wire, span: Span) -> Result<Vec<Wire>, LowerError> {
        let shape = self.shape(x);
        let Layer { name, ref kind, outputs, ref start, has_bias, ref params } = self.layers[layer];
        let weight = kind.weight(shape, outputs);
        if let Some(params) = params {
            if weight != Ok(params.weight) {
                return Err(LowerError::LayerInput {
                    name: name.text.clone(),
                    span,
                    found: shape,
                    needed: params.input,
                    first: params.first,
                });
            }
            return Ok(params.wires.clone());
        }
        let start = start.clone();
        let refused = |error| LowerError::Gate {
            gate: format!("layer `{}`", name.text),
            span: name.span,
            operands: vec![(span, shape)],
            error,
        };
        let of_weight = weight.map_err(refused)?;
        self.circuit.param(of_weight).map_err(refused)?;
        let weight = format!("{}.weight", name.text);
        let mut wires = vec![self.layer_param(&weight, name.span, true, start)?];
        if has_bias {
            self.circuit.param(Shape::vector(outputs)).map_err(refused)?;
            let bias = format!("{}.bias", name.text);
            wires.push(self.layer_param(&bias, name.span, false, Start::Zero)?);
        }
        self.layers[layer].params =
            Some(LayerParams { wires: wires.clone(), input: shape, weight: of_weight, first: span });
        Ok(wires)
    }

    fn layer_param(&mut self, name: &str, span: Span, transposed: bool, start: Start<T>) -> Result<Wire, LowerError> {
        let wire = self.last(name, span)?;
        self.scope.add(name.to_owned(), wire);
        self.add_param(name, wire, transposed, start);
        Ok(wire)
    }
}
