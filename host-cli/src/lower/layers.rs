//! Layers: how their params start, and where these become wires.

use chainrule::{Init, Random, Shape, Wire};

use super::arguments::Signature;
use super::build::Lowering;
use super::error::LowerError;
use super::kinds::{Held, LayerKind};
use crate::text::ast::{Call, Document, Expr, ExprId, Name, Span};
use crate::text::literal::Readable;

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
    pub kind: LayerKind<T>,
    pub params: Option<LayerParams>,
}

/// A layer's params, made where it was used first.
#[derive(Clone, Debug)]
pub(super) struct LayerParams {
    wires: Vec<Wire>,
    input: Shape,
    /// The shapes of the params.
    shapes: Vec<Shape>,
    first: Span,
}

impl<T: Readable> Lowering<'_, T> {
    /// The params of a layer that reads `x`.
    pub(super) fn layer_params(&mut self, layer: usize, x: Wire, span: Span) -> Result<Vec<Wire>, LowerError> {
        let shape = self.shape(x);
        let Layer { name, ref kind, ref params } = self.layers[layer];
        let held = kind.held(shape);
        if let Some(params) = params {
            let fits = |held: &Option<Vec<Held<T>>>| {
                held.iter().flatten().map(|held| held.shape).eq(params.shapes.iter().copied())
            };
            if !held.as_ref().is_ok_and(fits) {
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
        let refused = |error| LowerError::Gate {
            gate: format!("layer `{}`", name.text),
            span: name.span,
            operands: vec![(span, shape)],
            error,
        };
        let held = held.map_err(refused)?.ok_or(LowerError::BadShape { span: name.span })?;
        let (mut wires, mut shapes) = (Vec::new(), Vec::new());
        for Held { name: own, shape, transposed, start } in held {
            self.circuit.param(shape).map_err(refused)?;
            let full = format!("{}.{own}", name.text);
            let wire = self.last(&full, name.span)?;
            self.scope.add(full.clone(), wire);
            self.add_param(&full, wire, transposed, start);
            wires.push(wire);
            shapes.push(self.shape(wire));
        }
        self.layers[layer].params = Some(LayerParams { wires: wires.clone(), input: shape, shapes, first: span });
        Ok(wires)
    }
}
