//! Wires that no gate drives, inputs, labels and params, and their values.

use chainrule::{Shape, Wire};

use super::build::Lowering;
use super::circuit::{Fed, HostCircuit, Lowered, Param};
use super::error::LowerError;
use super::layers::Start;
use super::scope::Meaning;
use crate::data::columns::Role;
use crate::text::ast::{Declaration, Expr, ExprId, Label, Name, Span, Statement, Whole};
use crate::text::literal::{Literal, Readable};
use crate::text::source::Given;

impl<T: Readable> Lowering<'_, T> {
    pub(super) fn input(&mut self, declared: &Declaration) -> Result<(), LowerError> {
        let shape = declared_shape(&declared.shape)?;
        let value = self.literal_for(&declared.name.text, shape, declared.value)?;
        let wire = self.source(&declared.name, |circuit| circuit.input(shape))?;
        self.feed(&declared.name, wire, Role::Input, value);
        Ok(())
    }

    pub(super) fn label(&mut self, label: &Label) -> Result<(), LowerError> {
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

    pub(super) fn param(&mut self, declared: &Declaration) -> Result<(), LowerError> {
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
            shape.rotate_right(1);
        }
        let param = Param {
            wire,
            name: name.to_owned(),
            shape,
            transposed,
            start: Vec::new(),
            frozen: false,
            always_frozen: false,
            scales: false,
        };
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

    fn literal_for(&self, name: &str, shape: Shape, value: Option<ExprId>) -> Result<Option<Vec<T>>, LowerError> {
        value.map(|id| fitting(name, shape, &self.document.literal(id)?)).transpose()
    }

    /// In a formula, names that nothing defines are inputs.
    pub(super) fn formula_inputs(&mut self, given: &[Given]) -> Result<(), LowerError> {
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
