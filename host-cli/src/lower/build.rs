//! The walk over a text's statements.

use std::collections::HashMap;

use chainrule::{Random, Shape, Wire};

use super::adapt::{self, Adapting};
use super::circuit::{Fed, HostCircuit, Lowered, Param};
use super::error::LowerError;
use super::kinds::LayerKind;
use super::layers::{Layer, Start};
use super::normalize::Normalized;
use super::scope::{Meaning, Scope, defines};
use super::settings::{self, Training};
use crate::text::ast::{Document, Goal, Span, Statement};
use crate::text::literal::Readable;
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
    pub(super) spans: Vec<Span>,
    pub(super) fields: Vec<Fed<T>>,
    pub(super) params: Vec<(Param<T>, Start<T>)>,
    pub(super) normalized: Vec<Normalized>,
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
    let training = settings::block(&written.document, folder).unwrap_or_else(|mut wrong| {
        errors.append(&mut wrong);
        None
    });
    let adapting = adapt::block(&written.document, training.as_ref(), folder).unwrap_or_else(|mut wrong| {
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
    for statement in &written.document.statements {
        if let Statement::Freeze(names) = statement {
            errors.extend(lowering.freeze(names, true));
        }
    }
    if let Some(training) = &training {
        errors.extend(lowering.freeze(&training.freeze, false));
    }
    if let Some(adapting) = &adapting {
        errors.extend(lowering.freezable(&adapting.freeze));
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
    let earlier = |at: usize, name: &str| given.iter().take(at).any(|given| given.name.text == name);
    for (at, given) in given.iter().enumerate() {
        if earlier(at, &given.name.text) {
            let (name, span) = (given.name.text.clone(), given.name.span);
            return Err(refuse(&given.source, vec![LowerError::GivenTwice { name, span }]));
        }
        lowered.give(given).map_err(|error| refuse(&given.source, vec![error]))?;
    }
    Ok(lowered)
}

pub(super) fn refuse(source: &crate::text::Source, mut errors: Vec<LowerError>) -> SourceError {
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
                let layer = Layer { name, kind: LayerKind::read(self.document, kind)?, params: None };
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

    fn unused_layers(&self) -> Vec<LowerError> {
        let unused = self.layers.iter().filter(|layer| layer.params.is_none());
        unused.map(|layer| LowerError::LayerUnused { name: layer.name.text.clone(), span: layer.name.span }).collect()
    }

    fn finish(self, training: Training<T>, adapting: Option<Adapting<T>>, random: &mut Random) -> Lowered<T> {
        let draw = |(mut param, start): (Param<T>, Start<T>)| {
            let shape = self.circuit.view().shape(param.wire);
            param.start = start.draw(shape, param.transposed, random);
            param
        };
        let params = self.params.into_iter().map(draw).collect();
        let mut by_name = self.scope.wires();
        // Outside of the text, the name of a normalized input is the input's own.
        by_name.extend(self.fields.iter().map(|field| (field.name.clone(), field.wire)));
        Lowered {
            random: random.clone(),
            params,
            fields: self.fields,
            normalized: self.normalized,
            training,
            adapting,
            names: self.names,
            spans: self.spans,
            by_name,
            circuit: self.circuit,
        }
    }
}
