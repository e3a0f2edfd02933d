//! A checked circuit: gates in order with their side tables, wherever they are stored.
//!
//! The rule that makes backward simple is checked here, once: a gate's operands come before it, so
//! there are no cycles, forward is the list read forwards and backward is the list reversed.

use crate::conv::Conv;
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

/// Checks one gate against those before it, the `index` first ones, and gives the shape of the wire
/// it drives. Builder, upload and static circuits all come through here.
#[inline(never)]
pub(crate) const fn check<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    gate: &Gate,
    index: usize,
) -> Result<Shape, BuildError> {
    let Some(told) = at(circuit.shapes, gate.shape as usize) else { return Err(BuildError::BadRecord) };
    let listed = gate.op.listed_operands() + gate.op.integers();
    if listed > 0 && gate.listed() + listed > circuit.attrs.len() {
        return Err(BuildError::BadRecord);
    }
    let mut shapes = [&Shape::SCALAR; Op::MOST_OPERANDS];
    let mut n = 0;
    while n < gate.op.operands() {
        if let Some(wire) = circuit.operand(gate, n) {
            let (Some(shape), Some((_, rest))) = (circuit.shape_at(wire.index()), shapes.split_at_mut_checked(n))
            else {
                return Err(BuildError::UnknownWire(wire.raw()));
            };
            if wire.index() >= index {
                return Err(BuildError::UnknownWire(wire.raw()));
            }
            if let Some(place) = rest.first_mut() {
                *place = shape;
            }
        }
        n += 1;
    }
    let needed = gate.op.needed_operands();
    n = 0;
    while n < needed {
        if circuit.operand(gate, n).is_none() {
            return Err(BuildError::UnknownWire(NONE));
        }
        n += 1;
    }
    if gate.op.attributes() > 0 && circuit.numbers_place(gate) + gate.op.attributes() > circuit.numbers.len() {
        return Err(BuildError::BadRecord);
    }
    let [a, b, c, d, e] = shapes;
    match gate.op {
        Op::Input => Ok(*told),
        Op::Param => {
            if gate.b > 1 {
                return Err(BuildError::BadRecord);
            }
            Ok(*told)
        }
        Op::Label => {
            if gate.b < 2 {
                return Err(BuildError::BadClasses(gate.b));
            }
            Ok(Shape::SCALAR)
        }
        Op::Const => {
            if gate.number() > circuit.numbers.len() || circuit.numbers.len() - gate.number() < told.len() {
                return Err(BuildError::BadRecord);
            }
            Ok(*told)
        }
        Op::Dot => {
            if a.rank() != 1 {
                return Err(BuildError::NotAVector(*a));
            }
            equal(a, b)
        }
        Op::Dense => dense(a, b, c, gate.c == NONE),
        Op::Sum | Op::Mean => Ok(Shape::SCALAR),
        Op::Slice => slice(a, gate.start(), told),
        Op::Softmax | Op::LogSoftmax => Ok(*a),
        Op::Reshape if a.len() == told.len() => Ok(*told),
        Op::Reshape => mismatch(a, told),
        Op::Concat => concat(a, b),
        Op::MaxOf => Ok(Shape::SCALAR),
        Op::Conv1d | Op::Conv2d | Op::MaxPool | Op::AvgPool => match Conv::of(circuit, gate) {
            Ok((_, shape)) => Ok(shape),
            Err(error) => Err(error),
        },
        Op::GlobalAvg => planes(a),
        Op::LayerNorm => {
            let row = Shape::vector(a.last() as u16);
            if a.is_scalar() {
                return Err(BuildError::NotAVector(*a));
            }
            all_wanted(&[(1, row, b), (2, row, c)], *a)
        }
        Op::Gru => recurrent([a, b, c, d, e], 3),
        Op::Rnn => match at(circuit.attrs, gate.listed() + gate.op.listed_operands()) {
            Some(0 | 1) => recurrent([a, b, c, d, e], 1),
            _ => Err(BuildError::BadRecord),
        },
        Op::Dropout => Ok(*a),
        Op::Mse | Op::Mae | Op::Huber | Op::Hinge | Op::BinaryCrossEntropy => equal(a, b),
        Op::CrossEntropy | Op::SmoothCrossEntropy => {
            if a.rank() != 1 {
                return Err(BuildError::NotAVector(*a));
            }
            let classes = match at(circuit.gates, gate.b as usize) {
                Some(label) if matches!(label.op, Op::Label) => label.classes(),
                _ => 0,
            };
            if classes != a.len() {
                return Err(BuildError::NotALabel { logits: a.len(), classes });
            }
            Ok(Shape::SCALAR)
        }
        _ => match gate.op.kind() {
            OpKind::Unary => Ok(*a),
            _ if b.is_scalar() || a.same(b) => Ok(*a),
            _ if a.is_scalar() => Ok(*b),
            _ => mismatch(a, b),
        },
    }
}

#[inline(never)]
const fn mismatch(left: &Shape, right: &Shape) -> Result<Shape, BuildError> {
    Err(BuildError::ShapeMismatch { left: *left, right: *right })
}

/// A scalar, of two wires that are to be of one shape.
#[inline]
const fn equal(a: &Shape, b: &Shape) -> Result<Shape, BuildError> {
    if a.same(b) { Ok(Shape::SCALAR) } else { mismatch(a, b) }
}

/// x `[in]`, W `[in, out]`, b `[out]` → `[out]`
#[inline]
const fn dense(x: &Shape, w: &Shape, b: &Shape, no_bias: bool) -> Result<Shape, BuildError> {
    if x.rank() != 1 {
        return Err(BuildError::NotAVector(*x));
    }
    if w.rank() != 2 || w.first() != x.len() {
        return mismatch(x, w);
    }
    let out = Shape::vector(w.last() as u16);
    if !no_bias && !b.same(&out) {
        return mismatch(&out, b);
    }
    Ok(out)
}

/// The shape `given`, if each of these operands, by its place, is of the shape that is wanted.
#[inline]
const fn all_wanted(mut operands: &[(u8, Shape, &Shape)], given: Shape) -> Result<Shape, BuildError> {
    while let Some((&(operand, wanted, found), rest)) = operands.split_first() {
        if !found.same(&wanted) {
            return Err(BuildError::WrongShape { operand, wanted, found: *found });
        }
        operands = rest;
    }
    Ok(given)
}

/// x `[time, in]`, weights `[in, parts·hidden]` and `[hidden, parts·hidden]`, biases `[parts·hidden]`
/// → `[time, hidden]`; the second weight says what `hidden` is.
#[inline]
const fn recurrent([x, w_ih, w_hh, b_ih, b_hh]: [&Shape; 5], parts: usize) -> Result<Shape, BuildError> {
    if x.rank() != 2 {
        return Err(BuildError::WrongRank { shape: *x, rank: 2 });
    }
    if w_hh.rank() != 2 {
        return Err(BuildError::WrongRank { shape: *w_hh, rank: 2 });
    }
    let hidden = w_hh.first();
    let columns = if hidden * parts > u16::MAX as usize { u16::MAX } else { (hidden * parts) as u16 };
    let row = Shape::vector(columns);
    all_wanted(
        &[
            (2, Shape::matrix(hidden as u16, columns), w_hh),
            (1, Shape::matrix(x.last() as u16, columns), w_ih),
            (3, row, b_ih),
            (4, row, b_hh),
        ],
        Shape::matrix(x.first() as u16, hidden as u16),
    )
}

/// One row loses the outermost dimension; a range keeps it. The record's shape says which it is.
#[inline]
const fn slice(a: &Shape, start: usize, told: &Shape) -> Result<Shape, BuildError> {
    if a.is_scalar() {
        return Err(BuildError::NotAVector(*a));
    }
    let rows = if told.same(&a.inner()) { 1 } else { told.first() };
    if start + rows > a.first() {
        let end = if start + rows > u16::MAX as usize { u16::MAX } else { (start + rows) as u16 };
        return Err(BuildError::NoSuchRows { start: start as u16, end, rows: a.first() as u16 });
    }
    if told.same(&a.inner()) || (told.rank() == a.rank() && told.inner().same(&a.inner())) {
        Ok(*told)
    } else {
        mismatch(a, told)
    }
}

/// Rows of one inner shape; a scalar is one row.
#[inline]
const fn concat(a: &Shape, b: &Shape) -> Result<Shape, BuildError> {
    let rows = a.first() + b.first();
    let wide = if a.rank() > b.rank() { a } else { b };
    let [_, d, e, f] = wide.to_raw();
    match Shape::from_raw([if rows > u16::MAX as usize { 0 } else { rows as u16 }, d, e, f]) {
        Some(shape) if rows <= u16::MAX as usize && a.inner().same(&b.inner()) => Ok(shape),
        _ => mismatch(a, b),
    }
}

/// `[channels, …]` → `[channels]`
#[inline]
const fn planes(a: &Shape) -> Result<Shape, BuildError> {
    match a.rank() {
        2 | 3 => Ok(Shape::vector(a.first() as u16)),
        _ => Err(BuildError::WrongRank { shape: *a, rank: 3 }),
    }
}
