//! `freeze`: the params that training leaves alone, by the names of layers and params.
//!
//! `freeze = [fc1, fc2.bias]` stands for all params of layer `fc1` and for one of `fc2`; the word
//! `weights`, where nothing of the circuit has that name, for all params that are no biases, so that
//! only biases train. A statement holds for every verb, a block's list for its own.

use chainrule::Wire;

use super::build::{Lowering, refuse};
use super::circuit::{Lowered, Param};
use super::error::LowerError;
use super::scope::Meaning;
use crate::text::ast::Name;
use crate::text::literal::Readable;
use crate::text::nearest::nearest;
use crate::text::{Source, SourceError, Span};

/// The word for all params that are no biases.
const WEIGHTS: &str = "weights";

impl<T> Param<T> {
    /// Whether it is a bias, by its name: `fc1.bias`, `gru.bias_ih`.
    pub fn is_bias(&self) -> bool {
        self.name.rsplit('.').next().is_some_and(|last| last.starts_with("bias"))
    }

    /// The layer or param that it goes by.
    fn head(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }
}

/// The params that a name stands for.
fn named<'p, T: 'p>(params: impl Iterator<Item = &'p Param<T>> + Clone, name: &Name) -> Result<Vec<Wire>, LowerError> {
    // What only brings inputs to scale never trains, and is no one's to freeze.
    let params = params.filter(|param| !param.scales);
    let stands = |param: &&Param<T>| param.name == name.text || param.head() == name.text;
    let mut found: Vec<Wire> = params.clone().filter(stands).map(|param| param.wire).collect();
    if found.is_empty() && name.text == WEIGHTS {
        found = params.clone().filter(|param| !param.is_bias()).map(|param| param.wire).collect();
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let known = params.clone().map(Param::head).chain(params.map(|param| param.name.as_str())).chain([WEIGHTS]);
    let nearest = nearest(&name.text, known).map(str::to_owned);
    Err(LowerError::NotFreezable { name: name.text.clone(), span: name.span, nearest })
}

impl<T: Readable> Lowering<'_, T> {
    /// Freezes what these names stand for, and returns what is wrong with them; a statement's
    /// params stay frozen whatever a block says.
    pub(super) fn freeze(&mut self, names: &[Name], by_statement: bool) -> Vec<LowerError> {
        let mut errors = Vec::new();
        for name in names {
            match self.stands_for(name) {
                Ok(wires) => self.freeze_wires(&wires, by_statement),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// What is wrong with these names, nothing frozen.
    pub(super) fn freezable(&self, names: &[Name]) -> Vec<LowerError> {
        names.iter().filter_map(|name| self.stands_for(name).err()).collect()
    }

    fn stands_for(&self, name: &Name) -> Result<Vec<Wire>, LowerError> {
        match self.scope.get(&name.text) {
            Some(Meaning::Broken) => Err(LowerError::Echo),
            // A layer that nothing uses is told as such.
            Some(Meaning::Layer(layer)) if self.layers.get(layer).is_some_and(|layer| layer.params.is_none()) => {
                Ok(Vec::new())
            }
            _ => named(self.params.iter().map(|(param, _)| param), name),
        }
    }

    fn freeze_wires(&mut self, wires: &[Wire], by_statement: bool) {
        for (param, _) in self.params.iter_mut().filter(|(param, _)| wires.contains(&param.wire)) {
            // A param of this circuit is never refused.
            param.frozen = self.circuit.set_frozen(param.wire, true).is_ok();
            param.always_frozen |= by_statement;
        }
    }
}

impl<T: Readable> Lowered<T> {
    /// Freezes what these names stand for instead of what the `train` block froze.
    ///
    /// # Errors
    /// [`LowerError::NotFreezable`]; nothing has changed then.
    pub fn freeze(&mut self, names: &[Name]) -> Result<(), LowerError> {
        let mut wires = Vec::new();
        for name in names {
            wires.extend(named(self.params.iter(), name)?);
        }
        for param in &mut self.params {
            param.frozen = param.always_frozen || wires.contains(&param.wire);
            let _ = self.circuit.set_frozen(param.wire, param.frozen);
        }
        Ok(())
    }

    /// [`Lowered::freeze`] from the command line: `fc1,fc2.bias`; empty for nothing.
    ///
    /// # Errors
    /// [`SourceError::Text`] at the first name that is none.
    pub fn freeze_told(&mut self, told: &str) -> Result<(), SourceError> {
        let mut names: Vec<Name> = Vec::new();
        let mut start = 0;
        for part in told.split(',') {
            let name = part.trim();
            let at = start + (part.len() - part.trim_start().len());
            if !name.is_empty() {
                names.push(Name { text: name.to_owned(), span: Span::new(at, at + name.len()) });
            }
            start += part.len() + 1;
        }
        self.freeze(&names).map_err(|error| refuse(&Source::new("--freeze", told), vec![error]))
    }

    /// How many numbers training changes.
    pub fn trained_len(&self) -> usize {
        self.params.iter().filter(|param| !param.frozen).map(|param| param.start.len()).sum()
    }
}
