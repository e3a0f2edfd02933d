//! Calls that only arrange elements: `reshape(x, 1, 8, 8)`, `flatten(x)`, `concat(a, b, …)`.

use chainrule::{Op, Shape, Wire};

use super::arguments::Signature;
use super::build::Lowering;
use super::error::LowerError;
use crate::text::ast::{Call, ExprId};
use crate::text::literal::Readable;

impl<T: Readable> Lowering<'_, T> {
    /// `reshape(x, 1, 8, 8)`; `reshape(x)` makes a scalar of one element.
    pub(super) fn reshape(&mut self, call: &Call, at: (ExprId, Option<&str>)) -> Result<Wire, LowerError> {
        let arguments = by_place(call, "reshape(x, size, …)")?;
        let Some((&x, sizes)) = arguments.split_first() else {
            return Err(missing(call, "x", "reshape(x, size, …)"));
        };
        let mut dims = Vec::new();
        for size in sizes {
            dims.push(self.document.small_number(*size)?);
        }
        let shape = Shape::new(&dims).ok_or(LowerError::BadShape { span: call.name.span })?;
        self.reshaped(call, x, shape, at)
    }

    /// `flatten(x)` is a vector of all elements.
    pub(super) fn flatten(&mut self, call: &Call, at: (ExprId, Option<&str>)) -> Result<Wire, LowerError> {
        let bound = Signature { needed: &["x"], optional: &[] }.bind(self.document, call)?;
        let Some(&Some(x)) = bound.first() else { return Err(LowerError::Echo) };
        let wire = self.operand(x)?;
        let len = u16::try_from(self.shape(wire).len()).map_err(|_| LowerError::BadShape { span: call.name.span })?;
        self.reshaped(call, x, Shape::vector(len), at)
    }

    fn reshaped(
        &mut self,
        call: &Call,
        x: ExprId,
        shape: Shape,
        (id, name): (ExprId, Option<&str>),
    ) -> Result<Wire, LowerError> {
        let wire = self.operand(x)?;
        let added = self.circuit.reshape(wire, shape);
        let shown = format!("`{}`", call.name.text);
        added.map_err(|error| self.gate_refused(&shown, call.name.span, &[x], &[wire], error))?;
        self.driven(name, self.document.span(id))
    }

    /// `concat(a, b, c)` is a gate for each wire after the first.
    pub(super) fn concat(&mut self, call: &Call, (id, name): (ExprId, Option<&str>)) -> Result<Wire, LowerError> {
        let parts = by_place(call, "concat(a, b, …)")?;
        let [first, others @ .., last] = parts.as_slice() else {
            return Err(missing(call, "b", "concat(a, b, …)"));
        };
        let mut whole = self.operand(*first)?;
        for part in others.iter().chain([last]) {
            let wires = [whole, self.operand(*part)?];
            let added = self.circuit.add_gate(Op::Concat, &wires, &[]);
            added.map_err(|error| self.gate_refused("`concat`", call.name.span, &[*first, *part], &wires, error))?;
            whole = self.driven(name.filter(|_| part == last), self.document.span(id))?;
        }
        Ok(whole)
    }
}

/// Arguments that have no names.
fn by_place(call: &Call, takes: &str) -> Result<Vec<ExprId>, LowerError> {
    match call.arguments.iter().find_map(|argument| argument.name.as_ref()) {
        Some(name) => Err(LowerError::NoSuchArgument {
            name: name.text.clone(),
            span: name.span,
            nearest: None,
            takes: takes.to_owned(),
        }),
        None => Ok(call.arguments.iter().map(|argument| argument.value).collect()),
    }
}

fn missing(call: &Call, name: &str, takes: &str) -> LowerError {
    LowerError::MissingArgument { name: name.to_owned(), span: call.name.span, takes: takes.to_owned() }
}
