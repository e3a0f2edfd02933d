//! A checked circuit: gates in order with their side tables, wherever they are stored.

use crate::check::check;
use crate::error::BuildError;
use crate::gate::{Gate, NONE, Wire};
use crate::op::{Op, OpKind};
use crate::shape::Shape;

/// What the circuit is for: the wire to raise or to lower.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Objective {
    /// Raise this wire.
    Maximize(Wire),
    /// Lower this wire.
    Minimize(Wire),
}

impl Objective {
    /// The wire.
    pub const fn wire(self) -> Wire {
        match self {
            Objective::Maximize(wire) | Objective::Minimize(wire) => wire,
        }
    }
}

/// A circuit to walk: borrowed slices that have been checked as a whole.
///
/// The run-time builder ([`Circuit::view`](crate::Circuit::view)), a `static` in flash
/// ([`CircuitRef::new`]) and a board's upload all give this one view.
#[derive(Clone, Copy, Debug)]
pub struct CircuitRef<'a, T> {
    pub(crate) gates: &'a [Gate],
    pub(crate) shapes: &'a [Shape],
    pub(crate) numbers: &'a [T],
    pub(crate) attrs: &'a [u16],
    pub(crate) objective: Option<Objective>,
}

/// How many gates before the objective are looked at for the loss that tells classes apart; this is
/// done after each sample.
pub(crate) const CLASS_SEARCH: usize = 64;

impl<'a, T: Copy> CircuitRef<'a, T> {
    /// A circuit from its parts, checked gate by gate; in a `const`, at compile time.
    ///
    /// ```
    /// use chainrule::{CircuitRef, Gate, Shape};
    /// // q = x + y; f = q * z
    /// static GATES: [Gate; 5] = {
    ///     const fn gate(bytes: [u8; 8]) -> Gate {
    ///         match Gate::from_bytes(bytes) { Some(gate) => gate, None => panic!("no such gate") }
    ///     }
    ///     let input = gate([0, 0, 0, 0, 0, 0, 0, 0]);
    ///     [input, input, input, gate([16, 0, 0, 0, 1, 0, 0, 0]), gate([18, 0, 3, 0, 2, 0, 0, 0])]
    /// };
    /// static SHAPES: [Shape; 1] = [Shape::SCALAR];
    /// const SEED: CircuitRef<'static, f32> = match CircuitRef::new(&GATES, &SHAPES, &[], &[]) {
    ///     Ok(circuit) => circuit,
    ///     Err(_) => panic!("not a circuit"),
    /// };
    /// assert_eq!(SEED.len(), 5);
    /// ```
    ///
    /// # Errors
    /// The first gate that is not right, and what is wrong with it.
    pub const fn new(
        gates: &'a [Gate],
        shapes: &'a [Shape],
        numbers: &'a [T],
        attrs: &'a [u16],
    ) -> Result<CircuitRef<'a, T>, (u16, BuildError)> {
        if gates.len() > Wire::MAX {
            return Err((NONE, BuildError::GatesFull(Wire::MAX)));
        }
        let circuit = CircuitRef { gates, shapes, numbers, attrs, objective: None };
        let mut i = 0;
        while i < gates.len() {
            let Some(gate) = at(gates, i) else { break };
            match check(&circuit, gate, i) {
                Ok(shape) => match circuit.shape_at(i) {
                    Some(told) if told.same(&shape) => {}
                    Some(told) => return Err((i as u16, BuildError::ShapeMismatch { left: shape, right: *told })),
                    None => return Err((i as u16, BuildError::BadRecord)),
                },
                Err(error) => return Err((i as u16, error)),
            }
            i += 1;
        }
        Ok(circuit)
    }

    /// The same circuit with another objective.
    ///
    /// # Errors
    /// [`BuildError::UnknownWire`]; [`BuildError::NotAScalar`].
    pub const fn with_objective(self, objective: Objective) -> Result<CircuitRef<'a, T>, BuildError> {
        let wire = objective.wire();
        match self.shape_at(wire.index()) {
            None => Err(BuildError::UnknownWire(wire.raw())),
            Some(shape) if !shape.is_scalar() => Err(BuildError::NotAScalar(*shape)),
            Some(_) => Ok(CircuitRef { objective: Some(objective), ..self }),
        }
    }

    /// The loss that tells classes apart: the objective itself, or the last such loss among the
    /// last 64 gates of an objective that is made of several terms (a penalty on
    /// weights beside a cross-entropy).
    ///
    /// Those losses are the cross-entropy, and, for two classes, hinge and binary cross-entropy of
    /// one number.
    pub fn class_gate(&self) -> Option<&'a Gate> {
        let objective = self.objective?.wire().index();
        let is_one = |wire: u16| self.shape_at(usize::from(wire)).is_some_and(|shape| shape.len() == 1);
        let tells = |gate: &&Gate| match gate.op {
            op if op.tells_classes() => true,
            Op::Hinge | Op::BinaryCrossEntropy => is_one(gate.a),
            _ => false,
        };
        let gates = self.gates.get(..=objective)?;
        match gates.last() {
            // As a rule, and after each sample: first.
            Some(gate) if gate.op.tells_classes() => Some(gate),
            Some(gate) if matches!(gate.op.kind(), OpKind::Loss) => Some(gate).filter(tells),
            _ => gates.iter().rev().take(CLASS_SEARCH).find(tells),
        }
    }

    /// The number of wires, which is the number of gates.
    #[allow(clippy::len_without_is_empty)] // an empty circuit is nothing to ask for
    pub const fn len(&self) -> usize {
        self.gates.len()
    }

    /// The wire to raise or lower, if one is marked.
    pub const fn objective(&self) -> Option<Objective> {
        self.objective
    }

    /// The wire in this place, if there is one.
    pub const fn wire(&self, index: usize) -> Option<Wire> {
        if index < self.gates.len() { Some(Wire::at(index as u16)) } else { None }
    }

    /// All wires, in order.
    pub fn wires(&self) -> impl DoubleEndedIterator<Item = Wire> + ExactSizeIterator + use<T> {
        (0..self.gates.len().min(Wire::MAX) as u16).map(Wire::at)
    }

    /// What drives a wire.
    pub fn gate(&self, wire: Wire) -> Option<&'a Gate> {
        self.gates.get(wire.index())
    }

    /// The shape of a wire; a scalar's if it is not of this circuit.
    pub fn shape(&self, wire: Wire) -> Shape {
        self.shape_at(wire.index()).copied().unwrap_or(Shape::SCALAR)
    }

    /// Operand number `n` of a gate, if it has so many.
    #[inline(never)]
    pub const fn operand(&self, gate: &Gate, n: usize) -> Option<Wire> {
        let listed = gate.op.listed_operands();
        if listed == 0 || n < gate.op.operands() - listed {
            return gate.operand(n);
        }
        if n >= gate.op.operands() {
            return None;
        }
        match at(self.attrs, gate.listed() + n + listed - gate.op.operands()) {
            Some(&NONE) | None => None,
            Some(&raw) => Some(Wire::at(raw)),
        }
    }

    /// The operands of a gate, first to last.
    pub fn operands(&self, gate: &Gate) -> impl Iterator<Item = Wire> + use<'a, T> {
        let (circuit, gate) = (*self, *gate);
        (0..gate.op.operands()).filter_map(move |n| circuit.operand(&gate, n))
    }

    /// The whole numbers of a gate in the table of attributes: strides, paddings.
    pub fn integers(&self, gate: &Gate) -> &'a [u16] {
        let start = gate.listed() + gate.op.listed_operands();
        self.attrs.get(start..start + gate.op.integers()).unwrap_or(&[])
    }

    /// Whole number `n` of a gate in the table of attributes; 0 if there is none.
    pub(crate) const fn integer(&self, gate: &Gate, n: usize) -> u16 {
        match at(self.attrs, gate.listed() + gate.op.listed_operands() + n) {
            Some(&integer) => integer,
            None => 0,
        }
    }

    /// How often a gate uses each of its weights: once, a convolution at every position.
    #[inline(never)]
    pub(crate) fn uses(&self, gate: &Gate) -> usize {
        match gate.op {
            Op::Conv1d | Op::Conv2d => match self.shapes.get(usize::from(gate.shape)) {
                Some(planes) => planes.len() / planes.first(),
                None => 1,
            },
            _ => 1,
        }
    }

    /// The numbers of a const.
    pub fn const_values(&self, wire: Wire) -> Option<&'a [T]> {
        let gate = self.gate(wire).filter(|gate| gate.op == Op::Const)?;
        let start = gate.number();
        self.numbers.get(start..start + self.shape(wire).len())
    }

    /// The gate's own numbers: a slope, an alpha, bounds.
    pub fn attribute_values(&self, wire: Wire) -> &'a [T] {
        let Some(gate) = self.gate(wire) else { return &[] };
        let start = self.numbers_place(gate);
        self.numbers.get(start..start + gate.op.attributes()).unwrap_or(&[])
    }

    /// The place of a gate's own numbers in the table of numbers.
    #[inline]
    pub(crate) const fn numbers_place(&self, gate: &Gate) -> usize {
        if !gate.op.lists_numbers() {
            return gate.attributes();
        }
        match at(self.attrs, gate.listed() + gate.op.listed_operands() + gate.op.integers() - 1) {
            Some(&place) => place as usize,
            None => usize::MAX / 2,
        }
    }

    /// The rows a slice takes: the first, and how many.
    pub fn slice_rows(&self, wire: Wire) -> Option<(usize, usize)> {
        let gate = self.gate(wire).filter(|gate| gate.op == Op::Slice)?;
        let rows =
            if self.shape(wire).rank() < self.shape(Wire::at(gate.a)).rank() { 1 } else { self.shape(wire).first() };
        Some((gate.start(), rows))
    }

    /// The number of classes of a label.
    pub fn classes(&self, wire: Wire) -> Option<usize> {
        self.gate(wire).filter(|gate| gate.op == Op::Label).map(Gate::classes)
    }

    /// The records, for sending or storing.
    pub const fn gates(&self) -> &'a [Gate] {
        self.gates
    }

    /// The table of shapes.
    pub const fn shapes(&self) -> &'a [Shape] {
        self.shapes
    }

    /// The table of numbers.
    pub const fn numbers(&self) -> &'a [T] {
        self.numbers
    }

    /// The table of integer attributes.
    pub const fn attrs(&self) -> &'a [u16] {
        self.attrs
    }

    /// The elements of the wire in this place; 0 if there is none.
    #[inline(never)]
    pub(crate) const fn len_at(&self, index: usize) -> usize {
        match self.shape_at(index) {
            Some(shape) => shape.len(),
            None => 0,
        }
    }

    #[inline(never)]
    pub(crate) const fn shape_at(&self, index: usize) -> Option<&'a Shape> {
        match at(self.gates, index) {
            Some(gate) => at(self.shapes, gate.shape as usize),
            None => None,
        }
    }
}

/// `slice.get(i)` for code that runs at compile time.
pub(crate) const fn at<T>(slice: &[T], i: usize) -> Option<&T> {
    match slice.split_at_checked(i) {
        Some((_, rest)) => rest.first(),
        None => None,
    }
}
