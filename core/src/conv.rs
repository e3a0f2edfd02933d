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
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::window::{Span, Window};

/// The sizes of a gate that slides a window over planes.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    pub(crate) window: Window,
    outputs: usize,
    groups: usize,
    /// Inputs and outputs of one group.
    group: [usize; 2],
}

/// Some outputs of one group at one position of the window: eight, four, or one.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) position: usize,
    pub(crate) rows: Span,
    pub(crate) columns: Span,
    pub(crate) group: usize,
    from: usize,
    outputs: usize,
}

impl Conv {
    /// The sizes of a gate, checked, and the shape of its wire: of a convolution, or of pooling, which sees
    /// each plane by itself.
    ///
    /// # Errors
    /// [`BuildError::WrongRank`], [`BuildError::BadGroups`], [`BuildError::WrongWeights`],
    /// [`BuildError::ShapeMismatch`] for the bias; [`BuildError::BadWindow`], also for pooling with a padding
    /// of more than half of the kernel, where a window could miss the plane.
    #[inline(never)]
    pub(crate) const fn of<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> Result<(Conv, Shape), BuildError> {
        let Some(x) = circuit.shape_at(gate.a as usize) else { return Err(BuildError::BadRecord) };
        let [first, second, third] = [circuit.integer(gate, 0), circuit.integer(gate, 1), circuit.integer(gate, 2)];
        let (inputs, flat, pools) = (x.first(), x.rank() == 2, matches!(gate.op, Op::MaxPool | Op::AvgPool));
        let (kernel, stride, padding, outputs, groups);
        if pools {
            kernel = [if flat { 1 } else { first as usize }, first as usize];
            (stride, padding, outputs, groups) = (second, third, inputs, inputs);
        } else {
            let Some(w) = circuit.shape_at(gate.b as usize) else { return Err(BuildError::BadRecord) };
            let rank = if matches!(gate.op, Op::Conv1d) { 2 } else { 3 };
            if x.rank() != rank {
                return Err(BuildError::WrongRank { shape: *x, rank: rank as u8 });
            }
            (stride, padding, outputs, groups) = (first, second, w.last(), third as usize);
            if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
                return Err(BuildError::BadGroups { inputs: inputs as u16, outputs: outputs as u16, groups: third });
            }
            let [share, tall, wide, _] = w.to_raw();
            if w.rank() != rank + 1 || share as usize != inputs / groups {
                return Err(BuildError::WrongWeights { input: *x, weight: *w, groups: third });
            }
            kernel = if rank == 2 { [1, tall as usize] } else { [tall as usize, wide as usize] };
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
            && !shape.same(&Shape::vector(outputs as u16))
        {
            return Err(BuildError::ShapeMismatch { left: Shape::vector(outputs as u16), right: *shape });
        }
        match window.out_shape(outputs, flat) {
            Some(shape) => Ok((Conv { window, outputs, groups, group: [inputs / groups, outputs / groups] }, shape)),
            None => refused(x, kernel, stride, padding),
        }
    }

    /// How often each weight is used.
    fn positions(&self) -> usize {
        self.window.positions()
    }

    /// Where the first output of a block lies, and how far apart the others do.
    #[inline(always)]
    fn place(&self, block: &Block) -> (usize, usize) {
        (block.from * self.positions() + block.position, self.positions())
    }

    /// Does something with each block: positions row by row, within one groups and outputs ascending.
    /// The one walk of all three kernels and of pooling, compiled once.
    pub(crate) fn blocks(&self, each: &mut dyn FnMut(&Block)) {
        let ([height, width], [_, share]) = (self.window.out, self.group);
        let mut position = 0;
        for y in 0..height {
            let rows = self.window.rows(y);
            for x in 0..width {
                let mut block =
                    Block { position, rows, columns: self.window.columns(x), group: 0, from: 0, outputs: 0 };
                while block.group < self.groups {
                    let mut left = share;
                    while left > 0 {
                        block.outputs = match left {
                            8.. => 8,
                            4.. => 4,
                            _ => 1,
                        };
                        each(&block);
                        block.from += block.outputs;
                        left -= block.outputs;
                    }
                    block.group += 1;
                }
                position += 1;
            }
        }
    }

    /// Each run of inputs side by side that a block sees: the first input, the first weight, and how
    /// many.
    #[inline(always)]
    fn runs(&self, block: &Block, mut each: impl FnMut(usize, usize, usize)) {
        let ([share, _], [height, width], [tall, wide]) = (self.group, self.window.plane, self.window.kernel);
        for c in 0..share {
            let mut from = ((block.group * share + c) * height + block.rows.start) * width + block.columns.start;
            let mut row = (c * tall + block.rows.first) * wide + block.columns.first;
            for _ in 0..block.rows.len {
                each(from, row * self.outputs + block.from, block.columns.len);
                from += width;
                row += wide;
            }
        }
    }
}

#[inline(never)]
const fn refused(
    planes: &Shape,
    [_, kernel]: [usize; 2],
    stride: u16,
    padding: u16,
) -> Result<(Conv, Shape), BuildError> {
    Err(BuildError::BadWindow { planes: *planes, kernel: kernel as u16, stride, padding })
}

/// Eight biases or gradients that lie `apart`, from `at` on; 0 for those that are not there. A smaller block
/// looks at the first of them alone.
#[inline(never)]
fn gathered<T: Scalar>(values: &[T], at: usize, apart: usize) -> [T; 8] {
    let (mut gathered, mut at) = ([T::ZERO; 8], at);
    for to in &mut gathered {
        *to = values.get(at).copied().unwrap_or(T::ZERO);
        at += apart;
    }
    gathered
}

/// The gradients of a block's outputs.
#[inline(always)]
fn deltas<T: Scalar>(conv: &Conv, block: &Block, delta: &[T]) -> [T; 8] {
    let (at, apart) = conv.place(block);
    gathered(delta, at, apart)
}

/// z += x·w for B outputs.
#[inline(always)]
fn add<T: Scalar, const B: usize>(sums: &mut [T; 8], x: T, w: &[T], at: usize) {
    if let Some(w) = w.get(at..).and_then(|w| w.first_chunk::<B>()) {
        sums.iter_mut().zip(w).for_each(|(sum, &w)| *sum += x * w);
    }
}

/// dx += w·δ for B outputs.
#[inline(always)]
fn pass<T: Scalar, const B: usize>(deltas: &[T; 8], w: &[T], at: usize, dx: &mut T) {
    if let Some(w) = w.get(at..).and_then(|w| w.first_chunk::<B>()) {
        *dx = w.iter().zip(deltas).fold(*dx, |sum, (&w, &d)| sum + w * d);
    }
}

/// w −= scale·δ for B outputs.
#[inline(always)]
fn subtract<T: Scalar, const B: usize>(deltas: &[T; 8], scale: T, w: &mut [T], at: usize) {
    if let Some(w) = w.get_mut(at..).and_then(|w| w.first_chunk_mut::<B>()) {
        w.iter_mut().zip(deltas).for_each(|(w, &d)| *w -= scale * d);
    }
}

/// z = x ∗ W + b
pub(crate) fn forward<T: Scalar>(conv: &Conv, x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
    let bias = bias.unwrap_or_default();
    conv.blocks(&mut |block| {
        let mut sums = gathered(bias, block.from, 1);
        conv.runs(block, |start, mut at, len| {
            for &x in x.get(start..start + len).unwrap_or_default() {
                if x != T::ZERO {
                    match block.outputs {
                        8 => add::<T, 8>(&mut sums, x, w, at),
                        4 => add::<T, 4>(&mut sums, x, w, at),
                        _ => add::<T, 1>(&mut sums, x, w, at),
                    }
                }
                at += conv.outputs;
            }
        });
        let (mut at, apart) = conv.place(block);
        for &sum in sums.iter().take(block.outputs) {
            if let Some(z) = z.get_mut(at) {
                *z = sum;
            }
            at += apart;
        }
    });
}

/// dx += what W passes back of δ
pub(crate) fn backward<T: Scalar>(conv: &Conv, w: &[T], delta: &[T], dx: &mut [T]) {
    conv.blocks(&mut |block| {
        let deltas = deltas(conv, block, delta);
        conv.runs(block, |start, mut at, len| {
            for dx in dx.get_mut(start..start + len).unwrap_or_default() {
                match block.outputs {
                    8 => pass::<T, 8>(&deltas, w, at, dx),
                    4 => pass::<T, 4>(&deltas, w, at, dx),
                    _ => pass::<T, 1>(&deltas, w, at, dx),
                }
                at += conv.outputs;
            }
        });
    });
}

/// W −= rate · x ∗ δ
pub(crate) fn update<T: Scalar>(conv: &Conv, x: &[T], delta: &[T], rate: T, w: &mut [T]) {
    conv.blocks(&mut |block| {
        let deltas = deltas(conv, block, delta);
        conv.runs(block, |start, mut at, len| {
            for &x in x.get(start..start + len).unwrap_or_default() {
                if x != T::ZERO {
                    match block.outputs {
                        8 => subtract::<T, 8>(&deltas, rate * x, w, at),
                        4 => subtract::<T, 4>(&deltas, rate * x, w, at),
                        _ => subtract::<T, 1>(&deltas, rate * x, w, at),
                    }
                }
                at += conv.outputs;
            }
        });
    });
}

/// b −= rate · δ, position by position
pub(crate) fn update_bias<T: Scalar>(conv: &Conv, delta: &[T], rate: T, b: &mut [T]) {
    for (b, plane) in b.iter_mut().zip(delta.chunks(conv.positions().max(1))) {
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
