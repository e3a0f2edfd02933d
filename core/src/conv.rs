//! conv1d and conv2d: weights that slide over planes, z = x ∗ W + b (a cross-correlation, as in
//! LeCun et al., 1989, and PyTorch), with what they pass back and their update in place.
//!
//! x is `[in, height, width]` and z is `[out, height, width]`; conv1d has no height. With `groups`,
//! the inputs and the outputs fall into that many parts, and each part of the outputs sees one of the
//! inputs; as many groups as inputs are a depthwise convolution. W is stored
//! `[in / groups, height, width, out]`, so that the weights of one place for all outputs lie side by
//! side, as the row of a dense gate does: the outputs of one position are added up together, and an
//! input that is ±0 is skipped. The orders of additions are part of the same-bits contract; positions
//! go row by row:
//!
//! - forward: z = b, then for input plane, row and column of the kernel ascending, where the window
//!   is on the plane and x ≠ 0, z += x·w;
//! - backward: for positions ascending, for outputs ascending, dx += w·δ;
//! - update: for positions ascending, w −= (rate·x)·δ where x ≠ 0, and b −= rate·δ.
//!
//! A gradient of the weights is added up as by an update with a rate of −1, which is exact.

use crate::circuit::CircuitRef;
use crate::error::BuildError;
use crate::gate::Gate;
use crate::op::Op;
use crate::plan::{part, part_mut};
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::window::Window;

/// A window that slides over planes: the sizes of the gate, where it stands, and for which outputs. Half words
/// where that is enough: it lies on the stack of a training step.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    pub(crate) window: Window,
    groups: u16,
    /// Inputs and outputs of one group.
    group: [u16; 2],
    /// The row and the column of the outputs.
    place: [u16; 2],
    /// The group, the first output that is looked at, how many are, and how many of the group are left.
    at: u16,
    from: u16,
    count: u16,
    left: u16,
    /// What the window sees of the rows: the first one, and its place in the kernel.
    row: [u16; 2],
    /// The first input that the window sees, and its weight for the first output that is looked at.
    pub(crate) first: [u32; 2],
    /// What it sees of each plane: so many lines of so many inputs side by side.
    pub(crate) lines: u16,
    pub(crate) len: u16,
    /// How many planes, and lines of one, [`Conv::line`] has left, and the line where it is: as `first`.
    lines_left: [u16; 2],
    line: [u32; 2],
}

impl Conv {
    /// The sizes of a gate, checked: of a convolution, or of pooling, which sees each plane by itself. The
    /// window does not stand anywhere before [`Conv::next`].
    ///
    /// # Errors
    /// [`BuildError::WrongRank`], [`BuildError::BadGroups`], [`BuildError::WrongWeights`],
    /// [`BuildError::ShapeMismatch`] for the bias; [`BuildError::BadWindow`], also for pooling with a padding
    /// of more than half of the kernel, where a window could miss the plane.
    #[inline(never)]
    pub(crate) const fn of<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> Result<Conv, BuildError> {
        let Some(x) = circuit.shape_at(gate.a as usize) else { return Err(BuildError::BadRecord) };
        let [first, second, third] = [circuit.integer(gate, 0), circuit.integer(gate, 1), circuit.integer(gate, 2)];
        let ([inputs, ..], flat, pools) = (x.to_raw(), x.rank() == 2, matches!(gate.op, Op::MaxPool | Op::AvgPool));
        let (kernel, stride, padding, outputs, groups, group);
        if pools {
            kernel = [if flat { 1 } else { first }, first];
            (stride, padding, outputs, groups, group) = (second, third, inputs, inputs, [1, 1]);
        } else {
            let Some(w) = circuit.shape_at(gate.b as usize) else { return Err(BuildError::BadRecord) };
            let rank = if matches!(gate.op, Op::Conv1d) { 2 } else { 3 };
            if x.rank() != rank {
                return Err(BuildError::WrongRank { shape: *x, rank: rank as u8 });
            }
            (stride, padding, outputs, groups) = (first, second, w.last() as u16, third);
            group = match (inputs.checked_div(groups), outputs.checked_div(groups)) {
                (Some(i), Some(o)) if i * groups == inputs && o * groups == outputs => [i, o],
                _ => return Err(BuildError::BadGroups { inputs, outputs, groups }),
            };
            let [share, tall, wide, _] = w.to_raw();
            if w.rank() != rank + 1 || share != group[0] {
                return Err(BuildError::WrongWeights { input: *x, weight: *w, groups });
            }
            kernel = if rank == 2 { [1, tall] } else { [tall, wide] };
        }
        if pools && third > first / 2 {
            return refused(x, kernel, stride, padding);
        }
        if !flat && x.rank() != 3 {
            return Err(BuildError::WrongRank { shape: *x, rank: 3 });
        }
        let Some(window) = Window::over(x, flat, kernel, stride, padding) else {
            return refused(x, kernel, stride, padding);
        };
        if let Some(bias) = circuit.operand(gate, 2)
            && let Some(shape) = circuit.shape_at(bias.index())
            && !shape.same(&Shape::vector(outputs))
        {
            return Err(BuildError::ShapeMismatch { left: Shape::vector(outputs), right: *shape });
        }
        if window.out_shape(outputs, flat).is_none() {
            return refused(x, kernel, stride, padding);
        }
        let [_, width] = window.out;
        Ok(Conv {
            window,
            groups,
            group,
            // The outputs before the first.
            place: [u16::MAX, width.wrapping_sub(1)],
            at: groups - 1,
            from: 0,
            count: 0,
            left: 0,
            row: [0; 2],
            first: [0; 2],
            lines: 0,
            len: 0,
            lines_left: [0; 2],
            line: [0; 2],
        })
    }

    /// The shape of the wire; `flat` as the operand's.
    pub(crate) const fn shape(&self, flat: bool) -> Option<Shape> {
        self.window.out_shape(self.all_outputs(), flat)
    }

    /// The outputs of all groups: so many weights lie side by side.
    const fn all_outputs(&self) -> u16 {
        let [_, outputs] = self.group;
        self.groups * outputs
    }

    /// Where the first of the outputs that are looked at lies, and how far apart the others do.
    pub(crate) fn outputs(&self) -> [usize; 2] {
        let ([height, width], [y, x]) = (self.window.out.map(usize::from), self.place.map(usize::from));
        [(usize::from(self.from) * height + y) * width + x, height * width]
    }

    /// Goes on to the next outputs, up to eight of one group, if there are any: positions row by row, within
    /// one groups and outputs ascending. The one way of all three kernels and of pooling.
    #[inline(never)]
    pub(crate) fn next(&mut self) -> bool {
        self.from += self.count;
        self.left -= self.count;
        let [x, w] = &mut self.first;
        // Pools have no weights, and theirs may be beyond all numbers.
        *w = w.wrapping_add(self.count.into());
        let [inputs, outputs] = self.group;
        if self.left == 0 {
            (self.at, self.left) = (self.at + 1, outputs);
            *x += u32::from(inputs) * self.window.plane_len() as u32;
            if self.at >= self.groups && !self.step() {
                return false;
            }
        }
        self.count = self.left.min(8);
        (self.lines_left, self.line) = ([inputs - 1, self.lines.saturating_sub(1)], self.first);
        true
    }

    /// Goes on to the next position, if there is one.
    fn step(&mut self) -> bool {
        let ([height, width], [y, x]) = (self.window.out, &mut self.place);
        *x += 1;
        if *x >= width {
            *x = 0;
            *y = y.wrapping_add(1);
            if *y >= height {
                return false;
            }
            let rows = self.window.rows(*y);
            (self.row, self.lines) = ([rows.start, rows.first], rows.len);
        }
        let (columns, [row, first], [_, across]) = (self.window.columns(*x), self.row, self.window.plane);
        let [_, wide] = self.window.kernel;
        self.first = [
            u32::from(row) * u32::from(across) + u32::from(columns.start),
            (u32::from(first) * u32::from(wide) + u32::from(columns.first)).wrapping_mul(self.all_outputs().into()),
        ];
        self.len = columns.len;
        (self.at, self.from) = (0, 0);
        true
    }

    /// Whether any of the window lies on the planes.
    fn sees(&self) -> bool {
        self.lines > 0 && self.len > 0
    }

    /// Goes on to the next line that the window sees, if there is one: plane by plane of the group.
    #[inline(never)]
    fn line(&mut self) -> bool {
        let [planes, lines] = &mut self.lines_left;
        let (down, on) = if *lines > 0 {
            *lines -= 1;
            (1, 1)
        } else if *planes > 0 {
            *planes -= 1;
            *lines = self.lines - 1;
            let ([height, _], [tall, _]) = (self.window.plane, self.window.kernel);
            (height - *lines, tall - *lines)
        } else {
            return false;
        };
        let ([_, across], [_, wide], outputs) = (self.window.plane, self.window.kernel, self.all_outputs());
        let [x, w] = &mut self.line;
        *x += u32::from(down) * u32::from(across);
        *w += u32::from(on) * u32::from(wide) * u32::from(outputs);
        true
    }
}

#[inline(never)]
const fn refused(planes: &Shape, [tall, wide]: [u16; 2], stride: u16, padding: u16) -> Result<Conv, BuildError> {
    let [_, height, ..] = planes.to_raw();
    // The height, if that is what does not fit; planes of one line have a window of one.
    let kernel = if tall as u32 > height as u32 + 2 * padding as u32 { tall } else { wide };
    Err(BuildError::BadWindow { planes: *planes, kernel, stride, padding })
}

/// Some biases or gradients that lie `apart`, from `at` on, as far as they are there.
#[inline(never)]
fn gather<T: Scalar>(values: &[T], [mut at, apart]: [usize; 2], to: &mut [T]) {
    for to in to {
        let Some(&value) = values.get(at) else { return };
        *to = value;
        at += apart;
    }
}

/// Puts the outputs of a block into their planes.
#[inline(never)]
fn scatter<T: Scalar>(values: &[T], [mut at, apart]: [usize; 2], to: &mut [T]) {
    for &value in values {
        let Some(to) = to.get_mut(at) else { return };
        *to = value;
        at += apart;
    }
}

/// z = x ∗ W + b
#[inline(always)]
pub(crate) fn forward<T: Scalar>(conv: &mut Conv, x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
    while conv.next() {
        let mut sums = [T::ZERO; 8];
        let Some(sums) = sums.get_mut(..usize::from(conv.count)) else { return };
        gather(bias.unwrap_or_default(), [usize::from(conv.from), 1], sums);
        let mut sees = conv.sees();
        while sees {
            let [from, at] = conv.line;
            let (Some(x), Some(w)) = (part(x, from, conv.len.into()), w.get(at as usize..)) else { return };
            T::add_rows(x, w, conv.all_outputs().into(), sums);
            sees = conv.line();
        }
        scatter(sums, conv.outputs(), z);
    }
}

/// dx += what W passes back of δ
#[inline(always)]
pub(crate) fn backward<T: Scalar>(conv: &mut Conv, w: &[T], delta: &[T], dx: &mut [T]) {
    while conv.next() {
        let mut deltas = [T::ZERO; 8];
        let Some(deltas) = deltas.get_mut(..usize::from(conv.count)) else { return };
        gather(delta, conv.outputs(), deltas);
        let mut sees = conv.sees();
        while sees {
            let [from, at] = conv.line;
            let (Some(dx), Some(w)) = (part_mut(dx, from, conv.len.into()), w.get(at as usize..)) else { return };
            T::pass_rows(w, conv.all_outputs().into(), deltas, dx);
            sees = conv.line();
        }
    }
}

/// W −= rate · x ∗ δ
#[inline(always)]
pub(crate) fn update<T: Scalar>(conv: &mut Conv, x: &[T], delta: &[T], rate: T, w: &mut [T]) {
    while conv.next() {
        let mut deltas = [T::ZERO; 8];
        let Some(deltas) = deltas.get_mut(..usize::from(conv.count)) else { return };
        gather(delta, conv.outputs(), deltas);
        let mut sees = conv.sees();
        while sees {
            let [from, at] = conv.line;
            let (Some(x), Some(w)) = (part(x, from, conv.len.into()), w.get_mut(at as usize..)) else { return };
            T::update_rows(x, deltas, rate, w, conv.all_outputs().into());
            sees = conv.line();
        }
    }
}

/// b −= rate · δ, position by position
pub(crate) fn update_bias<T: Scalar>(conv: &Conv, delta: &[T], rate: T, b: &mut [T]) {
    for (b, plane) in b.iter_mut().zip(delta.chunks(conv.window.positions().max(1))) {
        for &d in plane {
            *b -= rate * d;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::build::Circuit;
    use crate::gate::Wire;
    use crate::plan::{Purpose, Slot, plan};
    use crate::tape::Tape;

    /// What a gate makes of planes of ones.
    fn output<const N: usize>(make: impl FnOnce(&mut Circuit<f32, 8>) -> (Wire, Wire), planes: usize) -> [f32; N] {
        let mut c: Circuit<f32, 8> = Circuit::new();
        let (x, z) = make(&mut c);
        let (mut slots, mut arena) = ([Slot::EMPTY; 8], [9.0; 64]);
        let layout = plan(&c.view(), Purpose::Inspect, false, &mut slots).unwrap();
        let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
        for i in 0..planes {
            tape.set_from(x, i, &[1.0]).unwrap();
        }
        tape.forward();
        let mut output = [0.0; N];
        output.copy_from_slice(tape.value(z).unwrap());
        output
    }

    #[test]
    fn a_window_beside_the_planes_sees_nothing() {
        let z = output(
            |c| {
                let x = c.input(Shape::matrix(1, 4)).unwrap();
                let w = c.constant(Shape::new(&[1, 1, 1]).unwrap(), &[2.0]).unwrap();
                let b = c.constant(Shape::vector(1), &[0.5]).unwrap();
                (x, c.conv1d(x, w, Some(b), [1, 2, 1]).unwrap())
            },
            4,
        );
        assert_eq!(z, [0.5, 0.5, 2.5, 2.5, 2.5, 2.5, 0.5, 0.5]);
    }

    #[test]
    fn the_greatest_window_of_a_pool_overflows_nothing() {
        let z = output(
            |c| {
                let x = c.input(Shape::new(&[3, 1, 1]).unwrap()).unwrap();
                (x, c.max_pool(x, [u16::MAX, 1, u16::MAX / 2]).unwrap())
            },
            3,
        );
        assert_eq!(z, [1.0; 3]);
    }

    #[test]
    fn a_window_that_does_not_fit_is_told_by_the_side_that_does_not() {
        let mut c: Circuit<f32, 8> = Circuit::new();
        let planes = Shape::new(&[1, 3, 4]).unwrap();
        let x = c.input(planes).unwrap();
        for (height, width, kernel) in [(5, 1, 5), (1, 7, 7), (4, 5, 4)] {
            let w = c.param(Shape::new(&[1, height, width, 1]).unwrap()).unwrap();
            let refused = BuildError::BadWindow { planes, kernel, stride: 1, padding: 0 };
            assert_eq!(c.conv2d(x, w, None, [1, 0, 1]), Err(refused));
        }
    }

    #[test]
    fn a_wire_that_would_be_too_long_is_refused_with_its_kernel() {
        let mut c: Circuit<f32, 4> = Circuit::new();
        let planes = Shape::matrix(1, u16::MAX);
        let x = c.input(planes).unwrap();
        let w = c.param(Shape::new(&[1, 1, 2]).unwrap()).unwrap();
        let refused = BuildError::BadWindow { planes, kernel: 1, stride: 1, padding: 1 };
        assert_eq!(c.conv1d(x, w, None, [1, 1, 1]), Err(refused));
    }
}
