//! What can be refused, one small enum per boundary; each carries a place, none carries prose.
//!
//! A refused call has changed nothing.

use crate::shape::Shape;
use core::fmt;

/// Why a gate was not added, or a circuit not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum BuildError {
    /// The array of gates is full; its capacity.
    GatesFull(usize),
    /// The table of shapes is full; its capacity.
    ShapesFull(usize),
    /// The table of numbers is full; its capacity.
    NumbersFull(usize),
    /// The table of integer attributes is full; its capacity.
    AttributesFull(usize),
    /// An operand is not a wire that comes before this gate; its number.
    UnknownWire(u16),
    /// A record names a row that its side table does not have, or a flag that means nothing.
    BadRecord,
    /// Two shapes that should be equal, or one of them a scalar, are not.
    ShapeMismatch {
        /// What the gate reads first.
        left: Shape,
        /// What it reads second.
        right: Shape,
    },
    /// A vector was wanted.
    NotAVector(Shape),
    /// A scalar was wanted.
    NotAScalar(Shape),
    /// Rows that the wire does not have.
    NoSuchRows {
        /// First row asked for.
        start: u16,
        /// Row after the last asked for.
        end: u16,
        /// Rows there are.
        rows: u16,
    },
    /// The count of values does not fill the shape.
    WrongLength {
        /// Elements of the shape.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// The bounds of a clip are not in order, or a number is NaN or outside of what its gate takes.
    BadBounds,
    /// A label needs at least two classes, and a class as a number must be exact.
    BadClasses(u16),
    /// The target of a cross-entropy is not a label with as many classes as there are logits.
    NotALabel {
        /// Logits of the prediction.
        logits: usize,
        /// Classes of the target, 0 if it is no label.
        classes: usize,
    },
    /// Only a param can be frozen.
    NotAParam(u16),
    /// A wire of another number of dimensions was wanted.
    WrongRank {
        /// What came.
        shape: Shape,
        /// The dimensions wanted.
        rank: u8,
    },
    /// A window that does not fit its planes, padding included, or does not move; a pool's padding of more than
    /// half its width; or outputs that are more than a shape can tell.
    BadWindow {
        /// What it should slide over.
        planes: Shape,
        /// Its width, or its height if that is what does not fit.
        kernel: u16,
        /// How far it moves.
        stride: u16,
        /// What is added around the planes.
        padding: u16,
    },
    /// Inputs or outputs of a convolution that its groups do not divide.
    BadGroups {
        /// Planes of the input.
        inputs: u16,
        /// Planes of the output.
        outputs: u16,
        /// The groups.
        groups: u16,
    },
    /// Weights of a convolution that do not go with its input.
    WrongWeights {
        /// The input.
        input: Shape,
        /// The weights, outputs last.
        weight: Shape,
        /// The groups.
        groups: u16,
    },
    /// An operand has not the shape that the others ask of it.
    WrongShape {
        /// Which operand, from 0.
        operand: u8,
        /// The shape it should have.
        wanted: Shape,
        /// The shape it has.
        found: Shape,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            BuildError::GatesFull(n) => write!(f, "no room for another gate: the circuit holds {n}"),
            BuildError::ShapesFull(n) => write!(f, "no room for another shape: the circuit holds {n}"),
            BuildError::NumbersFull(n) => write!(f, "no room for more numbers: the circuit holds {n}"),
            BuildError::AttributesFull(n) => write!(f, "no room for more attributes: the circuit holds {n}"),
            BuildError::UnknownWire(w) => write!(f, "wire {w} does not come before this gate"),
            BuildError::BadRecord => f.write_str("the gate's record names something that does not exist"),
            BuildError::ShapeMismatch { left, right } => write!(f, "shapes {left} and {right} do not go together"),
            BuildError::NotAVector(shape) => write!(f, "a vector is wanted, not shape {shape}"),
            BuildError::NotAScalar(shape) => write!(f, "a scalar is wanted, not shape {shape}"),
            BuildError::NoSuchRows { start, end, rows } => {
                write!(f, "rows {start}..{end} are not within the {rows} there are")
            }
            BuildError::WrongLength { expected, got } => write!(f, "{expected} values are wanted, {got} were given"),
            BuildError::BadBounds => {
                f.write_str("a gate's numbers must be ordered, not NaN, and within what the gate takes")
            }
            BuildError::BadClasses(n) => write!(f, "a label cannot have {n} classes"),
            BuildError::NotALabel { logits, classes } => {
                write!(f, "{logits} logits want a label of {logits} classes, not of {classes}")
            }
            BuildError::NotAParam(w) => write!(f, "wire {w} is not a param"),
            BuildError::WrongRank { shape, rank } => write!(f, "{rank} dimensions are wanted, not shape {shape}"),
            BuildError::BadWindow { planes, kernel, stride, padding } => {
                write!(f, "a window of {kernel} with stride {stride} and padding {padding} does not fit {planes}")
            }
            BuildError::BadGroups { inputs, outputs, groups } => {
                write!(f, "{groups} groups do not divide {inputs} inputs and {outputs} outputs")
            }
            BuildError::WrongWeights { input, weight, groups } => {
                write!(f, "weights {weight} do not go with {input} in {groups} groups")
            }
            BuildError::WrongShape { operand, wanted, found } => {
                write!(f, "operand {operand} should have shape {wanted}, not {found}")
            }
        }
    }
}

impl core::error::Error for BuildError {}

/// Why a circuit's memory could not be planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PlanError {
    /// Too few slots for the circuit's wires; how many it has.
    SlotsFull(usize),
    /// Training needs an objective.
    NoObjective,
    /// The arena would pass 2³⁰ numbers.
    TooLarge,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PlanError::SlotsFull(n) => write!(f, "the circuit has {n} wires, and there are fewer slots"),
            PlanError::NoObjective => f.write_str("training needs an objective: mark a scalar wire"),
            PlanError::TooLarge => f.write_str("the circuit needs more than 2^30 numbers of memory"),
        }
    }
}

impl core::error::Error for PlanError {}

/// Why a tape did not do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RunError {
    /// The arena is smaller than the plan says; the numbers needed.
    ArenaTooSmall(usize),
    /// The frozen params are fewer than the circuit has; the numbers needed.
    FrozenTooShort(usize),
    /// The plan was made for another circuit.
    WrongPlan,
    /// The circuit has no such wire.
    UnknownWire(u16),
    /// A wire of this many elements was given another count of values.
    WrongLength {
        /// The wire.
        wire: u16,
        /// Its elements.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// Only inputs, labels and params in RAM can be set.
    NotSettable(u16),
    /// A label's value is not one of its classes.
    NotAClass(u16),
    /// Gradients start from a scalar wire.
    NotAScalar(u16),
    /// The plan keeps no gradient for this wire.
    NoGradient(u16),
    /// The plan keeps no value for this wire once it has been used.
    NoValue(u16),
    /// The circuit names no objective.
    NoObjective,
    /// The plan was not made for this: training asked of an inference plan, a fused step of an
    /// accumulating plan, or the reverse.
    NotPlanned,
    /// The batch is empty.
    EmptyBatch,
    /// The step would make a param that is not finite (or its size cannot be bounded); the gate or
    /// param at which it shows. Nothing was changed.
    NotFinite(u16),
    /// The step size is not a finite number.
    BadRate,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RunError::ArenaTooSmall(n) => write!(f, "the plan needs an arena of {n} numbers"),
            RunError::FrozenTooShort(n) => write!(f, "the circuit has {n} frozen numbers"),
            RunError::WrongPlan => f.write_str("the plan was made for another circuit"),
            RunError::UnknownWire(w) => write!(f, "the circuit has no wire {w}"),
            RunError::WrongLength { wire, expected, got } => {
                write!(f, "wire {wire} has {expected} elements, {got} were given")
            }
            RunError::NotSettable(w) => write!(f, "wire {w} is neither an input nor a param in RAM"),
            RunError::NotAClass(w) => write!(f, "the value for label {w} is not one of its classes"),
            RunError::NotAScalar(w) => write!(f, "wire {w} is not a scalar, so no gradient starts there"),
            RunError::NoGradient(w) => write!(f, "the plan keeps no gradient for wire {w}"),
            RunError::NoValue(w) => write!(f, "the plan does not keep the value of wire {w}"),
            RunError::NoObjective => f.write_str("the circuit names no objective"),
            RunError::NotPlanned => f.write_str("the memory was planned for another use"),
            RunError::EmptyBatch => f.write_str("a batch needs at least one sample"),
            RunError::NotFinite(w) => write!(f, "the step would leave the finite numbers at wire {w}; nothing changed"),
            RunError::BadRate => f.write_str("the step size must be a finite number"),
        }
    }
}

impl core::error::Error for RunError {}
