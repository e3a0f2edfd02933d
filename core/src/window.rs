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
    pub(crate) plane: [u16; 2],
    pub(crate) kernel: [u16; 2],
    /// In both directions; flat planes have one output across, which stands at 0.
    stride: u16,
    padding: [u16; 2],
    pub(crate) out: [u16; 2],
}

/// The part of a window that lies on the plane, in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// The first element of the plane.
    pub(crate) start: u16,
    /// The first place in the kernel.
    pub(crate) first: u16,
    /// How many.
    pub(crate) len: u16,
}

impl Window {
    /// A window over planes of this shape of three dimensions, or of two, `flat` ones, with a kernel of
    /// height 1; nothing if it does not fit or does not move, or has more outputs than a shape can say.
    #[inline]
    pub(crate) const fn over(
        planes: &Shape,
        flat: bool,
        kernel: [u16; 2],
        stride: u16,
        padding: u16,
    ) -> Option<Window> {
        let [_, a, b, _] = planes.to_raw();
        let (plane, padding) = if flat { ([1, a], [0, padding]) } else { ([a, b], [padding, padding]) };
        let ([height, width], [tall, wide], [above, beside]) = (plane, kernel, padding);
        match (outputs(height, tall, above, stride), outputs(width, wide, beside, stride)) {
            (Some(rows), Some(columns)) => Some(Window { plane, kernel, stride, padding, out: [rows, columns] }),
            _ => None,
        }
    }

    /// The shape of `channels` planes of outputs, of two dimensions or of three; nothing if that is no shape.
    #[inline]
    pub(crate) const fn out_shape(&self, channels: u16, flat: bool) -> Option<Shape> {
        let [height, width] = self.out;
        Shape::from_raw(if flat { [channels, width, 0, 0] } else { [channels, height, width, 0] })
    }

    /// The elements of one plane.
    pub(crate) const fn plane_len(&self) -> usize {
        area(self.plane)
    }

    /// The outputs of one plane.
    pub(crate) fn positions(&self) -> usize {
        area(self.out)
    }

    /// The elements of the kernel.
    pub(crate) fn kernel_len(&self) -> usize {
        area(self.kernel)
    }

    /// What output row `i` sees of the plane's rows.
    pub(crate) fn rows(&self, i: u16) -> Span {
        let ([size, _], [kernel, _], [padding, _]) = (self.plane, self.kernel, self.padding);
        span(usize::from(i) * usize::from(self.stride), size, kernel, padding)
    }

    /// What output column `i` sees of the plane's columns.
    pub(crate) fn columns(&self, i: u16) -> Span {
        let ([_, size], [_, kernel], [_, padding]) = (self.plane, self.kernel, self.padding);
        span(usize::from(i) * usize::from(self.stride), size, kernel, padding)
    }
}

const fn area([height, width]: [u16; 2]) -> usize {
    height as usize * width as usize
}

/// How often a kernel fits on that many elements with padding on both sides.
#[inline(never)]
const fn outputs(size: u16, kernel: u16, padding: u16, stride: u16) -> Option<u16> {
    let (Some(room), true) = ((size as usize + 2 * padding as usize).checked_sub(kernel as usize), kernel > 0) else {
        return None;
    };
    match room.checked_div(stride as usize) {
        Some(steps) if steps < u16::MAX as usize => Some(steps as u16 + 1),
        _ => None,
    }
}

/// The part of a kernel that lies on the plane where it begins `at` elements into the padding before it.
fn span(at: usize, size: u16, kernel: u16, padding: u16) -> Span {
    let (size, kernel, padding) = (usize::from(size), usize::from(kernel), usize::from(padding));
    let first = padding.saturating_sub(at);
    let end = kernel.min((size + padding).saturating_sub(at));
    if end <= first {
        // Beside the plane: no place of it is meant.
        return Span::default();
    }
    let start = (at + first).saturating_sub(padding);
    Span { start: start as u16, first: first as u16, len: (end - first) as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_stand_where_the_formula_says() {
        let sizes: [(u16, u16, u16, u16); 5] = [(8, 3, 1, 1), (7, 3, 2, 0), (5, 5, 1, 4), (1, 1, 1, 0), (6, 2, 3, 2)];
        for (size, kernel, stride, padding) in sizes {
            let Some(planes) = Shape::new(&[1, size]) else { return assert_eq!(size, 0) };
            let window = Window::over(&planes, true, [1, kernel], stride, padding);
            assert!(window.is_some());
            let Some(window) = window else { return };
            let (size, s, p) = (i64::from(size), i64::from(stride), i64::from(padding));
            let [_, count] = window.out;
            assert_eq!(i64::from(count), (size + 2 * p - i64::from(kernel)) / s + 1);
            for i in 0..count {
                let seen = window.columns(i);
                for k in 0..kernel {
                    let at = i64::from(i) * s - p + i64::from(k);
                    let within = (seen.first..seen.first + seen.len).contains(&k);
                    assert_eq!(within, (0..size).contains(&at), "output {i}, place {k}");
                    assert!(!within || i64::from(seen.start + k - seen.first) == at);
                }
            }
        }
    }
}
