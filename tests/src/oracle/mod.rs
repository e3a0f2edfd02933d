//! The oracle: an independent judge of values and gradients, in f64.
//!
//! It walks the text's tree itself, with shapes, gates and losses of its own
//! ([`mod@array`], [`gates`], [`layers`]) in [dual numbers](dual): no line of the core, of its
//! lowering or of its mathematics is used. A gradient's element is found by one
//! walk in which that element moves; an intermediate wire moves the same way.
//!
//! At kinks it takes one side or the other; the conventions there are exact
//! cases of the corpus.

pub mod array;
pub mod dual;
pub mod gates;
pub mod layers;
pub mod planes;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::str::FromStr;

use chainrule_cli::text::ast::{Call, Document, Expr, ExprId, Operator, Place, Statement};

use crate::corpus::{Given, Scalar};
use array::Array;
use dual::fixed;
use gates::{Arguments, apply};
use layers::Layer;
use planes::{Steps, conv};

/// A circuit with what its sources are set to.
pub struct Oracle<'a> {
    document: &'a Document,
    inputs: &'a BTreeMap<String, Given>,
    scalar: Scalar,
}

/// One element of a wire that moves.
#[derive(Clone, Copy)]
struct Moving<'a> {
    wire: &'a str,
    element: usize,
}

/// Values by wire name, and the objective.
pub struct Values {
    wires: HashMap<String, Array>,
    objective: Array,
}

impl Values {
    /// A wire's elements.
    pub fn wire(&self, name: &str) -> Result<Vec<f64>, String> {
        let wire = self.wires.get(name).ok_or_else(|| format!("the oracle knows no wire `{name}`"))?;
        Ok(wire.elements.iter().map(|element| element.v).collect())
    }

    /// A wire's shape.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.wires.get(name).map(|wire| &wire.shape[..])
    }

    /// The objective's value.
    pub fn objective(&self) -> f64 {
        self.objective.elements[0].v
    }

    /// The names of all wires that have one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.wires.keys().map(String::as_str)
    }
}

impl<'a> Oracle<'a> {
    /// A circuit, and the inputs, labels and params that are set; others are as
    /// the text says.
    pub fn new(document: &'a Document, inputs: &'a BTreeMap<String, Given>) -> Self {
        Oracle { document, inputs, scalar: Scalar::F64 }
    }

    /// The same, all numbers of the text and all that is set rounded to a scalar
    /// first; what is computed with them is still in f64.
    pub fn rounded_to(self, scalar: Scalar) -> Self {
        Oracle { scalar, ..self }
    }

    /// All values.
    ///
    /// # Errors
    ///
    /// What the oracle cannot read, in words.
    pub fn values(&self) -> Result<Values, String> {
        self.walk(None)
    }

    /// The gradient of a wire, or of the objective, by one element of a wire.
    ///
    /// # Errors
    ///
    /// As [`Oracle::values`].
    pub fn partial(&self, of: Option<&str>, wire: &str, element: usize) -> Result<f64, String> {
        let moved = self.walk(Some(Moving { wire, element }))?;
        let of = match of {
            Some(name) => moved.wires.get(name).ok_or_else(|| format!("the oracle knows no wire `{name}`"))?,
            None => &moved.objective,
        };
        Ok(of.only()?.t)
    }

    /// The gradient by all elements of a wire.
    ///
    /// # Errors
    ///
    /// As [`Oracle::values`].
    pub fn gradient(&self, of: Option<&str>, wire: &str) -> Result<Vec<f64>, String> {
        let count = self.values()?.wire(wire)?.len();
        (0..count).map(|element| self.partial(of, wire, element)).collect()
    }

    fn walk(&self, moving: Option<Moving>) -> Result<Values, String> {
        let mut walk = Walk { oracle: self, moving, wires: HashMap::new(), layers: HashMap::new() };
        let mut objective = None;
        for statement in &self.document.statements {
            match statement {
                Statement::Input(source) | Statement::Param(source) => {
                    let shape: Vec<usize> = source.shape.iter().map(|size| size.value).collect();
                    walk.source(&source.name.text, &shape, source.value)?;
                }
                Statement::Label(label) => {
                    let shape: Vec<usize> = label.shape.iter().map(|size| size.value).collect();
                    walk.source(&label.name.text, &shape, label.value)?;
                }
                Statement::Layer { name, kind } => {
                    walk.layers.insert(&name.text, kind);
                }
                Statement::Define { name, value } => {
                    let array = walk.expression(*value)?;
                    walk.define(name.text.clone(), array);
                }
                Statement::Objective { value, .. } => objective = Some(walk.expression(*value)?),
                Statement::Formula(value) => objective = Some(walk.expression(*value)?),
                Statement::Block { .. } | Statement::Freeze(_) => {}
                Statement::Normalize(names) => names.iter().try_for_each(|name| walk.normalize(&name.text))?,
            }
        }
        let objective = objective.ok_or("the circuit has no objective")?;
        Ok(Values { wires: walk.wires, objective })
    }
}

/// The state of one walk over a document.
struct Walk<'a> {
    oracle: &'a Oracle<'a>,
    moving: Option<Moving<'a>>,
    wires: HashMap<String, Array>,
    layers: HashMap<&'a str, &'a Call>,
}

impl<'a> Walk<'a> {
    fn define(&mut self, name: String, mut array: Array) {
        if let Some(moving) = self.moving
            && moving.wire == name
            && let Some(element) = array.elements.get_mut(moving.element)
        {
            element.t += 1.0;
        }
        self.wires.insert(name, array);
    }

    fn source(&mut self, name: &str, shape: &[usize], value: Option<ExprId>) -> Result<(), String> {
        let count = shape.iter().product();
        let array = match (self.oracle.inputs.get(name), value) {
            (Some(given), _) => {
                let numbers = given.numbers(count).map_err(|error| format!("`{name}`: {error}"))?;
                let numbers: Vec<f64> = numbers.iter().map(|&number| self.oracle.scalar.round(number)).collect();
                Array::fixed(shape, &numbers)
            }
            (None, Some(value)) => {
                let array = self.expression(value)?;
                if array.elements.len() != count {
                    return Err(format!("`{name}` has {count} elements, not {}", array.elements.len()));
                }
                Array { shape: shape.to_vec(), ..array }
            }
            (None, None) => return Err(format!("`{name}` has no value")),
        };
        self.define(name.to_owned(), array);
        Ok(())
    }

    /// x − mean, over deviation; from here on x stands for it.
    fn normalize(&mut self, name: &str) -> Result<(), String> {
        let shape = self.wires.get(name).ok_or_else(|| format!("the oracle knows no wire `{name}`"))?.shape.clone();
        for own in ["mean", "deviation"] {
            self.source(&format!("{name}.{own}"), &shape, None)?;
        }
        let [x, mean, deviation] = ["", ".mean", ".deviation"].map(|own| self.wires[&format!("{name}{own}")].clone());
        let centred = apply("sub", &Arguments { wires: vec![&x, &mean], settings: Vec::new() })?;
        let normalized = apply("div", &Arguments { wires: vec![&centred, &deviation], settings: Vec::new() })?;
        self.define(format!("{name}.normalized"), normalized);
        Ok(())
    }

    /// The value of an expression, without recursion: its nodes in the order
    /// in which they can be computed.
    fn expression(&mut self, id: ExprId) -> Result<Array, String> {
        let document = self.oracle.document;
        let mut order = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            order.push(id);
            open.extend(document.operands(id));
        }
        let mut known: HashMap<usize, Array> = HashMap::new();
        for id in order.into_iter().rev() {
            let array = self.node(id, &known).map_err(|error| format!("{:?}: {error}", document.span(id)))?;
            known.insert(id.position(), array);
        }
        known.remove(&id.position()).ok_or_else(|| "nothing to compute".into())
    }

    fn node(&mut self, id: ExprId, known: &HashMap<usize, Array>) -> Result<Array, String> {
        let at = |id: ExprId| known.get(&id.position()).ok_or("an operand comes after its reader");
        match &self.oracle.document.node(id).kind {
            Expr::Number(text) => {
                let number: f64 = text.parse().map_err(|error| format!("`{text}`: {error}"))?;
                Ok(Array::scalar(fixed(self.oracle.scalar.round(number))))
            }
            Expr::Name(name) => {
                let normalized = self.wires.get(&format!("{name}.normalized"));
                normalized
                    .or_else(|| self.wires.get(name))
                    .cloned()
                    .ok_or_else(|| format!("the oracle knows no wire `{name}`"))
            }
            Expr::Quoted(text) => Err(format!("\"{text}\" is no number")),
            Expr::Negate(of) => Ok(at(*of)?.map(|x| -x)),
            Expr::Binary { operator, left, right, .. } => {
                let name = match operator {
                    Operator::Add => "add",
                    Operator::Subtract => "sub",
                    Operator::Multiply => "mul",
                    Operator::Divide => "div",
                    Operator::Power => "pow",
                };
                apply(name, &Arguments { wires: vec![at(*left)?, at(*right)?], settings: Vec::new() })
            }
            Expr::Index { of, places, .. } => {
                let of = at(*of)?;
                let range = |(dimension, place): (usize, &Place)| match place {
                    Place::At(at) => (at.value, at.value + 1, true),
                    Place::Range { start, end, .. } => {
                        let size = of.shape.get(dimension).copied().unwrap_or(0);
                        (start.map_or(0, |start| start.value), end.map_or(size, |end| end.value), false)
                    }
                };
                of.part(&places.iter().enumerate().map(range).collect::<Vec<_>>())
            }
            Expr::List(items) => {
                let items: Vec<&Array> = items.iter().map(|item| at(*item)).collect::<Result<_, _>>()?;
                let mut shape = vec![items.len()];
                shape.extend(items.first().map(|item| item.shape.clone()).unwrap_or_default());
                Ok(Array { shape, elements: items.iter().flat_map(|item| item.elements.clone()).collect() })
            }
            Expr::Call(call) => {
                let mut arguments = Arguments { wires: Vec::new(), settings: Vec::new() };
                for argument in &call.arguments {
                    match &argument.name {
                        Some(name) => arguments.settings.push((&name.text, at(argument.value)?.only()?.v)),
                        None => arguments.wires.push(at(argument.value)?),
                    }
                }
                match self.layers.get(call.name.text.as_str()).copied() {
                    Some(kind) => {
                        let input = (*arguments.wires.first().ok_or("a layer reads a wire")?).clone();
                        self.layer(&call.name.text, kind, &input)
                    }
                    None => apply(&call.name.text, &arguments),
                }
            }
        }
    }

    /// A layer of this kind, its params as the text names them.
    fn layer(&mut self, name: &str, kind: &Call, input: &Array) -> Result<Array, String> {
        if kind.name.text.starts_with("conv") {
            return self.conv_layer(name, kind, input);
        }
        let is_relu = kind.arguments.iter().any(
            |argument| matches!(&self.oracle.document.node(argument.value).kind, Expr::Name(word) if word == "relu"),
        );
        let eps = self.told(kind, "eps", 0)?.unwrap_or(1e-5);
        let layer = Layer::of(
            &kind.name.text,
            input.shape.last().copied().unwrap_or(1),
            self.told(kind, "out", 0)?,
            self.oracle.scalar.round(eps),
            [is_relu, self.has_bias(kind)],
        )?;
        for (own, shape) in layer.params() {
            let full = format!("{name}.{own}");
            if !self.wires.contains_key(&full) {
                self.source(&full, &shape, None)?;
            }
        }
        layer.apply(input, |own| &self.wires[&format!("{name}.{own}")])
    }

    /// A convolution: W is [out, in / groups, kernel…].
    fn conv_layer(&mut self, name: &str, kind: &Call, input: &Array) -> Result<Array, String> {
        let whole = |name: &str, at: usize| Ok::<_, String>(self.told(kind, name, at)?.map(|number: usize| number));
        let outputs = whole("out", 0)?.ok_or("a layer has a size")?;
        let kernel = whole("kernel", 1)?.ok_or("a convolution has a kernel")?;
        let steps = Steps { stride: whole("stride", 2)?.unwrap_or(1), padding: whole("padding", 3)?.unwrap_or(0) };
        let groups = whole("groups", 4)?.unwrap_or(1);
        let dimensions = if kind.name.text == "conv1d" { 1 } else { 2 };
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        if !self.wires.contains_key(&weight) {
            let inputs = input.shape.first().unwrap_or(&0) / groups;
            self.source(&weight, &[vec![outputs, inputs], vec![kernel; dimensions]].concat(), None)?;
            if self.has_bias(kind) {
                self.source(&bias, &[outputs], None)?;
            }
        }
        conv(input, &self.wires[&weight], self.wires.get(&bias), steps, groups)
    }

    /// Whether a layer has a bias: unless the text says `bias = false`.
    fn has_bias(&self, kind: &Call) -> bool {
        kind.arguments.iter().all(|argument| {
            argument.name.as_ref().is_none_or(|name| name.text != "bias")
                || self.oracle.document.plain_name(argument.value).is_none_or(|word| word.text != "false")
        })
    }

    /// A number of a layer, by name or by place.
    fn told<N: FromStr<Err: Display>>(&self, kind: &Call, name: &str, at: usize) -> Result<Option<N>, String> {
        let named = kind.arguments.iter().find(|argument| argument.name.as_ref().is_some_and(|own| own.text == name));
        let placed = kind.arguments.get(at).filter(|argument| argument.name.is_none());
        let Some(argument) = named.or(placed) else { return Ok(None) };
        let Expr::Number(text) = &self.oracle.document.node(argument.value).kind else {
            return Err(format!("`{name}` is a number"));
        };
        text.parse().map(Some).map_err(|error| format!("`{text}`: {error}"))
    }
}

#[cfg(test)]
mod tests;
