//! How a gate comes into the arrays of a circuit, whatever their capacities: all of it or nothing.

use crate::check::check;
use crate::circuit::CircuitRef;
use crate::error::BuildError;
use crate::gate::{Gate, NONE, Wire};
use crate::op::Op;
use crate::scalar::Scalar;
use crate::shape::Shape;
use heapless::VecView;

/// The arrays of a circuit without their capacities: what the building code works on.
pub(super) struct Parts<'a, T> {
    pub(super) gates: &'a mut VecView<Gate>,
    pub(super) shapes: &'a mut VecView<Shape>,
    pub(super) numbers: &'a mut VecView<T>,
    pub(super) attrs: &'a mut VecView<u16>,
}

impl<T: Scalar> Parts<'_, T> {
    pub(super) fn view(&self) -> CircuitRef<'_, T> {
        CircuitRef { gates: self.gates, shapes: self.shapes, numbers: self.numbers, attrs: self.attrs, objective: None }
    }

    pub(super) fn conv(
        &mut self,
        op: Op,
        x: Wire,
        weight: Wire,
        bias: Option<Wire>,
        integers: &[u16],
    ) -> Result<Wire, BuildError> {
        match bias {
            Some(bias) => self.add_gate(op, &[x, weight, bias], integers, &[]),
            None => self.add_gate(op, &[x, weight], integers, &[]),
        }
    }

    /// Adds a gate with its shape found from its operands, or nothing at all.
    pub(super) fn add_gate(
        &mut self,
        op: Op,
        operands: &[Wire],
        integers: &[u16],
        numbers: &[T],
    ) -> Result<Wire, BuildError> {
        let (attrs, count) = (self.attrs.len(), self.numbers.len());
        let result = self.add_gate_parts(op, operands, integers, numbers);
        if result.is_err() {
            self.attrs.truncate(attrs);
            self.numbers.truncate(count);
        }
        result
    }

    fn add_gate_parts(
        &mut self,
        op: Op,
        operands: &[Wire],
        integers: &[u16],
        numbers: &[T],
    ) -> Result<Wire, BuildError> {
        let lists_numbers = op.lists_numbers();
        if numbers.len() != op.attributes()
            || integers.len() + usize::from(lists_numbers) != op.integers()
            || op.is_source()
            || matches!(op, Op::Slice | Op::Reshape)
            || operands.len() > op.operands()
        {
            return Err(BuildError::BadRecord);
        }
        let in_order = numbers.iter().zip(numbers.iter().skip(1)).all(|(lo, hi)| lo <= hi);
        if !in_order || !numbers.iter().all(|&x| in_domain(op, x)) {
            return Err(BuildError::BadBounds);
        }
        let (mut a, mut b, mut c) = (NONE, NONE, NONE);
        let place = u16::try_from(self.numbers.len()).map_err(|_| BuildError::NumbersFull(usize::from(NONE)))?;
        if !numbers.is_empty() {
            c = place;
            self.push_numbers(numbers)?;
        }
        let in_record = op.operands() - op.listed_operands();
        if op.listed_operands() + op.integers() > 0 {
            c = u16::try_from(self.attrs.len()).map_err(|_| BuildError::AttributesFull(usize::from(NONE)))?;
            for n in in_record..op.operands() {
                self.push_attrs(&[operands.get(n).map_or(NONE, |wire| wire.raw())])?;
            }
            self.push_attrs(integers)?;
            if lists_numbers {
                self.push_attrs(&[place])?;
            }
        }
        for (field, wire) in [&mut a, &mut b, &mut c].into_iter().zip(operands).take(in_record) {
            *field = wire.raw();
        }
        // `check` has the last word on the shape. It is asked with a table that has a scalar in it:
        // every operation that comes here derives its shape from its operands.
        let view = self.view();
        let scalar = [Shape::SCALAR];
        let shapes = if view.shapes.is_empty() { &scalar } else { view.shapes };
        let shape = check(&CircuitRef { shapes, ..view }, &Gate { op, shape: 0, a, b, c }, view.gates.len())?;
        self.push(op, shape, [a, b, c], &[])
    }

    pub(super) fn push_shape(&mut self, shape: Shape) -> Result<(), BuildError> {
        let full = BuildError::ShapesFull(self.shapes.capacity());
        self.shapes.push(shape).map_err(|_| full)
    }

    #[cfg(feature = "keep")]
    pub(super) fn push_attr(&mut self, attr: u16) -> Result<(), BuildError> {
        let full = BuildError::AttributesFull(self.attrs.capacity());
        self.attrs.push(attr).map_err(|_| full)
    }

    #[cfg(feature = "keep")]
    pub(super) fn push_number(&mut self, number: T) -> Result<(), BuildError> {
        let full = BuildError::NumbersFull(self.numbers.capacity());
        self.numbers.push(number).map_err(|_| full)
    }

    pub(super) fn push_attrs(&mut self, attrs: &[u16]) -> Result<(), BuildError> {
        let full = BuildError::AttributesFull(self.attrs.capacity());
        self.attrs.extend_from_slice(attrs).map_err(|_| full)
    }

    pub(super) fn push_numbers(&mut self, numbers: &[T]) -> Result<(), BuildError> {
        let full = BuildError::NumbersFull(self.numbers.capacity());
        self.numbers.extend_from_slice(numbers).map_err(|_| full)
    }

    /// Adds a gate with its shape and its numbers, or nothing at all.
    pub(super) fn push(
        &mut self,
        op: Op,
        shape: Shape,
        [a, b, c]: [u16; 3],
        numbers: &[T],
    ) -> Result<Wire, BuildError> {
        let (shapes, count) = (self.shapes.len(), self.numbers.len());
        let result = self.push_parts(op, shape, [a, b, c], numbers);
        if result.is_err() {
            self.shapes.truncate(shapes);
            self.numbers.truncate(count);
        }
        result
    }

    fn push_parts(&mut self, op: Op, shape: Shape, [a, b, c]: [u16; 3], numbers: &[T]) -> Result<Wire, BuildError> {
        let row = match self.shapes.iter().position(|&known| known == shape) {
            Some(row) => row,
            None => {
                self.push_shape(shape)?;
                self.shapes.len() - 1
            }
        };
        let row = u8::try_from(row).map_err(|_| BuildError::ShapesFull(256))?;
        self.push_numbers(numbers)?;
        self.push_record(Gate { op, shape: row, a, b, c })
    }

    pub(super) fn push_record(&mut self, gate: Gate) -> Result<Wire, BuildError> {
        let index = self.gates.len();
        let shape = check(&self.view(), &gate, index)?;
        let told = self.shapes.get(usize::from(gate.shape)).copied().ok_or(BuildError::BadRecord)?;
        if shape != told {
            return Err(BuildError::ShapeMismatch { left: shape, right: told });
        }
        let full = BuildError::GatesFull(self.gates.capacity().min(Wire::MAX));
        if index >= Wire::MAX {
            return Err(full);
        }
        self.gates.push(gate).map_err(|_| full)?;
        Ok(Wire::at(index as u16))
    }
}

/// Whether a gate of this operation can have this number among its own.
fn in_domain<T: Scalar>(op: Op, x: T) -> bool {
    match op {
        Op::LayerNorm | Op::Huber => x > T::ZERO && x.is_finite(),
        Op::Dropout | Op::SmoothCrossEntropy => x >= T::ZERO && x < T::ONE,
        _ => !x.is_nan(),
    }
}
