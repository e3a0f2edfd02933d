//! The builder: a circuit put together gate by gate in arrays of fixed capacity.
//!
//! `Circuit` is a thin shell of capacities; the work is done by functions on slices and
//! [`heapless::VecView`], so that two capacities do not put the code into flash twice.

macro_rules! gates {
    ($($(#[$doc:meta])* $name:ident($($operand:ident),+) = $op:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`BuildError::UnknownWire`], [`BuildError::ShapeMismatch`], [`BuildError::GatesFull`],
            /// [`BuildError::ShapesFull`].
            pub fn $name(&mut self, $($operand: Wire),+) -> Result<Wire, BuildError> {
                self.add_gate(Op::$op, [$($operand),+].as_slice(), &[])
            }
        )*
    };
}

mod elementwise;
mod losses;
mod parts;
#[cfg(feature = "keep")]
mod records;
mod structured;

use crate::circuit::{CircuitRef, Objective};
use crate::error::BuildError;
use crate::gate::{Gate, Wire};
use crate::op::Op;
use crate::scalar::Scalar;
use crate::shape::Shape;
use heapless::Vec;
use parts::Parts;

#[cfg(feature = "keep")]
pub(crate) use records::{NotTaken, Table};

/// A circuit with room for `GATES` gates, `NUMBERS` constants and gate attributes, and `SHAPES`
/// different shapes.
///
/// Every method that adds a gate returns the wire the gate drives, or says why it was refused; a
/// refused call changes nothing.
///
/// ```
/// use chainrule::{Circuit, Shape};
/// # fn main() -> Result<(), chainrule::BuildError> {
/// let mut c: Circuit<f32, 8> = Circuit::new();
/// let x = c.input(Shape::SCALAR)?;
/// let y = c.input(Shape::SCALAR)?;
/// let z = c.input(Shape::SCALAR)?;
/// let q = c.add(x, y)?;
/// let f = c.mul(q, z)?;
/// c.maximize(f)?;
/// assert_eq!(c.view().len(), 5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[repr(C)] // The small fields in front: a place beyond 4 KB costs a board's code a constant each time.
pub struct Circuit<T, const GATES: usize, const NUMBERS: usize = 16, const SHAPES: usize = 8, const ATTRS: usize = 16> {
    goal: Goal,
    target: u16,
    shapes: Vec<Shape, SHAPES>,
    attrs: Vec<u16, ATTRS>,
    numbers: Vec<T, NUMBERS>,
    gates: Vec<Gate, GATES>,
}

/// Which way the objective goes; all zeros when there is none, so that an empty circuit in a
/// `static` takes no flash.
#[derive(Clone, Copy, Debug)]
enum Goal {
    None = 0,
    Maximize,
    Minimize,
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize> Default
    for Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>
{
    /// An empty circuit.
    pub const fn new() -> Self {
        Circuit {
            gates: Vec::new(),
            shapes: Vec::new(),
            numbers: Vec::new(),
            attrs: Vec::new(),
            goal: Goal::None,
            target: 0,
        }
    }

    /// The circuit as all walks take it.
    pub fn view(&self) -> CircuitRef<'_, T> {
        CircuitRef {
            gates: &self.gates,
            shapes: &self.shapes,
            numbers: &self.numbers,
            attrs: &self.attrs,
            objective: match self.goal {
                Goal::None => None,
                Goal::Maximize => Some(Objective::Maximize(Wire::at(self.target))),
                Goal::Minimize => Some(Objective::Minimize(Wire::at(self.target))),
            },
        }
    }

    fn parts(&mut self) -> Parts<'_, T> {
        Parts {
            gates: self.gates.as_mut_view(),
            shapes: self.shapes.as_mut_view(),
            numbers: self.numbers.as_mut_view(),
            attrs: self.attrs.as_mut_view(),
        }
    }

    /// Forgets all gates.
    pub fn clear(&mut self) {
        self.gates.clear();
        self.shapes.clear();
        self.numbers.clear();
        self.attrs.clear();
        self.goal = Goal::None;
    }

    /// An input of this shape, set by the caller before each run.
    ///
    /// # Errors
    /// [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn input(&mut self, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Input, shape, [0, 0, 0], &[])
    }

    /// A class number, 0 to `classes` − 1, set by the caller before each run.
    ///
    /// # Errors
    /// [`BuildError::BadClasses`] for fewer than two; [`BuildError::GatesFull`],
    /// [`BuildError::ShapesFull`].
    pub fn label(&mut self, classes: u16) -> Result<Wire, BuildError> {
        self.parts().push(Op::Label, Shape::SCALAR, [0, classes, 0], &[])
    }

    /// A param that training changes. It starts as zero; a tape's
    /// [`set`](crate::Tape::set) gives it a value.
    ///
    /// # Errors
    /// [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn param(&mut self, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Param, shape, [0, 0, 0], &[])
    }

    /// A param that training leaves alone, so that it can lie in flash.
    ///
    /// # Errors
    /// [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn frozen_param(&mut self, shape: Shape) -> Result<Wire, BuildError> {
        self.parts().push(Op::Param, shape, [0, 1, 0], &[])
    }

    /// Freezes a param, or lets it train again.
    ///
    /// # Errors
    /// [`BuildError::NotAParam`], [`BuildError::UnknownWire`].
    pub fn set_frozen(&mut self, param: Wire, frozen: bool) -> Result<(), BuildError> {
        let gate = self.gates.get_mut(param.index()).ok_or(BuildError::UnknownWire(param.raw()))?;
        if gate.op != Op::Param {
            return Err(BuildError::NotAParam(param.raw()));
        }
        gate.b = frozen as u16;
        Ok(())
    }

    /// A fixed wire with these values.
    ///
    /// # Errors
    /// [`BuildError::WrongLength`] if the values do not fill the shape;
    /// [`BuildError::NumbersFull`], [`BuildError::GatesFull`], [`BuildError::ShapesFull`].
    pub fn constant(&mut self, shape: Shape, values: &[T]) -> Result<Wire, BuildError> {
        if values.len() != shape.len() {
            return Err(BuildError::WrongLength { expected: shape.len(), got: values.len() });
        }
        let place = self.numbers.len();
        self.parts().push(Op::Const, shape, [place as u16, (place >> 16) as u16, 0], values)
    }

    /// A gate of any operation but sources, slices and reshapes, with its operands and its own numbers.
    ///
    /// # Errors
    /// [`BuildError::BadRecord`] for another count of operands or numbers than the operation has;
    /// otherwise as the operation's own method.
    pub fn add_gate(&mut self, op: Op, operands: &[Wire], numbers: &[T]) -> Result<Wire, BuildError> {
        self.parts().add_gate(op, operands, &[], numbers)
    }

    /// As [`Circuit::add_gate`], for operations that also have whole numbers. Operands that are left
    /// out at the end are those that the operation can do without.
    ///
    /// # Errors
    /// As [`Circuit::add_gate`], and [`BuildError::AttributesFull`].
    pub fn add_gate_with(
        &mut self,
        op: Op,
        operands: &[Wire],
        integers: &[u16],
        numbers: &[T],
    ) -> Result<Wire, BuildError> {
        self.parts().add_gate(op, operands, integers, numbers)
    }

    /// Marks a scalar wire to be raised.
    ///
    /// # Errors
    /// [`BuildError::UnknownWire`], [`BuildError::NotAScalar`].
    pub fn maximize(&mut self, wire: Wire) -> Result<(), BuildError> {
        self.set_objective(Objective::Maximize(wire))
    }

    /// Marks a scalar wire to be lowered.
    ///
    /// # Errors
    /// [`BuildError::UnknownWire`], [`BuildError::NotAScalar`].
    pub fn minimize(&mut self, wire: Wire) -> Result<(), BuildError> {
        self.set_objective(Objective::Minimize(wire))
    }

    fn set_objective(&mut self, objective: Objective) -> Result<(), BuildError> {
        self.view().with_objective(objective)?;
        (self.goal, self.target) = match objective {
            Objective::Maximize(wire) => (Goal::Maximize, wire.raw()),
            Objective::Minimize(wire) => (Goal::Minimize, wire.raw()),
        };
        Ok(())
    }

    /// Takes over the parts of a circuit as they came over a link: a gate with everything it names
    /// already there. The first step of an upload is [`Circuit::clear`].
    ///
    /// # Errors
    /// What is wrong with the gate; it was not added.
    #[inline(never)]
    pub fn push_record(&mut self, gate: Gate) -> Result<Wire, BuildError> {
        self.parts().push_record(gate)
    }

    /// Adds a shape to the table, for records to come.
    ///
    /// # Errors
    /// [`BuildError::ShapesFull`].
    #[inline(never)]
    pub fn push_shape(&mut self, shape: Shape) -> Result<(), BuildError> {
        self.parts().push_shape(shape)
    }

    /// Adds numbers to the table, for records to come.
    ///
    /// # Errors
    /// [`BuildError::NumbersFull`].
    #[inline(never)]
    pub fn push_numbers(&mut self, numbers: &[T]) -> Result<(), BuildError> {
        self.parts().push_numbers(numbers)
    }

    /// Adds integer attributes to the table, for records to come.
    ///
    /// # Errors
    /// [`BuildError::AttributesFull`].
    #[inline(never)]
    pub fn push_attrs(&mut self, attrs: &[u16]) -> Result<(), BuildError> {
        self.parts().push_attrs(attrs)
    }
}
