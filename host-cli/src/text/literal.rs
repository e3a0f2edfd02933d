//! Numbers written out: a scalar, or nested lists of equal lengths.

use super::ast::{Document, Expr, ExprId, Span};
use super::report::Diagnostic;

/// One number as written, its sign apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Whether a `-` stands before it.
    pub negative: bool,
    /// The digits, or `inf` or `nan`.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A tensor written out, not yet read into a scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// Its dimensions; none for a scalar.
    pub shape: Vec<usize>,
    /// Its numbers, the last dimension fastest.
    pub figures: Vec<Figure>,
    /// Where.
    pub span: Span,
}

/// Why an expression is no literal, or no number of the scalar in use.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LiteralError {
    /// Something other than a number or a list.
    NotANumber(Span),
    /// Lists of different lengths side by side, or a number beside a list.
    Ragged {
        /// The list that differs from the first.
        span: Span,
        /// The shape of the first.
        first: Vec<usize>,
        /// The shape of this one.
        this: Vec<usize>,
    },
    /// A list without numbers.
    Empty(Span),
    /// A finite number too large for the scalar.
    TooLarge {
        /// Where.
        span: Span,
        /// The scalar's name.
        scalar: &'static str,
    },
}

impl LiteralError {
    /// The words for it.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            LiteralError::NotANumber(span) => {
                Diagnostic::new("expected a number or a list of numbers", *span, "not a number")
                    .help("write `-2`, `[1, 2, 3]` or `[[1, 2], [3, 4]]`")
            }
            LiteralError::Ragged { span, first, this } => Diagnostic::new(
                "the parts of a list differ in shape",
                *span,
                format!("{}, but the first is {}", shape_words(this), shape_words(first)),
            ),
            LiteralError::Empty(span) => Diagnostic::new("a list needs a number", *span, "empty"),
            LiteralError::TooLarge { span, scalar } => {
                let told =
                    Diagnostic::new(format!("this number is too large for {scalar}"), *span, "would become infinite");
                told.help(if *scalar == "f32" {
                    "write `inf` if that is meant, or use `--scalar f64`"
                } else {
                    "write `inf` if that is meant"
                })
            }
        }
    }
}

/// `a number` or `[2, 3]`, as people read shapes.
pub fn shape_words(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a scalar".into();
    }
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

/// A scalar that text is read into, rounded once.
pub trait Readable: chainrule::Scalar + std::str::FromStr {}

impl Readable for f32 {}
impl Readable for f64 {}

impl Figure {
    /// The number in the scalar in use.
    ///
    /// # Errors
    ///
    /// [`LiteralError::TooLarge`] when a finite number would become infinite.
    pub fn read<T: Readable>(&self) -> Result<T, LiteralError> {
        let number: T = self.text.parse().map_err(|_| LiteralError::NotANumber(self.span))?;
        if number.abs() == T::INFINITY && self.text != "inf" {
            return Err(LiteralError::TooLarge { span: self.span, scalar: T::NAME });
        }
        Ok(if self.negative { -number } else { number })
    }
}

impl Literal {
    /// The numbers in the scalar in use.
    ///
    /// # Errors
    ///
    /// As [`Figure::read`].
    pub fn read<T: Readable>(&self) -> Result<Vec<T>, LiteralError> {
        self.figures.iter().map(Figure::read).collect()
    }
}

impl Document {
    /// A number with its sign, when an expression is nothing but that.
    pub fn figure(&self, id: ExprId) -> Option<Figure> {
        let node = self.node(id);
        let (negative, digits) = match node.kind {
            Expr::Negate(of) => (true, &self.node(of).kind),
            ref kind => (false, kind),
        };
        match digits {
            Expr::Number(text) => Some(Figure { negative, text: text.clone(), span: node.span }),
            _ => None,
        }
    }

    /// The tensor that an expression writes out.
    ///
    /// # Errors
    ///
    /// [`LiteralError::NotANumber`], [`LiteralError::Ragged`],
    /// [`LiteralError::Empty`].
    pub fn literal(&self, id: ExprId) -> Result<Literal, LiteralError> {
        let span = self.span(id);
        if let Some(figure) = self.figure(id) {
            return Ok(Literal { shape: Vec::new(), figures: vec![figure], span });
        }
        let Expr::List(items) = &self.node(id).kind else {
            return Err(LiteralError::NotANumber(span));
        };
        // Lists nest no deeper than the parser allows, so this may recurse.
        let mut inner: Option<Vec<usize>> = None;
        let mut figures = Vec::new();
        for item in items {
            let part = self.literal(*item)?;
            match &inner {
                None => inner = Some(part.shape),
                Some(first) if *first != part.shape => {
                    return Err(LiteralError::Ragged { span: part.span, first: first.clone(), this: part.shape });
                }
                Some(_) => {}
            }
            figures.extend(part.figures);
        }
        let Some(inner) = inner else {
            return Err(LiteralError::Empty(span));
        };
        let mut shape = vec![items.len()];
        shape.extend(inner);
        Ok(Literal { shape, figures, span })
    }
}
