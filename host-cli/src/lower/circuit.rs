//! A circuit of the core with its names, its values and its settings.

use std::collections::HashMap;

use chainrule::{Circuit, CircuitRef, Gate, Objective, Op, OpKind, Random, Shape, Wire};

use super::adapt::Adapting;
use super::error::LowerError;
use super::gates::{Usual, whole_numbers};
use super::normalize::Normalized;
use super::settings::Training;
use crate::data::Field;
use crate::data::columns::Role;
use crate::text::Span;
use crate::text::literal::Readable;

/// The core's builder with room for what a host lowers: as many gates as wires
/// can be numbered, and 16,384 constants.
pub type HostCircuit<T> = Circuit<T, { Wire::MAX }, 16_384, 256, 4_096>;

/// An input or label: a wire that the caller or a row of data sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Fed<T> {
    /// The wire.
    pub wire: Wire,
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// Input, or what kind of label.
    pub role: Role,
    /// The value that the text or the command line gives it.
    pub value: Option<Vec<T>>,
    /// Where it is declared, or first read.
    pub span: Span,
}

/// A param and how it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Param<T> {
    /// The wire.
    pub wire: Wire,
    /// Its name: `w`, `fc1.weight`.
    pub name: String,
    /// Its shape in text and model files: a layer's weight begins with its
    /// outputs there, `[out, in]`, `[out, in / groups, height, width]`.
    pub shape: Vec<usize>,
    /// Whether the core keeps its outputs last, as `[in, out]`.
    pub transposed: bool,
    /// Its first values, as the core keeps them.
    pub start: Vec<T>,
    /// Whether training leaves it alone.
    pub frozen: bool,
    /// Whether it stays so whatever a block or an option says.
    pub always_frozen: bool,
    /// Whether it brings an input to scale (`normalize`).
    pub scales: bool,
}

impl<T: Copy> Param<T> {
    /// Values of this param from the core's order to the order of text and
    /// model files.
    pub fn to_file(&self, values: &[T]) -> Vec<T> {
        match self.shape.first() {
            Some(&outputs) if self.transposed => turned(values, values.len() / outputs.max(1), outputs),
            _ => values.to_vec(),
        }
    }

    /// Values of this param from the order of text and model files to the
    /// core's.
    pub fn from_file(&self, values: &[T]) -> Vec<T> {
        match self.shape.first() {
            Some(&outputs) if self.transposed => turned(values, outputs, values.len() / outputs.max(1)),
            _ => values.to_vec(),
        }
    }
}

/// The transpose of a `rows` × `columns` matrix.
fn turned<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    let column = |c: usize| (0..rows).filter_map(move |r| values.get(r * columns + c).copied());
    (0..columns).flat_map(column).collect()
}

/// A text as a circuit.
#[derive(Clone, Debug)]
pub struct Lowered<T> {
    /// The gates. Behind a box, since its arrays are large.
    pub circuit: Box<HostCircuit<T>>,
    /// Inputs and labels, in the order of the text.
    pub fields: Vec<Fed<T>>,
    /// Params, in the order of their wires.
    pub params: Vec<Param<T>>,
    /// Inputs that are brought to mean 0 and deviation 1, while these are still to be fitted.
    pub normalized: Vec<Normalized>,
    /// What the `train` block says, or its defaults.
    pub training: Training<T>,
    /// What the `adapt` block says, if there is one.
    pub adapting: Option<Adapting<T>>,
    /// The generator after it drew the params, for what is drawn next.
    pub random: Random,
    pub(super) names: Vec<String>,
    pub(super) spans: Vec<Span>,
    pub(super) by_name: HashMap<String, Wire>,
}

impl<T: Readable> Lowered<T> {
    /// The circuit as all walks take it.
    pub fn view(&self) -> CircuitRef<'_, T> {
        self.circuit.view()
    }

    /// The objective, if the text has one.
    pub fn objective(&self) -> Option<Objective> {
        self.view().objective()
    }

    /// The name of a wire.
    pub fn name(&self, wire: Wire) -> &str {
        self.names.get(wire.index()).map_or("", String::as_str)
    }

    /// The wire of a name.
    pub fn wire(&self, name: &str) -> Option<Wire> {
        self.by_name.get(name).copied()
    }

    /// All names, for the nearest to one that is not there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Where a wire is driven in the text.
    pub fn span(&self, wire: Wire) -> Span {
        self.spans.get(wire.index()).copied().unwrap_or_default()
    }

    /// What a wire is, in a word: `input`, `label`, `param`, `const`, or the
    /// name of the gate that drives it.
    pub fn kind(&self, wire: Wire) -> &'static str {
        let target = |field: &Fed<T>| field.wire == wire && field.role == Role::Target;
        match self.view().gate(wire).map(|gate| gate.op()) {
            Some(Op::Input) if self.fields.iter().any(target) => "label",
            Some(op) => op.name(),
            None => "",
        }
    }

    /// What drives a wire, with the names of its operands: `x + y`,
    /// `relu(h.1)`; empty for a source.
    pub fn formula(&self, wire: Wire) -> String {
        self.formula_with(wire, |_, operand| self.name(operand).to_owned())
    }

    /// What drives a wire, with `word` for each operand, which gets the
    /// operand's place and wire: `-2 + 5`; empty for a source.
    pub fn formula_with(&self, wire: Wire, word: impl Fn(usize, Wire) -> String) -> String {
        let view = self.view();
        let Some(gate) = view.gate(wire) else {
            return String::new();
        };
        let operands: Vec<String> = view.operands(gate).enumerate().map(|(k, operand)| word(k, operand)).collect();
        let sign = match gate.op() {
            Op::Add => "+",
            Op::Sub => "-",
            Op::Mul => "*",
            Op::Div => "/",
            Op::Pow => "^",
            _ => "",
        };
        match (gate.op(), operands.as_slice()) {
            (op, _) if op.kind() == OpKind::Source => String::new(),
            (_, [left, right]) if !sign.is_empty() => format!("{left} {sign} {right}"),
            (Op::Neg, [of]) => format!("-{of}"),
            (Op::Slice, [of]) => match view.slice_rows(wire) {
                Some((start, rows)) if view.shape(wire).rank() == of_rank(&view, gate) => {
                    format!("{of}[{start}..{}]", start + rows)
                }
                Some((start, _)) => format!("{of}[{start}]"),
                None => String::new(),
            },
            (op, [of, ..]) if op.is_layer() && self.layer_of(gate).is_some() => {
                format!("{}({of})", self.layer_of(gate).unwrap_or_default())
            }
            (op, _) => {
                let numbers = view.attribute_values(wire).iter().map(ToString::to_string);
                let sizes = view.shape(wire);
                let sizes: &[u16] = if op == Op::Reshape { sizes.dims() } else { &[] };
                let sizes = sizes.iter().map(ToString::to_string).chain(written(op, view.integers(gate)));
                let word = (op == Op::Rnn && view.integers(gate) == [1]).then(|| "activation = relu".to_owned());
                let all: Vec<String> = operands.iter().cloned().chain(sizes).chain(numbers).chain(word).collect();
                format!("{}({})", op.name(), all.join(", "))
            }
        }
    }

    /// The layer whose weights a gate reads, by the name of the first of them.
    fn layer_of(&self, gate: &Gate) -> Option<&str> {
        let weight = self.name(self.view().operand(gate, 1)?);
        weight.strip_suffix(".weight").or(weight.strip_suffix(".weight_ih"))
    }

    /// Inputs and labels as columns of data.
    pub fn columns(&self) -> Vec<Field> {
        let elements = |shape: Shape| (!shape.is_scalar()).then(|| shape.len());
        self.fields
            .iter()
            .map(|fed| Field { name: fed.name.clone(), elements: elements(fed.shape), role: fed.role })
            .collect()
    }

    /// The inputs and labels that nothing gives a value, as errors; for verbs
    /// that compute.
    pub fn without_value(&self) -> Vec<LowerError> {
        let open = self.fields.iter().filter(|fed| fed.value.is_none());
        open.map(|fed| LowerError::NoValue {
            name: fed.name.clone(),
            shape: fed.shape,
            label: fed.role != Role::Input,
            rows: self.training.data.is_some(),
            span: fed.span,
        })
        .collect()
    }
}

fn of_rank<T: Copy>(view: &CircuitRef<'_, T>, gate: &Gate) -> usize {
    view.operand(gate, 0).map_or(0, |operand| view.shape(operand).rank())
}

/// A gate's whole numbers as a call says them: those that must be told by place, others by name and
/// only where they are not as usual.
fn written(op: Op, integers: &[u16]) -> Vec<String> {
    let one = |(at, (name, usual)): (usize, &(&str, Usual))| {
        let number = integers.get(at)?;
        match usual.number(&integers[..at]) {
            None => Some(number.to_string()),
            Some(usual) => (usual != *number).then(|| format!("{name} = {number}")),
        }
    };
    whole_numbers(op).iter().enumerate().filter_map(one).collect()
}
