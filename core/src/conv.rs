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

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    window: Window,
    outputs: usize,
    groups: usize,
    /// Inputs and outputs of one group.
    group: [usize; 2],
}

/// One position of the window.
#[derive(Clone, Copy)]
struct Place {
    position: usize,
    rows: Span,
    columns: Span,
}

impl Conv {
    /// The convolution of a gate, checked, and the shape of its wire.
    ///
    /// # Errors
    /// [`BuildError::WrongRank`], [`BuildError::BadGroups`], [`BuildError::WrongWeights`],
    /// [`BuildError::BadWindow`], [`BuildError::ShapeMismatch`] for the bias.
    pub(crate) const fn of<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> Result<(Conv, Shape), BuildError> {
        let (Some(x), Some(w)) = (circuit.shape_at(gate.a as usize), circuit.shape_at(gate.b as usize)) else {
            return Err(BuildError::BadRecord);
        };
        let rank = if matches!(gate.op, Op::Conv1d) { 2 } else { 3 };
        if x.rank() != rank {
            return Err(BuildError::WrongRank { shape: x, rank: rank as u8 });
        }
        let (stride, padding, groups) = (circuit.integer(gate, 0), circuit.integer(gate, 1), circuit.integer(gate, 2));
        let (inputs, outputs) = (x.first(), w.last());
        let split = groups as usize;
        if split == 0 || !inputs.is_multiple_of(split) || !outputs.is_multiple_of(split) {
            return Err(BuildError::BadGroups { inputs: inputs as u16, outputs: outputs as u16, groups });
        }
        let [share, tall, wide, _] = w.to_raw();
        if w.rank() != rank + 1 || share as usize != inputs / split {
            return Err(BuildError::WrongWeights { input: x, weight: w, groups });
        }
        let kernel = if rank == 2 { [1, tall as usize] } else { [tall as usize, wide as usize] };
        let [_, across] = kernel;
        let window = match Window::over(x, kernel, stride, padding) {
            Ok(window) => window,
            Err(error) => return Err(error),
        };
        if let Some(bias) = circuit.operand(gate, 2)
            && let Some(shape) = circuit.shape_at(bias.index())
            && !shape.same(Shape::vector(outputs as u16))
        {
            return Err(BuildError::ShapeMismatch { left: Shape::vector(outputs as u16), right: shape });
        }
        match window.out_shape(outputs, x) {
            Some(shape) => {
                Ok((Conv { window, outputs, groups: split, group: [inputs / split, outputs / split] }, shape))
            }
            None => Err(BuildError::BadWindow { planes: x, kernel: across as u16, stride, padding }),
        }
    }

    /// How often each weight is used.
    pub(crate) fn positions(&self) -> usize {
        self.window.positions()
    }

    /// Does something at every position.
    #[inline(always)]
    fn places(&self, mut each: impl FnMut(Place)) {
        let [height, width] = self.window.out;
        let mut position = 0;
        for y in 0..height {
            let rows = self.window.rows(y);
            for x in 0..width {
                each(Place { position, rows, columns: self.window.columns(x) });
                position += 1;
            }
        }
    }

    /// Each run of inputs side by side that a window sees: the first input, the first row of weights,
    /// and how many.
    #[inline(always)]
    fn runs(&self, place: Place, group: usize, mut each: impl FnMut(usize, usize, usize)) {
        let ([share, _], [height, width], [tall, wide]) = (self.group, self.window.plane, self.window.kernel);
        for c in 0..share {
            let mut from = ((group * share + c) * height + place.rows.start) * width + place.columns.start;
            let mut row = (c * tall + place.rows.first) * wide + place.columns.first;
            for _ in 0..place.rows.len {
                each(from, row, place.columns.len);
                from += width;
                row += wide;
            }
        }
    }
}

/// Calls a block function for eight outputs of a group at a time, then for four, then one by one.
macro_rules! by_outputs {
    ($conv:ident, $block:ident($($arg:expr),*)) => {{
        let [_, share] = $conv.group;
        for group in 0..$conv.groups {
            let (mut from, to) = (group * share, (group + 1) * share);
            while to - from >= 8 {
                $block::<T, 8>($conv, group, from, $($arg),*);
                from += 8;
            }
            while to - from >= 4 {
                $block::<T, 4>($conv, group, from, $($arg),*);
                from += 4;
            }
            while to > from {
                $block::<T, 1>($conv, group, from, $($arg),*);
                from += 1;
            }
        }
    }};
}

/// z = x ∗ W + b
#[inline(never)]
pub(crate) fn forward<T: Scalar>(conv: &Conv, x: &[T], w: &[T], bias: Option<&[T]>, z: &mut [T]) {
    by_outputs!(conv, forward_block(x, w, bias, z));
}

#[inline(always)]
fn forward_block<T: Scalar, const B: usize>(
    conv: &Conv,
    group: usize,
    from: usize,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    z: &mut [T],
) {
    let bias = bias.and_then(|bias| bias.get(from..)?.first_chunk::<B>()).copied().unwrap_or([T::ZERO; B]);
    let positions = conv.positions();
    let Some(z) = z.get_mut(from * positions..) else { return };
    conv.places(|place| {
        let mut sums = bias;
        conv.runs(place, group, |start, row, len| {
            let mut at = row * conv.outputs + from;
            for &x in x.get(start..start + len).unwrap_or_default() {
                if x != T::ZERO
                    && let Some(w) = w.get(at..).and_then(|w| w.first_chunk::<B>())
                {
                    for (sum, &w) in sums.iter_mut().zip(w) {
                        *sum += x * w;
                    }
                }
                at += conv.outputs;
            }
        });
        let mut at = place.position;
        for sum in sums {
            if let Some(z) = z.get_mut(at) {
                *z = sum;
            }
            at += positions;
        }
    });
}

/// The gradients of B outputs at one position; `delta` begins with the first one's.
#[inline(always)]
fn gathered<T: Scalar, const B: usize>(conv: &Conv, place: Place, delta: &[T]) -> [T; B] {
    let (mut gathered, mut at) = ([T::ZERO; B], place.position);
    for to in &mut gathered {
        *to = delta.get(at).copied().unwrap_or(T::ZERO);
        at += conv.positions();
    }
    gathered
}

/// dx += what W passes back of δ
#[inline(never)]
pub(crate) fn backward<T: Scalar>(conv: &Conv, w: &[T], delta: &[T], dx: &mut [T]) {
    // Outputs within positions: the order in which dx is added up.
    conv.places(|place| by_outputs!(conv, backward_block(place, w, delta, dx)));
}

#[inline(always)]
fn backward_block<T: Scalar, const B: usize>(
    conv: &Conv,
    group: usize,
    from: usize,
    place: Place,
    w: &[T],
    delta: &[T],
    dx: &mut [T],
) {
    let delta = gathered::<T, B>(conv, place, delta.get(from * conv.positions()..).unwrap_or_default());
    conv.runs(place, group, |start, row, len| {
        let mut at = row * conv.outputs + from;
        for dx in dx.get_mut(start..start + len).unwrap_or_default() {
            if let Some(w) = w.get(at..).and_then(|w| w.first_chunk::<B>()) {
                let mut sum = *dx;
                for (&w, &d) in w.iter().zip(&delta) {
                    sum += w * d;
                }
                *dx = sum;
            }
            at += conv.outputs;
        }
    });
}

/// W −= rate · x ∗ δ
#[inline(never)]
pub(crate) fn update<T: Scalar>(conv: &Conv, x: &[T], delta: &[T], rate: T, w: &mut [T]) {
    by_outputs!(conv, update_block(x, delta, rate, w));
}

#[inline(always)]
fn update_block<T: Scalar, const B: usize>(
    conv: &Conv,
    group: usize,
    from: usize,
    x: &[T],
    delta: &[T],
    rate: T,
    w: &mut [T],
) {
    let Some(delta) = delta.get(from * conv.positions()..) else { return };
    conv.places(|place| {
        let delta = gathered::<T, B>(conv, place, delta);
        conv.runs(place, group, |start, row, len| {
            let mut at = row * conv.outputs + from;
            for &x in x.get(start..start + len).unwrap_or_default() {
                if x != T::ZERO
                    && let Some(w) = w.get_mut(at..).and_then(|w| w.first_chunk_mut::<B>())
                {
                    let scale = rate * x;
                    for (w, &d) in w.iter_mut().zip(&delta) {
                        *w -= scale * d;
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
