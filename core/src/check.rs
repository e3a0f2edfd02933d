//! The rules by which a gate fits those before it, and the shape that it gives.
//!
//! The rule that makes backward simple is checked here, once: a gate's operands come before it, so
//! there are no cycles, forward is the list read forwards and backward is the list reversed.

use crate::circuit::{CircuitRef, at};
use crate::conv::Conv;
use crate::error::BuildError;
use crate::gate::{Gate, NONE};
use crate::op::{Op, OpKind};
use crate::shape::Shape;

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
            Ok(conv) => match conv.shape(a.rank() == 2) {
                Some(shape) => Ok(shape),
                None => Err(BuildError::BadRecord),
            },
            Err(error) => Err(error),
        },
        Op::GlobalAvg => planes(a),
        Op::LayerNorm => {
            let row = &Shape::vector(a.last() as u16);
            if a.is_scalar() {
                return Err(BuildError::NotAVector(*a));
            }
            all_wanted(&[1, 2], &[row, row], &[b, c], *a)
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
const fn all_wanted(operands: &[u8], wanted: &[&Shape], found: &[&Shape], given: Shape) -> Result<Shape, BuildError> {
    let mut i = 0;
    while let (Some(&operand), Some(&wanted), Some(&found)) = (at(operands, i), at(wanted, i), at(found, i)) {
        if !found.same(wanted) {
            return Err(BuildError::WrongShape { operand, wanted: *wanted, found: *found });
        }
        i += 1;
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
    if hidden * parts > u16::MAX as usize {
        let wanted = Shape::matrix(u16::MAX / parts as u16, u16::MAX);
        return Err(BuildError::WrongShape { operand: 2, wanted, found: *w_hh });
    }
    let columns = (hidden * parts) as u16;
    let row = &Shape::vector(columns);
    let (square, wide) = (&Shape::matrix(hidden as u16, columns), &Shape::matrix(x.last() as u16, columns));
    all_wanted(
        &[2, 1, 3, 4],
        &[square, wide, row, row],
        &[w_hh, w_ih, b_ih, b_hh],
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
