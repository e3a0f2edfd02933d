//! A window that slides over planes: where it stands for each output, and what of it lies outside.
//!
//! Planes are `[channels, height, width]`, or `[channels, length]`, which is a height of 1. With size
//! n, kernel k, stride s and padding p in one direction there are ⌊(n + 2p − k) / s⌋ + 1 outputs, and
//! output i looks at elements i·s − p up to i·s − p + k − 1; those outside of the plane are left out
//! (Dumoulin and Visin, 2016).

use crate::shape::Shape;

/// The sizes of a window and of what it slides over; pairs are vertical, horizontal.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub(crate) plane: [usize; 2],
    pub(crate) kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    pub(crate) out: [usize; 2],
}

/// The part of a window that lies on the plane, in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The first element of the plane.
    pub(crate) start: usize,
    /// The first place in the kernel.
    pub(crate) first: usize,
    /// How many.
    pub(crate) len: usize,
}

impl Window {
    /// A window over planes of this shape of three dimensions, or of two, `flat` ones, with a kernel of
    /// height 1; nothing if it does not fit or does not move.
    #[inline]
    pub(crate) const fn over(
        planes: &Shape,
        flat: bool,
        kernel: [usize; 2],
        stride: u16,
        padding: u16,
    ) -> Option<Window> {
        let [_, a, b, _] = planes.to_raw();
        let (height, width) = if flat { (1, a as usize) } else { (a as usize, b as usize) };
        let [tall, wide] = kernel;
        let (s, p) = (stride as usize, padding as usize);
        let (down, above) = if flat { (1, 0) } else { (s, p) };
        if s == 0 || tall == 0 || wide == 0 || tall > height + 2 * above || wide > width + 2 * p {
            return None;
        }
        let (Some(rows), Some(columns)) =
            ((height + 2 * above - tall).checked_div(down), (width + 2 * p - wide).checked_div(s))
        else {
            return None;
        };
        Some(Window {
            plane: [height, width],
            kernel,
            stride: [down, s],
            padding: [above, p],
            out: [rows + 1, columns + 1],
        })
    }

    /// The shape of `channels` planes of outputs, of two dimensions or of three; nothing if that is no shape.
    #[inline]
    pub(crate) const fn out_shape(&self, channels: usize, flat: bool) -> Option<Shape> {
        let [height, width] = self.out;
        if channels > u16::MAX as usize || height > u16::MAX as usize || width > u16::MAX as usize {
            return None;
        }
        let (c, h, w) = (channels as u16, height as u16, width as u16);
        Shape::from_raw(if flat { [c, w, 0, 0] } else { [c, h, w, 0] })
    }

    /// The elements of one plane.
    #[inline(always)]
    pub(crate) fn plane_len(&self) -> usize {
        let [height, width] = self.plane;
        height * width
    }

    /// The outputs of one plane.
    #[inline(always)]
    pub(crate) fn positions(&self) -> usize {
        let [height, width] = self.out;
        height * width
    }

    /// What output row `i` sees of the plane's rows.
    #[inline(always)]
    pub(crate) fn rows(&self, i: usize) -> Span {
        let ([size, _], [kernel, _], [stride, _], [padding, _]) = (self.plane, self.kernel, self.stride, self.padding);
        span(i * stride, size, kernel, padding)
    }

    /// What output column `i` sees of the plane's columns.
    #[inline(always)]
    pub(crate) fn columns(&self, i: usize) -> Span {
        let ([_, size], [_, kernel], [_, stride], [_, padding]) = (self.plane, self.kernel, self.stride, self.padding);
        span(i * stride, size, kernel, padding)
    }
}

#[inline(always)]
fn span(at: usize, size: usize, kernel: usize, padding: usize) -> Span {
    let first = padding.saturating_sub(at);
    let end = kernel.min((size + padding).saturating_sub(at));
    Span { start: (at + first).saturating_sub(padding), first, len: end.saturating_sub(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_stand_where_the_formula_says() {
        for (size, kernel, stride, padding) in [(8, 3, 1, 1), (7, 3, 2, 0), (5, 5, 1, 4), (1, 1, 1, 0), (6, 2, 3, 2)] {
            let Some(planes) = Shape::new(&[1, size]) else { return assert_eq!(size, 0) };
            let window = Window::over(&planes, true, [1, kernel], stride, padding);
            assert!(window.is_some());
            let Some(window) = window else { return };
            let (size, s, p) = (i64::from(size), i64::from(stride), i64::from(padding));
            let [_, count] = window.out;
            assert_eq!(count as i64, (size + 2 * p - kernel as i64) / s + 1);
            for i in 0..count {
                let seen = window.columns(i);
                for k in 0..kernel {
                    let at = i as i64 * s - p + k as i64;
                    let within = (seen.first..seen.first + seen.len).contains(&k);
                    assert_eq!(within, (0..size).contains(&at), "output {i}, place {k}");
                    assert!(!within || (seen.start + k - seen.first) as i64 == at);
                }
            }
        }
    }
}
