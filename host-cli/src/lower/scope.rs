//! What each name of a text stands for.

use std::collections::HashMap;

use chainrule::Wire;

use super::error::LowerError;
use crate::text::Span;
use crate::text::ast::{Document, Name, Statement};
use crate::text::nearest::nearest;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A wire.
    Wire(Wire),
    /// A layer, by its place among the layers.
    Layer(usize),
    /// Something that was refused; what reads it is not told again.
    Broken,
}

/// All names: those that stand for something already, and those to come.
#[derive(Debug, Default)]
pub(super) struct Scope {
    known: HashMap<String, Meaning>,
    /// Where each name of the text is defined first.
    defined: HashMap<String, Span>,
}

/// The name that a statement defines.
pub(super) fn defines(statement: &Statement) -> Option<&Name> {
    match statement {
        Statement::Input(declared) | Statement::Param(declared) => Some(&declared.name),
        Statement::Label(label) => Some(&label.name),
        Statement::Layer { name, .. } | Statement::Define { name, .. } => Some(name),
        _ => None,
    }
}

impl Scope {
    /// The names that a document defines, none of them known yet.
    pub fn of(document: &Document) -> Self {
        let mut scope = Scope::default();
        for name in document.statements.iter().filter_map(defines) {
            scope.defined.entry(name.text.clone()).or_insert(name.span);
        }
        scope
    }

    /// Whether a statement defines this name somewhere.
    pub fn is_defined(&self, name: &str) -> bool {
        self.defined.contains_key(name)
    }

    /// Whether this name stands for something already.
    pub fn is_known(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// Gives a name of a statement its meaning, once.
    pub fn define(&mut self, name: &Name, meaning: Meaning) -> Result<(), LowerError> {
        match self.defined.get(&name.text) {
            Some(first) if *first != name.span => {
                Err(LowerError::Twice { name: name.text.clone(), span: name.span, first: *first })
            }
            _ => {
                self.known.insert(name.text.clone(), meaning);
                Ok(())
            }
        }
    }

    /// Gives a name that no statement defines its meaning: an intermediate, a
    /// layer's param, an input of a formula.
    pub fn add(&mut self, name: String, wire: Wire) {
        self.known.entry(name).or_insert(Meaning::Wire(wire));
    }

    /// From here on, a name stands for another wire.
    pub fn replace(&mut self, name: &str, wire: Wire) {
        self.known.insert(name.to_owned(), Meaning::Wire(wire));
    }

    /// A statement was refused; what it should have defined is not told again.
    pub fn give_up(&mut self, name: &Name) {
        self.known.entry(name.text.clone()).or_insert(Meaning::Broken);
    }

    /// What a name stands for, if anything.
    pub fn get(&self, name: &str) -> Option<Meaning> {
        self.known.get(name).copied()
    }

    /// The wire that a name stands for.
    pub fn wire(&self, name: &str, span: Span) -> Result<Wire, LowerError> {
        let owned = || name.to_owned();
        match self.known.get(name) {
            Some(Meaning::Wire(wire)) => Ok(*wire),
            Some(Meaning::Layer(_)) => Err(LowerError::LayerAsWire { name: owned(), span }),
            Some(Meaning::Broken) => Err(LowerError::Echo),
            None => match self.defined.get(name) {
                Some(at) => Err(LowerError::DefinedLater { name: owned(), span, at: *at }),
                None => Err(LowerError::UnknownName { name: owned(), span, nearest: self.nearest(name) }),
            },
        }
    }

    /// The known name nearest to this one, the first in the alphabet at a tie.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let mut known: Vec<&str> = self.known.keys().map(String::as_str).collect();
        known.sort_unstable();
        nearest(name, known).map(str::to_owned)
    }

    /// All names of wires.
    pub fn wires(self) -> HashMap<String, Wire> {
        let wire = |(name, meaning)| match meaning {
            Meaning::Wire(wire) => Some((name, wire)),
            _ => None,
        };
        self.known.into_iter().filter_map(wire).collect()
    }
}
