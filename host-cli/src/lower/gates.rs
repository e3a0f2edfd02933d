//! Expressions to gates: each operator or call is one gate, operands first.

use chainrule::{BuildError, Op, OpKind, Shape, Wire};

use super::arguments::Signature;
use super::build::Lowering;
use super::error::{IndexError, LowerError};
use super::kinds::activation;
use super::scope::Meaning;
use crate::text::ast::{Call, Document, Expr, ExprId, Operator, Place, Span, Whole};
use crate::text::literal::Readable;
use crate::text::nearest::nearest;

/// Constants are named as written, if that is not longer.
const SHORT: usize = 24;

/// The call for the last row of a wire.
const LAST: &str = "last";

/// The operation that an operator stands for.
fn operation(operator: Operator) -> Op {
    match operator {
        Operator::Add => Op::Add,
        Operator::Subtract => Op::Sub,
        Operator::Multiply => Op::Mul,
        Operator::Divide => Op::Div,
        Operator::Power => Op::Pow,
    }
}

/// What a whole number of a gate is unless the text says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Usual {
    /// The text must say it.
    Told,
    /// This.
    Is(u16),
    /// As the first one.
    AsFirst,
}

impl Usual {
    /// The number, after those `before` it.
    pub fn number(self, before: &[u16]) -> Option<u16> {
        match self {
            Usual::Told => None,
            Usual::Is(number) => Some(number),
            Usual::AsFirst => before.first().copied(),
        }
    }
}

/// The whole numbers of an operation.
pub(super) fn whole_numbers(op: Op) -> &'static [(&'static str, Usual)] {
    match op {
        Op::Conv1d | Op::Conv2d => &[("stride", Usual::Is(1)), ("padding", Usual::Is(0)), ("groups", Usual::Is(1))],
        Op::MaxPool | Op::AvgPool => &[("size", Usual::Told), ("stride", Usual::AsFirst), ("padding", Usual::Is(0))],
        _ => &[],
    }
}

/// The operations that formulas can call.
fn callable() -> impl Iterator<Item = Op> {
    // What shares its name with another is told from it by its arguments.
    let has_own_name = |op: &Op| !matches!(op, Op::Slice | Op::SmoothCrossEntropy);
    Op::ALL.iter().copied().filter(move |op| op.kind() != OpKind::Source && has_own_name(op))
}

/// The wires that a call of an operation needs, and its numbers with their
/// defaults.
fn signature(op: Op) -> (&'static [&'static str], &'static [(&'static str, Option<f64>)]) {
    let wires: &[&str] = match (op, op.kind()) {
        (Op::Dense | Op::Conv1d | Op::Conv2d | Op::LayerNorm, _) => &["x", "weight", "bias"],
        (Op::Gru | Op::Rnn, _) => &["x", "weight_ih", "weight_hh", "bias_ih", "bias_hh"],
        (Op::CrossEntropy, _) => &["logits", "label"],
        (Op::BinaryCrossEntropy, _) => &["logits", "target"],
        (_, OpKind::Loss) => &["prediction", "target"],
        (Op::Dot, _) | (_, OpKind::Binary) => &["a", "b"],
        _ => &["x"],
    };
    let numbers: &[(&str, Option<f64>)] = match op {
        Op::LeakyRelu => &[("slope", Some(0.01))],
        Op::Elu => &[("alpha", Some(1.0))],
        Op::Clip => &[("lo", None), ("hi", None)],
        Op::LayerNorm => &[("eps", Some(1e-5))],
        Op::Dropout => &[("rate", None)],
        Op::Huber => &[("delta", Some(1.0))],
        Op::CrossEntropy => &[("smoothing", Some(0.0))],
        _ => &[],
    };
    (wires, numbers)
}

impl Document {
    /// Whole numbers of a call or a layer, as said or as usual.
    pub(super) fn whole_numbers(
        &self,
        given: &[Option<ExprId>],
        whole: &[(&str, Usual)],
    ) -> Result<Vec<u16>, LowerError> {
        let mut integers = Vec::new();
        for (id, (_, usual)) in given.iter().zip(whole) {
            integers.push(match id {
                Some(id) => self.small_number(*id)?,
                None => usual.number(&integers).ok_or(LowerError::Echo)?,
            });
        }
        Ok(integers)
    }

    /// A whole number that a gate can keep.
    pub(super) fn small_number(&self, id: ExprId) -> Result<u16, LowerError> {
        let number = self.whole_number(id).and_then(|number| u16::try_from(number).ok());
        number.ok_or(LowerError::Wanted { what: "a whole number, up to 65535", span: self.span(id) })
    }

    /// The nodes of an expression, operands first.
    pub(super) fn within(&self, root: ExprId) -> impl Iterator<Item = ExprId> + use<> {
        let mut first = root;
        while let Some(operand) = self.operands(first).first() {
            first = *operand;
        }
        first.up_to(root)
    }
}

impl<T: Readable> Lowering<'_, T> {
    /// Lowers an expression; what it drives is called `name`, what comes
    /// between `name.1`, `name.2`, …
    pub(super) fn named(&mut self, name: &str, root: ExprId) -> Result<Wire, LowerError> {
        let document = self.document;
        self.place = (name.to_owned(), 0);
        for id in document.within(root) {
            let name = (id == root).then_some(name);
            let wire = match &document.node(id).kind {
                Expr::Binary { operator, at, left, right } => {
                    let gate = format!("`{}`", operator.sign());
                    self.gate(operation(*operator), &gate, *at, &[*left, *right], (&[], &[]), (id, name))?
                }
                Expr::Negate(of) if document.figure(id).is_none() => {
                    let span = document.span(id);
                    self.gate(Op::Neg, "`-`", Span::new(span.start, span.start + 1), &[*of], (&[], &[]), (id, name))?
                }
                Expr::Call(call) => self.call(call, (id, name))?,
                Expr::Index { of, places, at } => self.index(*of, places, *at, (id, name))?,
                // Leaves become wires where a gate reads them.
                _ => continue,
            };
            self.wires[id.position()] = Some(wire);
        }
        if self.wires[root.position()].is_none()
            && let Ok(literal) = document.literal(root)
        {
            // A constant with a name of its own.
            let wire = self.constant(name, &literal.shape, &literal.read()?, document.span(root))?;
            self.wires[root.position()] = Some(wire);
        }
        self.operand(root)
    }

    /// The wire of a node: driven already, a name, or a constant.
    pub(super) fn operand(&mut self, id: ExprId) -> Result<Wire, LowerError> {
        if let Some(wire) = self.wires[id.position()] {
            return Ok(wire);
        }
        let node = self.document.node(id);
        match &node.kind {
            Expr::Name(name) => self.scope.wire(name, node.span),
            Expr::Quoted(_) => Err(LowerError::Wanted { what: "a wire or a number, not text", span: node.span }),
            _ => {
                let literal = self.document.literal(id)?;
                let values: Vec<T> = literal.read()?;
                let Some(shape) = shape_of(&literal.shape) else {
                    return Err(LowerError::BadShape { span: node.span });
                };
                let bits = values.iter().map(|value| value.to_bits()).collect();
                if let Some(wire) = self.constants.get(&(shape, bits)) {
                    return Ok(*wire);
                }
                let written = self.document.written(id);
                let name = if written.len() <= SHORT { written } else { self.next_name() };
                let bits = values.iter().map(|value| value.to_bits()).collect();
                let wire = self.constant(&name, &literal.shape, &values, node.span)?;
                self.constants.insert((shape, bits), wire);
                Ok(wire)
            }
        }
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: &[T], span: Span) -> Result<Wire, LowerError> {
        let shape = shape_of(shape).ok_or(LowerError::BadShape { span })?;
        let refused = |error| LowerError::Gate { gate: "a constant".into(), span, operands: Vec::new(), error };
        self.circuit.constant(shape, values).map_err(refused)?;
        self.last(name, span)
    }

    fn next_name(&mut self) -> String {
        self.place.1 += 1;
        format!("{}.{}", self.place.0, self.place.1)
    }

    /// Names the gate that was added last.
    pub(super) fn driven(&mut self, name: Option<&str>, span: Span) -> Result<Wire, LowerError> {
        match name {
            Some(name) => self.last(name, span),
            None => {
                let name = self.next_name();
                let wire = self.last(&name, span)?;
                self.scope.add(name, wire);
                Ok(wire)
            }
        }
    }

    fn gate(
        &mut self,
        op: Op,
        shown: &str,
        at: Span,
        operands: &[ExprId],
        (integers, numbers): (&[u16], &[T]),
        (id, name): (ExprId, Option<&str>),
    ) -> Result<Wire, LowerError> {
        let mut wires = Vec::new();
        for operand in operands {
            wires.push(self.operand(*operand)?);
        }
        let added = self.circuit.add_gate_with(op, &wires, integers, numbers);
        added.map_err(|error| self.gate_refused(shown, at, operands, &wires, error))?;
        self.driven(name, self.document.span(id))
    }

    /// What the core refuses, with the operands' places and shapes.
    pub(super) fn gate_refused(
        &self,
        shown: &str,
        at: Span,
        operands: &[ExprId],
        wires: &[Wire],
        error: BuildError,
    ) -> LowerError {
        let shapes = operands.iter().zip(wires);
        let operands = shapes.map(|(id, wire)| (self.document.span(*id), self.shape(*wire))).collect();
        LowerError::Gate { gate: shown.to_owned(), span: at, operands, error }
    }

    fn call(&mut self, call: &Call, (id, name): (ExprId, Option<&str>)) -> Result<Wire, LowerError> {
        let known = self.scope.get(&call.name.text);
        match known {
            Some(Meaning::Layer(layer)) => {
                let signature = Signature { needed: &["x"], optional: &[] };
                let bound = signature.bind(self.document, call)?;
                let Some(&Some(x)) = bound.first() else { return Err(LowerError::Echo) };
                return self.apply(layer, x, (id, name));
            }
            Some(Meaning::Broken) => return Err(LowerError::Echo),
            _ => {}
        }
        match call.name.text.as_str() {
            "reshape" => return self.reshape(call, (id, name)),
            "flatten" => return self.flatten(call, (id, name)),
            "concat" => return self.concat(call, (id, name)),
            LAST => return self.last_row(call, (id, name)),
            _ => {}
        }
        // A reduction may share its name with a gate of two operands.
        let named = callable().filter(|op| op.name() == call.name.text);
        let Some(op) = named.min_by_key(|op| signature(*op).0.len() != call.arguments.len()) else {
            return Err(self.unknown_call(call, known.is_some()));
        };
        let ((wires, attributes), whole) = (signature(op), whole_numbers(op));
        let (needed, wire_defaults) = wires.split_at(if op.has_weights() { 2 } else { wires.len() });
        let (told, usual): (Vec<_>, Vec<_>) = whole.iter().partition(|(_, usual)| *usual == Usual::Told);
        let whole_names = |list: &[(&'static str, Usual)]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        // The only word among the arguments of gates: what an rnn's activation is.
        let words: &[&str] = if op == Op::Rnn { &["activation"] } else { &[] };
        let (must, may): (Vec<_>, Vec<_>) = attributes.iter().partition(|(_, default)| default.is_none());
        let names = |list: &[(&'static str, Option<f64>)]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let needed = [needed, &whole_names(&told), &names(&must)].concat();
        let optional = [wire_defaults, &whole_names(&usual), &names(&may), words].concat();
        let bound = Signature { needed: &needed, optional: &optional }.bind(self.document, call)?;
        let (operands, given) = bound.split_at(wires.len());
        let (integers, given) = given.split_at(whole.len());
        let mut integers = self.document.whole_numbers(integers, whole)?;
        let operands: Vec<ExprId> = operands.iter().flatten().copied().collect();
        let mut numbers = Vec::new();
        for (id, (_, default)) in given.iter().zip(attributes) {
            numbers.push(match (id, default) {
                (Some(id), _) => self.document.number(*id)?,
                (None, default) => T::from_f64(default.unwrap_or_default()),
            });
        }
        if let Some(word) = given.get(attributes.len()) {
            integers.push(u16::from(word.map_or(Ok(false), |id| activation(self.document, id))?));
        }
        let op = match op {
            Op::CrossEntropy if numbers.iter().any(|&smoothing| smoothing != T::ZERO) => Op::SmoothCrossEntropy,
            Op::CrossEntropy => {
                numbers.clear();
                op
            }
            op => op,
        };
        let shown = format!("`{}`", call.name.text);
        self.gate(op, &shown, call.name.span, &operands, (&integers, &numbers), (id, name))
    }

    /// `last(h)`: the last row of a wire, such as what a recurrent layer ends with.
    fn last_row(&mut self, call: &Call, (id, name): (ExprId, Option<&str>)) -> Result<Wire, LowerError> {
        let bound = Signature { needed: &["x"], optional: &[] }.bind(self.document, call)?;
        let Some(&Some(x)) = bound.first() else { return Err(LowerError::Echo) };
        let wire = self.operand(x)?;
        let shape = self.shape(wire);
        self.circuit.row(wire, (shape.first() - 1) as u16).map_err(|error| LowerError::Gate {
            gate: format!("`{LAST}`"),
            span: call.name.span,
            operands: vec![(self.document.span(x), shape)],
            error,
        })?;
        self.driven(name, self.document.span(id))
    }

    fn unknown_call(&self, call: &Call, wire: bool) -> LowerError {
        let name = &call.name.text;
        if self.scope.is_defined(name) && !wire {
            // A layer or wire of this name stands further down.
            return self.scope.wire(name, call.name.span).err().unwrap_or(LowerError::Echo);
        }
        let mut known: Vec<&str> = callable().map(Op::name).chain(["flatten", LAST]).collect();
        known.extend(self.layers.iter().map(|layer| layer.name.text.as_str()));
        LowerError::UnknownCall {
            name: name.clone(),
            span: call.name.span,
            nearest: nearest(name, known).map(str::to_owned),
            wire,
        }
    }

    /// A layer's gate; its params are made where it is used first.
    fn apply(&mut self, layer: usize, x: ExprId, (id, name): (ExprId, Option<&str>)) -> Result<Wire, LowerError> {
        let wire = self.operand(x)?;
        let params = self.layer_params(layer, wire, self.document.span(x))?;
        let operands: Vec<Wire> = std::iter::once(wire).chain(params).collect();
        let (op, integers, numbers) = self.layers[layer].kind.gate();
        self.circuit.add_gate_with(op, &operands, &integers, &numbers).map_err(|error| LowerError::Gate {
            gate: format!("layer `{}`", self.layers[layer].name.text),
            span: self.document.span(id),
            operands: vec![(self.document.span(x), self.shape(wire))],
            error,
        })?;
        self.driven(name, self.document.span(id))
    }

    /// Each place is a gate: `m[0, 1..3]` is row 0, then its rows 1 and 2.
    fn index(
        &mut self,
        of: ExprId,
        places: &[Place],
        at: Span,
        (id, name): (ExprId, Option<&str>),
    ) -> Result<Wire, LowerError> {
        let mut wire = self.operand(of)?;
        for (n, place) in places.iter().enumerate() {
            let shape = self.shape(wire);
            let wrong = |span, why| LowerError::Index { span, of: self.document.span(of), shape, why };
            if shape.is_scalar() {
                return Err(wrong(at, IndexError::TooMany));
            }
            let size = shape.first();
            let last = n + 1 == places.len();
            let added = match place {
                Place::At(index) => {
                    let row = inside(*index, size).ok_or(wrong(index.span, IndexError::Outside(size)))?;
                    self.circuit.row(wire, row)
                }
                Place::Range { span, .. } if !last => return Err(wrong(*span, IndexError::RangeFirst)),
                Place::Range { start, end, span } => {
                    let start = start.map_or(0, |start| start.value);
                    let to = end.map_or(size, |end| end.value);
                    if start >= to {
                        return Err(wrong(*span, IndexError::Empty));
                    }
                    let outside = || wrong(*span, IndexError::Outside(size));
                    if to > size {
                        return Err(outside());
                    }
                    let bound = |value| u16::try_from(value).map_err(|_| outside());
                    self.circuit.slice(wire, bound(start)?, bound(to)?)
                }
            };
            added.map_err(|error: BuildError| LowerError::Gate {
                gate: "an index".into(),
                span: at,
                operands: vec![(self.document.span(of), shape)],
                error,
            })?;
            wire = self.driven(name.filter(|_| last), self.document.span(id))?;
        }
        Ok(wire)
    }
}

fn inside(index: Whole, size: usize) -> Option<u16> {
    u16::try_from(index.value).ok().filter(|_| index.value < size)
}

fn shape_of(sizes: &[usize]) -> Option<Shape> {
    let dims: Option<Vec<u16>> = sizes.iter().map(|size| u16::try_from(*size).ok()).collect();
    Shape::new(&dims?)
}
