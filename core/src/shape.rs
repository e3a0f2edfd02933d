//! The shape of a wire: a scalar, or up to four dimensions in row-major order.

use core::fmt;

/// The dimensions of a wire, outermost first; a scalar has none.
///
/// ```
/// use chainrule::Shape;
/// assert_eq!(Shape::SCALAR.len(), 1);
/// assert_eq!(Shape::matrix(3, 5).len(), 15);
/// assert_eq!(Shape::new(&[2, 0]), None); // no empty dimension
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "link",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "[u16; 4]", into = "[u16; 4]")
)]
#[repr(C, align(4))] // Two words to copy, not four halves.
pub struct Shape([u16; 4]); // unused dimensions are 0

impl Shape {
    /// One number.
    pub const SCALAR: Shape = Shape([0; 4]);
    /// The greatest number of dimensions.
    pub const MAX_RANK: usize = 4;

    /// A shape from its dimensions: at most four, none of them zero, and not more than 2³¹
    /// elements in all.
    #[allow(clippy::indexing_slicing)] // i < dims.len() ≤ 4; const code has no iterators
    #[inline]
    pub const fn new(dims: &[u16]) -> Option<Shape> {
        let mut out = [0; 4];
        if dims.len() > Self::MAX_RANK {
            return None;
        }
        let mut i = 0;
        while i < dims.len() {
            out[i] = dims[i];
            i += 1;
        }
        let mut elements: u64 = 1;
        i = 0;
        while i < dims.len() {
            elements *= dims[i] as u64;
            if elements == 0 || elements > 1 << 31 {
                return None;
            }
            i += 1;
        }
        Some(Shape(out))
    }

    /// `[n]`. A length of zero is taken as one.
    #[inline]
    pub const fn vector(n: u16) -> Shape {
        Shape([if n == 0 { 1 } else { n }, 0, 0, 0])
    }

    /// `[rows, columns]`. A dimension of zero is taken as one.
    #[inline]
    pub const fn matrix(rows: u16, columns: u16) -> Shape {
        Shape([if rows == 0 { 1 } else { rows }, if columns == 0 { 1 } else { columns }, 0, 0])
    }

    /// The shape's four raw numbers, unused ones zero: its record in a circuit.
    #[inline]
    pub const fn to_raw(self) -> [u16; 4] {
        self.0
    }

    /// The shape of a record, if it is one (no zero before a used dimension).
    #[inline(never)]
    pub const fn from_raw(raw: [u16; 4]) -> Option<Shape> {
        let [a, b, c, d] = raw;
        let gap = (a == 0 && b != 0) || (b == 0 && c != 0) || (c == 0 && d != 0);
        let (product, rest) = (half(a, b), half(c, d));
        if gap || product as u64 * rest as u64 > 1 << 31 {
            return None;
        }
        Some(Shape(raw))
    }

    /// The number of dimensions, 0 for a scalar.
    #[inline(never)]
    pub const fn rank(&self) -> usize {
        let [a, b, c, d] = self.0;
        (a != 0) as usize + (b != 0) as usize + (c != 0) as usize + (d != 0) as usize
    }

    /// The number of elements, 1 for a scalar.
    #[allow(clippy::len_without_is_empty)] // no shape is empty
    #[inline(never)]
    pub const fn len(&self) -> usize {
        let [a, b, c, d] = self.0;
        half(a, b) as usize * half(c, d) as usize
    }

    /// Whether this is a scalar.
    #[inline]
    pub const fn is_scalar(self) -> bool {
        let [a, ..] = self.0;
        a == 0
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[u16] {
        self.0.get(..self.rank()).unwrap_or(&[])
    }

    /// The length of the innermost dimension, 1 for a scalar.
    #[inline(never)]
    pub const fn last(&self) -> usize {
        let [a, b, c, d] = self.0;
        let n = if d != 0 {
            d
        } else if c != 0 {
            c
        } else if b != 0 {
            b
        } else {
            a
        };
        at_least_one(n) as usize
    }

    /// The length of the outermost dimension, 1 for a scalar.
    #[inline]
    pub const fn first(self) -> usize {
        let [a, ..] = self.0;
        at_least_one(a) as usize
    }

    /// Equal in every dimension; `==` for code that runs at compile time.
    #[inline(never)]
    pub const fn same(&self, other: &Shape) -> bool {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = other.0;
        a == e && b == f && c == g && d == h
    }

    /// The shape without its outermost dimension.
    #[inline(never)]
    pub const fn inner(&self) -> Shape {
        let [_, b, c, d] = self.0;
        Shape([b, c, d, 0])
    }
}

#[inline]
const fn at_least_one(dim: u16) -> u32 {
    if dim == 0 { 1 } else { dim as u32 }
}

/// The elements of two dimensions.
#[inline]
const fn half(a: u16, b: u16) -> u32 {
    at_least_one(a) * at_least_one(b)
}

/// Four numbers that are no shape: a zero before a used dimension, or too many elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAShape;

impl fmt::Display for NotAShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these four numbers are not a shape")
    }
}

impl core::error::Error for NotAShape {}

impl TryFrom<[u16; 4]> for Shape {
    type Error = NotAShape;

    fn try_from(raw: [u16; 4]) -> Result<Shape, NotAShape> {
        Shape::from_raw(raw).ok_or(NotAShape)
    }
}

impl From<Shape> for [u16; 4] {
    fn from(shape: Shape) -> [u16; 4] {
        shape.to_raw()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, dim) in self.dims().iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{dim}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Shape {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[?]}", self.dims());
    }
}
