//! The walk over a text's statements.

use std::collections::HashMap;

use chainrule::{Random, Shape, Wire};

use super::circuit::{Fed, HostCircuit, Lowered, Param};
use super::error::LowerError;
use super::layers::{Layer, Start};
use super::scope::{Meaning, Scope, defines};
use super::settings::{self, Training};
use crate::data::columns::Role;
use crate::text::ast::{Declaration, Document, Expr, ExprId, Goal, Label, Name, Span, Statement, Whole};
use crate::text::literal::{Literal, Readable};
use crate::text::source::{Given, SourceError, Written};
use crate::text::{Diagnostic, Form};

/// What is built so far.
pub(super) struct Lowering<'a, T> {
    pub(super) document: &'a Document,
    pub(super) circuit: Box<HostCircuit<T>>,
    pub(super) scope: Scope,
    pub(super) layers: Vec<Layer<'a, T>>,
    /// Constants that are there already, by shape and bits.
    pub(super) constants: HashMap<(Shape, Vec<u64>), Wire>,
    /// The wire of each node that drives one.
    pub(super) wires: Vec<Option<Wire>>,
    /// What intermediates are named after, and how many there are.
    pub(super) place: (String, usize),
    names: Vec<String>,
    spans: Vec<Span>,
    fields: Vec<Fed<T>>,
    params: Vec<(Param<T>, Start<T>)>,
    normalized: Vec<Wire>,
    objective: Option<Span>,
}

/// Lowers a text, with the values that the command line gives.
///
/// `seed` is for the params' first values, instead of the `train` block's.
///
/// # Errors
///
/// [`SourceError::Text`] with all that is wrong in the text, or else in the
/// first wrong argument.
pub fn lower<T: Readable>(written: &Written, given: &[Given], seed: Option<u64>) -> Result<Lowered<T>, SourceError> {
    let mut lowering = Lowering::new(&written.document);
    let mut errors = Vec::new();
    let folder = &written.folder;
    let training = settings::block(&written.document, "train", folder).unwrap_or_else(|mut wrong| {
        errors.append(&mut wrong);
        None
    });
    let adapting = settings::block(&written.document, "adapt", folder).unwrap_or_else(|mut wrong| {
        errors.append(&mut wrong);
        None
    });
    if written.form == Form::Formula {
        lowering.formula_inputs(given).unwrap_or_else(|error| errors.push(error));
    }
    for statement in &written.document.statements {
        if let Err(error) = lowering.statement(statement) {
            errors.push(error);
            if let Some(name) = defines(statement) {
                lowering.scope.give_up(name);
            }
        }
    }
    // A layer has params once it is used, which may be below the `freeze`.
    let in_text = written.document.statements.iter().filter_map(|statement| match statement {
        Statement::Freeze(names) => Some(names),
        _ => None,
    });
    let in_block = training.iter().map(|training: &Training<T>| &training.freeze);
    for name in in_text.chain(in_block).flatten() {
        lowering.freeze(name).unwrap_or_else(|error| errors.push(error));
    }
    if errors.is_empty() {
        errors.extend(lowering.unused_layers());
    }
    if errors.is_empty() && written.form == Form::Formula {
        lowering.formula_objective().unwrap_or_else(|error| errors.push(error));
    }
    if !errors.is_empty() {
        return Err(refuse(&written.source, errors));
    }
    let training = training.unwrap_or_default();
    let mut random = Random::new(seed.unwrap_or(training.seed));
    let mut lowered = lowering.finish(training, adapting, &mut random);
    lowered.random = random;
    for given in given {
        lowered.give(given).map_err(|error| refuse(&given.source, vec![error]))?;
    }
    Ok(lowered)
}

fn refuse(source: &crate::text::Source, mut errors: Vec<LowerError>) -> SourceError {
    errors.retain(|error| *error != LowerError::Echo);
    let mut errors: Vec<Diagnostic> = errors.iter().map(LowerError::diagnostic).collect();
    errors.sort_by_key(|error| error.at.start);
    SourceError::Text { source: source.clone(), errors }
}

/// An empty circuit on the heap; a frame of its own, since it passes the stack.
#[inline(never)]
fn empty<T: Readable>() -> Box<HostCircuit<T>> {
    Box::new(HostCircuit::new())
}

impl<'a, T: Readable> Lowering<'a, T> {
    fn new(document: &'a Document) -> Self {
        Lowering {
            document,
            circuit: empty(),
            scope: Scope::of(document),
            layers: Vec::new(),
            constants: HashMap::new(),
            wires: vec![None; document.nodes.len()],
            place: (String::new(), 0),
            names: Vec::new(),
            spans: Vec::new(),
            fields: Vec::new(),
            params: Vec::new(),
            normalized: Vec::new(),
            objective: None,
        }
    }

    fn statement(&mut self, statement: &'a Statement) -> Result<(), LowerError> {
        match statement {
            Statement::Input(declared) => self.input(declared),
            Statement::Param(declared) => self.param(declared),
            Statement::Label(label) => self.label(label),
            Statement::Layer { name, kind } => {
                let layer = Layer::read(self.document, name, kind)?;
                self.scope.define(name, Meaning::Layer(self.layers.len()))?;
                self.layers.push(layer);
                Ok(())
            }
            Statement::Define { name, value } => {
                let wire = self.named(&name.text, *value)?;
                self.scope.define(name, Meaning::Wire(wire))
            }
            Statement::Objective { goal, word, value } => {
                let name = self.free_name(match goal {
                    Goal::Maximize => "objective",
                    Goal::Minimize => "loss",
                });
                let wire = self.named(&name, *value)?;
                self.scope.add(name, wire);
                if let Some(first) = self.objective {
                    return Err(LowerError::TwoObjectives { span: *word, first });
                }
                self.aim(*goal, wire, *word, self.document.span(*value))
            }
            Statement::Formula(value) => {
                let name = self.free_name("f");
                let wire = self.named(&name, *value)?;
                self.scope.add(name, wire);
                Ok(())
            }
            Statement::Block { .. } | Statement::Freeze(_) => Ok(()),
            Statement::Normalize(names) => names.iter().try_for_each(|name| self.normalize(name)),
        }
    }

    /// `wanted`, or with a number if that name is taken.
    fn free_name(&self, wanted: &str) -> String {
        let taken = |name: &String| self.scope.is_defined(name) || self.scope.is_known(name);
        let numbered = (2..).map(|n| format!("{wanted}{n}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    fn aim(&mut self, goal: Goal, wire: Wire, word: Span, span: Span) -> Result<(), LowerError> {
        match goal {
            Goal::Maximize => self.circuit.maximize(wire),
            Goal::Minimize => self.circuit.minimize(wire),
        }
        .map_err(|_| LowerError::ObjectiveShape { span, shape: self.shape(wire) })?;
        self.objective = Some(word);
        Ok(())
    }

    fn input(&mut self, declared: &Declaration) -> Result<(), LowerError> {
        let shape = declared_shape(&declared.shape)?;
        let value = self.literal_for(&declared.name.text, shape, declared.value)?;
        let wire = self.source(&declared.name, |circuit| circuit.input(shape))?;
        self.feed(&declared.name, wire, Role::Input, value);
        Ok(())
    }

    fn label(&mut self, label: &Label) -> Result<(), LowerError> {
        let mut shape = declared_shape(&label.shape)?;
        let role = match label.classes {
            None => Role::Target,
            Some(classes) => {
                shape = Shape::SCALAR;
                if let Some(size) = label.shape.first() {
                    return Err(LowerError::Wanted { what: "no dimensions for a label with classes", span: size.span });
                }
                Role::Class(classes.value)
            }
        };
        let value = self.literal_for(&label.name.text, shape, label.value)?;
        if let (Role::Class(classes), Some(value), Some(id)) = (role, &value, label.value) {
            check_class(&label.name.text, classes, value, self.document.span(id))?;
        }
        let wire = match label.classes {
            None => self.source(&label.name, |circuit| circuit.input(shape))?,
            Some(classes) => {
                let small = u16::try_from(classes.value).map_err(|_| LowerError::BadShape { span: classes.span })?;
                self.circuit.label(small).map_err(|error| LowerError::Gate {
                    gate: "a label".into(),
                    span: classes.span,
                    operands: Vec::new(),
                    error,
                })?;
                let wire = self.last(&label.name.text, label.name.span)?;
                self.scope.define(&label.name, Meaning::Wire(wire))?;
                wire
            }
        };
        self.feed(&label.name, wire, role, value);
        Ok(())
    }

    fn param(&mut self, declared: &Declaration) -> Result<(), LowerError> {
        let shape = declared_shape(&declared.shape)?;
        let start = match declared.value {
            None => Start::Zero,
            Some(id) => match self.document.node(id).kind {
                Expr::Name(_) | Expr::Call(_) => Start::read(self.document, id)?,
                _ => Start::Given(self.literal_for(&declared.name.text, shape, Some(id))?.unwrap_or_default()),
            },
        };
        let wire = self.source(&declared.name, |circuit| circuit.param(shape))?;
        self.add_param(&declared.name.text, wire, false, start);
        Ok(())
    }

    /// Keeps a param's names and start.
    pub(super) fn add_param(&mut self, name: &str, wire: Wire, transposed: bool, start: Start<T>) {
        let mut shape: Vec<usize> = self.shape(wire).dims().iter().map(|size| usize::from(*size)).collect();
        if transposed {
            shape.reverse();
        }
        let param = Param { wire, name: name.to_owned(), shape, transposed, start: Vec::new(), frozen: false };
        self.params.push((param, start));
    }

    fn feed(&mut self, name: &Name, wire: Wire, role: Role, value: Option<Vec<T>>) {
        let shape = self.shape(wire);
        self.fields.push(Fed { wire, name: name.text.clone(), shape, role, value, span: name.span });
    }

    /// A wire that no gate drives, under its name.
    fn source(
        &mut self,
        name: &Name,
        add: impl FnOnce(&mut HostCircuit<T>) -> Result<Wire, chainrule::BuildError>,
    ) -> Result<Wire, LowerError> {
        add(&mut self.circuit).map_err(|error| LowerError::Gate {
            gate: format!("`{}`", name.text),
            span: name.span,
            operands: Vec::new(),
            error,
        })?;
        let wire = self.last(&name.text, name.span)?;
        self.scope.define(name, Meaning::Wire(wire))?;
        Ok(wire)
    }

    /// Names the wire that was driven last.
    pub(super) fn last(&mut self, name: &str, span: Span) -> Result<Wire, LowerError> {
        let view = self.circuit.view();
        let wire = view.len().checked_sub(1).and_then(|last| view.wire(last)).ok_or(LowerError::Echo)?;
        self.names.push(name.to_owned());
        self.spans.push(span);
        Ok(wire)
    }

    pub(super) fn shape(&self, wire: Wire) -> Shape {
        self.circuit.view().shape(wire)
    }

    fn literal_for(&self, name: &str, shape: Shape, value: Option<ExprId>) -> Result<Option<Vec<T>>, LowerError> {
        value.map(|id| fitting(name, shape, &self.document.literal(id)?)).transpose()
    }

    /// In a formula, names that nothing defines are inputs.
    fn formula_inputs(&mut self, given: &[Given]) -> Result<(), LowerError> {
        let document = self.document;
        for statement in &document.statements {
            let root = match statement {
                Statement::Define { value, .. } | Statement::Objective { value, .. } | Statement::Formula(value) => {
                    *value
                }
                _ => continue,
            };
            for id in document.within(root) {
                let Some(name) = document.plain_name(id) else { continue };
                let old = self.scope.is_defined(&name.text) || self.scope.is_known(&name.text);
                if old || name.text.contains('.') {
                    continue;
                }
                let value = given.iter().find(|given| given.name.text == name.text);
                let sizes: Vec<Whole> = value
                    .map_or(&[][..], |given| &given.value.shape)
                    .iter()
                    .map(|size| Whole { value: *size, span: name.span })
                    .collect();
                let shape = declared_shape(&sizes)?;
                let wire = self.source(&name, |circuit| circuit.input(shape))?;
                self.feed(&name, wire, Role::Input, None);
            }
        }
        Ok(())
    }

    /// In a formula, the last gate is the objective.
    fn formula_objective(&mut self) -> Result<(), LowerError> {
        if self.objective.is_some() {
            return Ok(());
        }
        let last = self.document.statements.iter().rev().find_map(|statement| match statement {
            Statement::Define { value, .. } | Statement::Formula(value) => Some(*value),
            _ => None,
        });
        let Some(value) = last else { return Ok(()) };
        let span = self.document.span(value);
        let wire = self.operand(value)?;
        self.aim(Goal::Maximize, wire, span, span)
    }

    fn freeze(&mut self, name: &Name) -> Result<(), LowerError> {
        let refused = || LowerError::NotFreezable { name: name.text.clone(), span: name.span };
        let layer = match self.scope.get(&name.text) {
            Some(Meaning::Layer(layer)) => Some(layer),
            Some(Meaning::Broken) => return Err(LowerError::Echo),
            _ => None,
        };
        let mut found = false;
        for (param, _) in &mut self.params {
            let of_layer = layer.is_some() && param.name.split('.').next() == Some(name.text.as_str());
            if of_layer || (layer.is_none() && param.name == name.text) {
                self.circuit.set_frozen(param.wire, true).map_err(|_| refused())?;
                param.frozen = true;
                found = true;
            }
        }
        // A layer that nothing uses yet is told as such.
        if found || layer.is_some() { Ok(()) } else { Err(refused()) }
    }

    fn normalize(&mut self, name: &Name) -> Result<(), LowerError> {
        let wire = self.scope.wire(&name.text, name.span)?;
        let input = self.fields.iter().any(|field| field.wire == wire && field.role == Role::Input);
        if !input {
            return Err(LowerError::NotAnInput { name: name.text.clone(), span: name.span });
        }
        self.normalized.push(wire);
        Ok(())
    }

    fn unused_layers(&self) -> Vec<LowerError> {
        let unused = self.layers.iter().filter(|layer| layer.params.is_none());
        unused.map(|layer| LowerError::LayerUnused { name: layer.name.text.clone(), span: layer.name.span }).collect()
    }

    fn finish(self, training: Training<T>, adapting: Option<Training<T>>, random: &mut Random) -> Lowered<T> {
        let draw = |(mut param, start): (Param<T>, Start<T>)| {
            let shape = self.circuit.view().shape(param.wire);
            param.start = start.draw(shape, param.transposed, random);
            param
        };
        let params = self.params.into_iter().map(draw).collect();
        Lowered {
            random: random.clone(),
            params,
            fields: self.fields,
            normalized: self.normalized,
            training,
            adapting,
            names: self.names,
            spans: self.spans,
            by_name: self.scope.wires(),
            circuit: self.circuit,
        }
    }
}

impl<T: Readable> Lowered<T> {
    /// Sets a wire's value as the command line gives it.
    ///
    /// # Errors
    ///
    /// [`LowerError::UnknownName`], [`LowerError::Driven`],
    /// [`LowerError::ValueShape`], [`LowerError::NotAClass`] and what is wrong
    /// with a number.
    pub fn give(&mut self, given: &Given) -> Result<(), LowerError> {
        let name = &given.name;
        let Some(wire) = self.wire(&name.text) else {
            let settable =
                self.fields.iter().map(|field| &field.name).chain(self.params.iter().map(|param| &param.name));
            let nearest = crate::text::nearest::nearest(&name.text, settable.map(String::as_str));
            return Err(LowerError::NoSuchWire {
                name: name.text.clone(),
                span: name.span,
                nearest: nearest.map(str::to_owned),
            });
        };
        let values = fitting(&name.text, self.view().shape(wire), &given.value);
        if let Some(field) = self.fields.iter_mut().find(|field| field.wire == wire) {
            let values = values?;
            if let Role::Class(classes) = field.role {
                check_class(&name.text, classes, &values, given.value.span)?;
            }
            field.value = Some(values);
        } else if let Some(param) = self.params.iter_mut().find(|param| param.wire == wire) {
            param.start = values?;
        } else {
            return Err(LowerError::Driven { name: name.text.clone(), span: name.span });
        }
        Ok(())
    }
}

/// The shape that is declared by sizes.
fn declared_shape(sizes: &[Whole]) -> Result<Shape, LowerError> {
    let mut dims = Vec::new();
    for size in sizes {
        dims.push(u16::try_from(size.value).map_err(|_| LowerError::BadShape { span: size.span })?);
    }
    let all = sizes.iter().map(|size| size.span).reduce(Span::to).unwrap_or_default();
    Shape::new(&dims).ok_or(LowerError::BadShape { span: all })
}

/// The numbers of a literal, if it has the shape of its wire.
fn fitting<T: Readable>(name: &str, shape: Shape, literal: &Literal) -> Result<Vec<T>, LowerError> {
    if !shape.dims().iter().map(|size| usize::from(*size)).eq(literal.shape.iter().copied()) {
        return Err(LowerError::ValueShape {
            name: name.to_owned(),
            wire: shape,
            value: literal.shape.clone(),
            span: literal.span,
        });
    }
    Ok(literal.read()?)
}

fn check_class<T: Readable>(name: &str, classes: usize, value: &[T], span: Span) -> Result<(), LowerError> {
    let class = value.first().copied().unwrap_or(T::ZERO).to_f64();
    if class.fract() == 0.0 && (0.0..classes as f64).contains(&class) {
        Ok(())
    } else {
        Err(LowerError::NotAClass { name: name.to_owned(), classes, span })
    }
}
