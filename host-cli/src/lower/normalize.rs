//! `normalize x`: x − mean, over deviation, both gates of the circuit and both frozen params of it,
//! so that they are saved with the weights and are the same on every engine. Until training fits
//! them to its rows they are 0 and 1.

use chainrule::{BuildError, Init, Wire};

use super::build::Lowering;
use super::error::LowerError;
use super::layers::Start;
use crate::data::columns::Role;
use crate::text::ast::Name;
use crate::text::literal::Readable;

/// An input that is brought to mean 0 and deviation 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normalized {
    /// The input.
    pub input: Wire,
    /// The param that is subtracted from it.
    pub mean: Wire,
    /// The param that it is then divided by.
    pub deviation: Wire,
}

impl<T: Readable> Lowering<'_, T> {
    /// From here on, the name of an input stands for the normalized wire.
    pub(super) fn normalize(&mut self, name: &Name) -> Result<(), LowerError> {
        let input = self.scope.wire(&name.text, name.span)?;
        let is_input = self.fields.iter().any(|field| field.wire == input && field.role == Role::Input);
        if !is_input {
            return Err(LowerError::NotAnInput { name: name.text.clone(), span: name.span });
        }
        let view = self.circuit.view();
        let reads =
            |wire: &Wire| view.gate(*wire).is_some_and(|gate| view.operands(gate).any(|operand| operand == input));
        if let Some(reader) = view.wires().find(reads) {
            let reader = self.spans.get(reader.index()).copied().unwrap_or_default();
            return Err(LowerError::NormalizedLate { name: name.text.clone(), span: name.span, reader });
        }
        let mean = self.fixed(name, "mean", input, Start::Zero)?;
        let deviation = self.fixed(name, "deviation", input, Start::Drawn(Init::Constant(T::ONE)))?;
        let centred = self.circuit.sub(input, mean).map_err(|error| self.refused(name, input, error))?;
        self.last(&format!("{}.centred", name.text), name.span)?;
        self.circuit.div(centred, deviation).map_err(|error| self.refused(name, input, error))?;
        let normalized = format!("{}.normalized", name.text);
        let wire = self.last(&normalized, name.span)?;
        self.scope.add(normalized, wire);
        self.scope.replace(&name.text, wire);
        self.normalized.push(Normalized { input, mean, deviation });
        Ok(())
    }

    /// A frozen param of the input's shape.
    fn fixed(&mut self, name: &Name, what: &str, input: Wire, start: Start<T>) -> Result<Wire, LowerError> {
        let made = self.circuit.param(self.shape(input)).and_then(|wire| self.circuit.set_frozen(wire, true));
        made.map_err(|error| self.refused(name, input, error))?;
        let param = format!("{}.{what}", name.text);
        let wire = self.last(&param, name.span)?;
        self.scope.add(param.clone(), wire);
        self.add_param(&param, wire, false, start);
        if let Some((param, _)) = self.params.last_mut() {
            (param.frozen, param.always_frozen, param.scales) = (true, true, true);
        }
        Ok(wire)
    }

    fn refused(&self, name: &Name, input: Wire, error: BuildError) -> LowerError {
        let gate = format!("`normalize {}`", name.text);
        LowerError::Gate { gate, span: name.span, operands: vec![(name.span, self.shape(input))], error }
    }
}
